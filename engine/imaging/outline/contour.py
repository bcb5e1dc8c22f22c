"""Sub-pixel contours of a soft mask at its half level, by marching squares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha

LEVEL = 127.5
"""No value of a mask is exactly half, so no contour runs through a sample."""

_RIGHT, _DOWN, _LEFT, _UP = range(4)

# Of a heading: the corners of the cell that lie ahead on the right and on the left hand, as (row, column).
_AHEAD_RIGHT = np.array([(1, 1), (1, 0), (0, 0), (0, 1)])
_AHEAD_LEFT = np.array([(0, 1), (1, 1), (1, 0), (0, 0)])
# Of a heading: the cell's edge through which it leaves, as (row, column, is vertical neighbour).
_EXIT = np.array([(0, 1, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0)])


def contours(alpha: Alpha) -> list[NDArray[np.float64]]:
    """Trace where the mask, taken as linear between the centres of its pixels, passes half (Lorensen and Cline 1987).

    Outside the picture the mask counts as empty: one that runs out of the picture is closed along the picture's edge.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8, 255 = inside.

    Returns
    -------
    list of ndarray
        Closed contours, each ``(n, 2)`` float64, ``(x, y)`` in pixels with the upper left corner of the picture at
        (0, 0), without a repeated last point. The inside is on the right hand, so that outer contours run clockwise on
        the screen and holes anticlockwise.
    """
    inside = alpha > LEVEL
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not rows.size:
        return []
    top, left = int(rows[0]), int(columns[0])
    # One row and column of the mask's own soft edge beyond its half level, where there is one, and an empty one around.
    values = np.pad(_with_rim(alpha, top, int(rows[-1]), left, int(columns[-1])), 1)
    top, left = top - min(top, 1), left - min(left, 1)
    x, y, following = _linked_crossings(values, values > LEVEL)
    points = np.column_stack([x + (left - 0.5), y + (top - 0.5)])
    return [points[ring] for ring in _rings(following)]


def _with_rim(alpha: Alpha, top: int, bottom: int, left: int, right: int) -> Alpha:
    return alpha[max(top - 1, 0) : bottom + 2, max(left - 1, 0) : right + 2]


def _linked_crossings(
    values: Alpha, inside: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Where the level crosses the lines between neighbouring samples, and which crossing follows which.

    Returns
    -------
    tuple of ndarray
        Of every crossing: x and y in samples, and the number of the next one along the contour.
    """
    width = values.shape[1]
    flat, inside_flat = values.reshape(-1), inside.reshape(-1)
    across = np.flatnonzero(inside_flat[:-1] != inside_flat[1:])  # rows end in empty columns: none from row to row
    down = np.flatnonzero(inside_flat[:-width] != inside_flat[width:])
    first = np.concatenate([across, down])
    is_vertical = np.repeat([0, 1], [len(across), len(down)])
    keys = 2 * first + is_vertical
    order = np.argsort(keys)
    keys, first, is_vertical = keys[order], first[order], is_vertical[order]

    low, high = flat[first].astype(np.float64), flat[first + np.where(is_vertical, width, 1)].astype(np.float64)
    share = (LEVEL - low) / (high - low)
    row, column = first // width, first % width
    x = column + np.where(is_vertical, 0.0, share)
    y = row + np.where(is_vertical, share, 0.0)

    # The inside on the right hand: with the left neighbour inside one walks down, with the lower one to the right.
    first_is_inside = low > LEVEL
    heading = np.where(is_vertical, np.where(first_is_inside, _LEFT, _RIGHT), np.where(first_is_inside, _DOWN, _UP))
    cell_row = row - (heading == _UP)
    cell_column = column - (heading == _LEFT)
    cell = cell_row * width + cell_column

    right_is_inside = inside_flat[cell + _AHEAD_RIGHT[heading] @ (width, 1)]
    left_is_inside = inside_flat[cell + _AHEAD_LEFT[heading] @ (width, 1)]
    corners = flat[cell[:, None] + np.array([0, 1, width, width + 1])]
    is_joined = (
        corners.sum(axis=1, dtype=np.int64) > 4 * LEVEL
    )  # two opposite corners inside: joined as the middle says
    turn = np.where(
        right_is_inside == left_is_inside,
        np.where(left_is_inside, -1, 1),
        np.where(right_is_inside, 0, np.where(is_joined, -1, 1)),
    )
    leaving = _EXIT[(heading + turn) % 4]
    following = 2 * (cell + leaving[:, :2] @ (width, 1)) + leaving[:, 2]
    return x, y, np.searchsorted(keys, following)


def _rings(following: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """The cycles of a permutation."""
    successor = following.tolist()
    is_open = bytearray(b"\1") * len(successor)
    rings: list[NDArray[np.intp]] = []
    start = is_open.find(1)
    while start >= 0:
        ring: list[int] = []
        at = start
        while is_open[at]:
            is_open[at] = 0
            ring.append(at)
            at = successor[at]
        rings.append(np.array(ring))
        start = is_open.find(1, start)
    return rings
