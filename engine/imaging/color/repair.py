"""Repair of single colours of a print whose other colours are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.imaging.color.transport import LIGHTNESS_COST, chromaticity, garment_palette, palette_cost, unbalanced_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.imaging.color.icc import Doubles, Floats

_PRINT = 6.0
"""Chromaticity spread in Lab units above which a garment has several colours, not one colour and its folds."""

_SAME, _OTHER = 10.0, 20.0
"""Lab units to the nearest colour of the flatlay: below the first the light explains it, above the second it is a
colour that the flatlay does not have."""

_RIGHT_SHARE = 0.75
"""Share of the print whose colours the flatlay has, below which everything is moved instead of single colours."""

_LEAST_SHARE = 0.02
"""Share of the print below which wrong colours are a button or a slip of the mask."""

_COHERENT = 0.7
"""Length of the right colours' mean offset from their counterparts against the mean length of the offsets. Light and
clustering push them in all directions (0.2 to 0.5 on drawn and published prints); a cast pushes all the same way (0.8
and more), and then everything has to move."""

_WIDTH = 5.0
"""Lab units within which a pixel counts as a palette colour; farther off it is a blend of its neighbours."""

_BELIEF = 0.7
"""How far a repaired colour goes towards its partner: which partner it had is a conclusion, not a measurement."""


@dataclass(frozen=True, slots=True, eq=False)
class PaletteRepair:
    """Shifts of chromaticity around single palette colours, blended by distance; lightness stays.

    Attributes
    ----------
    reference : float
        L at which chromaticity is counted in Lab units.
    colors : ndarray
        ``(K, 3)`` float64, the print's palette as (L, u, v).
    weights : ndarray
        ``(K,)`` float64, square root of each colour's share.
    shifts : ndarray
        ``(K, 2)`` float64, of u and v; zero where the flatlay has the colour.
    fitted : tuple of float
        Lowest and highest L of the samples.
    repaired : float
        Share of the print that moves, 0 to 1.
    """

    reference: float
    colors: Doubles
    weights: Doubles
    shifts: Doubles
    fitted: tuple[float, float]
    repaired: float

    def __call__(self, lab: NDArray[np.floating]) -> Floats:
        """Repair ``(N, 3)`` colours."""
        out = np.array(lab, np.float32)
        plane = chromaticity(out, self.reference)
        total = np.full(len(out), 1e-12, np.float32)
        moved = np.zeros((len(out), 2), np.float32)
        for color, weight, shift in zip(self.colors, self.weights, self.shifts, strict=True):
            difference = plane - color.astype(np.float32)
            square = LIGHTNESS_COST * difference[:, 0] ** 2 + difference[:, 1] ** 2 + difference[:, 2] ** 2
            # A rational kernel: a Gaussian one would change over within one Lab unit half-way between far colours.
            near = np.float32(weight) / (1 + square / np.float32(_WIDTH**2)) ** 2
            total += near
            if shift.any():
                moved += near[:, None] * shift.astype(np.float32)
        scale = (np.maximum(out[:, :1], 0) + 16) / np.float32(self.reference + 16)
        out[:, 1:] += moved / total[:, None] * scale
        return out

    @property
    def figures(self) -> dict[str, float]:
        """For the provenance."""
        return {"repaired_share": round(self.repaired, 4)}


def fit_repair(source: NDArray[np.floating], target: NDArray[np.floating]) -> PaletteRepair | None:
    """Fit a repair where most colours of a print are on the flatlay already, else None.

    A degradation of single hues (a wrong separation, an ink out of gamut) leaves the other colours alone; one map for
    all would spoil them. The colours that the flatlay does not have are moved towards those that it has and the
    photograph lacks, by unbalanced transport.

    Parameters
    ----------
    source, target : ndarray
        ``(N, 3)`` and ``(M, 3)`` CIELAB D65 of garment pixels.
    """
    reference = float(np.median(target[:, 0]))
    worn, flat = (garment_palette(lab, reference) for lab in (source, target))
    if flat.chroma_spread < _PRINT:
        return None
    cost = palette_cost(worn.colors, flat.colors)
    strange = np.clip((np.sqrt(cost.min(axis=1)) - _SAME) / (_OTHER - _SAME), 0, 1)
    right, repaired = float(worn.weights[strange == 0].sum()), float(worn.weights @ strange)
    if right < _RIGHT_SHARE or repaired < _LEAST_SHARE:
        return None
    counterparts = flat.colors[cost.argmin(axis=1)]
    if _coherence((counterparts - worn.colors)[:, 1:], worn.weights * (strange == 0)) > _COHERENT:
        return None
    taken = unbalanced_plan(cost, worn.weights * (1 - strange), flat.weights, 8.0, 60.0).sum(axis=0)
    lacking = np.maximum(flat.weights - taken, 0) + 1e-6
    lacking *= repaired / lacking.sum()
    plan = unbalanced_plan(cost, worn.weights * strange + 1e-9, lacking, 60.0, 400.0)
    goal = plan @ flat.colors / plan.sum(axis=1, keepdims=True)
    shifts = (goal - worn.colors)[:, 1:] * strange[:, None] * _BELIEF
    low, high = (float(x) for x in np.percentile(np.asarray(source)[:, 0], [1, 99]))
    return PaletteRepair(reference, worn.colors, np.sqrt(worn.weights), shifts, (low, high), repaired)


def _coherence(offsets: Doubles, weights: Doubles) -> float:
    """0 where ``(K, 2)`` offsets cancel out, 1 where all point the same way."""
    length = float(weights @ np.linalg.norm(offsets, axis=1))
    return float(np.linalg.norm(weights @ offsets)) / length if length > 0 else 0.0
