"""Pictures of tens of megapixels: decoded once, and brought to the screen's colours tile by tile where they are seen.

The decoded samples stay as the file has them, 8 or 16 bit in its own profile, with halved copies for smaller
magnifications. A tile is cut from them, converted on a pool thread and handed over as a finished `QImage`; the GUI
thread draws and converts nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

from engine.domain.geometry import Box, Extent
from gui.pictures.display import Display
from gui.pictures.pixels import Pyramid, as_bgra, halved, ready, tint_table, wrapped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.domain.picture import Picture, Pixels

TILE = 512
"""Pixels along a tile's sides: 10 ms to convert, of which 2 ms are the transform's own set-up."""

_COARSE = 1024  # pixels on the long side of what stands in for tiles that are not there yet
_SMALLEST_LEVEL = 256

Render = Callable[["Pixels"], "NDArray[np.uint8]"]
"""From samples to ``(h, w, 4)`` uint8: B G R and opacity, premultiplied, in the screen's colours."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """One resolution of a decoded picture.

    Attributes
    ----------
    pixels : ndarray
        ``(h, w, 3)`` uint8 or uint16 in the file's own colours, or ``(h, w)`` uint8 of a mask.
    scale : float
        Its pixels per source pixel.
    """

    pixels: Pixels
    scale: float

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        return self.pixels.shape[0]


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A piece of a picture, ready to be drawn.

    Attributes
    ----------
    image : QImage
        Wrapped around ``pixels``, which must outlive it.
    """

    image: QImage
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class TiledPicture:
    """A decoded picture with the way from its samples to one screen.

    Attributes
    ----------
    extent : Extent
        In source pixels.
    levels : tuple of Samples
        The first has every source pixel; each further one half of the one before.
    render : Callable
        From samples to a tile's pixels; the same for a part as for the whole.
    coarse : Pyramid
        The whole picture, small and ready: drawn where tiles are not there yet.
    is_opaque : bool
        Whether nothing below shows through.
    """

    extent: Extent
    levels: tuple[Samples, ...]
    render: Render
    coarse: Pyramid
    is_opaque: bool

    def level_for(self, scale: float) -> int:
        """The number of the smallest level that need not be magnified at ``scale`` device pixels per source pixel."""
        return max((n for n, level in enumerate(self.levels) if level.scale >= scale), default=0)

    def is_sharp_at(self, scale: float) -> bool:
        """True: it has every pixel that there is."""
        return True

    def box(self, level: int, column: int, row: int) -> Box:
        """A tile's place in its level, in the level's pixels."""
        samples = self.levels[level]
        left, top = column * TILE, row * TILE
        return Box(left, top, min(left + TILE, samples.width), min(top + TILE, samples.height))

    def render_box(self, level: int, box: Box) -> Tile:
        """Convert a part of a level. Pool threads only."""
        drawn = self.render(self.levels[level].pixels[box.top : box.bottom, box.left : box.right])
        return Tile(wrapped(drawn, is_opaque=self.is_opaque), drawn)


Layer = Pyramid | TiledPicture
"""What a view can draw."""


def read_full(path: Path, display: Display = Display()) -> TiledPicture:
    """Decode a photograph or a matched picture at full size, to be shown on a screen. Pool threads only."""
    from engine.imaging.raster.decode import read_picture

    return tile_picture(read_picture(path), display)


def tile_picture(picture: Picture, display: Display) -> TiledPicture:
    """Prepare a decoded photograph to be shown on a screen. Pool threads only."""
    return with_display(picture.extent, halve_down(picture.pixels), picture.icc, display)


def with_display(extent: Extent, levels: tuple[Samples, ...], icc: bytes | None, display: Display) -> TiledPicture:
    """The way from samples to a screen; nothing is decoded again. Pool threads only."""
    from engine.imaging.raster.display import to_display8

    def to_rgb(samples: Pixels) -> NDArray[np.uint8]:
        return to_display8(samples, icc, display.profile, soft_proof=display.soft_proof)

    def render(samples: Pixels) -> NDArray[np.uint8]:
        return as_bgra(to_rgb(samples))

    small = _coarse_level(levels)
    return TiledPicture(extent, levels, render, ready(to_rgb(small.pixels), extent), is_opaque=True)


def tile_plane(plane: NDArray[np.uint8], table: NDArray[np.uint8], *, is_opaque: bool) -> TiledPicture:
    """Prepare a mask or another plane to be shown through a table of colours. Pool threads only.

    Parameters
    ----------
    plane : ndarray
        ``(H, W)`` uint8.
    table : ndarray
        ``(256, 4)`` uint8: B, G, R and opacity, premultiplied, of every value.
    """

    def render(values: Pixels) -> NDArray[np.uint8]:
        return as_bgra(values.astype("u1", copy=False), table)

    levels = halve_down(plane)
    extent = Extent(levels[0].width, levels[0].height)
    small = _coarse_level(levels).pixels.astype("u1", copy=False)
    return TiledPicture(extent, levels, render, ready(small, extent, table), is_opaque)


def read_mask_full(data: bytes) -> TiledPicture:
    """Decode a stored mask, 255 = inside, to be laid over its picture as a tint. Pool threads only."""
    from engine.imaging.raster.encode import decode_mask

    return tile_plane(decode_mask(data), tint_table(), is_opaque=False)


def halve_down(pixels: Pixels) -> tuple[Samples, ...]:
    """A picture and its halves down to a thumbnail. Pool threads only."""
    levels = [Samples(pixels, 1.0)]
    width = pixels.shape[1]
    while max(levels[-1].pixels.shape[:2]) > _SMALLEST_LEVEL and min(levels[-1].pixels.shape[:2]) >= 2:
        half = halved(levels[-1].pixels)
        levels.append(Samples(half, half.shape[1] / width))
    return tuple(levels)


def _coarse_level(levels: tuple[Samples, ...]) -> Samples:
    return next((level for level in levels if max(level.width, level.height) <= _COARSE), levels[-1])


def tiles_over(box: Box) -> list[tuple[int, int]]:
    """Columns and rows of the tiles that a box of a level touches, from its middle outward."""
    columns = range(box.left // TILE, math.ceil(box.right / TILE))
    rows = range(box.top // TILE, math.ceil(box.bottom / TILE))
    x, y = (box.left + box.right) / 2 / TILE - 0.5, (box.top + box.bottom) / 2 / TILE - 0.5
    return sorted(((c, r) for r in rows for c in columns), key=lambda at: (at[0] - x) ** 2 + (at[1] - y) ** 2)
