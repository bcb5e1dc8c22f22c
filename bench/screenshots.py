"""Draws a demo batch, runs it through the real engine, and saves pictures of the pages.

Run on a screen, or on a virtual one: ``xvfb-run -a -s "-screen 0 1600x1000x24" python bench/screenshots.py``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from PySide6.QtCore import QSettings  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from engine.dispatch.session import open_session  # noqa: E402
from engine.domain.review import Decision  # noqa: E402
from engine.services.demo import draw_demo  # noqa: E402
from gui.actions import PageName  # noqa: E402
from gui.app import prepare  # noqa: E402
from gui.services import WindowServices  # noqa: E402
from gui.torch_process import TorchProcess  # noqa: E402
from gui.windows.main_window import MainWindow  # noqa: E402
from main import program, worker_command  # noqa: E402
from storage.location import SqliteLocation  # noqa: E402

SIZE = (1600, 1000)


def wait(until: Callable[[], object], seconds: float = 600) -> None:
    """Run the event loop until something holds."""
    limit = time.monotonic() + seconds
    while not until():
        QApplication.processEvents()
        time.sleep(0.01)
        if time.monotonic() > limit:
            raise TimeoutError("the window did not come to rest")


def settle(window: MainWindow, seconds: float = 0.6) -> None:
    """Let background work arrive and be painted."""
    wait(lambda: not window.bridge.is_busy)
    rest = time.monotonic() + seconds
    wait(lambda: time.monotonic() > rest and not window.bridge.is_busy)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=PROJECT / "docs" / "images")
    parser.add_argument("--count", type=int, default=12)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["HOME"] = str(folder)  # so that every path on the pictures begins with ~
        os.environ["CHROMASK_MODELS"] = str(folder / "Chromask" / "models")  # and none of this computer's is shown
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder / "settings"))
        application = QApplication(["chromask"])
        prepare(application)
        pictures = draw_demo(folder, options.count).pictures
        with open_session(SqliteLocation(), folder / "catalog.db") as session:
            dispatcher = session.dispatcher(worker_command)
            services = WindowServices(
                session.catalog,
                session.artifacts,
                dispatcher,
                TorchProcess(program()),
                folder / "Pictures" / "Chromask",
                lambda f: draw_demo(f).pictures,
            )
            window = MainWindow(services)
            window.resize(*SIZE)
            window.show()
            shoot(window, pictures, options.to)
            window.close()


def shoot(window: MainWindow, pictures: Path, to: Path) -> None:
    """Walk the operator's way and take a picture of each page."""

    def save(name: str) -> None:
        settle(window)
        window.grab().save(str(to / f"{name}.png"))
        print(f"{name}.png")

    settle(window)
    window.show_page(PageName.MODELS)
    settle(window)
    window.models.loras.table.selectRow(0)
    save("models")
    window.begin([pictures])
    window.show_page(PageName.INTAKE)
    settle(window)
    window.intake.pairs_table.selectRow(0)
    save("intake")
    window.intake.start()
    wait(lambda: window.queue.counts.succeeded >= 3)
    save("queue")
    wait(lambda: window.queue.counts.total and window.queue.counts.finished == window.queue.counts.total)
    window.show_page(PageName.REVIEW)
    settle(window)
    for decision in (Decision.APPROVED, Decision.APPROVED, Decision.REJECTED):
        window.review.decide(decision)
    results = window.review.results
    furthest = max(results.items(), key=lambda item: item.outcome.match.before.delta_E if item.outcome.match else 0.0)
    window.review.list.setCurrentIndex(results.index(results.row_of(furthest.job.id) or 0))
    save("review")
    window.show_page(PageName.EXPORT)
    settle(window)
    window.export.folder.setText("~/Pictures/Chromask")
    window.export.export()
    wait(lambda: not window.export.is_busy)
    save("export")


if __name__ == "__main__":
    main()
