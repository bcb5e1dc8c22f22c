"""Shown while the window waits for what it has asked to end before it closes."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from gui.look import theme


class ClosingNotice(QMessageBox):
    """Open it with `open`; `hurried` tells that the operator does not want to wait.

    Parameters
    ----------
    what : str
        What is waited for, in sentences.
    """

    hurried = Signal()

    def __init__(self, what: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("closing_notice")
        self.setWindowTitle("Closing")
        self.setInformativeText("The window closes by itself then.")
        now = self.addButton("Close now", QMessageBox.ButtonRole.DestructiveRole)
        now.setObjectName("close_now")
        now.setToolTip("Nothing is lost: a training pauses by itself, without the window")
        self.setEscapeButton(now)
        now.clicked.connect(self.hurried)
        self.say(what)

    def say(self, what: str) -> None:
        """Say what is waited for now."""
        if what != self.text():
            self.setText(what)
            theme.give_room(self)
