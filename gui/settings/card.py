"""A card of the settings page: a heading, and one line for each choice with its name in front."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gui.look import theme

_NAMES = 132  # pixels: one width in all cards, so that their fields stand below one another


class SettingsCard(QFrame):
    """Names at the left, what is chosen at the right, explanations below it in small type."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(theme.MEDIUM)
        self._grid.setVerticalSpacing(theme.SMALL)
        self._grid.setColumnMinimumWidth(0, _NAMES)
        self._grid.setColumnStretch(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.LARGE, theme.MEDIUM, theme.LARGE, theme.LARGE)
        column.setSpacing(theme.MEDIUM)
        column.addWidget(theme.label(title, "heading"))
        column.addLayout(self._grid)

    def add_choice(self, name: str, field: QWidget, beside: Sequence[QWidget] = ()) -> None:
        """A line with its name as the label that assistive technology reads, and further widgets after the field."""
        text = theme.label(name, "quiet")
        text.setBuddy(field)
        field.setAccessibleName(name)
        line = QHBoxLayout()
        line.setSpacing(theme.SMALL)
        line.addWidget(field, 1)
        for widget in beside:
            line.addWidget(widget)
        row = self._grid.rowCount()
        self._grid.addWidget(text, row, 0, Qt.AlignmentFlag.AlignVCenter)
        self._grid.addLayout(line, row, 1)

    def add_buttons(self, buttons: Sequence[QWidget]) -> None:
        """A line of buttons below the fields."""
        line = QHBoxLayout()
        line.setSpacing(theme.SMALL)
        for button in buttons:
            line.addWidget(button)
        line.addStretch()
        self._grid.addLayout(line, self._grid.rowCount(), 1)

    def add_note(self, text: str = "") -> QLabel:
        """A line in small type below the field above it."""
        note = theme.label(text, "caption")
        note.setWordWrap(True)
        self._grid.addWidget(note, self._grid.rowCount(), 1)
        return note
