"""The eyedropper over a view: a click picks a point, a drag still pans."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QSinglePointEvent

from gui.viewer.view_tool import ViewTool

_CLICK = 4.0  # view pixels that a pointer may move between press and release of a click


class EyedropperTool(ViewTool):
    """Calls ``picked(point)`` with the source pixel that was clicked."""

    def __init__(self, picked: Callable[[QPointF], None]) -> None:
        self._picked = picked
        self._pressed: tuple[QPointF, QPointF] | None = None

    def press(self, point: QPointF, event: QSinglePointEvent) -> bool:
        self._pressed = (point, event.position()) if event.button() == Qt.MouseButton.LeftButton else None
        return self._pressed is not None

    def move(self, point: QPointF, event: QSinglePointEvent) -> bool:
        if self._pressed is None:
            return False
        moved = event.position() - self._pressed[1]
        if abs(moved.x()) + abs(moved.y()) <= _CLICK:
            return True  # the hand that clicks trembles: the picture stays under the eyedropper
        self._pressed = None
        return False

    def release(self, point: QPointF, event: QSinglePointEvent) -> bool:
        if self._pressed is not None:
            self._picked(self._pressed[0])
        self._pressed = None
        return True

    def cursor(self) -> Qt.CursorShape:
        return Qt.CursorShape.CrossCursor
