"""How alike photographs are: the same picture again, or the same pose in other clothes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.imaging.metrics.masks import iou

SAME_PICTURE = 4
"""Bits of 64 in which the perceptual hashes of one picture differ at most when it was scaled and compressed again;
those of two photographs in front of one studio's wall differ by 6 and more (1,770 pairs of 60)."""

RECOLORED_PICTURE = 8
"""The same once a garment in it has another colour."""

SAME_POSE = 0.95
"""Intersection over union of two figures from which on they stand alike, in one frame: a thousandth of a studio's
pairs, half of which overlap by 0.77 and more because every model is framed alike."""

_SIDE = 64


def perceptual_hash(rgb: NDArray[np.uint8]) -> str:
    """The 64-bit DCT hash of a picture (C. Zauner, "Implementation and benchmarking of perceptual image hash
    functions", 2010), as ImageHash computes it: 16 hexadecimal digits.

    Parameters
    ----------
    rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB.
    """
    import imagehash
    from PIL import Image

    # ImageHash reduces to 32 × 32 anyway; area averaging first is a tenth of the work on a large photograph.
    height, width = rgb.shape[:2]
    scale = min(1.0, 512 / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    return str(imagehash.phash(Image.fromarray(small)))


def hash_distance(one: str, two: str) -> int:
    """Bits in which two perceptual hashes differ, 0 to 64."""
    return (int(one, 16) ^ int(two, 16)).bit_count()


def silhouette(rgb: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """What stands out from a plain background, ``(64, 64)`` bool, whatever the photograph's proportions.

    Parameters
    ----------
    rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB.

    Returns
    -------
    ndarray or None
        None where the background is not plain, and a silhouette would tell nothing.
    """
    from engine.imaging.masks.background import blurred_lab, fit_background
    from engine.imaging.masks.flatlay import LEAST_BORDER

    small = np.asarray(cv2.resize(rgb, (2 * _SIDE, 2 * _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    fit = fit_background(blurred_lab(small, 1.0))
    if fit.border_share < LEAST_BORDER:
        return None
    apart = (fit.distance > fit.threshold) & ~fit.shadow()
    return cv2.resize(apart.astype(np.uint8), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) > 0


def overlap(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    """Intersection over union of two silhouettes, 0 to 1; 0 where both are empty."""
    return iou(one, two) if one.any() or two.any() else 0.0
