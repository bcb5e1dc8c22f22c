"""What a page says while there is nothing on it: why, and the way to where something comes from."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui.look import theme


class EmptyState(QWidget):
    """A heading, a sentence and the ways on, in the middle of the room there is.

    Parameters
    ----------
    ways : sequence of (str, QAction)
        What a button says, and the command that it gives.
    """

    def __init__(self, ways: Sequence[tuple[str, QAction]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._text = theme.label("", "heading"), theme.label("", "quiet")
        self._buttons = QWidget()
        line = QHBoxLayout(self._buttons)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.SMALL)
        for text, action in ways:
            button = QPushButton(text)
            button.setToolTip(action.toolTip())
            button.clicked.connect(action.trigger)
            line.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setSpacing(theme.SMALL)
        layout.addStretch(2)
        for widget in (self._title, self._text):
            widget.setAlignment(Qt.AlignmentFlag.AlignCenter)
            widget.setWordWrap(True)
            layout.addWidget(widget)
        layout.addSpacing(theme.SMALL)
        layout.addWidget(self._buttons, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(3)

    def say(self, title: str, text: str = "", *, offers: bool = True) -> None:
        """Say this; the commands are offered where they help."""
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self._buttons.setVisible(offers)

    def text(self) -> str:
        """What is said."""
        return f"{self._title.text()}\n{self._text.text()}".strip()
