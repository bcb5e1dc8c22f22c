"""The part of a photograph that a person fills, where that is so small that a model would see too little of them."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import KnownError
from engine.domain.geometry import Box, Extent
from engine.imaging.masks.background import blurred_lab
from engine.imaging.masks.matte import shrink
from engine.imaging.masks.person import find_figure
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


def person_crop(rgb: NDArray[np.uint8], buckets: tuple[Extent, ...] = KONTEXT_BUCKETS) -> Box | None:
    """The person with room around, in source pixels; None where the model shall see the whole photograph.

    Parameters
    ----------
    rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB.
    buckets : tuple of Extent
        The model's sizes, in model pixels.

    Returns
    -------
    Box or None
        None where the person fills much of the photograph, or does not stand out from a plain background.
    """
    source = Extent(rgb.shape[1], rgb.shape[0])
    small = shrink(rgb, _WORKING_SIDE)
    try:
        figure = find_figure(small, blurred_lab(small, 1.0))
    except KnownError:
        return None  # nobody stands out: there is nothing to crop to, which is no fault here
    if figure.background.border_share < _PLAIN_BORDER:
        return None
    columns = np.flatnonzero(figure.mask.any(axis=0))
    across, down = source.width / small.shape[1], source.height / small.shape[0]
    left, right = columns[0] * across, (columns[-1] + 1) * across
    top, bottom = figure.top * down, figure.bottom * down
    margin = _MARGIN * max(right - left, bottom - top)
    crop = Box(
        max(0, floor(left - margin)),
        max(0, floor(top - margin)),
        min(source.width, ceil(right + margin)),
        min(source.height, ceil(bottom + margin)),
    )
    gain = place(source, crop, buckets).scale / place(source, buckets=buckets).scale
    return crop if gain >= _GAIN else None
