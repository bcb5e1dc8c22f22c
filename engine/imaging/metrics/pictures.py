"""Pictures that show what the figures say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.imaging.color.heat_map import heat_map
from engine.imaging.color.quality import delta_E_map

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Picture

AGREED, MISSING, TOO_MUCH = (236, 236, 236), (213, 94, 0), (86, 180, 233)
"""Encoded sRGB of what both masks hold, of what the mask lacks, and of what it holds beside the true one. Vermilion and
sky blue are told apart by every kind of colour vision (Okabe and Ito, "Color Universal Design", 2008)."""

FULL_SCALE = 20.0
"""ΔE00 of the brightest yellow in a difference of colours."""

_GROUND = 0.45
"""Share of the photograph's contrast that is left behind the colours, on a neutral grey."""


def mask_difference(rgb: NDArray[np.uint8], mask: Alpha, truth: Alpha) -> NDArray[np.uint8]:
    """Where a mask is not the true one, over a pale grey photograph.

    Parameters
    ----------
    rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB.
    mask, truth : ndarray
        ``(H, W)`` uint8, 255 = inside; half covered pixels are half coloured.

    Returns
    -------
    ndarray
        ``(H, W, 3)`` uint8 sRGB, in `AGREED`, `MISSING` and `TOO_MUCH`.
    """
    grey = rgb.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    picture = np.repeat((118 + _GROUND * (grey - 118))[..., None], 3, axis=2)
    one, two = mask.astype(np.float32)[..., None] / 255, truth.astype(np.float32)[..., None] / 255
    both = np.minimum(one, two)
    picture *= 1 - np.maximum(one, two)
    for share, color in ((both, AGREED), (two - both, MISSING), (one - both, TOO_MUCH)):
        picture += share * np.array(color, np.float32)
    return np.rint(picture).clip(0, 255).astype(np.uint8)


def color_difference(result: Picture, truth: Picture) -> NDArray[np.uint8]:
    """ΔE00 of every pixel, ``(H, W, 3)`` uint8 sRGB: violet to yellow, the brightest at `FULL_SCALE` and more.

    Raises
    ------
    KnownError
        The sizes differ.
    """
    return heat_map(delta_E_map(result, truth), full_scale=FULL_SCALE, legend=False)
