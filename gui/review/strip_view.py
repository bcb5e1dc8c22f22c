"""A strip of results, one below the other: the grid's arithmetic with a single column."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QWidget

from gui.review.grid_view import GridView

HEIGHT = 76  # of a row, in logical pixels
_WHOLE_WIDTH = 1 << 20  # of a cell: wider than any viewport, so that one fills it


class StripView(GridView):
    """One result is active, and it alone is selected. Its keys are commands of the window, but for Home, End, Page."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(QSize(_WHOLE_WIDTH, HEIGHT), 0, parent)
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAsNeeded
        )  # one column stays one, with it or without
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)

    def _takes_hold(self, index: QModelIndex) -> bool:
        return index.isValid()  # one result is selected whatever is dragged: there is no range to select

    def event(self, event: QEvent) -> bool:
        # Past the grid, which keeps arrows, Space and Return for itself: here they are commands.
        return QAbstractItemView.event(self, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        QAbstractItemView.keyPressEvent(self, event)
