"""The jobs of the queue page, in the order in which they run."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import IntEnum
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

from engine.domain.assets import AssetPair
from engine.domain.jobs import BatchCounts, Job, JobEvent, JobState, Progress
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


class JobsModel(QAbstractTableModel):
    """Jobs with their live state: read from the catalog once, and kept current by engine events.

    Reading takes a while, and events go on meanwhile: between `begin_reading` and `end_reading` they are remembered,
    and a job that one of them has touched is not thrown back to what was read before it.
    """

    counts_changed = Signal()
    moved = Signal(list, object)
    """``(job ids, id of the job before which they were dropped, or None for the end)``."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: dict[int, Job] = {}
        self._pairs: dict[int, AssetPair] = {}
        self._shown: list[int] = []
        self._rows: dict[int, int] = {}
        self._counts: Counter[JobState] = Counter()
        self._end = 0  # the position behind all jobs
        self._steps: dict[int, Progress] = {}
        self._began: dict[int, float] = {}
        self._meanwhile: dict[int, StateEvent] | None = None  # None: nobody is reading
        self._states: frozenset[JobState] | None = None
        self._arranging = QTimer(self)
        self._arranging.setSingleShot(True)
        self._arranging.setInterval(_ARRANGE_MS)
        self._arranging.timeout.connect(self.arrange)

    # -- what the page calls ------------------------------------------------------------------------------------

    def begin_reading(self) -> None:
        """Call before the catalog is read; one reader at a time."""
        self._meanwhile = {}

    def end_reading(self) -> None:
        """Call when everything that was read has been handed over."""
        self._meanwhile = None

    def set_jobs(self, jobs: Sequence[Job], pairs: Mapping[int, AssetPair]) -> None:
        """Show these jobs and no others."""
        self._jobs = {job.id: self._newer(job) for job in jobs}
        self._pairs = dict(pairs)
        self.arrange()

    def add_jobs(self, jobs: Sequence[Job], pairs: Mapping[int, AssetPair]) -> None:
        """Show these as well: a page of a long list, or jobs that were queued meanwhile."""
        self._pairs |= pairs
        fresh = [self._newer(job) for job in jobs]
        is_next = not self._arranging.isActive() and self._follow(fresh)
        self._jobs |= {job.id: job for job in fresh}
        self._count()
        if is_next and self._states is None:
            first = len(self._shown)
            self.beginInsertRows(QModelIndex(), first, first + len(fresh) - 1)
            self._shown += [job.id for job in fresh]
            self._rows |= {job.id: first + offset for offset, job in enumerate(fresh)}
            self.endInsertRows()
        else:
            self.arrange()
        self.counts_changed.emit()

    def set_places(self, places: Mapping[int, tuple[int, int]]) -> None:
        """Take over new (priority, position) of some jobs."""
        for job_id, (priority, position) in places.items():
            job = self._jobs.get(job_id)
            if job is not None:
                self._jobs[job_id] = replace(job, priority=priority, position=position)
        self.arrange()

    def set_filter(self, states: Iterable[JobState] | None) -> None:
        """Show only jobs in these states; None shows all."""
        self._states = None if states is None else frozenset(states)
        self.arrange()

    def arrange(self) -> None:
        """Put the rows into the order in which the jobs run; finished ones keep the place they had."""
        self._arranging.stop()
        jobs = [job for job in self._jobs.values() if self._states is None or job.state in self._states]
        jobs.sort(key=lambda job: (-job.priority, job.position, job.id))
        shown = [job.id for job in jobs]
        self._count()  # first: whoever hears that the rows changed reads the counts
        if shown == self._shown:
            if shown:
                self.dataChanged.emit(self.index(0, 0), self.index(len(shown) - 1, _LAST))
        else:
            self.beginResetModel()
            self._shown = shown
            self._rows = {job_id: row for row, job_id in enumerate(shown)}
            self.endResetModel()
        self.counts_changed.emit()

    def job(self, row: int) -> Job:
        return self._jobs[self._shown[row]]

    def pair_of(self, job: Job) -> AssetPair:
        return self._pairs[job.pair_id]

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
        return max(self._jobs, default=0)

    def row_of(self, job_id: int) -> int | None:
        return self._rows.get(job_id)

    def ids(self, rows: Iterable[int], states: Iterable[JobState]) -> list[int]:
        """Ids of the jobs in these rows that are in one of these states."""
        wanted = set(states)
        return [job.id for job in map(self.job, rows) if job.state in wanted]

    def first_row(self, states: Iterable[JobState]) -> int | None:
        """The first row in one of these states."""
        wanted = set(states)
        return next((row for row, job_id in enumerate(self._shown) if self._jobs[job_id].state in wanted), None)

    def queued_from(self, row: int, without: Iterable[int] = ()) -> int | None:
        """The first waiting job from that row on, but for some; None where none waits."""
        passed = set(without)
        return next((job_id for job_id in self._shown[row:] if job_id not in passed and self._is_queued(job_id)), None)

    def queued_above(self, row: int) -> int | None:
        """The nearest waiting job above that row."""
        return next((job_id for job_id in reversed(self._shown[:row]) if self._is_queued(job_id)), None)

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
                return str(self._pairs[job.pair_id].on_model.path)
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

    def _put(self, job: Job) -> None:
        before = self._jobs[job.id]
        self._jobs[job.id] = job
        self._steps.pop(job.id, None)
        if job.state is JobState.RUNNING:
            self._began[job.id] = time.monotonic()
        else:
            self._began.pop(job.id, None)
        self._counts[before.state] -= 1
        self._counts[job.state] += 1
        self._end = max(self._end, job.position + 1)
        self._emit(job.id, JobColumn.PHOTO, JobColumn.PRIORITY)
        if job.position != before.position or self._states is not None:
            self._arranging.start()
        self.counts_changed.emit()

    def _emit(self, job_id: int, first: JobColumn, last: JobColumn) -> None:
        row = self._rows.get(job_id)
        if row is not None:
            self.dataChanged.emit(self.index(row, first), self.index(row, last))

    def _follow(self, jobs: Sequence[Job]) -> bool:
        """Whether these are new ones, in order, that run after all that are shown."""
        last = self._jobs[self._shown[-1]] if self._shown else None
        places = [(-job.priority, job.position, job.id) for job in ([last] if last else []) + list(jobs)]
        return bool(jobs) and places == sorted(places) and not any(job.id in self._jobs for job in jobs)

    def _count(self) -> None:
        self._counts = Counter(job.state for job in self._jobs.values())
        self._end = max((job.position for job in self._jobs.values()), default=-1) + 1

    def _text(self, job: Job, column: JobColumn) -> str:
        pair = self._pairs[job.pair_id]
        match column:
            case JobColumn.PHOTO:
                return pair.on_model.path.name
            case JobColumn.SKU:
                return pair.sku
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
                return f"{job.priority:+d}" if job.priority else ""

    def _progress(self, job: Job) -> tuple[float | None, str]:
        if job.state is JobState.FAILED and job.failure is not None:
            # The photograph's name stands in the row already.
            name, _, what = job.failure.message.partition(": ")
            is_own = name.endswith(self._pairs[job.pair_id].on_model.path.name)
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
