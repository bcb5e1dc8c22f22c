"""The worker process: reads commands from standard input, runs jobs one by one, reports on standard output."""

from __future__ import annotations

import ctypes
import os
import queue
import sys
import threading
import traceback
from typing import BinaryIO

from engine.domain.errors import BugError, Cancelled, KnownError, printable_path
from engine.domain.jobs import CancelledJob, Failed, JobFailure, Progress, Succeeded
from engine.ports import ArtifactStore, ReportStep
from engine.worker.backends import Backends
from engine.worker.pipeline import run_request
from engine.worker.protocol import (
    CancelJob,
    CardMemory,
    Heartbeat,
    Ready,
    Report,
    RunJob,
    decode_command,
    encode_report,
)
from engine.worker.views import Views

_HEARTBEAT = 1.0  # seconds
_NICE = 5  # of 19: a window beside it gets three times as much of a core that both want; alone it gets all of it
_BELOW_NORMAL = 0x4000  # BELOW_NORMAL_PRIORITY_CLASS


def main(artifacts: ArtifactStore, backends: Backends | None = None) -> int:
    """Serve jobs until standard input closes. Standard output belongs to the protocol alone.

    Parameters
    ----------
    backends : Backends, optional
        Others than the built-in ones.
    """
    reports = _claim_stdout()
    _step_back()
    worker = _Worker(artifacts, reports, backends or Backends())
    threading.Thread(target=worker.read_commands, args=(sys.stdin.buffer,), name="commands", daemon=True).start()
    threading.Thread(target=worker.beat, name="heartbeat", daemon=True).start()
    worker.serve()
    return 0


def _claim_stdout() -> BinaryIO:
    """Keep the real standard output for reports; whatever libraries print goes to standard error."""
    descriptor = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(descriptor, "wb", buffering=0)


def _step_back() -> None:
    """Let the person at the window go first where there are not cores enough."""
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), _BELOW_NORMAL)
    else:
        os.nice(_NICE)


class _Worker:
    def __init__(self, artifacts: ArtifactStore, reports: BinaryIO, backends: Backends) -> None:
        self._artifacts = artifacts
        self._reports = reports
        self._write_lock = threading.Lock()
        self._jobs: queue.SimpleQueue[RunJob] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._backends = backends
        self._views = Views(backends)

    def read_commands(self, commands: BinaryIO) -> None:
        """On its own thread. The end of the input means that the application is gone: leave at once, in mid-job.

        So does a worker that is told what it cannot understand: one that no longer listens would keep its job for ever,
        one that ended is started again.
        """
        try:
            for line in commands:
                command = decode_command(line)
                if isinstance(command, CancelJob):
                    self._cancelled.add(command.job_id)
                else:
                    self._cancelled.discard(command.job_id)  # of an attempt that ended before it could be stopped
                    self._jobs.put(command)
        except Exception:  # noqa: BLE001 - the last frame of this thread
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)

    def beat(self) -> None:
        """On its own thread."""
        pause = threading.Event()
        while not pause.wait(_HEARTBEAT):
            self._report(Heartbeat(card_memory()))

    def serve(self) -> None:
        self._report(Ready(os.getpid()))
        while True:
            job = self._jobs.get()
            self._report(self._run(job))

    def _run(self, job: RunJob) -> Succeeded | Failed | CancelledJob:
        photo = job.pair.on_model.path
        try:
            outcome = run_request(
                job.pair, job.request, self._backends, self._views, self._artifacts, self._step_reporter(job.job_id)
            )
            return Succeeded(job.job_id, outcome)
        except Cancelled:
            return CancelledJob(job.job_id)
        except KnownError as error:
            if error.path is None:
                error.path = photo
            return Failed(job.job_id, failure_of(error))
        except MemoryError:
            message = f"{printable_path(photo)}: there is not enough memory for this picture"
            return Failed(job.job_id, JobFailure(message, "Close other programs, or scale the picture down.", True))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this job's alone: the batch goes on
            message = f"{printable_path(photo)}: an error inside Chromask ({type(error).__name__}: {error})"
            detail = traceback.format_exc()
            kind = "" if isinstance(error, BugError) else " and the picture"
            return Failed(job.job_id, JobFailure(message, f"Report it with the details below{kind}.", False, detail))
        finally:
            self._cancelled.discard(job.job_id)

    def _step_reporter(self, job_id: int) -> ReportStep:
        def report(step: int, total: int, label: str) -> None:
            if job_id in self._cancelled:
                raise Cancelled
            self._report(Progress(job_id, step, total, label))

        return report

    def _report(self, report: Report) -> None:
        line = encode_report(report)
        with self._write_lock:
            try:
                self._reports.write(line)
            except OSError:  # a broken pipe, for which Windows also says EINVAL: the application is gone
                os._exit(0)


def card_memory() -> CardMemory | None:
    """What torch knows of the graphics card, where a job of this process has had torch compute on one. Any thread."""
    torch = sys.modules.get("torch")
    # While a job is still importing it on the other thread, torch is there without its parts.
    cuda = getattr(torch, "cuda", None)
    if cuda is None or not hasattr(cuda, "mem_get_info"):
        return None
    if not cuda.is_available():
        return CardMemory(0, 0)
    if not cuda.is_initialized():  # asking would take a few hundred MB of the card for nothing
        return None
    try:
        free, total = cuda.mem_get_info()
    except RuntimeError:  # CUDA's own faults: they are the job's, and must not end the heartbeat of a worker that lives
        return None
    return CardMemory(total - free, total)


def failure_of(error: KnownError) -> JobFailure:
    """An operator's sentence as it is stored with the job."""
    sentence = str(error).removesuffix(f" {error.remedy}").removesuffix(".")
    return JobFailure(sentence, error.remedy, error.retryable)
