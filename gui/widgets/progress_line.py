"""A thin line that fills: progress without noise."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import theme

_HEIGHT = 6


class ProgressLine(QWidget):
    """Shares of a whole, side by side: what is done, what failed, what runs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shares: tuple[tuple[float, str], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_fraction(self, fraction: float) -> None:
        """One share in the accent colour, 0 to 1."""
        self.set_shares(((fraction, theme.ACCENT),))

    def set_shares(self, shares: tuple[tuple[float, str], ...]) -> None:
        """Several (fraction, colour), from the left; they sum to 1 at most."""
        if shares != self._shares:
            self._shares = shares
            self.update()

    @property
    def fraction(self) -> float:
        """The filled part, 0 to 1."""
        return sum(fraction for fraction, _ in self._shares)

    def sizeHint(self) -> QSize:
        return QSize(120, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        draw_line(painter, QRectF(self.rect()), self._shares)


def draw_line(painter: QPainter, rect: QRectF, shares: tuple[tuple[float, str], ...]) -> None:
    """Draw the line's trough and its shares, filling ``rect``."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.HOVER))
    painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
    left = rect.x()
    for fraction, color in shares:
        width = rect.width() * max(0.0, min(1.0, fraction))
        if width > 0:
            painter.setBrush(QColor(color))
            painter.drawRoundedRect(QRectF(left, rect.y(), max(width, rect.height()), rect.height()), 3, 3)
        left += width
    painter.restore()
