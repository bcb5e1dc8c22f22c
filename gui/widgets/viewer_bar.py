"""One quiet line below the pictures: the legend of the ΔE map, and which colours the screen is given."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from gui import theme
from gui.icons import pixmap
from gui.pixels import HeatMap
from gui.widgets.elided_label import ElidedLabel

_RAMP = QSize(110, 10)


class HeatLegend(QWidget):
    """The ramp of a ΔE map with the numbers of its ends and its middle."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ramp = QImage()
        self._top = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_scale(self, ramp: QImage, top: float) -> None:
        self._ramp, self._top = ramp, top
        self.setAccessibleName(f"Legend: ΔE00 from 0 to {top:g} and more")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(_RAMP.width() + 46, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._ramp.isNull():
            return
        painter = QPainter(self)
        painter.setFont(theme.sized(self.font(), theme.CAPTION))
        left, middle = 14, self.height() / 2
        bar = QRectF(left, middle - _RAMP.height() / 2, _RAMP.width(), _RAMP.height())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(bar, self._ramp, QRectF(self._ramp.rect()))
        painter.setPen(QColor(theme.TEXT))
        painter.drawText(
            QRectF(0, 0, left - 5, self.height()), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "0"
        )
        end = QRectF(bar.right() + 5, 0, 40, self.height())
        painter.drawText(end, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, f"{self._top:g}+")


class ViewerBar(QFrame):
    """Left the legend while a map is shown, right what the screen's colours can be trusted for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        line = QHBoxLayout(self)
        line.setContentsMargins(theme.SMALL, 3, theme.SMALL, 3)
        line.setSpacing(theme.SMALL)
        self.legend = HeatLegend()
        self._facts = theme.label("", "caption")
        self._mark = QLabel()
        self._mark.setPixmap(pixmap("warning", 16))
        self._mark.setAccessibleName("Colours are not certain")
        self._display = ElidedLabel("caption")
        self._display.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(self.legend)
        line.addWidget(self._facts)
        line.addWidget(self._display, 1)
        line.addWidget(self._mark)
        # As high with a legend as without, so that the pictures above do not jump.
        self.setFixedHeight(self.legend.sizeHint().height() + 6)
        self.show_heat(None)

    def show_heat(self, heat: HeatMap | None) -> None:
        """The legend of this map; None hides it."""
        self.legend.setVisible(heat is not None)
        self._facts.setVisible(heat is not None)
        if heat is not None:
            self.legend.show_scale(heat.ramp, heat.full_scale)
            self._facts.setText(f"ΔE00, full resolution, {heat.pyramid.extent}")

    def show_display(self, text: str, *, is_doubtful: bool) -> None:
        """Say for which screen colours are converted."""
        self._mark.setVisible(is_doubtful)
        self._display.show_text(text)

    def texts(self) -> dict[str, str]:
        """What is written here."""
        return {"heat": self._facts.text() if self._facts.isVisible() else "", "display": self._display.whole_text()}
