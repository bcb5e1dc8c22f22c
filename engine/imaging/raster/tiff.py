"""TIFF and BigTIFF files (TIFF 6.0, Adobe technical notes 1 and 3): 1 to 16 bit, strips, tiles and planes."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np
import tifffile

from engine.domain.geometry import Extent
from engine.imaging.raster import exif
from engine.imaging.raster.stored import (
    Samples,
    StoredHeader,
    check_extent,
    cut_off,
    damaged,
    decoding,
    size_of,
    unsupported,
)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from numpy.typing import NDArray

    from engine.domain.picture import Pixels

# tifffile logs every oddity of a file; what matters of them becomes a sentence here, the rest is not the operator's.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_ICC, _XMP, _DNG_VERSION, _DNG_PRIVATE = 34675, 700, 50706, 50740
_MODES = {0: "L", 1: "L", 2: "RGB", 3: "P", 5: "CMYK", 6: "RGB", 8: "LAB", 9: "LAB", 10: "LAB"}
_COLOR_CHANNELS = {"1": 1, "L": 1, "P": 1, "RGB": 3, "CMYK": 4, "LAB": 3}
_MIN_IS_WHITE, _PALETTE, _YCBCR, _CFA, _LINEAR_RAW = 0, 3, 6, 32803, 34892
_PREMULTIPLIED, _STRAIGHT = 1, 2
_UINT, _FLOAT = 1, 3
_SEPARATE_PLANES = 2
_READ_AT_ONCE = 4 << 20
"""Bytes of compressed strips that are copied at once: tifffile's own 256 MiB hold the interpreter's lock meanwhile."""

_RAW_REMEDY = "Develop it in the raw converter, export it as 16-bit TIFF and drop that."


def inspect(file: BinaryIO, path: Path | None) -> StoredHeader:
    """Read the first directory and check that its strips or tiles lie inside the file."""
    length = size_of(file)
    start = file.read(16)
    file.seek(0)
    shape = exif.structure(start)
    if shape is None or shape.first >= length:
        raise cut_off(path)
    with decoding(path, "TIFF"), tifffile.TiffFile(file) as tiff:
        page = _first_page(tiff)
        _refuse_raw(page, start, path)
        mode = _mode(page, path)
        if any(at + n > length for at, n in zip(page.dataoffsets, page.databytecounts, strict=False)):
            raise cut_off(path)
        notices = _page_notices(tiff)
        depth = 1 if mode == "1" else 16 if page.dtype == np.uint16 and mode != "P" else 8
        return StoredHeader(
            extent=Extent(page.imagewidth, page.imagelength),
            format="TIFF",
            mode=mode if mode in ("1", "P") or _alpha_channel(page, mode) is None else mode + "A",
            bit_depth=depth,
            orientation=_orientation(page),
            icc=_bytes(page, _ICC),
            srgb_stated=False,
            xmp=_bytes(page, _XMP),
            dpi=_resolution(page),
            has_alpha=_alpha_channel(page, mode) is not None,
            notices=notices,
        )


def decode(data: bytes, header: StoredHeader, path: Path | None) -> Samples:
    """Decode the first page at its full bit depth."""
    with decoding(path, "TIFF"), tifffile.TiffFile(_Unlocked(data)) as tiff:
        page = _first_page(tiff)
        check_extent(Extent(page.imagewidth, page.imagelength), path)
        array = page.asarray(buffersize=_READ_AT_ONCE)
        mode = _mode(page, path)
        if page.planarconfig == _SEPARATE_PLANES and page.samplesperpixel > 1:
            array = np.moveaxis(array.reshape(page.samplesperpixel, page.imagelength, page.imagewidth), 0, -1)
        else:
            array = array.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)
        colormap = page.colormap if page.photometric == _PALETTE else None
        alpha_at = _alpha_channel(page, mode)
        premultiplied = alpha_at is not None and page.extrasamples[alpha_at - _COLOR_CHANNELS[mode]] == _PREMULTIPLIED
        inverted = page.photometric == _MIN_IS_WHITE
        bits = _bits(page)
    if colormap is not None:
        return Samples(_from_palette(array[..., 0], colormap))
    color = _full_range(array[..., : _COLOR_CHANNELS[mode]], bits)
    if inverted:
        color = np.invert(color)
    if color.shape[2] == 1:
        color = color[..., 0]
    if alpha_at is None:
        return Samples(color)
    alpha = _full_range(array[..., alpha_at], bits)
    return Samples(_unmultiplied(color, alpha) if premultiplied else color, alpha)


class _Unlocked(io.BytesIO):
    """Bytes that are copied without the interpreter's lock, which a window's thread would wait for."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._data = np.frombuffer(data, np.uint8)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target, at = np.frombuffer(memoryview(buffer), np.uint8), self.tell()
        part = self._data[at : at + target.size]
        target[: part.size] = part
        self.seek(at + part.size)
        return part.size


def _first_page(tiff: tifffile.TiffFile) -> tifffile.TiffPage:
    return cast("tifffile.TiffPage", tiff.pages[0])


