"""Where the cells of a grid lie. Nothing is stored per item: every place is computed, in constant time."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtWidgets import QAbstractItemView

_Action = QAbstractItemView.CursorAction


@dataclass(frozen=True, slots=True)
class GridGeometry:
    """A grid of equal cells in a viewport, in the viewport's pixels.

    Attributes
    ----------
    viewport : QSize
    cell : QSize
        Its width is the least: what is left over of the viewport's goes between the columns.
    margin : int
        Around all cells.
    count : int
        Items.
    offset : int
        How far the grid is scrolled down.
    """

    viewport: QSize
    cell: QSize
    margin: int
    count: int
    offset: int

    @property
    def columns(self) -> int:
        """Cells side by side."""
        return max(1, (self.viewport.width() - 2 * self.margin) // self.cell.width())

    @property
    def height(self) -> int:
        """Of the whole grid, with its margins."""
        return -(-self.count // self.columns) * self.cell.height() + 2 * self.margin

    def rect(self, row: int) -> QRect:
        """The cell of an item."""
        line, column = divmod(row, self.columns)
        # The width that is left over goes between the columns, a pixel each, from the left.
        left, right = self._edge(column), self._edge(column + 1)
        top = self.margin + line * self.cell.height() - self.offset
        return QRect(left, top, right - left, self.cell.height())

    def row_at(self, point: QPoint) -> int | None:
        """The item at a point; None beside the cells."""
        line, column = self._line_at(point.y()), self._column_at(point.x())
        row = line * self.columns + column
        return row if line >= 0 and column >= 0 and row < self.count else None

    def nearest_row(self, point: QPoint) -> int:
        """The item whose cell is nearest to a point; there must be one."""
        column = self._column_at(point.x())
        if column < 0:
            column = 0 if point.x() < self.margin else self.columns - 1
        return max(0, min(self.count - 1, max(0, self._line_at(point.y())) * self.columns + column))

    def rows_between(self, top: int, bottom: int) -> tuple[int, int]:
        """First and last item of the lines that these heights touch; the last is below the first where none are."""
        first = max(0, self._line_at(top)) * self.columns
        return first, min(self.count, (self._line_at(bottom) + 1) * self.columns) - 1

    def visible_rows(self) -> tuple[int, int]:
        """First and last item in view, also partly."""
        return self.rows_between(0, self.viewport.height() - 1)

    def moved(self, row: int, action: QAbstractItemView.CursorAction) -> int:
        """Where the cursor goes from an item, or from none (below 0); there must be items."""
        last, columns = self.count - 1, self.columns
        if row < 0:
            return last if action is _Action.MoveEnd else 0
        page = max(1, self.viewport.height() // self.cell.height()) * columns
        match action:
            case _Action.MoveLeft | _Action.MovePrevious:
                return max(0, row - 1)
            case _Action.MoveRight | _Action.MoveNext:
                return min(last, row + 1)
            case _Action.MoveUp:
                return row - columns if row >= columns else row
            case _Action.MoveDown:
                # From above a gap in the last line, down goes to the last item.
                return min(last, row + columns) if row // columns < last // columns else row
            case _Action.MovePageUp:
                return row - page if row >= page else row % columns
            case _Action.MovePageDown:
                return min(last, row + page)
            case _Action.MoveHome:
                return 0
            case _Action.MoveEnd:
                return last
        return row

    # -- inside -------------------------------------------------------------------------------------------------

    def _edge(self, column: int) -> int:
        return self.margin + (self.viewport.width() - 2 * self.margin) * column // self.columns

    def _line_at(self, y: int) -> int:
        return (y + self.offset - self.margin) // self.cell.height()

    def _column_at(self, x: int) -> int:
        return next((c for c in range(self.columns) if self._edge(c) <= x < self._edge(c + 1)), -1)
