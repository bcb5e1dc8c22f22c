"""How far the queue is: a headline, a line that fills, the speed, and one chip for every state."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from engine.domain.jobs import BatchCounts, JobState
from engine.services.queue import BatchProgress
from engine.worker.protocol import CardMemory
from gui.look import theme
from gui.phrases import count, duration
from gui.widgets.progress_line import ProgressLine

_GIB = 1024**3
_CHIPS = (
    (JobState.RUNNING, "running"),
    (JobState.QUEUED, "waiting"),
    (JobState.FAILED, "failed"),
    (JobState.CANCELLED, "cancelled"),
    (JobState.SUCCEEDED, "done"),
)


class StateChips(QWidget):
    """A button for every state that some job is in; a pressed one shows only these jobs.

    Parameters
    ----------
    chosen : callable
        ``chosen(state or None)``.
    """

    def __init__(self, chosen: Callable[[JobState | None], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen = chosen
        self._group = QButtonGroup(self)
        self._group.setExclusive(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.TIGHT)
        self.buttons: dict[JobState, QToolButton] = {}
        for state, word in _CHIPS:
            button = QToolButton()
            button.setCheckable(True)
            button.setProperty("compact", True)
            button.setToolTip(f"Show only what is {word}; press again to show everything")
            button.clicked.connect(lambda checked, state=state: self.choose(state if checked else None))
            button.hide()
            self.buttons[state] = button
            row.addWidget(button)

    def choose(self, state: JobState | None) -> None:
        """Show only this state; None shows all."""
        for each, button in self.buttons.items():
            button.setChecked(each is state)
        self._chosen(state)

    def set_counts(self, counts: BatchCounts) -> None:
        """Say how many there are; a chip whose state has no jobs goes, unless it is pressed."""
        for state, word in _CHIPS:
            number = int(getattr(counts, state.value))
            button = self.buttons[state]
            button.setText(f"{number:,} {word}")
            button.setVisible(bool(number) or button.isChecked())


class QueueSummary(QWidget):
    """The head of the queue page."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.headline, self.times = theme.label("", "title"), theme.label("", "quiet")
        self.card = theme.label("", "quiet")
        self.progress = ProgressLine()
        head = QHBoxLayout()
        head.setSpacing(theme.WIDE)
        head.addWidget(self.headline)
        head.addStretch()
        head.addWidget(self.card, 0, Qt.AlignmentFlag.AlignBottom)
        head.addWidget(self.times, 0, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.MEDIUM)
        layout.addLayout(head)
        layout.addWidget(self.progress)

    def set_counts(self, counts: BatchCounts, *, is_paused: bool) -> None:
        """Say how far it is."""
        total = max(1, counts.total)
        if counts.total == 0:
            headline = "The queue is empty"
        elif counts.running or counts.queued:
            headline = f"{counts.finished:,} of {count(counts.total, 'job')}" + (" · paused" if is_paused else "")
        else:
            headline = f"All {count(counts.total, 'job')} finished" if counts.total > 1 else "The job is finished"
        self.headline.setText(headline)
        self.progress.setVisible(counts.total > 0)
        self.progress.set_shares((
            (counts.succeeded / total, "pass_"),
            (counts.failed / total, "fail"),
            ((counts.cancelled + counts.repeated) / total, "text_faint"),
            (counts.running / total, "accent"),
        ))  # fmt: skip

    def set_progress(self, progress: BatchProgress | None) -> None:
        """Say how long it has worked, how fast it is and how long it will take; None: nothing is to be done."""
        if progress is None:
            self.times.setText("")
            return
        parts = [f"{duration(progress.elapsed)} elapsed"]
        if progress.per_minute is not None:
            parts.append(f"{_speed(progress.per_minute)}")
        remaining = progress.remaining
        parts.append("measuring…" if remaining is None else f"about {duration(remaining)} left")
        self.times.setText(" · ".join(parts))

    def set_card(self, memory: CardMemory | None) -> None:
        """Say how full the graphics card is; None: no worker uses one."""
        if memory is None:
            self.card.setText("")
        elif memory.total_bytes == 0:
            self.card.setText("No graphics card")
        else:
            used, total = memory.used_bytes / _GIB, memory.total_bytes / _GIB
            self.card.setText(f"Graphics memory {used:.1f} of {total:.1f} GB")

    def sizeHint(self) -> QSize:
        return QSize(600, super().sizeHint().height())


def _speed(per_minute: float) -> str:
    """``12 jobs/min``, or by the hour where that is less than one a minute."""
    if per_minute >= 10:
        return f"{per_minute:.0f} jobs/min"
    return f"{per_minute:.1f} jobs/min" if per_minute >= 1 else f"{per_minute * 60:.0f} jobs/h"
