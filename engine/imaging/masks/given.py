"""Masks that somebody painted: read from a picture file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.domain.picture import Picture
from engine.imaging.color.samples import MINIMUM_PIXELS
from engine.imaging.raster.decode import read_picture

if TYPE_CHECKING:
    from engine.domain.picture import Alpha

_MIDDLE = (16, 239)
"""A mask is black and white but for its soft edge; the outer sixteenths leave room for what JPEG does to both."""


def read_mask(path: Path, extent: Extent, *, sha256: str | None = None, may_be_empty: bool = False) -> Alpha:
    """A mask picture as ``(H, W)`` uint8, 255 = inside: its transparency where it has any, its brightness otherwise.

    Parameters
    ----------
    extent : Extent
        The photograph's size.
    sha256 : str, optional
        Hexadecimal hash the file had when it was named.
    may_be_empty : bool
        Accept a mask that is white nowhere: one that is measured, not used.

    Raises
    ------
    KnownError
        It is no picture, not of the photograph's size, a photograph and no mask, or white nearly nowhere.
    """
    picture = read_picture(path, sha256=sha256)
    if picture.extent != extent:
        raise KnownError(
            f"the mask is {picture.extent}, the photograph {extent} pixels",
            remedy="Make the mask for this photograph.",
            path=path,
        )
    if picture.alpha is not None and picture.alpha.min() < _MIDDLE[0]:
        mask = picture.alpha
    else:
        mask = _brightness(picture, path)
    count = int(np.count_nonzero(mask > 127))
    if count < MINIMUM_PIXELS and not may_be_empty:
        held = f"is white on only {count} pixel{'s' if count > 1 else ''}" if count else "is empty"
        if not count and mask.any():
            held = f"is nowhere more than half white; its brightest value is {int(mask.max())} of 255"
        raise KnownError(f"the mask {held}", remedy="Paint the garment white on black, and retry.", path=path)
    return mask


def without_haze(mask: Alpha) -> Alpha:
    """The mask with its outermost sixteenth set to 0: what a JPEG leaves on black is not meant to be inside."""
    return np.where(mask < _MIDDLE[0], 0, mask).astype(np.uint8)


def _brightness(picture: Picture, path: Path) -> Alpha:
    """The larger of the three channels, so that a mask painted in any colour is read."""
    depth = 257 if picture.bit_depth == 16 else 1
    red, green, blue = (picture.pixels[..., channel] for channel in range(3))
    brightest = np.maximum(np.maximum(red, green), blue) // depth
    dullest = np.minimum(np.minimum(red, green), blue) // depth
    shaded = (brightest >= _MIDDLE[0]) & (brightest <= _MIDDLE[1])
    # An edge is a few hundredths of a picture, and one colour all round; a photograph is shaded and coloured all over.
    if float((shaded & (brightest - dullest > _MIDDLE[0])).mean()) > 0.1:
        raise KnownError(
            "this is a photograph and not a mask", remedy="Give a picture with the garment white on black.", path=path
        )
    return brightest.astype(np.uint8)
