"""Review: look, compare, decide."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QShowEvent
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

from engine.domain.review import Decision, Review, ReviewItem
from engine.services.review import items_of
from gui import theme
from gui.context import WindowContext
from gui.models.review import ReviewListModel, SortOrder
from gui.phrases import when
from gui.verdicts import Verdicts
from gui.widgets.compare_view import CompareView
from gui.widgets.delegates import ReviewDelegate
from gui.widgets.delta_e_panel import DeltaEPanel
from gui.widgets.drop_zone import button_for
from gui.widgets.note_field import NoteField

_LIST_WIDTH = 284
_PANEL_WIDTH = 288
_FILTERS = (
    (None, "All"),
    (Decision.PENDING, "Pending"),
    (Decision.APPROVED, "Approved"),
    (Decision.REJECTED, "Rejected"),
)
_COMMANDS = (
    "approve", "reject", "clear_verdict", "previous", "next", "compare", "mask", "actual_size", "fit", "zoom_in",
    "zoom_out", "note",
)  # fmt: skip


class ReviewPage(QWidget):
    """Three views, the measurements and the verdict of one result; the others in a strip on the left."""

    decided = Signal()

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._batch: int | None = None
        self._was_shown = False
        services = context.services
        self.results = ReviewListModel(context.bridge, services.artifacts, self)
        self.verdicts = Verdicts(context, self._on_verdict)
        self.list = self._build_list()
        self.compare = CompareView(context.bridge, services.artifacts, context.report)
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
        actions["undo"].setEnabled(is_here and self.verdicts.can_undo)
        actions["redo"].setEnabled(is_here and self.verdicts.can_redo)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._was_shown = True

    # -- commands -----------------------------------------------------------------------------------------------

    def decide(self, decision: Decision) -> None:
        """Give the verdict and go on to the next result."""
        item = self.current()
        if item is None:
            return
        ids = self.results.shown_ids()
        row = ids.index(item.job.id)
        # Onwards to the next result; at the end of the list back to what is still undecided.
        undecided = [i for i in ids if self.results.item(i).decision is Decision.PENDING and i != item.job.id]
        following = next(iter([*ids[row + 1 : row + 2], *undecided]), item.job.id)
        self.verdicts.give(item, decision, self.note.toPlainText().strip())
        self._select(item.job.id if decision is Decision.PENDING else following)

    def move(self, step: int) -> None:
        """Go to the next or the previous result."""
        row = self.list.currentIndex().row() + step
        if 0 <= row < self.results.rowCount():
            self.list.setCurrentIndex(self.results.index(row))

    # -- inside -------------------------------------------------------------------------------------------------

    def _step_back(self, forward: bool) -> None:
        job_id = self.verdicts.redo() if forward else self.verdicts.undo()
        self._select(job_id)

    def _save_note(self) -> None:
        item = self.current()
        if item is not None and item.review is not None:
            self.verdicts.give(item, item.decision, self.note.toPlainText().strip())

    def _on_verdict(self, job_id: int, review: Review) -> None:
        self.results.set_review(job_id, review)
        self._show_counts()
        self._show_current()
        self.decided.emit()

    def _select(self, job_id: int | None) -> None:
        """Show that result, or the first one where the list no longer has it."""
        row = self.results.row_of(job_id) if job_id is not None else None
        if row is None and self.results.rowCount():
            row = max(0, min(self.list.currentIndex().row(), self.results.rowCount() - 1)) if self._was_shown else 0
        if row is not None:
            self.list.setCurrentIndex(self.results.index(row))
            self.list.scrollTo(self.results.index(row))
        self._show_current()

    def _on_current(self, current: QModelIndex, _: QModelIndex) -> None:
        self._context.actions["compare"].setChecked(False)
        self.compare.show_original(False)
        self._show_current()

    def _show_current(self) -> None:
        item = self.current()
        ids = self.results.shown_ids()
        row = ids.index(item.job.id) if item is not None else 0
        neighbours = [self.results.item(i) for i in (*ids[row + 1 : row + 3], *ids[max(0, row - 1) : row])]
        self.compare.show_item(item, neighbours if item is not None else ())
        self.figures.show_outcome(item.outcome if item else None)
        self._show_verdict(item)
        self._side.setVisible(item is not None)
        self.compare.setVisible(item is not None)
        self._empty.setVisible(item is None)
        self._empty.setText(
            "No result has this verdict."
            if self.results.items()
            else "Nothing to review yet.\nResults appear here as soon as they are made."
        )
        self.refresh_actions()

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

    def _arrange(self) -> None:
        current = self.current_id()
        chosen = next(decision for decision, button in self.filters.items() if button.isChecked())
        self.results.arrange(SortOrder(self.sort.currentData()), chosen)
        self._select(current)

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
            ("compare", lambda: self.compare.show_original(actions["compare"].isChecked())),
            ("mask", lambda: self.compare.show_mask(actions["mask"].isChecked())),
            ("actual_size", self.compare.toggle_actual_size),
            ("fit", self.compare.link.fit),
            ("zoom_in", partial(self.compare.zoom, 1.25)),
            ("zoom_out", partial(self.compare.zoom, 0.8)),
            ("note", self.note.setFocus),
        ):
            actions.on(name, call)
        self.sort.currentIndexChanged.connect(self._arrange)
        self.list.selectionModel().currentChanged.connect(self._on_current)

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

    def _build_layout(self) -> None:
        left = QFrame()
        left.setProperty("panel", True)
        left.setFixedWidth(_LIST_WIDTH)
        strip = QVBoxLayout(left)
        strip.setContentsMargins(0, theme.SMALL, 0, 0)
        strip.setSpacing(theme.SMALL)
        strip.addLayout(self._build_filters())
        strip.addWidget(self.list, 1)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.compare, 1)
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
        return box

    def _build_tools(self) -> QFrame:
        bar = QFrame()
        bar.setProperty("panel", True)
        tools = QHBoxLayout(bar)
        tools.setContentsMargins(theme.SMALL, theme.TIGHT, theme.SMALL, theme.TIGHT)
        tools.setSpacing(theme.TIGHT)
        for name in ("fit", "actual_size", "mask", "compare"):
            tools.addWidget(self._tool(name))
        tools.addStretch()
        tools.addWidget(theme.label("? shows every key", "caption"))
        return bar

    def _tool(self, name: str) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(self._context.actions[name])
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
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
