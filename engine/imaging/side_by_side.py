"""The colour LoRA's conditioning image: flatlay on the left, on-model photograph on the right, on one canvas.

FLUX.1 Kontext takes one conditioning image. The published colour LoRA was trained on both photographs stitched and
padded to 1328 × 800 ("Grounded-SAM2 + Flux Kontext LoRA for On-Model Color Correction"), so it is asked the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BugError
from engine.domain.geometry import Box, Extent, Placement
from engine.imaging.placement import KONTEXT_BUCKETS, SIZE_MULTIPLE, Color, draw_on, from_canvas, place_in

LANDSCAPE_BUCKETS: tuple[Extent, ...] = tuple(bucket for bucket in KONTEXT_BUCKETS if bucket.width > bucket.height)
"""Canvases whose halves can hold one photograph each."""

PADDING: Color = (250, 250, 250)
"""The padding's colour in the pictures the published LoRA was trained on."""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Where both photographs lie on one canvas.

    Attributes
    ----------
    flatlay, on_model : Placement
        On the same canvas; the flatlay keeps to the left half, the on-model photograph to the right one.
    """

    flatlay: Placement
    on_model: Placement

    @property
    def canvas(self) -> Extent:
        return self.on_model.canvas


def garment_crop(alpha: NDArray[np.uint8], margin: float = 0.1) -> Box:
    """The box around a mask, widened on every side, inside the picture.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8, 255 = garment.
    margin : float
        Widening as a share of the box's longer side: the model needs some body around the garment to keep its place.

    Returns
    -------
    Box
        In the mask's pixels; the whole picture where the mask is empty.
    """
    extent = Extent(alpha.shape[1], alpha.shape[0])
    columns, rows = np.flatnonzero((alpha >= 128).any(axis=0)), np.flatnonzero((alpha >= 128).any(axis=1))
    if columns.size == 0:
        return Box.whole(extent)
    left, right, top, bottom = int(columns[0]), int(columns[-1]) + 1, int(rows[0]), int(rows[-1]) + 1
    by = round(margin * max(right - left, bottom - top))
    return Box(max(left - by, 0), max(top - by, 0), min(right + by, extent.width), min(bottom + by, extent.height))


def place_side_by_side(
    flatlay: Extent,
    on_model: Extent,
    flatlay_crop: Box | None = None,
    on_model_crop: Box | None = None,
    buckets: tuple[Extent, ...] = LANDSCAPE_BUCKETS,
) -> SideBySide:
    """Choose the canvas on which both halves need the least padding together, and centre each crop in its half.

    Parameters
    ----------
    flatlay, on_model : Extent
        Sizes of the photographs.
    flatlay_crop, on_model_crop : Box, optional
        The parts to show, in pixels of their photograph; the whole photograph by default.
    buckets : tuple of Extent
        The canvases to choose from; multiples of 16.

    Raises
    ------
    BugError
        A crop does not lie in its photograph, or a bucket is no multiple of 16.
    """
    if not buckets or any(size % SIZE_MULTIPLE for bucket in buckets for size in (bucket.width, bucket.height)):
        raise BugError(f"model sizes must be multiples of {SIZE_MULTIPLE}: {buckets}")
    left_crop = flatlay_crop if flatlay_crop is not None else Box.whole(flatlay)
    right_crop = on_model_crop if on_model_crop is not None else Box.whole(on_model)

    def both(canvas: Extent) -> SideBySide:
        half = canvas.width // 2
        return SideBySide(
            flatlay=place_in(flatlay, left_crop, canvas, Box(0, 0, half, canvas.height)),
            on_model=place_in(on_model, right_crop, canvas, Box(half, 0, canvas.width, canvas.height)),
        )

    def filled(pair: SideBySide) -> float:
        shown = sum(placed.crop.extent.pixels * placed.scale**2 for placed in (pair.flatlay, pair.on_model))
        return shown / pair.canvas.pixels

    return max((both(canvas) for canvas in buckets), key=filled)


def compose(
    flatlay: NDArray[np.uint8], on_model: NDArray[np.uint8], pair: SideBySide, fill: Color = PADDING
) -> NDArray[np.uint8]:
    """Draw both photographs onto the canvas.

    Parameters
    ----------
    flatlay, on_model : ndarray
        ``(H, W, 3)`` uint8 sRGB at their placements' source sizes.
    pair : SideBySide
        Where they lie.
    fill : tuple of int
        Colour of the padding.

    Returns
    -------
    ndarray
        ``(h, w, 3)`` uint8 sRGB at the canvas's size.
    """
    canvas = np.empty((pair.canvas.height, pair.canvas.width, 3), np.uint8)
    canvas[:] = fill
    draw_on(canvas, flatlay, pair.flatlay)
    draw_on(canvas, on_model, pair.on_model)
    return canvas


def right_half(output: NDArray[np.uint8], pair: SideBySide, on_model: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The model's on-model picture on the photograph's own grid.

    Parameters
    ----------
    output : ndarray
        ``(h, w, 3)`` uint8 at the canvas's size.
    pair : SideBySide
        Where the photographs lie.
    on_model : ndarray
        ``(H, W, 3)`` uint8; shown outside the crop, where the model saw nothing.

    Returns
    -------
    ndarray
        ``(H, W, 3)`` uint8 at the photograph's size.
    """
    return from_canvas(output, pair.on_model, around=on_model)
