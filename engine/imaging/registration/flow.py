"""Dense registration: a smooth field that is held by texture and spreads where there is none.

Variational optical flow with local data terms (Bruhn, Weickert and Schnoerr, "Lucas/Kanade meets Horn/Schunck",
International Journal of Computer Vision 61(3), 2005) from coarse to fine, on nodes instead of pixels. What a window of
the picture says about its displacement is a 2 × 2 tensor: nothing on a plain wall, one direction along an edge, both at
a corner. Smoothness alone speaks elsewhere, and under the paint. Redrawn details count less the worse they fit (Huber).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.geometry import Extent
from engine.imaging.registration.field import DisplacementField, Field, Region, covered, hat_weights, moved, weighted

Floats = NDArray[np.floating[Any]]

_HIGH_PASS = 6.0
# Standard deviation, in pixels of each pyramid level, below which structure counts; chosen: slow changes of brightness
# are the model's colour drift, not displacement. Coarse levels see coarse structure all the same.

_NOISE = 2.0 / 255.0
# Standard deviation of 8-bit rounding and JPEG, chosen.

_CORRELATED = 16.0
# Pixels that share one error, chosen: what a model redraws, it redraws in strokes of a few pixels, so that a pixel
# brings a sixteenth of an independent observation.

_COARSEST = 40
# Shorter side of the coarsest pyramid level, in pixels: a shift by a tenth of the picture is four pixels there, within
# what the gradient of high-passed structure can lead along.

_STIFF = 1 / 16
# Of the longer side, chosen: over shorter ways a field goes on in its direction, over longer ones it levels off, so
# that it neither sags under the paint nor runs away on a plain wall.

_PIXELS_PER_NODE = 4
# At least, at every level: fewer cannot tell two directions.

_HUBER = 1.345  # 95 % efficiency on Gaussian errors


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One level of a pyramid: structure of both pictures, ``(h, w)`` float32, and where the painted one is free."""

    photo: Field
    painted: Field
    free: Field

    @property
    def extent(self) -> Extent:
        return Extent(self.photo.shape[1], self.photo.shape[0])


def pyramid(photo: Field, painted: Field, free: Region) -> tuple[Level, ...]:
    """Levels from coarse to fine, each half the size of the next.

    Parameters
    ----------
    photo, painted : ndarray
        ``(h, w)`` float32 grey values, encoded, 0 to 1, of one size and in one scale of brightness.
    free : ndarray
        ``(h, w)`` bool: where the painted picture shows no paint.
    """
    levels: list[Level] = []
    share = free.astype(np.float32)
    while True:
        # What the high-pass filter would mix with paint is left out of it.
        structure = _high_passed(photo, np.ones_like(share)), _high_passed(painted, share)
        levels.append(Level(*structure, (share > 0.99).astype(np.float32)))
        height, width = photo.shape[0] // 2, photo.shape[1] // 2
        if min(height, width) < _COARSEST:
            return tuple(reversed(levels))
        photo, painted, share = (
            np.asarray(cv2.resize(each, (width, height), interpolation=cv2.INTER_AREA), np.float32)
            for each in (photo, painted, share)
        )


def _high_passed(gray: Field, weight: Field) -> Field:
    """Grey values less their surroundings, of which only what ``weight`` says is seen."""
    seen = cv2.GaussianBlur(weight, (0, 0), _HIGH_PASS)
    around = cv2.GaussianBlur(gray * weight, (0, 0), _HIGH_PASS) / np.maximum(seen, 1e-3)
    return np.asarray(np.where(weight > 0.5, gray - around, 0), np.float32)


