"""Finds the paint in a painted picture: its colour, and what is surely not painted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import KnownError

Field = NDArray[np.float32]
Region = NDArray[np.bool_]

MIN_PAINT_GAIN = 0.25
"""Greenness (green less the mean of red and blue, full scale 1) that paint adds at least where it is opaque. Chosen
between what was measured on eight published results: all but 1 % of the paint's body gained 0.51 or more, and nothing
outside it more than 0.12."""

SAME_COLOR = 0.1
"""Distance in encoded sRGB up to which two pixels are one colour: 95 % of the paint's body lay within 0.02 of its green
on seven of the eight published results, and within 0.094 on the most uneven one."""

_MIN_PAINT_SHARE = 1e-5
# Of the picture, chosen: ten pixels of a megapixel. Anything smaller is a stray, not a mask.

_MIN_FREE_SHARE = 0.01
# Of the picture, chosen: below, there is nothing to compare the colours by.

_REACH = 0.03
# Of the longer side: how far a soft edge reaches beyond what is surely painted. Three deviations of the widest edge
# measured, 9.3 pixels of 1024.


@dataclass(frozen=True, slots=True, eq=False)
class Paint:
    """The paint in a picture.

    Attributes
    ----------
    green : ndarray
        ``(3,)`` float32 encoded sRGB, the paint's colour where it is opaque.
    free : ndarray
        ``(H, W)`` bool: surely not painted, soft edges left out generously.
    """

    green: Field
    free: Region


class NoPaint(KnownError):
    """The model's picture holds nothing that could be a mask."""


def find_paint(photo: Field, painted: Field) -> Paint:
    """Tell paint from the photograph's own green by what became greener.

    Parameters
    ----------
    photo, painted : ndarray
        ``(H, W, 3)`` float32 encoded sRGB, 0 to 1.

    Raises
    ------
    NoPaint
        Nothing green was painted, or everything was. Carries no path.
    """
    gained = _greenness(painted) - _greenness(photo) > MIN_PAINT_GAIN
    if gained.mean() < _MIN_PAINT_SHARE:
        raise no_paint("the model painted no green into this photograph")
    green = _most_frequent(painted[gained])
    # A green ground gains little greenness under paint, but it takes on the paint's very colour.
    like_paint = np.linalg.norm(painted - green, axis=2) < SAME_COLOR
    turned = like_paint & (np.linalg.norm(photo - green, axis=2) > 2 * SAME_COLOR)
    free = ~(_widened(gained | turned) | like_paint)
    if free.mean() < _MIN_FREE_SHARE:
        raise NoPaint(
            "the model painted nearly the whole picture green",
            remedy="Try another seed or a lower LoRA scale, and check that the LoRA belongs to this mask.",
        )
    return Paint(green, free)


def no_paint(what: str) -> NoPaint:
    """The error for a picture without a usable mask."""
    return NoPaint(
        what, remedy="Try another seed or a higher LoRA scale, and check that the LoRA belongs to this mask."
    )


def _greenness(rgb: Field) -> Field:
    return np.asarray(rgb[..., 1] - (rgb[..., 0] + rgb[..., 2]) / 2, np.float32)


def _most_frequent(colors: Field) -> Field:
    """The most frequent of ``(n, 3)`` colours: soft edges spread over many colours, the paint's body is one.

    Mean shift (Comaniciu and Meer, 2002) from the fullest bin of a coarse histogram.
    """
    bins = np.minimum((colors * 16).astype(np.int64), 15)
    codes, counts = np.unique(bins @ np.array([256, 16, 1]), return_counts=True)
    fullest = codes[int(np.argmax(counts))]
    center = (np.array([fullest // 256, fullest // 16 % 16, fullest % 16], np.float32) + 0.5) / 16
    for _ in range(10):
        near = np.linalg.norm(colors - center, axis=1) < SAME_COLOR
        if not near.any():
            break
        center = colors[near].mean(axis=0)
    return center.astype(np.float32)


def _widened(seeds: Region) -> Region:
    """The seeds and everything that a soft edge around them may reach."""
    reach = max(3, round(_REACH * max(seeds.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    # Single pixels are noise, not paint; widening them would leave nothing free.
    opened = cv2.morphologyEx(seeds.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    base = opened if opened.any() else seeds.astype(np.uint8)
    return cv2.dilate(base, kernel).astype(bool)
