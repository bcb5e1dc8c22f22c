"""The colour transfer from one garment's pixels to another photograph of it: lightness curve plus chromaticity map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

import cv2
import numpy as np

from engine.imaging.color.palette_report import SMALLEST_SHARE, main_colors
from engine.imaging.color.transport import (
    CLUSTER,
    REACH,
    Palette,
    chromaticity,
    garment_palette,
    matched_shares,
    palette,
    palette_cost,
    unbalanced_plan,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.imaging.color.icc import Doubles, Floats
    from engine.imaging.color.weave import WeavePair

_Float = TypeVar("_Float", np.float32, np.float64)

_ANCHOR = 85
"""Percentile of L that is matched: fabric that faces the light, above the folds of the body and below the speculars."""

_TOE, _SHOULDER = 6.0, 97.0
"""L below and above which the curve bends towards 0 and 100, so that folds and threads are compressed, not clipped."""

_GAIN_LIMITS = (0.9, 3.0)
"""Contrast is hardly ever taken (folds are the garment's shape) and at most tripled: an 8-bit step of 0.4 L becomes a
just visible 1.2 L, and noise grows with it."""

_COARSE = 120.0
"""Blur, (11 units)², from which the plan is annealed to the width of one cluster."""

_ANNEALING_ROUNDS = 18
_RIDGE = 2e-3

_HIDDEN, _ALL_SHOWN = 1 / 3, 1 / 2
"""Share of a main colour that finds a partner: a lining that the body hides finds a tenth, a trim that is narrower on
the body six tenths."""

_UNEXPLAINED, _EXPLAINED = 6.0, 0.5
"""Lab units that a result lies off the target's colours, on average, before a reason is looked for (published pairs lie
1 to 4 off, single ones up to 9), and the part of it that a reason may leave."""

_LEAST_SHOWN = 0.2
"""Share of the target that is left when a colour is missing."""

_ENOUGH = 5000
"""Samples from which a palette is told apart; a colour of `SMALLEST_SHARE` then has a hundred."""


class Transfer(Protocol):
    """A colour transfer CIELAB -> CIELAB."""

    @property
    def fitted(self) -> tuple[float, float]:
        """Lowest and highest L of the samples it was fitted to."""
        ...

    @property
    def figures(self) -> dict[str, float]:
        """For the provenance."""
        ...

    def __call__(self, lab: NDArray[np.floating]) -> Floats:
        """Transfer ``(N, 3)`` colours."""
        ...


@dataclass(frozen=True, slots=True)
class LightnessCurve:
    """L* to L*: a straight line through an anchor, bent softly at black and white.

    Attributes
    ----------
    anchor, target : float
        The L that is given the L.
    gain : float
        The line's slope.
    fitted : tuple of float
        Lowest and highest L of the fabric; beyond them (a button, a specular, a hole) the slope is at most 1.
    kept : float
        0 to 1, share of the photograph's own L in the outcome; see `engine.imaging.color.light.lightness_credibility`.
    """

    anchor: float
    target: float
    gain: float
    fitted: tuple[float, float]
    kept: float = 0.0

    def __call__(self, lightness: NDArray[np.floating]) -> NDArray[np.floating]:
        fabric = np.clip(lightness, *self.fitted)
        line = (fabric - self.anchor) * self.gain + self.target + (lightness - fabric) * min(self.gain, 1.0)
        toe = _TOE * np.exp(np.minimum(line - _TOE, 0) / _TOE)
        room = 100 - _SHOULDER
        shoulder = 100 - room * np.exp(-np.maximum(line - _SHOULDER, 0) / room)
        bent = np.where(line < _TOE, toe, np.where(line > _SHOULDER, shoulder, line))
        return bent + self.kept * (lightness - bent)


@dataclass(frozen=True, slots=True, eq=False)
class GarmentTransfer:
    """A colour transfer CIELAB -> CIELAB.

    ``a / (L + 16)`` and ``b / (L + 16)`` are functions of X/Y and Z/Y alone (CIE 015:2018, 8.2.1: each is a difference
    of cube roots over the cube root of Y), so they stay when the light on a fold gets weaker. The map is affine in them
    and in L, and therefore keeps fine texture.

    Attributes
    ----------
    reference : float
        L at which chromaticity is counted in Lab units.
    weights : ndarray
        ``(4, 2)`` float64: (1, L, u, v) / (1, 100, 100, 100) -> u, v.
    fitted : tuple of float
        Lowest and highest L of the samples; beyond them the map's L term is held, not extrapolated.
    """

    lightness: LightnessCurve
    reference: float
    weights: Doubles
    fitted: tuple[float, float]

    def __call__(self, lab: NDArray[np.floating]) -> Floats:
        """Transfer ``(N, 3)`` colours."""
        source = np.asarray(lab, np.float32)
        design = _design(chromaticity(source, self.reference), self.fitted)
        out = np.empty(source.shape, np.float32)
        out[:, 0] = self.lightness(source[:, 0])
        # OpenCV's product of a thin matrix: BLAS would wake its threads for it.
        out[:, 1:] = cv2.transform(design[None], self.weights.T.astype(np.float32))[0]
        out[:, 1:] *= (out[:, :1] + 16) / np.float32(self.reference + 16)
        return out

    @property
    def figures(self) -> dict[str, float]:
        """For the provenance."""
        return {"lightness_gain": round(self.lightness.gain, 4), "lightness_kept": round(self.lightness.kept, 4)}


def fit_transfer(
    source: NDArray[np.floating],
    target: NDArray[np.floating],
    *,
    same_light: bool = False,
    kept: float = 0.0,
    weaves: WeavePair | None = None,
) -> GarmentTransfer:
    """Fit the transfer that gives one garment's pixels the colours of another photograph of it.

    Palettes of both are matched in chromaticity by unbalanced optimal transport, re-planned while an affine map is
    fitted to the transported palette (as in iterated closest points, from coarse to fine). Lightness is anchored at its
    85th percentile. A main colour of the target that the source does not show, a lining, has no say in any of it.

    Parameters
    ----------
    source, target : ndarray
        ``(N, 3)`` and ``(M, 3)`` CIELAB D65 of garment pixels.
    same_light : bool
        True when both were lit alike (a guide painted over the photograph); a flatlay is lit flatter than a model.
    kept : float
        0 to 1, how much of the source's own lightness stays.
    weaves : WeavePair, optional
        Of source and target. Where it is plain to see it sets the contrast of L, which folds say less about.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    transfer = _fit(source, target, same_light, weaves)
    hidden = _hidden(transfer(source), target, transfer.reference)
    if hidden is not None:
        transfer = _fit(source, target[~hidden], same_light, weaves)
    else:
        transfer = _without_missing(transfer, source, target, same_light, weaves)
    # Only now: the palettes are matched at the target's lightness, where equal colours lie on top of each other.
    return replace(transfer, lightness=replace(transfer.lightness, kept=kept))


