"""Read a written Photoshop file back with an independent reader and compare it with what it should hold.

Structures and compression are decoded by psd-tools; only the walk from section to section is done here, because
psd-tools itself loads the whole file, some of it twice. A few rows at a time are in memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from psd_tools.compression import decode_prediction, decode_rle
from psd_tools.constants import BlendMode, ColorMode, Compression, Tag
from psd_tools.psd.bin_utils import read_fmt
from psd_tools.psd.color_mode_data import ColorModeData
from psd_tools.psd.header import FileHeader
from psd_tools.psd.image_resources import ImageResources
from psd_tools.psd.layer_and_mask import LayerRecord, LayerRecords

from engine.domain.errors import KnownError
from engine.imaging.psd import resources as ids
from engine.imaging.psd.channels import row_chunks, stored_rows
from engine.imaging.psd.document import LayeredDocument, StoredLayer, merged_planes, stored_layers
from engine.imaging.psd.records import BACKGROUND_LOCKS, mac_roman

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.imaging.psd.document import Plane

_PIECE_BYTES = 1 << 16


class _DifferenceError(Exception):
    """What the file says is not what the document says; the text names the place."""


def verify_psd(path: Path, document: LayeredDocument, *, shown_as: Path | None = None) -> None:
    """Check that the file at ``path`` holds ``document``: every pixel, every name, profile, metadata and resolution.

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
    try:
        with open(path, "rb") as file:
            _FileCheck(file, document).run()
    except OSError as error:
        if error.errno is not None:  # from the operating system; psd-tools raises a bare OSError for a short section
            raise
        raise _unreadable(shown_as or path, str(error)) from error
    # ValueError covers psd-tools' field checks and limits; the rest is what its decoders raise on damaged data.
    except (_DifferenceError, ValueError, zlib.error, IndexError, KeyError, TypeError, OverflowError) as error:
        raise _unreadable(shown_as or path, str(error) or type(error).__name__) from error


def _unreadable(path: Path, detail: str) -> KnownError:
    return KnownError(
        f"the written file does not read back ({detail})",
        remedy="Check the disk, then export again.",
        path=path,
        retryable=True,
    )


