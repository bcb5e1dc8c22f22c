"""Binary and soft mask clean-up; every size is in pixels of the mask that is handed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.errors import BugError
from engine.domain.geometry import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Alpha = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Connected regions of a mask.

    Attributes
    ----------
    labels : ndarray
        ``(H, W)`` int32, 0 = outside the mask.
    areas : ndarray
        ``(n,)`` pixels per label, label 0 included.
    boxes : ndarray
        ``(n, 4)`` left, top, right, bottom, half-open.
    """

    labels: NDArray[np.int32]
    areas: NDArray[np.int64]
    boxes: NDArray[np.int64]


def components(mask: Mask, *, connectivity: int) -> Components:
    """Label the 4- or 8-connected regions of an ``(H, W)`` bool mask."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=connectivity)
    table = np.asarray(stats, np.int64)
    corner, size = table[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]], table[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    return Components(np.asarray(labels, np.int32), table[:, cv2.CC_STAT_AREA], np.hstack([corner, corner + size]))


def remove_specks(mask: Mask, min_area: int) -> Mask:
    """Drop 8-connected components smaller than ``min_area`` pixels.

    Parameters
    ----------
    mask : ndarray
        ``(H, W)`` bool, True = garment.
    min_area : int
        In pixels; 0 and 1 drop nothing.
    """
    found = components(mask, connectivity=8)
    keep = found.areas >= min_area
    keep[0] = False
    return keep[found.labels]


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
    found = components(~mask, connectivity=4)
    height, width = mask.shape
    left, top, right, bottom = found.boxes.T
    fill = (left > 0) & (top > 0) & (right < width) & (bottom < height) & (found.areas <= max_area)
    fill[0] = False  # label 0 is the garment itself
    return mask | fill[found.labels]


def keep_components(mask: Mask, min_share: float) -> Mask:
    """Keep 8-connected components of at least ``min_share`` times the largest component's area.

    Parameters
    ----------
    mask : ndarray
        ``(H, W)`` bool.
    min_share : float
        0 keeps all, 1 keeps the largest (and any that ties with it).
    """
    found = components(mask, connectivity=8)
    keep = found.areas >= min_share * found.areas[1:].max(initial=0)
    keep[0] = False
    return keep[found.labels]


def keep_touching(mask: Mask, seeds: Mask) -> Mask:
    """Keep the 8-connected components that hold at least one pixel of ``seeds``; both ``(H, W)`` bool."""
    found = components(mask, connectivity=8)
    keep = np.zeros(len(found.areas), bool)
    keep[np.unique(found.labels[seeds & mask])] = True
    keep[0] = False
    return keep[found.labels]


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
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)


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
