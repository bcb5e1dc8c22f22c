"""PSD and PSB files (Adobe Photoshop File Formats Specification, 2019): the flattened composite, without the layers."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from engine.domain.geometry import Extent
from engine.imaging.raster.stored import Samples, StoredHeader, cut_off, damaged, decoding, size_of, unsupported

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Pixels

_MODES = {0: "1", 1: "L", 2: "P", 3: "RGB", 4: "CMYK", 8: "L", 9: "LAB"}
_CHANNELS = {"1": 1, "L": 1, "P": 1, "RGB": 3, "CMYK": 4, "LAB": 3}
_RESOLUTION, _ICC, _VERSION_INFO, _EXIF, _XMP = 1005, 1039, 1057, 1058, 1060
_WIDE_BLOCKS = (b"LMsk", b"Lr16", b"Lr32", b"Layr", b"Mt16", b"Mt32", b"Mtrn", b"Alph", b"FMsk", b"lnk2", b"FEid")
_WIDE_BLOCKS += (b"FXid", b"PxSD")
"""Blocks whose length a PSB stores in eight bytes."""


def inspect(file: BinaryIO, path: Path | None) -> StoredHeader:
    """Read the file header and the image resources; layers are skipped."""
    length = size_of(file)
    head = file.read(26)
    if len(head) < 26:
        raise cut_off(path)
    version, channels, height, width, depth, number = struct.unpack(">4xH6xHIIHH", head)
    mode = _MODES.get(number)
    if version not in (1, 2) or not channels:
        raise damaged(path, "PSD")
    if mode is None:
        raise unsupported(path, "this PSD is in multichannel mode", "Convert it to RGB in Photoshop and retry.")
    if depth == 32:
        raise unsupported(path, "this is a 32-bit floating-point PSD, which has no defined white")
    if depth not in (1, 8, 16) or channels < _CHANNELS[mode]:
        raise damaged(path, "PSD")
    file.seek(_section(file, 26, length, path)[1])
    start, resources_end = _section(file, file.tell(), length, path)
    resources = dict(_resources(file, start, resources_end))
    info = resources.get(_VERSION_INFO, b"")
    if len(info) >= 5 and not info[4]:
        raise unsupported(
            path,
            "this PSD was saved without a flattened picture",
            "Save it in Photoshop with Maximize Compatibility switched on.",
        )
    transparent = (
        mode in ("L", "RGB")
        and channels > _CHANNELS[mode]
        and _has_transparency(file, resources_end, length, version == 2)
    )
    _, layers_end = _section(file, resources_end, length, path, wide=version == 2)
    if layers_end + 2 > length:
        raise cut_off(path)
    block = resources.get(_EXIF)
    return StoredHeader(
        extent=Extent(width, height),
        format="PSD",
        mode=mode + "A" if transparent else mode,
        bit_depth=depth,
        orientation=1,  # Photoshop turns the pixels when it opens a photograph, and leaves the camera's tag behind
        icc=resources.get(_ICC) or None,
        srgb_stated=False,
        exif=block,
        xmp=resources.get(_XMP) or None,
        dpi=_resolution(resources.get(_RESOLUTION, b"")),
        has_alpha=transparent,
    )


def decode(data: bytes, header: StoredHeader, path: Path | None) -> Samples:
    """Decode the composite; transparency that Photoshop blended with white is taken out of the colours again."""
    # A quarter of a second of imports that no other kind of file needs.
    from psd_tools.compression import decompress
    from psd_tools.constants import Compression

    version, channels, height, width, depth, _ = struct.unpack_from(">4xH6xHIIHH", data)
    at = 26
    for wide in (False, False, version == 2):
        size = 8 if wide else 4
        at += size + int.from_bytes(data[at : at + size], "big")
    compression = int.from_bytes(data[at : at + 2], "big")
    row_bytes = (width * depth + 7) // 8
    if compression == Compression.RAW and len(data) - at - 2 < row_bytes * height * channels:
        raise cut_off(path)
    if compression == Compression.RLE:
        count_size, rows = (4 if version == 2 else 2), height * channels
        if len(data) < at + 2 + rows * count_size:
            raise cut_off(path)
        lengths = np.frombuffer(data, f">u{count_size}", count=rows, offset=at + 2)
        if at + 2 + lengths.nbytes + int(lengths.sum(dtype=np.int64)) > len(data):
            raise cut_off(path)
    with decoding(path, "PSD"):
        raw = decompress(data[at + 2 :], Compression(compression), width, height * channels, depth, version)
        planes = _planes(raw, channels, height, width, depth)
    if header.mode == "P":
        palette = np.frombuffer(data, np.uint8, count=768, offset=30).reshape(3, 256)
        return Samples(palette.T[planes[0]])
    mode = header.mode.removesuffix("A") if header.has_alpha else header.mode
    count = _CHANNELS[mode]
    color = cast("Pixels", planes[0] if count == 1 else np.ascontiguousarray(np.moveaxis(planes[:count], 0, -1)))
    if mode == "CMYK":
        return Samples(cast("Pixels", np.invert(color)))  # Photoshop stores 0 = full ink
    if not header.has_alpha:
        return Samples(color)
    alpha = cast("Pixels", planes[count])
    return Samples(_without_white(color, alpha), alpha)


def _section(file: BinaryIO, at: int, length: int, path: Path | None, *, wide: bool = False) -> tuple[int, int]:
    """Start and end of the body of the section whose length field stands at ``at``."""
    file.seek(at)
    size = 8 if wide else 4
    field = file.read(size)
    end = at + size + int.from_bytes(field, "big")
    if len(field) < size or end > length:
        raise cut_off(path)
    return at + size, end


def _resources(file: BinaryIO, at: int, end: int) -> Iterator[tuple[int, bytes]]:
    file.seek(at)
    body = file.read(end - at)
    at = 0
    while at + 12 <= len(body) and body[at : at + 4] in (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR"):
        number, name = struct.unpack_from(">HB", body, at + 4)
        at += 6 + name + 1 + (name + 1) % 2
        size = int.from_bytes(body[at : at + 4], "big")
        yield number, body[at + 4 : at + 4 + size]
        at += 4 + size + size % 2


def _has_transparency(file: BinaryIO, at: int, length: int, wide: bool) -> bool:
    """Whether the first extra channel of the composite is transparency and not a saved selection.

    That is so where the layer count is negative, or (16 bit) where a block ``Mt16`` stands beside the layers.
    """
    size = 8 if wide else 4
    file.seek(at)
    end = min(length, at + size + int.from_bytes(file.read(size), "big"))
    if end < at + 2 * size:
        return False
    layers = int.from_bytes(file.read(size), "big")
    if layers >= 2:
        return int.from_bytes(file.read(2), "big", signed=True) < 0
    at += 2 * size + layers
    file.seek(at)
    at += 4 + int.from_bytes(file.read(4), "big")
    while at + 12 <= end:
        file.seek(at)
        signature, key = struct.unpack(">4s4s", file.read(8))
        if signature not in (b"8BIM", b"8B64"):
            return False
        if key in (b"Mt16", b"Mtrn"):
            return True
        field = 8 if wide and key in _WIDE_BLOCKS else 4
        block = int.from_bytes(file.read(field), "big")
        if key in (b"Lr16", b"Layr") and block >= 2:
            return int.from_bytes(file.read(2), "big", signed=True) < 0
        at += 8 + field + block + -block % 4
    return False


def _resolution(body: bytes) -> tuple[float, float] | None:
    """Resource 1005: 16.16 fixed point, pixels per inch whatever unit Photoshop displays."""
    if len(body) < 16:
        return None
    x, _, _, y = struct.unpack_from(">IHHI", body)
    return (x / 65536, y / 65536) if x and y else None


def _planes(raw: bytes, channels: int, height: int, width: int, depth: int) -> Pixels:
    if depth == 1:
        packed = np.frombuffer(raw, np.uint8).reshape(channels, height, -1)
        bits = np.unpackbits(packed, axis=2, count=width)
        return (1 - bits) * np.uint8(255)  # a set bit is black
    dtype = np.uint8 if depth == 8 else np.dtype(">u2")
    planes: NDArray = np.frombuffer(raw, dtype).reshape(channels, height, width)
    return cast("Pixels", planes.astype(planes.dtype.newbyteorder("=")))


def _without_white(color: Pixels, alpha: Pixels) -> Pixels:
    """Invert ``shown = alpha * color + (1 - alpha) * white``; white where nothing shows."""
    top = np.float32(np.iinfo(color.dtype).max)
    weight = alpha.astype(np.float32) / top
    if color.ndim == 3:
        weight = weight[..., None]
    hidden = top - color.astype(np.float32)
    share = np.divide(hidden, weight, out=np.zeros_like(hidden), where=weight > 0)
    return cast("Pixels", np.rint(np.clip(top - share, 0, top)).astype(color.dtype))
