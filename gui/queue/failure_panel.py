"""Why a job failed, what to do about it, and the buttons that do it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from engine.domain.jobs import Job
from gui.actions import Actions
from gui.look import theme
from gui.phrases import at_home
from gui.queue.remedies import Remedy, remedies
from gui.widgets.drop_zone import button_for

_TEXTS = {
    Remedy.DRAW: "Draw its mask",
    Remedy.RETRY: "Try again",
    Remedy.MODELS: "Open the Models page",
    Remedy.FOLDER: "Show the photograph",
}


class FailurePanel(QFrame):
    """Hidden unless exactly one failed job is chosen."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        self.why, self.remedy = theme.label("", "heading"), theme.label("", "quiet")
        texts = QVBoxLayout()
        texts.setSpacing(theme.TIGHT)
        for text in (self.why, self.remedy):
            text.setWordWrap(True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            texts.addWidget(text)
        self.buttons: dict[Remedy, QPushButton] = {}
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        for remedy in Remedy:
            action = actions[remedy.value]
            button = QPushButton(action.icon(), f" {_TEXTS[remedy]}" if not action.icon().isNull() else _TEXTS[remedy])
            button.setToolTip(action.toolTip())
            button.clicked.connect(action.trigger)
            self.buttons[remedy] = button
            row.addWidget(button)
        row.addWidget(button_for(actions["copy_failure"]))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.MEDIUM, theme.LARGE, theme.MEDIUM)
        layout.setSpacing(theme.WIDE)
        layout.addLayout(texts, 1)
        layout.addLayout(row)
        self.hide()

    def show_job(self, job: Job | None, repetition: str = "") -> None:
        """Show the failure of this job; None, or a job that did not fail, hides the panel.

        Parameters
        ----------
        repetition : str
            What became of it since; nothing more is to be done about it then.
        """
        failure = job.failure if job is not None else None
        self.setVisible(failure is not None)
        if job is None or failure is None:
            return
        self.why.setText(at_home(f"{failure.message}."))
        again = " Trying it again unchanged may help." if failure.retryable else ""
        self.remedy.setText(f"{repetition}." if repetition else f"{failure.remedy}{again}")
        offered = (Remedy.FOLDER,) if repetition else remedies(job)
        for remedy, button in self.buttons.items():
            button.setVisible(remedy in offered)
            button.setProperty("primary", remedy is offered[0] and remedy is not Remedy.FOLDER)
            button.style().unpolish(button)
            button.style().polish(button)
