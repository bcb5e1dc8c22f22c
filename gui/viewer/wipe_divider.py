"""The divider between two pictures that are wiped over each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QSinglePointEvent

from gui.look import theme
from gui.viewer.view_tool import ViewTool

if TYPE_CHECKING:
    from gui.viewer.picture_view import PictureView

_SHADE = 110  # opacity of what sets the light line off from a light picture
_GRIP = 7.0  # view pixels on either side of the divider in which the pointer takes hold of it


class WipeDivider(ViewTool):
    """Stands at a share of its view's width, whatever the picture does under it.

    Attributes
    ----------
    is_shown : bool
        Whether there is anything to divide.
    at : float
        0 to 1 along the view's width.
    """

    def __init__(self, view: PictureView) -> None:
        self._view = view
        self.is_shown = False
        self.at = 0.5
        self._is_dragged = self._is_near = False

    def move_to(self, at: float) -> None:
        self.at = min(1.0, max(0.0, at))
        self._view.update()

    def press(self, point: QPointF, event: QSinglePointEvent) -> bool:
        self._is_dragged = event.button() == Qt.MouseButton.LeftButton and self._is_at(event.position())
        return self._is_dragged

    def move(self, point: QPointF, event: QSinglePointEvent) -> bool:
        self._is_near = self._is_at(event.position())
        if self._is_dragged:
            self.move_to(event.position().x() / max(1, self._view.width()))
        return self._is_dragged

    def release(self, point: QPointF, event: QSinglePointEvent) -> bool:
        was_dragged, self._is_dragged = self._is_dragged, False
        return was_dragged

    def cursor(self) -> Qt.CursorShape | None:
        return Qt.CursorShape.SplitHCursor if self._is_near or self._is_dragged else None

    def paint(self, painter: QPainter, view: PictureView) -> None:
        """A white hairline between two dark ones: it is seen on every picture and tints none."""
        x, height = self.edge(view), float(view.height())
        hair = 1 / view.devicePixelRatioF()  # one pixel of the screen, on no boundary between two
        light, dark = QColor(theme.colors().mark_light), QColor(theme.colors().mark_dark)
        dark.setAlpha(_SHADE)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.fillRect(QRectF(x - hair, 0, 3 * hair, height), dark)
        painter.fillRect(QRectF(x, 0, hair, height), light)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(dark, 1))
        painter.setBrush(light)
        for y in (0.0, height):  # a grip at either edge, where it covers next to nothing
            painter.drawEllipse(QPointF(x + hair / 2, y), _GRIP, _GRIP)

    def edge(self, view: PictureView) -> float:
        """Where it stands in view pixels, on the boundary of a device pixel."""
        ratio, corner = view.devicePixelRatioF(), view.corner().x()
        return round((self.at * view.width() + corner) * ratio) / ratio - corner

    def _is_at(self, position: QPointF) -> bool:
        return self.is_shown and abs(position.x() - self.at * self._view.width()) <= _GRIP
