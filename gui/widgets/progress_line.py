"""A thin line that fills: progress without noise."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from gui.look import theme
from gui.look.palette import Ink

_HEIGHT = 6


class ProgressLine(QWidget):
    """Shares of a whole, side by side: what is done, what failed, what runs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shares: tuple[tuple[float, Ink], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_fraction(self, fraction: float) -> None:
        """One share in the accent colour, 0 to 1."""
        self.set_shares(((fraction, "accent"),))

    def set_shares(self, shares: tuple[tuple[float, Ink], ...]) -> None:
        """Several (fraction, ink), from the left; they sum to 1 at most."""
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


class BusyLine(QWidget):
    """Says what is being done, above a line that fills; gone while nothing is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._what = ""
        self._text, self._line = theme.label("", "caption"), ProgressLine()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SMALL)
        layout.addWidget(self._text)
        layout.addWidget(self._line)
        self.hide()

    def text(self) -> str:
        return self._text.text()

    def begin(self, what: str) -> None:
        """Say this, with nothing done yet; empty: nothing is being done any more."""
        self._what = what
        self._line.set_fraction(0)
        self._text.setText(f"{what}…")
        self.setVisible(bool(what))

    def advance(self, step: tuple[int, int]) -> None:
        """``(done, total)``."""
        done, total = step
        self._line.set_fraction(done / max(1, total))
        self._text.setText(f"{self._what}… {done:,} of {total:,}")


def draw_line(painter: QPainter, rect: QRectF, shares: tuple[tuple[float, Ink], ...]) -> None:
    """Draw the line's trough and its shares, filling ``rect``."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.colors().hover))
    painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
    left = rect.x()
    for fraction, ink in shares:
        width = rect.width() * max(0.0, min(1.0, fraction))
        if width > 0:
            painter.setBrush(QColor(theme.color(ink)))
            painter.drawRoundedRect(QRectF(left, rect.y(), max(width, rect.height()), rect.height()), 3, 3)
        left += width
    painter.restore()
