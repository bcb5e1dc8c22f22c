"""The space bar over the picture: while it is held, the pointer moves the picture and draws nothing."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent

from gui.mask_editor.tool import MaskEditorTool
from gui.viewer.picture_view import PictureView


class SpaceBar(QObject):
    """Watches the view between `begin` and `end`. GUI thread only."""

    def __init__(self, view: PictureView, tool: MaskEditorTool, parent: QObject) -> None:
        super().__init__(parent)
        self._view, self._tool = view, tool

    def begin(self) -> None:
        self._view.installEventFilter(self)

    def end(self) -> None:
        self._view.removeEventFilter(self)
        self._tool.pans = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._tool.pans = event.type() == QEvent.Type.KeyPress
                self._view.setCursor(self._tool.cursor() or Qt.CursorShape.ArrowCursor)
                self._view.update()
            return True
        if event.type() == QEvent.Type.FocusOut:
            self._tool.pans = False
        elif event.type() == QEvent.Type.MouseButtonPress:
            self._view.setFocus()  # out of a number field, and so that the space bar is heard
        return super().eventFilter(watched, event)
