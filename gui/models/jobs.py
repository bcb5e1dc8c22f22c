"""The jobs of the queue page."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from engine.domain.assets import AssetPair
from engine.domain.jobs import (
    CancelledJob,
    Failed,
    Job,
    JobEvent,
    JobState,
    Progress,
    Started,
    Succeeded,
    WorkerLost,
)
from engine.services.queue import job_seconds
from gui import theme
from gui.phrases import duration, task_name

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()

PROGRESS_ROLE = int(Qt.ItemDataRole.UserRole) + 1
"""``(fraction or None, label)`` of the step column."""

STATE_ROLE = int(Qt.ItemDataRole.UserRole) + 2


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


class JobsModel(QAbstractTableModel):
    """Jobs with their live state: a page of the catalog, kept current by engine events."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: list[Job] = []
        self._pairs: dict[int, AssetPair] = {}
        self._rows: dict[int, int] = {}
        self._steps: dict[int, Progress] = {}
        self._began: dict[int, float] = {}

    def set_jobs(self, jobs: Sequence[Job], pairs: Mapping[int, AssetPair]) -> None:
        """Show these jobs. Where the list is the same as before only its cells change, so that the selection stays."""
        same = [job.id for job in jobs] == [job.id for job in self._jobs]
        if not same:
            self.beginResetModel()
        self._jobs, self._pairs = list(jobs), dict(pairs)
        self._rows = {job.id: row for row, job in enumerate(self._jobs)}
        if not same:
            self.endResetModel()
        elif self._jobs:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._jobs) - 1, len(JobColumn) - 1))

    def job(self, row: int) -> Job:
        return self._jobs[row]

    def row_of(self, job_id: int) -> int | None:
        return self._rows.get(job_id)

    def ids(self, rows: Iterable[int], states: Iterable[JobState]) -> list[int]:
        """Ids of the jobs in these rows that are in one of these states."""
        wanted = set(states)
        return [self._jobs[row].id for row in rows if self._jobs[row].state in wanted]

    def apply(self, event: JobEvent) -> None:
        """Bring a row up to date without asking the catalog."""
        if not isinstance(event, Started | Progress | Succeeded | Failed | CancelledJob | WorkerLost):
            return
        row = self._rows.get(event.job_id)
        if row is None:
            return
        job, now = self._jobs[row], datetime.now(UTC)
        match event:
            case Started():
                self._began[job.id] = time.monotonic()
                job = replace(job, state=JobState.RUNNING, attempt=event.attempt, started_at=now, failure=None)
            case Progress():
                self._steps[job.id] = event
            case Succeeded():
                job = replace(job, state=JobState.SUCCEEDED, finished_at=now)
            case Failed():
                job = replace(job, state=JobState.FAILED, finished_at=now, failure=event.failure)
            case CancelledJob():
                job = replace(job, state=JobState.CANCELLED, finished_at=now)
            case WorkerLost():
                job = replace(job, state=JobState.QUEUED, started_at=None)
        if not isinstance(event, Progress):
            self._steps.pop(job.id, None)
        self._jobs[row] = job
        self.dataChanged.emit(self.index(row, 0), self.index(row, len(JobColumn) - 1))

    def tick(self) -> None:
        """Repaint the times of what runs."""
        for row, job in enumerate(self._jobs):
            if job.state is JobState.RUNNING:
                index = self.index(row, JobColumn.TIME)
                self.dataChanged.emit(index, index)

    # -- Qt -----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._jobs)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(JobColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return _TITLES[section]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        job, column = self._jobs[index.row()], JobColumn(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(job, column)
            case Qt.ItemDataRole.ForegroundRole:
                if column is JobColumn.STATE:
                    return QColor(theme.STATE_COLORS[job.state])
                is_over = job.state is JobState.CANCELLED
                return QColor(theme.TEXT_FAINT if is_over else theme.TEXT_QUIET) if column or is_over else None
            case Qt.ItemDataRole.ToolTipRole if column is JobColumn.PHOTO:
                return str(self._pairs[job.pair_id].on_model.path)
            case _ if role == PROGRESS_ROLE:
                return self._progress(job)
            case _ if role == STATE_ROLE:
                return job.state
            case _:
                return None

    # -- inside -------------------------------------------------------------------------------------------------

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
            return None, job.failure.message
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
