"""The window on a catalog of 100,000 results: how soon it can be used, and how evenly it answers while a batch runs.

Both are measured in a process of its own that is composed as the application is; `bench/gui.py` starts it.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

BEGAN = time.time()  # of the imports below, which are part of the start
PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
gc.disable()  # as `main` does

from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

import storage.catalog  # noqa: E402
import storage.upgrade  # noqa: E402, F401 - before PySide, as `main` opens the catalog
from bench.heartbeat import Heartbeat, bare_heartbeat, load  # noqa: E402
from engine.dispatch.session import open_session  # noqa: E402
from gui.actions import PageName  # noqa: E402
from gui.app import BEGIN_MS, SWITCH_S, prepare  # noqa: E402
from gui.frame.garbage import QuietGarbage  # noqa: E402
from gui.frame.main_window import MainWindow  # noqa: E402
from gui.services import WindowServices  # noqa: E402
from gui.torch_process import TorchProcess  # noqa: E402
from main import program, worker_command  # noqa: E402
from storage.location import SqliteLocation  # noqa: E402

_PAIRS = 8


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


def measure_start(catalog: Path, began: float, stacks: Path | None) -> dict[str, float]:
    """From the start of the process to rows on the screen, and how the window answers while the rest is read."""
    bare: dict[str, float] = {}
    with ExitStack() as stack:
        before = time.time()
        stack.enter_context(bare_heartbeat(bare))
        began += time.time() - before  # its start is none of the window's
        application = QApplication(["bench"])
        prepare(application)
        sys.setswitchinterval(SWITCH_S)
        imported, worked = time.time() - began, time.process_time()
        opening = time.time()
        window = open_window(stack, catalog)
        opened = time.time() - opening
        paint, heart = FirstPaint(window, began), Heartbeat(stacks)
        window.show()
        QTimer.singleShot(BEGIN_MS, window.begin)
        garbage = QuietGarbage(application)
        shown = time.time() - began
        stack.callback(garbage.stop)
        heart.start()
        assert wait(lambda: paint.seconds > 0, 30)
        first = time.process_time()
        assert wait(lambda: not window.bridge.is_busy and window.services.dispatcher.is_running, 90)
        read = time.time() - began
        figures = heart.stop()
        window.shut_down()
        window.close()
    return {
        "load": load(),
        "modules imported, s": imported,
        "… the process's own work, s": worked,
        "catalog opened and window built, s": opened,
        "window shown, s": shown,
        "first rows painted, s": paint.seconds,
        "… the process's own work until then, s": first,
        "every row read, s": read,
        **_lines(figures, bare),
    }


def measure_queue(catalog: Path, began: float, stacks: Path | None) -> dict[str, float]:
    """How the window answers while the queue's table, in front, reads every job, and reads them all again."""
    application = QApplication(["bench"])
    prepare(application)
    sys.setswitchinterval(SWITCH_S)
    bare: dict[str, float] = {}
    figures: dict[str, float] = {}
    with ExitStack() as stack:
        stack.enter_context(bare_heartbeat(bare))
        window = open_window(stack, catalog)
        window.resize(1600, 1000)
        window.show()
        stack.callback(QuietGarbage(application).stop)
        wait(lambda: not window.bridge.is_busy, 90)
        window.show_page(PageName.QUEUE)
        heart = Heartbeat(stacks)
        for what in ("read", "read again"):
            if what == "read":
                window.queue.jobs.clear()
            begin = time.monotonic()
            heart.start()
            window.queue.reload()
            assert wait(lambda: not window.bridge.is_busy, 90)
            seconds = time.monotonic() - begin
            figures |= {f"{what}, s": seconds} | _lines({f"{what}, {k}": v for k, v in heart.stop().items()}, {})
        rows = window.queue.jobs.rowCount()
        window.shut_down()
        window.close()
    return {"load": load(), "jobs in the table": rows, **figures, **_lines({}, bare)}


def measure_batch(catalog: Path, began: float, stacks: Path | None) -> dict[str, float]:
    """The heartbeat while a real worker process runs real jobs and their results join the others in the grid."""
    from engine.domain.requests import EngineName
    from engine.services.demo import draw_demo
    from engine.services.intake import scan
    from engine.services.plan import BatchPlan
    from engine.services.queue import submit

    application = QApplication(["bench"])
    prepare(application)
    sys.setswitchinterval(SWITCH_S)
    pictures = draw_demo(catalog.parent / f"demo-{os.getpid()}", _PAIRS).pictures
    bare: dict[str, float] = {}
    with ExitStack() as stack:
        window = open_window(stack, catalog)
        window.resize(1600, 1000)
        window.show()
        stack.callback(QuietGarbage(application).stop)
        window.show_page(PageName.REVIEW)
        wait(lambda: not window.bridge.is_busy, 60)
        window.header.batches.setCurrentIndex(0)  # every batch
        assert wait(lambda: window.review.results.rowCount() > 0 and not window.review.feed.is_reading, 60)
        window.review.show_grid(True)
        wait(lambda: not window.bridge.is_busy, 60)
        services = window.services
        plan = BatchPlan(color_match=True, engine=EngineName.CLASSICAL)
        jobs = submit(services.catalog, f"run {os.getpid()}", scan([pictures]).pairs, plan).jobs
        results, heart = window.review.results, Heartbeat(stacks)
        wanted = (results.counts()[None] or 0) + len(jobs)
        with bare_heartbeat(bare):
            heart.start()
            begin = time.monotonic()
            window.begin()
            finished = wait(lambda: (results.counts()[None] or 0) >= wanted, 240)
            wait(lambda: not window.bridge.is_busy, 10)
            seconds = time.monotonic() - begin
            figures = heart.stop()
        shown = window.review.results.rowCount()
        window.closing.is_agreed = True
        window.close()
    assert finished
    return {"load": load(), f"{len(jobs)} jobs, s": seconds, "rows in the grid": shown, **_lines(figures, bare)}


def _lines(ours: dict[str, float], bare: dict[str, float]) -> dict[str, float]:
    lines = {f"heartbeat, {name}, ms": value for name, value in ours.items()}
    return lines | {f"… of a process that does nothing, {name}, ms": value for name, value in bare.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("start", "queue", "batch"))
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--began", type=float, default=BEGAN, help="when the process was started, in Unix time")
    parser.add_argument("--stacks", type=Path, help="write every thread's stack there while a beat is late")
    options = parser.parse_args()
    measure = {"start": measure_start, "queue": measure_queue, "batch": measure_batch}[options.what]
    print(json.dumps(measure(options.catalog, options.began, options.stacks)))


if __name__ == "__main__":
    main()
