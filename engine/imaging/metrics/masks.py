"""How a mask compares with the true one: region, outline and softness."""

from __future__ import annotations

from math import ceil, hypot
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BugError
from engine.domain.evaluation import MaskFigures

if TYPE_CHECKING:
    from engine.domain.picture import Alpha

BOUNDARY_TOLERANCE = 0.008
"""Share of the picture's diagonal by which two outlines may be apart and still agree: that of the DAVIS benchmark
(Perazzi et al. 2016), eight pixels of a 800 × 600 picture."""


def mask_figures(mask: Alpha, truth: Alpha, tolerance: float = BOUNDARY_TOLERANCE) -> MaskFigures:
    """All measures of one mask.

    Parameters
    ----------
    mask, truth : ndarray
        ``(H, W)`` uint8, 255 = inside.
    tolerance : float
        See `boundary_f`.

    Raises
    ------
    BugError
        The sizes differ.
    """
    if mask.shape != truth.shape:
        raise BugError(f"a mask of {mask.shape} beside one of {truth.shape}")
    inside, wanted = mask > 127, truth > 127
    return MaskFigures(iou(inside, wanted), boundary_f(inside, wanted, tolerance), mean_absolute_error(mask, truth))


def iou(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union of two regions, 0 to 1 (Jaccard); 1 where both are empty.

    Parameters
    ----------
    mask, truth : ndarray
        ``(H, W)`` bool.
    """
    union = np.count_nonzero(mask | truth)
    return np.count_nonzero(mask & truth) / union if union else 1.0


def boundary_f(mask: NDArray[np.bool_], truth: NDArray[np.bool_], tolerance: float = BOUNDARY_TOLERANCE) -> float:
    """F-measure of two outlines, 0 to 1; 1 where neither mask has one.

    Precision is the share of the mask's outline that lies within the tolerance of the true one, recall the share of the
    true one within the tolerance of the mask's; F is their harmonic mean. As in the reference implementation of the
    DAVIS benchmark, distances are Euclidean between pixel centres and the frame is no outline.

    Parameters
    ----------
    mask, truth : ndarray
        ``(H, W)`` bool.
    tolerance : float
        Share of the picture's diagonal, rounded up to whole pixels.

    References
    ----------
    F. Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016, 3.2,
    after D. Martin et al., "Learning to detect natural image boundaries", PAMI 26(5), 2004.
    """
    reach = ceil(tolerance * hypot(*mask.shape))
    one, two = _outline(mask), _outline(truth)
    if not one.any() and not two.any():
        return 1.0
    precision, recall = _share_within(one, two, reach), _share_within(two, one, reach)
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def mean_absolute_error(mask: Alpha, truth: Alpha) -> float:
    """Mean absolute difference of two soft masks over the whole picture, 0 to 1."""
    return float(cv2.absdiff(mask, truth).mean(dtype=np.float64)) / 255


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels that differ from their neighbour to the right, below, or both; one pixel wide."""
    outline = np.zeros_like(mask)
    outline[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    outline[:-1] |= mask[:-1] ^ mask[1:]
    outline[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return outline


def _share_within(outline: NDArray[np.bool_], other: NDArray[np.bool_], reach: int) -> float:
    """Share of an outline within ``reach`` pixels of another one; 1 of an outline that is not there."""
    if not outline.any():
        return 1.0
    if not other.any():
        return 0.0
    distance = cv2.distanceTransform((~other).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float((distance[outline] <= reach + 1e-3).mean())  # the transform's float32 roots are a hair off
