"""The engine thread: claims jobs from the catalog and runs them in supervised worker processes."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from engine.dispatch.slots import Slot, Slots
from engine.dispatch.worker_process import WorkerExited, WorkerMessage
from engine.domain.errors import KnownError, printable_path
from engine.domain.jobs import (
    CancelledJob,
    EngineStopped,
    Failed,
    Idle,
    Job,
    JobEvent,
    JobFailure,
    Progress,
    Queued,
    Started,
    Succeeded,
    WorkerLost,
)
from engine.ports import Catalog
from engine.worker.protocol import CancelJob, CardMemory, Heartbeat, Ready, RunJob

MAX_ATTEMPTS = 3
"""A picture that killed its worker this often is given up, so that it cannot stop a batch."""

SILENCE_LIMIT = 120.0
"""Seconds without a sign of life after which a worker is killed. Importing torch holds the GIL for up to 20 s."""

CANCEL_LIMIT = 10.0
"""Seconds a worker has to stop a cancelled job by itself before it is killed."""

_LEASE_RENEWAL = 5.0  # seconds between heartbeats written to the catalog; one small transaction each
_TICK = 0.25  # seconds between looks at the clock while nothing happens

Listener = Callable[[JobEvent], None]
"""Called on the engine thread; must return quickly and must not raise."""

_log = logging.getLogger(__name__)


class Dispatcher:
    """Runs the queue. Public methods may be called from any thread.

    Parameters
    ----------
    catalog : Catalog
        Where jobs are claimed and outcomes committed.
    worker_command : sequence of str
        Starts a worker process that speaks `engine.worker.protocol` on its standard streams.
    workers : int
        Worker processes at the same time, see `suggested_workers`; which of them take what, see `Slots`.
    prepare : callable, optional
        ``prepare(is_over)`` runs on the engine thread before its first job, and ends early when ``is_over()`` is true.
    """

    def __init__(
        self,
        catalog: Catalog,
        worker_command: Sequence[str],
        *,
        workers: int = 1,
        silence_limit: float = SILENCE_LIMIT,
        prepare: Callable[[Callable[[], bool]], None] | None = None,
    ) -> None:
        self._catalog = catalog
        self._slots = Slots(worker_command, self._deliver, workers)
        self._silence_limit = silence_limit
        self._listeners: list[Listener] = []
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._paused = threading.Event()
        self._prepare = prepare
        self._ending = threading.Event()
        self._stopping = False
        self._was_idle = False
        self._thread = threading.Thread(target=self._run, name="chromask-engine")
        self._idle = threading.Event()
        self._idling = threading.Lock()  # nothing is posted between a look at the inbox and what is said of it
        self._error: EngineStopped | None = None

    # -- any thread ---------------------------------------------------------------------------------------------

    def subscribe(self, listener: Listener) -> None:
        """Have ``listener`` called with every event; subscribe before `start`."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Begin; jobs that a killed application left running go back into the queue first."""
        self._thread.start()

    def wake(self) -> None:
        """Look for new jobs now."""
        self._post(lambda: None)

    def pause(self) -> None:
        """Claim no further jobs; what runs is finished."""
        self._paused.set()

    def resume(self) -> None:
        """Claim jobs again."""
        self._paused.clear()
        self.wake()

    def cancel(self, job_ids: Sequence[int]) -> None:
        """Cancel queued and running jobs."""
        self._post(partial(self._cancel, tuple(job_ids)))

    def retry(self, job_ids: Sequence[int]) -> None:
        """Queue failed and cancelled jobs again."""
        self._post(partial(self._retry, tuple(job_ids)))

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Wait until nothing is queued and nothing runs; False when the time is up."""
        return self._idle.wait(timeout)

    def stop(self) -> None:
        """Put running jobs back into the queue, end the workers and the thread; returns when all are gone."""
        self._ending.set()
        self._post(self._stop)
        if self._thread.is_alive():
            self._thread.join()

    @property
    def card_memory(self) -> CardMemory | None:
        """The graphics card's memory as the worker that uses it said within the last second or so; None: none does."""
        return self._slots.card_memory

    @property
    def workers(self) -> int:
        """How many worker processes may be on a job at once."""
        return self._slots.most

    def use_workers(self, count: int) -> None:
        """Have so many jobs run at once from now on; those that run are finished. Any thread."""
        self._slots.most = count
        if self.is_running:
            self.wake()

    @property
    def is_running(self) -> bool:
        """Whether the engine thread works."""
        return self._thread.is_alive() and self._error is None

    def require_running(self) -> None:
        """For whoever waits for jobs: see that they are worked on.

        Raises
        ------
        KnownError
            The engine thread has ended on an error; says on which.
        """
        if self._error is not None:
            raise KnownError(self._error.what, remedy=self._error.remedy)

    # -- the engine thread --------------------------------------------------------------------------------------

    def _post(self, action: Callable[[], None]) -> None:
        with self._idling:
            self._idle.clear()
            self._inbox.put(partial(self._look_again, action))

    def _run(self) -> None:
        try:
            recovered = self._catalog.recover(datetime.now(UTC))
            if recovered:
                self._catalog.log("recovered", f"{len(recovered)} unfinished jobs went back into the queue")
            if self._prepare is not None:
                self._prepare(self._ending.is_set)
            while not self._stopping:
                self._fill_slots()
                with contextlib.suppress(queue.Empty):
                    self._inbox.get(timeout=_TICK)()
                self._watch_the_clock()
        except KnownError as error:  # of the catalog: its disk is full, or gone
            self._end_on(error)
        except Exception as error:
            self._end_on(error)
            raise
        finally:
            for slot in self._slots:
                slot.process.kill()
            self._idle.set()

    def _end_on(self, error: Exception) -> None:
        """Tell it: a dead engine thread must be seen, never silently idle."""
        self._error = _stopped_by(error)
        _log.error("%s", self._error.what, exc_info=not isinstance(error, KnownError))
        self._emit(self._error)
        with contextlib.suppress(KnownError):  # the catalog may be what refuses
            self._catalog.log("engine stopped", self._error.what)

    def _look_again(self, action: Callable[[], None]) -> None:
        self._slots.look_again()
        action()

    def _fill_slots(self) -> None:
        if self._paused.is_set() or self._stopping:
            return
        while (worker_id := self._slots.free_worker()) is not None:
            takes_all = self._slots.may_use_networks(worker_id)
            job = self._catalog.claim(worker_id, datetime.now(UTC), without_networks=not takes_all)
            if job is None:
                self._slots.found_nothing(worker_id)
                if takes_all:
                    self._notice_idleness()
                break
            try:
                slot = self._slots.begin(worker_id, job)
            except OSError as error:  # no memory for another process, or the program was moved
                self._on_lost(worker_id, job, str(error))
                break  # the next try at the next tick
            self._begin(slot, job)

    def _deliver(self, worker_id: str, message: WorkerMessage) -> None:
        """Called on a worker's reader thread."""
        self._inbox.put(partial(self._on_message, worker_id, message))

    def _begin(self, slot: Slot, job: Job) -> None:
        self._was_idle = False
        self._idle.clear()
        self._emit(Started(job.id, job.attempt))
        slot.process.send(RunJob(job.id, self._catalog.pair(job.pair_id), job.request))

    def _on_message(self, worker_id: str, message: WorkerMessage) -> None:
        slot = self._slots.get(worker_id)
        if slot is None:
            return
        slot.last_sign = time.monotonic()
        slot.is_up = slot.is_up or not isinstance(message, WorkerExited)
        job, now = slot.job, datetime.now(UTC)
        match message:
            case WorkerExited():
                self._on_exit(slot, message)
            case Heartbeat():
                slot.card = message.card
            case Ready() | Started():
                pass
            case _ if job is None or message.job_id != job.id:
                _log.warning("%s reported on a job that it no longer has: %r", worker_id, message)
            case Progress():
                self._emit(message)
            case Succeeded():
                slot.job = None
                self._emit_if(self._catalog.succeed(job.id, worker_id, message.outcome, now), message)
            case Failed():
                slot.job = None
                self._emit_if(self._catalog.fail(job.id, worker_id, message.failure, now), message)
            case CancelledJob():
                slot.job = None
                self._emit(message)

    def _on_exit(self, slot: Slot, exit: WorkerExited) -> None:
        self._slots.remove(slot)
        job = slot.job
        if job is None:
            return
        if slot.cancelled_at is not None:
            self._emit(CancelledJob(job.id))
            return
        self._on_lost(slot.worker_id, job, exit.describe(), exit.last_words, was_up=slot.is_up)

    def _on_lost(self, worker_id: str, job: Job, why: str, last_words: str = "", *, was_up: bool = False) -> None:
        """Try a job again whose worker process is gone, or never was; or give it up."""
        self._catalog.log("worker lost", f"{why} on job {job.id}, attempt {job.attempt}", job.id)
        if job.attempt < MAX_ATTEMPTS:
            is_queued = self._catalog.release(job.id, worker_id, count_attempt=True)
            self._emit_if(is_queued, WorkerLost(job.id, job.attempt))
            return
        failure = self._given_up(job, why, last_words, was_up=was_up)
        self._emit_if(self._catalog.fail(job.id, worker_id, failure, datetime.now(UTC)), Failed(job.id, failure))

    def _given_up(self, job: Job, why: str, last_words: str, *, was_up: bool) -> JobFailure:
        photo = self._catalog.pair(job.pair_id).on_model.path
        what, remedy = (
            (
                f"the worker process died on it {job.attempt} times ({why})",
                "Open the picture in another program and save it again, or leave it out; then retry.",
            )
            if was_up
            else (
                f"no worker process could be started for it ({why})",
                "Run 'chromask doctor' to see what is missing; then retry.",
            )
        )
        return JobFailure(f"{printable_path(photo)}: {what}", remedy, retryable=True, detail=last_words)

    def _watch_the_clock(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.job is None:
                continue
            if slot.cancelled_at is not None and now - slot.cancelled_at > CANCEL_LIMIT:
                slot.process.kill()
            elif now - slot.last_sign > self._silence_limit:
                _log.error("%s gave no sign of life for %.0f s and is killed", slot.worker_id, now - slot.last_sign)
                slot.process.kill()
            elif now - slot.last_lease > _LEASE_RENEWAL:
                slot.last_lease = now
                if not self._catalog.heartbeat(slot.job.id, slot.worker_id, datetime.now(UTC)):
                    self._ask_to_cancel(slot)

    def _notice_idleness(self) -> None:
        """Nothing is queued."""
        if not self._slots.is_idle:
            return
        if not self._was_idle:
            self._was_idle = True
            self._emit(Idle())
        with self._idling:
            if self._inbox.empty():
                self._idle.set()

    def _cancel(self, job_ids: tuple[int, ...]) -> None:
        running = {slot.job.id: slot for slot in self._slots if slot.job}
        for job_id in self._catalog.cancel(job_ids):
            if job_id in running:
                self._ask_to_cancel(running[job_id])
            else:
                self._emit(CancelledJob(job_id))

    def _ask_to_cancel(self, slot: Slot) -> None:
        if slot.cancelled_at is None and slot.job is not None:
            slot.cancelled_at = time.monotonic()
            slot.process.send(CancelJob(slot.job.id))

    def _retry(self, job_ids: tuple[int, ...]) -> None:
        for job_id in self._catalog.retry(job_ids):
            self._emit(Queued(job_id))
        self._was_idle = False

    def _stop(self) -> None:
        self._stopping = True
        for slot in self._slots:
            if slot.job is not None:
                self._catalog.release(slot.job.id, slot.worker_id, count_attempt=False)

    def _emit_if(self, is_noted: bool, event: Succeeded | Failed | WorkerLost) -> None:
        """What became of a job whose lease the catalog took back meanwhile: it was cancelled there."""
        self._emit(event if is_noted else CancelledJob(event.job_id))

    def _emit(self, event: JobEvent) -> None:
        for listener in self._listeners:
            listener(event)


def _stopped_by(error: Exception) -> EngineStopped:
    again = "Then start Chromask again: it goes on where it stopped."
    if isinstance(error, KnownError):
        where = f"{printable_path(error.path)}: " if error.path is not None else ""
        return EngineStopped(f"the engine stopped: {where}{error.what}", f"{error.remedy} {again}")
    what = f"the engine stopped on a fault inside Chromask ({type(error).__name__}: {error})"
    return EngineStopped(
        what, "Start Chromask again: it goes on where it stopped. If it happens twice, send support the log."
    )


def suggested_workers(cores: int) -> int:
    """How many worker processes suit the machine: one for every two cores, four at most.

    OpenCV's GrabCut and guided filters use about one and a half cores of one process; more than four workers are
    limited by the memory for 48-megapixel pictures (about 2 GB each).
    """
    return max(1, min(4, cores // 2))
