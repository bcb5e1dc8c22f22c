"""The frame around the pages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, QSize
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from engine.domain.errors import KnownError
from engine.domain.review import Decision
from gui.actions import COMMANDS, Mode, PageName
from gui.frame.main_window import MainWindow
from tests.gui.studio import Studio

PROJECT = Path(__file__).resolve().parents[2]


def test_importing_the_window_imports_nothing_heavy() -> None:
    code = (
        "import sys; import gui.app; "
        "names = {'torch', 'diffusers', 'transformers', 'colour', 'scipy', 'sqlalchemy', 'cv2', 'PIL'}; "
        "heavy = names & set(sys.modules); "
        "print(sorted(heavy), file=sys.stderr); sys.exit(bool(heavy))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_errors_are_one_calm_banner(window: MainWindow) -> None:
    assert not window.banner.isVisible()
    window.report(KnownError("the disk is full", remedy="Free some space and retry.", path=Path("/x/a.tif")))
    assert window.banner.text() == "a.tif: the disk is full. Free some space and retry."
    window.report(ZeroDivisionError("three by nothing"))
    assert "A fault inside Chromask" in window.banner.text()
    assert window.banner.isVisible()


def test_the_windows_place_is_remembered(open_window: Callable[[], MainWindow]) -> None:
    first = open_window()
    first.resize(1234, 777)
    QApplication.processEvents()
    first.close()
    assert QSettings().value("window/geometry") == first.saveGeometry()
    second = open_window()
    # The off-screen screen is smaller than the window, so Qt moves it; the proposed 1600 x 1000 it is not.
    assert second.normalGeometry().size() != QSize(1600, 1000)


def test_no_two_commands_share_a_key_on_one_page() -> None:
    for page in (*PageName, *Mode):
        keys = [key for c in COMMANDS if c.page in (None, page) or page in c.stays for key in c.shortcuts]
        assert len(keys) == len(set(keys)), f"{page}: {sorted(k for k in keys if keys.count(k) > 1)}"


def test_every_command_is_in_a_menu_with_an_explanation(window: MainWindow) -> None:
    in_menus = {a.objectName() for menu in window.menuBar().findChildren(QMenu) for a in menu.actions()}
    for command in COMMANDS:
        assert command.name in in_menus
        assert window.actions_table[command.name].toolTip().startswith(command.tip)


def test_switching_batches_switches_every_page(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    studio.finish({"A1": 1.0})
    studio.queue("A1", "B2", color_match=False)
    window = open_window()
    assert window.queue.jobs.rowCount() == 2
    assert window.review.results.rowCount() == 0
    window.header.batches.setCurrentIndex(0)
    qtbot.waitUntil(lambda: window.queue.jobs.rowCount() == 3)
    qtbot.waitUntil(lambda: window.review.results.rowCount() == 1)


def test_the_window_opens_where_work_waits(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    assert open_window().page is PageName.INTAKE
    studio.finish({"A1": 1.0})
    assert open_window().page is PageName.REVIEW
    window = open_window()
    window.review.decide(Decision.APPROVED)
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    assert open_window().page is PageName.INTAKE, "everything is decided"
    studio.queue("B2", color_match=False)
    assert open_window().page is PageName.QUEUE


def test_what_was_dropped_comes_before_old_work(studio: Studio, qtbot: QtBot) -> None:
    studio.finish({"A1": 1.0})
    window = MainWindow(studio.services)
    qtbot.addWidget(window)
    window.begin([studio.shoot("C3")])
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    assert window.page is PageName.INTAKE
    window.shut_down()


def test_an_engine_that_stops_on_its_own_is_told(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise KnownError("the disk is full", remedy="Free some space and retry.", path=Path("/x/catalog.db"))

    monkeypatch.setattr(studio.catalog, "claim", refuse)
    window = open_window()
    window.begin()
    qtbot.waitUntil(window.banner.isVisible)
    assert "catalog.db: the disk is full. Free some space and retry. Then start Chromask again" in window.banner.text()
    assert window.status.engine.text() == "Engine not running"
