"""Curves, anti-aliased coverage and tubes: the geometry every drawn picture is made of (source pixels, y downwards)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.domain.geometry import Extent

Field = NDArray[Any]
"""float32 throughout; typed loosely because cv2's stubs promise less than cv2 does."""

Points = NDArray[np.float64]

SUPERSAMPLE = 4
"""Outlines are filled at four times the size and averaged down: 17 levels of exact coverage."""

_SUBPIXEL_BITS = 4  # cv2 takes vertices as fixed-point integers with this many fractional bits


def generator(seed: int, stream: int) -> np.random.Generator:
    """One of the independent random streams of a seed, so that a change to the hair leaves the pose alone."""
    return np.random.Generator(np.random.PCG64([seed, stream]))


def spline(points: ArrayLike, per_segment: int = 8, *, closed: bool = False) -> Points:
    """Sample the uniform Catmull-Rom curve through ``points``, an ``(N, 2)`` sequence."""
    p = np.asarray(points, np.float64)
    if len(p) < 3 and not closed:
        return p
    padded = np.vstack([p[-1:], p, p[:2]]) if closed else np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = (np.arange(per_segment) / per_segment)[None, :, None]
    a, b, c, d = (padded[i : len(padded) - 3 + i, None, :] for i in range(4))
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    curve = curve.reshape(-1, 2)
    return curve if closed else np.vstack([curve, p[-1:]])


def cornered(*runs: ArrayLike) -> Points:
    """A closed outline of smooth runs that meet in corners: each run ends where the next one begins."""
    return np.vstack([spline(run) for run in runs])


