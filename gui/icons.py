"""Icons of ``resources/icons``, drawn in the colour of the text they stand beside. GUI thread only."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from gui import theme

_SIZES = (16, 20, 32, 40)


def icon(name: str, color: str = theme.TEXT) -> QIcon:
    """The icon in ``color``, greyed where it is disabled."""
    result = QIcon()
    for size in _SIZES:
        result.addPixmap(pixmap(name, size, color))
        result.addPixmap(pixmap(name, size, theme.TEXT_FAINT), QIcon.Mode.Disabled)
    return result


@lru_cache(maxsize=256)
def pixmap(name: str, size: int, color: str = theme.TEXT) -> QPixmap:
    """The icon as a square of ``size`` pixels."""
    drawing = theme.icon_file(name).read_bytes().replace(b"currentColor", color.encode())
    result = QPixmap(QSize(size, size))
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    QSvgRenderer(QByteArray(drawing)).render(painter)
    painter.end()
    return result
