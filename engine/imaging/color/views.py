"""One colour for all views of an article: front, back and detail are solved together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from engine.imaging.color.correction import REFERENCE, Correction, distance, fit_correction
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.light import lightness_credibility
from engine.imaging.color.palette_report import COUNTERPART, SMALLEST_SHARE, main_colors
from engine.imaging.color.samples import garment_samples, robust_mean
from engine.imaging.color.transport import chromaticity, palette_cost
from engine.imaging.color.weave import measure_weaves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha, Picture
    from engine.domain.requests import Tolerance
    from engine.imaging.color.icc import Doubles, Floats
    from engine.imaging.color.weave import WeavePair

SAME_ARTICLE = 8.0
"""Largest ΔE00 between two flatlays, or between a matched view and what the others agree on, at which they can be one
article. Chosen, not measured: wider than the light of two photographs of one cloth, narrower than the 15 to 25 that
neighbouring basic hues lie apart."""

_LEAST_SHARE = 0.05
"""Of a view's garment: a colour that fills less of it says more about its neighbours than about itself."""

_ROUNDS = 3
"""Of correcting the offset: near black and white it fades, so that once is not enough."""


@dataclass(frozen=True, slots=True, eq=False)
class ViewColors:
    """One view: the garment's samples on the model and on the flatlay that belongs to this view.

    Attributes
    ----------
    worn, flat : ndarray
        ``(N, 3)`` and ``(M, 3)`` CIELAB D65.
    weaves : WeavePair or None
        Of the two.
    """

    worn: Floats
    flat: Floats
    weaves: WeavePair | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """What the views of an article agree on.

    Attributes
    ----------
    credibility : float
        0 to 1, of the photographs' own lightness, one for all views.
    palette : ndarray
        ``(K, 3)`` float64 CIELAB, the flatlays' main colours: by the nearest of them pixels are told apart.
    goals : ndarray
        ``(K, 3)`` float64 CIELAB, what each of them becomes in every view; NaN where fewer than two views show it.
    views : int
        How many were solved together.
    spread_before, spread_after : float
        Largest ΔE00 between the means of the article's main common colour in any two views: as photographed, and with
        the agreed corrections. NaN where the views have no colour in common.
    """

    credibility: float
    palette: Doubles
    goals: Doubles
    views: int
    spread_before: float
    spread_after: float

    @property
    def figures(self) -> dict[str, float]:
        """For the provenance."""
        figures = {"views": self.views, "views_spread_before": self.spread_before, "views_spread": self.spread_after}
        return {name: round(value, 4) for name, value in figures.items() if not np.isnan(value)}

    def joined(self, correction: Correction, worn: NDArray[np.floating]) -> Correction:
        """The correction of one view, moved so that its colours are the agreed ones.

        It comes back unmoved where the view shows none of the common colours, or lies farther than `SAME_ARTICLE` from
        them, so that it may be another article.
        """
        means, shares = _color_means(correction(worn), self.palette)
        weights = np.where(np.isnan(self.goals[:, 0] + means[:, 0]), 0.0, shares)
        if not weights.any():
            return correction
        main = int(np.argmax(weights))
        if float(delta_E_2000(means[main], self.goals[main])) > SAME_ARTICLE:
            return correction
        used = weights > 0
        weights = weights[used] / weights[used].sum()
        goals = chromaticity(self.goals[used], REFERENCE)
        offset = np.zeros(3)
        label = _labels(correction(worn), self.palette)
        for _ in range(_ROUNDS):
            matched = replace(correction, offset=offset)(worn)
            reached = np.stack([robust_mean(matched[label == k]) for k in np.flatnonzero(used)])
            offset = offset + weights @ (goals - chromaticity(reached, REFERENCE))
        return replace(correction, offset=offset)


def view_colors(on_model: Picture, alpha: Alpha, flatlay: Picture, flatlay_alpha: Alpha) -> ViewColors:
    """Sample one view.

    Parameters
    ----------
    on_model, flatlay : Picture
        Any RGB profile.
    alpha, flatlay_alpha : ndarray
        ``(H, W)`` uint8, 255 = garment, each of its picture's size.

    Raises
    ------
    KnownError
        A mask is empty, tiny or of another size.
    """
    worn = garment_samples(on_model, alpha, "garment")
    flat = garment_samples(flatlay, flatlay_alpha, "flatlay")
    weaves = measure_weaves(on_model, alpha, worn.box, flatlay, flatlay_alpha, flat.box)
    return ViewColors(worn.lab, flat.lab, weaves)


def solve_views(views: Sequence[ViewColors], judge: Tolerance, credibility: float | None = None) -> Agreement | None:
    """Find the colours that all views of an article shall have after the match.

    Each view is matched to its flatlay by itself, but all with one belief in their lightness. What a main colour of the
    flatlay became in the middle of the views (the median, so that one slip of a mask does not count) is its goal in all
    of them. Guides do not enter, so that every view's own job finds the same goals.

    Parameters
    ----------
    views : sequence of ViewColors
        In any order; the outcome does not depend on it.
    judge : Tolerance
        Where a view would fail by it with the photographs' lightness, all take the flatlay's, if that is nearer.
    credibility : float, optional
        0 to 1, how far the photographs' own lightness is believed, whatever they suggest.

    Returns
    -------
    Agreement or None
        None where there is but one view.
    """
    if len(views) < 2:
        return None
    palette = _palette(views)
    if credibility is not None:
        return _agree(views, palette, credibility, judge)[1]
    believed = float(np.mean([lightness_credibility(view.worn, view.flat) for view in views]))
    farthest, agreement = _agree(views, palette, believed, judge)
    if farthest <= judge.warns:
        return agreement
    return min((farthest, agreement), _agree(views, palette, 0.0, judge), key=lambda found: found[0])[1]


