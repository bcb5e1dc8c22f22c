"""Pixels that stand for a photograph in tests of the formats."""

from __future__ import annotations

import imagecodecs
import numpy as np

ADOBE_RGB = imagecodecs.cms_profile("adobergb")


def noise(dtype: type = np.uint8, height: int = 37, width: int = 53, channels: int = 3) -> np.ndarray:
    top = np.iinfo(dtype).max
    found = np.random.default_rng(5).integers(0, top, (height, width, channels), dtype=dtype, endpoint=True)
    return found[..., 0] if channels == 1 else found


def smooth(height: int = 48, width: int = 80) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.dstack([x * 3, y * 5, 255 - x * 2]).astype(np.uint8)
