"""JPEG files (ITU-T T.81 in JFIF or EXIF wrapping)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import imagecodecs
import numpy as np
from PIL import JpegImagePlugin

from engine.domain.geometry import Extent
from engine.imaging.raster import exif
from engine.imaging.raster.stored import Samples, StoredHeader, decoding

_END_OF_IMAGE = 0xD9

_WINDOW = 1 << 20
"""Bytes that are searched at once."""


def inspect(file: BinaryIO, path: Path | None) -> StoredHeader:
    """Read the segments before the first scan.

    The plugin class is used instead of ``Image.open``, whose limit on pixels is a global of the process and a warning.
    """
    with decoding(path, "JPEG"):
        image = JpegImagePlugin.JpegImageFile(file)
        info = image.info
        block = info.get("exif") or None
        if block is not None:
            block = block.removeprefix(b"Exif\0\0")
        icc = info.get("icc_profile") or None
        density, unit = info.get("jfif_density"), info.get("jfif_unit", 0)
        mode = image.mode
        size = image.size
    dpi = None
    if density is not None and unit in (1, 2) and min(density) > 0:
        scale = 2.54 if unit == 2 else 1.0
        dpi = (density[0] * scale, density[1] * scale)
    return StoredHeader(
        extent=Extent(*size),
        format="JPEG",
        mode=mode,
        bit_depth=8,
        orientation=exif.orientation(block),
        icc=icc,
        srgb_stated=icc is None and exif.states_srgb(block),
        exif=block,
        xmp=info.get("xmp") or None,
        dpi=dpi or exif.resolution(block),
    )


def decode(data: bytes, header: StoredHeader, path: Path | None) -> Samples:
    """Decode the primary image.

    libjpeg fills a cut-off picture with grey and only warns, so the end marker is looked for first. Files whose camera
    forgot it go through Pillow, which knows whether rows were missing.
    """
    if header.mode in ("RGB", "L") and _has_end(data):
        with decoding(path, "JPEG"):
            return Samples(imagecodecs.jpeg8_decode(data))
    with decoding(path, "JPEG"):
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
        image.load()
        # Pillow has undone Adobe's inversion: 0 = no ink.
        return Samples(np.asarray(image))


def _has_end(data: bytes) -> bool:
    """Whether the first image (its preview, thumbnail and second images apart) is closed by an end marker."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            found = _next_marker(data, at)
            if found is None:
                return False
            at = found
        kind = data[at + 1]
        if kind == _END_OF_IMAGE:
            return True
        if kind == 0xFF:
            at += 1
        elif kind == 0x01 or 0xD0 <= kind <= 0xD8:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
            if kind == 0xDA:
                found = _next_marker(data, at)
                if found is None:
                    return False
                at = found
    return data[at : at + 2] == b"\xff\xd9"


def _next_marker(data: bytes, at: int) -> int | None:
    """Where the next marker's two bytes begin; None where there is none.

    FF 00 is a stuffed byte inside entropy-coded data, FF FF is filling, and FF D0 to FF D7 are restart markers. NumPy
    searches without the interpreter's lock, which a window's thread would wait for.
    """
    values = np.frombuffer(data, np.uint8)
    for start in range(at, len(values) - 1, _WINDOW):
        part = values[start : start + _WINDOW + 1]
        begins = np.flatnonzero(part[:-1] == 0xFF)
        kinds = part[begins + 1]
        found = begins[(kinds != 0) & (kinds != 0xFF) & ((kinds < 0xD0) | (kinds > 0xD7))]
        if found.size:
            return start + int(found[0])
    return None
