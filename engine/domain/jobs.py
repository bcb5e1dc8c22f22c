"""Jobs, batches and the events a running job sends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from engine.domain.requests import Request
from engine.domain.results import JobOutcome


class JobState(StrEnum):
    """Where a job stands. A person's verdict is never a job state."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a job failed, in the operator's words.

    Attributes
    ----------
    message : str
        One sentence with the file's name.
    remedy : str
        What to do next.
    retryable : bool
        Whether trying again unchanged may help.
    detail : str
        A traceback where the fault is Chromask's own; empty otherwise.
    """

    message: str
    remedy: str
    retryable: bool
    detail: str = ""


class Reason(StrEnum):
    """Why there is another version of a result."""

    COLOR = "color"
    """Rejected for its colour."""
    MASK = "mask"
    """Rejected for its mask."""
    DRIFT = "drift"
    """Rejected because something sits beside where it belongs."""
    OTHER = "other"
    """Rejected for something else."""
    MASK_EDITED = "mask_edited"
    """A person corrected the mask."""
    EDITED = "edited"
    """A person asked for one more turn of an edit."""
    RETOUCHED = "retouched"
    """Pixels were painted over it in Photoshop."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a job is another version of. No part of its request: it changes no pixel.

    Attributes
    ----------
    supersedes : int
        The job whose result it was made from; of the same pair.
    author : str
        Who asked for it.
    """

    supersedes: int
    reason: Reason
    author: str


@dataclass(frozen=True, slots=True)
class Job:
    """One request for one pair.

    The versions of a result are a chain of jobs. A SUCCEEDED job of a higher version takes the place of the lower ones,
    which stay, with their verdicts and their files.

    Attributes
    ----------
    attempt : int
        How often a worker process was lost on this job or started it; 0 before the first claim.
    priority : int
        Higher runs first; 0 by default.
    position : int
        Order among equals; a job that lost its worker goes to the end.
    origin : Origin or None
        What it is another version of; None for a job that a batch brought.
    chain : int or None
        What all versions of one result have in common; None where there is but one.
    version : int
        Its place in the chain, from 1.
    """

    id: int
    batch_id: int
    pair_id: int
    request: Request
    state: JobState
    attempt: int
    priority: int
    position: int
    worker_id: str | None
    heartbeat_at: datetime | None
    failure: JobFailure | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    origin: Origin | None = None
    chain: int | None = None
    version: int = 1


def repeated(versions: Iterable[Job]) -> set[int]:
    """Ids of the failed jobs of one chain in whose place another one stands: a newer version that was not cancelled."""
    of_chain = list(versions)
    newest = max((job.version for job in of_chain if job.state is not JobState.CANCELLED), default=0)
    return {job.id for job in of_chain if job.state is JobState.FAILED and job.version < newest}


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A job with what the queue's table shows of its photograph.

    Attributes
    ----------
    sku, name, folder : str
        The pair's SKU, and where its on-model photograph lies.
    """

    job: Job
    sku: str
    name: str
    folder: str

    @property
    def path(self) -> Path:
        """The on-model photograph."""
        return Path(self.folder, self.name)


@dataclass(frozen=True, slots=True)
class Batch:
    """What was dropped together and runs under one plan."""

    id: int
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """How many jobs of a batch are in each state.

    Attributes
    ----------
    failed : int
        Failures that still stand.
    repeated : int
        Failed jobs in whose place a newer version stands, such as one under a drawn mask (`repeated`).
    """

    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    repeated: int = 0

    @property
    def total(self) -> int:
        return self.queued + self.running + self.finished

    @property
    def finished(self) -> int:
        return self.succeeded + self.failed + self.cancelled + self.repeated


@dataclass(frozen=True, slots=True)
class Queued:
    """The operator has the job tried again."""

    job_id: int


@dataclass(frozen=True, slots=True)
class Started:
    """A worker began the job."""

    job_id: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The job finished ``step`` of ``total`` steps; ``label`` names the step that comes next."""

    job_id: int
    step: int
    total: int
    label: str


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The job is done and committed."""

    job_id: int
    outcome: JobOutcome


@dataclass(frozen=True, slots=True)
class Failed:
    """The job is given up."""

    job_id: int
    failure: JobFailure


@dataclass(frozen=True, slots=True)
class CancelledJob:
    """The job was cancelled by the operator."""

    job_id: int


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """The worker process died on the job; it is queued again."""

    job_id: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is left to claim and nothing runs."""


@dataclass(frozen=True, slots=True)
class EngineStopped:
    """The engine thread has ended on an error: until Chromask is started again, nothing that is queued runs.

    Attributes
    ----------
    what : str
        One clause that says what happened.
    remedy : str
        What the operator does next.
    """

    what: str
    remedy: str


JobEvent = Queued | Started | Progress | Succeeded | Failed | CancelledJob | WorkerLost | Idle | EngineStopped
