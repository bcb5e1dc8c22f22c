"""A round brush: its dabs, and the stroke that lays them along the pointer's way.

A stroke has a coverage of its own, in which dabs are combined by their maximum; it is laid over the mask as it was
before the stroke, times the opacity. So a stroke at 50 % never covers more than 50 %, however often it crosses itself,
and a soft brush has the same edge however slowly it is drawn (Photoshop's opacity, Krita's "wash" mode).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor, hypot, log
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.geometry import Box, Extent
from engine.imaging.mask_edit.tiles import TILE, clipped, extent_of, slices, tile_box, tiles_over, united

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha

SMALLEST, LARGEST = 1.0, 2000.0
"""Diameters in source pixels; the largest covers a third of a 48-megapixel photograph's width."""

_SIZE_STEP = 1.02  # pressure changes the diameter in steps of 2 %, which nobody sees, so that dabs can be kept
_KEPT_DABS = 24  # of 4 MB at most
_RAMP = np.arange(256) / 255
_SOFTENED = np.asarray(np.round(255 * _RAMP**2 * (3 - 2 * _RAMP)), np.uint8)
"""Smoothstep: a falloff without a visible ring where it begins and ends."""


@dataclass(frozen=True, slots=True)
class Brush:
    """What a stroke is drawn with.

    Attributes
    ----------
    diameter : float
        In source pixels, to where the coverage ends.
    hardness : float
        0 to 1: the share of the radius that is covered in full. 1 leaves an antialiased edge of one pixel.
    opacity : float
        0 to 1, of the whole stroke.
    spacing : float
        Distance between dabs as a share of the diameter. At 0.05 the scallops of a hard edge are an eight-hundredth of
        the radius deep.
    size_by_pressure, opacity_by_pressure : bool
        Whether a pen's pressure scales the diameter and the coverage.
    """

    diameter: float = 120.0
    hardness: float = 0.8
    opacity: float = 1.0
    spacing: float = 0.05
    size_by_pressure: bool = True
    opacity_by_pressure: bool = False

    def diameter_at(self, pressure: float) -> float:
        """Diameter in source pixels under a pressure from 0 to 1."""
        if not self.size_by_pressure or pressure >= 1:
            return self.diameter
        scaled = max(SMALLEST, self.diameter * pressure)
        return max(SMALLEST, _SIZE_STEP ** round(log(scaled, _SIZE_STEP)))


class Layers:
    """The full-size arrays a stroke needs, kept between strokes: memory is only used where a stroke has been.

    Attributes
    ----------
    coverage : ndarray
        ``(H, W)`` uint8, of the stroke that is drawn; 0 elsewhere.
    before : ndarray
        ``(H, W)`` uint8, the mask before the stroke in the tiles it touched, undefined elsewhere.
    """

    def __init__(self, extent: Extent) -> None:
        self.coverage = np.zeros((extent.height, extent.width), np.uint8)
        self.before = np.zeros((extent.height, extent.width), np.uint8)
        self._touched = np.zeros((ceil(extent.height / TILE), ceil(extent.width / TILE)), np.bool_)
        self._extent = extent

    def keep(self, alpha: Alpha, box: Box) -> None:
        """Remember the mask as it was, wherever the stroke comes to for the first time."""
        for row, column in tiles_over(box):
            if not self._touched[row, column]:
                tile = slices(tile_box(row, column, self._extent))
                self.before[tile] = alpha[tile]
                self._touched[row, column] = True

    def tiles(self) -> list[tuple[int, int]]:
        """``(row, column)`` of the tiles that the stroke has touched."""
        return [(int(row), int(column)) for row, column in np.argwhere(self._touched)]

    def clear(self) -> None:
        """Forget the stroke."""
        for row, column in self.tiles():
            self.coverage[slices(tile_box(row, column, self._extent))] = 0
        self._touched[:] = False


