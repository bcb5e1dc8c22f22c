"""What an operator's eye expects of the window: notices that leave, bars that yield, pictures at 100 %."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QApplication, QMenu, QScrollBar, QSplitter
from pytestqt.qtbot import QtBot

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.domain.jobs import CancelledJob, Started
from gui.actions import PageName
from gui.frame import banner as banners
from gui.frame.main_window import MainWindow
from gui.viewer.view_geometry import MARGIN, fit_factor
from tests.gui.studio import Studio


@pytest.fixture
def review_window(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    studio.finish({"A1": 9.0, "B2": 4.0, "C3": 1.0})
    window = open_window()
    window.show_page(PageName.REVIEW)
    qtbot.waitUntil(lambda: window.review.results.rowCount() == 3)
    return window


def test_a_notice_leaves_by_itself_and_an_error_stays(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(banners, "_NOTICED_MS", 50)
    monkeypatch.setattr(banners, "_LETTER_MS", 1)
    window.notify("Version 2 is being matched.")
    assert window.banner.isVisible()
    qtbot.waitUntil(window.banner.isHidden)
    window.report(KnownError("the disk is full", remedy="Free some space."))
    qtbot.wait(300)
    assert window.banner.isVisible()


def test_a_notice_leaves_as_soon_as_what_it_announced_has_come(window: MainWindow) -> None:
    window.notify("Version 2 is being matched.", until=7)
    window.on_event(Started(7, 1))
    window.on_event(CancelledJob(6))
    assert window.banner.isVisible()
    window.on_event(CancelledJob(7))
    assert window.banner.isHidden()
    window.notify("Version 3 is being matched.", until=8)
    window.report(KnownError("the disk is full", remedy="Free some space."))
    window.notify("Version 4 is being matched.", until=9)
    window.on_event(CancelledJob(9))
    assert window.banner.text() == "The disk is full. Free some space.", "an error stays"
    window.banner.dismiss.click()
    assert window.banner.isHidden(), "what came meanwhile need not be announced"


def test_a_notice_waits_behind_an_error_until_that_is_dismissed(window: MainWindow, qtbot: QtBot) -> None:
    window.report(KnownError("the disk is full", remedy="Free some space."))
    window.notify("The queue is finished: 3 done.")
    assert window.banner.text() == "The disk is full. Free some space."
    qtbot.mouseClick(window.banner.dismiss, Qt.MouseButton.LeftButton)
    assert window.banner.text() == "The queue is finished: 3 done."
    qtbot.mouseClick(window.banner.dismiss, Qt.MouseButton.LeftButton)
    assert window.banner.isHidden()


def test_a_notice_stays_while_it_is_pointed_at(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.notify("Version 2 is being matched.")
    assert window.banner._leaving.isActive()
    qtbot.mouseMove(window.banner)
    qtbot.waitUntil(window.banner.underMouse)
    assert not window.banner._leaving.isActive()
    monkeypatch.setattr(banners, "_NOTICED_MS", 50)  # not before: it would be gone before a slow pointer is there
    monkeypatch.setattr(banners, "_LETTER_MS", 1)
    window.notify("Version 3 is being matched.")
    qtbot.wait(300)
    assert window.banner.isVisible()
    qtbot.mouseMove(window.header)
    qtbot.waitUntil(window.banner.isHidden)


@pytest.mark.parametrize(("width", "height"), [(1120, 700), (1600, 900)])
def test_every_viewing_command_has_a_button_or_a_place_in_the_menu(
    review_window: MainWindow, qtbot: QtBot, width: int, height: int
) -> None:
    window, bar = review_window, review_window.review.stage.bar
    window.resize(width, height)
    qtbot.waitUntil(lambda: window.width() == width and not window.bridge.is_busy)
    QApplication.processEvents()
    menu = bar.more.menu()
    assert isinstance(menu, QMenu)
    menu.aboutToShow.emit()
    listed = {action.objectName() for action in menu.actions()}
    buttons = {name for name in bar._buttons if bar.has_button(name)}
    assert not buttons & listed
    assert {"loupe", "eyedropper", "disagreement", "edit_mask", "wipe", "compare", "heat_map"} <= buttons | listed
    assert {"compare", "mask", "heat_map", "edit_mask"} <= buttons, (
        "the ones that are used most have room in any window"
    )
    for name in buttons:
        button = bar._buttons[name]
        assert button.width() >= button.sizeHint().width(), name
        assert button.geometry().right() < bar.more.geometry().left(), name


def test_no_scroll_bar_has_a_handle_where_there_is_nothing_to_scroll(review_window: MainWindow, qtbot: QtBot) -> None:
    window = review_window
    window.actions_table["grid"].trigger()
    qtbot.waitUntil(window.review.grid.isVisible)
    bar = window.review.grid.verticalScrollBar()
    assert isinstance(bar, QScrollBar)
    assert bar.isVisible()
    assert bar.maximum() == 0
    assert not bar.isEnabled()
    image = bar.grab().toImage()
    assert len({image.pixel(image.width() // 2, y) for y in range(image.height())}) == 1, (
        "one colour from top to bottom"
    )
    window.resize(1120, 700)
    window.review.grid.set_cell(QSize(188, 900))
    assert bar.isEnabled()


def test_the_strip_is_as_wide_as_it_was_made(
    review_window: MainWindow, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    splitter = review_window.review.findChild(QSplitter)
    assert isinstance(splitter, QSplitter)
    before = review_window.review.strip.width()
    splitter.moveSplitter(before + 120, 1)
    assert review_window.review.strip.width() == before + 120
    review_window.close()
    second = open_window()
    second.show_page(PageName.REVIEW)
    QApplication.processEvents()
    assert second.review.strip.width() == before + 120


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_what_nearly_fits_at_100_percent_is_shown_at_100_percent(ratio: float) -> None:
    extent = Extent(round(600 * ratio), round(900 * ratio))
    for slack in (-20, 0, 2 * MARGIN, 60):
        factor = fit_factor(extent, QSize(600 + 400, 900 + slack), ratio)
        is_cut = slack < 0
        assert (factor * ratio == 1) is (not is_cut), slack
    assert fit_factor(extent, QSize(600 + 400, 900 + 300), ratio) * ratio > 1.2, "a smaller one fills the view"


def test_a_small_picture_fills_the_view_and_can_be_reduced_to_100_percent(
    review_window: MainWindow, qtbot: QtBot
) -> None:
    window = review_window
    window.resize(1600, 1400)
    window.actions_table["split"].trigger()
    window.actions_table["split"].trigger()  # the result alone
    view = window.review.compare._main
    qtbot.waitUntil(lambda: view.picture is not None and view.scale > 1.1)
    window.actions_table["actual_size"].trigger()
    assert view.scale == pytest.approx(1)
    window.actions_table["zoom_out"].trigger()
    assert view.scale == pytest.approx(1), "less than that would only be smaller"
    window.actions_table["fit"].trigger()
    assert view.scale > 1.1


def test_another_batch_is_shown_while_jobs_are_selected(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    """The rows that leave have jobs until they have left: whoever keeps the selection asks for them."""
    jobs = studio.queue("A1", "B2", color_match=False)
    window = open_window()
    window.show_page(PageName.QUEUE)
    window.header.batches.setCurrentIndex(0)
    qtbot.waitUntil(lambda: window.queue.jobs.rowCount() == 2 and not window.bridge.is_busy)
    window.queue.table.selectAll()
    window.header.batches.setCurrentIndex(window.header.batches.findData(jobs[0].batch_id))
    assert window.queue.jobs.rowCount() == 0
    qtbot.waitUntil(lambda: window.queue.jobs.rowCount() == 2 and not window.bridge.is_busy)
    window.queue.table.selectAll()
    window.queue.jobs.begin_reading()
    window.queue.jobs.end_reading(is_whole=True)
    assert window.queue.jobs.rowCount() == 0


def test_the_tool_stays_marked_when_its_key_is_pressed_twice() -> None:
    from gui.mask_editor.model import MaskModel, MaskTool

    model, told = MaskModel(), []
    model.changed.connect(lambda: told.append(model.settings.tool))
    model.hold(MaskTool.FILL)
    model.hold(MaskTool.FILL)
    assert told == [MaskTool.FILL, MaskTool.FILL], "the panel marks it again"


def test_a_rejections_line_is_one_line_where_there_is_room(review_window: MainWindow, qtbot: QtBot) -> None:
    reasons = review_window.review.reasons
    button = reasons._buttons[0]
    review_window.resize(1600, 900)
    reasons.offer("A1_model.jpg")
    qtbot.waitUntil(lambda: button.y() < reasons._told.geometry().bottom() and button.x() > reasons._told.x())
    review_window.resize(1120, 700)
    reasons.offer("a photograph with a name that is a good deal longer than the others_model.jpg")
    qtbot.waitUntil(lambda: button.y() > reasons._told.geometry().bottom())
