"""Jobs that need networks run in one process at a time, whatever runs beside them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.dispatch.dispatcher import Dispatcher, suggested_workers
from engine.domain.jobs import Job, JobEvent, JobState, Started, Succeeded
from engine.domain.requests import (
    ColorMatchRequest,
    DetectionSettings,
    DiffusionSettings,
    EditRequest,
    EditTurn,
    EngineName,
    InputFile,
    MaskRequest,
    Request,
    uses_networks,
)
from engine.ports import Catalog
from engine.services.intake import hashed_pairs, scan
from storage.location import SqliteLocation

PROJECT = Path(__file__).resolve().parents[2]
# A prompt that looks like a plain request, and a garment's name that looks like a network's.
SETTINGS = DiffusionSettings("model", '"engine":"classical"', None)
PLAIN = MaskRequest(EngineName.CLASSICAL, garment='"engine":"kontext"')
DREAMED = MaskRequest(EngineName.KONTEXT, "hat", diffusion=SETTINGS)
DETECTED = MaskRequest(EngineName.GROUNDED, detection=DetectionSettings("d", "s", ()))
EDIT = EditRequest(EngineName.KONTEXT, (EditTurn(InputFile(Path("m.png"), "00"), None, SETTINGS),))


def pair_ids(catalog: Catalog, folder: Path, *names: str) -> list[int]:
    for index, name in enumerate(names):
        noise = np.random.default_rng(index).integers(0, 9, (64, 48, 3), np.uint8)
        Image.fromarray(np.full((64, 48, 3), 120, np.uint8) + noise).save(folder / f"{name}_model.png")
        flat = np.full((64, 48, 3), 240, np.uint8) + noise
        flat[12:-12, 10:-10] = (160, 60, 60)
        Image.fromarray(flat).save(folder / f"{name}_flat.png")
    ready, _ = hashed_pairs(scan([folder]).pairs)
    return [pair.id for pair in sorted(catalog.add_pairs(ready), key=lambda pair: pair.sku)]


@pytest.mark.parametrize(
    ("request_", "networks"),
    [
        (PLAIN, False),
        (DREAMED, True),
        (DETECTED, True),
        (EDIT, True),
        (ColorMatchRequest(EngineName.CLASSICAL, PLAIN), False),
        (ColorMatchRequest(EngineName.CLASSICAL, DETECTED), True),
        (ColorMatchRequest(EngineName.KONTEXT, PLAIN, diffusion=SETTINGS), True),
    ],
    ids=["mask", "dreamed", "detected", "edit", "match", "match-detected", "match-guided"],
)
def test_a_claim_without_networks_passes_over_what_needs_them(tmp_path, request_: Request, networks: bool) -> None:
    assert uses_networks(request_) is networks
    with SqliteLocation().open(tmp_path / "c.db") as (catalog, _):
        (pair_id,) = pair_ids(catalog, tmp_path, "a")
        batch = catalog.create_batch("b").id
        job, after = catalog.add_jobs(batch, [(pair_id, request_), (pair_id, MaskRequest(EngineName.CLASSICAL))])
        first = catalog.claim("w", datetime.now(UTC), without_networks=True)
        assert first is not None
        assert first.id == (after.id if networks else job.id)
        rest = [catalog.claim("w", datetime.now(UTC), without_networks=networks) for _ in range(2)]
        assert [found.id if found else None for found in rest] == ([None, None] if networks else [after.id, None])
        assert networks is (catalog.claim("w", datetime.now(UTC)) is not None)


def test_jobs_with_networks_share_one_process_and_others_run_beside_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    with SqliteLocation().open(tmp_path / "c.db") as (catalog, _):
        slow, dreamed, plain, other = pair_ids(catalog, tmp_path, "a1slow", "b2good", "c3good", "d4good")
        wanted: list[tuple[int, Request]] = [(slow, DREAMED), (dreamed, DREAMED), (dreamed, EDIT)]
        wanted += [(plain, MaskRequest(EngineName.CLASSICAL)), (other, MaskRequest(EngineName.CLASSICAL))]
        jobs = catalog.add_jobs(catalog.create_batch("b").id, wanted)
        events: list[JobEvent] = []
        workers: dict[int, str | None] = {}

        def hear(event: JobEvent) -> None:
            events.append(event)
            if isinstance(event, Started):
                workers[event.job_id] = catalog.job(event.job_id).worker_id

        dispatcher = Dispatcher(
            catalog, [sys.executable, str(PROJECT / "tests/scripted_worker.py"), str(tmp_path / "c.db")], workers=3
        )
        dispatcher.subscribe(hear)
        dispatcher.start()
        try:
            wait_for(lambda: done(events) >= {jobs[3].id, jobs[4].id})
            # A worker is free, and two jobs wait all the same: they need the networks of the one that is busy.
            time.sleep(0.6)
            assert states(catalog, jobs[:3]) == [JobState.RUNNING, JobState.QUEUED, JobState.QUEUED]
            dispatcher.cancel([jobs[0].id])
            # The edit fails, since its mask is nowhere; it ran in the right process all the same.
            assert dispatcher.wait_idle(300)
        finally:
            dispatcher.stop()
        assert states(catalog, jobs[:3]) == [JobState.CANCELLED, JobState.SUCCEEDED, JobState.FAILED]
        assert len({workers[job.id] for job in jobs[:3]}) == 1
        assert workers[jobs[0].id] not in {workers[jobs[3].id], workers[jobs[4].id]}


def test_workers_follow_the_cores() -> None:
    assert [suggested_workers(cores) for cores in (1, 2, 4, 8, 64)] == [1, 1, 2, 4, 4]


def done(events: list[JobEvent]) -> set[int]:
    return {event.job_id for event in events if isinstance(event, Succeeded)}


def states(catalog: Catalog, jobs: list[Job]) -> list[JobState]:
    return [catalog.job(job.id).state for job in jobs]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
