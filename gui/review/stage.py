"""The middle of the review page: pictures, the grid, or why there is neither; and who has it for itself for a while."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QItemSelectionModel
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.context import WindowContext
from gui.look import theme
from gui.review.bar import ReviewBar
from gui.review.filter import ReviewFilter
from gui.review.grid_delegate import CELL, GridDelegate
from gui.review.grid_view import GridView
from gui.review.reason_row import ReasonRow
from gui.review.result_model import ReviewListModel
from gui.viewer.viewer import Viewer
from gui.widgets.empty_state import EmptyState

_WAYS = (("Go to the queue", "show_queue"), ("Go to Intake", "show_intake"))


@dataclass(frozen=True, slots=True)
class ReviewMode:
    """Something that has the viewer for itself for a while, such as the mask editor.

    Attributes
    ----------
    bar : QWidget
        Takes the place of the bar below the pictures.
    side : QWidget or None
        Takes the place of figures and verdict.
    """

    bar: QWidget
    side: QWidget | None = None


class ReviewStage(QWidget):
    """Viewer, grid and empty state above the bar; exactly one of the three is seen. GUI thread only.

    Attributes
    ----------
    mode : ReviewMode or None
        Who has the viewer; None while it is the page's own.
    is_empty : bool
        There is no result at all, and none is being read.
    """

    def __init__(
        self, context: WindowContext, results: ReviewListModel, selection: QItemSelectionModel,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._results = results
        self.mode: ReviewMode | None = None
        self.is_empty = True
        self.viewer = Viewer(context)
        self.grid = GridView(CELL, theme.SMALL)
        self.grid.setModel(results)
        self.grid.setSelectionModel(selection)  # the same active result, whichever shows it
        self.grid.setItemDelegate(GridDelegate(self.grid))
        self.reasons = ReasonRow(context.actions)
        self.bar = ReviewBar(context.actions)
        self.empty = EmptyState([(text, context.actions[name]) for text, name in _WAYS])
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        for widget in (self.viewer, self.grid, self.empty):
            self._column.addWidget(widget, 1)
        self._column.addWidget(self.reasons)
        self._column.addWidget(self.bar)

    def enter(self, mode: ReviewMode) -> None:
        """Give the viewer to a mode until `leave`."""
        self.mode = mode
        self._column.addWidget(mode.bar)
        self.bar.hide()
        self.reasons.hide()

    def leave(self) -> None:
        """Take the viewer back; the mode's widgets are hidden and belong to nobody here."""
        mode, self.mode = self.mode, None
        for widget in (mode.bar, mode.side) if mode is not None else ():
            if widget is not None:
                widget.setParent(None)

    def show_results(self, *, is_grid: bool, is_reading: bool) -> None:
        """Show the results in the viewer or as a grid; where there are none, say why. A mode keeps the viewer."""
        has_viewer, is_there = self.mode is not None, self._results.rowCount() > 0
        self.viewer.setVisible(has_viewer or (is_there and not is_grid))
        self.grid.setVisible(is_there and is_grid and not has_viewer)
        self.empty.setVisible(not is_there and not has_viewer)
        is_new = not self._results.is_any
        self.empty.say(*self._nothing(is_new=is_new, is_reading=is_reading), offers=is_new)
        self.is_empty = is_new and not is_reading
        self.bar.setHidden(has_viewer or self.is_empty)  # it says nothing of nothing

    def _nothing(self, *, is_new: bool, is_reading: bool) -> tuple[str, str]:
        if is_new:
            nothing = ("Nothing to review yet", "Results appear here as soon as they are made.")
            return ("Reading…", "") if is_reading else nothing
        if self._results.filter == ReviewFilter(decision=self._results.filter.decision):
            return "No result has this verdict", ""
        return "No result is like that", "Show all leads back to the whole list."
