"""The queue: every job with its state, and how long the batch will still take."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.domain.assets import AssetPair
from engine.domain.jobs import BatchCounts, Idle, Job, JobEvent, JobState, Progress
from engine.ports import Catalog
from engine.services.queue import ProgressClock
from gui import theme
from gui.context import WindowContext
from gui.models.jobs import JobColumn, JobsModel
from gui.phrases import count, duration
from gui.widgets.delegates import JobDelegate, StateDelegate
from gui.widgets.drop_zone import button_for
from gui.widgets.progress_line import ProgressLine

_PAGE = 1000
_REFRESH_MS = 1000  # between looks at the counters while events arrive


@dataclass(frozen=True, slots=True)
class _Snapshot:
    jobs: list[Job]
    pairs: Mapping[int, AssetPair]
    counts: BatchCounts


def _read(catalog: Catalog, batch_id: int | None) -> _Snapshot:
    jobs: list[Job] = []
    while page := catalog.jobs(batch_id, None, jobs[-1].id if jobs else 0, _PAGE):
        jobs += page
    return _Snapshot(jobs, catalog.pairs(sorted({job.pair_id for job in jobs})), catalog.counts(batch_id))


class QueuePage(QWidget):
    """Shows one batch, or all of them; catalog calls run in the background."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._batch: int | None = None
        self._clock: ProgressClock | None = None
        self._counts = BatchCounts()
        self._is_reading, self._read_again = False, False
        self.jobs = JobsModel(self)
        self.table = self._build_table()
        self._headline, self._times = theme.label("", "title"), theme.label("", "quiet")
        self._legend = theme.label("", "quiet")
        self.progress = ProgressLine()
        self._why, self._remedy = theme.label(), theme.label("", "quiet")
        self._empty = theme.label("Nothing is queued yet. Drop photographs on the window and press Start.", "quiet")
        self._build_layout()
        for name, call in (
            ("pause", self._pause),
            ("cancel", self.cancel_selected),
            ("retry", self.retry_selected),
            ("sooner", lambda: self._move(+1)),
            ("later", lambda: self._move(-1)),
        ):
            context.actions.on(name, call)
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.setInterval(_REFRESH_MS)
        self._refresh_timer.timeout.connect(self.reload)
        self._tick_timer = QTimer(self)
        self._tick_timer.setInterval(1000)
        self._tick_timer.timeout.connect(self._tick)
        self._show_counts()

    # -- what the window calls ----------------------------------------------------------------------------------

    def set_batch(self, batch_id: int | None) -> None:
        """Show this batch; None shows every job."""
        self._batch, self._clock = batch_id, None
        self.reload()

    def reload(self) -> None:
        """Read the jobs again, in the background; calls in between are joined into one."""
        if self._is_reading:
            self._read_again = True
            return
        self._is_reading = True
        batch, catalog = self._batch, self._context.services.catalog

        def done(snapshot: _Snapshot) -> None:
            self._is_reading = False
            if batch == self._batch:
                self._show(snapshot)
            if self._read_again:
                self._read_again = False
                self.reload()

        def failed(error: Exception) -> None:
            self._is_reading = self._read_again = False
            self._context.report(error)

        self._context.bridge.run_in_background(lambda: _read(catalog, batch), done, failed)

    def on_event(self, event: JobEvent) -> None:
        """Follow the engine; GUI thread."""
        self.jobs.apply(event)
        if isinstance(event, Progress):
            return
        if isinstance(event, Idle):
            self.reload()
        elif not self._refresh_timer.isActive():
            self._refresh_timer.start()
        self._show_selected()

    def cancel_selected(self) -> None:
        """Take the selected jobs out of the queue, or stop them."""
        self._context.services.dispatcher.cancel(self._selected(JobState.QUEUED, JobState.RUNNING))

    def retry_selected(self) -> None:
        """Queue the selected failed and cancelled jobs again."""
        self._context.services.dispatcher.retry(self._selected(JobState.FAILED, JobState.CANCELLED))
        self._refresh_timer.start()

    @property
    def counts(self) -> BatchCounts:
        return self._counts

    def refresh_actions(self) -> None:
        """Switch this page's commands on where they make sense."""
        actions, is_here = self._context.actions, self.isVisible()
        unfinished = self._selected(JobState.QUEUED, JobState.RUNNING)
        queued = self._selected(JobState.QUEUED)
        actions["cancel"].setEnabled(is_here and bool(unfinished))
        actions["retry"].setEnabled(is_here and bool(self._selected(JobState.FAILED, JobState.CANCELLED)))
        actions["sooner"].setEnabled(is_here and bool(queued))
        actions["later"].setEnabled(is_here and bool(queued))

    # -- inside -------------------------------------------------------------------------------------------------

    def _pause(self) -> None:
        action, dispatcher = self._context.actions["pause"], self._context.services.dispatcher
        (dispatcher.pause if action.isChecked() else dispatcher.resume)()
        self._show_counts()

    def _move(self, step: int) -> None:
        rows = self._selected_rows()
        by_priority: dict[int, list[int]] = {}
        for row in rows:
            job = self.jobs.job(row)
            if job.state is JobState.QUEUED:
                by_priority.setdefault(job.priority + step, []).append(job.id)
        catalog = self._context.services.catalog

        def work() -> None:
            for priority, ids in by_priority.items():
                catalog.set_priority(ids, priority)

        self._context.bridge.run_in_background(work, lambda _: self.reload(), self._context.report, in_order=True)

    def _selected_rows(self) -> list[int]:
        return sorted(index.row() for index in self.table.selectionModel().selectedRows())

    def _selected(self, *states: JobState) -> list[int]:
        return self.jobs.ids(self._selected_rows(), states)

    def _show(self, snapshot: _Snapshot) -> None:
        # First the counts: whoever hears that the jobs changed reads them.
        self._counts = snapshot.counts
        self.jobs.set_jobs(snapshot.jobs, snapshot.pairs)
        if self._clock is None:
            self._clock = ProgressClock(snapshot.counts, time.monotonic())
        self._show_counts()
        self._show_selected()

    def _show_counts(self) -> None:
        counts, total = self._counts, max(1, self._counts.total)
        is_active = bool(counts.running or counts.queued)
        is_paused = self._context.actions["pause"].isChecked()
        self._empty.setVisible(counts.total == 0)
        self.table.setVisible(counts.total > 0)
        if counts.total == 0:
            headline = "The queue is empty"
        elif is_active:
            headline = f"{counts.finished} of {count(counts.total, 'job')}" + (" · paused" if is_paused else "")
        else:
            headline = f"All {count(counts.total, 'job')} finished" if counts.total > 1 else "The job is finished"
        self._headline.setText(headline)
        parts = [
            (counts.succeeded, "done"), (counts.running, "running"), (counts.queued, "waiting"),
            (counts.failed, "failed"), (counts.cancelled, "cancelled"),
        ]  # fmt: skip
        self._legend.setText(" · ".join(f"{number:,} {word}" for number, word in parts if number))
        self.progress.set_shares((
            (counts.succeeded / total, theme.PASS),
            (counts.failed / total, theme.FAIL),
            (counts.cancelled / total, theme.TEXT_FAINT),
            (counts.running / total, theme.ACCENT),
        ))  # fmt: skip
        if is_active and not self._tick_timer.isActive():
            self._tick_timer.start()
        elif not is_active:
            self._tick_timer.stop()
        self._show_times()
        self.refresh_actions()

    def _show_times(self) -> None:
        counts = self._counts
        if self._clock is None or not (counts.running or counts.queued):
            self._times.setText("")
            return
        progress = self._clock.measure(counts, time.monotonic())
        remaining = "measuring…" if progress.remaining is None else f"about {duration(progress.remaining)} left"
        self._times.setText(f"{duration(progress.elapsed)} elapsed · {remaining}")

    def _tick(self) -> None:
        self.jobs.tick()
        self._show_times()

    def _show_selected(self) -> None:
        rows = self._selected_rows()
        failure = self.jobs.job(rows[0]).failure if len(rows) == 1 else None
        self._details.setVisible(failure is not None)
        if failure is not None:
            self._why.setText(failure.message)
            again = " Retrying it unchanged may help." if failure.retryable else ""
            self._remedy.setText(f"{failure.remedy}{again}")
        self.refresh_actions()

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.jobs)
        table.setItemDelegateForColumn(JobColumn.STEP, JobDelegate(table))
        table.setItemDelegateForColumn(JobColumn.STATE, StateDelegate(table))
        table.verticalHeader().setDefaultSectionSize(34)
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        widths = {
            JobColumn.SKU: 140, JobColumn.TASK: 170, JobColumn.STATE: 160, JobColumn.STEP: 440, JobColumn.TIME: 90,
            JobColumn.PRIORITY: 70,
        }  # fmt: skip
        for column, width in widths.items():
            table.setColumnWidth(column, width)
        header.setSectionResizeMode(JobColumn.PHOTO, QHeaderView.ResizeMode.Stretch)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        table.addActions([self._context.actions[name] for name in ("cancel", "retry", "sooner", "later")])
        table.selectionModel().selectionChanged.connect(self._show_selected)
        return table

    def _build_layout(self) -> None:
        actions = self._context.actions
        head = QHBoxLayout()
        head.setSpacing(theme.MEDIUM)
        head.addWidget(self._headline)
        head.addWidget(self._legend, 0, Qt.AlignmentFlag.AlignBottom)
        head.addStretch()
        head.addWidget(self._times, 0, Qt.AlignmentFlag.AlignBottom)
        tools = QHBoxLayout()
        tools.setSpacing(theme.SMALL)
        pause = QToolButton()
        pause.setDefaultAction(actions["pause"])
        pause.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        tools.addWidget(pause)
        tools.addSpacing(theme.MEDIUM)
        for name in ("cancel", "retry", "sooner", "later"):
            tools.addWidget(button_for(actions[name]))
        tools.addStretch()
        self._details = QFrame()
        self._details.setProperty("panel", True)
        details = QVBoxLayout(self._details)
        details.setContentsMargins(theme.LARGE, theme.MEDIUM, theme.LARGE, theme.MEDIUM)
        details.setSpacing(theme.TIGHT)
        for text in (self._why, self._remedy):
            text.setWordWrap(True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            details.addWidget(text)
        self._details.hide()
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.LARGE)
        layout.setSpacing(theme.MEDIUM)
        layout.addLayout(head)
        layout.addWidget(self.progress)
        layout.addLayout(tools)
        layout.addWidget(self.table, 1)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._details)
