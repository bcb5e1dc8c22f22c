"""Stars: how good a result is, from none to five."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPixmap, QPixmapCache, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.domain.review import HIGHEST_RATING
from gui.look import theme
from gui.phrases import count

_INNER = 0.42  # radius of the notches to that of the points
_SIDE, _GAP = 18, 4  # of a star that can be clicked


def draw_stars(painter: QPainter, right: int, middle: int, number: int, side: int) -> None:
    """Draw that many stars, the last one ending at ``right``; nothing for none."""
    if number:
        picture = _drawn(number, side, theme.colors().text_quiet, painter.device().devicePixelRatioF())
        painter.drawPixmap(right - number * side, middle - side // 2, picture)


def _drawn(number: int, side: int, color: str, ratio: float) -> QPixmap:
    """Antialiased paths cost as much as the rest of a row: each sight is drawn once."""
    key = f"stars/{number}/{side}/{color}/{ratio}"
    picture = QPixmap()
    if not QPixmapCache.find(key, picture):
        picture = QPixmap(round(number * side * ratio), round(side * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(color))
        for n in range(number):
            painter.drawPolygon(_star(QPointF((n + 0.5) * side, side / 2), side * 0.46))
        painter.end()
        QPixmapCache.insert(key, picture)
    return picture


def _star(middle: QPointF, radius: float) -> QPolygonF:
    corners: list[QPointF] = []
    for n in range(10):
        angle, reach = math.pi * (n / 5 - 0.5), radius * (1 if n % 2 == 0 else _INNER)
        corners.append(middle + QPointF(math.cos(angle), math.sin(angle)) * reach)
    return QPolygonF(corners)


class StarField(QWidget):
    """Five stars to click; the same one again takes them all away.

    Attributes
    ----------
    rated : Signal
        ``rated(stars)``.
    """

    rated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rating = 0
        self._hovered = 0
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setToolTip("Stars (1 to 5, and 0 for none)")
        self.show_rating(0)

    def show_rating(self, rating: int) -> None:
        self._rating = rating
        self.setAccessibleName(f"Rated with {count(rating, 'star')}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(HIGHEST_RATING * _SIDE + (HIGHEST_RATING - 1) * _GAP, _SIDE + 2)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._star_at(event.position()))

    def leaveEvent(self, event: object) -> None:
        self._hover(0)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        star = self._star_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and star:
            self.rated.emit(0 if star == self._rating else star)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors, filled = theme.colors(), self._hovered or self._rating
        for n in range(HIGHEST_RATING):
            place = QRect(n * (_SIDE + _GAP), 1, _SIDE, _SIDE)
            painter.setPen(QColor(colors.text_quiet if n < filled else colors.indicator))
            painter.setBrush(QColor(colors.text_quiet) if n < filled else Qt.BrushStyle.NoBrush)
            painter.drawPolygon(_star(QPointF(place.center()) + QPointF(0.5, 0.5), _SIDE * 0.46))

    def _star_at(self, point: QPointF) -> int:
        star = int(point.x() // (_SIDE + _GAP)) + 1
        return star if 1 <= star <= HIGHEST_RATING else 0

    def _hover(self, star: int) -> None:
        if star != self._hovered:
            self._hovered = star
            self.update()
