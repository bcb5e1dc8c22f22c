"""Mask of a garment photographed on a plain background: a still life, a hanger shot, a ghost mannequin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.errors import KnownError
from engine.imaging.masks.background import BackgroundFit, blurred_lab, cut_out, fit_background
from engine.imaging.masks.cleanup import fill_holes, keep_components
from engine.imaging.masks.matte import full_size_alpha, shrink, working_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORKING_LONG_SIDE = 800
"""Pixels on the long side while segmenting: a seam is still a pixel wide, and a picture takes about a second."""

_PLAIN_BACKGROUND = "Use a flatlay on a plain background, or a cut-out with transparency."

LEAST_SHARE = 0.005
"""A garment fills more of its own photograph than this."""

LEAST_BORDER = 0.5
"""Share of the picture's border that is background: a garment cut off at two of the four sides leaves half of it."""


@dataclass(frozen=True, slots=True, eq=False)
class FlatlayMask:
    """Where the garment lies on the flatlay.

    Attributes
    ----------
    alpha : ndarray
        ``(H, W)`` uint8 at the flatlay's size, 255 = garment, soft edges.
    confidence : float
        0 to 1; below 0.5 a person should look first.
    """

    alpha: NDArray[np.uint8]
    confidence: float


def flatlay_mask(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8] | None = None) -> FlatlayMask:
    """Mask the garment of a flatlay.

    Parameters
    ----------
    rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB.
    alpha : ndarray, optional
        ``(H, W)`` uint8 transparency of a cut-out; taken as it is where it shows both garment and nothing.

    Raises
    ------
    KnownError
        The background is not plain, or nothing stands out from it. Carries no path: the caller knows the file.
    """
    if alpha is not None and _is_cut_out(alpha):
        return FlatlayMask(alpha.copy(), 1.0)
    small = shrink(rgb, WORKING_LONG_SIDE)
    lab = blurred_lab(small, 1.0)
    fit = fit_background(lab)
    mask = _segment(small, lab, fit)
    if mask.mean() < LEAST_SHARE:
        # White cloth that the retoucher all but burnt out: one code value is left on a background without any noise.
        fit = fit_background(lab, visible_step=0.15)
        mask = _segment(small, lab, fit)
    if fit.border_share < LEAST_BORDER:
        raise KnownError("the background is not plain, so the garment cannot be told from it", remedy=_PLAIN_BACKGROUND)
    if mask.mean() < LEAST_SHARE:
        raise KnownError("no garment stands out from the background", remedy=_PLAIN_BACKGROUND)
    return FlatlayMask(full_size_alpha(rgb, mask, small), _confidence(mask, fit.border_share, fit.distance, fit.noise))


def _segment(small: NDArray[np.uint8], lab: NDArray[np.float32], fit: BackgroundFit) -> NDArray[np.bool_]:
    mask = cut_out(small, lab, fit)
    # A hanger's hook, a swing tag or a crumb is small beside the garment; two socks or shoes are alike in size.
    mask = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    mask = keep_components(mask, 0.15)
    return fill_holes(mask, round(0.0005 * mask.size))


def _is_cut_out(alpha: NDArray[np.uint8]) -> bool:
    opaque = float((alpha > 127).mean())
    return LEAST_SHARE < opaque < 1.0 - LEAST_SHARE


def _confidence(mask: NDArray[np.bool_], border_share: float, distance: NDArray[np.float32], noise: float) -> float:
    """Doubts multiply: a busy border, a garment hardly different from the background, an odd size, an open border."""
    plain = np.clip((border_share - 0.3) / 0.4, 0.0, 1.0)
    contrast = float(np.median(distance[mask]))
    clear = np.clip(contrast / max(6.0, 8.0 * noise), 0.2, 1.0)
    share = float(mask.mean())
    sized = np.clip(share / 0.03, 0.0, 1.0) * np.clip((0.97 - share) / 0.1, 0.0, 1.0)
    edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    inside = np.clip(1.0 - 1.5 * float(edge.mean()), 0.2, 1.0)
    return float(plain * clear * sized * inside)


def garment_at_working_size(alpha: NDArray[np.uint8], long_side: int) -> NDArray[np.bool_]:
    """The alpha shrunk to at most ``long_side`` pixels and cut at one half: ``(h, w)`` bool."""
    rows, columns = working_size(alpha.shape[0], alpha.shape[1], long_side)
    return cv2.resize(alpha, (columns, rows), interpolation=cv2.INTER_AREA) > 127
