"""What the cells of the queue's table say of a job."""

from __future__ import annotations

from enum import IntEnum

from engine.domain.jobs import Job, JobState
from gui.look import theme
from gui.phrases import task_name
from gui.queue.job_store import JobStore


class JobColumn(IntEnum):
    """Columns, left to right."""

    PHOTO = 0
    SKU = 1
    TASK = 2
    STATE = 3
    STEP = 4
    TIME = 5
    PRIORITY = 6


TITLES = ("Photograph", "SKU", "Task", "State", "Step", "Time", "Priority")


class JobCells:
    """Words and colours, looked up in the store whenever a cell is painted. GUI thread only."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    def text(self, job: Job, column: JobColumn) -> str:
        """What stands in the cell."""
        match column:
            case JobColumn.PHOTO:
                return self._store.read[job.id].name
            case JobColumn.SKU:
                return self._store.read[job.id].sku
            case JobColumn.TASK:
                return task_name(job.request) + (f" · v{job.version}" if job.version > 1 else "")
            case JobColumn.STATE:
                again = f", attempt {job.attempt}" if job.attempt > 1 and job.state is JobState.RUNNING else ""
                return theme.STATE_TEXTS[job.state] + again
            case JobColumn.STEP:
                return self._store.progress(job)[1]
            case JobColumn.TIME:
                return self._store.time_text(job)
            case JobColumn.PRIORITY:
                return f"{job.priority:+d}" if job.priority and not job.state.is_final else ""

    def color(self, job: Job, column: JobColumn) -> str | None:
        """The colour of the cell's text, ``#rrggbb``; None where it is the table's own."""
        is_over = job.state is JobState.CANCELLED or self._store.is_repeated(job)
        if column is JobColumn.STATE and not is_over:
            return theme.state_color(job.state)
        if column is JobColumn.PHOTO and not is_over:
            return None
        return theme.colors().text_faint if is_over else theme.colors().text_quiet

    def tip(self, job: Job, column: JobColumn) -> str | None:
        """All of what the cell has no room for."""
        if column is JobColumn.PHOTO:
            return str(self._store.read[job.id].path)
        if column is JobColumn.STEP and job.failure is not None:
            return f"{job.failure.message}. {job.failure.remedy}"
        return None
