"""The versions of a result, newest first: how each came about, who asked for it, when, and what was said of it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from engine.domain.jobs import Job, JobState, Reason
from engine.domain.review import Decision, ReviewItem
from gui.look import theme
from gui.phrases import when
from gui.review.items import History

_WAYS = {
    Reason.COLOR: "again for its colour", Reason.MASK: "again for its mask", Reason.DRIFT: "again for its drift",
    Reason.OTHER: "tried again", Reason.MASK_EDITED: "mask edited", Reason.EDITED: "one more edit",
    Reason.RETOUCHED: "retouched",
}  # fmt: skip
_FIRST = "first result"


class HistoryList(QWidget):
    """One line for each version; those with a result can be chosen. Hidden where there is but one.

    Attributes
    ----------
    chosen : Signal
        ``chosen(job_id)``: that version is to be shown.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._history = History((), ())
        self._shown_id: int | None = None
        self._group = QButtonGroup(self)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.TIGHT)
        layout.addWidget(theme.label("Versions", "heading"))
        layout.addLayout(self._lines)
        self.hide()

    def show_history(self, history: History, shown_id: int | None) -> None:
        """Show these versions; ``shown_id`` is the one that is looked at."""
        self.setVisible(len(history.jobs) > 1)
        if history != self._history:
            self._history = history
            self._fill()
        self._shown_id = shown_id
        for button in self._group.buttons():
            button.setChecked(self._group.id(button) == shown_id)

    def texts(self) -> list[str]:
        """Every line, newest first."""
        return [button.accessibleName() for button in self._group.buttons()]

    def neighbour(self, step: int) -> int | None:
        """The job of the version that many steps newer (or older, below zero) than the one that is looked at."""
        ids = [item.job.id for item in reversed(self._history.items)]
        if self._shown_id not in ids:
            return None
        at = ids.index(self._shown_id) + step
        return ids[at] if 0 <= at < len(ids) else None

    def _fill(self) -> None:
        for button in self._group.buttons():
            self._group.removeButton(button)
            self._lines.removeWidget(button)
            button.hide()
            button.deleteLater()
        items = {item.job.id: item for item in self._history.items}
        for job in self._history.jobs:
            self._lines.addWidget(self._line(job, items.get(job.id)))

    def _line(self, job: Job, item: ReviewItem | None) -> QPushButton:
        button = QPushButton()
        text = version_text(job, item)
        button.setText("\n".join(_lines_of(job, item)))
        button.setAccessibleName(text)
        button.setToolTip(text)
        button.setCheckable(True)
        button.setEnabled(item is not None)
        button.setProperty("version", True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._group.addButton(button, job.id)
        button.clicked.connect(lambda: self.chosen.emit(job.id))
        return button


def version_text(job: Job, item: ReviewItem | None) -> str:
    """``v3 · mask edited · approved · Anna · 12:04``."""
    return " · ".join(_lines_of(job, item))


def _lines_of(job: Job, item: ReviewItem | None) -> tuple[str, ...]:
    """What it is, then who asked for it and when; where there is nothing to say of these, only the first."""
    origin = job.origin
    what = [f"v{job.version}", _WAYS[origin.reason] if origin else _FIRST]
    if item is None:
        what.append("in the queue" if job.state is JobState.QUEUED else theme.STATE_TEXTS[job.state].lower())
    elif item.decision is not Decision.PENDING:
        what.append(theme.DECISION_TEXTS[item.decision].lower())
    who = [origin.author] if origin is not None else []
    if job.finished_at is not None:
        who.append(when(job.finished_at))
    return tuple(" · ".join(parts) for parts in (what, who) if parts)
