"""Every implementation of `engine.ports.Catalog`, and jobs for it to hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from engine.domain.jobs import Job
from engine.domain.requests import Request
from engine.domain.results import JobOutcome
from engine.ports import Catalog, CatalogLocation
from storage.location import SqliteLocation
from tests.contract.factories import (
    NOON,
    mask_request,
    new_pair,
)

PROJECT = Path(__file__).resolve().parents[2]
LOCATIONS: dict[str, Callable[[], CatalogLocation]] = {"sqlite": SqliteLocation}


def fill(catalog: Catalog, number: int, request: Request | None = None, priority: int = 0) -> list[Job]:
    """A batch of that many jobs for new pairs."""
    batch = catalog.create_batch("filled")
    pairs = catalog.add_pairs([new_pair(batch.id * 100_000 + i) for i in range(number)])
    return catalog.add_jobs(batch.id, [(pair.id, request or mask_request()) for pair in pairs], priority)


def claimed(catalog: Catalog, worker_id: str = "w1", now: datetime = NOON) -> Job:
    job = catalog.claim(worker_id, now)
    assert job is not None
    return job


def succeeded(catalog: Catalog, outcome: JobOutcome, now: datetime = NOON) -> Job:
    job = claimed(catalog, now=now)
    assert catalog.succeed(job.id, "w1", outcome, now)
    return catalog.job(job.id)
