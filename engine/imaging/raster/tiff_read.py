"""TIFF files as a retoucher saved them, flat or with Photoshop's layers.

Follows TIFF 6.0 and Adobe's "Photoshop TIFF technical notes" (2002): tag 34377 holds image resources, tag 37724 layers.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
import tifffile
from psd_tools.psd.image_resources import ImageResources

from engine.domain.geometry import Extent
from engine.imaging.psd import little_endian
from engine.imaging.psd.channels import row_chunks
from engine.imaging.psd.saved_document import SavedDocument, channels_of, is_blank, require_rgb
from engine.imaging.psd.saved_layers import SavedLayer
from engine.imaging.psd.saved_planes import Coding, SavedFile, to_alpha
from engine.imaging.psd.saved_records import layers_of, read_layers
from engine.imaging.raster.stored import check_extent, decoding
from engine.imaging.raster.tiff_write import IMAGE_RESOURCES_TAG, LAYER_DATA_MARK, LAYERS_TAG, XMP_TAG

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Pixels

_MODES = {0: "grey", 1: "grey", 2: "RGB", 3: "indexed colours", 5: "CMYK", 8: "Lab", 9: "Lab", 10: "Lab"}
_YCBCR = 6  # of JPEG-compressed pictures, which the decoder turns into RGB
_PREMULTIPLIED, _STRAIGHT = 1, 2
_UINT = 1
_READ_AT_ONCE = 4 << 20
"""Bytes of compressed strips in memory at a time, as in `engine.imaging.raster.tiff`."""

_BLOCK_HEAD = 12
"""Bytes of signature, key and length."""

_LAYER_KEYS = (b"Layr", b"Lr16")
_LONG = b"8B64"
"""Signature of blocks whose lengths may have 64 bits, in TIFFs that were saved as large documents."""

_SIGNATURES = (b"8BIM", _LONG)
_LONG_KEYS = frozenset(b"LMsk Lr16 Lr32 Layr Mt16 Mt32 Mtrn Alph FMsk lnk2 FEid FXid PxSD".split())
"""Whose length then has eight bytes (Photoshop File Formats Specification, "Additional layer information")."""


@dataclass(frozen=True, slots=True, eq=False)
class ExtraSamples:
    """A channel beside the colours as it lies in the strips of a TIFF.

    Attributes
    ----------
    number : int
        Among the samples of a pixel.
    """

    file: SavedFile
    number: int

    def decoded(self) -> Alpha:
        """``(H, W)`` uint8; see `engine.imaging.psd.saved_document.StoredPlane`."""
        with self.file.opened() as file, tifffile.TiffFile(file) as tiff:
            samples = _samples(tiff.pages.first, range(self.number, self.number + 1))
            return to_alpha(cast("Pixels", samples[..., 0]))


def read_tiff(path: Path) -> SavedDocument:
    """Read a TIFF whose first page is RGB at 8 or 16 bits.

    Raises
    ------
    KnownError
        It is not, or is damaged.
    """
    with decoding(path, "TIFF"), open(path, "rb") as file, tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        extent = Extent(page.imagewidth, page.imagelength)
        check_extent(extent, path)
        mode = "RGB" if page.photometric == _YCBCR else _MODES.get(page.photometric, "another colour model")
        bits = page.bitspersample if page.sampleformat == _UINT else 32
        require_rgb(mode, cast("int", bits), path)
        source = SavedFile.of(path, file, "TIFF")
        kinds = [int(kind) for kind in page.extrasamples or ()][: page.samplesperpixel - 3]
        transparency = next((at for at, kind in enumerate(kinds) if kind in (_PREMULTIPLIED, _STRAIGHT)), None)
        composite = _samples(page, range(3))
        is_cut_out = False
        if transparency is not None:
            alpha = _samples(page, range(3 + transparency, 4 + transparency))
            is_cut_out = bool(alpha.min() < np.iinfo(alpha.dtype).max)
            _lay_over_white(composite, alpha, is_premultiplied=kinds[transparency] == _PREMULTIPLIED)
        extra = [ExtraSamples(source, number) for number in range(3, page.samplesperpixel)]
        resources = _resources(page)
        depth = composite.dtype.itemsize * 8
        layers = _layers(file, page, tiff.byteorder, extent, source, depth)
        icc, xmp = page.iccprofile, _bytes(page, XMP_TAG)
    return SavedDocument(
        extent,
        depth,
        layers,
        tuple(channels_of(extra, transparency, resources)),
        None if is_blank(composite, layers) else composite,
        icc=icc,
        xmp=xmp,
        is_cut_out=is_cut_out and not layers,
    )


def _samples(page: tifffile.TiffPage, wanted: range) -> Pixels:
    """The wanted ones of each pixel, ``(H, W, n)`` in native byte order; a strip or tile is in memory at a time."""
    height, width = page.imagelength, page.imagewidth
    dtype = np.dtype(cast("Any", page.dtype)).newbyteorder("=")
    result = np.zeros((height, width, len(wanted)), dtype)
    for segment, (plane, _, top, left, _), shape in page.segments(maxworkers=1, buffersize=_READ_AT_ONCE):
        # All samples of a pixel together, or each in a plane of its own.
        held = range(plane, plane + 1) if shape[3] == 1 else range(shape[3])
        part = result[top : top + shape[1], left : left + shape[2]]
        for number, sample in enumerate(wanted):
            if sample in held and segment is not None:
                part[..., number] = segment[0, : part.shape[0], : part.shape[1], held.index(sample)]
    return cast("Pixels", result)


def _resources(page: tifffile.TiffPage) -> ImageResources:
    data = _bytes(page, IMAGE_RESOURCES_TAG) or b""
    return ImageResources.read(io.BytesIO(len(data).to_bytes(4, "big") + data))


def _layers(
    file: BinaryIO, page: tifffile.TiffPage, order: str, extent: Extent, source: SavedFile, bit_depth: int
) -> tuple[SavedLayer, ...]:
    """Read where they stand: as a value of the tag they would be in memory."""
    tag = page.tags.get(LAYERS_TAG)
    if tag is None or tag.count < len(LAYER_DATA_MARK) + _BLOCK_HEAD:
        return ()
    at, end = tag.valueoffset, tag.valueoffset + tag.count
    file.seek(at)
    if file.read(len(LAYER_DATA_MARK)) != LAYER_DATA_MARK:
        return ()
    at += len(LAYER_DATA_MARK)
    is_little = order == "<"
    backwards = -1 if is_little else 1
    while at + _BLOCK_HEAD <= end:
        file.seek(at)
        signature, key = file.read(4)[::backwards], file.read(4)[::backwards]
        if signature not in _SIGNATURES:
            break
        # 64-bit blocks have the lengths and counts of a PSB.
        is_long = signature == _LONG and key in _LONG_KEYS
        length = int.from_bytes(file.read(8 if is_long else 4), "little" if is_little else "big")
        at = file.tell()
        if key in _LAYER_KEYS and length:
            coding = Coding(bit_depth, 2 if signature == _LONG else 1, is_little)
            behind = at + length
            if not is_little:
                return read_layers(file, behind, source, extent, coding)[1]
            records = little_endian.read_records(file, behind, coding.version)
            return layers_of(records, file, behind, source, extent, coding)
        at += length + -length % 4
    return ()


def _lay_over_white(color: Pixels, alpha: Pixels, *, is_premultiplied: bool) -> None:
    """Blend ``(H, W, 3)`` in place, with ``(H, W, 1)`` of the same type."""
    top = np.iinfo(color.dtype).max
    for rows in row_chunks(len(color), color[0].nbytes):
        part, share = color[rows], alpha[rows]
        if is_premultiplied:
            part += np.minimum(top - share, top - part)
        else:
            part[:] = np.rint(top - (top - part) * (share.astype(np.float32) / top))


def _bytes(page: tifffile.TiffPage, code: int) -> bytes | None:
    tag = page.tags.get(code)
    if tag is None:
        return None
    value: Any = tag.value
    return value.encode("utf-8") if isinstance(value, str) else bytes(value)
