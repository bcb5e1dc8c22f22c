"""Review: look, compare, decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from engine.domain.review import Decision, Review, ReviewItem, ReviewRow
from gui.context import WindowContext
from gui.look import theme
from gui.mask_editor.entry import MaskEditing
from gui.review.bar import ReviewBar
from gui.review.commands import ReviewCommands
from gui.review.edits import Edits
from gui.review.feed import ReviewFeed
from gui.review.filter import ReviewFilter
from gui.review.flow import ReviewFlow
from gui.review.grid_delegate import CELL, GridDelegate
from gui.review.grid_view import GridView
from gui.review.items import ReviewItems
from gui.review.reason_row import ReasonRow
from gui.review.result_model import ReviewListModel
from gui.review.side_panel import ReviewSide
from gui.review.strip import ReviewStrip
from gui.review.verdicts import Verdicts
from gui.review.versions import VersionChoice
from gui.viewer.viewer import Viewer
from gui.widgets.empty_state import EmptyState

_STRIP_WIDTH = 284  # view pixels, until it is dragged: a name of 20 letters beside its picture
_NEAR = (1, -1, 2, -2, 3, -3)
"""Neighbours in the order in which they are looked at most likely."""


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
        self._was_shown = False
        self.versions = VersionChoice(context, self._show_history)
        self._item: ReviewItem | None = None
        self.mode: ReviewMode | None = None
        services, bridge, actions = context.services, context.bridge, context.actions
        self.results = ReviewListModel(bridge, services.artifacts, self, services.thumbnails)
        self.feed = ReviewFeed(bridge, services.catalog, self._on_rows, context.report)
        self.items = ReviewItems(bridge, services.catalog, self._show_current, self._on_unreadable)
        self.verdicts = Verdicts(context, self._on_verdicts)
        self.edits = Edits(context, self)
        self.edits.queued.connect(lambda _: self.requeued.emit())
        self.mask_editing = MaskEditing(self, context)
        self.flow = ReviewFlow(self, context, self.verdicts)
        self.strip = ReviewStrip(self.results)
        self.side = ReviewSide(actions, self.flow.save_note)
        self.viewer = Viewer(context)
        self.grid = self._build_grid()
        self.reasons = ReasonRow(actions)
        self.bar = ReviewBar(actions)
        self.list, self.compare = self.strip.list, self.viewer.compare
        self.figures, self.note, self.history = self.side.figures, self.side.note, self.side.history
        ways = (("Go to the queue", "show_queue"), ("Go to Intake", "show_intake"))
        self._empty = EmptyState([(text, context.actions[name]) for text, name in ways])
        self._build_layout()
        self.commands = ReviewCommands(self, actions)
        self.strip.arranged.connect(self._arrange)
        self.strip.selection.currentChanged.connect(self._on_current)
        self.grid.opened.connect(lambda: self.show_grid(False))
        self.grid.visible_changed.connect(self.results.want_thumbnails)
        self.history.chosen.connect(self.show_version)
        self.side.stars.rated.connect(self.flow.rate)
        self._show_current()

    # -- what the window calls ----------------------------------------------------------------------------------

    def set_batch(self, batch_id: int | None) -> None:
        """Review this batch; None shows every result."""
        self._was_shown = self.isVisible()
        self.results.clear()
        self.feed.follow(batch_id)

    def reload(self) -> None:
        """Read what has changed, in the background, after every verdict that is still being written."""
        self.feed.read()

    def current_row(self) -> ReviewRow | None:
        """The active result of the list, or the version of it that is looked at."""
        older = self.versions.job_id
        return (self.results.get(older) if older is not None else None) or self._active()

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
        is_looking = self.isVisible() and self.current_id() is not None and not self.is_grid
        self.viewer.refresh_actions(is_looking, is_alone=self.mode is not None)

    def select(self, job_id: int | None) -> None:
        """Show that result, or the first one where the list no longer has it."""
        row = self.results.row_of(job_id) if job_id is not None else None
        if row is None and self.results.rowCount():
            row = max(0, min(self.list.currentIndex().row(), self.results.rowCount() - 1)) if self._was_shown else 0
        if row is not None:
            if row != self.list.currentIndex().row():
                self.list.setCurrentIndex(self.results.index(row))
            self._view.scrollTo(self.results.index(row))
        self._show_current()

    def enter(self, mode: ReviewMode) -> None:
        """Give the viewer to a mode: strip, verdict and the page's own commands step back until `leave`."""
        self.show_grid(False)
        self.mode = mode
        self._column.addWidget(mode.bar)
        if mode.side is not None:
            self._line.addWidget(mode.side)
        self._show_mode()

    def leave(self) -> None:
        """Take the viewer back; the mode's widgets are hidden and belong to nobody here."""
        mode, self.mode = self.mode, None
        if mode is not None:
            for widget in (mode.bar, mode.side):
                if widget is not None:
                    widget.setParent(None)
        self._show_mode()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self.viewer.end_held(event):
            super().keyReleaseEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._was_shown = True

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
        active = self._active()
        self.versions.choose(job_id if active is not None and job_id != active.job_id else None)
        self.viewer.end_blink()
        self._show_current()

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
        self._show_current()
        self._view.scrollTo(current)
        self._view.setFocus()

    # -- inside -------------------------------------------------------------------------------------------------

    def _active(self) -> ReviewRow | None:
        """The active result of the list."""
        return self.results.at(self.list.currentIndex().row())

    def _is_active(self, row: ReviewRow | None) -> bool:
        active = self._active()
        return row is not None and active is not None and active.job_id == row.job_id

    @property
    def _view(self) -> GridView:
        return self.grid if self.is_grid else self.list

    def _on_rows(self, rows: Sequence[ReviewRow], more: bool) -> None:
        # Until somebody looks, the list opens on its first, and so its worst, result.
        active, older = self._active() if self._was_shown else None, self.versions.job_id
        is_first = self.results.rowCount() == 0
        self.results.take(self.verdicts.newest(rows), more=more)
        if more and not is_first:
            return  # a part of a long list; nothing of it is shown before all of it is there
        now = self._active()
        is_elsewhere = active is not None and (now is None or now.job_id != active.job_id)
        if is_elsewhere or not self._was_shown or now is None:
            self._look_on_at(active, older)
        else:
            self._show_current()
        self.strip.show_counts()

    def _look_on_at(self, was: ReviewRow | None, older: int | None) -> None:
        """Select what was active, or has taken its place; what is looked at stays until the newer one can be shown.

        A verdict is given to what is on the screen, whatever arrives meanwhile.
        """
        row = self.results.get(was.job_id) if was is not None else None
        newer = None
        if row is not None and row.superseded_by is not None and self.results.row_of(row.job_id) is None:
            newer = self.results.get(row.superseded_by)
        self.select(newer.job_id if newer is not None else was.job_id if was is not None else None)
        if older is not None and (newer is not None or self._is_active(was)):
            self.versions.choose(older)
        elif was is not None and newer is not None and self.items.get(newer) is None and not self.is_grid:
            self.versions.wait_with(was.job_id)
        self._show_current()

    def _on_verdicts(self, reviews: Sequence[Review]) -> None:
        self.results.set_reviews(reviews)
        self.strip.show_counts()
        if len(self.versions.history.jobs) > 1:
            self.versions.forget()  # a version's line says what was said of it
        self._show_current()
        self.decided.emit()

    def _on_unreadable(self, error: Exception) -> None:
        self.viewer.show_item(None)
        self._context.report(error)

    def _on_current(self, current: QModelIndex, _: QModelIndex) -> None:
        self.versions.choose(None)
        self.viewer.end_blink()
        self._show_current()

    def _arrange(self) -> None:
        current = self.current_id()
        self.results.arrange(self.strip.order(), self.strip.filter())
        self.select(current)
        self.strip.show_counts()

    # -- showing ------------------------------------------------------------------------------------------------

    def _show_current(self) -> None:
        active = self._active()
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
        is_there = self.results.rowCount() > 0
        self.viewer.setVisible(is_there and not self.is_grid)
        self.grid.setVisible(is_there and self.is_grid)
        self._empty.setVisible(not is_there)
        is_new = not any(True for _ in self.results.rows())
        self._empty.say(*self._nothing(), offers=is_new)
        for widget in (self.side, self.bar):  # they say nothing of nothing
            widget.setHidden(self.mode is not None or (is_new and not self.feed.is_reading))
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

    def _nothing(self) -> tuple[str, str]:
        if not any(True for _ in self.results.rows()):
            is_reading = self.feed.is_reading
            nothing = ("Nothing to review yet", "Results appear here as soon as they are made.")
            return ("Reading…", "") if is_reading else nothing
        if self.results.filter == ReviewFilter(decision=self.results.filter.decision):
            return "No result has this verdict", ""
        return "No result is like that", "Show all leads back to the whole list."

    def _show_mode(self) -> None:
        is_free = self.mode is None
        for widget in (self.strip, self.side, self.bar):
            widget.setVisible(is_free)
        if not is_free:
            self.reasons.hide()
        self.refresh_actions()

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_grid(self) -> GridView:
        view = GridView(CELL, theme.SMALL)
        view.setModel(self.results)
        view.setSelectionModel(self.strip.selection)  # the same active result, whichever shows it
        view.setItemDelegate(GridDelegate(view))
        return view

    def _build_layout(self) -> None:
        self._column = QVBoxLayout()
        self._column.setSpacing(0)
        for widget in (self.viewer, self.grid, self._empty):
            self._column.addWidget(widget, 1)
        self._column.addWidget(self.reasons)
        self._column.addWidget(self.bar)
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(2)
        self._line.addWidget(self._build_splitter(), 1)
        self._line.addWidget(self.side)

    def _build_splitter(self) -> QSplitter:
        """The strip, whose width is the operator's, and what is looked at."""
        middle, splitter = QWidget(), QSplitter()
        self._column.setContentsMargins(0, 0, 0, 0)
        middle.setLayout(self._column)
        splitter.addWidget(self.strip)
        splitter.addWidget(middle)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(theme.TIGHT)
        splitter.setStretchFactor(0, 0)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([_STRIP_WIDTH, 1000])
        splitter.setObjectName("review_strip")  # by which its place is remembered
        return splitter
