"""How many steps a finished run shall have."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QInputDialog, QWidget

from gui.training.story import RunStory

_MOST_STEPS = 1_000_000


class LongerQuestion(QInputDialog):
    """Proposes half as many steps again."""

    answered = Signal(object)
    """The run's `TrainingSettings`, with more steps."""

    def __init__(self, story: RunStory, parent: QWidget) -> None:
        super().__init__(parent)
        self._settings = story.job.settings
        self.setObjectName("steps_question")
        self.setWindowTitle("Train longer")
        self.setLabelText(f"It has done {story.step:,} steps. How many shall it be in all?")
        self.setInputMode(QInputDialog.InputMode.IntInput)
        self.setIntRange(story.step + 1, _MOST_STEPS)
        self.setIntStep(100)
        self.setIntValue(story.step + max(1, story.total // 2))
        self.setOkButtonText("Go on")
        self.accepted.connect(lambda: self.answered.emit(replace(self._settings, steps=self.intValue())))
