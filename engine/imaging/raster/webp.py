"""WebP files (RFC 9649): lossy, lossless, with alpha; the first frame of an animation."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import WebPImagePlugin

from engine.domain.geometry import Extent
from engine.imaging.raster import exif
from engine.imaging.raster.stored import Samples, StoredHeader, cut_off, damaged, decoding, size_of, unsupported

_ALPHA_FLAG = 0x10
_MAX_METADATA = 64 * 2**20


def inspect(file: BinaryIO, path: Path | None) -> StoredHeader:
    """Walk the RIFF chunks, skipping over the pixel data."""
    length = size_of(file)
    riff = file.read(12)
    if len(riff) < 12 or struct.unpack_from("<I", riff, 4)[0] + 8 > length:
        raise cut_off(path)
    end = struct.unpack_from("<I", riff, 4)[0] + 8
    found = dict[bytes, bytes]()
    at = 12
    while at + 8 <= end:
        file.seek(at)
        kind, size = struct.unpack("<4sI", file.read(8))
        if at + 8 + size > length:
            raise cut_off(path)
        found.setdefault(kind, file.read(min(size, 10 if kind not in (b"ICCP", b"EXIF", b"XMP ") else _MAX_METADATA)))
        at += 8 + size + size % 2
    extent, alpha = _canvas(found, path)
    block = found.get(b"EXIF")
    if block is not None:
        block = block.removeprefix(b"Exif\0\0") or None
    return StoredHeader(
        extent=extent,
        format="WEBP",
        mode="RGBA" if alpha else "RGB",
        bit_depth=8,
        orientation=exif.orientation(block),
        icc=found.get(b"ICCP") or None,
        srgb_stated=exif.states_srgb(block),
        exif=block,
        xmp=found.get(b"XMP ") or None,
        dpi=exif.resolution(block),
        has_alpha=alpha,
    )


def decode(data: bytes, header: StoredHeader, path: Path | None) -> Samples:
    """Decode the only or first frame."""
    with decoding(path, "WebP"):
        image = WebPImagePlugin.WebPImageFile(io.BytesIO(data))
        image.load()
        array = np.asarray(image.convert("RGBA" if header.has_alpha else "RGB"))
    return Samples(array[..., :3], array[..., 3] if header.has_alpha else None)


def _canvas(found: dict[bytes, bytes], path: Path | None) -> tuple[Extent, bool]:
    """Size and transparency from the extended header, else from the one bitstream's."""
    extended, lossy, lossless = found.get(b"VP8X", b""), found.get(b"VP8 ", b""), found.get(b"VP8L", b"")
    if len(extended) == 10:
        width, height = (int.from_bytes(extended[at : at + 3], "little") + 1 for at in (4, 7))
        return Extent(width, height), bool(extended[0] & _ALPHA_FLAG)
    if len(lossy) == 10 and lossy[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", lossy, 6)
        return Extent(width & 0x3FFF, height & 0x3FFF), False
    if len(lossless) >= 5 and lossless[0] == 0x2F:
        (bits,) = struct.unpack_from("<I", lossless, 1)
        return Extent((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1), bool(bits >> 28 & 1)
    if not found:
        raise cut_off(path)
    if b"ANIM" in found:
        raise unsupported(path, "this WebP is an animation without a picture")
    raise damaged(path, "WebP")
