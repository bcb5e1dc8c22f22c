"""Closed polylines to few cubic Bezier curves within a tolerance.

Least-squares fitting with split and re-parametrisation after Schneider, "An Algorithm for Automatically Fitting
Digitized Curves" (Graphics Gems, 1990), with three changes: all curves of all outlines are fitted at once in NumPy; at
a corner the handle is free in direction as well as in length; and knots that turn out to be unnecessary are taken out
again, which halves their number, because the point of largest error is seldom the best place to split.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.imaging.outline.polyline import directions, free_reach, sharp_turns, smoothed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

_ROUNDS = 4
"""Re-parametrisations of one fit; the error falls by less than a tenth in the fifth."""

_HOPELESS = 5.0
"""Errors above this many tolerances are split at once: re-parametrisation gains a factor of two or three."""

_STAIRS = 3.0
"""Pixels to both sides over which positions are averaged, where the tolerance is not below half a pixel: takes most of
the stairs out of a hard mask's outline and moves that of a circle of radius r by 3^2 / 6 r, a tenth of a pixel at 15.
"""

_PRIOR = 1e-4
"""Weight of the usual handle, a third of the curve, for each point: decides only where the points leave a choice."""


@dataclass(frozen=True, slots=True, eq=False)
class _Rings:
    """All outlines in one array, each unrolled with its first point repeated at its end.

    Attributes
    ----------
    points : ndarray
        ``(N, 2)`` pixels.
    arc : ndarray
        ``(N,)`` length from the start of the outline in pixels.
    tangents : ndarray
        ``(N, 2)`` unit vectors; zero at corners.
    """

    points: Floats
    arc: Floats
    tangents: Floats


def fit_closed(outlines: Sequence[Floats], tolerance: float) -> list[Floats]:
    """Fit smooth curves between the corners of closed polylines.

    Parameters
    ----------
    outlines : sequence of ndarray
        Each ``(n, 2)`` float64 in pixels, at least 3 points of which no two in a row are alike, not more than about a
        pixel apart, the first point not repeated.
    tolerance : float
        Largest distance of a point from its curve, in pixels.

    Returns
    -------
    list of ndarray
        Of every outline ``(k, 3, 2)`` float64: incoming control point, anchor and outgoing control point of every knot.
    """
    unrolled = [_unroll(outline, tolerance) for outline in outlines]
    offsets = np.cumsum([0, *(len(part.points) for part, _ in unrolled)])
    rings = _Rings(
        np.concatenate([part.points for part, _ in unrolled]),
        np.concatenate([part.arc for part, _ in unrolled]),
        np.concatenate([part.tangents for part, _ in unrolled]),
    )
    breaks = [knots + offset for (_, knots), offset in zip(unrolled, offsets[:-1], strict=True)]
    first, last = np.concatenate([b[:-1] for b in breaks]), np.concatenate([b[1:] for b in breaks])
    first, last, handles = _split(rings, first, last, tolerance)
    first, last, handles = _merge(rings, first, last, handles, tolerance)
    return _knots(rings, first, handles, offsets)


def _knots(rings: _Rings, first: Indices, handles: Floats, offsets: Indices) -> list[Floats]:
    bounds = np.searchsorted(first, offsets)
    fitted: list[Floats] = []
    for start, stop in pairwise(bounds):
        outgoing, incoming = handles[start:stop, 0], np.roll(handles[start:stop, 1], 1, axis=0)
        fitted.append(np.stack([incoming, rings.points[first[start:stop]], outgoing], axis=1))
    return fitted


def _unroll(outline: Floats, tolerance: float) -> tuple[_Rings, Indices]:
    """Start the outline at a knot that stays, and find its corners and tangents."""
    window = max(6.0, 4 * tolerance)
    length = np.hypot(*(np.roll(outline, -1, axis=0) - outline).T)
    is_corner = sharp_turns(outline, length, min(window, length.sum() / 8))
    corners = np.flatnonzero(is_corner)
    # Without two corners, the outermost points: there a type designer puts knots as well.
    extremes = np.concatenate([outline.argmin(axis=0), outline.argmax(axis=0)])
    knots = corners if len(corners) > 1 else np.unique(np.concatenate([corners, extremes]))
    start = int(knots[0])
    points = np.roll(outline, -start, axis=0)
    points = np.concatenate([points, points[:1]])
    arc = np.concatenate([[0.0], np.cumsum(np.roll(length, -start))])
    is_corner = np.roll(is_corner, -start)
    is_corner = np.append(is_corner, is_corner[0])
    reach = free_reach(arc, np.flatnonzero(is_corner))
    tangents = directions(points, arc, np.minimum(reach, max(3.0, 2 * tolerance + 2)))
    tangents[is_corner] = 0
    smoothing = max(2 * tolerance, min(6 * tolerance, _STAIRS))
    points = smoothed(points, arc, np.minimum(reach, smoothing))
    return _Rings(points, arc, tangents), np.append(knots - start, len(outline))


def _split(rings: _Rings, first: Indices, last: Indices, tolerance: float) -> tuple[Indices, Indices, Floats]:
    """Fit; split what does not fit where it fits worst; until everything fits."""
    done: list[tuple[Indices, Indices, Floats]] = []
    while first.size:
        handles, error, worst = _fit(rings, first, last, tolerance)
        fits = (error <= tolerance) | (last - first < 2)
        done.append((first[fits], last[fits], handles[fits]))
        first, last, worst = first[~fits], last[~fits], worst[~fits]
        worst = np.clip(worst, first + 1, last - 1)
        first, last = np.concatenate([first, worst]), np.concatenate([worst, last])
    firsts, lasts, handles = (np.concatenate(parts) for parts in zip(*done, strict=True))
    order = np.argsort(firsts)
    return firsts[order], lasts[order], handles[order]


def _merge(
    rings: _Rings, first: Indices, last: Indices, handles: Floats, tolerance: float
) -> tuple[Indices, Indices, Floats]:
    """Take out smooth knots without which the tolerance is kept as well, every other one at a time."""
    parity, idle = 0, 0
    while idle < 2:
        is_smooth = (last[:-1] == first[1:]) & rings.tangents[last[:-1]].any(axis=1)
        candidates = np.flatnonzero(is_smooth & (np.arange(len(first) - 1) % 2 == parity))
        merged, error, _ = _fit(rings, first[candidates], last[candidates + 1], tolerance)
        keeps = error <= tolerance
        chosen = candidates[keeps]
        handles[chosen] = merged[keeps]
        last[chosen] = last[chosen + 1]
        first, last = np.delete(first, chosen + 1), np.delete(last, chosen + 1)
        handles = np.delete(handles, chosen + 1, axis=0)
        idle = 0 if chosen.size else idle + 1
        parity = 1 - parity
    return first, last, handles


def _fit(rings: _Rings, first: Indices, last: Indices, tolerance: float) -> tuple[Floats, Floats, Indices]:
    """Fit one curve to each stretch of points.

    Parameters
    ----------
    first, last : ndarray
        ``(K,)`` the stretches' end points, which are kept.

    Returns
    -------
    tuple of ndarray
        The two inner control points ``(K, 2, 2)``, the largest distance of a point ``(K,)``, and its index ``(K,)``.
    """
    handles = np.empty((len(first), 2, 2))
    error = np.full(len(first), np.inf)
    worst = first.copy()
    open_ = np.arange(len(first))
    u = np.empty(0)
    for round_ in range(_ROUNDS):
        if not open_.size:
            break
        stretch = _Stretches(rings, first[open_], last[open_])
        if round_ == 0:
            u = stretch.chord_shares()
        controls = stretch.solve(u)
        u, distance = stretch.project(controls, u)
        largest, at = stretch.largest(distance)
        better = largest < error[open_]
        handles[open_[better]] = controls[better, 1:3]
        error[open_[better]], worst[open_[better]] = largest[better], at[better]
        again = (largest > tolerance) & (largest < _HOPELESS * tolerance)
        u = u[np.repeat(again, stretch.counts)]
        open_ = open_[again]
    return handles, error, worst


class _Stretches:
    """Stretches of points of unequal lengths, laid end to end, for sums over each without a loop."""

    def __init__(self, rings: _Rings, first: Indices, last: Indices) -> None:
        self._rings, self._first, self._last = rings, first, last
        self.counts = last - first + 1
        self._starts = np.cumsum(self.counts) - self.counts
        self._index = np.arange(self.counts.sum()) - self._spread(self._starts - first)
        self._points = rings.points[self._index]

    def _spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """Each stretch's value for every point of it."""
        return np.repeat(values, self.counts, axis=0)

    def chord_shares(self) -> Floats:
        """Every point's share of the stretch's length, 0 at its first and 1 at its last point."""
        arc = self._rings.arc
        begin, end = arc[self._first], arc[self._last]
        return (arc[self._index] - self._spread(begin)) / self._spread(end - begin)

    def _sum(self, values: Floats) -> Floats:
        return np.add.reduceat(values, self._starts, axis=0)

    def solve(self, u: Floats) -> Floats:
        """Control points ``(K, 4, 2)`` of the least squares; a handle keeps its end's tangent, where there is one."""
        rings, count = self._rings, len(self._first)
        begin, end = rings.points[self._first], rings.points[self._last]
        length = (rings.arc[self._last] - rings.arc[self._first])[:, None]
        v = 1 - u
        b1, b2 = 3 * u * v * v, 3 * u * u * v
        leave, enter = rings.tangents[self._first], -rings.tangents[self._last]
        third = (end - begin) / 3
        free1, free2 = np.abs(leave).sum(axis=1) == 0, np.abs(enter).sum(axis=1) == 0
        usual1 = np.where(free1[:, None], third, leave * length / 3)
        usual2 = np.where(free2[:, None], -third, enter * length / 3)
        near, far = begin + usual1, end + usual2
        curve = (
            (v * v * v)[:, None] * self._spread(begin)
            + b1[:, None] * self._spread(near)
            + b2[:, None] * self._spread(far)
            + (u * u * u)[:, None] * self._spread(end)
        )
        rest = self._points - curve
        a11, a12, a22 = self._sum(b1 * b1), self._sum(b1 * b2), self._sum(b2 * b2)
        r1, r2 = self._sum(b1[:, None] * rest), self._sum(b2[:, None] * rest)
        basis1, basis2 = _basis(leave, free1), _basis(enter, free2)
        matrix = np.zeros((count, 4, 4))
        matrix[:, :2, :2] = a11[:, None, None] * (basis1.transpose(0, 2, 1) @ basis1)
        matrix[:, 2:, 2:] = a22[:, None, None] * (basis2.transpose(0, 2, 1) @ basis2)
        matrix[:, :2, 2:] = a12[:, None, None] * (basis1.transpose(0, 2, 1) @ basis2)
        matrix[:, 2:, :2] = matrix[:, :2, 2:].transpose(0, 2, 1)
        matrix[:, range(4), range(4)] += (_PRIOR * (self._last - self._first + 1))[:, None]
        target = np.concatenate(
            [basis1.transpose(0, 2, 1) @ r1[..., None], basis2.transpose(0, 2, 1) @ r2[..., None]], axis=1
        )
        change = np.linalg.solve(matrix, target)
        handle1 = usual1 + (basis1 @ change[:, :2])[..., 0]
        handle2 = usual2 + (basis2 @ change[:, 2:])[..., 0]
        handle1 = _sound(handle1, usual1, leave, length)
        handle2 = _sound(handle2, usual2, enter, length)
        return np.stack([begin, begin + handle1, end + handle2, end], axis=1)

    def project(self, controls: Floats, u: Floats) -> tuple[Floats, Floats]:
        """Move every point's parameter towards the nearest point of its curve (one Newton step), and the distances."""
        c0, c1, c2, c3 = controls.transpose(1, 0, 2)
        k1, k2, k3 = 3 * (c1 - c0), 3 * (c0 - 2 * c1 + c2), c3 - c0 + 3 * (c1 - c2)  # the power basis
        c0, k1, k2, k3 = self._spread(c0), self._spread(k1), self._spread(k2), self._spread(k3)
        t = u[:, None]
        offset = c0 + t * (k1 + t * (k2 + t * k3)) - self._points
        slope = k1 + t * (2 * k2 + 3 * t * k3)
        bend = 2 * k2 + 6 * t * k3
        numerator = (offset * slope).sum(axis=1)
        denominator = (slope * slope).sum(axis=1) + (offset * bend).sum(axis=1)
        step = np.divide(numerator, denominator, out=np.zeros_like(u), where=denominator > 1e-12)
        t = np.clip(u - step, 0, 1)[:, None]
        moved = c0 + t * (k1 + t * (k2 + t * k3)) - self._points
        before, after = (offset * offset).sum(axis=1), (moved * moved).sum(axis=1)
        closer = after < before
        return np.where(closer, t[:, 0], u), np.sqrt(np.where(closer, after, before))

    def largest(self, distance: Floats) -> tuple[Floats, Indices]:
        """The largest distance of each stretch and the index of its point."""
        largest = np.maximum.reduceat(distance, self._starts)
        hits = np.flatnonzero(distance == self._spread(largest))
        first_hits = hits[np.searchsorted(hits, self._starts)]
        return largest, self._index[first_hits]


def _basis(tangent: Floats, is_free: NDArray[np.bool_]) -> Floats:
    """``(K, 2, 2)``, in columns the directions in which a handle may move: its tangent, or both axes."""
    basis = np.zeros((len(tangent), 2, 2))
    basis[:, :, 0] = tangent
    basis[is_free] = np.eye(2)
    return basis


def _sound(handle: Floats, usual: Floats, tangent: Floats, length: Floats) -> Floats:
    """The handle, or the usual one where it points backwards or is longer than the stretch."""
    along = (handle * tangent).sum(axis=1, keepdims=True)
    is_sound = (np.hypot(*handle.T)[:, None] <= length) & ((along > 0) | ~tangent.any(axis=1, keepdims=True))
    return np.where(is_sound, handle, usual)
