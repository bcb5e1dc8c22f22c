"""Thumbnails, made in the background for what is in view. GUI thread only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from enum import IntEnum
from functools import partial
from pathlib import Path

from PySide6.QtCore import QElapsedTimer, QTimer
from PySide6.QtGui import QImage, QPixmap

from engine.ports import ThumbnailStore
from gui.bridge import Bridge
from gui.pictures.thumbnail_files import Found, ThumbnailSource, find_thumbnail, make_thumbnail

_BYTES = 16 * 1024 * 1024  # of decoded pixels: about a hundred of 256 px, more than a thousand of 64 px
_AT_ONCE = 2  # pool threads; one stays free for the pictures in the viewer and for catalog reads
_WAITING = 256  # beyond it the oldest request is dropped: its row has long left the view, and asks again if it returns

# Decoding competes with scrolling for the interpreter lock: it waits until the view has stood still for two frames, but
# not for longer than a glance, so that a slow steady scroll is not grey throughout.
_REST_MS = 32
_LONGEST_REST_MS = 200


class _Stage(IntEnum):
    FIND = 0  # a millisecond: the store, or the camera's thumbnail
    MAKE = 1  # a tenth of a second: decode the photograph


class Thumbnails:
    """A cache of small pictures by path.

    Every waiting picture is first looked for in the store and in its EXIF block, and only then decoded, so that a
    screen fills at once and sharpens afterwards. What was asked for last is served first.

    Parameters
    ----------
    side : int
        Long side in pixels.
    arrived : callable
        ``arrived(path)`` after a picture came in, or a better one; the model then repaints its row.
    store : ThumbnailStore or None
        Where thumbnails outlive the session.
    """

    def __init__(
        self, bridge: Bridge, side: int, arrived: Callable[[Path], None], store: ThumbnailStore | None = None
    ) -> None:
        self._bridge, self._side, self._arrived, self._store = bridge, side, arrived, store
        self._pixmaps: OrderedDict[Path, QPixmap] = OrderedDict()
        self._bytes = 0
        # Per stage, the next request last.
        self._waiting: tuple[OrderedDict[Path, ThumbnailSource], ...] = (OrderedDict(), OrderedDict())
        self._running: set[Path] = set()
        self._rough: set[Path] = set()  # shown as the camera's thumbnail so far
        self._unreadable: set[Path] = set()
        self._rest = QTimer(bridge)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._work)
        self._resting = QElapsedTimer()

    def pixmap(self, path: Path, content: str = "") -> QPixmap | None:
        """The thumbnail, or None while it is on its way or cannot be made; asking puts it first in the line.

        Parameters
        ----------
        content : str
            The file's hash where it is known.
        """
        found = self._pixmaps.get(path)
        if found is not None:
            self._pixmaps.move_to_end(path)
        if (found is None or path in self._rough) and not self._is_on_its_way(path):
            self._ask(_Stage.FIND if found is None else _Stage.MAKE, ThumbnailSource(path, content))
            self._work()
        return found

    def want(self, sources: Iterable[ThumbnailSource]) -> None:
        """Make these, in order, once the view has come to rest, and drop every other request that has not begun."""
        wanted = list(sources)
        finding, making = self._waiting
        half_done = self._rough.union(making)
        finding.clear()
        making.clear()
        for source in reversed(wanted):
            if self._is_on_its_way(source.path):
                continue
            if source.path in half_done:
                self._ask(_Stage.MAKE, source)
            elif source.path not in self._pixmaps:
                self._ask(_Stage.FIND, source)
        self._rest_again()

    @property
    def waiting(self) -> list[Path]:
        """Pictures that have not begun, in the order in which they will."""
        return [path for stage in self._waiting for path in reversed(stage)]

    # -- inside -------------------------------------------------------------------------------------------------

    def _is_on_its_way(self, path: Path) -> bool:
        return path in self._running or path in self._unreadable or any(path in stage for stage in self._waiting)

    def _ask(self, stage: _Stage, source: ThumbnailSource) -> None:
        line = self._waiting[stage]
        line[source.path] = source
        if len(line) > _WAITING:
            line.popitem(last=False)

    def _rest_again(self) -> None:
        if not self._rest.isActive():
            self._resting.start()
        if self._resting.elapsed() < _LONGEST_REST_MS:
            self._rest.start()

    def _work(self) -> None:
        if self._rest.isActive():
            return
        while len(self._running) < _AT_ONCE:
            stage = next((stage for stage in _Stage if self._waiting[stage]), None)
            if stage is None:
                return
            path, source = self._waiting[stage].popitem()
            self._running.add(path)
            failed = partial(self._failed, path)
            if stage is _Stage.FIND:
                find = partial(find_thumbnail, source, self._side, self._store)
                self._bridge.run_in_background(find, partial(self._found, source), failed)
            else:
                make = partial(make_thumbnail, source, self._side, self._store)
                self._bridge.run_in_background(make, partial(self._made, path), failed)

    def _found(self, source: ThumbnailSource, found: Found) -> None:
        self._running.discard(source.path)
        if not found.is_final:
            # Behind those that wait already: they were wanted as much, and earlier.
            self._ask(_Stage.MAKE, source)
            self._waiting[_Stage.MAKE].move_to_end(source.path, last=False)
        if found.image is not None:
            if not found.is_final:
                self._rough.add(source.path)
            self._keep(source.path, found.image)
        self._work()

    def _made(self, path: Path, image: QImage) -> None:
        self._running.discard(path)
        self._rough.discard(path)
        self._keep(path, image)
        self._work()

    def _failed(self, path: Path, error: Exception) -> None:
        # An unreadable picture keeps its empty frame here; intake and the job name the reason.
        self._running.discard(path)
        self._unreadable.add(path)
        self._work()

    def _keep(self, path: Path, image: QImage) -> None:
        old = self._pixmaps.pop(path, None)
        new = QPixmap.fromImage(image)
        self._bytes += _size(new) - (_size(old) if old is not None else 0)
        self._pixmaps[path] = new
        while self._bytes > _BYTES and len(self._pixmaps) > 1:
            gone, pixmap = self._pixmaps.popitem(last=False)
            self._rough.discard(gone)
            self._bytes -= _size(pixmap)
        self._arrived(path)


def _size(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * 4
