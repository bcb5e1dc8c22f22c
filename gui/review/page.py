"""Review: look, compare, decide."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QWidget

from engine.domain.review import Decision, Review, ReviewItem, ReviewRow
from gui.context import WindowContext
from gui.look import theme
from gui.mask_editor.entry import MaskEditing
from gui.review.arrivals import ResultArrivals
from gui.review.commands import ReviewCommands
from gui.review.edits import Edits
from gui.review.feed import ReviewFeed
from gui.review.flow import ReviewFlow
from gui.review.grid_view import GridView
from gui.review.hand_out import HandOut
from gui.review.items import ReviewItems
from gui.review.result_model import ReviewListModel
from gui.review.side_panel import ReviewSide
from gui.review.stage import ReviewMode, ReviewStage
from gui.review.strip import ReviewStrip
from gui.review.verdicts import Verdicts
from gui.review.versions import VersionChoice

_STRIP_WIDTH = 284  # view pixels, until it is dragged: a name of 20 letters beside its picture
_NEAR = (1, -1, 2, -2, 3, -3)
"""Neighbours in the order in which they are looked at most likely."""


class ReviewPage(QWidget):
    """Three views, the measurements and the verdict of one result; the others in a strip on the left, or in a grid.

    The list holds slim rows; the whole of a result (`current`) is read in the background when it is looked at.

    Attributes
    ----------
    decided : Signal
        Verdicts or stars were given.
    requeued : Signal
        Results were put into the queue again, or edits of them.
    item_shown : Signal
        ``item_shown(item)``: another whole result is looked at; None where there is none, or not yet.
    """

    decided = Signal()
    requeued = Signal()
    item_shown = Signal(object)

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.arrivals = ResultArrivals(self)
        self.versions = VersionChoice(context, self._show_history)
        self._item: ReviewItem | None = None
        services, bridge, actions = context.services, context.bridge, context.actions
        self.results = ReviewListModel(bridge, services.artifacts, self, services.thumbnails)
        self.feed = ReviewFeed(bridge, services.catalog, self.arrivals.take, context.report)
        self.items = ReviewItems(bridge, services.catalog, self.show_current, self._on_unreadable)
        self.verdicts = Verdicts(context, self._on_verdicts)
        self.edits = Edits(context, self)
        self.edits.queued.connect(lambda _: self.requeued.emit())
        self.mask_editing = MaskEditing(self, context)
        self.edits.area_wanted.connect(self.mask_editing.draw_area)
        self.flow = ReviewFlow(self, context, self.verdicts)
        self.strip = ReviewStrip(self.results)
        self.side = ReviewSide(actions, self.flow.save_note)
        self.stage = ReviewStage(context, self.results, self.strip.selection)
        self.viewer, self.grid, self.reasons = self.stage.viewer, self.stage.grid, self.stage.reasons
        self.list, self.compare = self.strip.list, self.viewer.compare
        self.figures, self.note, self.history = self.side.figures, self.side.note, self.side.history
        self._build_layout()
        self.hand_out = HandOut(self, context)
        self.commands = ReviewCommands(self, actions)
        self.strip.arranged.connect(self._arrange)
        self.strip.selection.currentChanged.connect(self._on_current)
        self.grid.opened.connect(lambda: self.show_grid(False))
        self.grid.visible_changed.connect(self.results.want_thumbnails)
        self.history.chosen.connect(self.show_version)
        self.side.stars.rated.connect(self.flow.rate)
        self.show_current()

    # -- what the window calls ----------------------------------------------------------------------------------

    def set_batch(self, batch_id: int | None) -> None:
        """Review this batch; None shows every result."""
        self.arrivals.was_shown = self.isVisible()
        self.results.clear()
        self.feed.follow(batch_id)

    def reload(self) -> None:
        """Read what has changed, in the background, after every verdict that is still being written."""
        self.feed.read()

    def active(self) -> ReviewRow | None:
        """The active result of the list."""
        return self.results.at(self.list.currentIndex().row())

    def current_row(self) -> ReviewRow | None:
        """The active result of the list, or the version of it that is looked at."""
        older = self.versions.job_id
        return (self.results.get(older) if older is not None else None) or self.active()

    def current_id(self) -> int | None:
        row = self.current_row()
        return row.job_id if row is not None else None

    def current(self) -> ReviewItem | None:
        """The whole of the result that is looked at; None while it is being read."""
        row = self.current_row()
        return self.items.get(row) if row is not None else None

    def refresh_actions(self) -> None:
        """Switch this page's commands on where they make sense."""
        self.commands.refresh()
        is_there = self.current_id() is not None and not self.is_grid
        is_looking = self.isVisible() and (is_there or self.mode is not None)
        self.viewer.refresh_actions(is_looking, is_alone=self.mode is not None)

    def select(self, job_id: int | None) -> None:
        """Show that result, or the first one where the list no longer has it."""
        row = self.results.row_of(job_id) if job_id is not None else None
        if row is None and self.results.rowCount():
            near = max(0, min(self.list.currentIndex().row(), self.results.rowCount() - 1))
            row = near if self.arrivals.was_shown else 0
        if row is not None:
            if row != self.list.currentIndex().row():
                self.list.setCurrentIndex(self.results.index(row))
            self._view.scrollTo(self.results.index(row))
        self.show_current()

    @property
    def mode(self) -> ReviewMode | None:
        """Who has the viewer; None while it is the page's own."""
        return self.stage.mode

    def enter(self, mode: ReviewMode) -> None:
        """Give the viewer to a mode: strip, verdict and the page's own commands step back until `leave`."""
        self.show_grid(False)
        self.stage.enter(mode)
        if mode.side is not None:
            self._line.addWidget(mode.side)
        self.show_current()

    def leave(self) -> None:
        """Take the viewer back; the mode's widgets are hidden and belong to nobody here."""
        self.stage.leave()
        self.show_current()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self.viewer.end_held(event):
            super().keyReleaseEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.arrivals.was_shown = True

    # -- commands -----------------------------------------------------------------------------------------------

    def decide(self, decision: Decision) -> None:
        """Give the verdict to what is chosen and, for one result, go on to the next."""
        self.flow.decide(decision)

    def ask_to_accept(self) -> None:
        """Say how many results are under a tolerance, and approve them if that is wanted."""
        self.question = self.flow.ask_to_accept()

    def chosen(self) -> list[ReviewRow]:
        """What a verdict is given to: the selection in the grid, the one result that is looked at in the viewer."""
        if self.is_grid and (rows := self.grid.selected_rows()):
            return [row for at in rows if (row := self.results.at(at)) is not None]
        current = self.current_row()
        return [current] if current is not None else []

    def move(self, step: int) -> None:
        """Go to the next or the previous result."""
        row = self.list.currentIndex().row() + step
        if 0 <= row < self.results.rowCount():
            self.list.setCurrentIndex(self.results.index(row))

    def show_version(self, job_id: int) -> None:
        """Look at another version of the active result; its verdict is its own."""
        active = self.active()
        self.versions.choose(job_id if active is not None and job_id != active.job_id else None)
        self.viewer.end_blink()
        self.show_current()

    def step_version(self, step: int) -> None:
        """Look at the next newer version, or the next older one."""
        neighbour = self.history.neighbour(step)
        if neighbour is not None:
            self.show_version(neighbour)

    @property
    def is_at_version(self) -> bool:
        """Whether another version of the active result is looked at."""
        return self.versions.job_id is not None

    @property
    def is_grid(self) -> bool:
        """Whether the results are shown as a grid."""
        return self._context.actions["grid"].isChecked()

    def show_grid(self, shown: bool) -> None:
        """Show the list as a grid, or its active result in the viewer."""
        self._context.actions["grid"].setChecked(shown)
        self.strip.set_beside_grid(shown)
        self.versions.choose(None)
        current = self.list.currentIndex()
        if not shown and current.isValid():
            # In the viewer one result is looked at, so only that one may be meant.
            self.strip.selection.select(current, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.show_current()
        self._view.scrollTo(current)
        self._view.setFocus()

    # -- inside -------------------------------------------------------------------------------------------------

    @property
    def _view(self) -> GridView:
        return self.grid if self.is_grid else self.list

    def _on_verdicts(self, reviews: Sequence[Review]) -> None:
        self.results.set_reviews(reviews)
        self.strip.show_counts()
        if len(self.versions.history.jobs) > 1:
            self.versions.forget()  # a version's line says what was said of it
        self.show_current()
        self.decided.emit()

    def _on_unreadable(self, error: Exception) -> None:
        self.viewer.show_item(None)
        self._context.report(error)

    def _on_current(self, current: QModelIndex, _: QModelIndex) -> None:
        self.versions.choose(None)
        self.viewer.end_blink()
        self.show_current()

    def _arrange(self) -> None:
        current = self.current_id()
        self.results.arrange(self.strip.order(), self.strip.filter())
        self.select(current)
        self.strip.show_counts()

    # -- showing ------------------------------------------------------------------------------------------------

    def show_current(self) -> None:
        """Show the result that is looked at, and what there is to be said of it."""
        active = self.active()
        self.versions.end_waiting(is_there=active is not None and self.items.get(active) is not None)
        row, at = self.current_row(), self.list.currentIndex().row()
        item = self.items.get(row) if row is not None else None
        if not self.is_grid:  # where nobody looks at large pictures none is decoded
            near = [other for step in _NEAR if (other := self.results.at(at + step)) is not None]
            if row is not None:
                self.items.want([row])
                self.items.want(near)
            if (
                item is not None or row is None
            ) and self.mode is None:  # while it is being read, the picture before it stays
                neighbours = [other for each in near if (other := self.items.get(each)) is not None]
                self.viewer.show_item(item, neighbours)
        elif row is not None:
            self.items.want([row])
        self.versions.read(row)
        self.side.show_result(row, item)
        self.side.show_history(self.versions.history, row.job_id if row is not None else None)
        self.stage.show_results(is_grid=self.is_grid, is_reading=self.feed.is_reading)
        self.strip.setVisible(self.mode is None)
        self.side.setVisible(self.mode is None and not self.stage.is_empty)
        self.strip.show_rule()
        self.refresh_actions()
        if item is not self._item:
            self._item = item
            self.item_shown.emit(item)

    def read_history_again(self) -> None:
        """Read the versions of the result that is looked at: another one was queued."""
        self.versions.forget()
        self.versions.read(self.current_row())

    def _show_history(self) -> None:
        self.side.show_history(self.versions.history, self.current_id())
        self.refresh_actions()

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_layout(self) -> None:
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(2)
        self._line.addWidget(self._build_splitter(), 1)
        self._line.addWidget(self.side)

    def _build_splitter(self) -> QSplitter:
        """The strip, whose width is the operator's, and what is looked at."""
        splitter = QSplitter()
        splitter.addWidget(self.strip)
        splitter.addWidget(self.stage)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(theme.TIGHT)
        splitter.setStretchFactor(0, 0)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([_STRIP_WIDTH, 1000])
        splitter.setObjectName("review_strip")  # by which its place is remembered
        return splitter