class _FileCheck:
    """One pass through the file from the first byte to the last."""

    def __init__(self, file: BinaryIO, document: LayeredDocument) -> None:
        self._file = file
        self._document = document
        self._depth = document.bit_depth
        self._version = 1
        self._row_bytes = document.extent.width * document.bit_depth // 8

    def run(self) -> None:
        self._check_header()
        self._check_resources()
        self._check_layer_section()
        self._check_merged_image()
        _expect("bytes after the last row", self._file.read(1), b"")

    def _check_header(self) -> None:
        header = FileHeader.read(self._file)
        self._version = header.version
        _expect("width", header.width, self._document.extent.width)
        _expect("height", header.height, self._document.extent.height)
        _expect("bit depth", header.depth, self._depth)
        _expect("number of channels", header.channels, 3 + len(self._document.alpha_channels))
        _expect("color mode", header.color_mode, ColorMode.RGB)
        _expect("color mode data", ColorModeData.read(self._file).value, b"")

    def _check_resources(self) -> None:
        resources = ImageResources.read(self._file)
        document = self._document
        names = [channel.name for channel in document.alpha_channels]
        stored_names = [name.removesuffix("\0") for name in resources.get_data(ids.ALPHA_NAMES_UNICODE, ())]
        _expect("names of the alpha channels", stored_names, names)
        old_names = resources.get_data(ids.ALPHA_NAMES, ())
        _expect(
            "MacRoman names of the alpha channels",
            list(old_names),
            [mac_roman(name).decode("mac_roman") for name in names],
        )
        _expect("number of alpha identifiers", len(set(resources.get_data(ids.ALPHA_IDENTIFIERS, ()))), len(names))
        # getattr: psd-tools hands out the bare bytes of a resource it cannot parse, and None for one that is absent.
        shown = resources.get_data(ids.DISPLAY_INFO)
        _expect("number of alpha colors", len(getattr(shown, "alpha_channels", ())), len(names))
        version = resources.get_data(ids.VERSION_INFO)
        _expect("mark of a real merged image", getattr(version, "has_composite", None), True)
        for what, resource_id, wanted in (
            ("ICC profile", ids.ICC_PROFILE, document.icc),
            ("EXIF block", ids.EXIF, document.exif),
            ("XMP packet", ids.XMP, document.xmp),
        ):
            # Compared as bytes; not put in the error, they are long.
            if resources.get_data(resource_id) != wanted:
                raise _DifferenceError(f"the {what} differs")
        resolution = resources.get_data(ids.RESOLUTION)
        found = (getattr(resolution, "horizontal", None), getattr(resolution, "vertical", None))
        _expect("resolution", found, ids.fixed_point_resolution(document) or (None, None))

    def _check_layer_section(self) -> None:
        length_format = "I" if self._version == 1 else "Q"
        section_length = read_fmt(length_format, self._file)[0]
        section_end = self._file.tell() + section_length
        block_length = read_fmt(length_format, self._file)[0]
        if self._depth == 16:
            _expect("layer info of a 16-bit document", block_length, 0)
            _expect("global layer mask info", read_fmt("I", self._file)[0], 0)
            _expect("block of 16-bit layers", read_fmt("4s4s", self._file), (b"8BIM", Tag.LAYER_16.value))
            block_length = read_fmt(length_format, self._file)[0]
        block_end = self._file.tell() + block_length
        self._check_layers()
        padding = self._file.read(block_end - self._file.tell()) if block_end > self._file.tell() else b""
        if self._file.tell() != block_end or len(padding) > 3 or any(padding):
            raise _DifferenceError("the length of the layer block is wrong")
        if self._depth == 8:
            _expect("global layer mask info", read_fmt("I", self._file)[0], 0)
        _expect("end of the layer section", self._file.tell(), section_end)

    def _check_layers(self) -> None:
        wanted = stored_layers(self._document)
        count = read_fmt("h", self._file)[0]
        _expect("number of layers", count, len(wanted))
        records: list[LayerRecord] = list(LayerRecords.read(self._file, count, "macroman", self._version))
        for record, layer in zip(records, wanted, strict=True):
            self._check_record(record, layer)
        for record, layer in zip(records, wanted, strict=True):
            for info, (channel_id, plane) in zip(record.channel_info, layer.channels, strict=True):
                where = f"layer {layer.name!r}, channel {channel_id}"
                end = self._file.tell() + info.length
                self._compare(where, self._channel_rows(info.length, plane.shape[0]), plane)
                _expect(f"end of {where}", self._file.tell(), end)

    def _check_record(self, record: LayerRecord, layer: StoredLayer) -> None:
        extent = self._document.extent
        whole = (0, 0, extent.height, extent.width)
        where = f"layer {layer.name!r}"
        blocks = record.tagged_blocks
        _expect(f"name of {where}", blocks.get_data(Tag.UNICODE_LAYER_NAME), layer.name)
        _expect(f"MacRoman name of {where}", record.name, mac_roman(layer.name).decode("mac_roman"))
        _expect(f"rectangle of {where}", (record.top, record.left, record.bottom, record.right), whole)
        _expect(f"channels of {where}", [int(i.id) for i in record.channel_info], [i for i, _ in layer.channels])
        _expect(f"blending of {where}", (record.blend_mode, record.opacity), (BlendMode.NORMAL, 255))
        _expect(f"clipping of {where}", int(record.clipping), 0)
        _expect(f"visibility of {where}", record.flags.visible, True)
        # The three marks by which Photoshop tells its Background from a layer of that name.
        _expect(f"lock of {where}", record.flags.transparency_protected, layer.is_background)
        kind = b"bgnd" if layer.is_background else b"layr"
        _expect(f"kind of {where}", blocks.get_data(Tag.LAYER_NAME_SOURCE_SETTING), kind)
        locks = BACKGROUND_LOCKS if layer.is_background else 0
        _expect(f"locks of {where}", int(blocks.get_data(Tag.PROTECTED_SETTING, -1)), locks)
        mask = record.mask_data
        _expect(
            f"mask rectangle of {where}",
            (mask.top, mask.left, mask.bottom, mask.right) if mask is not None else None,
            whole if layer.has_mask else None,
        )
        if mask is not None:
            _expect(f"mask switch of {where}", (mask.flags.mask_disabled, mask.background_color), (False, 0))

    def _channel_rows(self, length: int, height: int) -> Iterator[bytes]:
        """Big-endian samples of one layer channel, in the steps of `row_chunks`."""
        compression = Compression(read_fmt("H", self._file)[0])
        if compression == Compression.RLE:
            return self._rle_rows(self._row_counts(height))
        _expect("compression of a channel", compression, Compression.ZIP_WITH_PREDICTION)
        return self._zip_rows(length - 2, height)

    def _check_merged_image(self) -> None:
        planes = merged_planes(self._document)
        height = self._document.extent.height
        _expect("compression of the merged image", read_fmt("H", self._file)[0], Compression.RLE.value)
        counts = self._row_counts(height * len(planes))
        for number, plane in enumerate(planes):
            rows = self._rle_rows(counts[number * height : (number + 1) * height])
            self._compare(f"merged image, channel {number}", rows, plane)

    def _row_counts(self, rows: int) -> NDArray[np.integer]:
        dtype = np.dtype(">u2" if self._version == 1 else ">u4")
        raw = self._file.read(rows * dtype.itemsize)
        _expect("row byte counts", len(raw), rows * dtype.itemsize)
        return np.frombuffer(raw, dtype)

    def _rle_rows(self, counts: NDArray[np.integer]) -> Iterator[bytes]:
        for rows in row_chunks(len(counts), self._row_bytes):
            part = counts[rows]
            packed_bytes = int(part.sum(dtype=np.int64))
            # A damaged count must not make this read gigabytes; the dullest PackBits encoder does not double a row.
            if packed_bytes > len(part) * 2 * (self._row_bytes + 1):
                raise _DifferenceError("a row is longer than its pixels")
            packed = self._file.read(packed_bytes)
            # psd-tools pads a short row with zeros instead of refusing it.
            _expect("bytes of packed rows", len(packed), packed_bytes)
            yield decode_rle(
                part.tobytes() + packed, self._document.extent.width, len(part), self._depth, self._version
            )

    def _zip_rows(self, length: int, height: int) -> Iterator[bytes]:
        inflate = zlib.decompressobj()
        left = length
        pending = b""
        for rows in row_chunks(height, self._row_bytes):
            wanted = (rows.stop - rows.start) * self._row_bytes
            differences = bytearray()
            while len(differences) < wanted:
                if not pending:
                    pending = self._file.read(min(left, _PIECE_BYTES))
                    left -= len(pending)
                inflated = inflate.decompress(pending, wanted - len(differences))
                if not inflated and pending == inflate.unconsumed_tail:
                    raise _DifferenceError("a compressed channel ends too early")
                pending = inflate.unconsumed_tail
                differences += inflated
            yield decode_prediction(
                bytes(differences), self._document.extent.width, rows.stop - rows.start, self._depth
            )
        # What is left is deflate's end mark and checksum: it must give no more samples.
        rest = inflate.decompress(pending + self._file.read(min(left, _PIECE_BYTES)), 1)
        if rest or not inflate.eof or inflate.unused_data:
            raise _DifferenceError("a compressed channel does not end with its last row")

    def _compare(self, where: str, decoded: Iterator[bytes], plane: Plane) -> None:
        dtype = ">u2" if self._depth == 16 else "u1"
        chunks = row_chunks(len(plane), self._row_bytes)
        for rows, raw in zip(chunks, decoded, strict=True):
            found = np.frombuffer(raw, dtype).reshape(-1, plane.shape[1])
            if not np.array_equal(found, stored_rows(plane, rows, self._depth)):
                raise _DifferenceError(f"{where}: pixels of the rows {rows.start} to {rows.stop - 1} differ")


def _expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise _DifferenceError(f"{what}: {_short(found)} instead of {_short(wanted)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
