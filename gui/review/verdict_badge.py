"""A word on a coloured ground: what the figures or a person say. Never a colour alone."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.domain.results import Verdict
from gui.look import theme

BADGE_HEIGHT = 18
_PADDING = 7
_MARK = 9  # width of the mark before the word
_TINT = 0.18  # of the verdict's colour in its ground: more would come too close to the word


class VerdictBadge(QWidget):
    """Pass, check or fail, with its mark."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._verdict: Verdict | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFont(theme.sized(self.font(), theme.CAPTION, bold=True))

    def set_verdict(self, verdict: Verdict | None) -> None:
        self._verdict = verdict
        self.setAccessibleName(theme.VERDICT_TEXTS[verdict] if verdict else "")
        self.setVisible(verdict is not None)
        self.updateGeometry()
        self.update()

    def text(self) -> str:
        return theme.VERDICT_TEXTS[self._verdict] if self._verdict else ""

    def sizeHint(self) -> QSize:
        return badge_size(self.text(), QFontMetrics(self.font()))

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._verdict is not None:
            painter = QPainter(self)
            draw_badge(painter, self.rect(), self._verdict)


def badge_size(text: str, metrics: QFontMetrics) -> QSize:
    """The size of a badge with that word."""
    return QSize(metrics.horizontalAdvance(text) + 2 * _PADDING + _MARK + 4, BADGE_HEIGHT)


def badge_ground(verdict: Verdict) -> QColor:
    """A breath of the verdict's colour, opaque: its word can be read whatever row the badge lies on."""
    color, ground = QColor(theme.verdict_color(verdict)), QColor(theme.colors().sunken)
    return QColor.fromRgbF(
        _TINT * color.redF() + (1 - _TINT) * ground.redF(),
        _TINT * color.greenF() + (1 - _TINT) * ground.greenF(),
        _TINT * color.blueF() + (1 - _TINT) * ground.blueF(),
    )


def draw_badge(painter: QPainter, rect: QRect, verdict: Verdict, text: str = "") -> None:
    """Draw the verdict's badge, filling ``rect``; ``text`` replaces the verdict's word."""
    color = QColor(theme.verdict_color(verdict))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(badge_ground(verdict))
    painter.drawRoundedRect(QRectF(rect), rect.height() / 2, rect.height() / 2)
    draw_mark(painter, QRectF(rect.x() + _PADDING, rect.center().y() - _MARK / 2 + 0.5, _MARK, _MARK), verdict)
    painter.setFont(theme.sized(painter.font(), theme.CAPTION, bold=True))
    painter.setPen(color)
    painter.drawText(
        rect.adjusted(_PADDING + _MARK + 4, 0, 0, 0),
        int(Qt.AlignmentFlag.AlignVCenter),
        text or theme.VERDICT_TEXTS[verdict],
    )
    painter.restore()


def draw_mark(painter: QPainter, rect: QRectF, verdict: Verdict) -> None:
    """A tick, an exclamation mark or a cross, so that the verdict can be told without its colour."""
    pen = painter.pen()
    pen.setColor(QColor(theme.verdict_color(verdict)))
    pen.setStyle(Qt.PenStyle.SolidLine)
    pen.setWidthF(1.8)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)

    def at(x: float, y: float) -> QPointF:
        return QPointF(rect.x() + x * rect.width(), rect.y() + y * rect.height())

    match verdict:
        case Verdict.PASS:
            painter.drawPolyline(QPolygonF([at(0.05, 0.55), at(0.38, 0.88), at(0.95, 0.15)]))
        case Verdict.WARN:
            painter.drawLine(at(0.5, 0.05), at(0.5, 0.6))
            painter.drawPoint(at(0.5, 0.95))
        case Verdict.FAIL:
            painter.drawLine(at(0.1, 0.1), at(0.9, 0.9))
            painter.drawLine(at(0.9, 0.1), at(0.1, 0.9))
