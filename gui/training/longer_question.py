"""How many steps a finished run shall have."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from gui.look import theme
from gui.training.settings_fields import NumberField, NumberOf
from gui.training.story import RunStory
from gui.widgets.form_dialog import FormDialog, form_fields

_MOST_STEPS = 1_000_000
_WIDTH = 420


class LongerQuestion(FormDialog):
    """Proposes half as many steps again."""

    answered = Signal(object)
    """The run's `TrainingSettings`, with more steps."""

    def __init__(self, story: RunStory, parent: QWidget) -> None:
        super().__init__("steps_question", "Train longer", parent, _WIDTH)
        self._settings = story.job.settings
        about = theme.label(f"It has done {story.step:,} steps, and goes on from there.", "caption")
        self.steps = NumberField(NumberOf(story.step + 1, _MOST_STEPS))
        self.steps.setSingleStep(100)
        self.steps.setValue(story.step + max(1, story.total // 2))
        self.column.addWidget(about)
        self.column.addLayout(form_fields((("Steps in all", self.steps),)))
        self.go_on_button = self.add_foot("train_longer_now", "Go on")
        self.go_on_button.clicked.connect(self._submit)
        self.steps.setFocus()
        self.steps.selectAll()

    def _submit(self) -> None:
        self.accept()
        self.answered.emit(replace(self._settings, steps=round(self.steps.value())))
