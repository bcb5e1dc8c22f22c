"""What a retoucher saved: the layers, masks, alpha channels and the flattened picture of a PSD, PSB or TIFF.

Follows the Adobe Photoshop File Formats Specification (November 2019). The structures are parsed by psd-tools.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np
from psd_tools.constants import ColorMode, Compression, Tag
from psd_tools.psd.bin_utils import read_fmt
from psd_tools.psd.color_mode_data import ColorModeData
from psd_tools.psd.header import FileHeader
from psd_tools.psd.image_resources import ImageResources
from psd_tools.psd.tagged_blocks import TaggedBlock

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.domain.geometry import Extent
from engine.imaging.psd import resources as ids
from engine.imaging.psd.channels import row_chunks
from engine.imaging.psd.saved_document import SavedDocument, channels_of, is_blank, require_rgb
from engine.imaging.psd.saved_layers import SavedLayer
from engine.imaging.psd.saved_planes import Coding, PlaneRows, SavedFile, SavedPlane, to_alpha
from engine.imaging.psd.saved_records import read_layers
from engine.imaging.raster.stored import check_extent, cut_off, decoding

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Pixels

# psd-tools logs every oddity of a file; what matters of them becomes a sentence here.
logging.getLogger("psd_tools").addHandler(logging.NullHandler())

_MODE_NAMES = {
    ColorMode.BITMAP: "black and white",
    ColorMode.GRAYSCALE: "grey",
    ColorMode.INDEXED: "indexed colours",
    ColorMode.RGB: "RGB",
    ColorMode.CMYK: "CMYK",
    ColorMode.MULTICHANNEL: "multichannel",
    ColorMode.DUOTONE: "duotone",
    ColorMode.LAB: "Lab",
}
_BLOCK_SIGNATURES = (b"8BIM", b"8B64")
_LEAST_BLOCK = 12
"""Bytes of signature, key and length."""

_TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@dataclass(frozen=True, slots=True, eq=False)
class ExtraChannel:
    """A channel beside the colours as it lies in the merged image.

    Attributes
    ----------
    merged : SavedPlane
        All planes of the image, one below the other.
    first, height : int
        Rows of this one in it.
    """

    file: SavedFile
    merged: SavedPlane
    first: int
    height: int

    def decoded(self) -> Alpha:
        """``(H, W)`` uint8; see `engine.imaging.psd.saved_document.StoredPlane`."""
        with self.file.opened() as file:
            return self.read(PlaneRows(file, self.merged))

    def read(self, rows: PlaneRows) -> Alpha:
        """The same, from a file that is open."""
        alpha = np.empty((self.height, self.merged.width), np.uint8)
        for part in row_chunks(self.height, self.merged.width * self.merged.coding.samples.itemsize):
            alpha[part] = to_alpha(rows.read(self.first + part.start, self.first + part.stop))
        return cast("Alpha", alpha)


def read_document(path: Path) -> SavedDocument:
    """Read a PSD, PSB, or a flat or layered TIFF, whichever the file is, whatever its name ends in.

    The flattened picture is decoded, layers and channels when they are looked at: the file must stay where and as it is
    meanwhile.

    Raises
    ------
    KnownError
        The file is neither, is damaged or cut off, is not RGB at 8 or 16 bits, or cannot be opened.
    """
    try:
        with open(path, "rb") as file:
            mark = file.read(4)
        if mark in _TIFF_MARKS:
            from engine.imaging.raster.tiff_read import read_tiff

            return read_tiff(path)
        if mark != b"8BPS":
            raise KnownError(
                "this is neither a Photoshop file nor a TIFF", remedy="Save it as PSD, PSB or TIFF.", path=path
            )
        return _read_psd(path)
    except OSError as error:
        raise known_os_error(error, path) from error


def _read_psd(path: Path) -> SavedDocument:
    with decoding(path, "PSD"), open(path, "rb") as file:
        header = FileHeader.read(file)
        extent, coding = Extent(header.width, header.height), Coding(header.depth, header.version)
        check_extent(extent, path)
        require_rgb(_MODE_NAMES[header.color_mode], header.depth, path)
        if header.channels < 3:
            raise cut_off(path)
        ColorModeData.read(file)
        resources = ImageResources.read(file)
        source = SavedFile.of(path, file, "PSD")
        layers, transparent = _layer_section(file, source, extent, coding)
        composite, extra = _merged_image(file, header.channels, source, extent, coding)
    version = resources.get_data(ids.VERSION_INFO)
    is_real = getattr(version, "has_composite", True) and not is_blank(composite, layers)
    return SavedDocument(
        extent,
        header.depth,
        layers,
        tuple(channels_of(extra, 0 if transparent and extra else None, resources)),
        composite if is_real else None,
        icc=resources.get_data(ids.ICC_PROFILE),
        xmp=resources.get_data(ids.XMP),
    )


def _layer_section(
    file: BinaryIO, source: SavedFile, extent: Extent, coding: Coding
) -> tuple[tuple[SavedLayer, ...], bool]:
    """The layers, and whether the first extra channel of the merged image is its transparency. Leaves the file behind
    the section.
    """
    length = "I" if coding.version == 1 else "Q"
    (section,) = read_fmt(length, file)
    end = file.tell() + section
    if end > source.size:
        raise ValueError("truncated layers")
    layers, transparent = (), False
    if section:
        (info,) = read_fmt(length, file)
        behind = file.tell() + info
        if info:
            count, layers = read_layers(file, behind, source, extent, coding)
            transparent = count < 0
        file.seek(behind)
        for key, at, size in _blocks(file, end, coding.version):
            if key in (Tag.LAYER_16, Tag.LAYER_32, Tag.LAYER) and size:
                file.seek(at)
                count, layers = read_layers(file, at + size, source, extent, coding)
                transparent = transparent or count < 0
            transparent = transparent or key in (Tag.SAVING_MERGED_TRANSPARENCY, Tag.SAVING_MERGED_TRANSPARENCY16)
    file.seek(end)
    return layers, transparent


def _blocks(file: BinaryIO, end: int, version: int) -> Iterator[tuple[Tag | None, int, int]]:
    """Key, place and length of each block behind the layer info; None for a key that psd-tools does not know."""
    at = file.tell()
    if at + 4 <= end and file.read(4) not in _BLOCK_SIGNATURES:  # some programs leave the global layer mask info out
        file.seek(at)
        at += 4 + read_fmt("I", file)[0]
    while at + _LEAST_BLOCK <= end:
        file.seek(at)
        signature, name = read_fmt("4s4s", file)
        if signature not in _BLOCK_SIGNATURES:
            return
        key = Tag(name) if name in Tag._value2member_map_ else None
        # No public name: which keys have eight bytes of length in a PSB.
        (size,) = read_fmt(TaggedBlock._length_format(key, version), file)
        at = file.tell()
        if at + size > end:
            raise ValueError("truncated layers")
        yield key, at, size
        at += size + -size % 4


def _merged_image(
    file: BinaryIO, channels: int, source: SavedFile, extent: Extent, coding: Coding
) -> tuple[Pixels, list[ExtraChannel]]:
    """The colours of the merged image, which begins here, and where its extra channels lie: its planes stand one below
    the other.
    """
    compression = Compression(read_fmt("H", file)[0])
    at, behind = file.tell(), file.seek(0, os.SEEK_END)
    width, height = extent.width, extent.height
    tall = SavedPlane(at, behind - at, compression, width, height * channels, coding)
    rows = PlaneRows(file, tall)
    if compression is Compression.RAW and tall.length < tall.height * width * coding.samples.itemsize:
        raise cut_off(source.path)
    composite = np.empty((height, width, 3), coding.samples.newbyteorder("="))
    for number in range(3):
        for part in row_chunks(height, width * coding.samples.itemsize):
            composite[part, :, number] = rows.read(number * height + part.start, number * height + part.stop)
    extra = [ExtraChannel(source, tall, number * height, height) for number in range(3, channels)]
    if compression in (Compression.ZIP, Compression.ZIP_WITH_PREDICTION):  # whether it is whole is known at its end
        for channel in extra:
            channel.read(rows)
    return cast("Pixels", composite), extra
