"""A garment's main colours, and which colour of the flatlay each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.domain.results import LabColor, PaletteLine, Verdict
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.samples import robust_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.requests import Tolerance
    from engine.imaging.color.icc import Doubles

SMALLEST_SHARE = 0.02
"""A colour on less than 2 % of the garment is a button, a label or a slip of the mask; a chest logo covers 2 to 5 %."""

FAINTEST_SHARE = 0.005
"""What the other side shows on `SMALLEST_SHARE` or more is looked for down to this: a trim turns away on a body."""

MOST_COLORS = 8
"""Largest colours that are listed: more lines than that nobody reads."""

COUNTERPART = 15.0
"""Largest ΔE00 between a colour and its counterpart, as they are or once the shift of the garment's dominant colour is
taken off both. Neighbouring basic hues of one lightness lie 15 to 25 apart, so beyond it two colours have two names."""

_BANDWIDTH = 2.5
"""Standard deviation of the density estimate: near the just noticeable difference of cloth seen side by side, and with
`_VALLEY` it keeps apart what lies some 8 units apart."""

_LIGHTNESS_WEIGHT = 0.5
"""Folds move lightness far more than the difference of two dyes must be, so it counts half."""

_VALLEY = 0.5
"""Two colours are two where the density between them falls below this part of the smaller one's peak. Two equal normal
peaks meet at one half when they are 3.4 standard deviations apart; shading, which is one broad peak, never does."""

_FEWEST_SAMPLES = 500
"""Below this the density's own noise makes valleys, and a garment counts as one colour."""


@dataclass(frozen=True, slots=True, eq=False)
class MainColors:
    """The main colours of a garment, the largest first.

    Attributes
    ----------
    lab : ndarray
        ``(K, 3)`` float64, the robust mean of each colour's pixels.
    shares : ndarray
        ``(K,)`` float64 of all samples, the first at least `SMALLEST_SHARE`, the others at least `FAINTEST_SHARE`; what
        belongs to no main colour is missing from their sum.
    mean : ndarray
        ``(3,)`` float64, the robust mean of the whole garment.
    """

    lab: Doubles
    shares: Doubles
    mean: Doubles


def verdict_for(delta_E: float, tolerance: Tolerance) -> Verdict:
    """Pass up to ``tolerance.passes``, warn up to ``tolerance.warns``, else fail; an undefined ΔE00 fails."""
    if delta_E <= tolerance.passes:
        return Verdict.PASS
    return Verdict.WARN if delta_E <= tolerance.warns else Verdict.FAIL


def main_colors(lab: NDArray[np.floating]) -> MainColors:
    """Find the colours a person would name: one for plain cloth under any folds, several for prints and blocks.

    Modes of the density of a/(L+16), b/(L+16) and L, told apart by the depth of the valley between them. The first two
    depend on ratios of the tristimulus values only, so that shade does not move them. There are no random seeds.

    Parameters
    ----------
    lab : ndarray
        ``(N, 3)`` float, N >= 1.

    References
    ----------
    F. Chazal, L. Guibas, S. Oudot, P. Skraba, "Persistence-based clustering in Riemannian manifolds", Journal of the
    ACM 60(6), 2013.
    """
    label = _modes(_shade_free(lab)) if len(lab) >= _FEWEST_SAMPLES else np.zeros(len(lab), np.intp)
    shares = np.bincount(label) / len(lab)
    order = np.argsort(-shares, kind="stable")
    kept = [k for k in order[:MOST_COLORS] if shares[k] >= FAINTEST_SHARE]
    mean = robust_mean(lab)
    if len(kept) < 2 or shares[kept[0]] < SMALLEST_SHARE:
        return MainColors(mean[None], np.ones(1), mean)
    return MainColors(np.stack([robust_mean(lab[label == k]) for k in kept]), shares[kept], mean)


def _shade_free(lab: NDArray[np.floating]) -> Doubles:
    """``(N, 3)``: weighted lightness, and a and b as they would be at L = 50."""
    lab = np.asarray(lab, np.float64)
    lightness = lab[:, :1]
    return np.concatenate([_LIGHTNESS_WEIGHT * lightness, lab[:, 1:] * (66 / (np.maximum(lightness, 0) + 16))], axis=1)


def _modes(points: Doubles) -> NDArray[np.intp]:
    """The mode each of the ``(N, 3)`` points belongs to, on a grid of one bandwidth."""
    from scipy.ndimage import gaussian_filter

    cell = np.floor(points / _BANDWIDTH).astype(np.intp)
    cell -= cell.min(axis=0) - 4  # a margin of four cells: the kernel ends there, and every cell has all neighbours
    shape = tuple(int(extent) for extent in cell.max(axis=0) + 5)
    index = np.ravel_multi_index((cell[:, 0], cell[:, 1], cell[:, 2]), shape)
    count = np.bincount(index, minlength=int(np.prod(shape))).astype(np.float64)
    density = gaussian_filter(count.reshape(shape), 1.0, truncate=4.0, mode="constant").ravel()
    occupied = np.flatnonzero(count)
    occupied = occupied[np.argsort(-density[occupied], kind="stable")]
    root = _basins(occupied, density, shape)
    _, label = np.unique(root[index], return_inverse=True)
    return label.astype(np.intp)


