"""What can be done with the selected jobs of the queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication

from engine.domain.assets import AssetPair
from engine.domain.jobs import JobState
from engine.services.failures import FailedItem, can_be_drawn, failed_item
from gui.context import WindowContext
from gui.queue.jobs_table import JobsTable
from gui.queue.remedies import failure_details

_UNFINISHED = (JobState.QUEUED, JobState.RUNNING)
_AGAIN = (JobState.FAILED, JobState.CANCELLED)


class QueueCommands:
    """Catalog calls run in the background, in the order in which they were asked for. GUI thread only.

    Parameters
    ----------
    draw_mask : callable
        ``draw_mask(item)`` for a `FailedItem` whose mask the operator wants to draw.
    """

    def __init__(self, context: WindowContext, table: JobsTable, draw_mask: Callable[[FailedItem], None]) -> None:
        self._context, self._table, self._jobs, self._wants_mask = context, table, table.jobs, draw_mask
        for name, call in (
            ("cancel", self.cancel),
            ("retry", self.retry),
            ("sooner", lambda: self._shift_priority(+1)),
            ("later", lambda: self._shift_priority(-1)),
            ("run_next", self._run_next),
            ("move_up", lambda: self._step(down=False)),
            ("move_down", lambda: self._step(down=True)),
            ("draw_mask", self._draw_mask),
            ("copy_failure", self._copy_failure),
            ("show_photograph", self._show_photograph),
        ):
            context.actions.on(name, call)

    def cancel(self) -> None:
        """Take the selected jobs out of the queue, or stop them."""
        self._context.services.dispatcher.cancel(self._selected(*_UNFINISHED))

    def retry(self) -> None:
        """Queue the selected failed and cancelled jobs again."""
        self._context.services.dispatcher.retry(self._selected(*_AGAIN))

    def refresh(self, *, is_here: bool) -> None:
        """Switch the commands on where they make sense."""
        actions = self._context.actions
        queued, rows = bool(self._selected(JobState.QUEUED)), self._table.selected_rows()
        job = self._jobs.job(rows[0]) if len(rows) == 1 else None
        has_failed = job is not None and job.failure is not None
        is_drawable = job is not None and can_be_drawn(job) and not self._jobs.repetition(job)
        actions["cancel"].setEnabled(is_here and bool(self._selected(*_UNFINISHED)))
        actions["retry"].setEnabled(is_here and bool(self._selected(*_AGAIN)))
        for name in ("sooner", "later", "run_next", "move_up", "move_down"):
            actions[name].setEnabled(is_here and queued)
        actions["copy_failure"].setEnabled(is_here and has_failed)
        actions["draw_mask"].setEnabled(is_here and is_drawable)
        actions["show_photograph"].setEnabled(is_here and len(rows) == 1)

    def move(self, job_ids: Sequence[int], before: int | None) -> None:
        """Have these jobs run before another one; None: after all others."""
        catalog = self._context.services.catalog
        self._in_order(lambda: catalog.reorder(job_ids, before))

    # -- inside -------------------------------------------------------------------------------------------------

    def _shift_priority(self, step: int) -> None:
        by_priority: dict[int, list[int]] = {}
        places: dict[int, tuple[int, int]] = {}
        for row in self._table.selected_rows():
            job = self._jobs.job(row)
            if job.state is JobState.QUEUED:
                by_priority.setdefault(job.priority + step, []).append(job.id)
                places[job.id] = (job.priority + step, job.position)
        catalog = self._context.services.catalog

        def work() -> Mapping[int, tuple[int, int]]:
            for priority, ids in by_priority.items():
                catalog.set_priority(ids, priority)
            return places

        self._in_order(work)

    def _in_order(self, work: Callable[[], Mapping[int, tuple[int, int]]]) -> None:
        self._context.bridge.run_in_background(work, self._moved, self._context.report, in_order=True)

    def _moved(self, places: Mapping[int, tuple[int, int]]) -> None:
        self._jobs.set_places(places)
        rows = self._table.selected_rows()
        if rows:
            self._table.scrollTo(self._jobs.index(rows[0], 0))

    def _run_next(self) -> None:
        moving = self._selected(JobState.QUEUED)
        self.move(moving, self._jobs.queued_from(0, without=moving))

    def _step(self, down: bool) -> None:
        """Move the selected waiting jobs one place up or down."""
        moving, rows = self._selected(JobState.QUEUED), self._table.selected_rows()
        if not moving:
            return
        if down:
            first = self._jobs.queued_from(rows[-1] + 1, without=moving)
            row = self._jobs.row_of(first) if first is not None else None
            if row is not None:
                self.move(moving, self._jobs.queued_from(row + 1, without=moving))
            return
        above = self._jobs.queued_above(rows[0])
        if above is not None:
            self.move(moving, above)

    def _show_photograph(self) -> None:
        rows = self._table.selected_rows()
        if len(rows) == 1:
            folder = self._jobs.photograph(self._jobs.job(rows[0])).parent
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _draw_mask(self) -> None:
        rows, catalog = self._table.selected_rows(), self._context.services.catalog
        if len(rows) == 1:
            job_id = self._jobs.job(rows[0]).id
            self._context.bridge.run_in_background(
                lambda: failed_item(catalog, job_id), self._wants_mask, self._context.report
            )

    def _copy_failure(self) -> None:
        rows = self._table.selected_rows()
        if len(rows) == 1 and (job := self._jobs.job(rows[0])).failure is not None:
            catalog = self._context.services.catalog

            def copy(pair: AssetPair) -> None:
                QGuiApplication.clipboard().setText(failure_details(job, pair))
                self._context.remark("The details were copied.")

            self._context.bridge.run_in_background(lambda: catalog.pair(job.pair_id), copy, self._context.report)

    def _selected(self, *states: JobState) -> list[int]:
        return self._jobs.ids(self._table.selected_rows(), states)
