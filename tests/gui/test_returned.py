"""What a retoucher saves in the export folder while the window is open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from engine.domain.export import ExportFormat, ExportRecipe
from engine.domain.jobs import JobState
from engine.services.export import ExportPlan, export_items
from engine.services.review import items_of
from engine.services.versions import correct_mask
from gui import preferences
from gui.actions import PageName
from gui.export import returned
from gui.export.returned import Standing
from gui.frame.main_window import MainWindow
from tests.gui.studio import Studio
from tests.unit.retoucher import MASK, Retoucher


@pytest.fixture
def exported(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(returned, "SETTLE", 0.2)
    monkeypatch.setattr(returned, "LOOK_EVERY", 0.1)
    studio.queue("A1")
    studio.finish({"A1": 1.0})
    recipe = ExportRecipe((ExportFormat.PSD,), approved_only=False)
    plan = ExportPlan(studio.services.default_export_folder, recipe)
    report = export_items(studio.catalog, studio.artifacts, items_of(studio.catalog), plan)
    assert report.failures == ()
    return report.written[0]


def press(window: MainWindow, qtbot: QtBot, name: str) -> None:
    """Press a button of the list, and wait for what comes of it."""
    button = window.export.back.findChild(QPushButton, name)
    assert button is not None
    button.click()
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    QApplication.processEvents()


def cut(path: Path, columns: int) -> np.ndarray:
    retoucher = Retoucher(path)
    mask = retoucher.plane("Matched colour", MASK).copy()
    mask[:, :columns] = 0
    retoucher.set_plane("Matched colour", MASK, mask)
    retoucher.save(path)
    return mask


def test_a_mask_saved_in_the_export_folder_is_queued_and_told(
    studio: Studio, exported: Path, window: MainWindow, qtbot: QtBot
) -> None:
    (first,) = studio.catalog.jobs()
    box = window.settings.work.takes_back
    assert not box.isChecked()
    assert window.returned._watcher is None
    box.click()
    assert preferences.takes_back()
    alpha = Retoucher(exported).plane("Matched colour", MASK)
    middle = int(np.flatnonzero(alpha.any(axis=0)).mean())
    cut(exported, middle)
    qtbot.waitUntil(lambda: len(studio.catalog.jobs()) == 2)
    qtbot.waitUntil(lambda: "came back" in window.banner.text())
    assert f"{exported.name} came back: 1 new version in the queue." in window.banner.text()
    new = studio.catalog.versions(first.id)[0]
    assert new.state is JobState.QUEUED
    assert new.origin is not None
    assert new.origin.author == "Photoshop"
    # The file of an operator who was quicker is told, and stays.
    studio.catalog.cancel([new.id])
    item = studio.catalog.review_item(first.id)
    correct_mask(studio.catalog, studio.artifacts, item, np.full_like(alpha, 255), author="ada")
    cut(exported, middle + 3)
    qtbot.waitUntil(lambda: "was not taken back" in window.banner.text())
    assert "made by ada" in window.banner.text()
    assert "Decide under 'Back from Photoshop' on the Export page." in window.banner.text()
    assert len(studio.catalog.jobs()) == 3
    window.show_page(PageName.EXPORT)
    panel, before = window.export.back, exported.read_bytes()
    assert "1 conflict" in panel._headline.text()
    press(window, qtbot, f"keep_{exported.name}")
    assert not window.banner.isVisible(), "it was decided"
    assert panel.current() is not None
    assert panel.current().standing is Standing.KEPT  # pyright: ignore[reportOptionalMemberAccess]
    press(window, qtbot, f"undo_{exported.name}")
    press(window, qtbot, f"take_{exported.name}")
    taken = studio.catalog.versions(first.id)[0]
    assert taken.origin is not None
    assert (taken.origin.author, taken.state) == ("Photoshop", JobState.QUEUED)
    press(window, qtbot, f"undo_{exported.name}")
    assert studio.catalog.job(taken.id).state is JobState.CANCELLED
    assert exported.read_bytes() == before, "the file is never written to"
    box.click()
    assert window.returned._watcher is None


def test_the_watch_stands_at_the_next_start(studio: Studio, exported: Path, window: MainWindow, qtbot: QtBot) -> None:
    window.settings.work.takes_back.click()
    window.returned.stop()
    window.begin()
    qtbot.waitUntil(lambda: window.returned._watcher is not None)
