"""The part of a photograph that a model is shown: a person who is small in it, or the part of them that is meant."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import KnownError
from engine.domain.geometry import Box, Extent
from engine.domain.requests import BodyRegion
from engine.imaging.body_regions import RegionBox, region_box
from engine.imaging.masks.background import blurred_lab
from engine.imaging.masks.matte import shrink
from engine.imaging.masks.person import Figure, find_figure
from engine.imaging.placement import KONTEXT_BUCKETS, place

_WORKING_SIDE = 400
"""Pixels on the long side while the person is looked for: their box is all that is wanted."""

_MARGIN = 0.15
"""Of the person's longer side, on every side; chosen: more than a head of a standing adult, for a hat or a wide sleeve
that is to be painted and is not there yet."""

_GAIN = 1.5
"""Model pixels per photograph pixel that a crop must bring, as a factor; chosen: for less the whole photograph is
shown, as the workflow published with the mask LoRAs shows it."""

_PLAIN_BORDER = 0.5
"""Share of the photograph's border that is background; below, whatever stands out from it may be anything."""


@dataclass(frozen=True, slots=True)
class ShownPart:
    """What of a photograph the model sees.

    Attributes
    ----------
    crop : Box or None
        In source pixels; None shows the whole photograph.
    region : BodyRegion
        The part of the person that it shows; ``WHOLE`` where another one was asked for and is not in the picture.
    notice : str
        Why it is not the region that was asked for; empty where it is.
    """

    crop: Box | None
    region: BodyRegion
    notice: str = ""


def shown_part(rgb: NDArray[np.uint8], region: BodyRegion, buckets: tuple[Extent, ...] = KONTEXT_BUCKETS) -> ShownPart:
    """The part of a photograph around a region of the person, in the aspect of one of the model's canvases.

    Parameters
    ----------
    rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB.
    region : BodyRegion
        ``WHOLE`` is the person with room around, or the whole photograph where the person fills much of it or does not
        stand out from a plain background. Another region that the framing does not show is shown as ``WHOLE`` is, with
        a notice.
    buckets : tuple of Extent
        The model's sizes, in model pixels.
    """
    found = _figure(rgb)
    if region is BodyRegion.WHOLE:
        return ShownPart(_whole_person(found, rgb, buckets), region)
    box = region_box(found, region) if found is not None else None
    crop = _in_source(box, found, rgb) if found is not None and box is not None else None
    if crop is not None:
        return ShownPart(_in_canvas_aspect(crop, _extent(rgb), buckets), region)
    absent, hidden = "the person does not stand out from a plain background", "it is not found in this framing"
    name, reason = region.value.replace("-", " "), absent if found is None else hidden
    notice = f"The mask was painted on the whole person and not on the {name} alone: {reason}."
    return ShownPart(_whole_person(found, rgb, buckets), BodyRegion.WHOLE, notice)


def _figure(rgb: NDArray[np.uint8]) -> Figure | None:
    """The person at working size; None where nobody stands out from a plain background, which is no fault here."""
    small = shrink(rgb, _WORKING_SIDE)
    try:
        figure = find_figure(small, blurred_lab(small, 1.0))
    except KnownError:
        return None
    return figure if figure.background.border_share >= _PLAIN_BORDER else None


def _whole_person(figure: Figure | None, rgb: NDArray[np.uint8], buckets: tuple[Extent, ...]) -> Box | None:
    if figure is None:
        return None
    source = _extent(rgb)
    columns = np.flatnonzero(figure.mask.any(axis=0))
    left, right = float(columns[0]), float(columns[-1] + 1)
    across, down = source.width / figure.mask.shape[1], source.height / figure.mask.shape[0]
    margin = _MARGIN * max((right - left) * across, (figure.bottom - figure.top) * down)
    crop = _in_source(RegionBox(left, figure.top, right, figure.bottom), figure, rgb, margin)
    if crop is None:
        return None
    gain = place(source, crop, buckets).scale / place(source, buckets=buckets).scale
    return crop if gain >= _GAIN else None


def _in_source(box: RegionBox, figure: Figure, rgb: NDArray[np.uint8], margin: float = 0.0) -> Box | None:
    """The box in source pixels, with a margin, as far as it lies in the photograph; None where nothing of it does."""
    source = _extent(rgb)
    across, down = source.width / figure.mask.shape[1], source.height / figure.mask.shape[0]
    left, top = max(0, floor(box.left * across - margin)), max(0, floor(box.top * down - margin))
    right = min(source.width, ceil(box.right * across + margin))
    bottom = min(source.height, ceil(box.bottom * down + margin))
    return Box(left, top, right, bottom) if left < right and top < bottom else None


def _in_canvas_aspect(crop: Box, source: Extent, buckets: tuple[Extent, ...]) -> Box:
    """The crop widened or heightened to the aspect of the canvas that it lies on best, as far as the photograph goes:
    a piece of the photograph says more than padding.
    """
    aspect = place(source, crop, buckets).canvas.aspect
    width = min(source.width, max(crop.extent.width, round(crop.extent.height * aspect)))
    height = min(source.height, max(crop.extent.height, round(crop.extent.width / aspect)))
    left = min(max(0, (crop.left + crop.right - width) // 2), source.width - width)
    top = min(max(0, (crop.top + crop.bottom - height) // 2), source.height - height)
    return Box(left, top, left + width, top + height)


def _extent(rgb: NDArray[np.uint8]) -> Extent:
    return Extent(rgb.shape[1], rgb.shape[0])
