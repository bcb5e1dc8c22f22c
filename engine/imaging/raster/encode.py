"""Pictures to files and bytes: masks, previews, and flat exports that keep depth, profile and metadata."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import cv2
import numpy as np
import tifffile
from PIL import Image

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.imaging.raster import exif, png
from engine.imaging.raster.icc import profile_description, srgb_profile, to_8bit, to_srgb8
from engine.imaging.raster.stored import check_extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha, Picture, Pixels

_PREVIEW_QUALITY = 88
"""Pillow's scale; differences to the original are below what a review on screen shows, at a tenth of its size."""

_JPEG_SEGMENT = 65_533
"""Most bytes one APP1 segment holds, its length field apart (ITU-T T.81, B.1.1.4)."""

_JPEG_MAX_SIDE = 65_535
_CLASSIC_TIFF_BYTES = 3_900_000_000
"""Raw size from which a TIFF is written as BigTIFF; classic offsets end at 4 GiB and metadata needs some room."""

_STRIP_BYTES = 2**20
"""Strips of about 1 MB: small enough to be compressed and read in parallel, large enough to compress well."""

_XMP_TAG = 700


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


def encode_mask(alpha: Alpha) -> bytes:
    """Encode a mask ``(H, W)`` uint8, 255 = inside, as a grey PNG."""
    if alpha.ndim != 2 or alpha.dtype != np.uint8:
        raise ValueError(f"a mask is (H, W) uint8, not {alpha.shape} {alpha.dtype}")
    return png.encode(alpha, [])


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
        return _jpeg(to_8bit(pixels), _PREVIEW_QUALITY, subsampling=2)
    small = to_srgb8(pixels, icc)
    return _jpeg(small, _PREVIEW_QUALITY, subsampling=2, icc_profile=srgb_profile())


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


