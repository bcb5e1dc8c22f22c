"""Flat files: reduced, brought into another profile and sharpened as a recipe says, in this order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from engine.domain.export import ExportRecipe
from engine.domain.geometry import Extent
from engine.domain.picture import Picture

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Pixels

_RADIUS = 0.7
"""Standard deviation of the unsharp mask in pixels of the reduced picture: it lifts what reducing has softened, the
finest detail, and draws no visible halo around edges."""

_LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G, B (ITU-R BT.601): sharpening each channel alone would give edges coloured rims."""


def finished_picture(picture: Picture, recipe: ExportRecipe, profile: bytes | None) -> Picture:
    """The picture as a flat file holds it.

    Parameters
    ----------
    picture : Picture
        At full size.
    profile : bytes or None
        From `engine.services.export.settings.target_profile`.
    """
    from engine.imaging.raster import exif, icc

    extent = reduced_extent(picture.extent, recipe.max_side)
    pixels, alpha, block = picture.pixels, picture.alpha, picture.exif
    if extent != picture.extent:
        pixels = reduced(pixels, extent)
        alpha = None if alpha is None else cast("Alpha", reduced(alpha, extent))
        block = None if block is None else exif.upright(block, extent)
    if profile is not None:
        pixels = icc.converted(pixels, picture.icc, profile)
        block = None if block is None else exif.with_color_space(block, is_srgb=icc.is_srgb(profile))
    if recipe.sharpening:
        pixels = sharpened(pixels, recipe.sharpening)
    return replace(picture, pixels=pixels, alpha=alpha, exif=block, icc=profile if profile is not None else picture.icc)


def reduced_extent(extent: Extent, max_side: int) -> Extent:
    """The size whose longer side is ``max_side``; the size itself where it is no longer than that, or for 0."""
    longest = max(extent.width, extent.height)
    if not max_side or longest <= max_side:
        return extent
    scale = max_side / longest
    return Extent(max(1, round(extent.width * scale)), max(1, round(extent.height * scale)))


def reduced(plane: Pixels, extent: Extent) -> Pixels:
    """A picture or mask made smaller, each pixel the mean of the area that it covers, as it is encoded.

    Parameters
    ----------
    plane : ndarray
        ``(H, W)`` or ``(H, W, 3)``, uint8 or uint16.
    """
    import cv2

    if plane.shape[:2] == (extent.height, extent.width):
        return plane
    return cast("Pixels", cv2.resize(plane, (extent.width, extent.height), interpolation=cv2.INTER_AREA))


def sharpened(pixels: Pixels, strength: float) -> Pixels:
    """An unsharp mask on lightness alone.

    Parameters
    ----------
    pixels : ndarray
        ``(H, W, 3)`` uint8 or uint16, as encoded.
    strength : float
        1 adds the difference to the blurred picture once.
    """
    import cv2
    import numpy as np

    luma = cv2.transform(pixels.astype(np.float32), np.array([_LUMA], np.float32))
    detail = strength * (luma - cv2.GaussianBlur(luma, (0, 0), _RADIUS))
    top = np.iinfo(pixels.dtype).max
    out = np.empty_like(pixels)
    for channel in range(3):
        out[..., channel] = np.clip(np.rint(pixels[..., channel] + detail), 0, top)
    return out
