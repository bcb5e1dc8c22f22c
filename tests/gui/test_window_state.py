"""The window stands as it was left."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QAbstractButton, QApplication, QSplitter
from pytestqt.qtbot import QtBot

from gui.actions import PageName
from gui.frame import window_state
from gui.frame.main_window import MainWindow
from tests.gui.studio import Studio


def test_the_page_that_was_left_is_shown_again(open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    first = open_window()
    first.show_page(PageName.SETTINGS)
    first.close()
    second = open_window()
    qtbot.waitUntil(lambda: second.page is PageName.SETTINGS)


def test_work_that_waits_comes_before_the_page_that_was_left(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    first = open_window()
    first.show_page(PageName.MODELS)
    first.close()
    studio.finish({"A1": 1.0})
    second = open_window()
    qtbot.waitUntil(lambda: second.page is PageName.REVIEW)


def test_a_page_of_another_version_is_no_page(open_window: Callable[[], MainWindow]) -> None:
    QSettings().setValue("window/page", "darkroom")
    assert window_state.last_page() is PageName.INTAKE
    assert open_window().page is PageName.INTAKE


def test_every_divider_and_fold_has_a_name_of_its_own_and_is_remembered(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    studio.finish({"A1": 1.0, "B2": 4.0})
    first = open_window()
    first.intake.add([studio.shoot("C3")])
    qtbot.waitUntil(lambda: not first.bridge.is_busy)
    splitters = first.findChildren(QSplitter)
    folds = [button for button in first.findChildren(QAbstractButton) if button.property("disclosure")]
    names = [widget.objectName() for widget in (*splitters, *folds)]
    assert len(splitters) >= 1
    assert len(folds) >= 1
    assert all(names), "a part without a name is not remembered"
    assert len(set(names)) == len(names)
    wanted: dict[str, list[int]] = {}
    for page in PageName:
        first.show_page(page)
        QApplication.processEvents()
        for splitter in splitters:
            if splitter.isVisible() and splitter.count() == 2 and splitter.objectName() not in wanted:
                total = sum(splitter.sizes())
                splitter.setSizes([total * 6 // 10, total - total * 6 // 10])
                wanted[splitter.objectName()] = splitter.sizes()
    unfolded = {fold.objectName(): not fold.isChecked() for fold in folds}
    for fold in folds:
        fold.setChecked(unfolded[fold.objectName()])
    first.close()
    second = open_window()
    second.resize(first.size())
    for fold in second.findChildren(QAbstractButton):
        if fold.property("disclosure"):
            assert fold.isChecked() is unfolded[fold.objectName()], fold.objectName()
    for splitter in second.findChildren(QSplitter):
        assert splitter.saveState() == QSettings().value(f"window/splitter/{splitter.objectName()}") or not wanted
