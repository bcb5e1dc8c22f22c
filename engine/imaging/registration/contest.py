"""Judges displacement fields by how well they predict texture that they were not fitted to."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.geometry import Extent
from engine.imaging.registration.field import DisplacementField, Field, Region, covered, moved
from engine.imaging.registration.flow import Level

_CELLS = 16
# Of the checkerboard, along the longer side, chosen: 64 pixels of a model's 1024, four times the stroke in which it
# redraws, so that its noise in one cell says nothing about the next.

_TEXTURE = 4.0 / 255.0
# Slope of the high-passed photograph per pixel, chosen, from which a displacement by one pixel shows above 8-bit noise.

_MIN_TEXTURE = 0.02
# Share of a cell that must be textured for the cell to have a vote, chosen: 80 of its 4,096 pixels at 1024.

_OUTLIER = 4.0
# Errors count up to this many typical ones, chosen: a redrawn eye is no argument about where the face lies.

_MIN_SEEN = 50
# Textured pixels below which a correlation says nothing: even if all were independent its standard error is 0.14.


def checkerboard(extent: Extent) -> Region:
    """``(height, width)`` bool, True on the black squares."""
    rows, columns = _cells(extent)
    return (rows[:, None] + columns[None]) % 2 == 0


def texture_errors(level: Level, field: DisplacementField) -> tuple[Field, Region]:
    """How far the painted picture, moved by a field, is off the photograph's structure.

    Returns
    -------
    errors : ndarray
        ``(h, w)`` float32, absolute differences.
    seen : ndarray
        ``(h, w)`` bool, where there is texture to see and no paint.
    """
    warped, seen = _seen(level, field)
    return np.abs(level.photo - warped), seen


def texture_correlation(level: Level, field: DisplacementField) -> float | None:
    """Correlation, -1 to 1, of both pictures' structure outside the paint; None where there is none to see."""
    warped, seen = _seen(level, field)
    one, other = level.photo[seen].astype(np.float64), warped[seen].astype(np.float64)
    length = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / length if len(one) >= _MIN_SEEN and length > 0 else None


def advantage(extent: Extent, simple: tuple[Field, Region], other: tuple[Field, Region]) -> float:
    """By how many standard errors the other field explains the texture better than the simple one.

    Every textured cell has one vote, its total gain; the cells' gains are taken as independent.

    Parameters
    ----------
    extent : Extent
        Of the errors.
    simple, other : tuple of ndarray
        From `texture_errors`.
    """
    seen = simple[1] & other[1]
    if not seen.any():
        return 0.0
    limit = _OUTLIER * max(float(np.median(simple[0][seen])), 1 / 255)
    gain = np.where(seen, np.minimum(simple[0], limit) - np.minimum(other[0], limit), 0)
    rows, columns = _cells(extent)
    cell = (rows[:, None] * (_CELLS + 1) + columns[None]).ravel()
    area, texture = np.bincount(cell), np.bincount(cell, weights=seen.ravel())
    votes = np.bincount(cell, weights=gain.ravel())[texture > _MIN_TEXTURE * area]
    deviation = float(np.sqrt((votes**2).sum()))
    return float(votes.sum()) / deviation if deviation > 0 else 0.0


def _cells(extent: Extent) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    side = max(extent.width, extent.height) / _CELLS
    return (np.arange(extent.height) / side).astype(np.intp), (np.arange(extent.width) / side).astype(np.intp)


def _seen(level: Level, field: DisplacementField) -> tuple[Field, Region]:
    """The painted picture moved by a field, and where it has no paint over a textured photograph."""
    displacement = field.scaled(level.extent).at_pixels()
    warped = np.asarray(moved(level.painted, displacement), np.float32)
    free = (moved(level.free, displacement, cv2.INTER_LINEAR) > 0.99) & covered(displacement)
    across, down = (cv2.Scharr(level.photo, cv2.CV_32F, dx, 1 - dx, scale=1 / 32) for dx in (1, 0))
    return warped, free & (np.hypot(across, down) > _TEXTURE)
