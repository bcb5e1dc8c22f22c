"""The green that mask LoRAs learn to paint."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BugError
from engine.imaging.painted.paint import MIN_PAINT_GAIN

GREEN = (0, 255, 0)
"""Encoded sRGB of the published training pictures ("Dreaming Masks with FLUX.1 Kontext")."""


def paint_green(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The photograph with a mask painted over it, its soft edges mixed in encoded sRGB, in which the model works.

    Parameters
    ----------
    rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB.
    alpha : ndarray
        ``(H, W)`` uint8, 255 = green.

    Returns
    -------
    ndarray
        ``(H, W, 3)`` uint8 sRGB; where ``alpha`` is 0 the photograph's own values.

    Raises
    ------
    BugError
        The two are not of one size.
    """
    if rgb.shape[:2] != alpha.shape:
        raise BugError(f"a mask of {alpha.shape} on a photograph of {rgb.shape}")
    painted = rgb.copy()
    rows = np.flatnonzero(alpha.any(axis=1))
    if rows.size:
        band = slice(int(rows[0]), int(rows[-1]) + 1)
        share = alpha[band, :, None].astype(np.uint16)
        # 255 · 255 fits 16 bits; adding half of the divisor rounds to the nearest code value.
        mixed = (rgb[band] * (255 - share) + np.array(GREEN, np.uint16) * share + 127) // 255
        painted[band] = mixed.astype(np.uint8)
    return painted


def green_share(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8] | None = None) -> float:
    """Share of the photograph outside the mask that is about as green as paint is.

    Parameters
    ----------
    rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB.
    alpha : ndarray, optional
        ``(H, W)`` uint8; everything above 0 is left out.

    Returns
    -------
    float
        0 to 1. Green is what exceeds the mean of red and blue by more than `MIN_PAINT_GAIN`, by which paint is known.
    """
    channels = rgb.astype(np.int16)
    green = 2 * channels[..., 1] - channels[..., 0] - channels[..., 2] > 2 * 255 * MIN_PAINT_GAIN
    if alpha is not None:
        green &= alpha == 0
    return float(green.mean())
