"""From the model's resolution to the photograph's, along the photograph's own edges."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.imaging.painted.grid import WorkingGrid
from engine.imaging.painted.paint import Field

_RADIUS = 3
# Working pixels, chosen: a window as wide as the edge of a picture that was reduced and the model's own rounding of it.

_NOISE = 0.02
# Standard deviation of the photograph within a window, full scale 1, that says nothing about the mask, chosen: five
# levels of texture and noise.

_STRIP = 512
# Rows of the photograph worked on at a time, so that 24 megapixels need no float copy of themselves.


def at_source_size(alpha: Field, grid: WorkingGrid, original_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Alpha at the photograph's size, with the photograph's detail where the mask follows its edges.

    In each window alpha is regressed on the photograph, as the guided filter does (He, Sun and Tang, "Guided image
    filtering", 2013; at low resolution: He and Sun, "Fast guided filter", 2015). Instead of the filter's output the
    slopes alone are used, on what the photograph has beyond the working grid: alpha is interpolated and gains that
    detail, times the share of alpha's variance that the photograph explains. Where a mask leaves the photograph's edges
    it stays as it was painted, and at one size it is not touched at all.

    Parameters
    ----------
    alpha : ndarray
        ``(h, w)`` float32, 0 to 1, on the grid.
    grid : WorkingGrid
    original_rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB, the photograph.

    Returns
    -------
    ndarray
        ``(H, W)`` uint8, 255 = painted; 0 outside the crop.
    """
    if grid.is_source:
        return np.round(alpha * 255).astype(np.uint8)
    out = np.zeros((grid.source.height, grid.source.width), np.uint8)
    slopes = _explained_slopes(alpha, grid.photo)
    crop = grid.crop
    for top in range(crop.top, crop.bottom, _STRIP):
        rows = slice(top, min(top + _STRIP, crop.bottom))
        x, y = grid.read_at(rows)
        full = _read(alpha, x, y, cv2.INTER_CUBIC)
        if min(grid.scale) < 1:
            # Detail only near the edge: elsewhere every slope is zero.
            near = _read((np.abs(slopes).max(axis=2) > 0).astype(np.float32), x, y, cv2.INTER_LINEAR) > 0
            columns = np.flatnonzero(near.any(axis=0))
            if columns.size:
                part = slice(int(columns[0]), int(columns[-1]) + 1)
                px, py = np.ascontiguousarray(x[:, part]), np.ascontiguousarray(y[:, part])
                pixels = original_rgb[rows, crop.left + part.start : crop.left + part.stop] * np.float32(1 / 255)
                detail = pixels - _read(grid.photo, px, py, cv2.INTER_CUBIC)
                full[:, part] += (_read(slopes, px, py, cv2.INTER_LINEAR) * detail).sum(axis=2)
        out[rows, crop.left : crop.right] = np.round(np.clip(full, 0, 1) * 255)
    return out


def _read(picture: Field, x: Field, y: Field, interpolation: int) -> NDArray[Any]:
    return np.asarray(cv2.remap(picture, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE))


def _explained_slopes(alpha: Field, photo: Field) -> Field:
    """``(h, w, 3)`` slopes of alpha on the photograph's channels, each times the explained share of variance."""

    def mean(values: NDArray[Any]) -> Field:
        size = (2 * _RADIUS + 1, 2 * _RADIUS + 1)
        return np.asarray(cv2.blur(values.astype(np.float32), size, borderType=cv2.BORDER_REPLICATE), np.float32)

    center, middle = mean(photo), mean(alpha)
    products = mean(np.stack([photo[..., a] * photo[..., b] for a, b in _PAIRS], axis=2))
    covariance = np.empty((*alpha.shape, 3, 3), np.float32)
    for index, (a, b) in enumerate(_PAIRS):
        value = products[..., index] - center[..., a] * center[..., b]
        covariance[..., a, b] = covariance[..., b, a] = value
    common = mean(photo * alpha[..., None]) - center * middle[..., None]
    regular = covariance + np.eye(3, dtype=np.float32) * _NOISE**2
    slopes = np.zeros_like(photo)
    variance = mean(alpha * alpha) - middle * middle
    edge = variance > 1e-4
    slopes[edge] = np.linalg.solve(regular[edge], common[edge][..., None])[..., 0]
    explained = np.clip((slopes * common).sum(axis=2) / np.maximum(variance, 1e-4), 0, 1)
    return np.asarray(slopes * explained[..., None] * edge[..., None], np.float32)


_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
