"""Corners, directions and smoothed positions of a closed polyline by its arc length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_CORNER_ANGLE = np.radians(40.0)
"""Turn between the mean directions before and behind a point from which it is a corner. A circle turns less than that
within the window unless its radius is about that of the window itself."""


def _means(points: Floats, arc: Floats, start: Floats, stop: Floats) -> Floats:
    """Mean positions ``(n, 2)`` along a closed polyline between two arc lengths, which may run past either end."""
    steps = np.diff(arc)[:, None]
    integral = np.concatenate([np.zeros((1, 2)), np.cumsum((points[1:] + points[:-1]) / 2 * steps, axis=0)])
    total = arc[-1]

    def upto(at: Floats) -> Floats:
        turns = np.floor(at / total)
        index = np.clip(np.searchsorted(arc, at - turns * total, side="right") - 1, 0, len(arc) - 2)
        past = (at - turns * total - arc[index])[:, None]
        slope = (points[index + 1] - points[index]) / steps[index]
        return turns[:, None] * integral[-1] + integral[index] + past * (points[index] + slope * past / 2)

    return (upto(stop) - upto(start)) / (stop - start)[:, None]


def sharp_turns(outline: Floats, length: Floats, window: float) -> NDArray[np.bool_]:
    """Where the outline turns sharply, one point for each corner."""
    points = np.concatenate([outline, outline[:1]])
    arc = np.concatenate([[0.0], np.cumsum(length)])
    here = arc[:-1]
    ahead = _means(points, arc, here, here + window) - outline
    behind = outline - _means(points, arc, here - window, here)
    cross = behind[:, 0] * ahead[:, 1] - behind[:, 1] * ahead[:, 0]
    angle = np.abs(np.arctan2(cross, (behind * ahead).sum(axis=1)))
    is_corner = np.zeros(len(outline), bool)
    remaining = np.flatnonzero(angle > _CORNER_ANGLE)
    remaining = remaining[np.argsort(-angle[remaining], kind="stable")]
    while remaining.size:
        is_corner[remaining[0]] = True
        distance = np.abs(here[remaining] - here[remaining[0]])
        remaining = remaining[np.minimum(distance, arc[-1] - distance) > window]
    return is_corner


def free_reach(arc: Floats, corners: NDArray[np.intp]) -> Floats:
    """How far one may look along the outline from each point to both sides without passing a corner."""
    reach = np.full(len(arc), arc[-1] / 8)
    if corners.size:
        at = arc[corners]
        to_next = np.append(at, np.inf)[np.searchsorted(at, arc)] - arc
        to_last = arc - np.insert(at, 0, -np.inf)[np.searchsorted(at, arc, side="right")]
        reach = np.minimum(reach, np.minimum(to_next, to_last))
    return reach


def directions(points: Floats, arc: Floats, reach: Floats) -> Floats:
    """Directions between the mean positions before and behind each point."""
    reach = np.maximum(reach, 1.0)
    direction = _means(points, arc, arc, arc + reach) - _means(points, arc, arc - reach, arc)
    norm = np.hypot(*direction.T)[:, None]
    return np.divide(direction, norm, out=np.zeros_like(direction), where=norm > 1e-9)


def smoothed(points: Floats, arc: Floats, reach: Floats) -> Floats:
    """Mean positions around each point, which take the stairs out of a hard mask's outline; corners stay."""
    enough = reach > 0.25
    reach = np.where(enough, reach, 1.0)
    return np.where(enough[:, None], _means(points, arc, arc - reach, arc + reach), points)
