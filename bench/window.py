"""The window on a catalog of 100,000 results: how soon it can be used, and how evenly it answers while a batch runs.

Both are measured in a process of its own that is composed as the application is; `bench/gui.py` starts it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

BEGAN = time.time()  # of the imports below, which are part of the start
PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from PySide6.QtCore import QElapsedTimer, QEvent, QEventLoop, QObject, Qt, QTimer  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from engine.dispatch.session import open_session  # noqa: E402
from gui.actions import PageName  # noqa: E402
from gui.app import prepare  # noqa: E402
from gui.services import WindowServices  # noqa: E402
from gui.torch_process import TorchProcess  # noqa: E402
from gui.windows.main_window import MainWindow  # noqa: E402
from main import program, worker_command  # noqa: E402
from storage.location import SqliteLocation  # noqa: E402

_BEAT_MS = 8
_PAIRS = 8


class Heartbeat(QObject):
    """A timer in the window's thread; what it comes late is how long a key press would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[float] = []
        self._clock = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_BEAT_MS)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self.late.clear()
        self._clock.start()
        self._timer.start()

    def figures(self) -> tuple[float, float, float]:
        """Median, 95th percentile and maximum in milliseconds."""
        return statistics.median(self.late), statistics.quantiles(self.late, n=20)[-1], max(self.late)

    def _beat(self) -> None:
        self.late.append(max(0.0, self._clock.nsecsElapsed() / 1e6 - _BEAT_MS))
        self._clock.restart()


class FirstPaint(QObject):
    """Tells when a view has painted itself with rows in it."""

    def __init__(self, window: MainWindow, began: float) -> None:
        super().__init__()
        self._window, self._began = window, began
        self.seconds = 0.0
        for view in (window.review.list, window.review.grid):
            view.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Paint and not self.seconds and self._window.review.results.rowCount():
            QTimer.singleShot(0, self._painted)
        return False

    def _painted(self) -> None:
        self.seconds = self.seconds or time.time() - self._began


def open_window(stack: ExitStack, catalog: Path) -> MainWindow:
    """The window as `main` composes it; the engine is not started."""
    location = SqliteLocation()
    session = stack.enter_context(open_session(location, catalog))
    thumbnails = stack.enter_context(location.open_thumbnails(session.path))
    dispatcher = session.dispatcher(worker_command)
    export = catalog.parent / "export"
    services = WindowServices(
        session.catalog, session.artifacts, dispatcher, TorchProcess(program()), export, None, session.path, thumbnails
    )
    return MainWindow(services)


def wait(until: Callable[[], bool], seconds: float) -> bool:
    """Run an event loop, as the application does, until something holds."""
    loop, limit = QEventLoop(), time.monotonic() + seconds

    def look() -> None:
        if until() or time.monotonic() > limit:
            loop.quit()

    looking = QTimer()
    looking.timeout.connect(look)
    looking.start(25)
    loop.exec()
    looking.stop()
    return until()


def measure_start(catalog: Path, began: float) -> dict[str, float]:
    """From the start of the process to rows on the screen, and how the window answers while the rest is read."""
    application = QApplication(["bench"])
    prepare(application)
    imported = time.time() - began
    with ExitStack() as stack:
        opening = time.time()
        window = open_window(stack, catalog)
        opened = time.time() - opening
        paint, heart = FirstPaint(window, began), Heartbeat()
        window.show()
        shown = time.time() - began
        heart.start()
        assert wait(lambda: paint.seconds > 0, 30)
        assert wait(lambda: not window.review.feed.is_reading, 60)
        read = time.time() - began
        _, p95, worst = heart.figures()
        window.shut_down()
        window.close()
    return {
        "modules imported, s": imported,
        "catalog opened and window built, s": opened,
        "window shown, s": shown,
        "first rows painted, s": paint.seconds,
        "every row read, s": read,
        "heartbeat meanwhile, p95, ms": p95,
        "heartbeat meanwhile, worst, ms": worst,
    }


def measure_batch(catalog: Path, began: float) -> dict[str, float]:
    """The heartbeat while a real worker process runs real jobs and their results join the others in the grid."""
    from engine.domain.requests import EngineName
    from engine.services.demo import draw_demo
    from engine.services.intake import scan
    from engine.services.plan import BatchPlan
    from engine.services.queue import submit

    application = QApplication(["bench"])
    prepare(application)
    pictures = draw_demo(catalog.parent / f"demo-{os.getpid()}", _PAIRS).pictures
    with ExitStack() as stack:
        window = open_window(stack, catalog)
        window.resize(1600, 1000)
        window.show()
        window.show_page(PageName.REVIEW)
        wait(lambda: not window.bridge.is_busy, 60)
        window.header.batches.setCurrentIndex(0)  # every batch
        assert wait(lambda: window.review.results.rowCount() > 0 and not window.review.feed.is_reading, 60)
        window.review.show_grid(True)
        wait(lambda: not window.bridge.is_busy, 20)
        services = window.services
        plan = BatchPlan(color_match=True, engine=EngineName.CLASSICAL)
        jobs = submit(services.catalog, f"run {os.getpid()}", scan([pictures]).pairs, plan).jobs
        results, heart = window.review.results, Heartbeat()
        wanted = results.counts()[None] + len(jobs)
        window.begin()
        heart.start()
        begin = time.monotonic()
        finished = wait(lambda: (results.counts()[None] or 0) >= wanted, 240)
        wait(lambda: not window.bridge.is_busy, 10)
        seconds = time.monotonic() - begin
        figures = heart.figures()
        shown = window.review.results.rowCount()
        window._may_close = True
        window.close()
    assert finished
    return {
        f"{len(jobs)} jobs, s": seconds,
        "rows in the grid": shown,
        "heartbeat, median, ms": figures[0],
        "heartbeat, p95, ms": figures[1],
        "heartbeat, worst, ms": figures[2],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("start", "batch"))
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--began", type=float, default=BEGAN, help="when the process was started, in Unix time")
    options = parser.parse_args()
    measure = {"start": measure_start, "batch": measure_batch}[options.what]
    print(json.dumps(measure(options.catalog, options.began)))


if __name__ == "__main__":
    main()
