"""Watch folders in the window, on real files that arrive while it is open."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from engine.domain.requests import MaskRequest
from engine.inference.kontext.availability import nano_folder
from engine.services.presets import Preset, save_preset, user_presets
from engine.services.watch_settings import load_watch_folders, user_watch_folders
from gui import preferences
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.intake.watch_panel import WatchRow
from tests.gui.studio import Studio, jpeg, picture


def watched(window: MainWindow, folder: Path, qtbot: QtBot, *, settle: float = 0) -> WatchRow:
    """Watch a folder, whose looks follow each other quickly."""
    qtbot.waitUntil(lambda: window.intake.watch._watcher is not None)
    assert window.intake.watch._watcher is not None
    window.intake.watch._watcher._every = 0.05
    folder.mkdir(exist_ok=True)
    window.intake.watch.add(folder)
    row = window.intake.watch.rows[folder]
    row.settle.setValue(settle)
    return row


def photograph(path: Path, seed: int) -> None:
    """There at once as a whole: nothing settles here, so a look between two writes would take half a file in."""
    part = path.with_suffix(".part")
    part.write_bytes(jpeg(picture(seed)))
    part.replace(path)


def test_without_folders_the_panel_says_what_it_is_for(window: MainWindow) -> None:
    assert window.intake.watch._empty.isVisible()
    assert window.intake.watch.folders() == ()


def test_arriving_pictures_are_listed_and_paired(
    window: MainWindow, studio: Studio, qtbot: QtBot, tmp_path: Path
) -> None:
    window.show_page(PageName.INTAKE)
    row = watched(window, tmp_path / "hot", qtbot)
    qtbot.waitUntil(lambda: row.status.whole_text() == "Nothing there yet")
    photograph(tmp_path / "hot" / "A1_model.jpg", 1)
    qtbot.waitUntil(lambda: window.intake.problems.rowCount() == 1)
    photograph(tmp_path / "hot" / "A1_flat.jpg", 2)
    qtbot.waitUntil(lambda: window.intake.pairs.rowCount() == 1)
    assert window.intake.problems.rowCount() == 0
    qtbot.waitUntil(lambda: row.status.whole_text() == "2 pictures")
    assert studio.catalog.jobs() == []


def test_a_pair_starts_by_itself_with_its_preset_and_the_page_stays(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    save_preset(user_presets(studio.services.catalog_path), Preset("Masks", color_match=False))
    window = open_window()
    window.show_page(PageName.EXPORT)
    row = watched(window, tmp_path / "hot", qtbot)
    qtbot.waitUntil(lambda: row.preset.findText("Masks") > 0)
    row.starts.setChecked(True)
    row.preset.setCurrentIndex(row.preset.findText("Masks"))
    row.preset.activated.emit(row.preset.currentIndex())
    photograph(tmp_path / "hot" / "A1_model.jpg", 1)
    qtbot.waitUntil(lambda: "1 without the other half" in row.status.whole_text())
    assert "no flatlay of the article" in row.status.toolTip()
    photograph(tmp_path / "hot" / "A1_flat.jpg", 2)
    qtbot.waitUntil(lambda: len(studio.catalog.jobs()) == 1)
    assert isinstance(studio.catalog.jobs()[0].request, MaskRequest)
    qtbot.waitUntil(lambda: window.header.batches.count() == 2)
    assert window.page is PageName.EXPORT, "nobody is torn away from what they do"
    photograph(tmp_path / "hot" / "A2_model.jpg", 3)
    photograph(tmp_path / "hot" / "A2_flat.jpg", 4)
    qtbot.waitUntil(lambda: len(studio.catalog.jobs()) == 2)
    assert len(studio.catalog.batches()) == 1, "one folder's day is one batch"


def test_what_was_started_or_cleared_is_not_listed_again_by_the_next_session(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    window = open_window()
    watched(window, tmp_path / "hot", qtbot)
    photograph(tmp_path / "hot" / "A1_model.jpg", 1)
    qtbot.waitUntil(lambda: window.intake.problems.rowCount() == 1)
    window.intake.clear()
    photograph(tmp_path / "hot" / "B1_model.jpg", 2)
    qtbot.waitUntil(lambda: window.intake.problems.rowCount() == 1)
    window.closing.is_agreed = True
    window.close()
    assert [folder.path for folder in load_watch_folders(user_watch_folders(studio.services.catalog_path))] == [
        tmp_path / "hot"
    ]
    later = open_window()
    qtbot.waitUntil(lambda: later.intake.problems.rowCount() == 1)
    assert later.intake.problems.problem(0).path.name == "B1_model.jpg", "what nobody has decided on is listed again"


def test_a_folder_that_vanishes_is_told_calmly_and_watched_again(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    row = watched(window, tmp_path / "hot", qtbot)
    qtbot.waitUntil(lambda: row.status.whole_text() == "Nothing there yet")
    (tmp_path / "hot").rmdir()
    qtbot.waitUntil(lambda: "it is not there" in row.status.whole_text())
    assert not window.banner.isVisible()
    (tmp_path / "hot").mkdir()
    qtbot.waitUntil(lambda: row.status.whole_text() == "Nothing there yet")


def test_a_removed_folder_is_left_alone(window: MainWindow, studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    row = watched(window, tmp_path / "hot", qtbot)
    qtbot.mouseClick(row.findChild(QToolButton, "remove_watch_folder"), Qt.MouseButton.LeftButton)
    assert window.intake.watch.rows == {}
    photograph(tmp_path / "hot" / "A1_model.jpg", 1)
    file = user_watch_folders(studio.services.catalog_path)
    qtbot.waitUntil(lambda: file.exists() and load_watch_folders(file) == ())
    qtbot.waitUntil(lambda: "chromask-watch-hot" not in [thread.name for thread in threading.enumerate()])
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    assert window.intake.problems.rowCount() == 0


def test_a_photograph_starts_without_a_flatlay_where_its_preset_needs_none(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    preferences.set_kontext_model(nano_folder())
    masks = Preset("Masks", garment_mask=False, color_match=False, dreamed=("hat",))
    save_preset(user_presets(studio.services.catalog_path), masks)
    window = open_window()
    row = watched(window, tmp_path / "hot", qtbot)
    qtbot.waitUntil(lambda: row.preset.findData("Masks") > 0)
    row.starts.click()
    photograph(tmp_path / "hot" / "A1_model.jpg", 1)
    qtbot.waitUntil(lambda: "without the other half" in row.status.whole_text())
    assert studio.catalog.jobs() == []
    row.preset.setCurrentIndex(row.preset.findData("Masks"))
    row.preset.activated.emit(row.preset.currentIndex())
    qtbot.waitUntil(lambda: len(studio.catalog.jobs()) == 1)
    (job,) = studio.catalog.jobs()
    assert studio.catalog.pair(job.pair_id).flatlay is None
