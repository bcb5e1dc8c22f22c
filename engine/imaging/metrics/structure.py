"""Whether a picture's structure was kept, whatever became of its colours."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BugError
from engine.imaging.color.icc import Floats

_SIGMA = 1.5
LEAST_SIDE = 11
"""Pixels of the window, and of the smallest picture that is measured."""
_RANGE = 100.0
_C_1, _C_2 = (0.01 * _RANGE) ** 2, (0.03 * _RANGE) ** 2


def structural_similarity(one: Floats, other: Floats) -> float:
    """Mean SSIM of two pictures' L*, -1 to 1; 1 for the same picture.

    With the window of the paper: Gaussian, 11 × 11 pixels, deviation 1.5, K1 = 0.01, K2 = 0.03, dynamic range 100. The
    mean leaves out the rim of five pixels, where the window leaves the picture.

    Parameters
    ----------
    one, other : ndarray
        ``(H, W)`` float32 L*, 0 to 100, at least 11 pixels each way.

    Raises
    ------
    BugError
        The sizes differ, or are smaller than the window.

    References
    ----------
    Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 13(4), 2004.
    """
    if one.shape != other.shape or min(one.shape) < LEAST_SIDE:
        raise BugError(f"pictures of {one.shape} and {other.shape} have no common structure")

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(values, (LEAST_SIDE, LEAST_SIDE), _SIGMA), np.float64)

    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    similarity = (2 * mean_a * mean_b + _C_1) * (2 * covariance + _C_2)
    similarity /= (mean_a**2 + mean_b**2 + _C_1) * (variance_a + variance_b + _C_2)
    rim = LEAST_SIDE // 2
    return float(similarity[rim:-rim, rim:-rim].mean())
