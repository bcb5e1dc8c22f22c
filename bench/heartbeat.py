"""A heartbeat on the window's thread; and, to understand it, the same beat in a process that does nothing.

``python bench/heartbeat.py`` is that process: it beats until its standard input closes, then prints its figures.
Beside a window it says how late the computer's scheduler alone makes a timer come under the same load.
"""

from __future__ import annotations

import faulthandler
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer

BEAT_MS = 8
_HELD_UP = 0.06  # seconds after which the stacks are written, if they are asked for


class Heartbeat(QObject):
    """A timer in the window's thread; what it comes late is how long a key press would have waited.

    Parameters
    ----------
    stacks : Path, optional
        Where to write every thread's stack while a beat is late. That is done by a thread without the interpreter's
        lock, so that a call which holds the lock is seen too; it can crash the process, so no figures are made with it.
    """

    def __init__(self, stacks: Path | None = None) -> None:
        super().__init__()
        self.late: list[float] = []
        self.own: list[float] = []
        self._stacks = stacks.open("w") if stacks is not None else None
        self._last, self._worked = 0.0, 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self.beat)

    def start(self) -> None:
        """Begin to count, again if need be."""
        self.late.clear()
        self.own.clear()
        self._last, self._worked = time.perf_counter(), time.thread_time()
        self._timer.start()

    def stop(self) -> dict[str, float]:
        """Milliseconds: how late the beats came, and how long the thread itself computed between two of them."""
        self._timer.stop()
        if self._stacks is not None:
            faulthandler.cancel_dump_traceback_later()
        return {
            "median": statistics.median(self.late),
            "p95": statistics.quantiles(self.late, n=20)[-1],
            "worst": max(self.late),
            "own p95": statistics.quantiles(self.own, n=20)[-1],
            "own worst": max(self.own),
        }

    def beat(self) -> None:
        """Note how late it is; also to be called before the figures are looked at while the thread was away."""
        now, worked = time.perf_counter(), time.thread_time()
        late = max(0.0, (now - self._last) * 1e3 - BEAT_MS)
        own = (worked - self._worked) * 1e3
        self.late.append(late)
        self.own.append(own)
        if self._stacks is not None:
            if late > _HELD_UP * 1e3:
                self._stacks.write(f"==== the beat was {late:.0f} ms late, {own:.0f} ms of them own work\n")
                self._stacks.flush()
            faulthandler.dump_traceback_later(_HELD_UP, file=self._stacks)
        self._last, self._worked = time.perf_counter(), time.thread_time()


@contextmanager
def bare_heartbeat(figures: dict[str, float]) -> Generator[None]:
    """Beat in a process that does nothing else meanwhile; its figures are filled in at the end."""
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.stdin.close()
            figures.update(json.loads(process.stdout.read()))


def load() -> float:
    """How many threads wanted a core in the last minute, where the system says so."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def main() -> None:
    application = QCoreApplication(["heartbeat"])
    heart = Heartbeat()
    threading.Thread(target=lambda: (sys.stdin.read(), application.quit()), daemon=True).start()
    print("up", flush=True)
    heart.start()
    application.exec()
    print(json.dumps(heart.stop()))


if __name__ == "__main__":
    main()
