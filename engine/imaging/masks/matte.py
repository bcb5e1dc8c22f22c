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
    planes = np.dstack([inside, outside, soft, trust, inner.astype(np.float32), outer.astype(np.float32)])

    alpha = np.empty((height, width), np.uint8)
    scale_x, scale_y = small.shape[1] / width, small.shape[0] / height
    edge_rows = np.flatnonzero(((inner == 0) & (outer == 0)).any(axis=1))
    columns = (np.arange(width, dtype=np.float32) + 0.5) * np.float32(scale_x) - np.float32(0.5)
    for top in range(0, height, STRIP_ROWS):
        bottom = min(height, top + STRIP_ROWS)
        rows = (np.arange(top, bottom, dtype=np.float32) + 0.5) * np.float32(scale_y) - np.float32(0.5)
        map_x, map_y = np.meshgrid(columns, rows)
        first, last = rows[0] - 2, rows[-1] + 2
        if not ((edge_rows >= first) & (edge_rows <= last)).any():
            strip = cv2.remap(small, map_x, map_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
            alpha[top:bottom] = strip * 255
            continue
        value = [
            cv2.remap(
                np.ascontiguousarray(planes[..., c]), map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            for c in range(planes.shape[-1])
        ]
        across = np.zeros_like(map_x)
        length = np.zeros_like(map_x)
        for channel in range(3):
            step = value[channel] - value[3 + channel]
            across += (rgb[top:bottom, :, channel] - value[3 + channel]) * step
            length += step * step
        mixed = np.clip(across / np.maximum(length, 1.0), 0.0, 1.0)
        blended = value[6] + value[7] * (mixed - value[6])
        blended = np.where(value[8] > 0.5, 1.0, np.where(value[9] > 0.5, 0.0, blended))
        alpha[top:bottom] = np.round(blended * 255.0)
    return alpha


def _local_mean(
    pixels: NDArray[np.float32], where: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean of ``pixels`` over the sure pixels within about eight pixels, and how much of them there is."""
    weight = where.astype(np.float32)
    near = np.asarray(cv2.GaussianBlur(weight, (0, 0), 3.0, borderType=cv2.BORDER_REPLICATE), np.float32)
    total = cv2.GaussianBlur(pixels * weight[..., None], (0, 0), 3.0, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(total / np.maximum(near, 1e-6)[..., None], np.float32), near
