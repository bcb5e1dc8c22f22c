"""The grid of pixels on which a mask is read, and how the photograph's own pixels lie on it."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BugError, KnownError
from engine.domain.geometry import Box, Extent, Placement
from engine.imaging.painted.paint import Field
from engine.imaging.placement import covered, to_canvas

_MAX_ASPECT_CHANGE = 0.1
# Natural logarithm of the ratio of the two aspect ratios. Rounding to the model's nearest size changes an aspect ratio
# by up to 7 %; what differs more was cropped or belongs to another photograph.

_MOST_PIXELS = 1 << 21
# Twice what Kontext paints. A larger painted picture was enlarged after it was painted.


@dataclass(frozen=True, slots=True, eq=False)
class WorkingGrid:
    """Both pictures at the size at which the mask is read.

    Positions are continuous: ``working = photograph * scale + offset``.

    Attributes
    ----------
    photo, painted : ndarray
        ``(h, w, 3)`` float32 encoded sRGB, 0 to 1.
    source : Extent
        The photograph's own size.
    crop : Box
        The part of the photograph that was painted on, in source pixels.
    scale, offset : tuple of float
        For x and y.
    """

    photo: Field
    painted: Field
    source: Extent
    crop: Box
    scale: tuple[float, float]
    offset: tuple[float, float]

    @property
    def extent(self) -> Extent:
        return Extent(self.photo.shape[1], self.photo.shape[0])

    @property
    def pixel_area(self) -> float:
        """Working pixels per pixel of the photograph."""
        return self.scale[0] * self.scale[1]

    @property
    def is_source(self) -> bool:
        """The photograph's pixels are the working pixels."""
        return self.extent == self.source and self.scale == (1.0, 1.0) and self.offset == (0.0, 0.0)

    def read_at(self, rows: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Working columns and rows at which cv2 reads what belongs to the crop's pixels of some source rows."""
        x = (np.arange(self.crop.left, self.crop.right) + 0.5) * self.scale[0] + self.offset[0] - 0.5
        y = (np.arange(rows.start, rows.stop) + 0.5) * self.scale[1] + self.offset[1] - 0.5
        columns, lines = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
        return columns, lines


def same_framing(original_rgb: NDArray[np.uint8], painted_rgb: NDArray[np.uint8]) -> WorkingGrid:
    """The grid for a painted picture that shows the whole photograph.

    Raises
    ------
    KnownError
        The pictures' proportions differ.
    BugError
        An array is not ``(H, W, 3) uint8``.
    """
    source, painted = extent_of(original_rgb), extent_of(painted_rgb)
    if abs(log(source.aspect / painted.aspect)) > _MAX_ASPECT_CHANGE:
        raise KnownError(
            f"the painted picture has other proportions ({painted}) than the photograph ({source})",
            remedy="Use the painted picture that was made from this very photograph, uncropped.",
        )
    # The smaller picture's grid: the mask cannot be finer than what was painted, nor than what it is laid on.
    working = min(source, painted, key=lambda extent: extent.pixels)
    if working.pixels > _MOST_PIXELS:
        shrink = (_MOST_PIXELS / working.pixels) ** 0.5
        working = Extent(max(1, round(working.width * shrink)), max(1, round(working.height * shrink)))
    return WorkingGrid(
        _scaled(original_rgb, working),
        _scaled(painted_rgb, working),
        source,
        Box.whole(source),
        (working.width / source.width, working.height / source.height),
        (0.0, 0.0),
    )


def on_canvas(original_rgb: NDArray[np.uint8], output_rgb: NDArray[np.uint8], placement: Placement) -> WorkingGrid:
    """The grid for a model's canvas, on which the photograph or a crop of it was placed.

    Raises
    ------
    BugError
        A picture does not have the placement's size.
    """
    if extent_of(output_rgb) != placement.canvas or extent_of(original_rgb) != placement.source:
        raise BugError(f"pictures of {extent_of(original_rgb)} and {extent_of(output_rgb)} for {placement}")
    inner = covered(placement)
    part = slice(inner.top, inner.bottom), slice(inner.left, inner.right)
    return WorkingGrid(
        _full_scale(to_canvas(original_rgb, placement)[part]),
        _full_scale(output_rgb[part]),
        placement.source,
        placement.crop,
        (placement.scale, placement.scale),
        (
            placement.left - placement.crop.left * placement.scale - inner.left,
            placement.top - placement.crop.top * placement.scale - inner.top,
        ),
    )


def extent_of(rgb: NDArray[np.uint8]) -> Extent:
    """Size of an ``(H, W, 3)`` uint8 picture; anything else is a bug."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise BugError(f"not an RGB picture: {rgb.shape} {rgb.dtype}")
    return Extent(rgb.shape[1], rgb.shape[0])


def _scaled(rgb: NDArray[np.uint8], extent: Extent) -> Field:
    if extent_of(rgb) != extent:
        rgb = np.asarray(cv2.resize(rgb, (extent.width, extent.height), interpolation=cv2.INTER_AREA), np.uint8)
    return _full_scale(rgb)


def _full_scale(rgb: NDArray[np.uint8]) -> Field:
    return rgb.astype(np.float32) * np.float32(1 / 255)
