"""Mask of the flatlay's garment on the on-model photograph, without a neural network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.errors import KnownError
from engine.imaging.masks.background import blurred_lab, to_lab
from engine.imaging.masks.blobs import Blobs
from engine.imaging.masks.category import guess_category
from engine.imaging.masks.cleanup import fill_holes, keep_components
from engine.imaging.masks.flatlay import garment_at_working_size
from engine.imaging.masks.garments import GarmentCategory
from engine.imaging.masks.matte import full_size_alpha, shrink
from engine.imaging.masks.person import Figure, find_figure
from engine.imaging.masks.zones import Parse, Zone, nearest_of, parse_figure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Lab = NDArray[np.float32]
    Mask = NDArray[np.bool_]

WORKING_LONG_SIDE = 800
"""Pixels on the long side while segmenting: fingers are still several pixels wide."""
_LEAST_SHARE = 0.002
"""Of the picture; less is no garment that anybody photographs."""
_LEAST_WORN = 0.05
"""Of the figure; a garment on trunk or legs that covers less was most likely taken for skin. Chosen: briefs, the
smallest of them, cover about as much."""
_SKIN_LIKE_DOUBT = 0.5
"""Chosen: a person looks at such a mask first."""
TARGETS = {
    GarmentCategory.UPPER: Zone.UPPER,
    GarmentCategory.LOWER: Zone.LOWER,
    GarmentCategory.FULL: Zone.UPPER,
    GarmentCategory.FEET: Zone.FEET,
    GarmentCategory.HEAD: Zone.HAIR,
    GarmentCategory.ACCESSORY: Zone.UPPER,
}


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

    The photograph's own colours decide, not the flatlay's: that the two differ is why the photograph is here.

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
        There is no person or no garment on the photograph. Carries no path: the caller knows the file.
    """
    small = shrink(on_model_rgb, WORKING_LONG_SIDE)
    lab = blurred_lab(small, 1.0)
    figure = find_figure(small, lab)
    flatlay = garment_at_working_size(flatlay_alpha, 400)
    chosen, chance = guess_category(flatlay, figure, category)
    notices: list[str] = []
    if category is not None and chosen is not category:
        notices.append(f"The label says {category.value}, but outline and framing say {chosen.value}.")
    target, one_piece = TARGETS[chosen], chosen is GarmentCategory.FULL
    flatlay_lab = to_lab(shrink(flatlay_rgb, 400))

    def cut(parse: Parse) -> Mask:
        worn = parse.posterior[target] > 0.5
        return _clean(drop_foreign_cloth(worn, parse.blobs, lab, flatlay_lab, flatlay))

    parse = parse_figure(lab, figure, one_piece=one_piece)
    mask = cut(parse)
    is_skin_like = False
    if target in (Zone.UPPER, Zone.LOWER) and mask.sum() < _LEAST_WORN * figure.mask.sum():
        # The flatlay says that something is worn there, so what looked like skin may be cloth.
        without_skin = parse_figure(lab, figure, one_piece=one_piece, worn=target)
        more = cut(without_skin)
        is_skin_like = bool(more.sum() > mask.sum())
        if is_skin_like:
            parse, mask = without_skin, more
            notices.append("The garment has a colour like skin: check where its mask ends.")
    if mask.mean() < _LEAST_SHARE:
        raise KnownError(
            "no garment was found on the person",
            remedy="Check that the photograph shows the flatlay's garment, or draw the mask in Photoshop.",
        )
    confidence = _confidence(mask, parse, target, figure, lab) * chance**0.5
    if is_skin_like:
        confidence *= _SKIN_LIKE_DOUBT
    if guide_rgb is not None:
        overlap = _overlap(mask, recoloured(small, guide_rgb, figure.mask))
        if overlap < 0.5:
            confidence *= 0.5 + overlap
            notices.append("The colour model changed another part of the photograph than the mask covers.")
    return GarmentMask(full_size_alpha(on_model_rgb, mask, small), confidence, chosen, tuple(notices))


