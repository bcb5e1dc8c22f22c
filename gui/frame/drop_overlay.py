"""Laid over the window while files are dragged across it: says where a drop goes."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.look import theme
from gui.widgets.icon_label import IconLabel

_VEIL = 235  # of 255: what lies below is still recognised, what is written on it is read
_FRAME = 32  # pixels


class DropOverlay(QWidget):
    """Takes no event itself, so that the drop reaches the window."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._title, self._note = theme.label("", "title"), theme.label("", "quiet")
        layout = QVBoxLayout(self)
        layout.setSpacing(theme.MEDIUM)
        layout.addStretch()
        layout.addWidget(IconLabel("drop", 96, "accent"), 0, Qt.AlignmentFlag.AlignCenter)
        layout.addWidget(self._title, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addWidget(self._note, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addStretch()
        self.hide()

    def text(self) -> str:
        """What is said now."""
        return self._title.text()

    def show_over(self, title: str, note: str) -> None:
        """Cover the parent, and say what a drop does."""
        self._title.setText(title)
        self._note.setText(note)
        self.setGeometry(self._window.rect())
        self.raise_()
        self.show()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        veil = QColor(theme.colors().window)
        veil.setAlpha(_VEIL)
        painter.fillRect(self.rect(), veil)
        pen = QPen(QColor(theme.colors().accent), 2, Qt.PenStyle.DashLine)
        pen.setDashPattern([5, 4])
        painter.setPen(pen)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(_FRAME, _FRAME, -_FRAME, -_FRAME), 8, 8)
