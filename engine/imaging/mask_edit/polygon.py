"""A polygon as exact area coverage: the share of every pixel that it covers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.domain.geometry import Box, Extent
from engine.imaging.mask_edit.tiles import clipped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha

    Points = NDArray[np.float64]

_ROWS = 256  # worked on at a time, so that a lasso around everything needs no float copy of 48 megapixels


def polygon_coverage(points: Sequence[tuple[float, float]], extent: Extent) -> tuple[Box, Alpha] | None:
    """Coverage of a closed polygon, by signed areas accumulated along each row.

    Every edge is cut at the pixel grid; each piece adds its height to the pixel it lies in and to all pixels right of
    it, the pixel itself in proportion to the area right of the piece. A running sum along the row then is the winding
    number, weighted by area (the method of Levien's font-rs, 2016). Where the polygon overlaps itself it is inside.

    Parameters
    ----------
    points : sequence of (x, y)
        Corners in source pixels; pixel centres are at half integers. The last one is joined to the first.
    extent : Extent
        The picture's; what lies outside is cut off.

    Returns
    -------
    (Box, ndarray) or None
        The box and ``(h, w)`` uint8 within it, 255 = inside; None where the polygon covers no pixel.
    """
    corners = np.asarray(points, np.float64).reshape(-1, 2)
    if len(corners) < 3:
        return None
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    box = clipped(left, top, right, bottom, extent)
    if box is None:
        return None
    size = box.extent
    x0, y0, x1, y1 = _cut(corners - (box.left, box.top), size)
    row, column = np.floor((y0 + y1) / 2).astype(np.int64), np.floor((x0 + x1) / 2).astype(np.int64)
    height = y1 - y0
    beside = height * (column + 1 - (x0 + x1) / 2)  # the area right of the piece within its own pixel
    order = np.argsort(row, kind="stable")
    row, column, height, beside = row[order], column[order], height[order], beside[order]
    coverage = np.zeros((size.height, size.width), np.uint8)
    stride = size.width + 2
    for first in range(0, size.height, _ROWS):
        last = min(first + _ROWS, size.height)
        some = slice(*np.searchsorted(row, (first, last)))
        if some.start == some.stop:
            continue
        place = (row[some] - first) * stride + column[some]
        cells = (last - first) * stride
        steps = np.bincount(place, beside[some], cells) + np.bincount(place + 1, (height - beside)[some], cells)
        winding = np.abs(np.cumsum(steps.reshape(-1, stride), axis=1)[:, : size.width])
        coverage[first:last] = np.round(np.minimum(winding, 1) * 255)
    return (box, coverage) if coverage.any() else None


def _cut(corners: Points, size: Extent) -> tuple[Points, Points, Points, Points]:
    """The polygon's edges, cut at whole rows and columns, with what lies left or right of the box moved to its side."""
    x0, y0 = corners.T
    x1, y1 = np.roll(corners, -1, axis=0).T
    x0, y0, x1, y1 = _split(x0, y0, x1, y1, by_row=True)
    inside = (np.minimum(y0, y1) >= 0) & (np.maximum(y0, y1) <= size.height) & (y0 != y1)
    x0, y0, x1, y1 = _split(x0[inside], y0[inside], x1[inside], y1[inside], by_row=False)
    # Left of the box an edge counts in full for every pixel of its row; right of it for none.
    return np.clip(x0, 0, size.width), y0, np.clip(x1, 0, size.width), y1


def _split(x0: Points, y0: Points, x1: Points, y1: Points, *, by_row: bool) -> tuple[Points, Points, Points, Points]:
    """Cut lines wherever they cross a whole row (or column)."""
    start, end = (y0, y1) if by_row else (x0, x1)
    low, high = np.minimum(start, end), np.maximum(start, end)
    first = np.floor(low) + 1
    crossings = np.maximum(0, np.ceil(high) - first).astype(np.int64)
    pieces = crossings + 1
    which = np.repeat(np.arange(len(start)), pieces)
    number = np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    span = np.where(high > low, high - low, 1.0)[which]

    def share(index: NDArray[np.int64]) -> Points:
        cut = (first[which] + index - 1 - low[which]) / span
        return np.where(index <= 0, 0.0, np.where(index >= pieces[which], 1.0, cut))

    # Pieces are numbered from the low end; seen along a falling line that is its end.
    rising = (end >= start)[which]
    near, far = share(number), share(number + 1)
    begin, stop = np.where(rising, near, 1 - far), np.where(rising, far, 1 - near)
    dx, dy = (x1 - x0)[which], (y1 - y0)[which]
    return x0[which] + dx * begin, y0[which] + dy * begin, x0[which] + dx * stop, y0[which] + dy * stop
