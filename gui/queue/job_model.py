"""The jobs of the queue page, in the order in which they run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QByteArray,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QColor

from engine.domain.jobs import BatchCounts, Job, JobEvent, JobState, Progress, QueueRow
from engine.services.queue import StateEvent
from gui.queue.job_cells import TITLES, JobCells, JobColumn
from gui.queue.job_store import JobStore
from gui.queue.run_order import RunOrder, place

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()

PROGRESS_ROLE = int(Qt.ItemDataRole.UserRole) + 1
"""``(fraction or None, label)`` of the step column."""

STATE_ROLE = int(Qt.ItemDataRole.UserRole) + 2

REPEATED_ROLE = int(Qt.ItemDataRole.UserRole) + 3
"""Whether the job has failed and a newer version stands in its place."""

JOBS_MIME = "application/x-chromask-jobs"
"""Job ids that are being dragged, as a JSON list."""

_RUNS = 8  # places at which a page's new rows are inserted one after the other; more are a new order
_ARRANGE_MS = 50  # a thousand jobs that are retried at once are a thousand events, and one new order


class JobsModel(QAbstractTableModel):
    """Jobs with their live state: read from the catalog once, and kept current by engine events.

    Reading takes a while, and events go on meanwhile: between `begin_reading` and `end_reading` they are remembered,
    and a job that one of them has touched is not thrown back to what was read before it. What is read comes page by
    page, and a page costs what its own rows cost, however many there are: new rows are inserted where they belong,
    changed ones are repainted, and rows whose order changed are put into it once, when all is read.
    """

    counts_changed = Signal()
    moved = Signal(list, object)
    """``(job ids, id of the job before which they were dropped, or None for the end)``."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = JobStore()
        self._cells = JobCells(self._store)
        self._shown = RunOrder()
        self._seen: set[int] = set()  # by the reading that goes on
        self._is_out_of_order = False
        self._states: frozenset[JobState] | None = None
        self._arranging = QTimer(self)
        self._arranging.setSingleShot(True)
        self._arranging.setInterval(_ARRANGE_MS)
        self._arranging.timeout.connect(self.arrange)

    # -- what the page calls ------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Forget every job."""
        self._arranging.stop()
        self._is_out_of_order = False
        self.beginResetModel()  # first: who keeps the selection asks for its jobs
        self._store.clear()
        self._shown.show([])
        self.endResetModel()
        self.counts_changed.emit()

    def begin_reading(self) -> None:
        """Call before the catalog is read; one reader at a time."""
        self._store.begin_reading()
        self._seen.clear()

    def end_reading(self, *, is_whole: bool = False) -> None:
        """Call when everything that was read has been handed over.

        Parameters
        ----------
        is_whole : bool
            Every job was read: what was not seen is not there any more.
        """
        self._store.end_reading()
        if is_whole and len(self._seen) < len(self._store.jobs):
            self.beginResetModel()  # first: who keeps the selection asks for its jobs
            for job_id in self._store.jobs.keys() - self._seen:
                self._store.forget(job_id)
            self._is_out_of_order = True
            self._shown.keep(self._store.jobs.keys())
            self.endResetModel()
        self._seen.clear()
        if self._is_out_of_order:
            self.arrange()

    def take(self, rows: Sequence[QueueRow]) -> None:
        """Take over a page that was read: jobs that are new or may have changed."""
        new: list[Job] = []
        changed: set[int] = set()
        for row in rows:
            job = self._store.newer(row.job)
            old = self._store.jobs.get(job.id)
            self._seen.add(job.id)
            if old is None:
                new.append(job)
            elif old == job and self._store.read[job.id] == row:
                continue
            elif place(old) == place(job):
                changed.add(job.id)
            else:
                self._is_out_of_order = True
            self._store.keep(job, row)
            changed.update(self._store.others(job))
        self._insert(new)
        for job_id in changed:
            self._is_out_of_order |= not self._repaint(job_id)
        if self._is_out_of_order and not self._store.is_reading:
            self.arrange()
        if new or changed:
            self.counts_changed.emit()

    def set_places(self, places: Mapping[int, tuple[int, int]]) -> None:
        """Take over new (priority, position) of some jobs."""
        for job_id, (priority, position) in places.items():
            job = self._store.jobs.get(job_id)
            if job is not None:
                self._store.keep(replace(job, priority=priority, position=position))
        self.arrange()

    def set_filter(self, states: Iterable[JobState] | None) -> None:
        """Show only jobs in these states; None shows all."""
        self._states = None if states is None else frozenset(states)
        self.arrange()

    def arrange(self) -> None:
        """Put the rows into the order in which the jobs run; finished ones keep the place they had."""
        self._arranging.stop()
        self._is_out_of_order = False
        places = self._shown.places(filter(self._admits, self._store.jobs.values()))
        if places is not None:
            self.beginResetModel()
            self._shown.show(places)
            self.endResetModel()
        elif len(self._shown):
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._shown) - 1, JobColumn.PRIORITY))
        self.counts_changed.emit()

    def job(self, row: int) -> Job:
        return self._store.jobs[self._shown[row]]

    def photograph(self, job: Job) -> Path:
        """The job's on-model photograph."""
        return self._store.read[job.id].path

    def knows(self, job_id: int) -> bool:
        """Whether the job is among these, shown or not."""
        return job_id in self._store.jobs

    @property
    def knows_any(self) -> bool:
        """Whether there is any job, shown or not."""
        return bool(self._store.jobs)

    @property
    def last_id(self) -> int:
        """The highest id; 0 where there is none."""
        return self._store.last_id

    def row_of(self, job_id: int) -> int | None:
        """Where the job is shown; None where it is not."""
        return self._shown.row_of(job_id)

    def ids(self, rows: Iterable[int], states: Iterable[JobState]) -> list[int]:
        """Ids of the jobs in these rows that are in one of these states; failed ones only if their failure stands."""
        wanted = set(states)
        return [job.id for job in map(self.job, rows) if job.state in wanted and not self._store.is_repeated(job)]

    def first_row(self, states: Iterable[JobState]) -> int | None:
        """The first row in one of these states."""
        wanted = set(states)
        return next((row for row, job_id in enumerate(self._shown) if self._store.jobs[job_id].state in wanted), None)

    def queued_from(self, row: int, without: Iterable[int] = ()) -> int | None:
        """The first waiting job from that row on, but for some; None where none waits."""
        passed = set(without)
        below = self._shown.from_row(row)
        return next((job_id for job_id in below if job_id not in passed and self._is_queued(job_id)), None)

    def queued_above(self, row: int) -> int | None:
        """The nearest waiting job above that row."""
        return next((job_id for job_id in self._shown.above(row) if self._is_queued(job_id)), None)

    def _is_queued(self, job_id: int) -> bool:
        return self._store.jobs[job_id].state is JobState.QUEUED

    def counts(self) -> BatchCounts:
        """How many of all jobs, shown or not, are in each state."""
        return self._store.counts()

    def repetition(self, job: Job) -> str:
        """What became of a job that failed, for the operator; empty where nothing did."""
        return self._store.repetition(job)

    def apply(self, event: JobEvent) -> None:
        """Bring a row up to date without asking the catalog."""
        if isinstance(event, Progress):
            if self._store.has_advanced(event):
                self._emit(event.job_id, JobColumn.STEP, JobColumn.STEP)
        elif isinstance(event, StateEvent):
            before = self._store.jobs.get(event.job_id)
            job = self._store.apply(event)
            if before is not None and job is not None:
                self._show(before, job)

    def tick(self) -> None:
        """Repaint the times of what runs."""
        for job_id in self._store.began:
            self._emit(job_id, JobColumn.TIME, JobColumn.TIME)

    # -- Qt -----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(JobColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return TITLES[section]
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled  # between the rows, not on them
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsDragEnabled if self.job(index.row()).state is JobState.QUEUED else flags

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        job, column = self.job(index.row()), JobColumn(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._cells.text(job, column)
            case Qt.ItemDataRole.ForegroundRole:
                color = self._cells.color(job, column)
                return QColor(color) if color is not None else None
            case Qt.ItemDataRole.ToolTipRole:
                return self._cells.tip(job, column)
            case _ if role == REPEATED_ROLE:
                return self._store.is_repeated(job)
            case _ if role == PROGRESS_ROLE:
                return self._store.progress(job)
            case _ if role == STATE_ROLE:
                return job.state
            case _:
                return None

    # -- dragging -----------------------------------------------------------------------------------------------

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [JOBS_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        ids = self.ids(sorted({index.row() for index in indexes}), [JobState.QUEUED])
        mime = QMimeData()
        mime.setData(JOBS_MIME, QByteArray(json.dumps(ids).encode()))
        return mime

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: _Index) -> bool:
        """Ask for the move; the rows follow once the catalog has taken it over."""
        if not data.hasFormat(JOBS_MIME) or action != Qt.DropAction.MoveAction:
            return False
        ids = [int(job_id) for job_id in json.loads(bytes(data.data(JOBS_MIME).data()))]
        at = parent.row() if parent.isValid() else row if row >= 0 else len(self._shown)
        before = self.queued_from(at, without=ids)
        if ids:
            self.moved.emit(ids, before)
        return bool(ids)

    # -- inside -------------------------------------------------------------------------------------------------

    def _insert(self, jobs: Sequence[Job]) -> None:
        """Put new rows where they belong, or leave that to one arrangement of all where they are scattered."""
        runs = self._shown.runs(filter(self._admits, jobs))
        if len(runs) > _RUNS:
            self._is_out_of_order = True
            return
        for run in runs:
            at = self._shown.row_for(run)
            self.beginInsertRows(QModelIndex(), at, at + len(run) - 1)
            self._shown.insert(run)
            self.endInsertRows()

    def _admits(self, job: Job) -> bool:
        return self._states is None or (job.state in self._states and not self._store.is_repeated(job))

    def _show(self, before: Job, job: Job) -> None:
        """Repaint a job that an event has changed, or put it where it belongs now."""
        is_painted = [self._repaint(job_id) for job_id in (job.id, *self._store.others(job))]
        if job.position != before.position or not all(is_painted):
            self._arranging.start()
        self.counts_changed.emit()

    def _repaint(self, job_id: int) -> bool:
        """Paint the row anew; False where the job is shown but should not be any more, or should be now."""
        self._emit(job_id, JobColumn.PHOTO, JobColumn.PRIORITY)
        return (self.row_of(job_id) is not None) == self._admits(self._store.jobs[job_id])

    def _emit(self, job_id: int, first: JobColumn, last: JobColumn) -> None:
        row = self.row_of(job_id)
        if row is not None:
            self.dataChanged.emit(self.index(row, first), self.index(row, last))
