"""Which file of a run becomes a LoRA of the studio's registry, and for what."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDialog, QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from engine.domain.datasets import DatasetKind
from engine.domain.training import Finished
from engine.services.training import prompt_of
from gui.look import theme
from gui.look.palette import Ink
from gui.training.run_words import best_words
from gui.training.story import RunStory
from gui.widgets.choice_box import ChoiceBox

_WIDTH = 560


class RegisterForm(QDialog):
    """Stays open until the LoRA is registered, so that a refusal costs no typing."""

    submitted = Signal(object, str, str, bool)
    """Options that choose the file, name, mask type, and whether own entries are replaced."""

    def __init__(self, story: RunStory, saved: Sequence[int], mask_types: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("register_form")
        self.setWindowTitle("Register as LoRA")
        self.setFixedWidth(_WIDTH)
        self._is_mask = story.job.kind is DatasetKind.MASK
        self.file = ChoiceBox[tuple[str, ...]](files_of(story, saved))
        self.name = QLineEdit(story.job.name)
        self.task = QComboBox()
        self.task.setEditable(True)
        self.task.addItems(list(dict.fromkeys(mask_types)))
        self.task.setCurrentText(story.job.name)
        line = self.task.lineEdit()
        assert line is not None
        line.setPlaceholderText("What it paints green: hat, scarf, …")
        prompt = theme.label(prompt_of(story.job), "body")
        prompt.setWordWrap(True)
        fields = QFormLayout()
        fields.setHorizontalSpacing(theme.MEDIUM)
        fields.setVerticalSpacing(theme.SMALL)
        rows: list[tuple[str, QWidget]] = [("File", self.file), ("Name", self.name)]
        if self._is_mask:
            rows.append(("For", self.task))
        rows.append(("Prompt", prompt))
        if story.job.trigger:
            rows.append(("Trigger word", theme.label(story.job.trigger, "body")))
        for text, field in rows:
            fields.addRow(theme.label(text, "quiet"), field)
            field.setAccessibleName(text)
        self.message = theme.label("", "caption")
        self.message.setWordWrap(True)
        self.register_button, cancel = QPushButton("Register"), QPushButton("Cancel")
        self.register_button.setObjectName("register_now")
        self.register_button.setProperty("primary", True)
        self.register_button.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SMALL)
        buttons.addWidget(self.message, 1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.register_button)
        about = theme.label(
            "The file is checked and copied into the models folder. Jobs can use it at once.", "caption"
        )
        about.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.WIDE, theme.WIDE, theme.WIDE, theme.LARGE)
        layout.setSpacing(theme.MEDIUM)
        layout.addWidget(about)
        layout.addLayout(fields)
        layout.addSpacing(theme.SMALL)
        layout.addLayout(buttons)
        self.register_button.clicked.connect(self._submit)
        cancel.clicked.connect(self.reject)
        self.name.textChanged.connect(self._refresh)
        self.task.currentTextChanged.connect(self._refresh)
        self._refresh()

    def refuse(self, sentence: str) -> None:
        """Say why it was not registered, and let the operator correct it, or take the other's place."""
        self.register_button.setText("Replace" if "already" in sentence else "Register")
        self._tell(sentence.replace("add --replace", "press Replace"), "fail")
        self.register_button.setEnabled(True)

    # -- inside -------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        is_said = bool(self.name.text().strip()) and (not self._is_mask or bool(self.task.currentText().strip()))
        self.register_button.setEnabled(is_said)
        self.register_button.setText("Register")
        self._tell("" if is_said else "Say what it is called, and what it is for.", "text_quiet")

    def _tell(self, text: str, ink: Ink) -> None:
        self.message.setText(text)
        theme.set_ink(self.message, ink)

    def _submit(self) -> None:
        replaces = self.register_button.text() == "Replace"
        self.register_button.setEnabled(False)
        self._tell("Checking and copying…", "text_quiet")
        mask_type = self.task.currentText().strip().lower() if self._is_mask else ""
        self.submitted.emit(self.file.choice(), self.name.text().strip(), mask_type, replaces)


def files_of(story: RunStory, saved: Sequence[int]) -> list[tuple[tuple[str, ...], str, str]]:
    """The files of a run that can be registered: the options of ``chromask train register``, text, what it means."""
    files: list[tuple[tuple[str, ...], str, str]] = []
    ending, best = story.ending, story.best
    if isinstance(ending, Finished):
        files.append(((), f"The finished LoRA, step {ending.from_step:,}", "What the run ended with"))
    if best is not None:
        tip = f"{best_words(best)}"
        files.append((("--best",), f"Best on the held-out pairs, step {best.step:,}", tip))
    files += [
        (("--step", str(step)), f"Checkpoint, step {step:,}", "A LoRA that was kept on the way") for step in saved
    ]
    return files
