"""The image resources section: names of the alpha channels, resolution, profile, metadata, thumbnail."""

from __future__ import annotations

import io
from struct import Struct

import cv2
import numpy as np
from PIL import Image, ImageCms

from engine.imaging.psd.document import LayeredDocument
from engine.imaging.psd.records import SIGNATURE, pascal_string, unicode_string

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
_UINT16, _UINT32 = Struct(">H"), Struct(">I")
# Per axis: pixels per inch as 16.16 fixed point, shown per inch (1), ruler in inches (1).
_RESOLUTION_INFO = Struct(">IHHIHH")
# Format (1 = JPEG), width, height, bytes per row, bytes raw, bytes compressed, bits per pixel, planes.
_THUMBNAIL_HEADER = Struct(">IIIIIIHH")
# Colour space RGB, red, shown at 50 %, and 1 = the colour marks what the mask keeps out: Photoshop's quick-mask look.
_DISPLAY_ENTRY = bytes.fromhex("0000 ffff 0000 0000 0000 0032 01")


def image_resources(document: LayeredDocument) -> bytes:
    """Every resource of the document in ascending order, without the length of the section."""
    names = [channel.name for channel in document.alpha_channels]
    blocks: list[tuple[int, bytes]] = [
        (THUMBNAIL, _thumbnail(document)),
        (VERSION_INFO, _version_info()),
    ]
    if (resolution := fixed_point_resolution(document)) is not None:
        horizontal, vertical = resolution
        blocks.append((RESOLUTION, _RESOLUTION_INFO.pack(horizontal, 1, 1, vertical, 1, 1)))
    if names:
        blocks += [
            (ALPHA_NAMES, b"".join(pascal_string(name, padding=1) for name in names)),
            (ALPHA_NAMES_UNICODE, b"".join(unicode_string(name, terminated=True) for name in names)),
            (ALPHA_IDENTIFIERS, b"".join(_UINT32.pack(3 + number) for number in range(len(names)))),
            (DISPLAY_INFO, _UINT32.pack(1) + _DISPLAY_ENTRY * len(names)),
        ]
    for resource_id, data in ((ICC_PROFILE, document.icc), (EXIF, document.exif), (XMP, document.xmp)):
        if data is not None:
            blocks.append((resource_id, data))
    return b"".join(_resource(resource_id, data) for resource_id, data in sorted(blocks))


def fixed_point_resolution(document: LayeredDocument) -> tuple[int, int] | None:
    """Pixels per inch in 1/65,536, horizontal and vertical."""
    if document.resolution is None:
        return None
    horizontal, vertical = document.resolution
    return round(horizontal * 65536), round(vertical * 65536)


def _resource(resource_id: int, data: bytes) -> bytes:
    name = pascal_string("", padding=2)
    return b"".join((SIGNATURE, _UINT16.pack(resource_id), name, _UINT32.pack(len(data)), data, bytes(len(data) % 2)))


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
