"""Whether several seeds painted one mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BugError

if TYPE_CHECKING:
    from engine.domain.picture import Alpha


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """What several masks of one photograph have in common.

    Attributes
    ----------
    alpha : ndarray
        ``(H, W)`` uint8, the mean, 255 = every mask holds the pixel.
    disagreement : ndarray
        ``(H, W)`` uint8, 0 = all masks say the same, 255 = as many for as against: twice their standard deviation.
    confidence : float
        0 to 1: the mean overlap (soft intersection over union) of all pairs of masks; 1 for a single mask.
    """

    alpha: Alpha
    disagreement: NDArray[np.uint8]
    confidence: float


def agreement(alphas: Sequence[Alpha]) -> Agreement:
    """Average the masks of several seeds, and say where and how much they differ.

    The overlap of two soft masks is the sum of their minima over the sum of their maxima (Ruzicka's similarity), which
    is their IoU where they are hard.

    Parameters
    ----------
    alphas : sequence of ndarray
        ``(H, W)`` uint8 each, of one size, 255 = inside; one at least.

    Raises
    ------
    BugError
        No mask, or masks of different sizes.
    """
    if not alphas or any(alpha.shape != alphas[0].shape or alpha.dtype != np.uint8 for alpha in alphas):
        raise BugError(f"masks that cannot agree: {[(alpha.shape, str(alpha.dtype)) for alpha in alphas]}")
    # Sums of bytes and their squares are exact in 32 bits and need no float copy of each mask.
    total, squares = np.zeros(alphas[0].shape, np.uint32), np.zeros(alphas[0].shape, np.uint32)
    for alpha in alphas:
        total += alpha
        squares += alpha.astype(np.uint32) ** 2
    count = len(alphas)
    mean = total.astype(np.float32) / count
    variance = np.maximum(squares.astype(np.float64) / count - mean.astype(np.float64) ** 2, 0)
    overlaps = [_overlap(one, other) for index, one in enumerate(alphas) for other in alphas[index + 1 :]]
    return Agreement(
        np.round(mean).astype(np.uint8),
        np.round(np.minimum(2 * np.sqrt(variance), 255)).astype(np.uint8),
        float(np.mean(overlaps)) if overlaps else 1.0,
    )


def _overlap(one: Alpha, other: Alpha) -> float:
    union = int(np.maximum(one, other).sum(dtype=np.int64))
    return int(np.minimum(one, other).sum(dtype=np.int64)) / union if union else 1.0
