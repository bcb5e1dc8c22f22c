"""Which file of a run becomes a LoRA of the studio's registry, and for what."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from engine.domain.datasets import DatasetKind
from engine.domain.training import Finished
from engine.services.lora_files import LoraState
from engine.services.trained import prompt_of
from gui.look import theme
from gui.models.facts import mask_types_of, replaced_by
from gui.phrases import capital
from gui.training.run_words import best_words, without_options
from gui.training.story import RunStory
from gui.widgets.choice_box import ChoiceBox
from gui.widgets.form_dialog import FormDialog, form_fields
from gui.widgets.mask_type_box import MaskTypeBox


class RegisterForm(FormDialog):
    """Stays open until the LoRA is registered, so that a refusal costs no typing.

    Parameters
    ----------
    saved : sequence of int
        Steps of which the run has kept a LoRA file.
    states : sequence of LoraState
        What is registered for the run's base model.
    """

    submitted = Signal(object, str, str, bool)
    """Options that choose the file, name, mask type, and whether own entries are replaced."""

    def __init__(self, story: RunStory, saved: Sequence[int], states: Sequence[LoraState], parent: QWidget) -> None:
        super().__init__("register_form", "Register as LoRA", parent)
        self._is_mask, self._states = story.job.kind is DatasetKind.MASK, states
        self.file = ChoiceBox[tuple[str, ...]](files_of(story, saved))
        self.name = QLineEdit(story.job.name)
        self.task = MaskTypeBox(mask_types_of(states), story.job.name)
        prompt = theme.label(prompt_of(story.job), "body")
        prompt.setWordWrap(True)
        rows: list[tuple[str, QWidget]] = [("File", self.file), ("Name", self.name)]
        if self._is_mask:
            rows.append(("For", self.task))
        rows.append(("Prompt", prompt))
        if story.job.trigger:
            rows.append(("Trigger word", theme.label(story.job.trigger, "body")))
        about = theme.label(
            "The file is checked and copied into the models folder. Jobs on its base model can use it at once.",
            "caption",
        )
        about.setWordWrap(True)
        self.column.addWidget(about)
        self.column.addLayout(form_fields(rows))
        self.register_button = self.add_foot("register_now", "Register")
        self.register_button.clicked.connect(self._submit)
        self.name.textChanged.connect(self._refresh)
        self.task.currentTextChanged.connect(self._refresh)
        self._refresh()

    def refuse(self, sentence: str) -> None:
        """Say why it was not registered, and let the operator correct it."""
        self.tell(without_options(sentence), "fail")
        self.register_button.setEnabled(True)

    # -- inside -------------------------------------------------------------------------------------------------

    def _mask_type(self) -> str:
        return self.task.said() if self._is_mask else ""

    def _replaced(self) -> list[str]:
        return replaced_by(self._states, self.name.text().strip(), self._mask_type())

    def _refresh(self) -> None:
        is_said = bool(self.name.text().strip()) and (not self._is_mask or bool(self._mask_type()))
        replaced = self._replaced()
        self.register_button.setEnabled(is_said)
        self.register_button.setText("Replace" if replaced else "Register")
        if not is_said:
            self.tell("Say what it is called, and what it is for.")
        elif replaced:
            self.tell(f"Takes the place of your {', '.join(replaced)}; its file stays.", "warn")
        else:
            self.tell("")

    def _submit(self) -> None:
        self.register_button.setEnabled(False)
        self.tell("Checking and copying…")
        self.submitted.emit(self.file.choice(), self.name.text().strip(), self._mask_type(), bool(self._replaced()))


def files_of(story: RunStory, saved: Sequence[int]) -> list[tuple[tuple[str, ...], str, str]]:
    """The files of a run that can be registered: the options of ``chromask train register``, text, what it means."""
    files: list[tuple[tuple[str, ...], str, str]] = []
    ending, best = story.ending, story.best
    if isinstance(ending, Finished):
        files.append(((), f"The finished LoRA, step {ending.from_step:,}", "What the run ended with"))
    if best is not None:
        files.append((("--best",), f"Best on the held-out pairs, step {best.step:,}", capital(best_words(best))))
    files += [
        (("--step", str(step)), f"Checkpoint, step {step:,}", "A LoRA that was kept on the way") for step in saved
    ]
    return files
