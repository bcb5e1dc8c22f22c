"""Binary and soft mask clean-up; every size is in pixels of the mask that is handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.errors import BugError
from engine.domain.geometry import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Alpha = NDArray[np.uint8]


def remove_specks(mask: Mask, min_area: int) -> Mask:
    """Drop 8-connected components smaller than ``min_area`` pixels.

    Parameters
    ----------
    mask : ndarray
        ``(H, W)`` bool, True = garment.
    min_area : int
        In pixels; 0 and 1 drop nothing.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keep = np.zeros(count, bool)
    keep[1:] = stats[1:, cv2.CC_STAT_AREA] >= min_area
    return keep[labels]


def fill_holes(mask: Mask, max_area: int) -> Mask:
    """Fill 4-connected holes of up to ``max_area`` pixels; what reaches the picture's border is no hole.

    Parameters
    ----------
    mask : ndarray
        ``(H, W)`` bool, True = garment.
    max_area : int
        In pixels; 0 fills nothing.
    """
    # 4-connected holes are the counterpart of 8-connected garments: a diagonal thread still closes a hole.
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    height, width = mask.shape
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    inside = (left > 0) & (top > 0) & (right < width) & (bottom < height)
    fill = inside & (stats[:, cv2.CC_STAT_AREA] <= max_area)
    fill[0] = False  # label 0 is the garment itself
    return mask | fill[labels] if count > 1 else mask.copy()


def keep_components(mask: Mask, min_share: float) -> Mask:
    """Keep 8-connected components of at least ``min_share`` times the largest component's area.

    Parameters
    ----------
    mask : ndarray
        ``(H, W)`` bool.
    min_share : float
        0 keeps all, 1 keeps the largest (and any that ties with it).
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count == 1:
        return mask.copy()
    areas = stats[:, cv2.CC_STAT_AREA]
    keep = areas >= min_share * areas[1:].max()
    keep[0] = False
    return keep[labels]


def keep_touching(mask: Mask, seeds: Mask) -> Mask:
    """Keep the 8-connected components that hold at least one pixel of ``seeds``; both ``(H, W)`` bool."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    keep = np.zeros(count, bool)
    keep[np.unique(labels[seeds & mask])] = True
    keep[0] = False
    return keep[labels]


def feather(alpha: Alpha, sigma: float) -> Alpha:
    """Soften the edge with a Gaussian.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8, 255 = inside.
    sigma : float
        Standard deviation in pixels; 0 returns a copy.
    """
    if sigma <= 0:
        return alpha.copy()
    return cv2.GaussianBlur(alpha, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)


def mask_coverage(alpha: Alpha) -> float:
    """Mean of ``alpha`` (``(H, W)`` uint8) over the picture, 0 to 1."""
    return float(alpha.mean(dtype=np.float64)) / 255.0


def mask_box(alpha: Alpha) -> Box:
    """Bounding box of everything above zero, in the mask's pixels.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8.

    Raises
    ------
    BugError
        The mask is empty; an empty mask must have been refused before.
    """
    columns = np.flatnonzero(alpha.any(axis=0))
    rows = np.flatnonzero(alpha.any(axis=1))
    if not rows.size:
        raise BugError("mask_box of an empty mask")
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
