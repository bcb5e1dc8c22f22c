"""A few lines of text that are kept when they are left."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

_HEIGHT = 64


class NoteField(QPlainTextEdit):
    """Return or Esc ends writing; Shift+Return begins a new line.

    Parameters
    ----------
    finished : callable
        Called when the text was changed and the field is left.
    """

    def __init__(self, finished: Callable[[], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._finished = finished
        self.setPlaceholderText("Note for the retoucher (N)")
        self.setAccessibleName("Note for the retoucher")
        self.setTabChangesFocus(True)
        self.setFixedHeight(_HEIGHT)

    def show_text(self, text: str) -> None:
        """Show another result's note; nothing is saved."""
        if text != self.toPlainText():
            self.setPlainText(text)
        self.document().setModified(False)

    def event(self, event: QEvent) -> bool:
        asks = event.type() == QEvent.Type.ShortcutOverride
        if asks and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            event.accept()  # Esc ends writing here, whatever command has it elsewhere
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        ends = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers()
        if ends or event.key() == Qt.Key.Key_Escape:
            self.clearFocus()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if self.document().isModified():
            self.document().setModified(False)
            self._finished()
