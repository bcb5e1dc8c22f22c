"""HEIC and AVIF files (ISO/IEC 23008-12): through libheif and libavif, 8 bit and deeper."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import imagecodecs
import numpy as np
import pillow_heif
from PIL import AvifImagePlugin

from engine.domain.geometry import Extent
from engine.imaging.raster import exif
from engine.imaging.raster.stored import Samples, StoredHeader, cut_off, decoding, size_of

if TYPE_CHECKING:
    from engine.domain.picture import Pixels

HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")


def is_avif(start: bytes) -> bool:
    """Whether the file's brands (its first 64 bytes or so) name AV1, which libheif is built without here."""
    size = min(int.from_bytes(start[:4], "big"), len(start))
    return any(start[at : at + 4] in AVIF_BRANDS for at in range(8, size, 4))


def inspect(file: BinaryIO, path: Path | None) -> StoredHeader:
    """Read the boxes; no tile is decoded."""
    _check_boxes(file, path)
    start = file.read(64)
    file.seek(0)
    if is_avif(start):
        return _inspect_avif(file, path)
    with decoding(path, "HEIC"):
        image = pillow_heif.open_heif(file, convert_hdr_to_8bit=False)
        info: dict[str, Any] = image.info
        mode, size = image.mode, image.size
        depth = int(info["bit_depth"])
    block = (info.get("exif") or b"").removeprefix(b"Exif\0\0") or None
    alpha = mode.startswith(("RGBA", "LA"))
    return StoredHeader(
        extent=Extent(*size),
        format="HEIF",
        mode=mode.split(";")[0],
        bit_depth=8 if depth <= 8 else 16,
        # libheif has turned the picture by the container's own transforms; EXIF only repeats them (23008-12, A.2.1).
        orientation=1,
        icc=info.get("icc_profile") or None,
        srgb_stated=exif.states_srgb(block),
        exif=block,
        xmp=info.get("xmp") or None,
        dpi=exif.resolution(block),
        has_alpha=alpha,
    )


def decode(data: bytes, header: StoredHeader, path: Path | None) -> Samples:
    """Decode the primary picture; 10 and 12 bit are spread over the full 16-bit range."""
    if is_avif(data[:64]):
        with decoding(path, "AVIF"):
            array = imagecodecs.avif_decode(data, index=0)
            array = _spread(array, _av1_depth(data)) if array.dtype == np.uint16 else array
    else:
        with decoding(path, "HEIC"):
            image = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
            array = np.asarray(image)
            if array.dtype == np.uint16:
                # libheif leaves the low bits of its 16-bit samples empty.
                depth = int(image.info["bit_depth"])
                array = _spread(array >> np.uint16(16 - depth), depth)
    if array.ndim == 2:
        return Samples(array)
    alpha = array[..., -1] if array.shape[2] in (2, 4) else None
    return Samples(array[..., 0] if array.shape[2] < 3 else array[..., :3], alpha)


def _inspect_avif(file: BinaryIO, path: Path | None) -> StoredHeader:
    with decoding(path, "AVIF"):
        image = AvifImagePlugin.AvifImageFile(file)
        info = image.info
        # The plugin writes the container's own rotation and mirroring into the orientation of this block.
        block = (info.get("exif") or b"").removeprefix(b"Exif\0\0") or None
        mode, size = image.mode, image.size
        file.seek(0)
        depth = _av1_depth(file.read(2**16))
    return StoredHeader(
        extent=Extent(*size),
        format="HEIF",
        mode=mode,
        bit_depth=8 if depth == 8 else 16,
        orientation=exif.orientation(block),
        icc=info.get("icc_profile") or None,
        srgb_stated=exif.states_srgb(block),
        exif=block,
        xmp=info.get("xmp") or None,
        dpi=exif.resolution(block),
        has_alpha=mode == "RGBA",
    )


def _av1_depth(data: bytes) -> int:
    """8, 10 or 12, from the first AV1 configuration box (AV1-ISOBMFF, 2.3.3)."""
    at = data.find(b"av1C")
    flags = data[at + 6] if 0 <= at < len(data) - 6 else 0
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8


def _spread(samples: Pixels, depth: int) -> Pixels:
    """``depth``-bit samples over the full 16-bit range, white to white."""
    return np.rint(samples * np.float32(65535 / (2**depth - 1))).astype(np.uint16)


def _check_boxes(file: BinaryIO, path: Path | None) -> None:
    """Refuse a file whose last top-level box promises more bytes than there are."""
    length = size_of(file)
    at = 0
    while at < length:
        file.seek(at)
        head = file.read(16)
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        elif size == 0:
            break
        if size < 8 or at + size > length:
            raise cut_off(path)
        at += size
    file.seek(0)


def is_heif(start: bytes) -> bool:
    """Whether the file's brands name a HEIC or AVIF picture."""
    size = min(int.from_bytes(start[:4], "big"), len(start))
    return any(start[at : at + 4] in (*HEIC_BRANDS, *AVIF_BRANDS) for at in (8, *range(16, size, 4)))
