"""Puts pairs into the queue as jobs, and says how far a batch is."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from engine.domain.jobs import (
    Batch,
    BatchCounts,
    CancelledJob,
    Failed,
    Job,
    JobState,
    Queued,
    Started,
    Succeeded,
    WorkerLost,
)
from engine.domain.requests import Request
from engine.ports import Catalog
from engine.services.articles import other_views
from engine.services.corrections import with_corrections
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
    *,
    joins: bool = False,
) -> Submission:
    """Hash the pairs' files and insert their jobs as one batch.

    May be called from any thread but the window's: hashing takes time.

    Parameters
    ----------
    joins : bool
        True adds the jobs to the newest batch of that name, where there is one.

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
    batch = next((b for b in catalog.batches() if b.name == name), None) if joins else None
    batch = batch or catalog.create_batch(name)
    jobs = catalog.add_jobs(batch.id, with_corrections(catalog, wanted), plan.priority)
    catalog.log("batch", f"{name}: {len(jobs)} jobs from {len(known)} pairs on the {engine.name} engine")
    return Submission(batch, tuple(jobs), tuple(problems), engine)


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a batch is, how fast it goes, and how long it will still take.

    Attributes
    ----------
    elapsed : float
        Seconds of work so far; pauses do not count.
    per_minute, remaining : float or None
        Jobs a minute, and seconds; None until the first job of this run has finished.
    """

    counts: BatchCounts
    elapsed: float
    per_minute: float | None
    remaining: float | None


_WINDOW = 300.0
"""Seconds of work that a batch's speed is measured over: a minute swings with single pictures, and a mean over hours
does not notice that the large ones have begun."""

_FEWEST = 5
"""Finishes that are kept at least, for jobs that take minutes each."""


class ProgressClock:
    """Measures a batch by the jobs that finished lately. One thread only."""

    def __init__(self, counts: BatchCounts, now: float) -> None:
        self._worked, self._now = 0.0, now
        self._finishes = deque([(0.0, counts.finished)])

    def measure(self, counts: BatchCounts, now: float, *, is_working: bool = True) -> BatchProgress:
        """Progress at monotonic time ``now`` in seconds.

        Parameters
        ----------
        is_working : bool
            Whether any job ran since the last call: time in which the queue is paused is not counted.
        """
        self._worked += now - self._now if is_working else 0.0
        self._now = now
        if counts.finished != self._finishes[-1][1]:
            self._finishes.append((self._worked, counts.finished))
        while len(self._finishes) > _FEWEST and self._finishes[1][0] < self._worked - _WINDOW:
            self._finishes.popleft()
        since, before = self._finishes[0]
        finished, seconds = counts.finished - before, self._worked - since
        per_minute = 60 * finished / seconds if finished > 0 and seconds > 0 else None
        left = counts.total - counts.finished
        remaining = 60 * left / per_minute if per_minute is not None else None
        return BatchProgress(counts, self._worked, per_minute, 0.0 if left == 0 else remaining)


StateEvent = Queued | Started | Succeeded | Failed | CancelledJob | WorkerLost
"""Events after which a job is in another state."""


def after(job: Job, event: StateEvent, end: int) -> Job:
    """The job after an event, as the catalog has it by then but for fractions of a second.

    Parameters
    ----------
    end : int
        The position behind every other job, where a job goes that is queued again.
    """
    now = datetime.now(UTC)
    match event:
        case Queued():
            again = replace(job, state=JobState.QUEUED, attempt=0, failure=None, position=end)
            return replace(again, started_at=None, finished_at=None)
        case Started():
            return replace(job, state=JobState.RUNNING, attempt=event.attempt, started_at=now, failure=None)
        case Succeeded():
            return replace(job, state=JobState.SUCCEEDED, finished_at=now)
        case Failed():
            return replace(job, state=JobState.FAILED, finished_at=now, failure=event.failure)
        case CancelledJob():
            return replace(job, state=JobState.CANCELLED, finished_at=now)
        case WorkerLost():
            return replace(job, state=JobState.QUEUED, started_at=None, position=end)


def job_seconds(job: Job) -> float | None:
    """How long a finished job took, in seconds."""
    if job.started_at is None or job.finished_at is None:
        return None
    return (job.finished_at - job.started_at).total_seconds()


def batch_name(first_folder: str, at: datetime) -> str:
    """A batch's default name: the folder that was dropped and when."""
    return f"{first_folder or 'pictures'} {at:%Y-%m-%d %H:%M:%S}"
