"""Review: look, compare, decide."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QListView,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.domain.requests import Tolerance
from engine.domain.review import Decision, Review, ReviewItem
from engine.services.review import items_of
from gui import theme
from gui.context import WindowContext
from gui.models.review import ReviewListModel
from gui.models.review_filter import ReviewFilter, SortOrder
from gui.phrases import when
from gui.verdicts import Verdicts
from gui.widgets.accept_dialog import AcceptDialog
from gui.widgets.delegates import ReviewDelegate
from gui.widgets.delta_e_panel import DeltaEPanel
from gui.widgets.drop_zone import button_for
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.grid_delegate import CELL, GridDelegate
from gui.widgets.grid_view import GridView
from gui.widgets.note_field import NoteField
from gui.widgets.review_filters import ReviewFilters
from gui.widgets.viewer import Viewer

_LIST_WIDTH = 284
_PANEL_WIDTH = 288
_FILTERS = (
    (None, "All"),
    (Decision.PENDING, "Pending"),
    (Decision.APPROVED, "Approved"),
    (Decision.REJECTED, "Rejected"),
)
_COMMANDS = (
    "approve", "reject", "clear_verdict", "previous", "next", "note",
)  # fmt: skip
_TOOLS = (
    ("grid", "Grid"),
    ("actual_size", "100 %"), ("split", "Split"), ("wipe", "Wipe"), ("compare", "Blink"),
    ("mask", "Mask"), ("heat_map", "ΔE map"), ("eyedropper", "Eyedropper"),
)  # fmt: skip
"""Commands with a button below the pictures, and the short names that fit there."""


class ReviewPage(QWidget):
    """Three views, the measurements and the verdict of one result; the others in a strip on the left."""

    decided = Signal()

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._batch: int | None = None
        self._was_shown = False
        services = context.services
        self.results = ReviewListModel(context.bridge, services.artifacts, self, services.thumbnails)
        self.verdicts = Verdicts(context, self._on_verdicts)
        self.list = self._build_list()
        self.grid = self._build_grid()
        self.narrow = ReviewFilters()
        self.narrow.set_folded(True)
        self.viewer = Viewer(context)
        self.compare = self.viewer.compare
        self.figures = DeltaEPanel()
        self.note = NoteField(self._save_note)
        self.sort = QComboBox()
        for order in SortOrder:
            self.sort.addItem(order.value, order)
        self.filters: dict[Decision | None, QToolButton] = {}
        self._name, self._who = theme.label("", "heading"), theme.label("", "caption")
        self._sku = theme.label("", "caption")
        self._name.setWordWrap(True)
        self._who.setWordWrap(True)
        self._rule = theme.label("", "caption")
        self._rule.setWordWrap(True)
        self._empty = theme.label("", "quiet")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._build_layout()
        self._connect()
        self._show_current()

    # -- what the window calls ----------------------------------------------------------------------------------

    def set_batch(self, batch_id: int | None) -> None:
        """Review this batch; None shows every result."""
        self._batch, self._was_shown = batch_id, self.isVisible()
        self.reload()

    def reload(self) -> None:
        """Read the results again, in the background, after every verdict that is still being written."""
        batch, catalog = self._batch, self._context.services.catalog

        def done(items: list[ReviewItem]) -> None:
            if batch == self._batch:
                # Until somebody looks, the list opens on its first, and so its worst, result.
                current = self.current_id() if self._was_shown else None
                self.results.set_items(items)
                self._select(current)
                self._show_counts()

        self._context.bridge.run_in_background(
            lambda: items_of(catalog, batch), done, self._context.report, in_order=True
        )

    def current(self) -> ReviewItem | None:
        """The result that is shown."""
        job_id = self.current_id()
        return self.results.item(job_id) if job_id is not None else None

    def current_id(self) -> int | None:
        ids, row = self.results.shown_ids(), self.list.currentIndex().row()
        return ids[row] if 0 <= row < len(ids) else None

    def refresh_actions(self) -> None:
        """Switch this page's commands on where they make sense."""
        actions, is_here, has_item = self._context.actions, self.isVisible(), self.current_id() is not None
        for name in _COMMANDS:
            actions[name].setEnabled(is_here and has_item)
        self.viewer.refresh_actions(is_here and has_item and not self.is_grid)
        actions["grid"].setEnabled(is_here and bool(self.results.items()))
        actions["select_all"].setEnabled(is_here and has_item and self.is_grid)
        actions["accept_under"].setEnabled(is_here and has_item)
        actions["undo"].setEnabled(is_here and self.verdicts.can_undo)
        actions["redo"].setEnabled(is_here and self.verdicts.can_redo)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self.viewer.end_held_blink(event):
            super().keyReleaseEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._was_shown = True

    # -- commands -----------------------------------------------------------------------------------------------

    def decide(self, decision: Decision) -> None:
        """Give the verdict and go on to the next result."""
        item = self.current()
        if item is None:
            return
        chosen = self.chosen()
        if len(chosen) > 1:
            self.verdicts.give(chosen, decision)
            self._select(item.job.id)
            return
        ids = self.results.shown_ids()
        row = ids.index(item.job.id)
        # Onwards to the next result; at the end of the list back to what is still undecided.
        undecided = [i for i in ids if self.results.item(i).decision is Decision.PENDING and i != item.job.id]
        following = next(iter([*ids[row + 1 : row + 2], *undecided]), item.job.id)
        self.verdicts.give([item], decision, self.note.toPlainText().strip())
        self._select(item.job.id if decision is Decision.PENDING else following)

    def chosen(self) -> list[ReviewItem]:
        """What a verdict is given to: the selection in the grid, the one result that is looked at in the viewer."""
        ids = self.results.shown_ids()
        if self.is_grid and (rows := self.grid.selected_rows()):
            return [self.results.item(ids[row]) for row in rows]
        item = self.current()
        return [item] if item is not None else []

    @property
    def is_grid(self) -> bool:
        """Whether the results are shown as a grid."""
        return self._context.actions["grid"].isChecked()

    def show_grid(self, shown: bool) -> None:
        """Show the list as a grid, or its active result in the viewer."""
        self._context.actions["grid"].setChecked(shown)
        self.list.setVisible(not shown)
        self._filler.setVisible(shown)
        self.narrow.set_folded(not shown)
        current = self.list.currentIndex()
        if not shown and current.isValid():
            # In the viewer one result is looked at, so only that one may be meant.
            self.list.selectionModel().select(current, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._show_current()
        view = self.grid if shown else self.list
        view.scrollTo(current)
        view.setFocus()

    def ask_to_accept(self) -> None:
        """Say how many results are under a tolerance, and approve them if that is wanted."""
        items = [self.results.item(job_id) for job_id in self.results.shown_ids()]
        match = next((item.outcome.match for item in items if item.outcome.match), None)
        self.question = AcceptDialog(items, match.after.tolerance.passes if match else Tolerance().passes, self)
        self.question.accepted_items.connect(partial(self._accept, current=self.current_id()))
        self.question.open()

    def move(self, step: int) -> None:
        """Go to the next or the previous result."""
        row = self.list.currentIndex().row() + step
        if 0 <= row < self.results.rowCount():
            self.list.setCurrentIndex(self.results.index(row))

    # -- inside -------------------------------------------------------------------------------------------------

    def _step_back(self, forward: bool) -> None:
        job_ids = self.verdicts.redo() if forward else self.verdicts.undo()
        if job_ids:
            self._select(job_ids[0])

    def _accept(self, items: list[ReviewItem], current: int | None) -> None:
        self.verdicts.give(items, Decision.APPROVED)
        self._select(current)

    def _save_note(self) -> None:
        item = self.current()
        if item is not None and item.review is not None:
            self.verdicts.give([item], item.decision, self.note.toPlainText().strip())

    def _on_verdicts(self, reviews: Sequence[Review]) -> None:
        self.results.set_reviews(reviews)
        self._show_counts()
        self._show_current()
        self.decided.emit()

    def _select(self, job_id: int | None) -> None:
        """Show that result, or the first one where the list no longer has it."""
        row = self.results.row_of(job_id) if job_id is not None else None
        if row is None and self.results.rowCount():
            row = max(0, min(self.list.currentIndex().row(), self.results.rowCount() - 1)) if self._was_shown else 0
        if row is not None:
            if row != self.list.currentIndex().row():
                self.list.setCurrentIndex(self.results.index(row))
            view = self.grid if self.is_grid else self.list
            view.scrollTo(self.results.index(row))
        self._show_current()

    def _on_current(self, current: QModelIndex, _: QModelIndex) -> None:
        self.viewer.end_blink()
        self._show_current()

    def _show_current(self) -> None:
        item = self.current()
        ids = self.results.shown_ids()
        row = ids.index(item.job.id) if item is not None else 0
        near = (row + 1, row - 1, row + 2, row - 2, row + 3, row - 3)  # what comes next most likely is read first
        neighbours = [self.results.item(ids[i]) for i in near if 0 <= i < len(ids)]
        if not self.is_grid:  # where nobody looks at large pictures none is decoded
            self.viewer.show_item(item, neighbours if item is not None else ())
        self.figures.show_outcome(item.outcome if item else None)
        self._show_verdict(item)
        self._side.setVisible(item is not None)
        self.viewer.setVisible(item is not None and not self.is_grid)
        self.grid.setVisible(item is not None and self.is_grid)
        self._rule.setVisible(item is not None)
        self._show_rule()
        self._empty.setVisible(item is None)
        self._empty.setText(
            self._nothing_text()
            if self.results.items()
            else "Nothing to review yet.\nResults appear here as soon as they are made."
        )
        self.refresh_actions()

    def _show_rule(self) -> None:
        number = sum(part.height() for part in self.list.selectionModel().selection().toList())
        keys = "P, X and U go to all of them" if number > 1 else "P, X and U go to it"
        self._rule.setText(
            f"{number:,} selected · {keys}" if number else "Nothing selected · P, X and U go to the framed"
        )

    def _nothing_text(self) -> str:
        if self.results.filter == ReviewFilter(decision=self.results.filter.decision):
            return "No result has this verdict."
        return "No result is like that.\nShow all leads back to the whole list."

    def _show_verdict(self, item: ReviewItem | None) -> None:
        review = item.review if item else None
        decision = item.decision if item else Decision.PENDING
        for name, which in (("approve", Decision.APPROVED), ("reject", Decision.REJECTED)):
            self._buttons[name].setChecked(decision is which)
        self.note.show_text(review.note if review else "")
        if item is None:
            return
        self._name.setText(item.pair.on_model.path.name)
        self._sku.setText(" · ".join(text for text in (item.pair.sku, item.pair.view, item.pair.garment) if text))
        if review is None or review.decision is Decision.PENDING:
            self._who.setText(
                "Nobody has decided yet." if review is None else f"Cleared by {review.reviewer}, {when(review.at)}"
            )
        else:
            self._who.setText(f"{theme.DECISION_TEXTS[review.decision]} by {review.reviewer}, {when(review.at)}")

    def _show_counts(self) -> None:
        counts = self.results.counts()
        for decision, text in _FILTERS:
            self.filters[decision].setText(f"{text} {counts[decision]}")
        self.narrow.set_garments(self.results.garments())
        self.narrow.show_count(self.results.rowCount(), counts[None])

    def _arrange(self) -> None:
        current = self.current_id()
        chosen = next(decision for decision, button in self.filters.items() if button.isChecked())
        self.results.arrange(SortOrder(self.sort.currentData()), self.narrow.filter(chosen))
        self._select(current)
        self.narrow.show_count(self.results.rowCount(), len(self.results.items()))

    def _connect(self) -> None:
        actions = self._context.actions
        for name, call in (
            ("approve", partial(self.decide, Decision.APPROVED)),
            ("reject", partial(self.decide, Decision.REJECTED)),
            ("clear_verdict", partial(self.decide, Decision.PENDING)),
            ("undo", partial(self._step_back, False)),
            ("redo", partial(self._step_back, True)),
            ("previous", partial(self.move, -1)),
            ("next", partial(self.move, +1)),
            ("note", self.note.setFocus),
            ("grid", lambda: self.show_grid(self.is_grid)),
            ("select_all", self.grid.selectAll),
            ("accept_under", self.ask_to_accept),
        ):
            actions.on(name, call)
        self.sort.currentIndexChanged.connect(self._arrange)
        self.narrow.changed.connect(self._arrange)
        self.grid.opened.connect(lambda: self.show_grid(False))
        self.grid.visible_changed.connect(self.results.want_thumbnails)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        self.list.selectionModel().selectionChanged.connect(self._show_rule)

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_list(self) -> QListView:
        view = QListView()
        view.setModel(self.results)
        view.setItemDelegate(ReviewDelegate(view))
        view.setUniformItemSizes(True)
        view.setMouseTracking(True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return view

    def _build_grid(self) -> GridView:
        view = GridView(CELL, theme.SMALL)
        view.setModel(self.results)
        view.setSelectionModel(self.list.selectionModel())  # the same active result, whichever shows it
        view.setItemDelegate(GridDelegate(view))
        return view

    def _build_layout(self) -> None:
        left = QFrame()
        left.setProperty("panel", True)
        left.setFixedWidth(_LIST_WIDTH)
        strip = QVBoxLayout(left)
        strip.setContentsMargins(0, theme.SMALL, 0, 0)
        strip.setSpacing(theme.SMALL)
        strip.addLayout(self._build_filters())
        strip.addWidget(self.list, 1)
        self._filler = QWidget()  # takes the list's place beside the grid, and says whom a verdict concerns
        self._filler.hide()
        told = QVBoxLayout(self._filler)
        told.setContentsMargins(theme.SMALL, theme.SMALL, theme.SMALL, theme.MEDIUM)
        told.addStretch()
        told.addWidget(self._rule)
        strip.addWidget(self._filler, 1)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.viewer, 1)
        middle.addWidget(self.grid, 1)
        middle.addWidget(self._empty, 1)
        middle.addWidget(self._build_tools())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(left)
        layout.addLayout(middle, 1)
        layout.addWidget(self._build_side())

    def _build_filters(self) -> QVBoxLayout:
        box = QVBoxLayout()
        box.setContentsMargins(theme.SMALL, 0, theme.SMALL, 0)
        box.setSpacing(theme.TIGHT)
        group = QButtonGroup(self)
        for row in (_FILTERS[:2], _FILTERS[2:]):
            line = QHBoxLayout()
            line.setSpacing(theme.TIGHT)
            for decision, text in row:
                button = QToolButton()
                button.setText(text)
                button.setCheckable(True)
                button.setChecked(decision is None)
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
                button.clicked.connect(self._arrange)
                group.addButton(button)
                self.filters[decision] = button
                line.addWidget(button)
            box.addLayout(line)
        self.sort.setToolTip("How the list is sorted")
        self.sort.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        box.addWidget(self.sort)
        box.addWidget(self.narrow)
        return box

    def _build_tools(self) -> QFrame:
        bar = QFrame()
        bar.setProperty("panel", True)
        tools = QHBoxLayout(bar)
        tools.setContentsMargins(theme.SMALL, theme.TIGHT, theme.SMALL, theme.TIGHT)
        tools.setSpacing(theme.TIGHT)
        for name, text in _TOOLS:
            tools.addWidget(self._tool(name, text))
        keys = ElidedLabel("caption")
        keys.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        keys.show_text("?  all keys")
        tools.addWidget(keys, 1)
        return bar

    def _tool(self, name: str, text: str) -> QToolButton:
        action = self._context.actions[name]
        action.setIconText(text)
        button = QToolButton()
        button.setDefaultAction(action)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        button.setProperty("compact", True)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return button

    def _build_side(self) -> QFrame:
        panel = QFrame()
        panel.setProperty("panel", True)
        panel.setFixedWidth(_PANEL_WIDTH)
        self._side = QWidget()
        outer = QVBoxLayout(panel)
        outer.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.LARGE)
        outer.addWidget(self._side)
        outer.addStretch()
        side = QVBoxLayout(self._side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(theme.SMALL)
        side.addWidget(self._name)
        side.addWidget(self._sku)
        side.addSpacing(theme.SMALL)
        side.addWidget(self.figures)
        side.addSpacing(theme.LARGE)
        side.addWidget(theme.label("Verdict", "heading"))
        self._buttons: dict[str, QToolButton] = {}
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SMALL)
        for name in ("approve", "reject"):
            # Not the action's own button: that one cannot be checked, and shows the verdict as well.
            button = QToolButton()
            action = self._context.actions[name]
            button.setObjectName(f"{name}_button")
            button.setText(f"{action.text()}  {action.shortcut().toString()}")
            button.setIcon(action.icon())
            button.setToolTip(action.toolTip())
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setCheckable(True)
            button.setProperty("decision", name)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setMinimumHeight(34)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(action.trigger)
            self._buttons[name] = button
            buttons.addWidget(button)
        side.addLayout(buttons)
        side.addWidget(self._who)
        side.addWidget(self.note)
        last = QHBoxLayout()
        last.setSpacing(theme.SMALL)
        last.addWidget(button_for(self._context.actions["undo"]))
        last.addWidget(button_for(self._context.actions["clear_verdict"]))
        last.addStretch()
        side.addLayout(last)
        return panel
