"""The colour transfer from one garment's pixels to another photograph of it: lightness curve plus chromaticity map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

import cv2
import numpy as np

from engine.imaging.color.transport import Palette, chromaticity, garment_palette, palette_cost, unbalanced_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.imaging.color.icc import Doubles, Floats

_Float = TypeVar("_Float", np.float32, np.float64)

_ANCHOR = 85
"""Percentile of L that is matched: fabric that faces the light, above the folds of the body and below the speculars."""

_TOE, _SHOULDER = 6.0, 97.0
"""L below and above which the curve bends towards 0 and 100, so that folds and threads are compressed, not clipped."""

_GAIN_LIMITS = (0.9, 3.0)
"""Contrast is hardly ever taken (folds are the garment's shape) and at most tripled: an 8-bit step of 0.4 L becomes a
just visible 1.2 L, and noise grows with it."""

_REACH = 60.0
"""About (8 Lab units)²: a colour farther from every colour of the flatlay has no partner there."""

_BLUR = (120.0, 8.0)
"""Annealed from a coarse plan, (11 units)², to the width of one cluster, (3 units)²."""

_ANNEALING_ROUNDS = 18
_RIDGE = 2e-3


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
    source: NDArray[np.floating], target: NDArray[np.floating], *, same_light: bool = False, kept: float = 0.0
) -> GarmentTransfer:
    """Fit the transfer that gives one garment's pixels the colours of another photograph of it.

    Palettes of both are matched in chromaticity by unbalanced optimal transport, re-planned while an affine map is
    fitted to the transported palette (as in iterated closest points, from coarse to fine). Lightness is anchored at its
    85th percentile.

    Parameters
    ----------
    source, target : ndarray
        ``(N, 3)`` and ``(M, 3)`` CIELAB D65 of garment pixels.
    same_light : bool
        True when both were lit alike (a guide painted over the photograph); a flatlay is lit flatter than a model.
    kept : float
        0 to 1, how much of the source's own lightness stays.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    reference = float(np.median(target[:, 0]))
    low, high = (float(x) for x in np.percentile(source[:, 0], [1, 99]))
    worn = garment_palette(source, reference)
    flat = garment_palette(target, reference)
    curve = _lightness_curve(source[:, 0], target[:, 0], 1.0 if same_light else _lighting_gain(flat), (low, high))
    weights = _fit_chromaticity(worn, flat, curve, (low, high))
    # Only now: the palettes are matched at the target's lightness, where equal colours lie on top of each other.
    curve = replace(curve, kept=kept)
    return GarmentTransfer(curve, reference, weights, (low, high))


def _fit_chromaticity(worn: Palette, flat: Palette, curve: LightnessCurve, fitted: tuple[float, float]) -> Doubles:
    scale = float(np.clip(flat.chroma_spread / max(worn.chroma_spread, 1.0), 0.5, 2.0))
    moved = np.column_stack([curve(worn.colors[:, 0]), (worn.colors - worn.mean)[:, 1:] * scale + flat.mean[1:]])
    prior = np.zeros((4, 2))
    prior[2, 0] = prior[3, 1] = 100 * scale
    ridge = _RIDGE * np.diag([0.0, 1.0, 1.0, 1.0])
    design = _design(worn.colors, fitted)
    weights = prior
    for step in range(_ANNEALING_ROUNDS):
        blur = _BLUR[0] * (_BLUR[1] / _BLUR[0]) ** (step / (_ANNEALING_ROUNDS - 1))
        cost = palette_cost(moved, flat.colors)
        plan = unbalanced_plan(cost, worn.weights, flat.weights, blur, _REACH)
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
