"""Overexposed garments: where a channel stands at its maximum, the photograph no longer holds the colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.imaging.color.spaces import row_chunks

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Picture

NOTEWORTHY_SHARE = 0.05
"""Zips, sequins and the sheen of satin clip a few hundredths of a garment that is exposed well."""

_JPEG_ROUNDING = 2
"""How many 8-bit codes below the maximum JPEG leaves pixels of a clipped surface."""


def clipped_share(picture: Picture, alpha: Alpha) -> float:
    """Share of the garment's pixels whose red, green or blue is at its maximum.

    Parameters
    ----------
    picture : Picture
        uint8 or uint16 pixels in any RGB space: exposure and conversion both clip the encoded values.
    alpha : ndarray
        ``(H, W)`` uint8, 255 = garment; only solid pixels count.

    Returns
    -------
    float
        0 to 1; 0 for an empty mask.
    """
    top = int(np.iinfo(picture.pixels.dtype).max)
    limit = top - _JPEG_ROUNDING * (top // 255)
    clipped = garment = 0
    for rows in row_chunks(picture.pixels.shape):
        inside = picture.pixels[rows][alpha[rows] == 255]
        garment += len(inside)
        red, green, blue = (inside[:, channel] >= limit for channel in range(3))
        clipped += int(np.count_nonzero(red | green | blue))
    return clipped / garment if garment else 0.0


def clipping_notices(picture: Picture, alpha: Alpha, flatlay: Picture, flatlay_alpha: Alpha) -> tuple[str, ...]:
    """A sentence for each of the two garments that is clipped on more than `NOTEWORTHY_SHARE` of it."""
    notices: list[str] = []
    worn, reference = clipped_share(picture, alpha), clipped_share(flatlay, flatlay_alpha)
    if worn > NOTEWORTHY_SHARE:
        notices.append(
            f"{worn:.0%} of the garment is overexposed (red, green or blue is at its maximum): colour and folds are"
            " lost there, and no match brings them back. Expose it darker, or look at those places."
        )
    if reference > NOTEWORTHY_SHARE:
        notices.append(
            f"{reference:.0%} of the garment on the flatlay is overexposed (red, green or blue is at its maximum): the"
            " colour that was matched may not be its own. Expose it darker."
        )
    return tuple(notices)
