"""The grid's geometry, keys and mouse, with real events; the model under Qt's own tester."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, QSize, QStringListModel, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QAbstractItemView
from pytestqt.qtbot import QtBot

from gui.review.grid_view import GridView
from gui.review.strip_view import HEIGHT, StripView

KEY, NONE = Qt.Key, Qt.KeyboardModifier.NoModifier
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
CELL, MARGIN = QSize(100, 80), 8


@pytest.fixture
def grid(qtbot: QtBot) -> GridView:
    """Twenty-three items, five to a line and four lines in view."""
    return shown(qtbot, 23)


def shown(qtbot: QtBot, count: int) -> GridView:
    view = GridView(CELL, MARGIN)
    qtbot.addWidget(view)
    model = QStringListModel([f"item {row}" for row in range(count)], view)
    view._tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, view)
    view.setModel(model)
    view.resize(560, 340)
    with qtbot.waitExposed(view):
        view.show()
    spare = view.width() - view.viewport().width()
    view.resize(5 * CELL.width() + 2 * MARGIN + 30 + spare, 4 * CELL.height() + 2 * MARGIN + 10)
    assert view.columns == 5
    return view


def put(view: GridView, row: int) -> None:
    view.setCurrentIndex(view.model().index(row, 0))


def press(qtbot: QtBot, view: GridView, key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> tuple[int, list[int]]:
    qtbot.keyClick(view, key, modifiers)
    return view.currentIndex().row(), view.selected_rows()


def click(qtbot: QtBot, view: GridView, row: int, modifiers: Qt.KeyboardModifier = NONE) -> tuple[int, list[int]]:
    place = view.visualRect(view.model().index(row, 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifiers, place)
    return view.currentIndex().row(), view.selected_rows()


def test_cells_fill_the_width_without_gap_or_overlap(grid: GridView) -> None:
    rects = [grid.visualRect(grid.model().index(row, 0)) for row in range(23)]
    for row, rect in enumerate(rects):
        assert rect.height() == CELL.height()
        assert rect.width() >= CELL.width()
        if row % 5:
            assert rect.left() == rects[row - 1].right() + 1
        if row >= 5:
            assert rect.top() == rects[row - 5].bottom() + 1
    assert rects[0].topLeft() == QPoint(MARGIN, MARGIN)
    assert rects[4].right() == grid.viewport().width() - MARGIN - 1


def test_every_point_of_a_cell_finds_its_item_and_no_other_does(grid: GridView) -> None:
    for row in range(15):
        rect = grid.visualRect(grid.model().index(row, 0))
        for point in (rect.topLeft(), rect.bottomRight(), rect.center()):
            assert grid.indexAt(point).row() == row
    assert not grid.indexAt(QPoint(2, 2)).isValid()
    assert not grid.indexAt(QPoint(grid.viewport().width() - 2, 40)).isValid()
    grid.verticalScrollBar().setValue(grid.verticalScrollBar().maximum())
    last = grid.visualRect(grid.model().index(22, 0))
    assert not grid.indexAt(last.center() + QPoint(last.width(), 0)).isValid(), "behind the last item is nothing"


def test_a_hundred_thousand_rows_are_reached_to_the_last_pixel(qtbot: QtBot) -> None:
    view = shown(qtbot, 100_000)
    assert view.verticalScrollBar().maximum() == 20_000 * 80 + 2 * MARGIN - view.viewport().height()
    assert press(qtbot, view, KEY.Key_End)[0] == 99_999
    rect = view.visualRect(view.currentIndex())
    assert view.viewport().rect().contains(rect)
    assert view.indexAt(rect.center()).row() == 99_999
    view.selectAll()
    assert len(view.selectionModel().selection()) == 1, "one range, not a hundred thousand indexes"


@pytest.mark.parametrize(
    ("start", "key", "end"),
    [
        (7, KEY.Key_Left, 6), (7, KEY.Key_Right, 8), (7, KEY.Key_Up, 2), (7, KEY.Key_Down, 12),
        (4, KEY.Key_Right, 5), (5, KEY.Key_Left, 4), (0, KEY.Key_Left, 0), (22, KEY.Key_Right, 22),
        (2, KEY.Key_Up, 2), (19, KEY.Key_Down, 22), (21, KEY.Key_Down, 21), (7, KEY.Key_Home, 0),
        (7, KEY.Key_End, 22), (1, KEY.Key_PageDown, 21), (22, KEY.Key_PageUp, 2), (3, KEY.Key_PageUp, 3),
    ],
)  # fmt: skip
def test_keys_move_the_active_item(grid: GridView, qtbot: QtBot, start: int, key: Qt.Key, end: int) -> None:
    put(grid, start)
    assert press(qtbot, grid, key) == (end, [end])
    assert grid.viewport().rect().contains(grid.visualRect(grid.currentIndex())), "the active item is in view"


def test_shift_selects_in_reading_order_from_where_it_began(grid: GridView, qtbot: QtBot) -> None:
    put(grid, 6)
    assert press(qtbot, grid, KEY.Key_Down, SHIFT) == (11, [6, 7, 8, 9, 10, 11])
    assert press(qtbot, grid, KEY.Key_Left, SHIFT) == (10, [6, 7, 8, 9, 10])
    assert press(qtbot, grid, KEY.Key_Home, SHIFT) == (0, [0, 1, 2, 3, 4, 5, 6])
    assert click(qtbot, grid, 8) == (8, [8])
    assert click(qtbot, grid, 12, SHIFT) == (12, [8, 9, 10, 11, 12])
    assert click(qtbot, grid, 5, SHIFT) == (5, [5, 6, 7, 8])


def test_control_and_space_choose_single_items(grid: GridView, qtbot: QtBot) -> None:
    click(qtbot, grid, 1)
    assert click(qtbot, grid, 3, CONTROL) == (3, [1, 3])
    assert click(qtbot, grid, 1, CONTROL) == (1, [3])
    assert press(qtbot, grid, KEY.Key_Right, CONTROL) == (2, [3]), "the active item moves, the selection stays"
    assert press(qtbot, grid, KEY.Key_Space) == (2, [2, 3])
    assert press(qtbot, grid, KEY.Key_Space) == (2, [3])
    assert press(qtbot, grid, KEY.Key_A, CONTROL) == (2, list(range(23)))


def test_a_drag_selects_from_cell_to_cell(grid: GridView, qtbot: QtBot) -> None:
    def at(row: int) -> QPoint:
        return grid.visualRect(grid.model().index(row, 0)).center()

    grid.setDragEnabled(False)
    qtbot.mousePress(grid.viewport(), Qt.MouseButton.LeftButton, NONE, at(6))
    qtbot.mouseMove(grid.viewport(), at(7))
    qtbot.mouseMove(grid.viewport(), at(13))
    qtbot.mouseRelease(grid.viewport(), Qt.MouseButton.LeftButton, NONE, at(13))
    assert grid.selected_rows() == list(range(6, 14))


def test_return_and_double_click_open(grid: GridView, qtbot: QtBot) -> None:
    opened: list[int] = []
    grid.opened.connect(lambda index: opened.append(index.row()))
    put(grid, 4)
    press(qtbot, grid, KEY.Key_Return)
    place = grid.visualRect(grid.model().index(9, 0)).center()
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, NONE, place)
    qtbot.mouseDClick(grid.viewport(), Qt.MouseButton.LeftButton, NONE, place)
    assert opened == [4, 9]


def test_rows_that_come_and_go_keep_selection_and_range(grid: GridView, qtbot: QtBot) -> None:
    model, bar = grid.model(), grid.verticalScrollBar()
    put(grid, 10)
    before = bar.maximum()
    model.insertRows(0, 5)
    assert grid.currentIndex().row() == 15
    assert grid.selected_rows() == [15]
    assert bar.maximum() == before + CELL.height()
    model.removeRows(0, 13)
    assert grid.currentIndex().row() == 2
    assert bar.maximum() == 0
    model.removeRows(0, model.rowCount())
    assert not grid.currentIndex().isValid()
    assert press(qtbot, grid, KEY.Key_Down) == (-1, [])
    grid.repaint()


def test_the_rows_in_view_are_told_once_after_scrolling(qtbot: QtBot) -> None:
    grid = shown(qtbot, 100)
    qtbot.wait(20)
    told: list[tuple[int, int]] = []
    grid.visible_changed.connect(lambda first, last: told.append((first, last)))
    bar = grid.verticalScrollBar()
    for value in range(20, 100, 10):
        bar.setValue(value)
    qtbot.waitUntil(lambda: bool(told))
    qtbot.wait(20)
    assert told == [(5, 29)]


def test_resizing_keeps_the_place(qtbot: QtBot) -> None:
    view = shown(qtbot, 5000)
    view.scrollTo(view.model().index(2500, 0), QAbstractItemView.ScrollHint.PositionAtTop)
    view.resize(view.width() - 2 * CELL.width(), view.height())
    assert view.columns == 3
    first, last = view.visible_rows()
    assert first <= 2500 <= last


def test_scrolling_paints_what_painting_afresh_would(grid: GridView, qtbot: QtBot) -> None:
    """A scrolled strip that were painted in the wrong place would stay on the screen."""
    put(grid, 7)
    grid.selectionModel().select(grid.model().index(12, 0), QItemSelectionModel.SelectionFlag.Select)
    bar = grid.verticalScrollBar()
    for value in (13, 40, 31):
        bar.setValue(value)
        qtbot.wait(5)
    scrolled = grid.grab().toImage()
    grid.viewport().update()
    qtbot.wait(5)
    assert scrolled == grid.grab().toImage()


def test_the_active_item_is_told_to_screen_readers(grid: GridView) -> None:
    assert grid.accessibleName()
    put(grid, 4)
    assert grid.accessibleDescription() == "item 4, 5 of 23"


def test_a_strip_is_one_column_however_wide(qtbot: QtBot) -> None:
    strip = StripView()
    qtbot.addWidget(strip)
    strip.setModel(QStringListModel([f"item {row}" for row in range(2000)], strip))
    strip.resize(284, 10 * HEIGHT)
    with qtbot.waitExposed(strip):
        strip.show()
    assert strip.columns == 1
    assert strip.visible_rows() == (0, strip.viewport().height() // HEIGHT - (strip.viewport().height() % HEIGHT == 0))
    assert strip.visualRect(strip.model().index(3, 0)).width() == strip.viewport().width()
