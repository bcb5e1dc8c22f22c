"""Whether the cloth's own drawing was kept: the correlation of the gradients of L before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.imaging.color.icc import Floats, rgb_space
from engine.imaging.color.spaces import lightness_of

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Picture

_INSET = 2
"""Pixels of the mask's rim that are left out: they are partly background."""


def texture_kept(before: Picture, after: Picture, mask: Alpha) -> float:
    """Correlation of the Sobel gradients of L inside a garment, -1 to 1; 1 where every thread is where it was.

    A change of contrast alone leaves it at 1. Pictures that lie a pixel apart lower it as lost cloth does.

    Parameters
    ----------
    before, after : Picture
        Of one size, each in its own RGB profile.
    mask : ndarray
        ``(H, W)`` uint8, 255 = garment.
    """
    rows, columns = np.flatnonzero((mask > 127).any(axis=1)), np.flatnonzero((mask > 127).any(axis=0))
    if rows.size == 0:
        return 1.0
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    kernel = np.ones((2 * _INSET + 1, 2 * _INSET + 1), np.uint8)
    inside = cv2.erode((mask[box] > 127).astype(np.uint8), kernel) > 0
    correlation = GradientCorrelation()
    one, two = (lightness_of(picture.pixels[box], rgb_space(picture.icc, picture.path)) for picture in (before, after))
    correlation.add(correlation.sums(one, two, inside))
    return correlation.value


class GradientCorrelation:
    """Correlation of the Sobel gradients of L, gathered chunk by chunk.

    Only where the photograph's L lies in ``bounds`` over the whole 3 × 3 window: a hole, a button or a slip of the mask
    has gradients a hundred times a thread's and would speak for the fabric.
    """

    def __init__(self, bounds: tuple[float, float] = (-np.inf, np.inf)) -> None:
        self._bounds = bounds
        self._sums = np.zeros(3)

    def add(self, sums: NDArray[np.float64]) -> None:
        self._sums += sums

    def sums(self, before: Floats, after: Floats, solid: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Products of one chunk: before with after, and each with itself."""
        fabric = solid & (before >= self._bounds[0]) & (before <= self._bounds[1])
        fabric = cv2.erode(fabric.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        sums = np.zeros(3)
        for dx, dy in ((1, 0), (0, 1)):
            a = cv2.Sobel(before, cv2.CV_32F, dx, dy)[fabric].astype(np.float64)
            b = cv2.Sobel(after, cv2.CV_32F, dx, dy)[fabric].astype(np.float64)
            sums += ((a * b).sum(), (a * a).sum(), (b * b).sum())
        return sums

    @property
    def value(self) -> float:
        """1 where the photograph has no gradients to keep."""
        product, before, after = self._sums
        return float(product / np.sqrt(before * after)) if before > 0 and after > 0 else 1.0
