"""Places a photograph on the diffusion model's canvas and brings what the model painted back, to the sub-pixel.

The model works on few fixed sizes. A photograph is scaled with one factor for both axes and padded, never stretched,
so that a mask comes back where it was painted.
"""

from __future__ import annotations

from math import ceil, floor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.domain.errors import BugError
from engine.domain.geometry import Box, Extent, Placement

Color = tuple[int, int, int]

Sample = TypeVar("Sample", np.uint8, np.float32)

SIZE_MULTIPLE = 16
"""Model sizes are multiples of this: the VAE reduces eight times and the transformer packs 2 × 2 latents."""

# The sizes FLUX.1 Kontext was trained on (width, height), `PREFERRED_KONTEXT_RESOLUTIONS` in diffusers'
# pipeline_flux_kontext.py. With its own resizing diffusers picks the context's size and the output's size by two
# rules that disagree for 4 of the 17; that is why the picture is placed here and the pipeline is told not to.
KONTEXT_BUCKETS: tuple[Extent, ...] = (
    Extent(672, 1568),
    Extent(688, 1504),
    Extent(720, 1456),
    Extent(752, 1392),
    Extent(800, 1328),
    Extent(832, 1248),
    Extent(880, 1184),
    Extent(944, 1104),
    Extent(1024, 1024),
    Extent(1104, 944),
    Extent(1184, 880),
    Extent(1248, 832),
    Extent(1328, 800),
    Extent(1392, 752),
    Extent(1456, 720),
    Extent(1504, 688),
    Extent(1568, 672),
)

# Rows and columns of the crop's own border that are repeated around it before resampling: more than the reach of
# every filter used here on the enlarging side, so that no padding colour bleeds into the picture.
_REACH = 4


def place(source: Extent, crop: Box | None = None, buckets: tuple[Extent, ...] = KONTEXT_BUCKETS) -> Placement:
    """Choose the canvas that needs the least padding and centre the picture on it.

    Parameters
    ----------
    source : Extent
        Size of the photograph.
    crop : Box, optional
        The part to place, in source pixels; the whole photograph by default.
    buckets : tuple of Extent
        The sizes to choose from, in model pixels; multiples of 16.

    Raises
    ------
    BugError
        The crop is empty or leaves the photograph, or a bucket is no multiple of 16.
    """
    if not buckets or any(size % SIZE_MULTIPLE for bucket in buckets for size in (bucket.width, bucket.height)):
        raise BugError(f"model sizes must be multiples of {SIZE_MULTIPLE}: {buckets}")
    crop = crop if crop is not None else Box.whole(source)

    def filled(canvas: Extent) -> float:
        return crop.extent.pixels * _fitting_scale(crop, Box.whole(canvas)) ** 2 / canvas.pixels

    if crop.extent.width <= 0 or crop.extent.height <= 0:
        raise BugError(f"nothing to place: {crop}")
    canvas = max(buckets, key=filled)
    return place_in(source, crop, canvas, Box.whole(canvas))


def place_in(source: Extent, crop: Box, canvas: Extent, region: Box) -> Placement:
    """Centre a crop in one region of a canvas, as large as fits.

    Parameters
    ----------
    source : Extent
        Size of the photograph.
    crop : Box
        The part to place, in source pixels.
    canvas : Extent
        The model's size.
    region : Box
        Where on the canvas, in model pixels.

    Raises
    ------
    BugError
        The crop is empty or leaves the photograph.
    """
    inside = 0 <= crop.left < crop.right <= source.width and 0 <= crop.top < crop.bottom <= source.height
    if not inside:
        raise BugError(f"the crop {crop} does not lie in a photograph of {source}")
    scale = _fitting_scale(crop, region)
    left = region.left + (region.extent.width - crop.extent.width * scale) / 2
    top = region.top + (region.extent.height - crop.extent.height * scale) / 2
    return Placement(source=source, crop=crop, canvas=canvas, scale=scale, left=left, top=top)


def _fitting_scale(crop: Box, region: Box) -> float:
    return min(region.extent.width / crop.extent.width, region.extent.height / crop.extent.height)


def covered(placement: Placement) -> Box:
    """The canvas pixels whose centres lie on the placed picture; everything else is padding.

    The box holds one pixel at least, however thin the picture is.
    """
    right = placement.left + placement.crop.extent.width * placement.scale
    bottom = placement.top + placement.crop.extent.height * placement.scale
    x0, x1 = _whole_pixels(placement.left, right, placement.canvas.width)
    y0, y1 = _whole_pixels(placement.top, bottom, placement.canvas.height)
    return Box(x0, y0, x1, y1)


def _whole_pixels(begin: float, end: float, size: int) -> tuple[int, int]:
    # The small allowance forgives the last bit of `left + width * scale`, where the picture fills the canvas.
    first = min(max(ceil(begin - 0.5 - 1e-6), 0), size - 1)
    past = min(max(floor(end - 0.5 + 1e-6) + 1, first + 1), size)
    return first, past


