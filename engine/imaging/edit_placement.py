"""Where an edit is painted, and how it is pasted: the crop around a mask, and the way back into the photograph.

The model works on one megapixel. So it gets the part of the photograph around the mask, not all of it, and what it
paints is laid over the photograph inside the mask alone: only those pixels are converted to the photograph's colour
space and bit depth, every other one is copied.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.domain.errors import BugError
from engine.domain.geometry import Box, Extent, Placement
from engine.imaging.color.spaces import lab_to_pixels, pixels_to_lab, row_chunks
from engine.imaging.masks.cleanup import mask_box
from engine.imaging.placement import KONTEXT_BUCKETS, covered, from_canvas, place_in

if TYPE_CHECKING:
    from engine.domain.picture import Pixels

_CONTEXT = 0.25
"""Widening of the mask's box on every side, as a share of its longer side; chosen. What is painted has to continue the
cloth, the light and the perspective around it; with a quarter the box keeps two thirds of the crop's side."""

_MAX_ENLARGEMENT = 2.0
"""Model pixels per source pixel at most; chosen. Small masks are painted enlarged, which makes lettering legible;
beyond twice the crop would hold little but the photograph's own blur, and no surroundings."""

_CELL = 8
"""Model pixels of one latent pixel, the VAE's reduction: the model keeps or paints whole cells."""

_FEATHER = 2.0
"""Width of the soft edge in model pixels, chosen: an edge of that width is still seen as sharp at the model's size."""


def place_edit(mask: NDArray[np.uint8], buckets: tuple[Extent, ...] = KONTEXT_BUCKETS) -> Placement:
    """Choose the part of a photograph that an edit is painted on, and its canvas.

    The mask's box with its context, grown to the proportions of the bucket that shows it largest. The crop holds the
    whole mask; near the photograph's borders it is moved inwards, and padded only where the photograph ends.

    Parameters
    ----------
    mask : ndarray
        ``(H, W)`` uint8 at the photograph's size, above 0 = may change.
    buckets : tuple of Extent
        The canvases to choose from, in model pixels; multiples of 16.

    Raises
    ------
    BugError
        The mask is empty.
    """
    box = mask_box(mask)
    source = Extent(mask.shape[1], mask.shape[0])
    margin = ceil(_CONTEXT * max(box.extent.width, box.extent.height))
    wanted = Extent(
        min(box.extent.width + 2 * margin, source.width), min(box.extent.height + 2 * margin, source.height)
    )

    def shown(canvas: Extent) -> tuple[float, float]:
        scale = min(canvas.width / wanted.width, canvas.height / wanted.height)
        return min(scale, _MAX_ENLARGEMENT), scale * scale / canvas.pixels

    canvas = max(buckets, key=shown)
    scale, _ = shown(canvas)
    left, right = _span(box.left, box.right, max(wanted.width, round(canvas.width / scale)), source.width)
    top, bottom = _span(box.top, box.bottom, max(wanted.height, round(canvas.height / scale)), source.height)
    return place_in(source, Box(left, top, right, bottom), canvas, Box.whole(canvas))


