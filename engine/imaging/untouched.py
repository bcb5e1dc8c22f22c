"""The proof that nothing was changed outside a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.imaging.color.spaces import row_chunks

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Pixels


def outside_max_change(before: Pixels, after: Pixels, alpha: Alpha) -> int:
    """Largest change of a channel value where a mask is zero, in the pixels' own steps.

    Parameters
    ----------
    before, after : ndarray
        ``(H, W, 3)`` uint8 or uint16, both the same.
    alpha : ndarray
        ``(H, W)`` uint8.
    """
    largest = 0
    for rows in row_chunks(before.shape):
        change = cv2.absdiff(before[rows], after[rows])
        change = np.maximum(np.maximum(change[..., 0], change[..., 1]), change[..., 2])  # ten times max(axis=-1)
        largest = max(largest, int(change[alpha[rows] == 0].max(initial=0)))
    return largest
