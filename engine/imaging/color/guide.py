"""What a painted colour guide says about the garment, and how far it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.domain.errors import BugError
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.samples import GarmentSamples, resized, robust_mean
from engine.imaging.color.spaces import pixels_to_lab

if TYPE_CHECKING:
    from engine.domain.geometry import Extent
    from engine.domain.picture import ColorGuide
    from engine.imaging.color.icc import Floats
    from engine.imaging.color.transfer import GarmentTransfer

MOST_WEIGHT = 0.5
"""A guide at best counts as much as the flatlay: it knows the model's light, but it is painted, not measured."""

_AGREES, _CONTRADICTS = 2.5, 6.5
"""ΔE00 between the garment's mean after either transfer: below the first both are within a careful eye's tolerance of
each other, above the second they name different colours and the measured one counts."""


def guide_samples(guide: ColorGuide, extent: Extent, worn: GarmentSamples) -> Floats:
    """The guide's colours ``(N, 3)`` CIELAB D65 at the sampled garment pixels.

    Parameters
    ----------
    guide : ColorGuide
        Covers the whole photograph.
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
    crop = resized(guide.pixels[top:bottom, left:right], (worn.inner.shape[1], worn.inner.shape[0]))
    return pixels_to_lab(crop[worn.inner][worn.chosen][None], None)[0]


def guide_weight(samples: Floats, measured: GarmentTransfer, guided: GarmentTransfer) -> float:
    """The guide's share of the correction, 0 to `MOST_WEIGHT`, from how well it agrees with the flatlay."""
    difference = float(delta_E_2000(robust_mean(measured(samples)), robust_mean(guided(samples))))
    return MOST_WEIGHT * float(np.clip((_CONTRADICTS - difference) / (_CONTRADICTS - _AGREES), 0, 1))
