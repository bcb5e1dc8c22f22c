"""The results as a grid: filters, verdicts on many at once, and accepting under a tolerance, by key and mouse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.domain.requests import Tolerance
from engine.domain.review import Decision, Review, ReviewRow
from engine.services.review import decide, items_of
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.review.filter import Finding, ReviewFilter, SortOrder, finding
from gui.review.result_model import THUMBNAIL, ReviewListModel
from tests.contract.factories import NOON
from tests.gui.studio import Studio

AFTER = {"A1": 2.0, "B2": 7.5, "C3": 4.0, "D4": 0.5, "E5": 1.4, "F6": -1.0}
KEY = Qt.Key
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def window(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    """Six results in the grid, worst first: B2 C3 A1 E5 D4, and F6 without a colour match."""
    studio.finish(AFTER)
    window = open_window()
    window.show_page(PageName.REVIEW)
    qtbot.keyClick(window.review.list, KEY.Key_G)
    assert window.review.grid.isVisible()
    return window


def stem(row: ReviewRow | None) -> str:
    assert row is not None
    return row.path.stem.removesuffix("_model")


def names(window: MainWindow) -> list[str]:
    results = window.review.results
    return [stem(results.result(job_id)) for job_id in results.shown_ids()]


def chosen(window: MainWindow) -> list[str]:
    return [stem(item) for item in window.review.chosen()]


def decisions(window: MainWindow, studio: Studio, qtbot: QtBot) -> dict[str, Decision]:
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    items = [item for item in items_of(studio.catalog) if item.decision is not Decision.PENDING]
    return {item.pair.on_model.path.stem.removesuffix("_model"): item.decision for item in items}


def test_g_changes_between_grid_and_viewer_and_keeps_the_active_result(window: MainWindow, qtbot: QtBot) -> None:
    page = window.review
    assert names(window) == ["B2", "C3", "A1", "E5", "D4", "F6"]
    assert QApplication.focusWidget() is page.grid
    assert not page.viewer.isVisible()
    qtbot.keyClick(page.grid, KEY.Key_Right)
    assert chosen(window) == ["C3"]
    qtbot.keyClick(page.grid, KEY.Key_G)
    assert page.viewer.isVisible()
    assert not page.grid.isVisible()
    assert stem(page.current_row()) == "C3"
    qtbot.keyClick(page.list, KEY.Key_G)
    qtbot.keyClick(page.grid, KEY.Key_Return)
    assert page.viewer.isVisible(), "Return opens the active result"


def test_thumbnails_arrive_for_the_rows_in_view(window: MainWindow, qtbot: QtBot) -> None:
    results = window.review.results
    role = Qt.ItemDataRole.DecorationRole
    qtbot.waitUntil(lambda: all(results.index(row).data(role) is not None for row in range(6)))
    picture = results.index(0).data(role)
    assert max(picture.width(), picture.height()) == THUMBNAIL


def test_a_picture_that_several_masks_share_is_painted_in_all_their_rows(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    studio.finish({"A1": -1.0, "B2": -1.0, "C3": -1.0})
    rows = studio.catalog.review_rows(None, 0, 10)
    assert len({row.picture_sha256 for row in rows}) == 1
    # A list of its own: the window's may have its thumbnails before anyone can listen.
    results = ReviewListModel(open_window().bridge, studio.artifacts)
    results.take(rows)
    painted: set[int] = set()
    results.dataChanged.connect(lambda first, last, roles: painted.update(range(first.row(), last.row() + 1)))
    for row in range(3):
        results.index(row).data(Qt.ItemDataRole.DecorationRole)  # as a delegate asks
    qtbot.waitUntil(lambda: painted == {0, 1, 2})


def test_a_verdict_goes_to_the_whole_selection_and_one_undo_takes_it_back(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    page = window.review
    qtbot.keyClick(page.grid, KEY.Key_Right)
    qtbot.keyClick(page.grid, KEY.Key_Right, SHIFT)
    assert chosen(window) == ["C3", "A1"]
    qtbot.keyClick(page.grid, KEY.Key_X)
    assert decisions(window, studio, qtbot) == {"C3": Decision.REJECTED, "A1": Decision.REJECTED}
    assert chosen(window) == ["C3", "A1"], "the selection stays for what comes next"
    qtbot.keyClick(page.grid, KEY.Key_Z, CONTROL)
    assert decisions(window, studio, qtbot) == {}
    assert not window.actions_table["undo"].isEnabled()
    qtbot.keyClick(page.grid, KEY.Key_Z, CONTROL | SHIFT)
    assert len(decisions(window, studio, qtbot)) == 2


def test_a_single_verdict_in_the_grid_goes_on_to_the_next(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    qtbot.keyClick(window.review.grid, KEY.Key_P)
    assert chosen(window) == ["C3"]
    assert decisions(window, studio, qtbot) == {"B2": Decision.APPROVED}


def test_in_the_viewer_only_the_active_result_is_meant(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    page = window.review
    qtbot.keyClick(page.grid, KEY.Key_A, CONTROL)
    assert len(chosen(window)) == 6
    qtbot.keyClick(page.grid, KEY.Key_G)
    qtbot.keyClick(page.list, KEY.Key_P)
    assert list(decisions(window, studio, qtbot)) == ["B2"]


def test_notes_of_a_selection_stay_their_own(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    rejected = [item for item in items_of(studio.catalog) if item.pair.sku == "c3"]
    decide(studio.catalog, rejected, Decision.REJECTED, note="sleeve")
    window.review.reload()
    qtbot.waitUntil(lambda: window.review.results.counts()[Decision.REJECTED] == 1)
    qtbot.keyClick(window.review.grid, KEY.Key_A, CONTROL)
    qtbot.keyClick(window.review.grid, KEY.Key_P)
    assert len(decisions(window, studio, qtbot)) == 6
    notes = {stem(row): row.note for row in studio.catalog.review_rows() if row.review is not None}
    assert notes["C3"] == "sleeve"
    assert notes["A1"] == ""


def test_accept_under_a_tolerance_says_how_many_and_undo_takes_them_back(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    page = window.review
    qtbot.keyClick(page.grid, KEY.Key_P, CONTROL | SHIFT)
    dialog = page.question
    qtbot.waitUntil(dialog.isVisible)
    assert dialog.limit.value() == Tolerance().passes, "the studio's own tolerance is proposed"
    assert dialog.told.text() == "3 results will be approved."
    assert dialog.left.text().startswith("3 undecided results of the list are left")
    dialog.limit.setValue(1.4)
    assert dialog.approve.text() == "Approve 2"
    dialog.limit.setValue(0.1)
    assert not dialog.approve.isEnabled()
    dialog.limit.setValue(9.0)
    assert dialog.approve.text() == "Approve 3", "what does not pass is not accepted unseen at any tolerance"
    dialog.limit.setValue(1.4)
    qtbot.mouseClick(dialog.approve, Qt.MouseButton.LeftButton)
    assert decisions(window, studio, qtbot) == {"D4": Decision.APPROVED, "E5": Decision.APPROVED}
    assert stem(page.current_row()) == "B2", "the active result stays"
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)
    qtbot.keyClick(page.grid, KEY.Key_Z, CONTROL)
    assert decisions(window, studio, qtbot) == {}


def test_cancelling_accepts_nothing(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    window.review.ask_to_accept()
    qtbot.waitUntil(window.review.question.isVisible)
    qtbot.keyClick(window.review.question, KEY.Key_Escape)
    assert decisions(window, studio, qtbot) == {}


def test_filters_narrow_the_list_and_show_all_widens_it(window: MainWindow, qtbot: QtBot) -> None:
    page, narrow = window.review, window.review.strip.narrow
    qtbot.keyClicks(narrow.text, "c3")
    assert names(window) == ["C3"]
    assert narrow._told.text() == "1 of 6 shown"
    qtbot.mouseClick(narrow._clear, Qt.MouseButton.LeftButton)
    assert len(names(window)) == 6
    narrow.finding.setCurrentIndex(narrow.finding.findData(Finding.PASS))
    assert names(window) == ["A1", "E5", "D4"]
    narrow.delta_E_to.setValue(1.5)
    assert names(window) == ["E5", "D4"]
    narrow.delta_E_from.setValue(1.0)
    assert names(window) == ["E5"]
    qtbot.keyClicks(narrow.sku, "zzz")
    assert names(window) == []
    assert "Show all" in page.stage.empty.text()
    assert narrow._clear.isVisible()
    narrow.clear()
    narrow.finding.setCurrentIndex(narrow.finding.findData(Finding.MASK_ONLY))
    assert names(window) == ["F6"]


def test_letters_in_the_search_field_are_no_commands(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    window.review.strip.narrow.text.setFocus()
    qtbot.keyClicks(window.review.strip.narrow.text, "pxg")
    assert window.review.strip.narrow.text.text() == "pxg"
    assert window.review.is_grid
    assert decisions(window, studio, qtbot) == {}


def test_results_that_come_in_keep_the_selection(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    page = window.review
    rows = {stem(row): row for row in page.results.rows()}
    page.results.clear()
    page.results.take([rows[name] for name in ("A1", "C3", "D4", "F6")])
    page.grid.setCurrentIndex(page.results.index(0))
    assert names(window) == ["C3", "A1", "D4", "F6"]
    qtbot.keyClick(page.grid, KEY.Key_Right)
    qtbot.keyClick(page.grid, KEY.Key_Right, SHIFT)
    assert chosen(window) == ["A1", "D4"]
    studio.catalog.add_reviews([Review(rows[name].job_id, Decision.PENDING, "Ada", "", NOON) for name in ("B2", "E5")])
    page.reload()
    qtbot.waitUntil(lambda: len(names(window)) == 6)
    assert names(window) == ["B2", "C3", "A1", "E5", "D4", "F6"]
    assert {"A1", "D4"} <= set(chosen(window))
    assert stem(page.current_row()) == "D4"


def test_the_model_keeps_qts_rules_through_every_change(window: MainWindow, studio: Studio) -> None:
    results = window.review.results
    QAbstractItemModelTester(results, QAbstractItemModelTester.FailureReportingMode.Fatal, results)
    rows = {stem(row): row for row in results.rows()}
    items = {stem(row): studio.catalog.review_item(row.job_id) for row in rows.values()}
    results.arrange(SortOrder.WORST_FIRST, ReviewFilter(decision=Decision.PENDING))
    reviewed = decide(studio.catalog, [items["C3"], items["D4"]], Decision.APPROVED)
    results.set_reviews(reviewed)
    assert names(window) == ["B2", "A1", "E5", "F6"]
    results.set_reviews(decide(studio.catalog, [items["D4"]], Decision.PENDING))
    assert names(window) == ["B2", "A1", "E5", "D4", "F6"]
    results.take([rows["B2"]._replace(delta_E_after=rows["D4"].delta_E_after)])
    assert names(window) == ["A1", "E5", "B2", "D4", "F6"], "made again, it moves to its place"
    for row, job_id in enumerate(results.shown_ids()):
        assert results.row_of(job_id) == row
    assert results.row_of(rows["C3"].job_id) is None
    results.take([rows["A1"]._replace(superseded_by=rows["B2"].job_id)])
    assert names(window) == ["E5", "B2", "D4", "F6"], "what has a newer version makes room for it"
    results.clear()
    assert names(window) == []
    results.take(list(rows.values()), more=True)
    results.take([rows["A1"]])
    assert names(window) == ["B2", "C3", "A1", "E5", "D4", "F6"], "one order, in whatever portions they came"


def test_a_doubtful_mask_is_never_accepted_unseen(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    studio.finish({"A1": 0.5}, confidence=0.3)
    window = open_window()
    window.show_page(PageName.REVIEW)
    assert finding(next(iter(window.review.results.rows()))) is Finding.UNSURE
    window.review.ask_to_accept()
    assert not window.review.question.approve.isEnabled()
    window.review.question.reject()
