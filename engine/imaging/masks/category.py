"""Which body zones a garment may cover, from its flatlay's outline and from how the model is framed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.imaging.masks.garments import GarmentCategory

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.imaging.masks.person import Figure

    Mask = NDArray[np.bool_]

BODY_CATEGORIES = (GarmentCategory.UPPER, GarmentCategory.LOWER, GarmentCategory.FULL)
HINT_WEIGHT = 1.0
"""Log-odds of a given label: it is right more often than not, and an outline that clearly says otherwise wins."""


def outline_scores(mask: Mask) -> dict[GarmentCategory, float]:
    """How well a flatlay's outline fits a top, a bottom and a one-piece, as log-odds (unnormalised).

    A bottom begins with a straight waistband, nearly as wide as its hips; a top begins with a neckline or straps and
    widens to shoulders and sleeves; two separate legs make trousers; a one-piece is a top that is more than about twice
    as long as its trunk is wide.

    Parameters
    ----------
    mask : ndarray
        ``(h, w)`` bool, True = garment.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    if rows.size < 8 or columns.size < 8:
        return dict.fromkeys(BODY_CATEGORIES, 0.0)
    crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height = crop.shape[0]
    covered = crop.sum(axis=1).astype(np.float64)

    def level(start: float, end: float) -> float:
        return float(np.median(covered[int(start * height) : max(int(end * height), int(start * height) + 1)]))

    trunk = level(0.4, 0.6)
    waistband = level(0.01, 0.03) / max(level(0.15, 0.3), 1.0)
    slender = height / max(trunk, 1.0)
    legs = float(np.mean([_has_two_legs(row) for row in crop[int(0.6 * height) : int(0.95 * height) : 4]]))
    sleeves = float(np.mean([_runs(row) >= 3 for row in crop[int(0.45 * height) : int(0.8 * height) : 4]]))

    # 0.55: between a collar or a pair of straps against the shoulders and a waistband against the hips. 0.03 of the
    # width: a waistband laid flat is straight to a hundredth, a neckline dips by a twentieth and more.
    wide = np.clip((waistband - 0.55) * 8.0, -2.5, 2.5)
    flat = np.clip((0.03 - _top_dip(crop)) * 100.0, -2.5, 2.5)
    straight = 0.4 * wide + 0.6 * flat
    # Two legs may be an overall's, but most one-pieces are dresses. Long garments are trousers or one-pieces; a short
    # one is no one-piece, but as likely a skirt as a top.
    long = np.clip((slender - 2.4) * 1.5, -2.0, 2.0)
    return {
        GarmentCategory.UPPER: float(-straight - max(long, 0.0) + 2.0 * sleeves - 2.0 * legs),
        GarmentCategory.LOWER: float(straight + 0.5 * max(long, 0.0) + 3.0 * legs - 2.0 * sleeves - 0.5),
        GarmentCategory.FULL: float(-straight + long + min(long, 0.0) - 1.5 * legs - 1.0),
    }


def framing_scores(figure: Figure) -> dict[GarmentCategory, float]:
    """How well the photograph's crop fits a category: studios frame what they sell."""
    if figure.head is None:
        return {GarmentCategory.UPPER: -3.0, GarmentCategory.LOWER: 2.0, GarmentCategory.FULL: -2.0}
    if figure.touches_bottom:
        # A figure cut above the knee shows a top; trousers and dresses are shown to the feet.
        return {GarmentCategory.UPPER: 1.5, GarmentCategory.LOWER: -2.0, GarmentCategory.FULL: -1.5}
    return {GarmentCategory.UPPER: -0.5, GarmentCategory.LOWER: 0.5, GarmentCategory.FULL: 0.5}


def category_scores(flatlay: Mask, figure: Figure, hint: GarmentCategory | None) -> dict[GarmentCategory, float]:
    """How plausible every body zone is before the figure's clothes are looked at, as log-odds, 0 for the best.

    Parameters
    ----------
    flatlay : ndarray
        ``(h, w)`` bool, the garment on its flatlay.
    hint : GarmentCategory or None
        From a label that may be wrong. Feet, head and accessories are believed: outline and framing know only clothes.
    """
    if hint is not None and hint not in BODY_CATEGORIES:
        return {hint: 0.0}
    outline, framing = outline_scores(flatlay), framing_scores(figure)
    totals = {c: outline[c] + framing[c] + (HINT_WEIGHT if c is hint else 0.0) for c in BODY_CATEGORIES}
    best = max(totals.values())
    return {c: total - best for c, total in totals.items()}


def _top_dip(crop: Mask) -> float:
    """How far the upper edge dips, in widths of the garment just below it, the outer tenths left out."""
    height = crop.shape[0]
    band = np.flatnonzero(crop[int(0.1 * height) : int(0.2 * height) + 1].mean(axis=0) > 0.5)
    if band.size < 10:
        return 1.0
    width = int(band[-1] - band[0])
    edge = crop.argmax(axis=0)[band[0] + width // 10 : band[-1] - width // 10 + 1]
    return float((np.percentile(edge, 95) - edge.min()) / width)


def _runs(row: Mask) -> int:
    return int((np.diff(np.concatenate([[False], row]).astype(np.int8)) == 1).sum())


def _has_two_legs(row: Mask) -> bool:
    """Exactly two runs of similar width: legs; a body with one sleeve beside it is not."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(np.int8)))
    widths = edges[1::2] - edges[::2]
    widths = widths[widths > 0.02 * len(row)]
    return len(widths) == 2 and widths.min() > 0.5 * widths.max()
