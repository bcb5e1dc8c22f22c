"""Runs what is queued in a catalog, with a progress bar, until it is done or the operator interrupts it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from engine.cli.composition import Composition
from engine.cli.console import progress_bar, say
from engine.dispatch.session import Session
from engine.domain.jobs import BatchCounts, Failed, JobEvent, Progress, Succeeded, WorkerLost


def work_off(composition: Composition, session: Session, counted: Callable[[], BatchCounts], *, quiet: bool) -> bool:
    """Start the engine and wait until every job that is counted is finished; True when the operator interrupted it.

    Parameters
    ----------
    counted : callable
        How many of the jobs that are waited for are in each state now.

    Raises
    ------
    KnownError
        The engine thread ended on an error; says on which.
    """
    changed = threading.Event()
    watcher = _Watcher(changed)
    dispatcher = session.dispatcher(composition.worker_command)
    dispatcher.subscribe(watcher)
    began, before = time.monotonic(), counted()
    dispatcher.start()
    try:
        with progress_bar("Working", quiet=quiet) as advance:
            while True:
                counts = counted()
                advance(counts.finished - before.finished, counts.total - before.finished, watcher.label)
                if counts.finished == counts.total:
                    break
                dispatcher.require_running()
                changed.wait(0.5)
                changed.clear()
    except KeyboardInterrupt:
        say("Stopping. Nothing is lost: the same command goes on where it stopped.")
        return True
    finally:
        dispatcher.stop()
    counts = counted()
    say(
        f"{counts.succeeded - before.succeeded} done, {counts.failed - before.failed} failed,"
        f" {counts.cancelled - before.cancelled} cancelled in {time.monotonic() - began:.0f} s."
    )
    return False


class _Watcher:
    """Keeps the latest step for the progress bar, and says at once what failed. Called on the engine thread."""

    def __init__(self, changed: threading.Event) -> None:
        self._changed = changed
        self.label = ""

    def __call__(self, event: JobEvent) -> None:
        match event:
            case Progress():
                self.label = event.label
            case Failed():
                say(f"  {event.failure.message} (job {event.job_id}). {event.failure.remedy}")
            case WorkerLost():
                say(f"  A worker process was lost on job {event.job_id}; the job is tried again.")
            case _:
                pass
        self._changed.set()


def tell_event(event: JobEvent) -> None:
    """Say what became of a job, for commands that go on until they are interrupted. Called on the engine thread."""
    match event:
        case Succeeded():
            say(f"  Job {event.job_id} is done.")
        case Failed():
            say(f"  {event.failure.message}. {event.failure.remedy}")
        case WorkerLost():
            say(f"  A worker process was lost on job {event.job_id}; the job is tried again.")
        case _:
            pass