def mirrored(right: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The left half of a symmetric outline, in the opposite order of the right half."""
    return [(-x, y) for x, y in reversed(right)]


def ellipse(centre: ArrayLike, half_width: float, half_height: float, angle: float = 0.0) -> Points:
    """Outline of an ellipse; ``angle`` in radians, clockwise on the screen."""
    x, y = (float(v) for v in np.asarray(centre, np.float64))
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    u, v = half_width * np.cos(t), half_height * np.sin(t)
    return np.stack([x + u * np.cos(angle) - v * np.sin(angle), y + u * np.sin(angle) + v * np.cos(angle)], 1)


def ribbon(centre: ArrayLike, half_width: ArrayLike) -> Points:
    """Outline of a line of varying width around ``centre``."""
    c = np.asarray(centre, np.float64)
    w = np.broadcast_to(np.asarray(half_width, np.float64), (len(c),))[:, None]
    normal = _normals(c)
    return np.vstack([c + normal * w, (c - normal * w)[::-1]])


def spindle(centre: ArrayLike, half_width: float) -> Points:
    """Outline of a line that tapers towards both ends."""
    c = np.asarray(centre, np.float64)
    return ribbon(c, half_width * np.sqrt(np.sin(np.linspace(0.02, np.pi - 0.02, len(c)))))


def _normals(curve: Points) -> Points:
    tangent = np.gradient(curve, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    return np.stack([-tangent[:, 1], tangent[:, 0]], 1)


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """Coverage of a shape within its own bounding box.

    Attributes
    ----------
    left, top : int
        Upper left corner on the picture, in source pixels.
    alpha : ndarray
        ``(h, w)`` float32, 0 to 1.
    """

    left: int
    top: int
    alpha: Field

    @property
    def window(self) -> tuple[slice, slice]:
        height, width = self.alpha.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def grid(self, step: int = 1) -> tuple[Field, Field]:
        """X of the columns ``(1, w')`` and y of the rows ``(h', 1)`` of every ``step``-th block's centre."""
        height, width = (-(-n // step) for n in self.alpha.shape)
        x = self.left + (np.arange(width, dtype=np.float32) + 0.5) * step
        y = self.top + (np.arange(height, dtype=np.float32) + 0.5) * step
        return x[None, :], y[:, None]

    def masked(self, alpha: Field) -> Patch:
        """The same box with another coverage."""
        return Patch(self.left, self.top, alpha)


def cover(outlines: Iterable[Points], extent: Extent, margin: int = 1) -> Patch | None:
    """Anti-aliased union of closed outlines with an empty margin around it; None where it misses the picture."""
    polygons = [np.asarray(outline, np.float64) for outline in outlines]
    if not polygons:
        return None
    low = np.floor(reduce(np.minimum, [p.min(0) for p in polygons])).astype(int) - margin
    high = np.ceil(reduce(np.maximum, [p.max(0) for p in polygons])).astype(int) + margin
    left, top = max(0, int(low[0])), max(0, int(low[1]))
    right, bottom = min(extent.width, int(high[0])), min(extent.height, int(high[1]))
    if right <= left or bottom <= top:
        return None
    filled = np.zeros(((bottom - top) * SUPERSAMPLE, (right - left) * SUPERSAMPLE), np.uint8)
    for polygon in polygons:  # one by one: together they would be filled even-odd, and overlaps would be holes
        scaled = ((polygon - (left, top)) * SUPERSAMPLE - 0.5) * (1 << _SUBPIXEL_BITS)
        cv2.fillPoly(filled, [np.round(scaled).astype(np.int32)], 255, cv2.LINE_8, _SUBPIXEL_BITS)
    alpha = cv2.resize(filled, (right - left, bottom - top), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return Patch(left, top, alpha) if alpha.any() else None


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """The surface a shape is painted on, per pixel of a patch; every array ``(h, w)`` float32.

    Attributes
    ----------
    u : ndarray
        Across the tube: -1 at one edge, 1 at the other.
    t : ndarray
        Along the tube: 0 at its start, 1 at its end.
    across, along : ndarray
        The same as lengths on the cloth, in source pixels.
    nx, ny : ndarray
        Components of the surface normal in the picture plane; the third points to the camera.
    """

    u: Field
    t: Field
    across: Field
    along: Field
    nx: Field
    ny: Field

    def mixed(self, other: Form, weight: Field) -> Form:
        """``other`` where ``weight`` is 1, this form where it is 0; the cloth coordinates stay this form's."""
        return Form(
            self.u,
            self.t,
            self.across,
            self.along,
            self.nx + (other.nx - self.nx) * weight,
            self.ny + (other.ny - self.ny) * weight,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Tube:
    """A swept volume: a limb, a sleeve, a torso.

    Attributes
    ----------
    centre : ndarray
        ``(N, 2)`` points from start to end, source pixels.
    half_width : ndarray
        ``(N,)`` source pixels.
    flatness : float
        1 for a round limb; larger for a flattened volume whose normals turn only near its edges.
    bulge : float
        How far the normals turn at the edge; 1 is a right angle.
    """

    centre: Points
    half_width: NDArray[np.float64]
    flatness: float = 1.0
    bulge: float = 0.93

    @classmethod
    def through(
        cls, points: ArrayLike, half_widths: Sequence[float], *, flatness: float = 1.0, bulge: float = 0.93
    ) -> Tube:
        """A tube through a few points with a half width at each."""
        p = np.asarray(points, np.float64)
        curve = spline(p, 6)
        knots = np.linspace(0, 1, len(half_widths))
        profile = spline(np.column_stack([knots, half_widths]), 6)
        widths = np.interp(np.linspace(0, 1, len(curve)), profile[:, 0], profile[:, 1])
        return cls(curve, widths, flatness, bulge)

    def outline(self) -> Points:
        return ribbon(self.centre, self.half_width)

    def cap(self) -> Points:
        """The round start."""
        return ellipse(self.centre[0], self.half_width[0], self.half_width[0])

    def form(self, patch: Patch) -> Form:
        """Project every pixel onto the nearest point of the centre line."""
        height, width = patch.alpha.shape
        step = 4 if min(height, width) >= 48 else 2 if min(height, width) >= 16 else 1
        x, y = patch.grid(step)
        shape = (y.shape[0], x.shape[1])
        best = np.full(shape, np.inf, np.float32)
        fields = [np.zeros(shape, np.float32) for _ in range(6)]
        start, vector = self.centre[:-1], np.diff(self.centre, axis=0)
        length = np.maximum(np.linalg.norm(vector, axis=1), 1e-6)
        travelled = np.concatenate([[0.0], np.cumsum(length)])
        last = len(length) - 1
        for i in range(len(length)):
            tx, ty = (float(c) for c in vector[i] / length[i])
            dx, dy = x - float(start[i, 0]), y - float(start[i, 1])
            s = (dx * tx + dy * ty) / float(length[i])
            # The first and the last piece go on beyond their ends, so that round caps and hems get coordinates too.
            clipped = np.clip(s, -np.inf if i == 0 else 0, np.inf if i == last else 1)
            inside = np.clip(s, 0, 1)
            along = inside * float(length[i])
            distance = np.square(dx - along * tx) + np.square(dy - along * ty)
            signed = ty * dx - tx * dy
            half = float(self.half_width[i]) + (float(self.half_width[i + 1]) - float(self.half_width[i])) * inside
            nearer = distance < best
            best = np.where(nearer, distance, best)
            values = (signed / np.maximum(half, 0.5), clipped * float(length[i]) + float(travelled[i]), half, ty, -tx)
            for field, value in zip(fields, values, strict=False):
                np.copyto(field, value, where=nearer)
        u, along, half, px, py = fields[:5]
        u = np.clip(u, -1.05, 1.05)
        turned = np.sign(u) * np.abs(u) ** np.float32(self.flatness) * np.float32(self.bulge)
        # A pattern is foreshortened where the surface turns away: the cloth runs along the arc, not along the chord.
        chord = np.clip(u, -1, 1) if self.bulge < 0.5 else np.arcsin(np.clip(u, -0.999, 0.999)) * np.float32(0.8)
        arrays = (u, along / np.float32(travelled[-1]), chord * half, along, turned * px, turned * py)
        if step == 1:
            return Form(*arrays)
        size = (shape[1] * step, shape[0] * step)
        return Form(*(cv2.resize(a, size, interpolation=cv2.INTER_LINEAR)[:height, :width] for a in arrays))


def nearest_form(tubes: Sequence[Tube], patch: Patch) -> Form:
    """The form of whichever tube's centre is nearer, relative to its width: two legs in one garment."""
    forms = [tube.form(patch) for tube in tubes]
    first = forms[0]
    for other in forms[1:]:
        take = np.abs(other.u) < np.abs(first.u)
        first = Form(
            np.where(take, other.u, first.u),
            np.where(take, other.t, first.t),
            np.where(take, other.across, first.across),
            np.where(take, other.along, first.along),
            np.where(take, other.nx, first.nx),
            np.where(take, other.ny, first.ny),
        )
    return first


def smoothstep(low: float, high: float, value: Field) -> Field:
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return t * t * (3 - 2 * t)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], scale_x: float, scale_y: float) -> Field:
    """Band-limited noise of about unit variance; the scales are the sizes of its blobs in pixels."""
    height, width = shape
    rows, columns = (max(3, int(np.ceil(n / max(s, 1.0))) + 2) for n, s in ((height, scale_y), (width, scale_x)))
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
