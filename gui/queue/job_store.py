"""The jobs of the queue as they were read, and as the engine's events have changed them since. GUI thread only."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

from engine.domain.jobs import BatchCounts, Job, JobState, Progress, QueueRow, Reason, repeated
from engine.services.queue import StateEvent, after, job_seconds
from gui.phrases import duration


class JobStore:
    """Knows what a job's row says; in which order the rows stand is the model's business.

    Attributes
    ----------
    jobs, read : dict
        By id: the job as it is now, and what was read with it.
    began : dict
        When those that run began, by the monotonic clock.
    last_id : int
        The highest id; 0 where there is none.
    """

    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.read: dict[int, QueueRow] = {}
        self.began: dict[int, float] = {}
        self.last_id = 0
        self._end = 0  # the position behind all jobs
        self._states: Counter[JobState] = Counter()
        self._chains: dict[int, dict[int, Job]] = {}  # the versions of those that have more than one, by id
        self._repeated: set[int] = set()
        self._steps: dict[int, Progress] = {}
        self._meanwhile: dict[int, StateEvent] | None = None  # None: nobody is reading

    def clear(self) -> None:
        """Forget every job; a reading goes on."""
        for kept in (self.jobs, self.read, self.began, self._states, self._chains, self._repeated, self._steps):
            kept.clear()
        self.last_id = self._end = 0

    # -- reading ------------------------------------------------------------------------------------------------

    @property
    def is_reading(self) -> bool:
        """Whether events are remembered, because what is being read is older."""
        return self._meanwhile is not None

    def begin_reading(self) -> None:
        self._meanwhile = {}

    def end_reading(self) -> None:
        self._meanwhile = None

    def newer(self, job: Job) -> Job:
        """What was read, or what is known where an event came in meanwhile."""
        event = (self._meanwhile or {}).get(job.id)
        if event is not None:
            known = self.jobs.get(job.id)
            return replace(known, priority=job.priority) if known is not None else after(job, event, job.position)
        if job.state is JobState.RUNNING and job.started_at is not None:
            seconds = (datetime.now(UTC) - job.started_at).total_seconds()
            self.began.setdefault(job.id, time.monotonic() - max(0.0, seconds))
        else:
            self.began.pop(job.id, None)
        return job

    def keep(self, job: Job, row: QueueRow | None = None) -> None:
        """Remember a job in place of the one before, and count it; with what was read, if it was."""
        if row is not None:
            self.read[job.id] = row
        old = self.jobs.get(job.id)
        if old is not None:
            self._states[old.state] -= 1
            self._leave_chain(old)
        self._states[job.state] += 1
        self.jobs[job.id] = job
        if job.chain is not None:
            self._chains.setdefault(job.chain, {})[job.id] = job
            self._look_for_repeated(job.chain)
        self._end = max(self._end, job.position + 1)
        self.last_id = max(self.last_id, job.id)

    def forget(self, job_id: int) -> None:
        """The job is not there any more."""
        job = self.jobs.pop(job_id)
        self._states[job.state] -= 1
        self._leave_chain(job)
        del self.read[job_id]
        self.began.pop(job_id, None)
        self._steps.pop(job_id, None)

    # -- versions -----------------------------------------------------------------------------------------------

    def counts(self) -> BatchCounts:
        """How many of all jobs are in each state."""
        again = len(self._repeated)
        numbers = {state.value: self._states[state] for state in JobState}
        return BatchCounts(**numbers | {JobState.FAILED.value: self._states[JobState.FAILED] - again}, repeated=again)

    def is_repeated(self, job: Job) -> bool:
        """Whether the job has failed, and a newer version stands in its place."""
        return job.id in self._repeated

    def repetition(self, job: Job) -> str:
        """What became of a job that failed, for the operator; empty where nothing did."""
        if not self.is_repeated(job) or job.chain is None:
            return ""
        newer = (other for other in self._chains[job.chain].values() if other.state is not JobState.CANCELLED)
        newest = max(newer, key=lambda other: other.version)
        is_drawn = newest.origin is not None and newest.origin.reason is Reason.MASK_EDITED
        return f"{'Drawn' if is_drawn else 'Queued'} again as version {newest.version}"

    def others(self, job: Job) -> list[int]:
        """The other versions of the job's result."""
        chain = self._chains.get(job.chain, {}) if job.chain is not None else {}
        return [job_id for job_id in chain if job_id != job.id]

    def _leave_chain(self, job: Job) -> None:
        self._repeated.discard(job.id)
        chain = self._chains.get(job.chain) if job.chain is not None else None
        if chain is not None and job.chain is not None:
            chain.pop(job.id, None)
            self._look_for_repeated(job.chain)

    def _look_for_repeated(self, chain: int) -> None:
        self._repeated -= self._chains[chain].keys()
        self._repeated |= repeated(self._chains[chain].values())

    # -- events -------------------------------------------------------------------------------------------------

    def has_advanced(self, step: Progress) -> bool:
        """Take over a step of a job; False where it does not run."""
        if step.job_id not in self.began:
            return False
        self._steps[step.job_id] = step
        return True

    def apply(self, event: StateEvent) -> Job | None:
        """The job as it is after the event; None where nobody knows it."""
        if self._meanwhile is not None:
            self._meanwhile[event.job_id] = event
        before = self.jobs.get(event.job_id)
        if before is None:
            return None
        job = after(before, event, self._end)
        self.keep(job)
        self._steps.pop(job.id, None)
        if job.state is JobState.RUNNING:
            self.began[job.id] = time.monotonic()
        else:
            self.began.pop(job.id, None)
        return job

    # -- what a row says ----------------------------------------------------------------------------------------

    def progress(self, job: Job) -> tuple[float | None, str]:
        """How far the job is, 0 to 1 while it runs, and what is to be said of it."""
        if job.state is JobState.FAILED and job.failure is not None:
            if self.is_repeated(job):
                return None, self.repetition(job)
            # The photograph's name stands in the row already.
            name, _, what = job.failure.message.partition(": ")
            is_own = name.endswith(self.read[job.id].name)
            return None, (what[:1].upper() + what[1:]) if what and is_own else job.failure.message
        if job.state is not JobState.RUNNING:
            return None, ""
        step = self._steps.get(job.id)
        if step is None:
            return 0.0, "Starting"
        return step.step / max(1, step.total), step.label[:1].upper() + step.label[1:]

    def time_text(self, job: Job) -> str:
        """How long it has run, or took."""
        if job.state is JobState.RUNNING:
            began = self.began.get(job.id)
            return duration(time.monotonic() - began) if began is not None else ""
        seconds = job_seconds(job) if job.state.is_final else None
        if seconds is None:
            return ""
        return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)
