"""Mask of the flatlay's garment on the on-model photograph, without a neural network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.errors import KnownError
from engine.imaging.masks.background import blurred_lab
from engine.imaging.masks.category import category_scores
from engine.imaging.masks.flatlay import garment_at_working_size
from engine.imaging.masks.garments import GarmentCategory
from engine.imaging.masks.hypotheses import TARGETS, Still, choose_garment
from engine.imaging.masks.matte import full_size_alpha, shrink
from engine.imaging.masks.person import Figure, coverage, find_figure, trunk_rows
from engine.imaging.masks.places import Zone
from engine.imaging.masks.zones import Parse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Lab = NDArray[np.float32]
    Mask = NDArray[np.bool_]

WORKING_LONG_SIDE = 800
"""Pixels on the long side while segmenting: fingers are still several pixels wide."""
_SKIN_LIKE_DOUBT = 0.5
"""Chosen: a person looks at such a mask first."""


@dataclass(frozen=True, slots=True, eq=False)
class GarmentMask:
    """Where the flatlay's garment is on the on-model photograph.

    Attributes
    ----------
    alpha : ndarray
        ``(H, W)`` uint8 at the photograph's size, 255 = garment, soft edges.
    confidence : float
        0 to 1; below 0.5 a person should look first.
    category : GarmentCategory
        The body zone that was masked, given or found out.
    notices : tuple of str
        One sentence each, for the operator.
    """

    alpha: NDArray[np.uint8]
    confidence: float
    category: GarmentCategory
    notices: tuple[str, ...] = ()


def garment_mask(
    on_model_rgb: NDArray[np.uint8],
    flatlay_rgb: NDArray[np.uint8],
    flatlay_alpha: NDArray[np.uint8],
    category: GarmentCategory | None,
    guide_rgb: NDArray[np.uint8] | None = None,
) -> GarmentMask:
    """Mask the flatlay's garment on the on-model photograph.

    The photograph's own colours draw the mask's edge. The flatlay only tells which clothes are meant, by what a wrong
    colour leaves as it is: proportions, outline, and how its colours differ from each other.

    Parameters
    ----------
    on_model_rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB, a person before a plain background.
    flatlay_rgb, flatlay_alpha : ndarray
        ``(h, w, 3)`` uint8 sRGB and ``(h, w)`` uint8, the garment and its mask.
    category : GarmentCategory or None
        A hint; None finds out. A clear outline overrules it, with a notice.
    guide_rgb : ndarray, optional
        ``(h', w', 3)`` uint8 sRGB, a model's picture of the corrected photograph; where it differs from the photograph
        the garment was recoloured. Models repaint more than they are asked to, so it only confirms or casts doubt.

    Raises
    ------
    KnownError
        There is no person or no garment on the photograph, or the flatlay's mask is empty. Carries no
        path: the caller knows the file.
    """
    small = shrink(on_model_rgb, WORKING_LONG_SIDE)
    lab = blurred_lab(small, 1.0)
    figure = find_figure(small, lab)
    flatlay = garment_at_working_size(flatlay_alpha, 400)
    if not flatlay.any():
        raise KnownError("the flatlay's mask is empty", remedy="Mask the garment on the flatlay first.")
    still = Still(blurred_lab(shrink(flatlay_rgb, 400), 1.0), flatlay)
    choice = choose_garment(lab, figure, still, category_scores(flatlay, figure, category))
    if choice is None:
        raise KnownError(
            "no garment was found on the person",
            remedy="Check that the photograph shows the flatlay's garment, or draw its mask (on the Queue page, or "
            "with 'chromask correct').",
        )
    best = choice.best
    mask, chosen = best.mask, best.category
    notices: list[str] = []
    if category is not None and chosen is not category:
        notices.append(f"The label says {category.value}, but outline, framing and colours say {chosen.value}.")
    confidence = choice.certainty * _confidence(mask, best.parse, TARGETS[chosen], figure, lab)
    if best.is_skin_like:
        confidence *= _SKIN_LIKE_DOUBT
        notices.append("The garment has a colour like skin: check where its mask ends.")
    if choice.rival is not None:
        notices.append(f"Something else that is worn as {choice.rival.value} fits the flatlay nearly as well.")
    if guide_rgb is not None:
        overlap = _overlap(mask, recoloured(small, guide_rgb, figure.mask))
        if overlap < 0.5:
            confidence *= 0.5 + overlap
            notices.append("The colour model changed another part of the photograph than the mask covers.")
    return GarmentMask(full_size_alpha(on_model_rgb, mask, small), confidence, chosen, tuple(notices))


def recoloured(rgb: NDArray[np.uint8], guide_rgb: NDArray[np.uint8], figure: Mask) -> Mask:
    """Where a model's picture changes the colour of the figure: ``(h, w)`` bool.

    Both pictures are blurred over about a hundredth of their height, since a model's picture is never in register;
    the threshold between changed and unchanged is Otsu's (1979), but at least three CIELAB units.
    """
    height, width = rgb.shape[:2]
    guide = np.asarray(cv2.resize(guide_rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    sigma = max(1.0, 0.01 * height)
    change = np.linalg.norm(blurred_lab(rgb, sigma) - blurred_lab(guide, sigma), axis=-1)
    scaled = np.clip(np.round(change * 4.0), 0, 255).astype(np.uint8)
    level, _ = cv2.threshold(scaled[figure].reshape(-1, 1), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return figure & (change > max(3.0, level / 4.0))


def _overlap(first: Mask, second: Mask) -> float:
    return float((first & second).sum()) / max(1.0, float((first | second).sum()))


def _confidence(mask: Mask, parse: Parse, target: Zone, figure: Figure, lab: Lab) -> float:
    """Doubts multiply: colours that alone would draw another mask, seams towards other garments that no edge supports,
    an odd place or size, a background that is not plain, clothes of which a part was taken for background.
    """
    by_colour = parse.by_colour[target]
    agreement = float(np.minimum(by_colour, mask).sum() / max(1.0, float(np.maximum(by_colour, mask).sum())))
    place = float(np.mean(parse.prior[target][mask]))
    share = float(mask.sum()) / max(1.0, float(figure.mask.sum()))
    sized = float(np.clip(share / 0.12, 0.0, 1.0))
    plain = float(np.clip((figure.background.border_share - 0.3) / 0.3, 0.0, 1.0))
    doubts = agreement * np.clip(place / 0.5, 0.0, 1.0) * sized * plain * _seam_support(mask, figure, lab)
    # Four fifths: a bent arm or parted legs leave the rest open. Half: the background shows through the clothes.
    doubts *= np.clip(
        (coverage(figure, _seat_rows(mask) if target is Zone.LOWER else trunk_rows(figure)) - 0.5) / 0.3, 0, 1
    )
    if target is Zone.UPPER and figure.head is not None and figure.touches_bottom:
        # A top that ends nowhere although the hips are in the frame: hem and trousers were not told apart.
        hips = (figure.bottom - figure.head.neck) / figure.head.unit
        if hips > 2.6 and mask[-max(2, round(0.01 * mask.shape[0])) :].any(axis=0).sum() > 0.3 * figure.width:
            doubts *= 0.5
    return float(doubts)


def _seat_rows(mask: Mask) -> slice:
    """The upper two fifths of trousers or a skirt: above the legs, between which the background shows."""
    rows = np.flatnonzero(mask.any(axis=1))
    return slice(int(rows[0]), int(rows[0]) + 1 + round(0.4 * (rows[-1] - rows[0])))


def _seam_support(mask: Mask, figure: Figure, lab: Lab) -> float:
    """Share of the outline inside the figure with a visible step across it, from 0.4 (none) to 1 (two thirds)."""
    thick = np.ones((7, 7), np.uint8)
    inside = cv2.erode(figure.mask.astype(np.uint8), thick) > 0
    seam = (cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0) & inside
    if seam.sum() < 20:
        return 1.0
    # Lightest minus darkest within three pixels, in every coordinate: an edge is there, wherever exactly it runs.
    step = np.linalg.norm(cv2.dilate(lab, thick) - cv2.erode(lab, thick), axis=-1)
    return float(np.clip(0.4 + 0.9 * (step[seam] > 8.0).mean(), 0.4, 1.0))
