"""The queue: every job in the order in which it runs, and how long the batch will still take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import groupby

from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt, QTimer, Signal
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from engine.domain.jobs import (
    BatchCounts,
    EngineStopped,
    Failed,
    Idle,
    JobEvent,
    JobState,
    Progress,
    QueueRow,
    Succeeded,
)
from engine.services.queue import ProgressClock
from gui.context import WindowContext
from gui.look import theme
from gui.notifications import Notifier
from gui.queue.commands import QueueCommands
from gui.queue.failure_panel import FailurePanel
from gui.queue.job_model import JobsModel
from gui.queue.jobs_table import JobsTable
from gui.queue.summary import QueueSummary, StateChips
from gui.widgets.drop_zone import button_for
from gui.widgets.empty_state import EmptyState

_FIRST, _PAGE = 200, 500  # jobs: what a screen can show at once, then as many as hold the window up unnoticed
_REFRESH_MS = 300  # between looks for jobs that events named and nobody knew
_COUNTS_MS = 50  # a thousand jobs that are cancelled at once are a thousand events


class QueuePage(QWidget):
    """Shows one batch, or all of them; catalog calls run in the background."""

    counts_changed = Signal()

    mask_wanted = Signal(object)
    """A `FailedItem` whose mask the operator wants to draw."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._batch: int | None = None
        self._clock: ProgressClock | None = None
        self._reading: object = None  # the token of the reading that goes on
        self._read_again = False
        self._ended = 0  # jobs that finished since the queue was last idle
        self.jobs = JobsModel(self)
        self.table = JobsTable(self.jobs)
        self.summary = QueueSummary()
        self.chips = StateChips(self._filter)
        self.failure = FailurePanel(context.actions)
        self.commands = QueueCommands(context, self.table, self.mask_wanted.emit)
        self.notifier = Notifier(self)
        self._empty = EmptyState([("Go to Intake", context.actions["show_intake"])])
        self._empty.say("Nothing is queued yet", "Drop photographs on the window, look at their pairs and press Start.")
        self._build_layout()
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.setInterval(_REFRESH_MS)
        self._refresh_timer.timeout.connect(self._read_new)
        self._counts_timer = QTimer(self)
        self._counts_timer.setSingleShot(True)
        self._counts_timer.setInterval(_COUNTS_MS)
        self._counts_timer.timeout.connect(self._show_counts)
        self._tick_timer = QTimer(self)
        self._tick_timer.setInterval(1000)
        self._tick_timer.timeout.connect(self._tick)
        self._connect()
        self._show_counts()

    # -- what the window calls ----------------------------------------------------------------------------------

    def set_batch(self, batch_id: int | None) -> None:
        """Show this batch; None shows every job."""
        if batch_id != self._batch:
            self._clock = None
            self.jobs.clear()
        self._batch = batch_id
        self._reading = None  # what another batch's reading still brings is not wanted
        self.reload()

    def reload(self) -> None:
        """Read the jobs again, in the background; calls in between are joined into one."""
        if self._reading is not None:
            self._read_again = True
            return
        self._reading = token = object()
        is_fresh = not self.jobs.knows_any

        def take(rows: Sequence[QueueRow]) -> None:
            if token is not self._reading:
                return
            if rows:
                self._read_page(rows[-1].job.id, _PAGE, take)  # the next page is read while this one is taken over
                self.jobs.take(rows)  # a long list is there from its first page on
                return
            self._finish_reading(is_whole=True)
            if is_fresh:
                self._show_work()

        self.jobs.begin_reading()
        self._read_page(0, _FIRST, take)

    def on_event(self, event: JobEvent) -> None:
        """Follow the engine; GUI thread."""
        self.jobs.apply(event)
        if isinstance(event, Progress | EngineStopped):
            return
        if isinstance(event, Idle):
            self._tell_end()
        else:
            self._ended += isinstance(event, Succeeded | Failed)
            if not self.jobs.knows(event.job_id) and not self._refresh_timer.isActive():
                self._refresh_timer.start()

    def refresh_actions(self) -> None:
        """Switch this page's commands on where they make sense."""
        self.commands.refresh(is_here=self.isVisible())

    @property
    def counts(self) -> BatchCounts:
        return self.jobs.counts()

    # -- reading ------------------------------------------------------------------------------------------------

    def _read_page(self, after: int, limit: int, take: Callable[[Sequence[QueueRow]], None]) -> None:
        batch, catalog, token = self._batch, self._context.services.catalog, self._reading

        def failed(error: Exception) -> None:
            if token is self._reading:
                self._read_again = False
                self._finish_reading()
            self._context.report(error)

        self._context.bridge.run_in_background(lambda: catalog.queue_rows(batch, after, limit), take, failed)

    def _read_new(self) -> None:
        """Read what was queued since the list was read: another version of a result, a watch folder's pictures."""
        if self._reading is not None:
            self._refresh_timer.start()
            return
        self._reading = token = object()

        def take(rows: Sequence[QueueRow]) -> None:
            if token is not self._reading:
                return
            self.jobs.take(rows)
            self._finish_reading()

        self.jobs.begin_reading()
        self._read_page(self.jobs.last_id, _PAGE, take)

    def _finish_reading(self, *, is_whole: bool = False) -> None:
        self._reading = None
        self.jobs.end_reading(is_whole=is_whole)
        if self._clock is None:
            self._clock = ProgressClock(self.counts, time.monotonic())
        self._show_counts()
        if self._read_again:
            self._read_again = False
            self.reload()

    def _show_work(self) -> None:
        """Scroll to where the engine is: what is finished stays above."""
        running = self.jobs.first_row([JobState.RUNNING])
        row = running if running is not None else self.jobs.first_row([JobState.QUEUED])
        if row is not None:
            self.table.scrollTo(self.jobs.index(max(0, row - 3), 0), QAbstractItemView.ScrollHint.PositionAtTop)

    # -- commands -----------------------------------------------------------------------------------------------

    def _pause(self) -> None:
        action, dispatcher = self._context.actions["pause"], self._context.services.dispatcher
        (dispatcher.pause if action.isChecked() else dispatcher.resume)()
        self._show_counts()

    # -- showing ------------------------------------------------------------------------------------------------

    def _filter(self, state: JobState | None) -> None:
        self.jobs.set_filter(None if state is None else (state,))

    def _tell_end(self) -> None:
        ended, self._ended = self._ended, 0
        if not ended:
            return
        counts = self.counts
        failed = f", {counts.failed:,} failed" if counts.failed else ""
        text = f"{counts.succeeded:,} done{failed}."
        if self.notifier.tell("The queue is finished", text):
            self._context.notify(f"The queue is finished: {text}", "")

    def _show_counts_soon(self) -> None:
        if not self._counts_timer.isActive():
            self._counts_timer.start()

    def _show_counts(self) -> None:
        counts = self.counts
        is_active = bool(counts.running or counts.queued)
        self._empty.setVisible(counts.total == 0)
        self.table.setVisible(counts.total > 0)
        self.summary.setVisible(counts.total > 0)
        self.summary.set_counts(counts, is_paused=self._context.actions["pause"].isChecked())
        self.chips.set_counts(counts)
        if is_active and not self._tick_timer.isActive():
            self._tick_timer.start()
        elif not is_active:
            self._tick_timer.stop()
        self._show_times()
        self._show_selected()
        self.counts_changed.emit()

    def _show_times(self) -> None:
        counts = self.counts
        if self._clock is None or not (counts.running or counts.queued):
            self.summary.set_progress(None)
            self.summary.set_card(None)
            return
        progress = self._clock.measure(counts, time.monotonic(), is_working=counts.running > 0)
        self.summary.set_progress(progress)
        self.summary.set_card(self._context.services.dispatcher.card_memory)

    def _tick(self) -> None:
        self.jobs.tick()
        self._show_times()

    def _show_selected(self) -> None:
        rows = self.table.selected_rows()
        job = self.jobs.job(rows[0]) if len(rows) == 1 else None
        self.failure.show_job(job, self.jobs.repetition(job) if job is not None else "")
        self.refresh_actions()

    def _keep_selection(self) -> None:
        """Before the rows are put into another order."""
        top = self.table.verticalScrollBar().value()
        self._kept = [self.jobs.job(row).id for row in self.table.selected_rows()], top

    def _give_selection_back(self) -> None:
        ids, top = self._kept
        rows = sorted(row for job_id in ids if (row := self.jobs.row_of(job_id)) is not None)
        chosen, last = QItemSelection(), self.jobs.columnCount() - 1
        # Neighbours in one range: thousands of ranges of one row would make every look at the selection slow.
        for _, run in groupby(enumerate(rows), key=lambda place: place[1] - place[0]):
            block = [row for _, row in run]
            chosen.select(self.jobs.index(block[0], 0), self.jobs.index(block[-1], last))
        self.table.selectionModel().select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.table.verticalScrollBar().setValue(top)

    # -- layout -------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self._context.actions.on("pause", self._pause)
        self._kept: tuple[list[int], int] = ([], 0)
        self.jobs.modelAboutToBeReset.connect(self._keep_selection)
        self.jobs.modelReset.connect(self._give_selection_back)
        self.jobs.counts_changed.connect(self._show_counts_soon)
        self.jobs.moved.connect(self.commands.move)
        self.table.selectionModel().selectionChanged.connect(self._show_selected)

    def _build_layout(self) -> None:
        actions = self._context.actions
        tools = QHBoxLayout()
        tools.setSpacing(theme.SMALL)
        pause = QToolButton()
        pause.setDefaultAction(actions["pause"])
        pause.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        tools.addWidget(pause)
        tools.addSpacing(theme.MEDIUM)
        for name in ("cancel", "retry", "run_next"):
            tools.addWidget(button_for(actions[name]))
        tools.addStretch()
        tools.addWidget(self.chips)
        menu = (
            "run_next",
            "move_up",
            "move_down",
            "sooner",
            "later",
            "cancel",
            "retry",
            "draw_mask",
            "show_photograph",
        )
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.table.addActions([actions[name] for name in menu])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.LARGE)
        layout.setSpacing(theme.MEDIUM)
        layout.addWidget(self.summary)
        layout.addLayout(tools)
        layout.addWidget(self.table, 1)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self.failure)
