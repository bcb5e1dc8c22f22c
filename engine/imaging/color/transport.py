"""Colour palettes and unbalanced optimal transport between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.imaging.color.icc import Doubles

_Float = TypeVar("_Float", np.float32, np.float64)

_NEGLIGIBLE = 0.002  # a cluster below 0.2 % of a garment is a button or a slip of the mask


_DARK = 6.0
"""Chromaticity below this L is noise and is not fitted."""

LIGHTNESS_COST = 0.15
"""Weight of squared L against squared chromaticity: shading moves L far more than it moves chromaticity."""


REACH = 60.0
"""About (8 Lab units)²: a colour farther from every colour of the flatlay has no partner there."""

CLUSTER = 8.0
"""Blur of a plan in (3 Lab units)², the width of one cluster."""


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """A garment's main colours.

    Attributes
    ----------
    colors : ndarray
        ``(K, 3)`` float64 cluster centres.
    weights : ndarray
        ``(K,)`` float64 share of each cluster, sum 1.
    """

    colors: Doubles
    weights: Doubles

    @property
    def mean(self) -> Doubles:
        """``(3,)`` float64."""
        return self.weights @ self.colors

    @property
    def chroma_spread(self) -> float:
        """Standard deviation of the second and third coordinate over the garment."""
        return float(np.sqrt(self.weights @ ((self.colors - self.mean)[:, 1:] ** 2).sum(axis=1)))


def palette(colors: Doubles, size: int = 24, rounds: int = 30) -> Palette:
    """Cluster colours with k-means (k-means++ seeds from a fixed generator, so a match can be repeated).

    Parameters
    ----------
    colors : ndarray
        ``(N, 3)`` float64, N >= 1.
    size : int
        Most clusters; fewer where there are fewer distinct colours.
    rounds : int
        Most Lloyd iterations.
    """
    centres = _seeds(colors, size)
    for _ in range(rounds):
        label = _nearest(colors, centres)
        count = np.bincount(label, minlength=len(centres))
        sums = np.stack([np.bincount(label, colors[:, c], len(centres)) for c in range(3)], axis=1)
        moved = np.where(count[:, None] > 0, sums / np.maximum(count, 1)[:, None], centres)
        step = float(np.abs(moved - centres).max())
        centres = moved
        if step < 0.05:
            break
    weights = np.bincount(_nearest(colors, centres), minlength=len(centres)) / len(colors)
    keep = weights > _NEGLIGIBLE
    return Palette(centres[keep], weights[keep] / weights[keep].sum())


def chromaticity(lab: NDArray[_Float], reference: float) -> NDArray[_Float]:
    """(L, u, v) ``(N, 3)``: a and b as they would be at lightness ``reference``."""
    out = np.array(lab)
    out[:, 1:] *= (reference + 16) / (np.maximum(lab[:, :1], 0) + 16)
    return out


def garment_palette(lab: NDArray[np.floating], reference: float) -> Palette:
    """The palette of a garment's pixels as (L, u, v), see `chromaticity`; without the nearly black ones."""
    colors = chromaticity(lab.astype(np.float64), reference)
    bright = colors[:, 0] > _DARK
    return palette(colors[bright] if bright.mean() > 0.3 else colors)


def palette_cost(one: NDArray[np.floating], two: NDArray[np.floating]) -> Doubles:
    """Squared distances ``(n, m)`` between (L, u, v) colours, L at `LIGHTNESS_COST`."""
    difference = one[:, None] - two[None]
    return np.asarray(LIGHTNESS_COST * difference[..., 0] ** 2 + (difference[..., 1:] ** 2).sum(axis=-1), np.float64)


def matched_shares(one: Palette, two: Palette) -> tuple[Doubles, Doubles]:
    """How much of each colour, 0 to 1, the unbalanced plan between two (L, u, v) palettes moves: ``(n,)`` and ``(m,)``.

    A colour without a counterpart within `REACH` of it is left out by the plan; one with a counterpart that is smaller
    is taken in part.
    """
    plan = unbalanced_plan(palette_cost(one.colors, two.colors), one.weights, two.weights, CLUSTER, REACH)
    return np.clip(plan.sum(axis=1) / one.weights, 0, 1), np.clip(plan.sum(axis=0) / two.weights, 0, 1)


def _seeds(colors: Doubles, size: int) -> Doubles:
    random = np.random.default_rng(0)
    chosen = [colors[random.integers(len(colors))]]
    distance = ((colors - chosen[0]) ** 2).sum(axis=1)
    while len(chosen) < size and distance.max() > 1e-6:
        chosen.append(colors[random.choice(len(colors), p=distance / distance.sum())])
        distance = np.minimum(distance, ((colors - chosen[-1]) ** 2).sum(axis=1))
    return np.array(chosen, dtype=np.float64)


def _nearest(colors: Doubles, centres: Doubles) -> np.ndarray:
    return ((centres**2).sum(axis=1) - 2 * colors @ centres.T).argmin(axis=1)


def unbalanced_plan(
    cost: Doubles, source: Doubles, target: Doubles, blur: float, reach: float, rounds: int = 200
) -> Doubles:
    """Entropic optimal transport with soft marginals, by Sinkhorn scaling.

    A colour that only one side shows (a lining, a sleeve behind the back) need not be matched: moving mass costs at
    most about ``reach``, then it is left out.

    Parameters
    ----------
    cost : ndarray
        ``(n, m)`` squared distances.
    source, target : ndarray
        ``(n,)`` and ``(m,)`` masses.
    blur : float
        Entropic regularisation, in units of ``cost``.
    reach : float
        Kullback-Leibler penalty of the marginals, in units of ``cost``.

    Returns
    -------
    ndarray
        ``(n, m)`` transported mass.

    References
    ----------
    L. Chizat, G. Peyré, B. Schmitzer, F.-X. Vialard, "Scaling algorithms for unbalanced optimal transport problems",
    Mathematics of Computation 87, 2018.
    """
    # Subtracting each row's smallest cost only rescales u, and keeps exp() away from underflow.
    shift = cost.min(axis=1, keepdims=True)
    kernel = np.exp(-(cost - shift) / blur)
    power = reach / (reach + blur)
    offset = np.exp(-shift[:, 0] / blur * (1 - power))
    u, v = np.ones(len(source)), np.ones(len(target))
    for _ in range(rounds):
        u = (source / np.maximum(kernel @ v, 1e-300)) ** power * offset
        v = (target / np.maximum(kernel.T @ u, 1e-300)) ** power
    return u[:, None] * kernel * v[None]