def _page_notices(tiff: tifffile.TiffFile) -> tuple[str, ...]:
    further = [page for page in tiff.pages[1:] if isinstance(page, tifffile.TiffPage) and not page.subfiletype & 5]
    if not further:
        return ()
    return (f"The TIFF has {len(further) + 1} pages, of which only the first is used.",)


def _refuse_raw(page: tifffile.TiffPage, start: bytes, path: Path | None) -> None:
    """Camera raws are TIFF files whose first picture is a thumbnail; taking it for the photograph would be silent."""
    reduced = bool(page.subfiletype & 1) and 330 in page.tags
    if start[8:10] == b"CR" or _DNG_VERSION in page.tags or reduced or page.photometric in (_CFA, _LINEAR_RAW):
        raise unsupported(path, "this is a camera raw file", _RAW_REMEDY)


def _bits(page: tifffile.TiffPage) -> int:
    bits = page.bitspersample
    return bits if isinstance(bits, int) else max(bits)


def _mode(page: tifffile.TiffPage, path: Path | None) -> str:
    """The colour mode without alpha; refuses what is not 1- to 16-bit integer grey, palette, RGB or CMYK."""
    sizes = (page.imagewidth, page.imagelength, page.samplesperpixel)
    if not all(isinstance(size, int) for size in sizes):  # tifffile hands a damaged tag's tuple or text through
        raise damaged(path, "TIFF")
    bits = _bits(page)
    if page.sampleformat == _FLOAT:
        raise unsupported(path, "this is a floating-point TIFF, which has no defined white")
    if page.sampleformat != _UINT or page.dtype is None or bits not in (1, 2, 4, 8, 16):
        raise unsupported(path, f"this TIFF stores its {bits}-bit channels in a way that is not supported")
    if page.imagedepth != 1:
        raise unsupported(path, "this TIFF is a stack of slices and not one picture")
    mode = _MODES.get(page.photometric)
    if mode is None or (page.photometric == _YCBCR and page.compression not in (6, 7)):
        name = getattr(page.photometric, "name", str(page.photometric))
        raise unsupported(path, f"this TIFF has the colour model {name}")
    if page.samplesperpixel < _COLOR_CHANNELS[mode]:
        raise damaged(path, "TIFF")
    if mode == "CMYK" and page.tags.get(332) is not None and page.tags[332].value == 2:
        raise unsupported(path, "this TIFF is separated into inks other than CMYK")
    return "1" if mode == "L" and bits == 1 else mode


def _alpha_channel(page: tifffile.TiffPage, mode: str) -> int | None:
    """Index of the transparency channel. Extra samples of unspecified kind are saved selections and are left out."""
    for index, kind in enumerate(page.extrasamples or ()):
        if kind in (_PREMULTIPLIED, _STRAIGHT):
            at = _COLOR_CHANNELS[mode] + index
            return at if at < page.samplesperpixel else None
    return None


def _orientation(page: tifffile.TiffPage) -> int:
    tag = page.tags.get(exif.ORIENTATION)
    return tag.value if tag is not None and tag.value in range(1, 9) else 1


def _resolution(page: tifffile.TiffPage) -> tuple[float, float] | None:
    values = [page.tags.get(tag) for tag in (exif.X_RESOLUTION, exif.Y_RESOLUTION)]
    unit = page.tags.get(exif.RESOLUTION_UNIT)
    scale = {2: 1.0, 3: 2.54}.get(int(unit.value) if unit is not None else 2)
    if scale is None or any(tag is None or not all(tag.value) for tag in values):
        return None
    x, y = (tag.value[0] / tag.value[1] * scale for tag in values if tag is not None)
    return x, y


def _bytes(page: tifffile.TiffPage, code: int) -> bytes | None:
    tag = page.tags.get(code)
    if tag is None:
        return None
    value = tag.value
    if isinstance(value, str):
        return value.encode("utf-8")
    return bytes(value) or None


def _full_range(samples: NDArray, bits: int) -> Pixels:
    """1-, 2- and 4-bit samples stretched to 8 bit; 8 and 16 bit in native byte order."""
    if bits in (8, 16):
        return cast("Pixels", np.ascontiguousarray(samples, dtype=np.uint8 if bits == 8 else np.uint16))
    return samples.astype(np.uint8) * np.uint8(255 // (2**bits - 1))


def _from_palette(indices: NDArray, colormap: NDArray) -> Pixels:
    """Look the colour map up. Its values are 16 bit, but some writers multiply 8-bit ones by 257, some by 256, some not
    at all; the high byte is right for the first two.
    """
    table = np.asarray(colormap, np.uint32)
    table = table if table.max(initial=0) < 256 else table >> 8
    return table.astype(np.uint8).T[np.minimum(indices, table.shape[1] - 1)]


def _unmultiplied(color: Pixels, alpha: Pixels) -> Pixels:
    """Straight colour from premultiplied; black where the picture is wholly transparent."""
    top = np.float32(np.iinfo(color.dtype).max)
    weight = alpha.astype(np.float32)
    if color.ndim == 3:
        weight = weight[..., None]
    straight = color * np.divide(top, weight, out=np.zeros_like(weight), where=weight > 0)
    return cast("Pixels", np.rint(np.minimum(straight, top)).astype(color.dtype))
