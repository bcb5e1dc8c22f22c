"""A mask cut into tiles, so that work and memory follow what changes and not the size of the photograph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil, floor
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.geometry import Box, Extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha

TILE = 256
"""Source pixels a side: 64 KiB stay in a core's second-level cache, and 48 megapixels are some 750 tiles."""

_LARGEST_BLOCK = 8  # tiles a side that are worked on at once


def slices(box: Box) -> tuple[slice, slice]:
    """Rows and columns of a box, to index an array with."""
    return slice(box.top, box.bottom), slice(box.left, box.right)


def extent_of(alpha: NDArray[np.generic]) -> Extent:
    """The size of an array whose first two axes are rows and columns."""
    return Extent(alpha.shape[1], alpha.shape[0])


def clipped(left: float, top: float, right: float, bottom: float, extent: Extent) -> Box | None:
    """The whole pixels that a rectangle touches, within a picture; None where it lies outside."""
    box = Box(max(0, floor(left)), max(0, floor(top)), min(extent.width, ceil(right)), min(extent.height, ceil(bottom)))
    return box if box.left < box.right and box.top < box.bottom else None


def widened(box: Box, by: int, extent: Extent) -> Box:
    """The box with a margin, within the picture."""
    return Box(
        max(0, box.left - by),
        max(0, box.top - by),
        min(extent.width, box.right + by),
        min(extent.height, box.bottom + by),
    )


def united(one: Box | None, other: Box | None) -> Box | None:
    """The smallest box around both; None stands for no pixel."""
    if one is None or other is None:
        return one or other
    return Box(
        min(one.left, other.left),
        min(one.top, other.top),
        max(one.right, other.right),
        max(one.bottom, other.bottom),
    )


def tile_box(row: int, column: int, extent: Extent) -> Box:
    """The pixels of one tile; those at the right and the lower border may be smaller."""
    left, top = column * TILE, row * TILE
    return Box(left, top, min(left + TILE, extent.width), min(top + TILE, extent.height))


def tiles_over(box: Box) -> Iterator[tuple[int, int]]:
    """``(row, column)`` of every tile that a box touches."""
    for row in range(box.top // TILE, (box.bottom - 1) // TILE + 1):
        for column in range(box.left // TILE, (box.right - 1) // TILE + 1):
            yield row, column


def changed_near_edges(alpha: Alpha, reach: int, change: Callable[[Box], Alpha], within: Box | None = None) -> Alpha:
    """Apply a local operation that leaves a constant neighbourhood as it is, only where the mask is not constant.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8.
    reach : int
        How far, in pixels, a result depends on its surroundings.
    change : callable
        ``change(box)`` returns the new pixels of a box; those within ``reach`` of its border are not used.
    within : Box, optional
        Only tiles that touch it are worked on.

    Returns
    -------
    ndarray
        ``(H, W)`` uint8, a new array.
    """
    extent = extent_of(alpha)
    result = alpha.copy()
    mixed = _not_constant(alpha, reach)
    side = min(_LARGEST_BLOCK, max(1, ceil(4 * reach / TILE)))  # so that margins are not most of the work
    area = within or Box.whole(extent)
    for top in range(area.top // TILE, (area.bottom - 1) // TILE + 1, side):
        for left in range(area.left // TILE, (area.right - 1) // TILE + 1, side):
            rows, columns = np.nonzero(mixed[top : top + side, left : left + side])
            if not rows.size:
                continue
            first = tile_box(top + int(rows.min()), left + int(columns.min()), extent)
            last = tile_box(top + int(rows.max()), left + int(columns.max()), extent)
            block = Box(first.left, first.top, last.right, last.bottom)
            around = widened(block, reach, extent)
            new = change(around)
            y, x = block.top - around.top, block.left - around.left
            size = block.extent
            result[slices(block)] = new[y : y + size.height, x : x + size.width]
    return result


def _not_constant(alpha: Alpha, reach: int) -> NDArray[np.bool_]:
    """``(rows, columns)`` of tiles: whether the mask has two values within ``reach`` of the tile."""
    extent = extent_of(alpha)
    shape = (ceil(extent.height / TILE), ceil(extent.width / TILE))
    lowest, highest = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
    for row, column in tiles_over(Box.whole(extent)):
        pixels = alpha[slices(tile_box(row, column, extent))]
        lowest[row, column], highest[row, column] = pixels.min(), pixels.max()
    near = ceil(reach / TILE)
    window = np.ones((2 * near + 1, 2 * near + 1), np.uint8)
    # The border repeats the outermost tiles, which adds no value.
    low = np.asarray(cv2.erode(lowest, window, borderType=cv2.BORDER_REPLICATE))
    high = np.asarray(cv2.dilate(highest, window, borderType=cv2.BORDER_REPLICATE))
    return low != high