def _fit(source: Doubles, target: Doubles, same_light: bool, weaves: WeavePair | None) -> GarmentTransfer:
    reference = float(np.median(target[:, 0]))
    low, high = (float(x) for x in np.percentile(source[:, 0], [1, 99]))
    worn = garment_palette(source, reference)
    flat = garment_palette(target, reference)
    curve = _lightness_curve(source[:, 0], target[:, 0], 1.0 if same_light else _lighting_gain(flat), (low, high))
    if weaves is not None:
        curve = _with_weave(curve, source[:, 0], weaves)
    return GarmentTransfer(curve, reference, _fit_chromaticity(worn, flat, curve, (low, high)), (low, high))


def _without_missing(
    transfer: GarmentTransfer, source: Doubles, target: Doubles, same_light: bool, weaves: WeavePair | None
) -> GarmentTransfer:
    """The transfer, or one to the target without one of its main colours, if that alone explains the result.

    The back of a garment with a printed front shows the cloth alone. Pulled towards cloth and print at once, it ends
    between them, where the target has no colour; without the print it lands on the cloth.
    """
    apart = _apart(transfer, source, target)
    if apart < _UNEXPLAINED:
        return transfer
    main, ours = main_colors(target), main_colors(source)
    if (main.shares >= SMALLEST_SHARE).sum() <= (ours.shares >= SMALLEST_SHARE).sum():
        return transfer
    named = _nearest(chromaticity(target, transfer.reference), chromaticity(main.lab, transfer.reference))
    for k in np.flatnonzero(main.shares >= SMALLEST_SHARE):
        shown = target[named != k]
        if len(shown) < _LEAST_SHOWN * len(target):
            continue
        other = _fit(source, shown, same_light, weaves)
        distance = _apart(other, source, shown)
        if distance < _EXPLAINED * apart:
            transfer, apart = other, distance / _EXPLAINED  # the next one only has to be better, not twice as good
    return transfer


