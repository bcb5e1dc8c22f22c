"""Small pictures of the photographs on the intake page, one store for its pairs and its problems."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication, QPainter, QPixmap

from engine.ports import ThumbnailStore
from engine.services.pairing import ScannedPicture
from gui.bridge import Bridge
from gui.pictures.thumbnail_files import ThumbnailSource
from gui.pictures.thumbnails import Thumbnails

THUMBNAIL = 56
"""Side of the square that a thumbnail stands in, in logical pixels."""


class Photographs(QObject):
    """Thumbnails as the tables draw them: all of one square size, so that the names beside them are aligned."""

    arrived = Signal(object)
    """The path of a photograph whose thumbnail came in, or a better one."""

    def __init__(self, bridge: Bridge, store: ThumbnailStore | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._scaling = max((screen.devicePixelRatio() for screen in QGuiApplication.screens()), default=1.0)
        self._side = round(THUMBNAIL * self._scaling)
        self._thumbnails = Thumbnails(bridge, self._side, self.arrived.emit, store)
        self._empty = self._frame(None)

    def pixmap(self, path: Path) -> QPixmap:
        """The thumbnail in the middle of its square; the empty square while it is on its way. Asks for it."""
        found = self._thumbnails.pixmap(path)
        return self._frame(found) if found is not None else self._empty

    def want(self, paths: Iterable[Path]) -> None:
        """Have these made, in this order, in place of whatever else was waiting."""
        self._thumbnails.want([ThumbnailSource(path) for path in dict.fromkeys(paths)])

    # -- inside -------------------------------------------------------------------------------------------------

    def _frame(self, picture: QPixmap | None) -> QPixmap:
        square = QPixmap(self._side, self._side)
        square.fill(Qt.GlobalColor.transparent)
        if picture is not None:
            painter = QPainter(square)
            painter.drawPixmap((self._side - picture.width()) // 2, (self._side - picture.height()) // 2, picture)
            painter.end()
        square.setDevicePixelRatio(self._scaling)
        return square


def facts_of(picture: ScannedPicture) -> str:
    """What is known of a photograph, one line each, for a tool tip."""
    header = picture.header
    facts = f"{header.extent} · {header.bit_depth} bit {header.mode} · {header.icc or 'no profile, read as sRGB'}"
    return "\n".join((str(picture.path), facts, *header.notices))
