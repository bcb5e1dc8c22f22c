"""Read a layered TIFF back with independent readers and compare it with what it should hold.

The picture is decoded by tifffile and the layers by psd-tools, a few rows at a time.
"""

from __future__ import annotations

import io
import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
import tifffile
from psd_tools.psd.image_resources import ImageResources

from engine.imaging.psd.layer_check import DifferenceError, LayerCheck, expect, reading_back
from engine.imaging.psd.verify import check_resources
from engine.imaging.raster import exif
from engine.imaging.raster.tiff_write import (
    ICC_TAG,
    IMAGE_RESOURCES_TAG,
    LAYER_DATA_MARK,
    LAYERS_TAG,
    XMP_TAG,
    big_endian_directories,
    interleaved,
    layer_key,
)

if TYPE_CHECKING:
    from engine.imaging.psd.document import LayeredDocument


def verify_tiff(path: Path, document: LayeredDocument, *, shown_as: Path | None = None) -> None:
    """Check that the layered TIFF at ``path`` holds ``document``: every pixel, name, profile, metadata, resolution.

    Parameters
    ----------
    shown_as : Path, optional
        The name to put in the error, where ``path`` is a temporary one.

    Raises
    ------
    KnownError
        The file does not read back; retryable, since the writing itself can only be at fault through the disk.
    OSError
        The file cannot be opened or the disk fails while reading.
    """
    with reading_back(shown_as or path), open(path, "rb") as file, _opened(file) as tiff:
        page = tiff.pages.first
        expect("byte order", tiff.byteorder, ">")
        _check_tags(file, page, document)
        _check_picture(file, page, document)
        layers = page.tags[LAYERS_TAG]
        file.seek(layers.valueoffset)
        mark = LAYER_DATA_MARK + b"8BIM" + layer_key(document.bit_depth)
        expect("mark of the layers", file.read(len(mark)), mark)
        length = int.from_bytes(file.read(4), "big")
        expect("length of the layers", length + len(mark) + 4, layers.count)
        LayerCheck(file, document, version=1).check_block(length)


@contextmanager
def _opened(file: BinaryIO) -> Iterator[tifffile.TiffFile]:
    try:
        tiff = tifffile.TiffFile(file)
    except (tifffile.TiffFileError, struct.error) as error:
        raise DifferenceError(str(error)) from error
    with tiff:
        yield tiff


def _check_tags(file: BinaryIO, page: tifffile.TiffPage, document: LayeredDocument) -> None:
    for what, tag, wanted in (("ICC profile", ICC_TAG, document.icc), ("XMP packet", XMP_TAG, document.xmp)):
        if _value(page, tag) != wanted:
            raise DifferenceError(f"the {what} differs")
    data = _value(page, IMAGE_RESOURCES_TAG) or b""
    resources = ImageResources.read(io.BytesIO(len(data).to_bytes(4, "big") + data))
    check_resources(
        resources, [channel.name for channel in document.alpha_channels], document.resolution, document.paths
    )
    found = [page.tags[tag].value for tag in (exif.X_RESOLUTION, exif.Y_RESOLUTION)]
    for (numerator, denominator), axis in zip(found, document.resolution or (1, 1), strict=True):
        # A rational of 32 bits each holds any resolution to a millionth.
        expect("resolution of the TIFF", abs(numerator / denominator / axis - 1) < 1e-6, True)
    described, inner = big_endian_directories(document)
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
        block = exif.from_tiff(view)
    _, stored_described, stored_inner = exif.directories(block) if block is not None else (">", {}, {})
    for wanted, stored in ((described, stored_described), *((inner[tag], stored_inner.get(tag, {})) for tag in inner)):
        if {tag: entry.raw for tag, entry in wanted.items()} != {tag: entry.raw for tag, entry in stored.items()}:
            raise DifferenceError("the EXIF block differs")


def _check_picture(file: BinaryIO, page: tifffile.TiffPage, document: LayeredDocument) -> None:
    alphas = [channel.alpha for channel in document.alpha_channels]
    expect("size", page.shaped[-3:], (document.extent.height, document.extent.width, 3 + len(alphas)))
    expect("bit depth", page.bitspersample, document.bit_depth)
    expect("colour model", (int(page.photometric), int(page.planarconfig)), (2, 1))
    expect("kind of the extra channels", [int(kind) for kind in page.extrasamples], [0] * len(alphas))
    expect("number of strips", len(page.dataoffsets), -(-document.extent.height // page.rowsperstrip))
    for index, (offset, length) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        file.seek(offset)
        decoded = cast("Any", page.decode(file.read(length), index))[0]
        first = index * page.rowsperstrip
        wanted = interleaved(document.composite, alphas, slice(first, first + page.rowsperstrip))
        if decoded is None or not np.array_equal(decoded[0, : len(wanted)], wanted):
            raise DifferenceError(f"composite: pixels of the rows {first} to {first + len(wanted) - 1} differ")


def _value(page: tifffile.TiffPage, code: int) -> bytes | None:
    tag = page.tags.get(code)
    return None if tag is None else bytes(tag.value)
