"""A panel about one model: its name, whether it is there, and what belongs to it below."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gui.look import theme
from gui.look.palette import Ink


class ModelCard(QFrame):
    """Heading, a state with its dot at the right, and a column for the rest."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        self._dot = QLabel()
        self._dot.setFixedSize(8, 8)
        self.state = theme.label("", "caption")
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(theme.label(title, "heading"))
        head.addStretch()
        head.addWidget(self._dot, 0, Qt.AlignmentFlag.AlignVCenter)
        head.addWidget(self.state)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(theme.LARGE, theme.MEDIUM, theme.LARGE, theme.LARGE)
        self.column.setSpacing(theme.SMALL)
        self.column.addLayout(head)
        self.set_state("", "text_faint")

    def set_state(self, text: str, ink: Ink) -> None:
        """Say in one word how it is."""
        self.state.setText(text)
        self._dot.setVisible(bool(text))
        theme.set_dot(self._dot, ink)

    def add_text(self, role: str = "quiet") -> QLabel:
        """A paragraph of the card."""
        text = theme.label("", role)
        text.setWordWrap(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.column.addWidget(text)
        return text