def _span(begin: int, end: int, length: int, limit: int) -> tuple[int, int]:
    """``length`` pixels around the middle of ``begin`` to ``end``, moved to lie within 0 to ``limit``."""
    length = min(length, limit)
    first = min(max((begin + end - length) // 2, 0), limit - length)
    return first, first + length


def paintable(mask: NDArray[np.uint8], placement: Placement) -> NDArray[np.uint8]:
    """The mask as the model gets it: every latent cell that the mask touches, and the cells beside those.

    The model keeps what lies under the other cells. One cell more than the mask needs, because the pixels of a cell
    depend on its neighbours: what is pasted at the mask's edge shall be painted through and through.

    Parameters
    ----------
    mask : ndarray
        ``(H, W)`` uint8 at ``placement.source``'s size, above 0 = may change.

    Returns
    -------
    ndarray
        ``(h, w)`` uint8 at ``placement.canvas``'s size, 255 = paint, 0 = keep.
    """
    if mask.shape != (placement.source.height, placement.source.width):
        raise BugError(f"a mask of {mask.shape[1]} × {mask.shape[0]} for a photograph of {placement.source}")
    crop, target, canvas = placement.crop, covered(placement), placement.canvas
    box = _crop_box(placement, target)
    inside = Image.fromarray((mask[crop.top : crop.bottom, crop.left : crop.right] > 0).astype(np.float32))
    # A triangle filter reaches every source pixel from some model pixel; float32, so that a hair does not round to 0.
    touched = inside.resize((target.extent.width, target.extent.height), Image.Resampling.BILINEAR, box=box)
    out = np.zeros((canvas.height, canvas.width), np.uint8)
    out[target.top : target.bottom, target.left : target.right] = np.asarray(touched) > 0
    cells = out.reshape(canvas.height // _CELL, _CELL, canvas.width // _CELL, _CELL).max(axis=(1, 3))
    cells = cv2.dilate(cells, np.ones((3, 3), np.uint8))
    return (cells > 0).repeat(_CELL, axis=0).repeat(_CELL, axis=1).astype(np.uint8) * np.uint8(255)


def _crop_box(placement: Placement, target: Box) -> tuple[float, float, float, float]:
    """The covered canvas pixels in pixels of the crop, as Pillow's ``resize`` takes it: not beyond the crop."""
    x0, y0 = placement.to_source(target.left, target.top)
    x1, y1 = placement.to_source(target.right, target.bottom)
    crop = placement.crop
    return (
        max(x0 - crop.left, 0.0),
        max(y0 - crop.top, 0.0),
        min(x1 - crop.left, float(crop.extent.width)),
        min(y1 - crop.top, float(crop.extent.height)),
    )


def paste_alpha(mask: NDArray[np.uint8], placement: Placement) -> NDArray[np.uint8]:
    """How much of the painting shows at each pixel: the mask, softened inwards from its edge.

    Nothing outside the mask is touched, and a mask that is soft already stays as soft. The soft edge is as wide as two
    model pixels, and a quarter of the mask's thickest part at most, so that lettering is not faded. The photograph's
    own border is no edge.

    Parameters
    ----------
    mask : ndarray
        ``(H, W)`` uint8 at the photograph's size, above 0 = may change.

    Returns
    -------
    ndarray
        ``(H, W)`` uint8, 0 exactly where the mask is 0.
    """
    alpha = np.zeros_like(mask)
    box = mask_box(mask)
    # One pixel around the box, so that its edge is seen as one, where the photograph does not end.
    rows = slice(max(box.top - 1, 0), box.bottom + 1)
    columns = slice(max(box.left - 1, 0), box.right + 1)
    shown = mask[rows, columns]
    inside = (shown > 0).astype(np.uint8)
    if inside.all():  # the whole photograph: there is no edge
        alpha[rows, columns] = shown
        return alpha
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    width = min(max(_FEATHER / placement.scale, 1.0), float(depth.max()) / 4)
    ramp = np.clip(depth / (width + 1), 0, 1)
    soft = np.rint(255 * ramp * ramp * (3 - 2 * ramp)).clip(1, 255).astype(np.uint8)
    alpha[rows, columns] = np.minimum(soft, shown)
    return alpha


def covers(later: NDArray[np.uint8], earlier: NDArray[np.uint8]) -> bool:
    """Whether nothing of what was painted in one mask is left to see once another was painted over it."""
    return bool((later >= earlier).all())


def paste(
    pixels: Pixels,
    icc: bytes | None,
    painted: NDArray[np.uint8],
    placement: Placement,
    alpha: NDArray[np.uint8],
) -> Pixels:
    """Lay a painted canvas over a photograph.

    Blends encoded values, as Photoshop does with a layer mask.

    Parameters
    ----------
    pixels : ndarray
        ``(H, W, 3)`` uint8 or uint16 in the profile's encoding. Not written to.
    icc : bytes or None
        RGB profile of ``pixels``; None means sRGB.
    painted : ndarray
        ``(h, w, 3)`` uint8 sRGB at ``placement.canvas``'s size.
    placement : Placement
        Where the canvas lies on the photograph.
    alpha : ndarray
        ``(H, W)`` uint8, see `paste_alpha`.

    Returns
    -------
    ndarray
        As ``pixels``, and equal to it bit for bit wherever alpha is 0.

    Raises
    ------
    KnownError
        The profile cannot be written to.
    BugError
        Alpha reaches beyond the crop.
    """
    crop = placement.crop
    out = pixels.copy()
    inside = out[crop.top : crop.bottom, crop.left : crop.right]
    weight = alpha[crop.top : crop.bottom, crop.left : crop.right]
    if np.count_nonzero(weight) != np.count_nonzero(alpha):
        raise BugError(f"an edit reaches beyond its crop {crop}")
    layer = _painted_samples(painted, placement)
    for rows in row_chunks(inside.shape):
        where = weight[rows] > 0
        if not where.any():
            continue
        converted = lab_to_pixels(pixels_to_lab(layer[rows][where][None], None), icc, pixels.dtype)[0]
        below = inside[rows][where].astype(np.float32)
        share = weight[rows][where].astype(np.float32)[:, None] / 255
        inside[rows][where] = np.rint(below + (converted - below) * share).astype(pixels.dtype)
    return out


def _painted_samples(painted: NDArray[np.uint8], placement: Placement) -> NDArray[np.uint16]:
    """The canvas on the crop's grid, ``(h, w, 3)`` uint16 sRGB: enlarged between the steps of 8 bits, too."""
    extent = placement.crop.extent
    onto_crop = replace(placement, source=extent, crop=Box.whole(extent))
    samples = np.empty((extent.height, extent.width, 3), np.uint16)
    for channel in range(3):
        plane = from_canvas(painted[..., channel].astype(np.float32), onto_crop)
        samples[..., channel] = np.rint(plane * 257).clip(0, 65535)
    return samples


def together(alphas: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The alpha of several layers over one another, ``(H, W)`` uint8; 0 exactly where all of them are 0."""
    if len(alphas) == 1:
        return alphas[0]
    through = np.ones(alphas[0].shape, np.float32)
    for alpha in alphas:
        through *= 1 - alpha.astype(np.float32) / 255
    # Rounded up, so that no changed pixel is missing; the allowance is for float32's own rounding.
    return np.ceil(255 * (1 - through) - 1e-3).clip(0, 255).astype(np.uint8)