def write_tiff(path: Path, picture: Picture) -> tuple[str, ...]:
    """Write a flat TIFF: deflate with horizontal predictor, the profile byte for byte, EXIF, GPS, XMP, resolution.

    Parameters
    ----------
    path : Path
        A temporary name (`engine.domain.files.complete_file`).
    picture : Picture

    Returns
    -------
    tuple of str
        One sentence for each thing the format cannot keep; empty. Maker notes are carried, but what they point to by
        absolute offsets may be lost, as with every program that moves them.

    Raises
    ------
    KnownError
        The disk is full or cannot be written to.
    """
    pixels = _with_alpha(picture)
    order, described, inner = exif.directories(picture.exif) if picture.exif is not None else ("<", {}, {})
    tags: list[tuple[int, int, int, Any, bool]] = [
        (tag, 2, entry.count, entry.raw, True) for tag, entry in described.items() if entry.type == 2
    ]
    if picture.xmp is not None:
        tags.append((_XMP_TAG, 1, len(picture.xmp), picture.xmp, True))
    big = pixels.nbytes > _CLASSIC_TIFF_BYTES
    try:
        with tifffile.TiffWriter(path, byteorder=cast("Any", order), bigtiff=big) as tiff:
            tiff.write(
                pixels,
                photometric="rgb",
                planarconfig="contig",
                extrasamples=["unassalpha"] if picture.alpha is not None else None,
                compression="zlib",
                compressionargs={"level": 1},
                predictor=True,
                rowsperstrip=max(1, _STRIP_BYTES // max(1, pixels[0].nbytes)),
                iccprofile=picture.icc,
                resolution=picture.dpi,
                resolutionunit="INCH" if picture.dpi is not None else None,
                metadata=None,
                software=False,
                extratags=tags,
            )
        if inner and not big:
            _append_directories(path, inner, order)
    except OSError as error:
        raise known_os_error(error, path) from error
    return ()


def write_jpeg(path: Path, picture: Picture, quality: int = 95) -> tuple[str, ...]:
    """Write a flat JPEG, 8 bit, 4:4:4, in the picture's own colour space with its profile and metadata.

    Parameters
    ----------
    path : Path
        A temporary name (`engine.domain.files.complete_file`).
    picture : Picture
        16 bit is rounded to 8; transparency is laid over white.
    quality : int
        Pillow's scale, 1 to 100.

    Returns
    -------
    tuple of str
        One sentence for each thing a JPEG cannot keep.

    Raises
    ------
    KnownError
        A side is longer than 65,535 pixels, or the disk is full or cannot be written to.
    """
    if max(picture.extent.width, picture.extent.height) > _JPEG_MAX_SIDE:
        raise KnownError(
            f"a picture of {picture.extent} pixels does not fit into a JPEG", remedy="Export TIFF or PNG.", path=path
        )
    lost: list[str] = []
    if picture.bit_depth == 16:
        lost.append("The JPEG has 8 bits per channel; the 16-bit values were rounded.")
    pixels = to_8bit(picture.pixels)
    if picture.alpha is not None:
        lost.append("A JPEG has no transparency; the picture was laid over white.")
        pixels = _over_white(pixels, picture.alpha)
    options: dict[str, Any] = {}
    if picture.icc is not None:
        options["icc_profile"] = picture.icc
    if picture.dpi is not None:
        options["dpi"] = (round(picture.dpi[0]), round(picture.dpi[1]))
    block = _with_resolution(picture, whole=True) if picture.exif is not None else None
    if block is not None and len(block) + 6 > _JPEG_SEGMENT:
        block = exif.without_maker_notes(block)
        lost.append("The EXIF block is too long for a JPEG; the maker notes were left out.")
    if block is not None and len(block) + 6 <= _JPEG_SEGMENT:
        options["exif"] = b"Exif\0\0" + block
    if picture.xmp is not None:
        packet = picture.xmp
        if len(packet) + 29 > _JPEG_SEGMENT:
            lost.append("The XMP packet is too long for a JPEG and was left out.")
        else:
            options["xmp"] = packet
    _write(path, _jpeg(pixels, quality, subsampling=0, **options))
    return tuple(lost)


def _jpeg(pixels: NDArray[np.uint8], quality: int, subsampling: int, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=subsampling, **options)
    return buffer.getvalue()


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


def _over_white(pixels: NDArray[np.uint8], alpha: Alpha) -> NDArray[np.uint8]:
    weight = alpha[..., None].astype(np.uint16)
    return ((pixels * weight + 255 * (255 - weight) + 127) // 255).astype(np.uint8)


def _with_resolution(picture: Picture, *, whole: bool = False) -> bytes:
    """The EXIF block saying the same resolution as the container (a JFIF header holds whole numbers only)."""
    block = picture.exif or b""
    if picture.dpi is None:
        return block
    x, y = picture.dpi
    return exif.with_resolution(block, (round(x), round(y)) if whole else (x, y))


def _append_directories(path: Path, inner: dict[int, dict[int, exif.Entry]], order: str) -> None:
    """Give a classic TIFF its EXIF and GPS directories, which tifffile does not write.

    They go behind the picture, followed by the first directory anew with two more entries; all other entries keep their
    bytes, since their offsets are absolute. The old first directory stays behind as some hundred unused bytes.
    """
    with path.open("rb+") as file:
        file.seek(4)
        (first,) = struct.unpack(order + "I", file.read(4))
        file.seek(first)
        (count,) = struct.unpack(order + "H", file.read(2))
        entries = [file.read(12) for _ in range(count)]
        for pointer, directory in inner.items():
            offset = _even_end(file)
            file.write(exif.serialized(directory, order, offset))
            entries.append(struct.pack(order + "HHII", pointer, 4, 1, offset))
        entries.sort(key=lambda entry: struct.unpack_from(order + "H", entry))
        offset = _even_end(file)
        file.write(struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4))
        file.seek(4)
        file.write(struct.pack(order + "I", offset))


def _even_end(file: BinaryIO) -> int:
    """Go to the end of the file, padded to an even offset as TIFF 6.0 demands of directories."""
    end = file.seek(0, os.SEEK_END)
    return end + file.write(b"\0") if end % 2 else end


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise known_os_error(error, path) from error