def refined(
    levels: tuple[Level, ...],
    start: DisplacementField,
    strain: float,
    kept: Region | None = None,
    rounds: int = 5,
) -> DisplacementField:
    """The start and a smooth field on top of it that brings the painted picture's structure to the photograph's.

    Parameters
    ----------
    levels : tuple of Level
        From `pyramid`, coarse to fine.
    start : DisplacementField
        Identity or an affine map; smoothness is measured against it.
    strain : float
        Standard deviation of the prior on the field's slope: pixels of displacement per pixel.
    kept : ndarray, optional
        ``(h, w)`` bool of any size: the part of the photograph that may be looked at.
    rounds : int
        Linearisations at most per level.
    """
    base, extra = start.nodes, np.zeros_like(start.nodes)
    for level in levels:
        extent = level.extent
        unit = np.array([extent.width / start.extent.width, extent.height / start.extent.height], np.float32)
        rows, columns = (
            min(count, max(3, size // _PIXELS_PER_NODE))
            for count, size in zip(base.shape[:2], level.photo.shape, strict=True)
        )
        to_rows, to_columns = hat_weights(extent.height, rows).T.tocsr(), hat_weights(extent.width, columns).T.tocsr()
        spacing = (extent.height / (rows - 1), extent.width / (columns - 1))
        looked_at = np.ones(level.photo.shape, np.float32) if kept is None else _at_size(kept, extent)
        level_base, level_extra = _resampled(base, rows, columns) * unit, _resampled(extra, rows, columns) * unit
        for _ in range(rounds):
            now = DisplacementField(np.asarray(level_base + level_extra, np.float32), extent).at_pixels()
            warped = np.asarray(moved(level.painted, now, cv2.INTER_LINEAR), np.float32)
            use = looked_at * moved(level.free, now, cv2.INTER_LINEAR) * covered(now)
            # The mean of both gradients converges in fewer rounds than either.
            dx, dy = ((a + b) * np.float32(0.5) for a, b in zip(_gradient(warped), _gradient(level.photo), strict=True))
            error = level.photo - warped
            weight = _weights(error, use, np.hypot(dx, dy))
            # Summed on the nodes: what each sees of the pixels around it.
            tensor = [weighted(to_rows, weight * product, to_columns) for product in (dx * dx, dx * dy, dy * dy)]
            pull = np.stack([weighted(to_rows, weight * slope * error, to_columns) for slope in (dx, dy)], axis=2)
            step = _solved(tensor, pull, level_extra, spacing, strain, _STIFF * max(level.photo.shape))
            level_extra += step
            if np.abs(step).max() < 0.02:
                break
        extra = _resampled(level_extra / unit, *base.shape[:2])
    return DisplacementField(base + extra, start.extent)


def _at_size(region: Region, extent: Extent) -> Field:
    size = (extent.width, extent.height)
    return cv2.resize(region.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(np.float32)


def _resampled(nodes: Floats, rows: int, columns: int) -> Field:
    """The same field on another number of nodes, which always include the picture's corners."""
    if nodes.shape[:2] == (rows, columns):
        return nodes
    along_y, along_x = hat_weights(rows, nodes.shape[0], ends=True), hat_weights(columns, nodes.shape[1], ends=True)
    return np.stack([weighted(along_y, nodes[..., axis], along_x) for axis in (0, 1)], axis=2)


def _gradient(picture: Field) -> tuple[Field, Field]:
    # Scharr's kernels are nearly rotation-invariant; 1/32 makes them derivatives per pixel.
    across = cv2.Scharr(picture, cv2.CV_32F, 1, 0, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Scharr(picture, cv2.CV_32F, 0, 1, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def _weights(error: Field, use: Field, steep: Field) -> Field:
    """What each pixel's linearised equation counts: the inverse variance of its error, less where it does not fit."""
    seen = (use > 0.5) & (steep > _NOISE / 2)
    spread = max(1.4826 * float(np.median(np.abs(error[seen]))), _NOISE) if seen.any() else _NOISE
    huber = np.minimum(1, _HUBER * spread / np.maximum(np.abs(error), 1e-9))
    return (use * huber / (_CORRELATED * spread**2)).astype(np.float32)


def _solved(
    tensor: Sequence[Floats], pull: Floats, extra: Floats, spacing: tuple[float, float], strain: float, stiff: float
) -> Floats:
    """The step that the quadratic model of data and smoothness asks for, by conjugate gradients.

    The data's Hessian is lumped on the nodes. It is then an upper bound of the true one, since hats are non-negative
    and add up to one, so that a step never overshoots.

    Parameters
    ----------
    stiff : float
        Length in pixels up to which a bend costs more than a slope.
    """
    high, wide = spacing
    cell = high * wide / strain**2
    slope_y, slope_x = cell / high**2, cell / wide**2
    bend_y, bend_x, twist = (cell * stiff**2 / length for length in (high**4, wide**4, (high * wide) ** 2 / 2))
    # A breath of a prior on the field itself keeps the system regular where nothing at all is seen.
    tiny = 1e-6 * (slope_x + slope_y)

    def smooth(v: Floats) -> Floats:
        # Differences exist only inside the picture, so that a slope may go on beyond its border.
        out = np.zeros_like(v)
        down, across = np.diff(v, axis=0), np.diff(v, axis=1)
        force = slope_y * down
        out[:-1] -= force
        out[1:] += force
        force = slope_x * across
        out[:, :-1] -= force
        out[:, 1:] += force
        force = bend_y * np.diff(down, axis=0)
        out[:-2] += force
        out[1:-1] -= 2 * force
        out[2:] += force
        force = bend_x * np.diff(across, axis=1)
        out[:, :-2] += force
        out[:, 1:-1] -= 2 * force
        out[:, 2:] += force
        force = twist * np.diff(down, axis=1)
        out[:-1, :-1] += force
        out[1:, :-1] -= force
        out[:-1, 1:] -= force
        out[1:, 1:] += force
        return out

    xx, xy, yy = tensor

    def applied(v: Floats) -> Floats:
        data = np.stack([xx * v[..., 0] + xy * v[..., 1], xy * v[..., 0] + yy * v[..., 1]], 2)
        return data + smooth(v) + tiny * v

    diagonal = np.stack([xx, yy], 2) + 2 * (slope_x + slope_y) + 6 * (bend_x + bend_y) + 4 * twist + tiny
    rest = pull - smooth(extra)
    step = np.zeros_like(extra)
    preconditioned = rest / diagonal
    direction = preconditioned.copy()
    product = float((rest * preconditioned).sum())
    limit = 1e-6 * product
    for _ in range(200):
        if product <= limit or product <= 0:
            break
        image = applied(direction)
        length = product / float((direction * image).sum())
        step += np.float32(length) * direction
        rest -= np.float32(length) * image
        preconditioned = rest / diagonal
        following = float((rest * preconditioned).sum())
        direction = preconditioned + np.float32(following / product) * direction
        product = following
    return step