def _clean(mask: Mask) -> Mask:
    """Drop slivers along seams, close pin-holes such as buttons, keep what is large."""
    mask = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    mask = keep_components(mask, 0.03)
    return fill_holes(mask, round(0.0005 * mask.size))


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


def drop_foreign_cloth(mask: Mask, blobs: Blobs, lab: Lab, flatlay_lab: Lab, flatlay: Mask) -> Mask:
    """Take out pieces that contrast with the garment more than anything on its flatlay does: a shirt inside a jacket, a
    bag before a coat.

    Only contrasts are compared, never colours: the photograph's colour may be wrong, but a one-coloured garment stays
    one-coloured.

    Parameters
    ----------
    mask : ndarray
        ``(h, w)`` bool at working size.
    lab, flatlay_lab : ndarray
        ``(h, w, 3)`` and ``(h', w', 3)`` float32 CIELAB of photograph and flatlay.
    flatlay : ndarray
        ``(h', w')`` bool, the garment on the flatlay.
    """
    labelled = np.where(mask, blobs.labels, 0)
    sizes = np.bincount(labelled.ravel(), minlength=len(blobs.sizes))
    sizes[0] = 0
    present = np.flatnonzero(sizes)
    if present.size < 2 or not flatlay.any():
        return mask
    colours = np.stack([np.median(lab[labelled == k], axis=0) for k in present])
    main = colours[np.argmax(sizes[present])]
    contrasts = _contrast(colours, main)
    offered = _contrast(flatlay_lab[flatlay], np.median(flatlay_lab[flatlay], axis=0))
    foreign = []
    for k, contrast in zip(present, contrasts, strict=True):
        # 20: a contrast that nobody takes for a fold of the same cloth.
        if contrast < 20.0:
            continue
        needed = sizes[present[contrasts >= contrast]].sum() / sizes.sum()
        # Half the contrast and a third of the area: light, shade and lining differ between the two photographs.
        if float((offered > 0.5 * contrast).mean()) < 0.33 * needed:
            foreign.append(k)
    if not foreign:
        return mask
    rows, columns = nearest_of(labelled > 0)
    return mask & ~np.isin(labelled[rows, columns], foreign)


def _contrast(colours: Lab, reference: Lab) -> Lab:
    """CIELAB difference with lightness at half weight, because folds change it most."""
    difference = (colours - reference) * np.array([0.5, 1.0, 1.0], np.float32)
    return np.linalg.norm(difference, axis=-1)


def _confidence(mask: Mask, parse: Parse, target: Zone, figure: Figure, lab: Lab) -> float:
    """Doubts multiply: colours that alone would draw another mask, seams towards other garments that no edge supports,
    an odd place or size, a background that is not plain.
    """
    by_colour = parse.by_colour[target]
    agreement = float(np.minimum(by_colour, mask).sum() / max(1.0, float(np.maximum(by_colour, mask).sum())))
    place = float(np.mean(parse.prior[target][mask]))
    share = float(mask.sum()) / max(1.0, float(figure.mask.sum()))
    sized = float(np.clip(share / 0.12, 0.0, 1.0))
    plain = float(np.clip((figure.background.border_share - 0.3) / 0.3, 0.0, 1.0))
    doubts = agreement * np.clip(place / 0.5, 0.0, 1.0) * sized * plain * _seam_support(mask, figure, lab)
    if target is Zone.UPPER and figure.head is not None and figure.touches_bottom:
        # A top that ends nowhere although the hips are in the frame: hem and trousers were not told apart.
        hips = (figure.bottom - figure.head.neck) / figure.head.unit
        if hips > 2.6 and mask[-max(2, round(0.01 * mask.shape[0])) :].any(axis=0).sum() > 0.3 * figure.width:
            doubts *= 0.5
    return float(doubts)


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
