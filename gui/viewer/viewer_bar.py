"""One quiet line below the pictures: legends of the maps that are shown, and which colours the screen is given."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QWidget

from gui.look import theme
from gui.pictures.heat_map import HeatMap, ramp_of
from gui.pictures.pixels import doubt_table
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.icon_label import IconLabel

_RAMP = QSize(110, 10)
_GAP = 5  # pixels between a ramp and the words at its ends


class Legend(QWidget):
    """A map's ramp with what its ends mean."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ramp = QImage()
        self._first = self._last = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_scale(self, ramp: QImage, first: str, last: str, name: str) -> None:
        """Show a ramp of one line between two words; ``name`` is for whoever cannot look."""
        self._ramp, self._first, self._last = ramp, first, last
        self.setAccessibleName(f"Legend: {name}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        first, last = (self._width(text) for text in (self._first, self._last))
        return QSize(first + _RAMP.width() + last + 2 * _GAP, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._ramp.isNull():
            return
        painter = QPainter(self)
        painter.setFont(theme.sized(self.font(), theme.CAPTION))
        left, middle = self._width(self._first) + _GAP, self.height() / 2
        bar = QRectF(left, middle - _RAMP.height() / 2, _RAMP.width(), _RAMP.height())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(bar, theme.grey(0.18))  # a ramp that is clear at one end lies on what pictures lie on
        painter.drawImage(bar, self._ramp, QRectF(self._ramp.rect()))
        painter.setPen(QColor(theme.colors().text))
        across = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, left - _GAP, self.height()), across, self._first)
        painter.drawText(QRectF(bar.right() + _GAP, 0, self.width(), self.height()), across, self._last)

    def _width(self, text: str) -> int:
        return QFontMetrics(theme.sized(self.font(), theme.CAPTION)).horizontalAdvance(text)


class ViewerBar(QFrame):
    """Left the legend while a map is shown, right what the screen's colours can be trusted for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        line = QHBoxLayout(self)
        line.setContentsMargins(theme.SMALL, 3, theme.SMALL, 3)
        line.setSpacing(theme.SMALL)
        self.legend, self.doubt_legend = Legend(), Legend()
        self._facts, self._confidence = ElidedLabel("caption"), ElidedLabel("caption")
        self._mark = IconLabel("warning", 16, "warn")
        self._mark.setAccessibleName("Colours are not certain")
        self._display = ElidedLabel("caption")
        self._display.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(self.legend)
        line.addWidget(self._facts, 1)
        line.addWidget(self.doubt_legend)
        line.addWidget(self._confidence, 1)
        line.addWidget(self._display, 1)
        line.addWidget(self._mark)
        # As high with a legend as without, so that the pictures above do not jump.
        self.setFixedHeight(self.legend.sizeHint().height() + 6)
        self.show_heat(None)
        self.show_doubt(None)

    def show_heat(self, heat: HeatMap | None) -> None:
        """The legend of this map; None hides it."""
        if heat is not None:  # before the legend is shown: its width is asked for then
            top = heat.full_scale
            self.legend.show_scale(heat.ramp, "0", f"{top:g}+", f"ΔE00 from 0 to {top:g} and more")
            self._facts.show_text(f"ΔE00, full resolution, {heat.picture.extent}")
        self.legend.setVisible(heat is not None)
        self._facts.setVisible(heat is not None)

    def show_doubt(self, confidence: float | None) -> None:
        """The legend of the map of where the seeds' masks differ, with the mask's confidence; None hides it."""
        if confidence is not None:
            self.doubt_legend.show_scale(
                ramp_of(doubt_table()), "Seeds agree", "disagree", "from where all seeds agree to where half do not"
            )
            self._confidence.show_text(f"mask confidence {confidence:.0%}".replace("%", " %"))
        self.doubt_legend.setVisible(confidence is not None)
        self._confidence.setVisible(confidence is not None)

    def show_display(self, text: str, *, is_doubtful: bool) -> None:
        """Say for which screen colours are converted."""
        self._mark.setVisible(is_doubtful)
        self._display.show_text(text)

    def texts(self) -> dict[str, str]:
        """What is written here."""
        return {
            "heat": self._facts.whole_text() if self._facts.isVisible() else "",
            "doubt": self._confidence.whole_text() if self._confidence.isVisible() else "",
            "display": self._display.whole_text(),
        }
