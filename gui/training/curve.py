"""The loss of a run as it is learnt: each step faint, their mean, and the held-out loss with its best marked."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.look import theme
from gui.training.curve_scale import Values, loss_range, smoothed, ticks
from gui.training.run_words import best_words
from gui.training.story import RunStory

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 36, 26
_DOT = 3.5
_TICKS_DOWN, _TICKS_ACROSS = 5, 7


class LossCurve(QWidget):
    """Painted anew with each step. Hover, or the arrow keys, read the values of a step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._story: RunStory | None = None
        self._mean: Values = smoothed([])
        self._low, self._high = 0.0, 1.0
        self._read: int | None = None  # the step under the pointer
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName("Loss curve")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(150)

    def show_story(self, story: RunStory | None) -> None:
        """Show this run as it stands; call it again when it has told something."""
        if story is None:
            self._read = None
        # A copy: the story goes on while this is painted.
        self._story = (
            replace(story, steps=list(story.steps), losses=list(story.losses), evaluations=list(story.evaluations))
            if story is not None
            else None
        )
        losses = self._story.losses if self._story is not None else []
        held_out = [event.loss for event in self._story.evaluations] if self._story is not None else []
        self._mean = smoothed(losses)
        self._low, self._high = loss_range(np.asarray(losses, np.float64), self._mean, np.asarray(held_out, np.float64))
        self.setAccessibleDescription(self._summary())
        self.update()

    def reading(self) -> str:
        """The values of the step that is pointed at; empty where there is none."""
        story = self._story
        if story is None or self._read is None or not story.steps:
            return ""
        index = self._index(self._read)
        parts = [
            f"Step {story.steps[index]:,}",
            f"loss {story.losses[index]:.4f}",
            f"mean {self._mean[index]:.4f}",
        ]
        measured = [event for event in story.evaluations if event.step <= story.steps[index]]
        if measured:
            last = measured[-1]
            overlap = "" if last.iou is None else f", IoU {last.iou:.3f}"
            parts.append(f"held out {last.loss:.4f}{overlap} at {last.step:,}")
        return "   ".join(parts)

    def read_at(self, step: int | None) -> None:
        """Read the values of a step; None reads nothing."""
        if step != self._read:
            self._read = step
            self.update()

    # -- Qt -----------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        return QSize(560, 260)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        plot = self._plot()
        story = self._story
        if story is None or not plot.adjusted(-4, -4, 4, 4).contains(event.position()):
            self.read_at(None)
            return
        self.read_at(round((event.position().x() - plot.left()) / plot.width() * self._last(story)))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.read_at(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        story = self._story
        moves = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if story is None or not story.steps or event.key() not in moves:
            super().keyPressEvent(event)
            return
        stride = max(1, len(story.steps) // 100)
        at = self._index(self._read) if self._read is not None else len(story.steps) - 1
        at = min(len(story.steps) - 1, max(0, at + stride * moves[Qt.Key(event.key())]))
        self.read_at(story.steps[at])
        self.setAccessibleDescription(self.reading())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = theme.colors()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(c.sunken))
        painter.drawRoundedRect(QRectF(self.rect()), theme.RADIUS, theme.RADIUS)
        if self.hasFocus():
            painter.setPen(QColor(c.accent))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)
        painter.setFont(theme.sized(self.font(), theme.CAPTION))
        story = self._story
        if story is None or not (story.steps or story.evaluations):
            painter.setPen(QColor(c.text_faint))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "The curve begins with the first step.")
            return
        plot = self._plot()
        self._paint_axes(painter, plot, story)
        painter.save()
        painter.setClipRect(plot.adjusted(-1, -1, 6, 1))
        self._paint_losses(painter, plot, story)
        painter.restore()
        self._paint_evaluations(painter, plot, story)
        if self._read is not None and story.steps:
            self._paint_reading(painter, plot, story)
        else:
            self._paint_legend(painter, plot, story)

    # -- inside -------------------------------------------------------------------------------------------------

    def _plot(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_LEFT, _TOP, -_RIGHT, -_BOTTOM)

    def _last(self, story: RunStory) -> int:
        return max(story.total, story.step, 1)

    def _index(self, step: int) -> int:
        assert self._story is not None
        return max(0, bisect_right(self._story.steps, step) - 1)

    def _x(self, plot: QRectF, story: RunStory, step: float) -> float:
        return plot.left() + plot.width() * step / self._last(story)

    def _y(self, plot: QRectF, loss: float) -> float:
        return plot.bottom() - plot.height() * (loss - self._low) / (self._high - self._low)

    def _paint_axes(self, painter: QPainter, plot: QRectF, story: RunStory) -> None:
        c = theme.colors()
        values = ticks(self._low, self._high, _TICKS_DOWN)
        apart = values[1] - values[0] if len(values) > 1 else self._high - self._low
        digits = max(0, -int(np.floor(np.log10(apart) + 1e-9))) if apart > 0 else 2
        for value in values:
            y = round(self._y(plot, value)) + 0.5
            painter.setPen(QColor(c.line))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(QColor(c.text_faint))
            place = QRectF(0, y - 8, plot.left() - 8, 16)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{value:.{digits}f}")
        across = [value for value in ticks(0, self._last(story), _TICKS_ACROSS) if value == round(value)]
        for step in across:
            x = self._x(plot, story, step)
            painter.setPen(QColor(c.text_faint))
            text = f"{round(step):,}" if step else "step 0"
            place = QRectF(min(x - 40, plot.right() + _RIGHT - 4 - 80), plot.bottom() + 6, 80, 16)
            is_last = x + 40 > plot.right() + _RIGHT - 4
            side = Qt.AlignmentFlag.AlignRight if is_last else Qt.AlignmentFlag.AlignHCenter
            painter.drawText(place, side | Qt.AlignmentFlag.AlignTop, text)

    def _paint_losses(self, painter: QPainter, plot: QRectF, story: RunStory) -> None:
        c = theme.colors()
        steps, losses = np.asarray(story.steps, np.float64), np.asarray(story.losses, np.float64)
        xs = plot.left() + plot.width() * steps / self._last(story)
        painter.setPen(QPen(QColor(c.outline), 1))
        if steps.size > plot.width() * 1.5:  # more steps than pixels: the span of each column
            painter.setPen(QPen(QColor(c.hover), 1))
            columns = np.floor(xs).astype(np.int64)
            begins = np.flatnonzero(np.r_[True, columns[1:] != columns[:-1]])
            lows, highs = np.minimum.reduceat(losses, begins), np.maximum.reduceat(losses, begins)
            for column, low, high in zip(columns[begins].tolist(), lows.tolist(), highs.tolist(), strict=True):
                painter.drawLine(QPointF(column + 0.5, self._y(plot, low)), QPointF(column + 0.5, self._y(plot, high)))
            ends = np.r_[begins[1:] - 1, steps.size - 1]
            xs, mean = xs[ends], self._mean[ends]
        else:
            painter.drawPolyline(self._line(plot, xs, losses))
            mean = self._mean
        painter.setPen(QPen(QColor(c.accent), 1.8))
        painter.drawPolyline(self._line(plot, xs, mean))

    def _line(self, plot: QRectF, xs: Values, values: Values) -> QPolygonF:
        ys = plot.bottom() - plot.height() * (values - self._low) / (self._high - self._low)
        return QPolygonF([QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)])

    def _paint_evaluations(self, painter: QPainter, plot: QRectF, story: RunStory) -> None:
        c, best = theme.colors(), story.best
        for event in story.evaluations:
            at = QPointF(self._x(plot, story, event.step), self._y(plot, event.loss))
            painter.setPen(QPen(QColor(c.sunken), 1.5))
            painter.setBrush(QColor(c.text))
            painter.drawEllipse(at, _DOT, _DOT)
            if best is event:
                painter.setPen(QPen(QColor(c.pass_), 1.8))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(at, _DOT + 3.5, _DOT + 3.5)

    def _paint_legend(self, painter: QPainter, plot: QRectF, story: RunStory) -> None:
        """What is what, in one line above the plot."""
        c, x, y = theme.colors(), plot.left(), 18.0
        metrics = painter.fontMetrics()

        def say(text: str) -> None:
            nonlocal x
            painter.setPen(QColor(c.text_quiet))
            painter.drawText(QPointF(x, y + metrics.ascent() / 2 - 1), text)
            x += metrics.horizontalAdvance(text) + theme.LARGE

        for pen, text in ((QPen(QColor(c.accent), 1.8), "mean loss"), (QPen(QColor(c.outline), 1), "each step")):
            painter.setPen(pen)
            painter.drawLine(QPointF(x, y), QPointF(x + 14, y))
            x += 20
            say(text)
        if story.evaluations:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(c.text))
            painter.drawEllipse(QPointF(x + 4, y), _DOT, _DOT)
            x += 14
            say("held out")
        best = story.best
        if best is not None:
            painter.setPen(QPen(QColor(c.pass_), 1.8))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(x + 6, y), 5, 5)
            x += 18
            say("best")

    def _paint_reading(self, painter: QPainter, plot: QRectF, story: RunStory) -> None:
        c = theme.colors()
        assert self._read is not None
        index = self._index(self._read)
        x = round(self._x(plot, story, story.steps[index])) + 0.5
        painter.setPen(QPen(QColor(c.text_faint), 1))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        painter.setPen(QPen(QColor(c.sunken), 1.5))
        painter.setBrush(QColor(c.accent))
        painter.drawEllipse(QPointF(x, self._y(plot, float(self._mean[index]))), _DOT + 0.5, _DOT + 0.5)
        painter.setPen(QColor(c.text))
        above = QRectF(plot.left(), 8, plot.width(), 20)
        painter.drawText(above, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.reading())

    def _summary(self) -> str:
        """The curve in a sentence, for whoever cannot see it."""
        story = self._story
        if story is None or not story.steps:
            return "No step was done yet"
        best = story.best
        held_out = f"; {best_words(best)}" if best is not None else ""
        return f"Step {story.step} of {story.total}, mean loss {self._mean[-1]:.4f}{held_out}"