def _agree(
    views: Sequence[ViewColors], palette: Doubles, credibility: float, judge: Tolerance
) -> tuple[float, Agreement]:
    """The views' agreement with one belief in their lightness, and the largest ΔE00 to a flatlay that it leaves."""
    corrections = [fit_correction(view.worn, view.flat, credibility, weaves=view.weaves) for view in views]
    matched = [correction(view.worn) for correction, view in zip(corrections, views, strict=True)]
    means = np.stack([_color_means(lab, palette)[0] for lab in matched])
    shown = ~np.isnan(means[..., 0])
    goals = np.full(palette.shape, np.nan)
    for k in np.flatnonzero(shown.sum(axis=0) >= 2):
        goals[k] = np.median(means[shown[:, k], k], axis=0)
    agreement = Agreement(credibility, palette, goals, len(views), np.nan, np.nan)
    joined = [agreement.joined(c, view.worn) for c, view in zip(corrections, views, strict=True)]
    after = [correction(view.worn) for correction, view in zip(joined, views, strict=True)]
    labels = [_labels(lab, palette) for lab in matched]
    main = _main_common(shown, views, labels)
    if main is not None:
        before_means, after_means = (
            [
                robust_mean(lab[label == main])
                for lab, label, has in zip(labs, labels, shown[:, main], strict=True)
                if has
            ]
            for labs in ([view.worn for view in views], after)
        )
        agreement = replace(agreement, spread_before=spread(before_means), spread_after=spread(after_means))
    farthest = max(
        float(delta_E_2000(robust_mean(lab), robust_mean(view.flat), judge.k_L, judge.k_C, judge.k_H))
        for lab, view in zip(after, views, strict=True)
    )
    return farthest, agreement


def same_article(flat: NDArray[np.floating], other: NDArray[np.floating]) -> bool:
    """Whether two flatlays' samples ``(N, 3)`` and ``(M, 3)`` CIELAB are near enough to be of one article."""
    return distance(flat, robust_mean(other)) <= SAME_ARTICLE


def spread(means: Sequence[NDArray[np.floating]]) -> float:
    """Largest ΔE00 between any two of the colours ``(3,)`` CIELAB; 0 for a single one."""
    return max((float(delta_E_2000(one, two)) for one, two in combinations(means, 2)), default=0.0)


def _palette(views: Sequence[ViewColors]) -> Doubles:
    """The main colours of all flatlays, each of which counts once however many views it belongs to."""
    flatlays = {view.flat.tobytes(): view.flat for view in views}
    size = min(len(flat) for flat in flatlays.values())
    # In the order of their bytes, and evenly thinned to one size: neither order nor size may sway the palette.
    pooled = [flatlays[key][:: max(1, len(flatlays[key]) // size)] for key in sorted(flatlays)]
    colors = main_colors(np.concatenate(pooled))
    return colors.lab[colors.shares >= SMALLEST_SHARE]


def _labels(lab: Floats, palette: Doubles) -> NDArray[np.intp]:
    """The nearest colour of the palette for each sample, -1 where none is near; one colour takes everything."""
    if len(palette) == 1:
        return np.zeros(len(lab), np.intp)
    cost = palette_cost(chromaticity(lab, REFERENCE), chromaticity(palette, REFERENCE))
    label = cost.argmin(axis=1)
    label[cost.min(axis=1) > COUNTERPART**2] = -1
    return label


def _color_means(lab: Floats, palette: Doubles) -> tuple[Doubles, Doubles]:
    """Robust mean ``(K, 3)`` of each palette colour's samples, NaN below `_LEAST_SHARE`, and their shares ``(K,)``."""
    label = _labels(lab, palette)
    shares = np.array([(label == k).mean() for k in range(len(palette))])
    means = np.full(palette.shape, np.nan)
    for k in np.flatnonzero(shares >= _LEAST_SHARE):
        means[k] = robust_mean(lab[label == k])
    return means, np.where(np.isnan(means[:, 0]), 0.0, shares)


def _main_common(
    shown: NDArray[np.bool_], views: Sequence[ViewColors], labels: Sequence[NDArray[np.intp]]
) -> int | None:
    """The palette colour that most views show, of these the one that is largest where it is smallest."""
    common = shown.sum(axis=0)
    if common.max() < 2:
        return None
    least = [
        min((float((labels[i] == k).mean()) for i in range(len(views)) if shown[i, k]), default=0.0)
        for k in range(shown.shape[1])
    ]
    return int(max(range(shown.shape[1]), key=lambda k: (common[k], least[k])))