def _basins(cells: NDArray[np.intp], density: Doubles, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """The peak's cell for each of ``cells``, which come by falling density; -1 elsewhere.

    A cell joins its highest neighbour's basin. Where basins meet, the lower one is merged unless the meeting point lies
    below `_VALLEY` of its peak; as cells come by falling density, the first meeting is the pass between the two.
    """
    step = np.array([-1, 0, 1])
    offsets = (step[:, None, None] * shape[1] * shape[2] + step[:, None] * shape[2] + step).ravel()
    parent = np.full(density.size, -1, np.intp)

    def top(cell: int) -> int:
        while parent[cell] != cell:
            parent[cell] = parent[parent[cell]]
            cell = parent[cell]
        return cell

    for cell in cells.tolist():
        around = cell + offsets
        around = around[parent[around] >= 0]
        if not around.size:
            parent[cell] = cell
            continue
        highest = top(int(around[np.argmax(density[around])]))
        parent[cell] = highest
        for other in {top(int(neighbour)) for neighbour in around} - {highest}:
            low, high = sorted((other, top(cell)), key=lambda peak: (density[peak], -peak))
            if density[cell] >= _VALLEY * density[low]:
                parent[low] = high
    for cell in cells.tolist():
        parent[cell] = top(cell)
    return parent


def palette_lines(worn: MainColors, flat: MainColors, tolerance: Tolerance) -> tuple[PaletteLine, ...]:
    """One line for each main colour: the flatlay's by falling share, then those that only the photograph shows.

    Parameters
    ----------
    worn, flat : MainColors
        Of the garment on the photograph and on the flatlay.
    """
    lines: list[PaletteLine] = []
    for i, j in counterparts(worn, flat, tolerance):
        share = float(worn.shares[i]) if i is not None else 0.0
        reference_share = float(flat.shares[j]) if j is not None else 0.0
        if max(share, reference_share) >= SMALLEST_SHARE:
            color, reference = worn.lab[i] if i is not None else None, flat.lab[j] if j is not None else None
            lines.append(_line(color, share, reference, reference_share, tolerance))
    if len(lines) == 1:  # plain on both sides: the line is the report's own figure
        return (_line(worn.mean, 1.0, flat.mean, 1.0, tolerance),)
    return tuple(lines)


def _line(
    color: Doubles | None, share: float, reference: Doubles | None, reference_share: float, tolerance: Tolerance
) -> PaletteLine:
    delta_E, verdict = None, None
    if color is not None and reference is not None:
        delta_E = float(_delta_E(color, reference, tolerance))
        verdict = verdict_for(delta_E, tolerance)
    return PaletteLine(_triple(color), share, _triple(reference), reference_share, delta_E, verdict)


def counterparts(worn: MainColors, flat: MainColors, tolerance: Tolerance) -> list[tuple[int | None, int | None]]:
    """Pairs of (colour of ``worn``, colour of ``flat``), by falling share of the flatlay; None: it has no counterpart.

    Each colour is used once. Two single colours, and the dominant colours of two garments (more than half of either),
    are each other's counterpart whatever their distance; every other pair must lie within `COUNTERPART`.
    """
    if len(worn.shares) == len(flat.shares) == 1:
        return [(0, 0)]
    from scipy.optimize import linear_sum_assignment  # 0.5 s, which plain garments need not wait for

    one, two = worn.lab[:, None], flat.lab[None]
    apart = _delta_E(one, two, tolerance)
    if min(worn.shares[0], flat.shares[0]) > 0.5:
        shift = worn.lab[0] - flat.lab[0]
        apart = np.minimum(apart, _delta_E(one - shift, two, tolerance))
    # The dearest pair costs nothing, and pays where it is close: the assignment takes no pair for the pairs' sake.
    cost = np.minimum(apart - COUNTERPART, 0) * np.minimum(worn.shares[:, None], flat.shares[None])
    rows, columns = linear_sum_assignment(cost)
    partner = {int(j): int(i) for i, j in zip(rows, columns, strict=True) if cost[i, j] < 0}
    pairs: list[tuple[int | None, int | None]] = [(partner.get(j), j) for j in range(len(flat.shares))]
    return pairs + [(i, None) for i in range(len(worn.shares)) if i not in partner.values()]


def _triple(lab: Doubles | None) -> LabColor | None:
    return None if lab is None else (float(lab[0]), float(lab[1]), float(lab[2]))


def _delta_E(one: Doubles, two: Doubles, tolerance: Tolerance) -> NDArray[np.floating]:
    return delta_E_2000(one, two, tolerance.k_L, tolerance.k_C, tolerance.k_H)
