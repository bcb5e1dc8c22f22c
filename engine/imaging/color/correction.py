"""The correction of one garment: a transfer to the flatlay, swayed by a guide, agreed with other views, held back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.guide import GuideReading, guide_weight
from engine.imaging.color.light import MOST_KEPT
from engine.imaging.color.repair import PaletteRepair, fit_repair
from engine.imaging.color.samples import robust_mean
from engine.imaging.color.transfer import Transfer, fit_transfer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.imaging.color.icc import Doubles, Floats
    from engine.imaging.color.weave import WeavePair

STRENGTHS = (1.0, 0.75, 0.5, 0.25)
"""Tried from the strongest; the first that brings the garment nearer to the flatlay is taken."""

REFERENCE = 50.0
"""L at which the chromaticity of an offset is counted in Lab units: the middle of the scale."""

_ENDS = 8.0
"""Lab units from black and white over which an offset of lightness fades, so that neither end is clipped."""


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """A colour transfer CIELAB -> CIELAB with everything that sways it.

    Attributes
    ----------
    transfer : Transfer
        To the flatlay.
    guided : Transfer or None
        To a painted guide, mixed in by ``guide_weight``, 0 to 1.
    offset : ndarray
        ``(3,)`` float64 in L and in chromaticity at `REFERENCE`: what brings this view to the other views' colour.
    strength : float
        0 to 1, how much of it all is applied.
    lightness_kept : float
        0 to 1, how far the garment has the photograph's own lightness.
    set_aside : str
        Why a guide was not used; empty where it was, or where there is none.
    """

    transfer: Transfer
    lightness_kept: float
    guided: Transfer | None = None
    guide_weight: float = 0.0
    offset: Doubles | None = None
    strength: float = 1.0
    set_aside: str = ""

    def unguided(self, why: str) -> Correction:
        """The same without its guide, and without the offset that was found with it."""
        return replace(self, guided=None, guide_weight=0.0, offset=None, set_aside=why)

    def __call__(self, lab: NDArray[np.floating]) -> Floats:
        """Correct ``(N, 3)`` colours."""
        out = self.transfer(lab)
        if self.guided is not None:
            out += np.float32(self.guide_weight) * (self.guided(lab) - out)
        if self.offset is not None:
            out = _moved(out, self.offset)
        if self.strength < 1:
            out -= lab
            out *= np.float32(self.strength)
            out += lab
        return out

    @property
    def strategy(self) -> str:
        """``transport``, ``transport + guide``, ``palette repair`` or ``unchanged``."""
        if self.strength == 0:
            return "unchanged"
        if isinstance(self.transfer, PaletteRepair):
            return "palette repair"
        return "transport" if self.guided is None else "transport + guide"


def fit_correction(
    worn: NDArray[np.floating],
    flat: NDArray[np.floating],
    credibility: float,
    guide: GuideReading | None = None,
    weaves: WeavePair | None = None,
) -> Correction:
    """Fit the correction that gives the garment on the model the flatlay's colour.

    Parameters
    ----------
    worn, flat : ndarray
        ``(N, 3)`` and ``(M, 3)`` CIELAB D65 of the garment on the model and on the flatlay.
    credibility : float
        0 to 1, of the photograph's own lightness, see `engine.imaging.color.light.lightness_credibility`; 0 takes the
        flatlay's.
    guide : GuideReading, optional
        Of a painted guide. Not used where it is not to be believed, nor where single colours of a print are repaired:
        that leaves most colours alone, which a painted picture does not.
    weaves : WeavePair, optional
        Of garment and flatlay; a visible weave tells the contrast of L.
    """
    repair = fit_repair(worn, flat) if credibility > 0.5 else None
    wanted = robust_mean(flat)
    if repair is not None and distance(repair(worn), wanted) < distance(worn, wanted):
        return Correction(repair, 1.0, set_aside="most colours are right already" if guide is not None else "")
    # No repair, or the print's mean was right: moving single colours alone would take it away.
    kept = MOST_KEPT * credibility
    transfer = fit_transfer(worn, flat, kept=kept, weaves=weaves)
    if guide is None or guide.set_aside:
        return Correction(transfer, kept, set_aside=guide.set_aside if guide is not None else "")
    guided = fit_transfer(worn, guide.lab, same_light=True)
    weight, why = guide_weight(guide, np.asarray(worn, np.float32), np.asarray(flat, np.float32), transfer, guided)
    return Correction(transfer, kept, guided, weight) if weight > 0 else Correction(transfer, kept, set_aside=why)


def held_back(full: Correction, worn: NDArray[np.floating], flat: NDArray[np.floating]) -> Correction:
    """The strongest part of a correction that brings the garment's mean nearer to the flatlay's; 0 where none does."""
    wanted = robust_mean(flat)
    before = distance(worn, wanted)
    for strength in STRENGTHS:
        weaker = replace(full, strength=strength)
        if distance(weaker(worn), wanted) < before:
            return weaker
    return replace(full, strength=0.0, guided=None, guide_weight=0.0, offset=None)


def distance(lab: NDArray[np.floating], wanted: NDArray[np.float64]) -> float:
    """ΔE00 of the robust mean of ``(N, 3)`` CIELAB samples to a colour ``(3,)``."""
    return float(delta_E_2000(robust_mean(lab), wanted))


def _moved(lab: Floats, offset: Doubles) -> Floats:
    """``lab`` moved in lightness, at equal chromaticity, and then in chromaticity, as light would move it."""
    dL, du, dv = (np.float32(value) for value in offset)
    lightness = lab[:, 0]
    room = np.clip(np.minimum(lightness, 100 - lightness) / np.float32(_ENDS), 0, 1)
    moved = lightness + dL * room
    scale = moved + 16
    out = np.empty_like(lab)
    out[:, 0] = moved
    ratio = scale / np.maximum(lightness + 16, np.float32(1))
    out[:, 1] = lab[:, 1] * ratio + du * scale / np.float32(REFERENCE + 16)
    out[:, 2] = lab[:, 2] * ratio + dv * scale / np.float32(REFERENCE + 16)
    return out
