"""A part of the catalog: batches and jobs, which say what is to be done, in which order, and by whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from engine.domain.jobs import Batch, BatchCounts, Job, JobFailure, JobState, Origin, QueueRow
from engine.domain.requests import Request
from engine.domain.results import JobOutcome


class JobQueue(Protocol):
    """Batches and jobs: what is to be done, in which order, and by whom.

    A part of `engine.ports.Catalog`, whose rules hold.
    """

    def create_batch(self, name: str) -> Batch:
        """A new, empty batch; names need not be unique."""
        ...

    def batches(self) -> list[Batch]:
        """Newest first."""
        ...

    def add_jobs(
        self,
        batch_id: int,
        jobs: Sequence[tuple[int, Request]],
        priority: int = 0,
        origins: Sequence[Origin] = (),
    ) -> list[Job]:
        """Insert one job per (pair id, request), in order. A pair whose very request (same `request_hash`) is known
        gets its existing job back, moved to this batch with all its versions, whatever its state: finished work is not
        done twice.

        Parameters
        ----------
        origins : sequence of Origin
            Empty, or one for each job, which becomes the newest version of the chain of ``supersedes`` and stays in
            that chain's batch. A known job does so as well, with the new origin and at least this priority: asking for
            what there was before brings it back. Is it of another chain, that whole chain comes along, before it.
        """
        ...

    def jobs(
        self,
        batch_id: int | None = None,
        states: Iterable[JobState] | None = None,
        after_id: int = 0,
        limit: int = 1000,
    ) -> list[Job]:
        """Jobs in id order, paged by key (``id > after_id``)."""
        ...

    def queue_rows(self, batch_id: int | None = None, after_id: int = 0, limit: int = 1000) -> list[QueueRow]:
        """What the queue's table shows of every job, in id order, paged by key (``id > after_id``)."""
        ...

    def job(self, job_id: int) -> Job: ...

    def counts(self, batch_id: int | None = None) -> BatchCounts: ...

    def claim(self, worker_id: str, now: datetime, *, without_networks: bool = False) -> Job | None:
        """Take the next queued job (highest priority, lowest position, lowest id): RUNNING, ``attempt + 1``,
        heartbeat ``now``. None when nothing is queued. Two claimants never get the same job.

        ``without_networks`` passes over the jobs that `engine.domain.requests.uses_networks` says need model weights.
        """
        ...

    def heartbeat(self, job_id: int, worker_id: str, now: datetime) -> bool:
        """Renew the lease; False when the job is no longer this worker's."""
        ...

    def succeed(self, job_id: int, worker_id: str, outcome: JobOutcome, now: datetime) -> bool:
        """Commit masks, result, ΔE reports and the SUCCEEDED state in one transaction; False (and nothing written)
        when the job is no longer this worker's.
        """
        ...

    def fail(self, job_id: int, worker_id: str, failure: JobFailure, now: datetime) -> bool:
        """RUNNING -> FAILED; False when the job is no longer this worker's."""
        ...

    def release(self, job_id: int, worker_id: str, *, count_attempt: bool) -> bool:
        """RUNNING -> QUEUED at the end of its priority. ``count_attempt=False`` takes the claim's attempt back (the
        application stopped; the picture is not to blame).
        """
        ...

    def recover(self, lost_before: datetime) -> list[int]:
        """RUNNING jobs whose heartbeat is older go back to QUEUED, their attempt not counted; their ids."""
        ...

    def cancel(self, job_ids: Sequence[int]) -> list[int]:
        """QUEUED or RUNNING -> CANCELLED; the ids that changed."""
        ...

    def retry(self, job_ids: Sequence[int]) -> list[int]:
        """FAILED or CANCELLED -> QUEUED with attempt 0 and no failure; the ids that changed."""
        ...

    def set_priority(self, job_ids: Sequence[int], priority: int) -> None:
        """Only queued jobs feel it."""
        ...

    def reorder(self, job_ids: Sequence[int], before: int | None) -> dict[int, tuple[int, int]]:
        """Have queued jobs run in the order given, directly before another one and in its priority.

        None has them run after all others. Jobs that are no longer queued stay where they are, and one that left the
        queue itself still marks the place.

        Returns
        -------
        dict
            Job id -> (priority, position) of every job that now has another place.
        """
        ...
