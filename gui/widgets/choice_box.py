"""A combo box over named values, some of which may not be possible here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from gui.look import theme

Value = TypeVar("Value")


class ChoiceBox(QComboBox, Generic[Value]):
    """One of several values; the first is taken where the chosen one is not possible.

    Parameters
    ----------
    choices : sequence of (value, str, str)
        Value, text and what it means.
    """

    def __init__(self, choices: Sequence[tuple[Value, str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choices = list(choices)
        for row, (_, text, tip) in enumerate(self._choices):
            self.addItem(text)
            self.setItemData(row, tip, Qt.ItemDataRole.ToolTipRole)

    def choice(self) -> Value:
        """What is chosen."""
        return self._choices[max(0, self.currentIndex())][0]

    def choose(self, value: Value) -> None:
        """Choose a value; the first where it is not possible or not known."""
        row = self._row(value)
        self.setCurrentIndex(row if row is not None and self._item(row).isEnabled() else 0)

    def set_available(self, value: Value, why: str = "") -> None:
        """Offer a value, or say why it cannot be chosen."""
        row = self._row(value)
        assert row is not None
        self._item(row).setEnabled(not why)
        self.setItemData(row, why or self._choices[row][2], Qt.ItemDataRole.ToolTipRole)
        if why and self.currentIndex() == row:
            self.setCurrentIndex(0)

    def _row(self, value: Value) -> int | None:
        return next((row for row, choice in enumerate(self._choices) if choice[0] == value), None)

    def _item(self, row: int):
        model = self.model()
        assert isinstance(model, QStandardItemModel)
        return model.item(row)


class Reason(QLabel):
    """A small sentence below a choice; gone while there is nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "caption")
        self.setWordWrap(True)
        self.hide()

    def say(self, text: str, tip: str = "") -> None:
        """Show this sentence, with the whole story as its tool tip."""
        self.setText(text)
        self.setToolTip(tip)
        self.setVisible(bool(text))


def titled(text: str) -> QLabel:
    """The title of a group of choices."""
    return theme.label(text, "heading")