def to_canvas(rgb: NDArray[np.uint8], placement: Placement, fill: Color = (255, 255, 255)) -> NDArray[np.uint8]:
    """Resample the placed crop onto a canvas.

    Lanczos with its support widened by the reduction (no aliasing), evaluated at the exact sub-pixel positions.

    Parameters
    ----------
    rgb : ndarray
        ``(H, W, 3)`` uint8 at ``placement.source``'s size.
    placement : Placement
        Where it goes.
    fill : tuple of int
        Colour of the padding.

    Returns
    -------
    ndarray
        ``(h, w, 3)`` uint8 at ``placement.canvas``'s size.

    Raises
    ------
    BugError
        The picture does not have the placement's source size.
    """
    canvas = np.empty((placement.canvas.height, placement.canvas.width, 3), np.uint8)
    canvas[:] = fill
    draw_on(canvas, rgb, placement)
    return canvas


def border_color(rgb: NDArray[np.uint8]) -> Color:
    """The median colour of the photograph's rim: padding that continues a studio's backdrop draws no paint to it."""
    rim = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    red, green, blue = np.median(rim, axis=0).round().astype(int).tolist()
    return red, green, blue


def draw_on(canvas: NDArray[np.uint8], rgb: NDArray[np.uint8], placement: Placement) -> None:
    """Resample the placed crop into an existing canvas, in place; the padding is left as it is.

    Parameters
    ----------
    canvas : ndarray
        ``(h, w, 3)`` uint8, written to.
    rgb : ndarray
        ``(H, W, 3)`` uint8 at ``placement.source``'s size.
    placement : Placement
        Where it goes.

    Raises
    ------
    BugError
        An array does not have the placement's size.
    """
    _check_size(rgb, placement.source)
    _check_size(canvas, placement.canvas)
    crop, target = placement.crop, covered(placement)
    x0, y0 = placement.to_source(target.left, target.top)
    x1, y1 = placement.to_source(target.right, target.bottom)
    # A border pixel of the canvas can reach past the crop; repeat the crop's border there.
    border = ceil(1 / placement.scale) + 1
    placed = np.pad(
        rgb[crop.top : crop.bottom, crop.left : crop.right], ((border, border), (border, border), (0, 0)), "edge"
    )
    box = (x0 - crop.left + border, y0 - crop.top + border, x1 - crop.left + border, y1 - crop.top + border)
    size = (target.extent.width, target.extent.height)
    resized = Image.fromarray(placed).resize(size, Image.Resampling.LANCZOS, box=box)
    canvas[target.top : target.bottom, target.left : target.right] = np.asarray(resized)


def from_canvas(
    pixels: NDArray[Sample], placement: Placement, around: NDArray[Sample] | None = None
) -> NDArray[Sample]:
    """Resample what lies on the canvas back to the photograph's grid.

    Bicubic (Keys, a = -0.5), its support widened where the photograph is smaller than the canvas. The padding does
    not bleed into the picture's border.

    Parameters
    ----------
    pixels : ndarray
        ``(h, w)`` uint8 or float32, or ``(h, w, 3)`` uint8, at ``placement.canvas``'s size.
    placement : Placement
        How the photograph was placed.
    around : ndarray, optional
        What to show outside the crop, at the photograph's size; zero by default. Not written to.

    Returns
    -------
    ndarray
        ``(H, W)`` or ``(H, W, 3)`` at ``placement.source``'s size, the type of ``pixels``.

    Raises
    ------
    BugError
        An array does not have the placement's size.
    """
    _check_size(pixels, placement.canvas)
    crop, inner = placement.crop, covered(placement)
    border = [(_REACH, _REACH), (_REACH, _REACH), (0, 0)][: pixels.ndim]
    shown = np.pad(pixels[inner.top : inner.bottom, inner.left : inner.right], border, "edge")
    left = placement.left - inner.left + _REACH
    top = placement.top - inner.top + _REACH
    box = (left, top, left + crop.extent.width * placement.scale, top + crop.extent.height * placement.scale)
    size = (crop.extent.width, crop.extent.height)
    resized = np.asarray(Image.fromarray(shown).resize(size, Image.Resampling.BICUBIC, box=box))
    if around is None:
        out = np.zeros((placement.source.height, placement.source.width, *pixels.shape[2:]), pixels.dtype)
    else:
        _check_size(around, placement.source)
        out = around.copy()
    out[crop.top : crop.bottom, crop.left : crop.right] = resized
    return out


def _check_size(pixels: NDArray[np.generic], extent: Extent) -> None:
    if pixels.shape[:2] != (extent.height, extent.width):
        raise BugError(f"a picture of {pixels.shape[1]} × {pixels.shape[0]} where {extent} was placed")
