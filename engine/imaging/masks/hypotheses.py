"""Which clothes on the figure may be the flatlay's garment, and which of them most likely is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.imaging.masks.blobs import Blobs
from engine.imaging.masks.cleanup import fill_holes, keep_components
from engine.imaging.masks.evidence import Appearance, appearance_of, likeness, place_likelihood
from engine.imaging.masks.garments import GarmentCategory
from engine.imaging.masks.places import Zone
from engine.imaging.masks.zones import Parse, find_cloths, is_covered_by_skin, nearest_of, parse_figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from engine.imaging.masks.person import Figure

    Lab = NDArray[np.float32]
    Mask = NDArray[np.bool_]

TARGETS = {
    GarmentCategory.UPPER: Zone.UPPER,
    GarmentCategory.LOWER: Zone.LOWER,
    GarmentCategory.FULL: Zone.UPPER,
    GarmentCategory.FEET: Zone.FEET,
    GarmentCategory.HEAD: Zone.HAIR,
    GarmentCategory.ACCESSORY: Zone.UPPER,
}
NONE_OF_THESE = -6.0
"""Log-likelihood that the garment is nothing of what was thought of: that of a region that has the flatlay's
proportions but not its colours, or the other way round."""
_IMPLAUSIBLE = -5.0
"""Log-odds below which a category is not even looked at."""
_LEAST_SHARE = 0.002
"""Of the picture; less is no garment that anybody photographs."""
_LEAST_WORN = 0.05
"""Of the figure: briefs, the smallest garment of trunk or legs, cover about as much."""
_RARE = -1.5
"""Log-odds that the zones are wrong about one cloth: that it belongs to another garment, or that the garment has one
more."""
_APART = -0.7
"""Log-odds that what lies apart from the main part of a garment is another: shoes of the skirt's colour."""
_SEAM = -0.7
"""Log-odds that a line across a zone is the seam between two garments of one colour, and not a belt or a hem."""
_CLEAR_SEAM = 2.0
"""How many times the steps elsewhere in the zone such a line must be."""
_COARSE = 400
"""Pixels on the long side while comparing regions with each other and with the flatlay."""


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """One region that may be the garment.

    Attributes
    ----------
    mask : ndarray
        ``(h, w)`` bool at working size.
    parse : Parse
        The labels it was taken from.
    is_skin_like : bool
        Colours that were taken for skin were counted as cloth.
    score : float
        Log of its likelihood, up to a constant that all share.
    """

    mask: Mask
    category: GarmentCategory
    parse: Parse
    is_skin_like: bool
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The best hypothesis.

    Attributes
    ----------
    certainty : float
        0 to 1: the overlap with the garment that is to be expected, over all hypotheses and their probabilities. Two
        hypotheses that nearly agree do not contradict each other; an equally good one that lies elsewhere does.
    rival : GarmentCategory or None
        The category of the likeliest hypothesis that lies elsewhere, where it is nearly as likely.
    """

    best: Hypothesis
    certainty: float
    rival: GarmentCategory | None


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """The flatlay at 400 pixels: ``lab`` ``(h, w, 3)`` float32 CIELAB and ``mask`` ``(h, w)`` bool."""

    lab: Lab
    mask: Mask


def choose_garment(
    lab: Lab, figure: Figure, still: Still, categories: Mapping[GarmentCategory, float]
) -> Choice | None:
    """Find the clothes on the figure and choose those that the flatlay explains best; None where there are none.

    Parameters
    ----------
    lab : ndarray
        ``(h, w, 3)`` float32 CIELAB of the lightly blurred photograph at working size.
    categories : mapping
        Log-odds of every body zone, from outline, framing and label.
    """
    scale = min(1.0, _COARSE / max(lab.shape[:2]))
    coarse = np.asarray(cv2.resize(lab, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    target = appearance_of(still.lab, still.mask)
    found: list[Hypothesis] = []
    small: list[Mask] = []
    for mask, category, parse, is_skin_like, prior in _regions(lab, figure, still, categories):
        reduced = cv2.resize(mask.astype(np.uint8) * 255, coarse.shape[1::-1], interpolation=cv2.INTER_AREA) > 127
        if mask.mean() < _LEAST_SHARE or not reduced.any():
            continue
        score = prior + _evidence(mask, reduced, category, figure, coarse, target)
        found.append(Hypothesis(mask, category, parse, is_skin_like, score))
        small.append(reduced)
    if not found:
        return None
    scores = np.array([hypothesis.score for hypothesis in found] + [NONE_OF_THESE])
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    overlaps = _overlaps(np.stack(small))
    expected = overlaps @ chances[:-1]
    best = int(np.argmax(expected))
    elsewhere = np.where(overlaps[best] < 0.5, chances[:-1], 0.0)
    rival = int(np.argmax(elsewhere))
    is_near = elsewhere[rival] > 0.5 * float(chances[:-1][overlaps[best] > 0.8].sum())
    return Choice(found[best], float(expected[best]), found[rival].category if is_near else None)


def _evidence(
    mask: Mask, reduced: Mask, category: GarmentCategory, figure: Figure, coarse: Lab, target: Appearance
) -> float:
    if category not in (GarmentCategory.UPPER, GarmentCategory.LOWER, GarmentCategory.FULL):
        return 0.0
    small = -2.0 if mask.sum() < _LEAST_WORN * figure.mask.sum() else 0.0
    return small + likeness(target, appearance_of(coarse, reduced)) + place_likelihood(mask, category, figure)


def _overlaps(masks: Mask) -> NDArray[np.float64]:
    """Intersection over union of every two of ``(n, h, w)`` masks."""
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    both = (flat @ flat.T).astype(np.float64)
    areas = np.diag(both)
    return both / np.maximum(areas[:, None] + areas[None] - both, 1.0)


def _regions(
    lab: Lab, figure: Figure, still: Still, categories: Mapping[GarmentCategory, float]
) -> Iterator[tuple[Mask, GarmentCategory, Parse, bool, float]]:
    """Mask, category, labels, whether of a skin's colour, and log-odds before the flatlay is compared with."""
    cloths = find_cloths(lab, figure)
    blobs = cloths.blobs
    cloth = np.where(figure.mask, blobs.cloths[blobs.labels[nearest_of(blobs.labels > 0)]], -1)
    plain = parse_figure(lab, figure, cloths, one_piece=False)
    for category, odds in categories.items():
        if odds < _IMPLAUSIBLE:
            continue
        target, one_piece = TARGETS[category], category is GarmentCategory.FULL
        parse = parse_figure(lab, figure, cloths, one_piece=True) if one_piece else plain
        if one_piece:
            both = plain.posterior[Zone.UPPER] + plain.posterior[Zone.LOWER] > 0.5
            yield _clean(both), category, parse, False, odds + _RARE
        parses = [(parse, False, odds)]
        if target in (Zone.UPPER, Zone.LOWER) and is_covered_by_skin(cloths, figure, target, one_piece=one_piece):
            # The flatlay says that something is worn there, so what looked like skin may be cloth.
            skin_like = parse_figure(lab, figure, cloths, one_piece=one_piece, worn=target)
            parses.append((skin_like, True, odds + _RARE))
        for labels, is_skin_like, prior in parses:
            worn = _clean(labels.posterior[target] > 0.5)
            one_garment = _clean(drop_foreign_cloth(worn, blobs, lab, still.lab, still.mask))
            yield one_garment, category, labels, is_skin_like, prior
            if target in (Zone.UPPER, Zone.LOWER):
                yield keep_components(worn, 0.25), category, labels, is_skin_like, prior + _APART
                for mask in _other_cloths(worn, cloth, figure):
                    yield mask, category, labels, is_skin_like, prior + _RARE
                for mask in _parts_at_seam(worn, lab):
                    yield mask, category, labels, is_skin_like, prior + _SEAM
        if target in (Zone.UPPER, Zone.LOWER):
            for k in range(int(cloth.max()) + 1):
                yield _clean(cloth == k), category, parse, False, odds + 2.0 * _RARE


