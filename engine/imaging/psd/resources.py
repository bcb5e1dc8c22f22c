"""The image resources section: names of the alpha channels, resolution, profile, metadata, thumbnail."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from struct import Struct

import cv2
import numpy as np
from PIL import Image, ImageCms

from engine.imaging.psd.document import LayeredDocument
from engine.imaging.psd.paths import VectorPath, path_resources
from engine.imaging.psd.records import image_resource, pascal_string, unicode_string
from engine.imaging.raster import exif

RESOLUTION = 1005
ALPHA_NAMES = 1006
THUMBNAIL = 1036
ICC_PROFILE = 1039
ALPHA_NAMES_UNICODE = 1045
ALPHA_IDENTIFIERS = 1053
VERSION_INFO = 1057
EXIF = 1058
XMP = 1060
DISPLAY_INFO = 1077

_THUMBNAIL_SIDE = 160  # Photoshop's own size
_UINT32 = Struct(">I")
# Per axis: pixels per inch as 16.16 fixed point, shown per inch (1), ruler in inches (1).
_RESOLUTION_INFO = Struct(">IHHIHH")
# Format (1 = JPEG), width, height, bytes per row, bytes raw, bytes compressed, bits per pixel, planes.
_THUMBNAIL_HEADER = Struct(">IIIIIIHH")
# Colour space RGB, red, shown at 50 %, and 1 = the colour marks what the mask keeps out: Photoshop's quick-mask look.
_DISPLAY_ENTRY = bytes.fromhex("0000 ffff 0000 0000 0000 0032 01")


def image_resources(document: LayeredDocument) -> bytes:
    """Every resource of a Photoshop file in ascending order, without the length of the section."""
    blocks = [
        (THUMBNAIL, "", _thumbnail(document)),
        (VERSION_INFO, "", _version_info()),
        *_resolution_info(document.resolution),
        *_alpha_resources([channel.name for channel in document.alpha_channels]),
        *path_resources(document.paths),
    ]
    for resource_id, data in ((ICC_PROFILE, document.icc), (EXIF, stored_exif(document)), (XMP, document.xmp)):
        if data is not None:
            blocks.append((resource_id, "", data))
    return serialized(blocks)


def tiff_resources(
    names: Sequence[str], resolution: tuple[float, float] | None, paths: Sequence[VectorPath] = ()
) -> bytes:
    """The resources of a TIFF (tag 34377): what TIFF has no tag of its own for, and the resolution again.

    Parameters
    ----------
    names : sequence of str
        Of the extra channels in their order.
    resolution : tuple of float or None
        As in `LayeredDocument.resolution`.
    """
    return serialized([*_resolution_info(resolution), *_alpha_resources(names), *path_resources(paths)])


def jpeg_resources(resolution: tuple[float, float] | None, paths: Sequence[VectorPath], clipping: str | None) -> bytes:
    """The resources of a JPEG's APP13 segment: the paths, one of which may clip, and the resolution again."""
    return serialized([*_resolution_info(resolution), *path_resources(paths, clipping)])


def serialized(resources: Iterable[tuple[int, str, bytes]]) -> bytes:
    """Resources of an id, a name and data, one after another in ascending order of their ids."""
    return b"".join(image_resource(resource_id, data, name) for resource_id, name, data in sorted(resources))


def stored_exif(document: LayeredDocument) -> bytes | None:
    """The document's EXIF block saying the document's resolution: a file that gives two has none."""
    if document.exif is None or document.resolution is None:
        return document.exif
    return exif.with_resolution(document.exif, document.resolution)


def fixed_point_resolution(resolution: tuple[float, float] | None) -> tuple[int, int] | None:
    """Pixels per inch in 1/65,536, horizontal and vertical."""
    if resolution is None:
        return None
    horizontal, vertical = resolution
    return round(horizontal * 65536), round(vertical * 65536)


def _resolution_info(resolution: tuple[float, float] | None) -> list[tuple[int, str, bytes]]:
    stored = fixed_point_resolution(resolution)
    if stored is None:
        return []
    horizontal, vertical = stored
    return [(RESOLUTION, "", _RESOLUTION_INFO.pack(horizontal, 1, 1, vertical, 1, 1))]


def _alpha_resources(names: Sequence[str]) -> list[tuple[int, str, bytes]]:
    if not names:
        return []
    return [
        (ALPHA_NAMES, "", b"".join(pascal_string(name, padding=1) for name in names)),
        (ALPHA_NAMES_UNICODE, "", b"".join(unicode_string(name, terminated=True) for name in names)),
        (ALPHA_IDENTIFIERS, "", b"".join(_UINT32.pack(3 + number) for number in range(len(names)))),
        (DISPLAY_INFO, "", _UINT32.pack(1) + _DISPLAY_ENTRY * len(names)),
    ]


def _version_info() -> bytes:
    # Version 1, the merged image is real, writer, reader, file version 1.
    return b"".join((_UINT32.pack(1), b"\1", unicode_string("Chromask"), unicode_string("Chromask"), _UINT32.pack(1)))


def _thumbnail(document: LayeredDocument) -> bytes:
    scale = min(1.0, _THUMBNAIL_SIDE / max(document.extent.width, document.extent.height))
    width = max(1, round(document.extent.width * scale))
    height = max(1, round(document.extent.height * scale))
    small = cv2.resize(document.composite, (width, height), interpolation=cv2.INTER_AREA)
    if document.bit_depth == 16:
        small = (small.astype(np.uint32) + 128) // 257
    picture = _to_srgb(Image.fromarray(small.astype(np.uint8)), document.icc)
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=85)
    row_bytes = (width * 24 + 31) // 32 * 4
    header = _THUMBNAIL_HEADER.pack(1, width, height, row_bytes, row_bytes * height, jpeg.tell(), 24, 1)
    return header + jpeg.getvalue()


def _to_srgb(picture: Image.Image, icc: bytes | None) -> Image.Image:
    """File browsers show the thumbnail without looking at the document's profile."""
    if icc is None:
        return picture
    try:
        converted = ImageCms.profileToProfile(
            picture, ImageCms.getOpenProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        # LittleCMS refuses some profiles that Photoshop takes; only the thumbnail's colours are at stake.
        return picture
    return picture if converted is None else converted
