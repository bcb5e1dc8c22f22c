"""Puts pairs into the queue as jobs, and says how far a batch is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.domain.jobs import Batch, BatchCounts, Job, JobState
from engine.domain.requests import Request
from engine.ports import Catalog
from engine.services.articles import other_views
from engine.services.intake import Advance, hashed_pairs
from engine.services.pairing import IntakeProblem, ProposedPair
from engine.services.plan import BatchPlan, EngineChoice, choose_detection, choose_engine, requests_for, tolerances_of


@dataclass(frozen=True, slots=True)
class Submission:
    """What came of putting pairs into the queue.

    Attributes
    ----------
    jobs : tuple of Job
        New ones and ones that were known before, which keep their state.
    problems : tuple of IntakeProblem
        Pairs that could not be hashed.
    engine : EngineChoice
        What the jobs run on, with the notice for the operator.
    """

    batch: Batch
    jobs: tuple[Job, ...]
    problems: tuple[IntakeProblem, ...]
    engine: EngineChoice


def submit(
    catalog: Catalog,
    name: str,
    pairs: Sequence[ProposedPair],
    plan: BatchPlan,
    advance: Advance | None = None,
) -> Submission:
    """Hash the pairs' files and insert their jobs as one batch.

    May be called from any thread but the window's: hashing takes time.

    Raises
    ------
    KnownError
        The engine of the plan is not available, or the plan asks it for something it cannot do.
    """
    engine = replace(choose_engine(plan.engine, plan.model), detection=choose_detection(plan.mask_source))
    plan = replace(plan, tolerances=tolerances_of(plan))  # read once, not for every pair
    ready, problems = hashed_pairs(pairs, advance)
    known = catalog.add_pairs(ready)
    views = other_views(known)
    wanted: list[tuple[int, Request]] = [
        (pair.id, request) for pair in known for request in requests_for(pair, plan, engine, views[pair.id])
    ]
    batch = catalog.create_batch(name)
    jobs = catalog.add_jobs(batch.id, wanted, plan.priority)
    catalog.log("batch", f"{name}: {len(jobs)} jobs from {len(known)} pairs on the {engine.name} engine")
    return Submission(batch, tuple(jobs), tuple(problems), engine)


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a batch is and how long it will still take.

    Attributes
    ----------
    elapsed, remaining : float
        Seconds; ``remaining`` is None until the first job of this run has finished.
    """

    counts: BatchCounts
    elapsed: float
    remaining: float | None


class ProgressClock:
    """Estimates the remaining time of a batch from the jobs finished since it was started. One thread only."""

    def __init__(self, counts: BatchCounts, now: float) -> None:
        self._finished_before = counts.finished
        self._since = now

    def measure(self, counts: BatchCounts, now: float) -> BatchProgress:
        """Progress at monotonic time ``now`` in seconds."""
        elapsed = now - self._since
        finished = counts.finished - self._finished_before
        left = counts.total - counts.finished
        remaining = elapsed / finished * left if finished > 0 else None
        return BatchProgress(counts, elapsed, 0.0 if left == 0 else remaining)


def job_seconds(job: Job) -> float | None:
    """How long a finished job took, in seconds."""
    if job.started_at is None or job.finished_at is None:
        return None
    return (job.finished_at - job.started_at).total_seconds()


def batch_name(first_folder: str, at: datetime) -> str:
    """A batch's default name: the folder that was dropped and when."""
    return f"{first_folder or 'pictures'} {at:%Y-%m-%d %H:%M:%S}"


UNFINISHED = (JobState.QUEUED, JobState.RUNNING)
