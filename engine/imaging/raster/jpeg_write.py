"""Flat JPEGs with profile, metadata and clipping paths (ITU-T T.81, JFIF 1.02, EXIF, Photoshop's APP13 segment)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.imaging.raster import exif
from engine.imaging.raster.icc import to_8bit
from engine.imaging.raster.xmp import fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.geometry import Extent
    from engine.domain.picture import Alpha, Picture
    from engine.imaging.psd.paths import VectorPath

_MAX_SIDE = 65_535

_SEGMENT = 65_533
"""Most bytes one segment holds, its length field apart (T.81, B.1.1.4)."""

_PHOTOSHOP = b"Photoshop 3.0\0"

_COARSEST = 1 / 50
"""Tolerance, as a share of the longer side, beyond which a path is no outline of anything."""


def encode_jpeg(pixels: NDArray[np.uint8], quality: int, subsampling: int, **options: Any) -> bytes:
    """Encode ``(H, W)`` grey or ``(H, W, 3)`` RGB.

    Parameters
    ----------
    quality : int
        Pillow's scale, 1 to 100.
    subsampling : int
        0 for 4:4:4, 2 for 4:2:0.
    **options
        Of Pillow's JPEG writer.
    """
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=subsampling, **options)
    return buffer.getvalue()


def write_jpeg(
    path: Path,
    picture: Picture,
    quality: int = 95,
    *,
    paths: Sequence[VectorPath] = (),
    clipping: str | None = None,
) -> tuple[str, ...]:
    """Write a flat JPEG, 8 bit, 4:4:4, in the picture's own colour space with its profile, metadata and paths.

    Paths stand in one APP13 segment, since not every reader joins several. One with more knots than fit there is fitted
    again, more coarsely.

    Parameters
    ----------
    path : Path
        A temporary name (`engine.domain.files.complete_file`).
    picture : Picture
        16 bit is rounded to 8; transparency is laid over white.
    quality : int
        Pillow's scale, 1 to 100.
    paths : sequence of VectorPath
        Saved paths, the most important first.
    clipping : str, optional
        Name of the path that cuts the picture out in a layout.

    Returns
    -------
    tuple of str
        One sentence for each thing a JPEG cannot keep.

    Raises
    ------
    KnownError
        A side is longer than 65,535 pixels, or the disk is full or cannot be written to.
    """
    if max(picture.extent.width, picture.extent.height) > _MAX_SIDE:
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
    resolution = _whole_resolution(picture)
    options: dict[str, Any] = {}
    if picture.icc is not None:
        options["icc_profile"] = picture.icc
    if resolution is not None:
        options["dpi"] = resolution
    block = picture.exif
    if block is not None and resolution is not None:
        block = exif.with_resolution(block, resolution)
    if block is not None and len(block) + 6 > _SEGMENT:
        block = exif.without_maker_notes(block)
        lost.append("The EXIF block is too long for a JPEG; the maker notes were left out.")
    if block is not None and len(block) + 6 <= _SEGMENT:
        options["exif"] = b"Exif\0\0" + block
    if picture.xmp is not None:
        options["xmp"], left_out = fitted(picture.xmp)
        lost.extend(left_out)
    if paths:
        segment = _path_segment(tuple(paths), clipping, picture.extent, resolution)
        options["extra"] = segment.data
        lost.extend(segment.notices)
    try:
        path.write_bytes(encode_jpeg(pixels, quality, subsampling=0, **options))
    except OSError as error:
        raise known_os_error(error, path) from error
    return tuple(lost)


@dataclass(frozen=True, slots=True)
class _PathSegment:
    """An APP13 segment, empty where nothing fits, and what had to be given up for it."""

    data: bytes
    notices: tuple[str, ...]


def _path_segment(
    paths: tuple[VectorPath, ...], clipping: str | None, extent: Extent, resolution: tuple[int, int] | None
) -> _PathSegment:
    from engine.imaging.outline import simplified, usual_tolerance
    from engine.imaging.psd.paths import VectorPath
    from engine.imaging.psd.resources import jpeg_resources

    def segment(chosen: tuple[VectorPath, ...]) -> bytes | None:
        body = _PHOTOSHOP + jpeg_resources(resolution, chosen, clipping)
        return b"\xff\xed" + (len(body) + 2).to_bytes(2, "big") + body if len(body) <= _SEGMENT else None

    if (data := segment(paths)) is not None:
        return _PathSegment(data, ())
    tolerance = usual_tolerance(extent)
    while tolerance <= _COARSEST * max(extent.width, extent.height):
        coarse = tuple(VectorPath(p.name, simplified(p.subpaths, extent, tolerance)) for p in paths)
        if (data := segment(coarse)) is not None:
            return _PathSegment(
                data,
                (f"The path has too many knots for a JPEG; it was drawn again to within {tolerance:.1f} pixels.",),
            )
        tolerance *= 1.5
    return _PathSegment(b"", ("The path has too many knots for a JPEG and was left out.",))


def _whole_resolution(picture: Picture) -> tuple[int, int] | None:
    """Pixels per inch as JFIF's header can say them; EXIF and Photoshop's resource say the same."""
    if picture.dpi is None:
        return None
    x, y = round(picture.dpi[0]), round(picture.dpi[1])
    return (x, y) if min(x, y) >= 1 and max(x, y) < 30_000 else None


def _over_white(pixels: NDArray[np.uint8], alpha: Alpha) -> NDArray[np.uint8]:
    weight = alpha[..., None].astype(np.uint16)
    return ((pixels * weight + 255 * (255 - weight) + 127) // 255).astype(np.uint8)
