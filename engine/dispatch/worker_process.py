"""One worker process seen from the engine thread: started, spoken to, watched, killed."""

from __future__ import annotations

import collections
import contextlib
import logging
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.domain.errors import BugError
from engine.worker.protocol import Command, Report, decode_report, encode_command

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerExited:
    """The process is gone.

    Attributes
    ----------
    returncode : int
        Negative: the signal that killed it.
    last_words : str
        The end of its standard error.
    """

    returncode: int
    last_words: str

    def describe(self) -> str:
        """``killed by SIGSEGV`` or ``exit code 3``."""
        if self.returncode >= 0:
            return f"exit code {self.returncode}"
        try:
            return f"killed by {signal.Signals(-self.returncode).name}"
        except ValueError:
            return f"killed by signal {-self.returncode}"


WorkerMessage = Report | WorkerExited


class WorkerProcess:
    """A running worker. `send` and `kill` are called from the engine thread only.

    Parameters
    ----------
    deliver : callable
        ``deliver(worker_id, message)``, called on this worker's reader thread; the last message is `WorkerExited`.
    """

    def __init__(self, command: Sequence[str], worker_id: str, deliver: Callable[[str, WorkerMessage], None]) -> None:
        self._worker_id = worker_id
        self._deliver = deliver
        self._last_words: collections.deque[str] = collections.deque(maxlen=40)
        self._process = subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._errors = threading.Thread(target=self._read_errors, name=f"{worker_id}-stderr", daemon=True)
        self._errors.start()
        self._reports = threading.Thread(target=self._read_reports, name=f"{worker_id}-reports", daemon=True)
        self._reports.start()

    def send(self, command: Command) -> None:
        """Write one command; a process that is gone is reported by `WorkerExited`, not here."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(encode_command(command))
            self._process.stdin.flush()
        except (OSError, ValueError):  # a broken pipe, for which Windows also says EINVAL; or it is closed already
            _log.info("%s was gone before it could be told %r", self._worker_id, type(command).__name__)

    def kill(self) -> None:
        """End the process at once, and wait for it and for the threads that read from it."""
        self._process.kill()
        self._process.wait()
        # A grandchild that holds the pipe open may keep the reader; it is a daemon, and its news are of no use now.
        self._reports.join(timeout=2)

    def _read_reports(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._process.stdout as reports:
            for line in reports:
                try:
                    report = decode_report(line)
                except BugError:
                    _log.exception("%s sent a line that is no report and is killed", self._worker_id)
                    self._process.kill()
                    break
                self._deliver(self._worker_id, report)
        returncode = self._process.wait()
        with contextlib.suppress(OSError):  # a command was still in a dead process's buffer
            self._process.stdin.close()
        self._errors.join(timeout=2)
        self._deliver(self._worker_id, WorkerExited(returncode, "".join(self._last_words)[-4000:]))

    def _read_errors(self) -> None:
        """Until nobody holds the pipe any more: what the worker started may outlive it."""
        assert self._process.stderr is not None
        with self._process.stderr as errors:
            for line in errors:
                text = line.decode(errors="replace")
                self._last_words.append(text)
                _log.debug("%s: %s", self._worker_id, text.rstrip())
