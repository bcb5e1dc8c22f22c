"""Tiles that are ready, and the few that are being made."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, Signal

from gui.bridge import Bridge
from gui.lane import Errand, Lane
from gui.pictures.tiled_picture import Tile, TiledPicture

_BUDGET = 256 << 20
"""Bytes of tiles that are kept: three views of a 4K screen with their masks are 66 MB, the rest is left by panning."""

_IN_FLIGHT = 2


@dataclass(frozen=True, slots=True)
class TileKey:
    """One tile of one picture."""

    picture: TiledPicture
    level: int
    column: int
    row: int


class TileStore(QObject):
    """Has tiles made that views ask for, and keeps them within a budget. GUI thread only.

    Parameters
    ----------
    report : callable
        Takes the error of a tile that could not be made; it is not tried again.
    budget : int
        Bytes. What is on screen is kept beyond it.
    """

    arrived = Signal()

    def __init__(
        self, bridge: Bridge, report: Callable[[Exception], None], budget: int = _BUDGET, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._lane = Lane(bridge, _IN_FLIGHT, quick=True)
        self._report, self._budget = report, budget
        self._tiles: OrderedDict[TileKey, Tile] = OrderedDict()
        self._bytes = 0
        self._broken: set[TileKey] = set()
        self._shown: dict[Hashable, Sequence[TileKey]] = {}
        self._ahead: dict[Hashable, Sequence[TileKey]] = {}

    def tile(self, key: TileKey) -> Tile | None:
        """A tile that is ready; it must be held as long as its image is drawn."""
        tile = self._tiles.get(key)
        if tile is not None:
            self._tiles.move_to_end(key)
        return tile

    def want(self, view: Hashable, shown: Sequence[TileKey], ahead: Sequence[TileKey] = ()) -> None:
        """Say what a view shows and what it may show next, in place of what it said before."""
        if self._shown.get(view, ()) == shown and self._ahead.get(view, ()) == ahead:
            return
        self._shown[view], self._ahead[view] = shown, ahead
        self._have_made()

    def forget(self, pictures: Iterable[TiledPicture]) -> None:
        """Free the tiles of pictures that are not looked at any more."""
        gone = set(pictures)
        for key in [key for key in self._tiles if key.picture in gone]:
            self._bytes -= self._tiles.pop(key).pixels.nbytes
        self._broken = {key for key in self._broken if key.picture not in gone}
        for wanted in (self._shown, self._ahead):
            for view, keys in wanted.items():
                wanted[view] = [key for key in keys if key.picture not in gone]
        self._have_made()

    @property
    def bytes(self) -> int:
        """What the tiles take."""
        return self._bytes

    # -- inside -------------------------------------------------------------------------------------------------

    def _have_made(self) -> None:
        """What all views show comes before what any of them may show next."""
        keys = [key for wanted in (self._shown, self._ahead) for each in wanted.values() for key in each]
        missing = [key for key in dict.fromkeys(keys) if key not in self._tiles and key not in self._broken]
        self._lane.want(
            Errand(key, partial(_render, key), partial(self._keep, key), partial(self._lost, key)) for key in missing
        )

    def _keep(self, key: TileKey, tile: Tile) -> None:
        shown = {k for keys in self._shown.values() for k in keys}
        if key not in shown and not any(key in keys for keys in self._ahead.values()):
            return  # the view has gone on, and its picture may be gone
        self._tiles[key] = tile
        self._bytes += tile.pixels.nbytes
        if self._bytes > self._budget:
            for oldest in [k for k in self._tiles if k not in shown]:
                self._bytes -= self._tiles.pop(oldest).pixels.nbytes
                if self._bytes <= self._budget:
                    break
            else:
                # Only what is on screen is left: nothing may be made ahead, or it would be thrown away and made again.
                self._ahead.clear()
                self._have_made()
        if key in shown:
            self.arrived.emit()

    def _lost(self, key: TileKey, error: Exception) -> None:
        self._broken.add(key)
        self._report(error)


def _render(key: TileKey) -> Tile:
    return key.picture.render_box(key.level, key.picture.box(key.level, key.column, key.row))
