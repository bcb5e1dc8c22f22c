"""Garment pixels at working size, and the one colour that stands for them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BugError, KnownError
from engine.domain.geometry import Box, Extent
from engine.imaging.color.spaces import pixels_to_lab

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Picture
    from engine.imaging.color.icc import Doubles, Floats

WORKING_LONG_SIDE = 800
"""Longest side of the garment's box while colours are measured: a seam is still resolved, sensor noise is averaged."""

SAMPLE_LIMIT = 20_000
"""Pixels a colour is fitted or measured on; the standard error of a mean over a range of 100 L is then below 0.3."""

MINIMUM_PIXELS = 64
"""Fewer garment pixels than 8 × 8 are a stray click, not a garment."""

ON_MODEL, FLATLAY = "on-model", "flatlay"
"""What the two photographs are called in error sentences."""

_SOLID = 250  # alpha of a pixel that holds garment only; 255 would lose pixels to resampling


@dataclass(frozen=True, slots=True, eq=False)
class GarmentSamples:
    """The garment's inner pixels at working size.

    Attributes
    ----------
    box : Box
        The garment's bounding box with a small margin, in source pixels.
    inner : ndarray
        ``(h, w)`` bool over the box at working size: pixels that hold garment only.
    lab : ndarray
        ``(N, 3)`` float32 CIELAB D65 of the sampled inner pixels, at most `SAMPLE_LIMIT`.
    chosen : ndarray
        ``(N,)`` indices of the samples among the inner pixels, in raster order.
    """

    box: Box
    inner: NDArray[np.bool_]
    lab: Floats
    chosen: NDArray[np.intp]


def garment_samples(picture: Picture, alpha: Alpha, name: str) -> GarmentSamples:
    """Sample the garment's colours, away from its edge.

    Parameters
    ----------
    picture : Picture
        Any RGB profile.
    alpha : ndarray
        ``(H, W)`` uint8, 255 = garment.
    name : str
        ``garment`` or ``flatlay``, for error sentences.

    Raises
    ------
    KnownError
        The mask is empty, holds under `MINIMUM_PIXELS` pixels, or is not of the picture's size.
    """
    box = _garment_box(picture, alpha, name)
    scale = min(1.0, WORKING_LONG_SIDE / max(box.extent.width, box.extent.height))
    # A margin, so that the crop's border is the picture's border or background, never the garment's edge.
    box = grown(box, math.ceil(4 / scale), picture.extent)
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    size = (max(1, round(box.extent.width * scale)), max(1, round(box.extent.height * scale)))
    pixels = resized(picture.pixels[rows, columns], size)
    small_alpha = resized(alpha[rows, columns], size)
    inner = inner_region(small_alpha)
    inside = pixels[inner]
    chosen = np.arange(len(inside))
    if len(inside) > SAMPLE_LIMIT:
        chosen = np.sort(np.random.default_rng(0).choice(len(inside), SAMPLE_LIMIT, replace=False))
    lab = pixels_to_lab(inside[chosen][None], picture.icc, picture.path)[0]
    return GarmentSamples(box, inner, lab, chosen)


def inner_region(alpha: Alpha) -> NDArray[np.bool_]:
    """Pixels ``(h, w)`` bool that hold garment only, two pixels inside the edge where the garment is wide enough.

    Where the frame cuts the garment there is no edge. Falls back to less inset, then to the most solid pixels, for thin
    straps and small masks.
    """
    solid = (alpha >= _SOLID).astype(np.uint8)
    for inset in (2, 1, 0):
        kernel = np.ones((2 * inset + 1, 2 * inset + 1), np.uint8)
        inner = cv2.erode(solid, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1) > 0
        if np.count_nonzero(inner) >= MINIMUM_PIXELS:
            return inner
    return alpha >= min(_SOLID, max(1, int(np.percentile(alpha[alpha > 0], 50))))


def robust_mean(lab: NDArray[np.floating]) -> Doubles:
    """The mean colour ``(3,)`` float64 of ``(N, 3)`` CIELAB samples between the 5th and 95th percentile of L.

    The trim drops speculars, holes and slips of the mask; a mean, not a median, so that a two-tone garment does not
    switch between its tones.
    """
    low, high = np.percentile(lab[:, 0], [5, 95])
    return lab[(lab[:, 0] >= low) & (lab[:, 0] <= high)].mean(axis=0, dtype=np.float64)


def resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """``image`` at (width, height): area average when it shrinks, bilinear when it grows."""
    if image.shape[1::-1] == size:
        return image
    shrinks = size[0] < image.shape[1]
    out = cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(out)


def require_color(picture: Picture, name: str) -> None:
    """Refuse a picture whose every pixel is neutral: a greyscale file holds no colour to match.

    Raises
    ------
    KnownError
        Red, green and blue are the same everywhere; on the model, who has skin, up to rounding (two 8-bit codes).
    """
    pixels = picture.pixels
    # A black garment on white paper may be as neutral as that.
    rounding = 2 * (int(np.iinfo(pixels.dtype).max) // 255) if name == ON_MODEL else 0
    for top in range(0, len(pixels), 256):
        red, green, blue = cv2.split(pixels[top : top + 256])
        if max(cv2.absdiff(red, green).max(), cv2.absdiff(green, blue).max()) > rounding:
            return
    raise KnownError(
        f"the {name} photograph is greyscale, so there is no colour to match",
        remedy="Use the colour original.",
        path=picture.path,
    )


def _garment_box(picture: Picture, alpha: Alpha, name: str) -> Box:
    if alpha.dtype != np.uint8 or alpha.ndim != 2:
        raise BugError(f"a mask is (H, W) uint8, got {alpha.shape} {alpha.dtype}")
    if alpha.shape != picture.pixels.shape[:2]:
        height, width = alpha.shape
        raise _mask_error(
            f"the {name} mask is {width} × {height} pixels, the photograph is {picture.extent}", picture.path
        )
    count = int(np.count_nonzero(alpha > 127))
    if count < MINIMUM_PIXELS:
        held = "is empty" if count == 0 else f"holds only {count} pixel{'s' if count > 1 else ''}"
        raise _mask_error(f"the {name} mask {held}", picture.path)
    rows, columns = np.flatnonzero((alpha > 127).any(axis=1)), np.flatnonzero((alpha > 127).any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def grown(box: Box, margin: int, extent: Extent) -> Box:
    """The box, ``margin`` pixels wider on every side, inside a picture of ``extent``."""
    return Box(
        max(0, box.left - margin),
        max(0, box.top - margin),
        min(extent.width, box.right + margin),
        min(extent.height, box.bottom + margin),
    )


def _mask_error(what: str, path: Path | None) -> KnownError:
    return KnownError(what, remedy="Make or paint the mask again for this very photograph, then retry.", path=path)
