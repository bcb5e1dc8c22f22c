"""Writing files from the window."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from engine.domain.export import Collision, ExportFormat, ExportRecipe, PathUse
from engine.domain.review import Decision
from engine.services.export.manifest import MANIFEST
from engine.services.review import decide, items_of
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from tests.gui.studio import Studio


@pytest.fixture
def window(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    """Three results: one approved, one pending, one rejected."""
    studio.finish({"A1": 1.0, "B2": 2.0, "C3": 3.0})
    by_sku = {item.pair.sku: item for item in items_of(studio.catalog)}
    decide(studio.catalog, [by_sku["a1"]], Decision.APPROVED)
    decide(studio.catalog, [by_sku["c3"]], Decision.REJECTED)
    window = open_window()
    window.show_page(PageName.EXPORT)
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    return window


def export(window: MainWindow, qtbot: QtBot) -> None:
    button = window.export.findChild(QPushButton, "export_button")
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.export.is_busy and not window.bridge.is_busy)


def rows(window: MainWindow) -> list[str]:
    return [window.export.written.files.item(row).text() for row in range(window.export.written.files.count())]


def test_approved_results_are_written_and_listed(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    assert "1 approved · 1 pending · 1 rejected" in window.export._summary.text()
    window.export.form.formats[ExportFormat.JPEG].setChecked(True)
    export(window, qtbot)
    folder = studio.services.default_export_folder
    written = sorted(path.name for path in folder.iterdir())
    files = ["A1_model.psd", "A1_model_garment-mask.png", "A1_model_matched.jpg", "A1_model_matched.tif"]
    assert written == [*files, MANIFEST]
    assert sorted(rows(window)) == files
    with Image.open(folder / "A1_model_matched.tif") as picture:
        assert picture.size == (600, 900)
    assert window.export.written.headline == "4 files written"
    export(window, qtbot)
    assert window.export.written.headline == "0 files written · 4 were there already, unchanged"


def test_pending_results_leave_only_when_allowed(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    for format, box in window.export.form.formats.items():
        box.setChecked(format is ExportFormat.MASK)
    window.export.approved_only.setChecked(False)
    export(window, qtbot)
    names = {path.name for path in studio.services.default_export_folder.iterdir()}
    assert names == {"A1_model_garment-mask.png", "B2_model_garment-mask.png"}


def test_a_foreign_file_is_not_overwritten_and_says_so(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    folder = studio.services.default_export_folder
    folder.mkdir()
    (folder / "A1_model.psd").write_bytes(b"somebody's work")
    export(window, qtbot)
    assert (folder / "A1_model.psd").read_bytes() == b"somebody's work"
    assert "A1_model.psd: a file of this name exists already" in rows(window)[0]
    assert "1 failed" in window.export.written.headline
    window.export.form.collision.choose(Collision.OVERWRITE)
    export(window, qtbot)
    assert (folder / "A1_model.psd").read_bytes()[:4] == b"8BPS"


def test_without_a_format_or_a_result_nothing_can_be_exported(window: MainWindow, qtbot: QtBot) -> None:
    for box in window.export.form.formats.values():
        box.setChecked(False)
    assert not window.actions_table["export"].isEnabled()
    assert "at least one format" in window.export._summary.text()
    window.export.form.formats[ExportFormat.PSD].setChecked(True)
    assert window.actions_table["export"].isEnabled()
    window.export.folder.setText(" ")
    assert not window.actions_table["export"].isEnabled()


def test_an_export_can_be_stopped_and_continued(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    window.export.approved_only.setChecked(False)
    window.actions_table["export"].trigger()
    window.actions_table["stop_export"].trigger()
    qtbot.waitUntil(lambda: not window.export.is_busy)
    assert window.export.written.headline.startswith(("The export was stopped", "6 files"))
    export(window, qtbot)
    assert len([path for path in studio.services.default_export_folder.iterdir() if path.name != MANIFEST]) == 6


def test_the_focus_follows_the_export_and_comes_back_to_its_button(window: MainWindow, qtbot: QtBot) -> None:
    """It was handed on to *Open folder*, which the next press of the space bar opened."""
    page = window.export
    button = page.findChild(QPushButton, "export_button")
    window.activateWindow()
    button.setFocus()
    qtbot.waitUntil(button.hasFocus)
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert page.is_busy
    assert page.written.stop_button.hasFocus(), "what ends it is at hand"
    qtbot.waitUntil(lambda: not page.is_busy and not window.bridge.is_busy)
    assert button.hasFocus()
    # Who began it from a field goes on in that field.
    page.form.name.setFocus()
    window.actions_table["export"].trigger()
    assert page.form.name.hasFocus()
    qtbot.waitUntil(lambda: not page.is_busy and not window.bridge.is_busy)
    assert page.form.name.hasFocus()


def test_every_part_of_a_recipe_is_offered_and_comes_back(window: MainWindow, qtbot: QtBot) -> None:
    recipe = ExportRecipe(
        (ExportFormat.TIFF_LAYERS, ExportFormat.JPEG),
        False,
        "{sku}/{view}_{date}",
        2000,
        "srgb",
        0.5,
        80,
        PathUse.SAVED,
        Collision.NUMBER,
    )
    window.export.use_recipe(recipe)
    assert window.export.plan().recipe == recipe
    own = replace(recipe, profile="/profiles/Studio.icc")
    window.export.use_recipe(own)
    assert window.export.plan().recipe == own
    assert window.export.form.profile.currentText() == "Studio"
    # A batch that was started without a preset says nothing of names or sizes: they stay.
    window.export.use_recipe(ExportRecipe((ExportFormat.PSD,)))
    assert window.export.plan().recipe == replace(own, formats=(ExportFormat.PSD,), approved_only=True)


def test_a_name_pattern_shows_what_it_makes_or_what_is_wrong(window: MainWindow, qtbot: QtBot) -> None:
    form = window.export.form
    form.name.setText("{sku}/{sku}_{view}")
    assert form._example.text() == "→ A1042/A1042_front.psd"
    form.name.setText("{sku}_{foto}")
    assert "{foto}" in form._example.text()
    assert "{stem}" in form._example.text(), "it says which there are"
    assert not window.actions_table["export"].isEnabled()
    form.name.setText("{stem}")
    assert window.actions_table["export"].isEnabled()


def test_the_recipe_of_the_last_export_is_there_in_the_next_session(
    window: MainWindow, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window.export.form.name.setText("x_{stem}")
    window.export.form.max_side.setValue(500)
    export(window, qtbot)
    later = open_window()
    recipe = later.export.plan().recipe
    assert (recipe.name_pattern, recipe.max_side) == ("x_{stem}", 500)


def test_a_verdict_that_is_given_after_the_export_reaches_the_list_for_photoshop(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    export(window, qtbot)
    list_file = studio.services.default_export_folder / MANIFEST

    def decision() -> str:
        (line,) = json.loads(list_file.read_text())["files"]
        return line["decision"]

    assert decision() == "approved"
    (item,) = [item for item in items_of(studio.catalog) if item.decision is Decision.APPROVED]
    rows = [row for row in studio.catalog.review_rows() if row.job_id == item.job.id]
    window.review.verdicts.decide(rows, Decision.REJECTED)
    qtbot.waitUntil(lambda: decision() == "rejected")
    window.review.verdicts.undo()
    qtbot.waitUntil(lambda: decision() == "approved")
