"""What the mask editor asks: whether a changed mask is kept, and whether one that a crash left is gone on with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtWidgets import QMessageBox, QWidget

from gui.mask_editor.subject import Wording


@dataclass(frozen=True, slots=True)
class Answer:
    """A button of a question: its name, what is written on it, and what it does."""

    name: str
    text: str
    role: QMessageBox.ButtonRole
    call: Callable[[], object]


def leave_question(
    parent: QWidget,
    said: Wording,
    keep: Callable[[], object],
    discard: Callable[[], object],
    stay: Callable[[], object],
) -> QMessageBox:
    """Asks what shall become of a changed mask; Esc stays."""
    answers = (
        Answer("keep_mask", said.keep, QMessageBox.ButtonRole.AcceptRole, keep),
        Answer("discard_mask", "Discard the changes", QMessageBox.ButtonRole.DestructiveRole, discard),
        Answer("stay", "Go on editing", QMessageBox.ButtonRole.RejectRole, stay),
    )
    box = _question(parent, "leave_question", answers, escape=2)
    box.setWindowTitle("The mask was changed")
    box.setText("Keep the changed mask?")
    box.setInformativeText(said.kept)
    return box


def restore_question(
    parent: QWidget, kept_at: datetime, restore: Callable[[], object], discard: Callable[[], object]
) -> QMessageBox:
    """Asks whether to go on with a mask that was never kept; Esc does, as nothing is lost by that."""
    answers = (
        Answer("restore_mask", "Go on with it", QMessageBox.ButtonRole.AcceptRole, restore),
        Answer("discard_unsaved", "Discard it", QMessageBox.ButtonRole.DestructiveRole, discard),
    )
    box = _question(parent, "restore_question", answers, escape=0)
    box.setWindowTitle("An unsaved mask was found")
    box.setText(f"This mask was edited on {kept_at:%d %B, %H:%M}, and never kept.")
    box.setInformativeText("Go on with it? Undo leads back to the stored mask.")
    return box


def _question(parent: QWidget, name: str, answers: Sequence[Answer], *, escape: int) -> QMessageBox:
    """A box with these buttons, of which Return presses the first."""
    box = QMessageBox(parent)
    box.setObjectName(name)
    buttons = [box.addButton(answer.text, answer.role) for answer in answers]
    for button, answer in zip(buttons, answers, strict=True):
        button.setObjectName(answer.name)
        button.clicked.connect(answer.call)
    box.setDefaultButton(buttons[0])
    box.setEscapeButton(buttons[escape])
    return box
