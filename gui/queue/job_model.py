"""The jobs of the queue page, in the order in which they run."""

from __future__ import annotations

import json
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import IntEnum
from itertools import groupby, islice
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
from engine.services.queue import StateEvent, after, job_seconds
from gui.look import theme
from gui.phrases import duration, task_name

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()

PROGRESS_ROLE = int(Qt.ItemDataRole.UserRole) + 1
"""``(fraction or None, label)`` of the step column."""

STATE_ROLE = int(Qt.ItemDataRole.UserRole) + 2

JOBS_MIME = "application/x-chromask-jobs"
"""Job ids that are being dragged, as a JSON list."""

_RUNS = 8  # places at which a page's new rows are inserted one after the other; more are a new order
_ARRANGE_MS = 50  # a thousand jobs that are retried at once are a thousand events, and one new order


class JobColumn(IntEnum):
    """Columns, left to right."""

    PHOTO = 0
    SKU = 1
    TASK = 2
    STATE = 3
    STEP = 4
    TIME = 5
    PRIORITY = 6


_TITLES = ("Photograph", "SKU", "Task", "State", "Step", "Time", "Priority")
_LAST = len(JobColumn) - 1


_Place = tuple[int, int, int]
"""Where a job stands among those that run: priority, the highest first, position, id."""


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
        self._jobs: dict[int, Job] = {}
        self._read: dict[int, QueueRow] = {}
        self._shown: list[_Place] = []
        self._places: dict[int, _Place] = {}  # of what is shown, where it is shown
        self._counts: Counter[JobState] = Counter()
        self._end = self._last_id = 0  # the position behind all jobs, the highest id
        self._steps: dict[int, Progress] = {}
        self._began: dict[int, float] = {}
        self._meanwhile: dict[int, StateEvent] | None = None  # None: nobody is reading
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
        for kept in (self._jobs, self._read, self._began, self._steps, self._counts, self._shown, self._places):
            kept.clear()
        self._end = self._last_id = 0
        self.endResetModel()
        self.counts_changed.emit()

    def begin_reading(self) -> None:
        """Call before the catalog is read; one reader at a time."""
        self._meanwhile = {}
        self._seen.clear()

    def end_reading(self, *, is_whole: bool = False) -> None:
        """Call when everything that was read has been handed over.

        Parameters
        ----------
        is_whole : bool
            Every job was read: what was not seen is not there any more.
        """
        self._meanwhile = None
        if is_whole and len(self._seen) < len(self._jobs):
            self.beginResetModel()  # first: who keeps the selection asks for its jobs
            for job_id in self._jobs.keys() - self._seen:
                self._forget(job_id)
            self._shown = [place for place in self._shown if place[-1] in self._jobs]
            self._places = {place[-1]: place for place in self._shown}
            self.endResetModel()
        self._seen.clear()
        if self._is_out_of_order:
            self.arrange()

    def take(self, rows: Sequence[QueueRow]) -> None:
        """Take over a page that was read: jobs that are new or may have changed."""
        new: list[Job] = []
        changed: list[int] = []
        for row in rows:
            job = self._newer(row.job)
            old = self._jobs.get(job.id)
            self._seen.add(job.id)
            if old is None:
                new.append(job)
            elif old == job and self._read[job.id] == row:
                continue
            elif _place(old) == _place(job) and self._admits(old) == self._admits(job):
                changed.append(job.id)
            else:
                self._is_out_of_order = True
            self._read[job.id] = row
            self._keep(job)
        self._insert(new)
        for job_id in changed:
            self._emit(job_id, JobColumn.PHOTO, JobColumn.PRIORITY)
        if self._is_out_of_order and self._meanwhile is None:
            self.arrange()
        if new or changed:
            self.counts_changed.emit()

    def set_places(self, places: Mapping[int, tuple[int, int]]) -> None:
        """Take over new (priority, position) of some jobs."""
        for job_id, (priority, position) in places.items():
            job = self._jobs.get(job_id)
            if job is not None:
                self._keep(replace(job, priority=priority, position=position))
        self.arrange()

    def set_filter(self, states: Iterable[JobState] | None) -> None:
        """Show only jobs in these states; None shows all."""
        self._states = None if states is None else frozenset(states)
        self.arrange()

    def arrange(self) -> None:
        """Put the rows into the order in which the jobs run; finished ones keep the place they had."""
        self._arranging.stop()
        self._is_out_of_order = False
        shown = [_place(job) for job in self._jobs.values() if self._admits(job)]
        shown.sort()  # plain tuples, mostly in order: 100,000 of them take some 10 ms
        if shown == self._shown:
            if shown:
                self.dataChanged.emit(self.index(0, 0), self.index(len(shown) - 1, _LAST))
        else:
            self.beginResetModel()
            self._shown = shown
            self._places = {place[-1]: place for place in shown}
            self.endResetModel()
        self.counts_changed.emit()

    def job(self, row: int) -> Job:
        return self._jobs[self._shown[row][-1]]

    def photograph(self, job: Job) -> Path:
        """The job's on-model photograph."""
        return self._read[job.id].path

    def knows(self, job_id: int) -> bool:
        """Whether the job is among these, shown or not."""
        return job_id in self._jobs

    @property
    def knows_any(self) -> bool:
        """Whether there is any job, shown or not."""
        return bool(self._jobs)

    @property
    def last_id(self) -> int:
        """The highest id; 0 where there is none."""
        return self._last_id

    def row_of(self, job_id: int) -> int | None:
        """Where the job is shown; None where it is not."""
        place = self._places.get(job_id)
        return bisect_left(self._shown, place) if place is not None else None

    def ids(self, rows: Iterable[int], states: Iterable[JobState]) -> list[int]:
        """Ids of the jobs in these rows that are in one of these states."""
        wanted = set(states)
        return [job.id for job in map(self.job, rows) if job.state in wanted]

    def first_row(self, states: Iterable[JobState]) -> int | None:
        """The first row in one of these states."""
        wanted = set(states)
        return next((row for row, place in enumerate(self._shown) if self._jobs[place[-1]].state in wanted), None)

    def queued_from(self, row: int, without: Iterable[int] = ()) -> int | None:
        """The first waiting job from that row on, but for some; None where none waits."""
        passed = set(without)
        below = (place[-1] for place in islice(self._shown, row, None))
        return next((job_id for job_id in below if job_id not in passed and self._is_queued(job_id)), None)

    def queued_above(self, row: int) -> int | None:
        """The nearest waiting job above that row."""
        above = (self._shown[at][-1] for at in range(row - 1, -1, -1))
        return next((job_id for job_id in above if self._is_queued(job_id)), None)

    def _is_queued(self, job_id: int) -> bool:
        return self._jobs[job_id].state is JobState.QUEUED

    def counts(self) -> BatchCounts:
        """How many of all jobs, shown or not, are in each state."""
        return BatchCounts(**{state.value: self._counts[state] for state in JobState})

    def apply(self, event: JobEvent) -> None:
        """Bring a row up to date without asking the catalog."""
        if isinstance(event, Progress):
            if event.job_id in self._began:
                self._steps[event.job_id] = event
                self._emit(event.job_id, JobColumn.STEP, JobColumn.STEP)
        elif isinstance(event, StateEvent):
            if self._meanwhile is not None:
                self._meanwhile[event.job_id] = event
            if event.job_id in self._jobs:
                self._put(after(self._jobs[event.job_id], event, self._end))

    def tick(self) -> None:
        """Repaint the times of what runs."""
        for job_id in self._began:
            self._emit(job_id, JobColumn.TIME, JobColumn.TIME)

    # -- Qt -----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(JobColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return _TITLES[section]
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
                return self._text(job, column)
            case Qt.ItemDataRole.ForegroundRole:
                if column is JobColumn.STATE:
                    return QColor(theme.state_color(job.state))
                is_over = job.state is JobState.CANCELLED
                if not column and not is_over:
                    return None
                return QColor(theme.colors().text_faint if is_over else theme.colors().text_quiet)
            case Qt.ItemDataRole.ToolTipRole if column is JobColumn.PHOTO:
                return str(self._read[job.id].path)
            case Qt.ItemDataRole.ToolTipRole if column is JobColumn.STEP and job.failure is not None:
                return f"{job.failure.message}. {job.failure.remedy}"
            case _ if role == PROGRESS_ROLE:
                return self._progress(job)
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
        place = parent.row() if parent.isValid() else row if row >= 0 else len(self._shown)
        before = self.queued_from(place, without=ids)
        if ids:
            self.moved.emit(ids, before)
        return bool(ids)

    # -- inside -------------------------------------------------------------------------------------------------

    def _newer(self, job: Job) -> Job:
        """What was read, or what is known where an event came in meanwhile."""
        event = (self._meanwhile or {}).get(job.id)
        if event is not None:
            known = self._jobs.get(job.id)
            return replace(known, priority=job.priority) if known is not None else after(job, event, job.position)
        if job.state is JobState.RUNNING and job.started_at is not None:
            seconds = (datetime.now(UTC) - job.started_at).total_seconds()
            self._began.setdefault(job.id, time.monotonic() - max(0.0, seconds))
        else:
            self._began.pop(job.id, None)
        return job

    def _keep(self, job: Job) -> None:
        """Remember a job in place of the one before, and count it."""
        old = self._jobs.get(job.id)
        if old is not None:
            self._counts[old.state] -= 1
        self._counts[job.state] += 1
        self._jobs[job.id] = job
        self._end = max(self._end, job.position + 1)
        self._last_id = max(self._last_id, job.id)

    def _forget(self, job_id: int) -> None:
        self._counts[self._jobs.pop(job_id).state] -= 1
        del self._read[job_id]
        self._began.pop(job_id, None)
        self._steps.pop(job_id, None)
        self._is_out_of_order = True

    def _insert(self, jobs: Sequence[Job]) -> None:
        """Put new rows where they belong, or leave that to one arrangement of all where they are scattered."""
        places = [_place(job) for job in jobs if self._admits(job)]
        places.sort()
        runs = [list(run) for _, run in groupby(places, key=lambda place: bisect_left(self._shown, place))]
        if len(runs) > _RUNS:
            self._is_out_of_order = True
            return
        for run in runs:
            at = bisect_left(self._shown, run[0])
            self.beginInsertRows(QModelIndex(), at, at + len(run) - 1)
            self._shown[at:at] = run
            self._places |= {place[-1]: place for place in run}
            self.endInsertRows()

    def _admits(self, job: Job) -> bool:
        return self._states is None or job.state in self._states

    def _put(self, job: Job) -> None:
        before = self._jobs[job.id]
        self._keep(job)
        self._steps.pop(job.id, None)
        if job.state is JobState.RUNNING:
            self._began[job.id] = time.monotonic()
        else:
            self._began.pop(job.id, None)
        if job.position != before.position or self._admits(job) != self._admits(before):
            self._arranging.start()
        else:
            self._emit(job.id, JobColumn.PHOTO, JobColumn.PRIORITY)
        self.counts_changed.emit()

    def _emit(self, job_id: int, first: JobColumn, last: JobColumn) -> None:
        row = self.row_of(job_id)
        if row is not None:
            self.dataChanged.emit(self.index(row, first), self.index(row, last))

    def _text(self, job: Job, column: JobColumn) -> str:
        match column:
            case JobColumn.PHOTO:
                return self._read[job.id].name
            case JobColumn.SKU:
                return self._read[job.id].sku
            case JobColumn.TASK:
                return task_name(job.request)
            case JobColumn.STATE:
                again = f", attempt {job.attempt}" if job.attempt > 1 and job.state is JobState.RUNNING else ""
                return theme.STATE_TEXTS[job.state] + again
            case JobColumn.STEP:
                return self._progress(job)[1]
            case JobColumn.TIME:
                return self._time(job)
            case JobColumn.PRIORITY:
                is_over = job.state.is_final
                return f"{job.priority:+d}" if job.priority and not is_over else ""

    def _progress(self, job: Job) -> tuple[float | None, str]:
        if job.state is JobState.FAILED and job.failure is not None:
            # The photograph's name stands in the row already.
            name, _, what = job.failure.message.partition(": ")
            is_own = name.endswith(self._read[job.id].name)
            return None, (what[:1].upper() + what[1:]) if what and is_own else job.failure.message
        if job.state is not JobState.RUNNING:
            return None, ""
        step = self._steps.get(job.id)
        if step is None:
            return 0.0, "Starting"
        return step.step / max(1, step.total), step.label[:1].upper() + step.label[1:]

    def _time(self, job: Job) -> str:
        if job.state is JobState.RUNNING:
            began = self._began.get(job.id)
            return duration(time.monotonic() - began) if began is not None else ""
        seconds = job_seconds(job) if job.state.is_final else None
        if seconds is None:
            return ""
        return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)


def _place(job: Job) -> _Place:
    return -job.priority, job.position, job.id
