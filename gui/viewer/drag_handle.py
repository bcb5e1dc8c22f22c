"""The line above a picture, by which its document is dragged out of the window."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget

from gui.look import theme
from gui.widgets.icon_label import IconLabel

_GRIP = 12


class DragHandle(QWidget):
    """Room for a caption; once it is offered, a grip in front of it and a hand over it. GUI thread only.

    The picture below cannot be the handle: a drag there pans.

    Attributes
    ----------
    dragged : Signal
        It was taken hold of and moved.
    """

    dragged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pressed_at: QPointF | None = None
        self._grip = IconLabel("grip", _GRIP, "text_faint")
        self._grip.hide()
        self.line = QHBoxLayout(self)
        self.line.setContentsMargins(theme.SMALL, 6, theme.SMALL, 6)
        self.line.setSpacing(theme.SMALL)
        self.line.addWidget(self._grip)

    def offer(self, tip: str) -> None:
        """Be a handle from now on."""
        self._grip.show()
        self.setToolTip(tip)
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    @property
    def is_offered(self) -> bool:
        return not self._grip.isHidden()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        is_left = event.button() == Qt.MouseButton.LeftButton
        self._pressed_at = event.position() if is_left and self.is_offered else None
        event.setAccepted(self._pressed_at is not None)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed_at is None:
            return
        way = (event.position() - self._pressed_at).manhattanLength()
        if way >= QApplication.startDragDistance():
            self._pressed_at = None
            self.dragged.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pressed_at = None