def _other_cloths(worn: Mask, cloth: NDArray[np.int64], figure: Figure) -> Iterator[Mask]:
    """The zone with one of its cloths alone, without it, or with one more that is worn below the neck."""
    area = float(worn.sum())
    if not area:
        return
    body = figure.mask.copy()
    if figure.head is not None:
        body[: figure.head.neck] = False
    for k in range(int(cloth.max()) + 1):
        pieces = body & (cloth == k)
        inside = pieces & worn
        if 0.15 < inside.sum() / area < 0.85:
            yield _clean(inside)
            yield _clean(worn & ~inside)
        if (pieces & ~worn).sum() > 0.1 * area:
            yield _clean(worn | pieces)


def _parts_at_seam(worn: Mask, lab: Lab) -> Iterator[Mask]:
    """Both parts of a zone that one clear line runs across: a top and a bottom of one colour."""
    height = len(worn)
    reach = max(2, round(0.006 * height))
    steps = np.zeros(worn.shape, np.float32)
    steps[reach:-reach] = np.linalg.norm(lab[2 * reach :] - lab[: -2 * reach], axis=-1)
    steps[~(cv2.erode(worn.astype(np.uint8), np.ones((4 * reach + 1, 3), np.uint8)) > 0)] = 0.0
    # A hem slants by a few degrees: the largest step within three hundredths of the height, column by column.
    steps = cv2.dilate(steps, np.ones((2 * round(0.015 * height) + 1, 1), np.uint8))
    width = worn.sum(axis=1)
    held = np.cumsum(width) / max(1, int(width.sum()))
    rows = np.flatnonzero((held > 0.15) & (held < 0.85) & (width > 0))
    if not rows.size:
        return
    profile = np.where(worn, steps, 0.0).sum(axis=1)[rows] / width[rows]
    if profile.max() < _CLEAR_SEAM * max(1.0, float(np.median(profile))):
        return
    # The middle of the plateau that the dilation made.
    row = round(float(np.median(rows[profile > 0.95 * profile.max()])))
    for part in (slice(0, row), slice(row, height)):
        mask = np.zeros_like(worn)
        mask[part] = worn[part]
        yield _clean(mask)


def _clean(mask: Mask) -> Mask:
    """Drop slivers along seams, close pin-holes such as buttons, keep what is large."""
    mask = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    mask = keep_components(mask, 0.03)
    return fill_holes(mask, round(0.0005 * mask.size))


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