def _apart(transfer: GarmentTransfer, source: Doubles, target: Doubles) -> float:
    """Root mean square distance, in Lab units, of the result's palette to the nearest colours of the target's."""
    ours, theirs = (
        palette(chromaticity(np.asarray(lab, np.float64)[:: max(1, len(lab) // _ENOUGH)], transfer.reference))
        for lab in (transfer(source), target)
    )
    return float(np.sqrt(ours.weights @ palette_cost(ours.colors, theirs.colors).min(axis=1)))


def _hidden(result: Floats, target: Doubles, reference: float) -> NDArray[np.bool_] | None:
    """Which of the target's ``(M,)`` pixels have a main colour that ``result``, already transferred, does not show.

    None where everything is shown, or where the result has an unmatched main colour too: the two may be one colour.
    """
    main = main_colors(target)
    if not (main.shares[1:] >= SMALLEST_SHARE).any():
        return None
    ours, theirs = chromaticity(np.asarray(result, np.float64), reference), chromaticity(target, reference)
    worn, flat = (palette(colors[:: max(1, len(colors) // _ENOUGH)]) for colors in (ours, theirs))
    given, taken = matched_shares(worn, flat)
    of_worn = _nearest(worn.colors, chromaticity(main_colors(result).lab, reference))
    if min(_mean(given, worn.weights, of_worn == k) for k in np.unique(of_worn)) < _ALL_SHOWN:
        return None
    named = chromaticity(main.lab, reference)
    of_flat = _nearest(flat.colors, named)
    missing = [
        k
        for k in np.unique(of_flat)
        if main.shares[k] >= SMALLEST_SHARE and _mean(taken, flat.weights, of_flat == k) < _HIDDEN
    ]
    hidden = np.isin(_nearest(theirs, named), missing)
    return hidden if hidden.any() and not hidden.all() else None


def _nearest(points: Doubles, colors: Doubles) -> NDArray[np.intp]:
    return palette_cost(points, colors).argmin(axis=1)


def _mean(values: Doubles, weights: Doubles, chosen: NDArray[np.bool_]) -> float:
    return float(values[chosen] @ weights[chosen] / weights[chosen].sum())


def _fit_chromaticity(worn: Palette, flat: Palette, curve: LightnessCurve, fitted: tuple[float, float]) -> Doubles:
    scale = float(np.clip(flat.chroma_spread / max(worn.chroma_spread, 1.0), 0.5, 2.0))
    moved = np.column_stack([curve(worn.colors[:, 0]), (worn.colors - worn.mean)[:, 1:] * scale + flat.mean[1:]])
    prior = np.zeros((4, 2))
    prior[2, 0] = prior[3, 1] = 100 * scale
    ridge = _RIDGE * np.diag([0.0, 1.0, 1.0, 1.0])
    design = _design(worn.colors, fitted)
    weights = prior
    for step in range(_ANNEALING_ROUNDS):
        blur = _COARSE * (CLUSTER / _COARSE) ** (step / (_ANNEALING_ROUNDS - 1))
        cost = palette_cost(moved, flat.colors)
        plan = unbalanced_plan(cost, worn.weights, flat.weights, blur, REACH)
        mass = plan.sum(axis=1) + 1e-12
        goal = (plan @ flat.colors)[:, 1:] / mass[:, None]
        weighted = design * mass[:, None]
        weights = np.linalg.solve(weighted.T @ design + ridge, weighted.T @ goal + ridge @ prior)
        moved[:, 1:] = design @ weights
    return weights


def _lightness_curve(source: Doubles, target: Doubles, lighting: float, fitted: tuple[float, float]) -> LightnessCurve:
    low, high, anchor = np.percentile(source, [10, 90, _ANCHOR])
    flat_low, flat_high, goal = np.percentile(target, [10, 90, _ANCHOR])
    gain = float(np.clip((flat_high - flat_low) / max(high - low, 0.5) * lighting, *_GAIN_LIMITS))
    return LightnessCurve(float(anchor), float(goal), gain, fitted)


def _with_weave(curve: LightnessCurve, source: Doubles, weaves: WeavePair) -> LightnessCurve:
    """The curve turned about the median towards the weave's gain, as far as the weave is credible.

    About the median, so that the lightness of most of the cloth stays where the anchor has put it.
    """
    share = weaves.credibility
    gain = float(np.clip(curve.gain ** (1 - share) * max(weaves.gain, 1e-3) ** share, *_GAIN_LIMITS))
    median = float(np.median(source))
    return replace(curve, anchor=median, target=(median - curve.anchor) * curve.gain + curve.target, gain=gain)


def _lighting_gain(flat: Palette) -> float:
    """How much more L contrast a body gives than the flatlay shows.

    A plain garment's flatlay range is its lighting only, and flatter than on a body by about 1.4; a print's range is
    mostly its own colours, which lighting does not stretch. Chromaticity that spreads over 2 to 6 units leads from the
    one to the other.
    """
    return 1.4 - 0.4 * float(np.clip((flat.chroma_spread - 2) / 4, 0, 1))


def _design(luv: NDArray[_Float], fitted: tuple[float, float]) -> NDArray[_Float]:
    out = np.empty((len(luv), 4), luv.dtype)
    out[:, 0] = 1
    out[:, 1] = np.clip(luv[:, 0], *fitted) / 100
    out[:, 2:] = luv[:, 1:] / 100
    return out
