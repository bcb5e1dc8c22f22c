"""A grid of equal cells whose places are computed: 100,000 items cost no more to lay out than ten."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QApplication, QFrame, QStyle, QStyleOptionViewItem, QWidget

from gui.review.grid_geometry import GridGeometry

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_TELL_MS = 16  # at most once a frame
_WHEEL_STEP = 3  # steps of the scroll bar to one notch of the wheel
_NAVIGATION = frozenset(
    (
        Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End,
        Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter,
    )
)  # fmt: skip


class GridView(QAbstractItemView):
    """Shows a list model as a grid: the current item is the active one, beside it any number are selected.

    Nothing is stored per item: its place follows from `GridGeometry`, so layout, hit test and scroll range are O(1),
    and painting touches the visible rows only. Arrows, Home, End and Page move the active item, with Shift they select
    a range and with Ctrl they leave the selection alone; Space takes the active item into the selection or out of it,
    Return opens it. GUI thread only.

    Attributes
    ----------
    opened : Signal
        ``opened(index)``: an item was double-clicked, or Return was pressed on it.
    visible_changed : Signal
        ``visible_changed(first, last)``: rows in view, after scrolling or layout has come to rest in the event loop.
    dragged_out : Signal
        The selected items were taken hold of and moved. A drag that begins on any other item, or between the items,
        selects a range.
    """

    opened = Signal(QModelIndex)
    visible_changed = Signal(int, int)
    dragged_out = Signal()

    def __init__(self, cell: QSize, margin: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._cell, self._margin = cell, margin
        self._hovered, self._first = -1, 0
        self._held_at: QPoint | None = None  # where the button went down on what can be dragged out
        self._is_out = False
        self._told: tuple[int, int] | None = None
        self._telling = QTimer(self)
        self._telling.setSingleShot(True)
        self._telling.setInterval(_TELL_MS)
        self._telling.timeout.connect(self._tell_visible)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # A bar that comes and goes would change the columns, and with them whether the bar is needed.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)
        self.setAccessibleName("Results")
        self.doubleClicked.connect(self.opened)

    # -- geometry, in viewport pixels ---------------------------------------------------------------------------

    @property
    def _grid(self) -> GridGeometry:
        """Where the cells lie now."""
        return GridGeometry(self.viewport().size(), self._cell, self._margin, self._count(), self.verticalOffset())

    @property
    def columns(self) -> int:
        """Cells side by side."""
        return self._grid.columns

    def set_cell(self, cell: QSize) -> None:
        """Another size of every cell; the active item, or else the first in view, stays in view."""
        keep = self.currentIndex().row() if self.currentIndex().isValid() else self.visible_rows()[0]
        self._cell = cell
        self.updateGeometries()
        if 0 <= keep < self._count():
            self.scrollTo(self._index(keep))
        self.viewport().update()

    def visible_rows(self) -> tuple[int, int]:
        """First and last row in view, also partly; the last is below the first where there are none."""
        return self._grid.visible_rows()

    def visualRect(self, index: _Index) -> QRect:
        if not index.isValid() or index.parent().isValid():
            return QRect()
        return self._grid.rect(index.row())

    def indexAt(self, point: QPoint) -> QModelIndex:
        row = self._grid.row_at(point)
        return self._index(row) if row is not None else QModelIndex()

    def scrollTo(
        self, index: _Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        rect, bar, height = self.visualRect(index), self.verticalScrollBar(), self.viewport().height()
        if rect.isNull():
            return
        above, below = rect.top() - self._margin, rect.bottom() + self._margin - height + 1
        hints = QAbstractItemView.ScrollHint
        if hint is hints.PositionAtCenter:
            step = rect.center().y() - height // 2
        elif hint is hints.PositionAtTop or above < 0:
            step = above
        elif hint is hints.PositionAtBottom or below > 0:
            step = min(above, below)
        else:
            return
        bar.setValue(bar.value() + step)

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: _Index) -> bool:
        return False

    def updateGeometries(self) -> None:
        super().updateGeometries()
        height = self.viewport().height()
        bar = self.verticalScrollBar()
        bar.setPageStep(height)
        bar.setSingleStep(max(1, self._cell.height() // _WHEEL_STEP))
        bar.setRange(0, max(0, self._grid.height - height))
        bar.setEnabled(bar.maximum() > 0)  # the style sheet draws no handle where there is nothing to scroll
        self._first = self.visible_rows()[0] if bar.value() else 0
        self._tell_soon()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        # Only the strip that comes into view is painted anew.
        self.viewport().scroll(0, dy)
        self._first = self.visible_rows()[0] if self.verticalOffset() else 0
        self._tell_soon()

    def resizeEvent(self, event: QResizeEvent) -> None:
        # The cell in the upper left stays there, whatever the number of columns becomes.
        # The viewport has its new width already, so the row is the one from before.
        held = self._first
        super().resizeEvent(event)
        self.updateGeometries()
        if held:
            self.scrollTo(self._index(min(held, self._count() - 1)), QAbstractItemView.ScrollHint.PositionAtTop)

    # -- the model ----------------------------------------------------------------------------------------------

    def setModel(self, model: QAbstractItemModel | None) -> None:
        if self.model() is not None:
            self.model().rowsRemoved.disconnect(self._rows_removed)
        super().setModel(model)
        if model is not None:
            model.rowsRemoved.connect(self._rows_removed)  # the base class has no virtual call for rows that are gone

    def reset(self) -> None:
        super().reset()
        self._hovered, self._told = -1, None
        self.updateGeometries()
        self.viewport().update()

    def rowsInserted(self, parent: _Index, start: int, end: int) -> None:
        super().rowsInserted(parent, start, end)
        self._rows_changed(start)

    def _rows_removed(self, parent: _Index, start: int, end: int) -> None:
        self._hovered = -1
        self._rows_changed(start)

    def _rows_changed(self, first: int) -> None:
        self._told = None
        self.updateGeometries()
        if first <= self.visible_rows()[1] + 1:
            self.viewport().update()

    # -- selection ----------------------------------------------------------------------------------------------

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Select from the item at the rectangle's first corner to the one at its last, in reading order."""
        selection = QItemSelection()
        grid, corners = self._grid, (rect.topLeft(), rect.bottomRight())
        ends, exact = [grid.nearest_row(corner) for corner in corners], [grid.row_at(corner) for corner in corners]
        # A press between the cells selects nothing; a drag that begins or ends there reaches to the nearest cell.
        if self._count() and (exact != [None, None] or ends[0] != ends[1]):
            selection.select(self._index(min(ends)), self._index(max(ends)))
        self.selectionModel().select(selection, command)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        region = QRegion()
        first, last = self.visible_rows()
        for part in selection.toList():
            for row in range(max(first, part.top()), min(last, part.bottom()) + 1):
                region += self.visualRect(self._index(row))
        return region

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        if not self._count():
            return QModelIndex()
        return self._index(self._grid.moved(self.currentIndex().row(), action))

    def selected_rows(self) -> list[int]:
        """Selected rows in order."""
        return sorted(
            {row for part in self.selectionModel().selection().toList() for row in range(part.top(), part.bottom() + 1)}
        )

    def currentChanged(self, current: _Index, previous: _Index) -> None:
        super().currentChanged(current, previous)
        # The base class repaints one of the two only when the selection changes as well.
        for index in (current, previous):
            self.viewport().update(self.visualRect(index))
        self._describe(current)

    # -- events -------------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._navigates(event):
            event.accept()  # while the grid has the focus these keys walk it, whatever else the window does with them
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        current = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and current.isValid():
            self.opened.emit(current)
            return
        if event.key() == Qt.Key.Key_Space and not event.modifiers() and current.isValid():
            self.selectionModel().select(current, QItemSelectionModel.SelectionFlag.Toggle)
            return
        super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at, is_plain = event.position().toPoint(), not event.modifiers()
        is_held = event.button() == Qt.MouseButton.LeftButton and is_plain and self._takes_hold(self.indexAt(at))
        self._held_at, self._is_out = at if is_held else None, False
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        if self._held_at is not None and event.buttons():
            if not self._is_out and (at - self._held_at).manhattanLength() >= QApplication.startDragDistance():
                self._is_out = True  # told once, also where nothing can be dragged
                self.dragged_out.emit()
        else:
            super().mouseMoveEvent(event)
        self._hover(self.indexAt(at).row())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held_at = None
        super().mouseReleaseEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(-1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        delegate, selection = self.itemDelegate(), self.selectionModel()
        current = self.currentIndex().row()
        plain, state = option.state, QStyle.StateFlag
        dirty = event.rect()
        grid = self._grid
        first, last = grid.rows_between(dirty.top(), dirty.bottom())
        for row in range(first, last + 1):
            index = self._index(row)
            option.rect = grid.rect(row)
            if not dirty.intersects(option.rect):
                continue
            option.state = plain
            if selection.isSelected(index):
                option.state |= state.State_Selected
            if row == current:
                option.state |= state.State_HasFocus
            if row == self._hovered:
                option.state |= state.State_MouseOver
            delegate.paint(painter, option, index)

    # -- inside -------------------------------------------------------------------------------------------------

    def _takes_hold(self, index: QModelIndex) -> bool:
        """Whether a drag that begins on this item moves the items; it selects otherwise."""
        return index.isValid() and self.selectionModel().isSelected(index)

    def _count(self) -> int:
        model = self.model()
        return model.rowCount(self.rootIndex()) if model is not None else 0

    def _index(self, row: int) -> QModelIndex:
        return self.model().index(row, 0, self.rootIndex())

    def _navigates(self, event: QKeyEvent) -> bool:
        # Ctrl+arrows belong to other commands of the window unless the grid moves by them: all but Space and Return.
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return not modifiers
        return event.key() in _NAVIGATION and not modifiers & Qt.KeyboardModifier.AltModifier

    def _hover(self, row: int) -> None:
        if row != self._hovered:
            for each in (row, self._hovered):
                if 0 <= each < self._count():
                    self.viewport().update(self.visualRect(self._index(each)))
            self._hovered = row

    def _tell_soon(self) -> None:
        if not self._telling.isActive():
            self._telling.start()

    def _tell_visible(self) -> None:
        rows = self.visible_rows()
        if rows != self._told and self.isVisible():
            self._told = rows
            self.visible_changed.emit(*rows)

    def _describe(self, current: _Index) -> None:
        """Qt has no accessible children for a view of one's own: the active item is told as the description."""
        text = ""
        if current.isValid():
            name = current.data(Qt.ItemDataRole.AccessibleTextRole) or current.data()
            text = f"{name}, {current.row() + 1} of {self._count()}"
        self.setAccessibleDescription(text)
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.DescriptionChanged))
