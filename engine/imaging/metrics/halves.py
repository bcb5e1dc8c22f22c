"""The on-model half of a model's side-by-side picture, where the photograph lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.domain.geometry import Box, Extent
from engine.imaging.placement import place_in
from engine.imaging.side_by_side import SideBySide, register_half

if TYPE_CHECKING:
    from engine.domain.picture import Alpha


def registered_right_half(output: NDArray[np.uint8], control: NDArray[np.uint8], garment: Alpha) -> NDArray[np.uint8]:
    """The right half of what a model made, moved to where the photograph lies, as for a colour guide.

    The model redraws the photograph some pixels off, and pixels are compared with those at their place.

    Parameters
    ----------
    output, control : ndarray
        ``(H, W, 3)`` uint8 sRGB: what it made, and the stitched canvas it was shown.
    garment : ndarray
        ``(H, W - W // 2)`` uint8, 255 = garment on the photograph.

    Returns
    -------
    ndarray
        ``(H, W - W // 2, 3)`` uint8 sRGB.
    """
    height, width = control.shape[:2]
    seam, canvas = width // 2, Extent(width, height)
    halves = [Extent(seam, height), Extent(width - seam, height)]
    boxes = [Box(0, 0, seam, height), Box(seam, 0, width, height)]
    left, right = (place_in(extent, Box.whole(extent), canvas, box) for extent, box in zip(halves, boxes, strict=True))
    return register_half(output, control, garment, SideBySide(left, right)).output[:, seam:]
