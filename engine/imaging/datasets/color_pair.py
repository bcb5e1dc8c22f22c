"""A colour LoRA's training pair: flatlay beside the photograph with a wrong colour, and beside the true one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.domain.datasets import LossRegion
from engine.domain.geometry import Extent
from engine.imaging.datasets.degrade import degrade
from engine.imaging.placement import draw_on
from engine.imaging.side_by_side import LANDSCAPE_BUCKETS, compose, garment_crop, place_side_by_side


@dataclass(frozen=True, slots=True, eq=False)
class ColorPair:
    """Pictures of one example on one canvas.

    Attributes
    ----------
    control, target : ndarray
        ``(h, w, 3)`` uint8 sRGB; equal wherever ``mask`` is 0.
    mask, loss_mask : ndarray
        ``(h, w)`` uint8, 255 = garment on the photograph, and where the loss counts.
    delta_E : float
        Mean CIEDE2000 between control and target inside the mask.
    """

    control: NDArray[np.uint8]
    target: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    loss_mask: NDArray[np.uint8]
    delta_E: float


def color_pair(
    flatlay: NDArray[np.uint8],
    flatlay_alpha: NDArray[np.uint8] | None,
    on_model: NDArray[np.uint8],
    alpha: NDArray[np.uint8],
    random: np.random.Generator,
    between: tuple[float, float],
    *,
    cropped: bool = True,
    loss: LossRegion = LossRegion.RIGHT_HALF,
    buckets: tuple[Extent, ...] = LANDSCAPE_BUCKETS,
) -> ColorPair:
    """Stitch flatlay and photograph into the bucket that pads them least, and degrade the garment's colour there.

    Degraded at the canvas's size, so that the stated ΔE00 is what the model is shown.

    Parameters
    ----------
    flatlay, on_model : ndarray
        ``(H, W, 3)`` uint8 sRGB, the photograph in its true colours.
    flatlay_alpha : ndarray or None
        ``(H, W)`` uint8, 255 = garment; None shows the whole flatlay.
    alpha : ndarray
        ``(H, W)`` uint8 at the photograph's size, 255 = garment.
    random : numpy.random.Generator
    between : tuple of float
        Least and greatest mean ΔE00 of the wrong colour.
    cropped : bool
        Show both garments with a margin, as colour guides are asked for; False shows the whole photographs, as in the
        published set.
    loss : LossRegion
        The right half of the canvas, as published, or the garment alone.

    Raises
    ------
    KnownError
        The mask is empty on the canvas, or its colour cannot be changed so far. Carries no path.
    """
    pair = place_side_by_side(
        Extent(flatlay.shape[1], flatlay.shape[0]),
        Extent(on_model.shape[1], on_model.shape[0]),
        garment_crop(flatlay_alpha) if cropped and flatlay_alpha is not None else None,
        garment_crop(alpha) if cropped else None,
        buckets,
    )
    target = compose(flatlay, on_model, pair)
    on_canvas = np.zeros_like(target)
    draw_on(on_canvas, np.repeat(alpha[..., None], 3, axis=2), pair.on_model)
    mask = np.ascontiguousarray(on_canvas[..., 0])
    degraded = degrade(target, mask, random, between)
    weights = mask
    if loss is LossRegion.RIGHT_HALF:
        weights = np.zeros_like(mask)
        weights[:, pair.canvas.width // 2 :] = 255
    return ColorPair(degraded.pixels, target, mask, weights, degraded.delta_E)
