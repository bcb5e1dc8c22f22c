"""PNG files (ISO/IEC 15948:2004, third edition with eXIf): chunks in and out, 1 to 16 bit.

Chromask writes its PNGs itself: OpenCV drops ICC profiles, Pillow knows no 16-bit RGB, and libpng's filter search takes
four times as long as the one filter used here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import imagecodecs
import numpy as np

from engine.domain.geometry import Extent
from engine.imaging.raster import exif
from engine.imaging.raster.stored import Samples, StoredHeader, cut_off, damaged, decoding, size_of

if TYPE_CHECKING:
    from engine.domain.picture import Pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_METADATA = (b"iCCP", b"eXIf", b"pHYs", b"iTXt", b"sRGB", b"tRNS")
_MAX_METADATA = 64 * 2**20
"""Longest metadata chunk, and longest inflated profile or XMP, that is believed."""

_FILTER_UP = 2
_DATA_CHUNK = 2**26


def inspect(file: BinaryIO, path: Path | None) -> StoredHeader:
    """Walk the chunks, skipping over the pixel data (metadata may follow it)."""
    found = dict[bytes, bytes]()
    packet = None
    for kind, body in _chunks(file, path):
        if kind == b"iTXt":
            packet = packet or _xmp(body)
        else:
            found.setdefault(kind, body)
    width, height, depth, kind, _, _, _ = struct.unpack(">IIBBBBB", found[b"IHDR"])
    if kind not in _MODES or depth not in _DEPTHS[kind]:
        raise damaged(path, "PNG")
    block = found.get(b"eXIf")
    if block is not None:
        block = block.removeprefix(b"Exif\0\0")
    mode = "1" if kind == 0 and depth == 1 else _MODES[kind]
    icc = _profile(found[b"iCCP"]) if b"iCCP" in found else None
    return StoredHeader(
        extent=Extent(width, height),
        format="PNG",
        mode=mode,
        bit_depth=1 if mode == "1" else max(depth, 8),
        orientation=exif.orientation(block),
        icc=icc,
        srgb_stated=b"sRGB" in found or exif.states_srgb(block),
        exif=block,
        xmp=packet,
        dpi=_dots_per_inch(found.get(b"pHYs", b"")) or exif.resolution(block),
        has_alpha=kind in (4, 6) or b"tRNS" in found,
    )


def decode(data: bytes, header: StoredHeader, path: Path | None) -> Samples:
    """Decode through libpng, which refuses missing data and wrong checksums."""
    with decoding(path, "PNG"):
        array = imagecodecs.png_decode(_pixel_chunks(data))
    if array.ndim == 2:
        return Samples(array)
    channels = array.shape[2]
    alpha = array[..., -1] if channels in (2, 4) else None
    return Samples(array[..., 0] if channels < 3 else array[..., :3], alpha)


def encode(pixels: Pixels, chunks: list[tuple[bytes, bytes]], level: int = 1) -> bytes:
    """Encode grey, RGB or RGBA losslessly.

    Parameters
    ----------
    pixels : ndarray
        ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)``, uint8 or uint16.
    chunks : list of (type, body)
        Written between IHDR and the pixel data, in this order.
    level : int
        Deflate level. 1 is written ten times as fast as 9 and a tenth larger on photographs.

    Notes
    -----
    Every row uses filter Up: one vectorised subtraction, within 1 % of the best of libpng's five on photographs.
    """
    height, width = pixels.shape[:2]
    kind = {2: 0, 3: {3: 2, 4: 6}.get(pixels.shape[-1], -1)}[pixels.ndim]
    if kind < 0 or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"a PNG cannot hold {pixels.shape} {pixels.dtype}")
    stored = np.ascontiguousarray(pixels, dtype=">u2" if pixels.dtype == np.uint16 else np.uint8)
    rows = stored.view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = _FILTER_UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    packed = memoryview(imagecodecs.deflate_encode(cast("Any", filtered), level=level, raw=False))
    header = struct.pack(">IIBBBBB", width, height, pixels.dtype.itemsize * 8, kind, 0, 0, 0)
    parts = [SIGNATURE, chunk(b"IHDR", header), *(chunk(name, body) for name, body in chunks)]
    parts += [chunk(b"IDAT", packed[at : at + _DATA_CHUNK]) for at in range(0, len(packed), _DATA_CHUNK)]
    return b"".join([*parts, chunk(b"IEND", b"")])


def chunk(kind: bytes, body: bytes | memoryview) -> bytes:
    """One chunk: length, type, body, CRC-32."""
    return b"".join((struct.pack(">I", len(body)), kind, body, struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))))


def profile_chunk(icc: bytes, name: str) -> tuple[bytes, bytes]:
    """``iCCP``: the profile, deflated, under a name of at most 79 Latin-1 characters."""
    label = " ".join(name.encode("latin-1", "ignore").decode("latin-1").split())[:79].strip() or "ICC profile"
    return b"iCCP", label.encode("latin-1") + b"\0\0" + zlib.compress(icc, 9)


def resolution_chunk(dpi: tuple[float, float]) -> tuple[bytes, bytes]:
    """``pHYs`` in pixels per metre."""
    return b"pHYs", struct.pack(">IIB", round(dpi[0] / 0.0254), round(dpi[1] / 0.0254), 1)


def xmp_chunk(packet: bytes) -> tuple[bytes, bytes]:
    """``iTXt`` with the keyword of the XMP specification, part 3; uncompressed, as it demands."""
    return b"iTXt", _XMP_KEYWORD + b"\0\0\0\0\0" + packet


def _chunks(file: BinaryIO, path: Path | None) -> Iterator[tuple[bytes, bytes]]:
    length = size_of(file)
    at = len(SIGNATURE)
    first = True
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            raise cut_off(path)
        size, kind = struct.unpack(">I4s", head)
        if first and (kind != b"IHDR" or size != 13):
            raise damaged(path, "PNG")
        if not kind.isalpha():
            raise damaged(path, "PNG")
        first = False
        if at + 12 + size > length:
            raise cut_off(path)
        if kind == b"IHDR" or (kind in _METADATA and size <= _MAX_METADATA):
            body = file.read(size)
            if zlib.crc32(body, zlib.crc32(kind)) == struct.unpack(">I", file.read(4))[0]:
                yield kind, body
            elif kind == b"IHDR":
                raise damaged(path, "PNG")
        if kind == b"IEND":
            return
        at += 12 + size


def _pixel_chunks(data: bytes) -> bytes:
    """The file with only those chunks that its pixels are decoded from; `inspect` has walked them all.

    libpng prints a warning of its own for each ancillary chunk that it dislikes, such as an RGB profile on grey pixels.
    """
    view = memoryview(data)
    kept = [view[: len(SIGNATURE)]]
    at, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind[:1].isupper() or kind == b"tRNS":
            kept.append(view[at : at + 12 + size])
        at += 12 + size
    return b"".join(kept)


def _profile(body: bytes) -> bytes:
    """The inflated profile; the raw bytes where they do not inflate, so that the check of the profile refuses them."""
    _, _, packed = body.partition(b"\0")
    return _inflated(packed[1:]) or body


def _xmp(body: bytes) -> bytes | None:
    keyword, _, rest = body.partition(b"\0")
    if keyword != _XMP_KEYWORD or len(rest) < 4:
        return None
    compressed, text = rest[0] == 1, rest[2:].split(b"\0", 2)[-1]
    return (_inflated(text) if compressed else text) or None


def _inflated(packed: bytes) -> bytes | None:
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(packed, _MAX_METADATA)
    except zlib.error:
        return None
    return data if inflater.eof else None


def _dots_per_inch(body: bytes) -> tuple[float, float] | None:
    if len(body) != 9:
        return None
    x, y, unit = struct.unpack(">IIB", body)
    if unit != 1 or not x or not y:
        return None
    # Pixels per metre are whole numbers, so 300 dpi comes back as 299.9994: round to what was meant.
    return _meant(x * 0.0254), _meant(y * 0.0254)


def _meant(value: float) -> float:
    return float(round(value)) if abs(value - round(value)) < 0.0127 else value