class Stroke:
    """One stroke, from the pen's touch to its release. One thread at a time.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8; changed in place while the stroke is drawn.
    layers : Layers
        Of the same size, clear.
    erases : bool
        True takes away from the mask.
    marks_only : bool
        True leaves the mask as it is and collects the coverage alone.
    """

    def __init__(
        self, alpha: Alpha, brush: Brush, layers: Layers, *, erases: bool = False, marks_only: bool = False
    ) -> None:
        self.brush, self.erases = brush, erases
        self.box: Box | None = None
        self._alpha, self._layers, self._marks_only = alpha, layers, marks_only
        self._extent = extent_of(alpha)
        self._at: tuple[float, float, float] | None = None
        self._last_dab: tuple[float, float, float] | None = None
        self._to_next = 0.0

    def move_to(self, x: float, y: float, pressure: float = 1.0) -> Box | None:
        """Draw to a point in source pixels; what has changed, or None.

        Dabs lie at equal distances along the way, whatever pieces the pointer reports it in.
        """
        if self._at is None:
            self._at = (x, y, pressure)
            self._to_next = self._distance(pressure)
            return self._composited(self._dab(x, y, pressure))
        x0, y0, pressure0 = self._at
        self._at = (x, y, pressure)
        length = hypot(x - x0, y - y0)
        gone = 0.0
        dirty: Box | None = None
        while length - gone >= self._to_next:
            gone += self._to_next
            share = gone / length
            here = pressure0 + (pressure - pressure0) * share
            dirty = united(dirty, self._dab(x0 + (x - x0) * share, y0 + (y - y0) * share, here))
            self._to_next = self._distance(here)
        self._to_next -= length - gone
        return self._composited(dirty)

    def finish(self) -> Box | None:
        """Draw the last dab where the pen was lifted; what has changed, or None."""
        if self._at is None or self._at == self._last_dab:
            return None
        return self._composited(self._dab(*self._at))

    # -- inside -------------------------------------------------------------------------------------------------

    def _distance(self, pressure: float) -> float:
        return max(0.5, self.brush.spacing * self.brush.diameter_at(pressure))

    def _dab(self, x: float, y: float, pressure: float) -> Box | None:
        """Combine one dab with the coverage by their maximum."""
        self._last_dab = (x, y, pressure)
        diameter = self.brush.diameter_at(pressure)
        phases = 4 if diameter < 256 else 2 if diameter < 1024 else 1  # a dab lies on a quarter of a pixel, or a half
        x, y = round(x * phases) / phases, round(y * phases) / phases
        dab = _dab_pixels(diameter, self.brush.hardness, x - floor(x), y - floor(y))
        side = dab.shape[0]
        left, top = floor(x) - side // 2, floor(y) - side // 2
        box = clipped(left, top, left + side, top + side, self._extent)
        if box is None:
            return None
        part = dab[box.top - top : box.bottom - top, box.left - left : box.right - left]
        if self.brush.opacity_by_pressure and pressure < 1:
            part = np.asarray(cv2.convertScaleAbs(part, alpha=max(0.0, pressure)))
        covered = self._layers.coverage[slices(box)]
        np.maximum(covered, part, out=covered)
        self.box = united(self.box, box)
        return box

    def _composited(self, box: Box | None) -> Box | None:
        """Lay the coverage over the mask before the stroke."""
        if box is None:
            return None
        self._layers.keep(self._alpha, box)
        if self._marks_only:
            return box
        here = slices(box)
        before = self._layers.before[here]
        self._alpha[here] = laid_over(before, self._layers.coverage[here], self.brush.opacity, erases=self.erases)
        return box


def laid_over(before: Alpha, coverage: Alpha, opacity: float, *, erases: bool) -> Alpha:
    """A mask with a coverage over it: ``before + (255 - before) * w``, or ``before * (1 - w)`` where it erases.

    Parameters
    ----------
    before, coverage : ndarray
        ``(h, w)`` uint8.
    opacity : float
        0 to 1, times the coverage is ``w``.
    """
    weight = np.asarray(cv2.convertScaleAbs(coverage, alpha=opacity)) if opacity < 1 else coverage
    if erases:
        return np.asarray(cv2.multiply(before, cv2.bitwise_not(weight), scale=1 / 255), np.uint8)
    rest = cv2.multiply(cv2.bitwise_not(before), weight, scale=1 / 255)
    return np.asarray(cv2.add(before, rest), np.uint8)


@lru_cache(_KEPT_DABS)
def _dab_pixels(diameter: float, hardness: float, dx: float, dy: float) -> NDArray[np.uint8]:
    """A dab ``(s, s)`` uint8 of odd side whose centre lies ``dx``, ``dy`` right of and below its middle pixel's corner.

    Source pixels are centred at half integers.
    """
    radius = diameter / 2
    outer = radius + 0.5
    inner = min(hardness * radius, outer - 1)
    reach = ceil(outer) + 1
    steps = np.arange(-reach, reach + 1, dtype=np.float32) + np.float32(0.5)
    squares = np.add.outer((steps - np.float32(dy)) ** 2, (steps - np.float32(dx)) ** 2)
    distance = cv2.sqrt(squares)
    scale = 255 / (outer - inner)
    # saturate(|a·d + b|) is not monotonic beyond the rim, so that the sign is cut off first
    falloff = np.clip((np.float32(outer) - distance) * np.float32(scale), 0, 255)
    ramp = np.round(falloff).astype(np.uint8)
    return np.asarray(cv2.LUT(ramp, _SOFTENED), np.uint8) if outer - inner > 2 else ramp
