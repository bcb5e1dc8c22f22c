"""From a file's profile to a screen's."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np

from engine.imaging.raster.icc import is_srgb, is_usable_rgb_profile, srgb_profile, to_8bit, to_srgb8

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Pixels

_RELATIVE_COLORIMETRIC = 1
_BLACK_POINT_COMPENSATION = 0x2000
_TILE_ROWS_PIXELS = 1_000_000
"""Pixels that are converted at once: the transform's own copies stay small beside the picture."""


@lru_cache(maxsize=8)
def is_usable_display_profile(icc: bytes) -> bool:
    """Whether the profile is of RGB and colours can be brought to it, as a screen's must."""
    if not is_usable_rgb_profile(icc):
        return False
    try:
        _transform(np.zeros((1, 1, 3), np.uint8), srgb_profile(), icc)
    except imagecodecs.CmsError:  # a scanner's profile has tables in one direction only
        return False
    return True


def to_display8(
    pixels: Pixels, icc: bytes | None, display: bytes | None, *, soft_proof: bool = False
) -> NDArray[np.uint8]:
    """Bring a picture to the screen's colours: relative colorimetric with black point compensation.

    Parameters
    ----------
    pixels : ndarray
        ``(H, W, 3)`` uint8 or uint16, encoded as ``icc`` says.
    icc : bytes or None
        Profile of the pixels; None means they are sRGB. Must be usable (`is_usable_rgb_profile`).
    display : bytes or None
        The screen's profile (`is_usable_display_profile`); None means that the screen counts as sRGB.
    soft_proof : bool
        Go through 8-bit sRGB, so that the screen shows what is left of the colours there.

    Returns
    -------
    ndarray
        ``(H, W, 3)`` uint8 in the screen's own values; the input itself where nothing needs to be converted.
    """
    if display is None or is_srgb(display):
        return to_srgb8(pixels, icc)
    if soft_proof:
        pixels, icc = to_srgb8(pixels, icc), None
    eight = to_8bit(pixels)
    source = icc if icc is not None else srgb_profile()
    out = np.empty_like(eight)
    rows = max(1, _TILE_ROWS_PIXELS // max(1, eight.shape[1]))
    for top in range(0, eight.shape[0], rows):
        out[top : top + rows] = _transform(eight[top : top + rows], source, display)
    return out


def _transform(pixels: NDArray[np.uint8], source: bytes, display: bytes) -> NDArray[np.uint8]:
    return imagecodecs.cms_transform(
        np.ascontiguousarray(pixels),
        source,
        display,
        colorspace="rgb",
        outcolorspace="rgb",
        outdtype=np.dtype(np.uint8),
        intent=_RELATIVE_COLORIMETRIC,
        flags=_BLACK_POINT_COMPENSATION,
    )
