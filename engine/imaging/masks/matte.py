"""From a binary mask at working size to a soft alpha at the photograph's own size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Alpha = NDArray[np.uint8]

STRIP_ROWS = 512
"""Rows of the photograph worked on at a time, so that a 24-megapixel picture needs no float copy of itself."""

_SURE = 160
"""Of 255: an interpolated plane of sure pixels counts from one half on; the rest leaves room for how it was rounded."""


def working_size(height: int, width: int, long_side: int) -> tuple[int, int]:
    """``(rows, columns)`` with at most ``long_side`` pixels on the long side, never larger than the picture."""
    scale = min(1.0, long_side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def shrink(rgb: NDArray[np.uint8], long_side: int) -> NDArray[np.uint8]:
    """Area-average an ``(H, W, 3)`` uint8 picture to at most ``long_side`` pixels on its long side."""
    rows, columns = working_size(rgb.shape[0], rgb.shape[1], long_side)
    if (rows, columns) == rgb.shape[:2]:
        return np.ascontiguousarray(rgb)
    return np.asarray(cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


def full_size_alpha(rgb: NDArray[np.uint8], mask: Mask, small_rgb: NDArray[np.uint8]) -> Alpha:
    """Lay a working-size mask over the photograph, its edge moved to the photograph's own edge.

    Near the edge every pixel is a mix of the colour just inside (F) and just outside (B), both averaged from sure
    pixels at working size: ``alpha = (I - B)·(F - B) / |F - B|²``, the projection step of the natural-matting
    compositing equation (Porter and Duff 1984; Chuang et al. 2001). Where the two colours are too alike to tell, the
    interpolated mask stands.

    Parameters
    ----------
    rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB, the photograph.
    mask : ndarray
        ``(h, w)`` bool at working size.
    small_rgb : ndarray
        ``(h, w, 3)`` uint8, the photograph at working size.

    Returns
    -------
    ndarray
        ``(H, W)`` uint8, 255 = inside; 0 and 255 exactly beyond two working pixels from the edge.
    """
    height, width = rgb.shape[:2]
    small = mask.astype(np.uint8)
    cross = np.ones((3, 3), np.uint8)
    inner = np.asarray(cv2.erode(small, cross, iterations=2, borderType=cv2.BORDER_REPLICATE), np.uint8)
    outer = np.asarray(1 - cv2.dilate(small, cross, iterations=2, borderType=cv2.BORDER_REPLICATE), np.uint8)
    pixels = small_rgb.astype(np.float32)
    inside, inside_weight = _local_mean(pixels, inner)
    outside, outside_weight = _local_mean(pixels, outer)
    soft = cv2.GaussianBlur(small.astype(np.float32), (0, 0), 0.7, borderType=cv2.BORDER_REPLICATE)
    # Thin parts have no sure inside nearby; there the projection has nothing to stand on.
    known = ((inside_weight > 1e-3) & (outside_weight > 1e-3)).astype(np.float32)
    # Two colours 20 code values apart tell mixes to about a tenth through noise of two.
    contrast = ((inside - outside) ** 2).sum(axis=-1)
    trust = known * contrast / (contrast + 20.0**2)
    certain = np.dstack([soft, trust, inner, outer]).astype(np.float32)

    alpha, background = (
        np.asarray(cv2.resize(plane * np.uint8(255), (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        for plane in (inner, outer)
    )
    unsure = (alpha <= _SURE) & (background <= _SURE)
    columns = (np.arange(width, dtype=np.float32) + 0.5) * np.float32(small.shape[1] / width) - np.float32(0.5)
    rows = (np.arange(height, dtype=np.float32) + 0.5) * np.float32(small.shape[0] / height) - np.float32(0.5)
    for top in range(0, height, STRIP_ROWS):
        strip = slice(top, top + STRIP_ROWS)
        alpha[strip] = np.where(alpha[strip] > _SURE, np.uint8(255), np.uint8(0))
        # The edge is a few hundredths of a photograph; colours are looked at only there.
        y, x = np.divmod(np.flatnonzero(unsure[strip]), width)  # a third of what nonzero takes
        if y.size:
            y += top
            alpha[y, x] = _mixed(rgb[y, x], columns[x], rows[y], inside, outside, certain)
    return alpha


def _mixed(
    pixels: NDArray[np.uint8],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    inside: NDArray[np.float32],
    outside: NDArray[np.float32],
    certain: NDArray[np.float32],
) -> Alpha:
    """The alpha ``(N,)`` of pixels ``(N, 3)`` that lie at ``x``, ``y`` of the planes at working size.

    Parameters
    ----------
    inside, outside : ndarray
        ``(h, w, 3)`` float32 sRGB code values, the two colours that may be mixed.
    certain : ndarray
        ``(h, w, 4)`` float32: the interpolated mask, how far the colours are trusted, surely inside, surely outside.
    """
    front, back = _at(inside, x, y), _at(outside, x, y)
    soft, trust, inner, outer = np.moveaxis(_at(certain, x, y), -1, 0)
    step = front - back
    across = np.einsum("nc,nc->n", pixels.astype(np.float32) - back, step)
    length = np.einsum("nc,nc->n", step, step)
    mixed = np.clip(across / np.maximum(length, 1.0), 0.0, 1.0)
    blended = soft + trust * (mixed - soft)
    blended = np.where(inner > 0.5, 1.0, np.where(outer > 0.5, 0.0, blended))
    return np.round(blended * 255.0).astype(np.uint8)


def _at(plane: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(N, channels)``: the plane at points, linearly interpolated."""
    # In lines of 1024 points, because OpenCV maps to pictures of less than 32,768 pixels a side.
    padded = [np.pad(axis, (0, -len(axis) % 1024), mode="edge").reshape(-1, 1024) for axis in (x, y)]
    found = cv2.remap(plane, padded[0], padded[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32).reshape(-1, plane.shape[-1])[: len(x)]


def _local_mean(
    pixels: NDArray[np.float32], where: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean of ``pixels`` over the sure pixels within about eight pixels, and how much of them there is."""
    weight = where.astype(np.float32)
    near = np.asarray(cv2.GaussianBlur(weight, (0, 0), 3.0, borderType=cv2.BORDER_REPLICATE), np.float32)
    total = cv2.GaussianBlur(pixels * weight[..., None], (0, 0), 3.0, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(total / np.maximum(near, 1e-6)[..., None], np.float32), near
