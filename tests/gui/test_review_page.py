"""Looking, comparing and deciding."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QToolButton
from pytestqt.qtbot import QtBot

from engine.domain.geometry import Extent
from engine.domain.review import Decision
from engine.services.review import current_reviewer, decide, items_of
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.review.filter import SortOrder
from gui.viewer.compare_view import Part
from tests.gui.studio import EXTENT, PREVIEW, Studio

AFTER = {"A1": 2.0, "B2": 7.5, "C3": 4.0, "D4": 0.5}
KEY = Qt.Key


@pytest.fixture
def window(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    studio.finish(AFTER)
    window = open_window()
    window.show_page(PageName.REVIEW)
    qtbot.waitUntil(lambda: window.review.compare.panes[Part.RESULT].view.picture is not None)
    return window


def name(window: MainWindow) -> str:
    row = window.review.current_row()
    return row.path.stem.removesuffix("_model") if row else ""


def names(window: MainWindow) -> list[str]:
    results = window.review.results
    return [results.result(i).path.stem.removesuffix("_model") for i in results.shown_ids()]


def decisions(studio: Studio) -> dict[str, Decision]:
    return {i.pair.on_model.path.stem.removesuffix("_model"): i.decision for i in items_of(studio.catalog)}


def press(window: MainWindow, qtbot: QtBot, key: Qt.Key, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    qtbot.keyClick(window.review.list, key, modifier)


def written(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.bridge.is_busy)


def test_the_worst_result_comes_first(window: MainWindow) -> None:
    assert names(window) == ["B2", "C3", "A1", "D4"]
    assert name(window) == "B2"
    figures = window.review.figures.texts()
    assert figures["before"] == "13.50"
    assert figures["after"] == "7.50"
    assert figures["verdict"] == "Fail"
    assert figures["ΔL* after"] == "+1.2"
    assert figures["ΔC* after"] == "−2.5"
    assert figures["Mask coverage"] == "25.0 %"
    assert figures["Mask confidence"] == "90 %"
    assert figures["Texture kept"] == "98.7 %"
    assert figures["Outside the mask"] == "0 · untouched"


def test_arrows_move_and_stop_at_the_ends(window: MainWindow, qtbot: QtBot) -> None:
    press(window, qtbot, KEY.Key_Up)
    assert name(window) == "B2"
    press(window, qtbot, KEY.Key_Down)
    press(window, qtbot, KEY.Key_Right)
    assert name(window) == "A1"
    press(window, qtbot, KEY.Key_Left)
    assert name(window) == "C3"


def test_verdicts_by_key_advance_and_are_kept(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    press(window, qtbot, KEY.Key_X)
    assert name(window) == "C3"
    press(window, qtbot, KEY.Key_P)
    assert name(window) == "A1"
    written(window, qtbot)
    assert decisions(studio) == {
        "A1": Decision.PENDING, "B2": Decision.REJECTED, "C3": Decision.APPROVED, "D4": Decision.PENDING,
    }  # fmt: skip
    press(window, qtbot, KEY.Key_Left)
    assert window.review.side.who.text().startswith(f"Approved by {current_reviewer()}, ")
    assert window.review.side.verdicts["approve"].isChecked()
    press(window, qtbot, KEY.Key_U)
    written(window, qtbot)
    assert name(window) == "C3", "taking a verdict back stays"
    assert decisions(studio)["C3"] is Decision.PENDING


def test_at_the_end_of_the_list_the_undecided_come_next(window: MainWindow, qtbot: QtBot) -> None:
    press(window, qtbot, KEY.Key_P)
    for _ in range(3):
        press(window, qtbot, KEY.Key_Down)
    assert name(window) == "D4"
    press(window, qtbot, KEY.Key_P)
    assert name(window) == "C3"


def test_verdicts_by_mouse(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    button = window.review.findChild(QToolButton, "reject_button")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    written(window, qtbot)
    assert decisions(studio)["B2"] is Decision.REJECTED


def test_undo_and_redo_walk_back_and_forth(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    control = Qt.KeyboardModifier.ControlModifier
    press(window, qtbot, KEY.Key_P)
    press(window, qtbot, KEY.Key_X)
    press(window, qtbot, KEY.Key_Z, control)
    assert name(window) == "C3", "undo shows what it changed"
    press(window, qtbot, KEY.Key_Z, control)
    assert name(window) == "B2"
    written(window, qtbot)
    assert set(decisions(studio).values()) == {Decision.PENDING}
    assert not window.actions_table["undo"].isEnabled()
    press(window, qtbot, KEY.Key_Z, control | Qt.KeyboardModifier.ShiftModifier)
    written(window, qtbot)
    assert decisions(studio)["B2"] is Decision.APPROVED
    reviews = studio.catalog.reviews(next(i.job.id for i in items_of(studio.catalog) if i.pair.sku == "b2"))
    assert [review.decision for review in reviews] == [Decision.APPROVED, Decision.PENDING, Decision.APPROVED]


def test_filters_show_one_kind_and_follow_verdicts(window: MainWindow, qtbot: QtBot) -> None:
    filters = window.review.strip.filters
    assert filters[Decision.PENDING].text() == "Pending 4"
    qtbot.mouseClick(filters[Decision.PENDING], Qt.MouseButton.LeftButton)
    press(window, qtbot, KEY.Key_P)
    assert names(window) == ["C3", "A1", "D4"]
    assert name(window) == "C3"
    assert filters[Decision.APPROVED].text() == "Approved 1"
    qtbot.mouseClick(filters[Decision.APPROVED], Qt.MouseButton.LeftButton)
    assert names(window) == ["B2"]
    qtbot.mouseClick(filters[Decision.REJECTED], Qt.MouseButton.LeftButton)
    assert names(window) == []
    assert window.review.stage.empty.text() == "No result has this verdict"
    assert not window.actions_table["approve"].isEnabled()


def test_sorting_by_name(window: MainWindow) -> None:
    window.review.strip.sort.setCurrentIndex(window.review.strip.sort.findData(SortOrder.NAME))
    assert names(window) == ["A1", "B2", "C3", "D4"]
    assert name(window) == "B2", "the shown result stays shown"


def test_notes_are_written_not_taken_as_keys(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    press(window, qtbot, KEY.Key_N)
    qtbot.waitUntil(window.review.note.hasFocus)
    qtbot.keyClicks(window.review.note, "px hem is grey")
    assert set(decisions(studio).values()) == {Decision.PENDING}
    qtbot.keyClick(window.review.note, KEY.Key_Return)
    press(window, qtbot, KEY.Key_X)
    written(window, qtbot)
    item = next(i for i in items_of(studio.catalog) if i.pair.sku == "b2")
    assert item.review is not None
    assert item.review.note == "px hem is grey"
    assert window.review.note.toPlainText() == "", "the next result has its own note"
    press(window, qtbot, KEY.Key_Up)
    press(window, qtbot, KEY.Key_N)
    qtbot.keyClicks(window.review.note, "!")
    qtbot.keyClick(window.review.note, KEY.Key_Escape)
    written(window, qtbot)
    item = next(i for i in items_of(studio.catalog) if i.pair.sku == "b2")
    assert item.review is not None
    assert item.decision is Decision.REJECTED
    assert "!" in item.review.note, "a note that is changed later keeps the verdict"


def test_previews_come_first_and_full_resolution_when_looked_at_closely(window: MainWindow, qtbot: QtBot) -> None:
    compare = window.review.compare
    result = compare.panes[Part.RESULT].view
    assert result.picture is not None
    assert result.picture.levels[0].width == PREVIEW.width
    assert result.picture.extent == EXTENT
    press(window, qtbot, KEY.Key_Z)
    assert result.scale == pytest.approx(1.0)
    qtbot.waitUntil(lambda: all(compare.is_full(part) for part in (Part.FLATLAY, Part.ORIGINAL, Part.RESULT)))
    assert result.picture.levels[0].width == EXTENT.width
    assert "100 %" in compare.panes[Part.RESULT].facts
    press(window, qtbot, KEY.Key_Down)
    assert not compare.is_full(Part.RESULT), "another result begins with its preview"
    press(window, qtbot, KEY.Key_F)
    assert compare.link.zoom == 1.0


def test_space_blinks_between_result_and_original(window: MainWindow, qtbot: QtBot) -> None:
    compare = window.review.compare
    original, result = compare.panes[Part.ORIGINAL].view, compare.panes[Part.RESULT].view
    assert result.picture is not original.picture
    press(window, qtbot, KEY.Key_Space)
    assert result.picture is original.picture
    press(window, qtbot, KEY.Key_Space)
    assert result.picture is not original.picture


def test_m_lays_the_mask_over_original_and_result(window: MainWindow, qtbot: QtBot) -> None:
    panes = window.review.compare.panes
    press(window, qtbot, KEY.Key_M)
    qtbot.waitUntil(lambda: panes[Part.RESULT].view.mask is not None)
    assert panes[Part.ORIGINAL].view.mask is not None
    assert panes[Part.FLATLAY].view.mask is None
    mask = panes[Part.RESULT].view.mask
    assert mask.extent == EXTENT
    press(window, qtbot, KEY.Key_M)
    assert panes[Part.RESULT].view.mask is None


def test_keys_of_one_page_do_nothing_on_another(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    window.show_page(PageName.EXPORT)
    qtbot.keyClick(window, KEY.Key_P)
    qtbot.wait(20)
    assert set(decisions(studio).values()) == {Decision.PENDING}
    qtbot.keyClick(window, KEY.Key_3, Qt.KeyboardModifier.ControlModifier)
    assert window.page is PageName.REVIEW
    qtbot.keyClick(window.review.list, KEY.Key_P)
    written(window, qtbot)
    assert decisions(studio)["B2"] is Decision.APPROVED


def test_question_mark_shows_every_key(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, KEY.Key_Question, Qt.KeyboardModifier.ShiftModifier)
    assert window._sheet is not None
    qtbot.waitUntil(window._sheet.isVisible)
    qtbot.keyClick(window._sheet, KEY.Key_Escape)
    assert not window._sheet.isVisible()


def test_a_mask_only_result_shows_the_mask_and_no_colours(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    studio.finish({"M1": -1.0}, confidence=0.3)
    window = open_window()
    window.show_page(PageName.REVIEW)
    result = window.review.compare.panes[Part.RESULT].view
    qtbot.waitUntil(lambda: result.mask is not None and result.picture is not None)
    assert not window.review.figures._colour.isVisible()
    assert window.review.figures.texts()["Mask confidence"] == "30 % · look first"
    assert result.picture is window.review.compare.panes[Part.ORIGINAL].view.picture


def test_a_picture_that_is_gone_is_told_calmly(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    studio.finish({"A1": 2.0})
    window = open_window()
    window.show_page(PageName.REVIEW)
    qtbot.waitUntil(lambda: window.review.compare.panes[Part.RESULT].view.picture is not None)
    (studio.folder / "drop" / "A1_model.jpg").unlink()
    press(window, qtbot, KEY.Key_Z)
    qtbot.waitUntil(window.banner.isVisible)
    assert "A1_model.jpg" in window.banner.text()
    assert "Traceback" not in window.banner.text()


def test_a_verdict_of_an_earlier_session_is_shown(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    studio.finish({"A1": 2.0})
    decide(studio.catalog, items_of(studio.catalog), Decision.REJECTED, reviewer="Mina", note="sleeve")
    window = open_window()
    window.show_page(PageName.REVIEW)
    assert window.review.side.who.text().startswith("Rejected by Mina, ")
    assert window.review.note.toPlainText() == "sleeve"
    assert window.review.current().pair.on_model.extent == Extent(600, 900)
    assert QApplication.focusWidget() is window.review.list
