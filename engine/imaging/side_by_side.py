"""The colour LoRA's conditioning image: flatlay on the left, on-model photograph on the right, on one canvas.

FLUX.1 Kontext takes one conditioning image. The published colour LoRA was trained on both photographs stitched and
padded to 1328 × 800 ("Grounded-SAM2 + Flux Kontext LoRA for On-Model Color Correction"), so it is asked the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BugError
from engine.domain.geometry import Box, Extent, Placement
from engine.imaging.painted.drift import fit_color_map
from engine.imaging.placement import KONTEXT_BUCKETS, SIZE_MULTIPLE, Color, covered, draw_on, from_canvas, place_in
from engine.imaging.registration import Method, moved, register

LANDSCAPE_BUCKETS: tuple[Extent, ...] = tuple(bucket for bucket in KONTEXT_BUCKETS if bucket.width > bucket.height)
"""Canvases whose halves can hold one photograph each."""

PADDING: Color = (250, 250, 250)
"""The padding's colour in the pictures the published LoRA was trained on."""

_EDGE = 0.01
"""Of the longer side: as far from the garment a model's picture may show its new colour."""

_LEAST_AROUND = 0.05
"""Share of the crop that must be left around the garment to register by; the crop's margin alone has a quarter."""


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


@dataclass(frozen=True, slots=True, eq=False)
class RegisteredHalf:
    """The model's on-model picture, brought back to the photograph.

    Attributes
    ----------
    output : ndarray
        ``(h, w, 3)`` uint8 sRGB at the canvas's size: the model's picture with its on-model part in register; as it was
        where there is too little around the garment to hold on to.
    method : Method
        How it was moved.
    shift : float
        95th percentile of the displacement along the garment's edge, in pixels of the canvas.
    residual_before, residual_after : float
        Mean absolute difference to the photograph around the garment in 8-bit levels, as it was painted, and once
        displacement and colour drift are removed; 0 where there is nothing around it.
    """

    output: NDArray[np.uint8]
    method: Method
    shift: float = 0.0
    residual_before: float = 0.0
    residual_after: float = 0.0


def register_half(
    output: NDArray[np.uint8],
    canvas: NDArray[np.uint8],
    garment: NDArray[np.uint8],
    pair: SideBySide,
    *,
    in_place: bool = False,
) -> RegisteredHalf:
    """Bring the model's on-model picture to where the photograph lies on the canvas.

    The model was asked to change the garment's colour alone, so everything around the garment shows where it moved to.

    Parameters
    ----------
    output, canvas : ndarray
        ``(h, w, 3)`` uint8 sRGB at the canvas's size: the model's picture, and what it was shown.
    garment : ndarray
        ``(H, W)`` uint8 at the photograph's size, 255 = garment.
    pair : SideBySide
        Where the photographs lie.
    in_place : bool
        The model is known to paint everything where it was shown it.
    """
    on_canvas = np.zeros_like(canvas)
    draw_on(on_canvas, np.repeat(garment[..., None], 3, axis=2), pair.on_model)
    box = covered(pair.on_model)
    inside = slice(box.top, box.bottom), slice(box.left, box.right)
    photo, painted = (np.asarray(rgb[inside] / np.float32(255), np.float32) for rgb in (canvas, output))
    # Beyond the garment's soft edge, whose colours are mixed with the new one.
    radius = max(2, round(_EDGE * max(box.extent.width, box.extent.height)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    free = cv2.dilate(np.asarray(on_canvas[inside][..., 0]), kernel) == 0
    if free.mean() < _LEAST_AROUND:
        return RegisteredHalf(output, Method.IDENTITY)
    found = register(fit_color_map(photo[free], painted[free])(photo), painted, free, in_place=in_place)
    registered, before = output, painted
    if found.method is not Method.IDENTITY:
        registered = output.copy()
        registered[inside] = moved(np.ascontiguousarray(output[inside]), found.field.at_pixels())
        painted = np.asarray(registered[inside] / np.float32(255), np.float32)
    restored = fit_color_map(painted[free], photo[free])(painted[free])
    return RegisteredHalf(
        output=registered,
        method=found.method,
        shift=found.shift,
        residual_before=255 * float(np.abs(before[free] - photo[free]).mean()),
        residual_after=255 * float(np.abs(restored - photo[free]).mean()),
    )


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
