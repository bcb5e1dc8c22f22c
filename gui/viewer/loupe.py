"""A magnifier at the pointer that shows the same place of every linked picture, whatever their zoom."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPointF, QRectF, QSize, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, Qt

from gui.look import theme

_RADIUS = 110.0  # view pixels: a collar and both its points at 100 %, and no more of the picture covered
_SHARE = 0.38  # of the view's shorter side, at most: around the loupe the picture says where it is held
_STEPS = (1, 2, 4)  # device pixels per source pixel


class Loupe(QObject):
    """Where the loupe is held, and how far it magnifies. Views that share it draw it.

    Attributes
    ----------
    at : QPointF or None
        The point under it, 0 to 1 along the picture's sides; None while it is not held over a picture.
    is_held : bool
        Whether a pointer over a picture brings it up.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.at: QPointF | None = None
        self.is_held = False
        self._pointer: QPointF | None = None
        self._step = 0

    @property
    def scale(self) -> int:
        """Device pixels per source pixel: 1, 2 or 4."""
        return _STEPS[self._step]

    def hold(self, held: bool) -> None:
        """Take it up where the pointer is, or lay it down."""
        self.is_held = held
        self._show(self._pointer if held else None)

    def point_at(self, point: QPointF | None) -> None:
        """The pointer is here, 0 to 1 along the picture's sides; None where it left the picture."""
        self._pointer = point
        if self.is_held:
            self._show(point)

    def step(self, steps: int) -> None:
        """Magnify more or less: 100, 200 or 400 %."""
        self._step = min(len(_STEPS) - 1, max(0, self._step + steps))
        self.changed.emit()

    def _show(self, at: QPointF | None) -> None:
        if at != self.at:
            self.at = at
            self.changed.emit()


def rim(center: QPointF, radius: float) -> QPainterPath:
    """The glass, in the units of what it is drawn in."""
    path = QPainterPath()
    path.addEllipse(center, radius, radius)
    return path


def radius_in(view: QSize) -> float:
    """The loupe's radius in a view of this size, both in view pixels."""
    return min(_RADIUS, _SHARE * min(view.width(), view.height()))


def draw_rim(painter: QPainter, center: QPointF, radius: float, scale: int) -> None:
    """The loupe's edge, seen on every picture, with its magnification at its foot; in view pixels."""
    colors = theme.colors()
    light, dark = QColor(colors.mark_light), QColor(colors.mark_dark)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, width in ((dark, 4.0), (light, 1.6)):
        painter.setPen(QPen(color, width))
        painter.drawEllipse(center, radius, radius)
    painter.setFont(theme.sized(painter.font(), theme.CAPTION, bold=True))
    text = f"{scale * 100} %"
    width = painter.fontMetrics().horizontalAdvance(text) + 2 * theme.SMALL
    plate = QRectF(center.x() - width / 2, center.y() + radius - 9, width, 18)
    dark.setAlpha(210)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(dark)
    painter.drawRoundedRect(plate, 9, 9)
    painter.setPen(light)
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)
