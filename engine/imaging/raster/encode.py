"""Pictures to files and bytes: masks, previews, and flat exports that keep depth, profile and metadata."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.imaging.raster import exif, png
from engine.imaging.raster.icc import profile_description, srgb_profile, to_8bit, to_srgb8
from engine.imaging.raster.jpeg_write import encode_jpeg
from engine.imaging.raster.stored import check_extent

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Picture, Pixels

_PREVIEW_QUALITY = 88
"""Pillow's scale; differences to the original are below what a review on screen shows, at a tenth of its size."""


def encode_png(pixels: Pixels, icc: bytes | None = None) -> bytes:
    """Encode a picture or mask losslessly, fast rather than small.

    Parameters
    ----------
    pixels : ndarray
        ``(H, W)`` grey or ``(H, W, 3)`` RGB, uint8 or uint16.
    icc : bytes, optional
        Embedded byte for byte.

    Returns
    -------
    bytes
        A PNG file.
    """
    return png.encode(pixels, [_profile_chunk(icc)] if icc is not None else [])


def encode_mask(alpha: Alpha, xmp: bytes | None = None) -> bytes:
    """Encode a mask ``(H, W)`` uint8, 255 = inside, as a grey PNG, with an XMP packet where there is one."""
    if alpha.ndim != 2 or alpha.dtype != np.uint8:
        raise ValueError(f"a mask is (H, W) uint8, not {alpha.shape} {alpha.dtype}")
    return png.encode(alpha, [png.xmp_chunk(xmp)] if xmp is not None else [])


def decode_mask(data: bytes) -> Alpha:
    """Decode a mask to ``(H, W)`` uint8, 255 = inside.

    Grey PNGs of any depth are read; a coloured one is taken by its luma, transparency is ignored.

    Raises
    ------
    KnownError
        The data are no PNG, or a damaged one.
    """
    remedy = "Run the job again."
    if not data.startswith(png.SIGNATURE):
        raise KnownError("the mask is not a PNG", remedy=remedy)
    try:
        header = png.inspect(io.BytesIO(data), None)
        check_extent(header.extent, None)
        color = png.decode(data, header, None).color
    except KnownError as error:
        raise KnownError(f"the mask cannot be read: {error.what}", remedy=remedy) from error
    grey = to_8bit(color)
    return cast("Alpha", cv2.cvtColor(grey, cv2.COLOR_RGB2GRAY) if grey.ndim == 3 else np.ascontiguousarray(grey))


def encode_preview(pixels: Pixels, icc: bytes | None, max_side: int = 2048) -> bytes:
    """Encode a small sRGB JPEG for the review window.

    Parameters
    ----------
    pixels : ndarray
        ``(H, W, 3)`` RGB encoded as ``icc`` says, or a mask ``(H, W)``; uint8 or uint16.
    icc : bytes or None
        None means sRGB.
    max_side : int
        Longest side of the preview in pixels; a smaller picture keeps its size.

    Returns
    -------
    bytes
        A JPEG with the sRGB profile embedded (a mask: grey, without profile).
    """
    height, width = pixels.shape[:2]
    scale = max_side / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        # Area averaging before the colour transform: a twentieth of the pixels go through it.
        pixels = cast("Pixels", cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    if pixels.ndim == 2:
        return encode_jpeg(to_8bit(pixels), _PREVIEW_QUALITY, subsampling=2)
    small = to_srgb8(pixels, icc)
    return encode_jpeg(small, _PREVIEW_QUALITY, subsampling=2, icc_profile=srgb_profile())


def write_png(path: Path, picture: Picture) -> tuple[str, ...]:
    """Write a flat PNG with everything the picture has: depth, transparency, profile, EXIF, XMP, resolution.

    Parameters
    ----------
    path : Path
        A temporary name (`engine.domain.files.complete_file`).
    picture : Picture

    Returns
    -------
    tuple of str
        One sentence for each thing the format cannot keep; empty.

    Raises
    ------
    KnownError
        The disk is full or cannot be written to.
    """
    chunks: list[tuple[bytes, bytes]] = []
    chunks.append(_profile_chunk(picture.icc) if picture.icc is not None else (b"sRGB", bytes([1])))
    if picture.dpi is not None:
        chunks.append(png.resolution_chunk(picture.dpi))
    if picture.exif is not None:
        chunks.append((b"eXIf", _with_resolution(picture)))
    if picture.xmp is not None:
        chunks.append(png.xmp_chunk(picture.xmp))
    _write(path, png.encode(_with_alpha(picture), chunks))
    return ()


def _profile_chunk(profile: bytes) -> tuple[bytes, bytes]:
    return png.profile_chunk(profile, profile_description(profile) or "")


def _with_alpha(picture: Picture) -> Pixels:
    """RGB, or RGBA at the picture's depth."""
    if picture.alpha is None:
        return picture.pixels
    alpha = picture.alpha.astype(picture.pixels.dtype)
    if picture.bit_depth == 16:
        alpha *= 257
    return cast("Pixels", np.dstack([picture.pixels, alpha]))


def _with_resolution(picture: Picture) -> bytes:
    """The EXIF block saying the same resolution as the container."""
    block = picture.exif or b""
    return block if picture.dpi is None else exif.with_resolution(block, picture.dpi)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise known_os_error(error, path) from error
