"""Thumbnails, decoded in the background when a row is first painted. GUI thread only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QImage, QPixmap

from gui.bridge import Bridge
from gui.pixels import read_thumbnail

_KEPT = 2000  # about 20 kB each at 96 px


class Thumbnails:
    """A cache of small pictures by path.

    Parameters
    ----------
    side : int
        Long side in pixels.
    arrived : callable
        ``arrived(path)`` after a picture came in; the model then repaints its row.
    """

    def __init__(self, bridge: Bridge, side: int, arrived: Callable[[Path], None]) -> None:
        self._bridge, self._side, self._arrived = bridge, side, arrived
        self._pixmaps: OrderedDict[Path, QPixmap] = OrderedDict()
        self._asked: set[Path] = set()

    def pixmap(self, path: Path) -> QPixmap | None:
        """The thumbnail, or None while it is on its way or cannot be made."""
        if path in self._pixmaps:
            self._pixmaps.move_to_end(path)
            return self._pixmaps[path]
        if path not in self._asked:
            self._asked.add(path)
            self._bridge.run_in_background(
                lambda: read_thumbnail(path, self._side),
                lambda image: self._keep(path, image),
                # An unreadable picture keeps its empty frame here; intake and the job name the reason.
                lambda error: None,
            )
        return None

    def _keep(self, path: Path, image: QImage) -> None:
        self._pixmaps[path] = QPixmap.fromImage(image)
        if len(self._pixmaps) > _KEPT:
            self._asked.discard(self._pixmaps.popitem(last=False)[0])
        self._arrived(path)
