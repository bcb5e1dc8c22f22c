"""Draws a demo batch, runs it through the real engine, and saves a picture of every page for the guide.

Run on a virtual screen, where fonts and sizes do not depend on the desktop:
``xvfb-run -a -s "-screen 0 1920x1200x24" python bench/screenshots.py``.
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
from PySide6.QtWidgets import QApplication, QWidget  # noqa: E402

from bench.training_scene import SETTINGS as TRAINED  # noqa: E402
from bench.training_scene import base_model, draw_training_set  # noqa: E402
from engine.dispatch.session import open_session  # noqa: E402
from engine.domain.export import SRGB, ExportFormat, ExportRecipe  # noqa: E402
from engine.domain.review import Decision  # noqa: E402
from engine.services.demo import draw_demo  # noqa: E402
from engine.services.presets import Preset, save_preset, user_presets  # noqa: E402
from gui import preferences  # noqa: E402
from gui.actions import PageName  # noqa: E402
from gui.app import prepare  # noqa: E402
from gui.frame.cheat_sheet import CheatSheet  # noqa: E402
from gui.frame.main_window import MainWindow  # noqa: E402
from gui.look import appearance  # noqa: E402
from gui.look.appearance import Theme  # noqa: E402
from gui.services import WindowServices  # noqa: E402
from gui.torch_process import TorchProcess  # noqa: E402
from gui.training.set_list import Check  # noqa: E402
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


class Photographer:
    """Walks the operator's way through a window and takes a picture of each page."""

    def __init__(self, application: QApplication, window: MainWindow, to: Path) -> None:
        self._application, self._window, self._to = application, window, to

    def settle(self, seconds: float = 0.6) -> None:
        """Let background work arrive and be painted."""
        window = self._window
        wait(lambda: not window.bridge.is_busy)
        rest = time.monotonic() + seconds
        wait(lambda: time.monotonic() > rest and not window.bridge.is_busy)

    def save(self, name: str, above: QWidget | None = None) -> None:
        """The window as it is, or a dialog alone."""
        self.settle()
        shot = (above or self._window).grab()
        shot.save(str(self._to / f"{name}.png"))
        print(f"{name}.png")

    def all_pages(self, pictures: Path) -> None:
        """From the empty catalog to the exported files."""
        window = self._window
        self.settle()
        window.show_page(PageName.INTAKE)
        self.save("first-start")
        window.show_page(PageName.MODELS)
        self.settle()
        window.models.loras.table.selectRow(0)
        self.save("models")
        window.begin([pictures])
        window.show_page(PageName.INTAKE)
        self.settle()
        window.intake.pairs_table.selectRow(0)
        self.save("intake")
        window.intake.start()
        wait(lambda: window.queue.counts.succeeded >= 3)
        self.save("queue")
        wait(lambda: window.queue.counts.total and window.queue.counts.finished == window.queue.counts.total)
        self._review()
        self._export()
        self.training(pictures.parent / "training")
        window.show_page(PageName.SETTINGS)
        window.settings.shortcuts.select("approve")
        self.save("settings")
        window.actions_table["cheat_sheet"].trigger()
        (sheet,) = window.findChildren(CheatSheet)
        self.save("shortcuts", sheet)
        sheet.close()

    def export(self, pictures: Path) -> None:
        """Results as soon as they are there, with the first verdicts, and what is exported of them."""
        window = self._window
        window.begin([pictures])
        window.show_page(PageName.INTAKE)
        self.settle()
        window.intake.start()
        wait(lambda: window.queue.counts.total and window.queue.counts.finished == window.queue.counts.total)
        window.show_page(PageName.REVIEW)
        self.settle()
        self._decide()
        window.banner.hide()
        self._export()

    def _export(self) -> None:
        """For a brand with a preset of its own."""
        window = self._window
        recipe = ExportRecipe(
            (ExportFormat.PSD, ExportFormat.JPEG, ExportFormat.MASK), name_pattern="{sku}/{sku}_{view}", max_side=2400,
            profile=SRGB,
        )  # fmt: skip
        save_preset(user_presets(window.context.services.catalog_path), Preset("Atelier North", export=recipe))
        window.show_page(PageName.EXPORT)
        self.settle()
        box = window.export.presets.box
        box.setCurrentIndex(box.findText("Atelier North"))
        box.activated.emit(box.currentIndex())
        window.export.folder.setText("~/Pictures/Chromask")
        window.export.export()
        wait(lambda: not window.export.is_busy)
        self.save("export")

    def training(self, work: Path) -> None:
        """A real run on drawn figures, two thirds through."""
        window = self._window
        draw_training_set(work / "hat-set")
        window.training.folder.mkdir(parents=True, exist_ok=True)
        (work / "hat-set").rename(window.training.folder / "hat-set")
        preferences.set_training_model(base_model(window.training.folder.parent / "models" / "nano-Kontext"))
        window.show_page(PageName.TRAINING)
        page = window.training
        wait(lambda: page.sets.check_state() in (Check.GOOD, Check.WARNED))
        page.settings.apply(TRAINED)
        wait(window.actions_table["train"].isEnabled)
        page.train()
        wait(lambda: page.progress()[0] >= TRAINED.steps * 2 // 3, 1800)
        wait(lambda: page.panel.samples.slider.maximum() and page.panel.samples.strips.is_complete())
        window.banner.hide()
        self.save("training")
        window.actions_table["pause_training"].trigger()
        wait(lambda: page.runs.live is None)

    def _decide(self) -> None:
        for decision in (Decision.APPROVED, Decision.APPROVED, Decision.REJECTED):
            self._window.review.decide(decision)
            self.settle(0.1)

    def _review(self) -> None:
        window = self._window
        window.show_page(PageName.REVIEW)
        self.settle()
        self._decide()
        window.banner.hide()
        self.save("review")
        appearance.choose(Theme.LIGHT, self._application)
        self.save("review-light")
        appearance.choose(Theme.DARK, self._application)
        for name in ("split", "heat_map"):
            window.actions_table[name].trigger()
        self.settle()
        wait(lambda: window.review.compare.heat is not None)
        self.save("delta-e-map")
        for name in ("heat_map", "split", "split"):
            window.actions_table[name].trigger()
        window.actions_table["grid"].trigger()
        self.save("grid")
        window.actions_table["grid"].trigger()
        self.settle()
        window.actions_table["edit_mask"].trigger()
        self.save("mask-editor")
        window.actions_table["mask_leave"].trigger()
        self.settle()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=PROJECT / "docs" / "guide")
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--training", action="store_true", help="the Training page alone")
    parser.add_argument("--export", action="store_true", help="the Export page alone, of as many figures as --count")
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
        preferences.set_reviewer("Ada")  # nor the name of its account
        pictures = folder if options.training else draw_demo(folder, options.count).pictures
        location = SqliteLocation()
        with (
            open_session(location, folder / "Chromask" / "catalog.db") as session,
            location.open_thumbnails(session.path) as thumbnails,
        ):
            parts = (session.catalog, session.artifacts, session.dispatcher(worker_command), TorchProcess(program()))
            pictures_folder = folder / "Pictures" / "Chromask"
            window = MainWindow(WindowServices(*parts, pictures_folder, draw_demo, session.path, thumbnails))
            window.resize(*SIZE)
            window.show()
            photographer = Photographer(application, window, options.to)
            if options.training:
                photographer.training(folder / "training")
            elif options.export:
                photographer.export(pictures)
            else:
                photographer.all_pages(pictures)
            window.close()


if __name__ == "__main__":
    main()
