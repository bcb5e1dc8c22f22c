"""What a painted colour guide says about the garment, and how far it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.domain.errors import BugError
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.light import at_lightness
from engine.imaging.color.samples import GarmentSamples, resized, robust_mean
from engine.imaging.color.spaces import pixels_to_lab

if TYPE_CHECKING:
    from engine.domain.geometry import Extent
    from engine.domain.picture import ColorGuide
    from engine.imaging.color.icc import Floats
    from engine.imaging.color.transfer import Transfer

MOST_WEIGHT = 0.5
"""A guide at best counts as much as the flatlay: it knows the model's light, but it is painted, not measured."""

_AGREES, _CONTRADICTS = 2.5, 6.5
"""ΔE00 at equal lightness between the garment's mean after either transfer: below the first both are within a careful
eye's tolerance of each other, above the second they name different colours and the measured one counts."""

_HALF_HEARTED, _DOUBTFUL = 0.6, 4.0
"""Kontext often stops on the way: a guide that went less than 60 % of the way and ends ΔE00 4 off did."""


def guide_samples(guide: ColorGuide, extent: Extent, worn: GarmentSamples) -> Floats | None:
    """The guide's colours ``(N, 3)`` CIELAB D65 at the sampled garment pixels, None where it shows less than half.

    Parameters
    ----------
    guide : ColorGuide
        Lies over the whole photograph.
    extent : Extent
        Of the photograph, in source pixels.
    worn : GarmentSamples
        Of the photograph's garment.
    """
    if guide.pixels.ndim != 3 or guide.pixels.shape[2] != 3 or guide.pixels.dtype != np.uint8:
        raise BugError(f"a guide is (h, w, 3) uint8, got {guide.pixels.shape} {guide.pixels.dtype}")
    height, width = guide.pixels.shape[:2]
    box, across, down = worn.box, width / extent.width, height / extent.height
    left, top = int(box.left * across), int(box.top * down)
    right, bottom = max(left + 1, round(box.right * across)), max(top + 1, round(box.bottom * down))
    size = worn.inner.shape[1], worn.inner.shape[0]
    chosen = resized(guide.pixels[top:bottom, left:right], size)[worn.inner][worn.chosen]
    if guide.covered is not None:
        shown = resized(guide.covered[top:bottom, left:right].astype(np.uint8) * 255, size)[worn.inner][worn.chosen]
        if (shown == 255).mean() < 0.5:
            return None
        chosen = chosen[shown == 255]
    return pixels_to_lab(chosen[None], None)[0]


def guide_weight(samples: Floats, flat: Floats, measured: Transfer, guided: Transfer) -> float:
    """The guide's share of the correction, 0 to `MOST_WEIGHT`, from how well it agrees with the flatlay.

    Lightness does not count: that the guide is lit as the photograph is, and the flatlay is not, is its merit.

    Parameters
    ----------
    samples, flat : ndarray
        ``(N, 3)`` and ``(M, 3)`` CIELAB D65 of the garment on the model and on the flatlay.
    measured, guided : callable
        The transfers fitted to the flatlay and to the guide.
    """
    ours, painted = robust_mean(measured(samples)), robust_mean(guided(samples))
    begin, goal = at_lightness(robust_mean(samples), painted[0]), at_lightness(robust_mean(flat), painted[0])
    difference = float(delta_E_2000(at_lightness(ours, painted[0]), painted))
    way = (goal - begin)[1:]
    completion = float((painted - begin)[1:] @ way / max(float(way @ way), 1e-9))
    if completion < _HALF_HEARTED and difference > _DOUBTFUL:
        return 0.0
    return MOST_WEIGHT * float(np.clip((_CONTRADICTS - difference) / (_CONTRADICTS - _AGREES), 0, 1))
