"""Icons of ``resources/icons``, drawn in an ink of the palette that holds when they are painted. GUI thread only."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from gui.look import theme
from gui.look.palette import Ink


def icon(name: str, ink: Ink = "text") -> QIcon:
    """The icon in an ink, greyed where it is disabled; it follows the palette and the screen's scaling."""
    return QIcon(_InkEngine(name, ink))


@lru_cache(maxsize=512)
def _drawn(name: str, width: int, height: int, color: str) -> QPixmap:
    """The icon in device pixels."""
    drawing = theme.icon_file(name).read_bytes().replace(b"currentColor", color.encode())
    result = QPixmap(QSize(width, height))
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    side = min(width, height)
    QSvgRenderer(QByteArray(drawing)).render(painter, QRectF((width - side) / 2, (height - side) / 2, side, side))
    painter.end()
    return result


def pixmap(name: str, size: int, color: str = "") -> QPixmap:
    """The icon as a square of ``size`` logical pixels, in the colour of text unless said otherwise."""
    application = QGuiApplication.instance()
    ratio = application.devicePixelRatio() if isinstance(application, QGuiApplication) else 1.0
    result = QPixmap(_drawn(name, round(size * ratio), round(size * ratio), color or theme.colors().text))
    result.setDevicePixelRatio(ratio)
    return result


class _InkEngine(QIconEngine):
    """Draws the icon anew in the palette's colour each time, so that no icon needs to be replaced."""

    def __init__(self, name: str, ink: Ink) -> None:
        super().__init__()
        self._name: str = name
        self._ink: Ink = ink

    def clone(self) -> QIconEngine:
        return _InkEngine(self._name, self._ink)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        is_off = mode == QIcon.Mode.Disabled
        in_device = size * scale
        result = QPixmap(
            _drawn(
                self._name, in_device.width(), in_device.height(),
                theme.colors().text_disabled if is_off else theme.color(self._ink),
            )
        )  # fmt: skip
        result.setDevicePixelRatio(scale)
        return result

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        ratio = painter.device().devicePixelRatioF()
        painter.drawPixmap(rect, self.scaledPixmap(rect.size(), mode, state, ratio))

    def isNull(self) -> bool:
        return False
