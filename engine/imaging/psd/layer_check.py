"""Read a written block of layers back and compare it with the layers it should hold.

Structures and compression are decoded by psd-tools, a few rows at a time.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from psd_tools.compression import decode_prediction, decode_rle
from psd_tools.constants import BlendMode, Compression, Tag
from psd_tools.psd.bin_utils import read_fmt
from psd_tools.psd.layer_and_mask import LayerRecord, LayerRecords

from engine.domain.errors import KnownError
from engine.imaging.psd.channels import row_chunks, stored_rows
from engine.imaging.psd.document import LayeredDocument, StoredLayer, stored_layers
from engine.imaging.psd.records import BACKGROUND_LOCKS, mac_roman

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.imaging.psd.document import Plane

_PIECE_BYTES = 1 << 16


class DifferenceError(Exception):
    """What the file says is not what the document says; the text names the place."""


@contextmanager
def reading_back(path: Path) -> Iterator[None]:
    """Say in one sentence that the written file at ``path`` is not what it should be.

    Raises
    ------
    KnownError
        A difference was found, or the reader refuses the file.
    OSError
        From the operating system, as it was.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None:  # psd-tools raises a bare OSError for a short section
            raise
        raise _unreadable(path, str(error)) from error
    # ValueError covers psd-tools' field checks and limits; the rest is what decoders raise on damaged data.
    except (DifferenceError, ValueError, zlib.error, IndexError, KeyError, TypeError, OverflowError) as error:
        raise _unreadable(path, str(error) or type(error).__name__) from error


def _unreadable(path: Path, detail: str) -> KnownError:
    return KnownError(
        f"the written file does not read back ({detail})",
        remedy="Check the disk, then export again.",
        path=path,
        retryable=True,
    )


class LayerCheck:
    """Compares layers and planes at the position of an open file with those of a document.

    Parameters
    ----------
    version : int
        1 for a PSD and a TIFF, 2 for a PSB.
    """

    def __init__(self, file: BinaryIO, document: LayeredDocument, version: int) -> None:
        self._file = file
        self._document = document
        self._depth = document.bit_depth
        self._version = version
        self._row_bytes = document.extent.width * document.bit_depth // 8

    def check_block(self, length: int) -> None:
        """Check the layers that begin here and take ``length`` bytes, padding included."""
        end = self._file.tell() + length
        self._check_layers()
        padding = self._file.read(end - self._file.tell()) if end > self._file.tell() else b""
        if self._file.tell() != end or len(padding) > 3 or any(padding):
            raise DifferenceError("the length of the layer block is wrong")

    def check_merged_image(self, planes: tuple[Plane, ...]) -> None:
        """Check the PackBits planes that begin here."""
        height = self._document.extent.height
        expect("compression of the merged image", read_fmt("H", self._file)[0], Compression.RLE.value)
        counts = self._row_counts(height * len(planes))
        for number, plane in enumerate(planes):
            rows = self._rle_rows(counts[number * height : (number + 1) * height])
            self._compare(f"merged image, channel {number}", rows, plane)

    def _check_layers(self) -> None:
        wanted = stored_layers(self._document)
        count = read_fmt("h", self._file)[0]
        expect("number of layers", count, len(wanted))
        records: list[LayerRecord] = list(LayerRecords.read(self._file, count, "macroman", self._version))
        for record, layer in zip(records, wanted, strict=True):
            self._check_record(record, layer)
        for record, layer in zip(records, wanted, strict=True):
            for info, (channel_id, plane) in zip(record.channel_info, layer.channels, strict=True):
                where = f"layer {layer.name!r}, channel {channel_id}"
                end = self._file.tell() + info.length
                self._compare(where, self._channel_rows(info.length, plane.shape[0]), plane)
                expect(f"end of {where}", self._file.tell(), end)

    def _check_record(self, record: LayerRecord, layer: StoredLayer) -> None:
        extent = self._document.extent
        whole = (0, 0, extent.height, extent.width)
        where = f"layer {layer.name!r}"
        blocks = record.tagged_blocks
        expect(f"name of {where}", blocks.get_data(Tag.UNICODE_LAYER_NAME), layer.name)
        expect(f"MacRoman name of {where}", record.name, mac_roman(layer.name).decode("mac_roman"))
        expect(f"rectangle of {where}", (record.top, record.left, record.bottom, record.right), whole)
        expect(f"channels of {where}", [int(i.id) for i in record.channel_info], [i for i, _ in layer.channels])
        expect(f"blending of {where}", (record.blend_mode, record.opacity), (BlendMode.NORMAL, 255))
        expect(f"clipping of {where}", int(record.clipping), 0)
        expect(f"visibility of {where}", record.flags.visible, not layer.is_hidden)
        # The three marks by which Photoshop tells its Background from a layer of that name.
        expect(f"lock of {where}", record.flags.transparency_protected, layer.is_background)
        kind = b"bgnd" if layer.is_background else b"layr"
        expect(f"kind of {where}", blocks.get_data(Tag.LAYER_NAME_SOURCE_SETTING), kind)
        locks = BACKGROUND_LOCKS if layer.is_background else 0
        expect(f"locks of {where}", int(blocks.get_data(Tag.PROTECTED_SETTING, -1)), locks)
        mask = record.mask_data
        expect(
            f"mask rectangle of {where}",
            (mask.top, mask.left, mask.bottom, mask.right) if mask is not None else None,
            whole if layer.has_mask else None,
        )
        if mask is not None:
            expect(f"mask switch of {where}", (mask.flags.mask_disabled, mask.background_color), (False, 0))

    def _channel_rows(self, length: int, height: int) -> Iterator[bytes]:
        """Big-endian samples of one layer channel, in the steps of `row_chunks`."""
        compression = Compression(read_fmt("H", self._file)[0])
        if compression == Compression.RLE:
            return self._rle_rows(self._row_counts(height))
        expect("compression of a channel", compression, Compression.ZIP_WITH_PREDICTION)
        return self._zip_rows(length - 2, height)

    def _row_counts(self, rows: int) -> NDArray[np.integer]:
        dtype = np.dtype(">u2" if self._version == 1 else ">u4")
        raw = self._file.read(rows * dtype.itemsize)
        expect("row byte counts", len(raw), rows * dtype.itemsize)
        return np.frombuffer(raw, dtype)

    def _rle_rows(self, counts: NDArray[np.integer]) -> Iterator[bytes]:
        for rows in row_chunks(len(counts), self._row_bytes):
            part = counts[rows]
            packed_bytes = int(part.sum(dtype=np.int64))
            # A damaged count must not make this read gigabytes; the dullest PackBits encoder does not double a row.
            if packed_bytes > len(part) * 2 * (self._row_bytes + 1):
                raise DifferenceError("a row is longer than its pixels")
            packed = self._file.read(packed_bytes)
            # psd-tools pads a short row with zeros instead of refusing it.
            expect("bytes of packed rows", len(packed), packed_bytes)
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
                    raise DifferenceError("a compressed channel ends too early")
                pending = inflate.unconsumed_tail
                differences += inflated
            yield decode_prediction(
                bytes(differences), self._document.extent.width, rows.stop - rows.start, self._depth
            )
        # What is left is deflate's end mark and checksum: it must give no more samples.
        rest = inflate.decompress(pending + self._file.read(min(left, _PIECE_BYTES)), 1)
        if rest or not inflate.eof or inflate.unused_data:
            raise DifferenceError("a compressed channel does not end with its last row")

    def _compare(self, where: str, decoded: Iterator[bytes], plane: Plane) -> None:
        dtype = ">u2" if self._depth == 16 else "u1"
        chunks = row_chunks(len(plane), self._row_bytes)
        for rows, raw in zip(chunks, decoded, strict=True):
            found = np.frombuffer(raw, dtype).reshape(-1, plane.shape[1])
            if not np.array_equal(found, stored_rows(plane, rows, self._depth)):
                raise DifferenceError(f"{where}: pixels of the rows {rows.start} to {rows.stop - 1} differ")


def expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise DifferenceError(f"{what}: {_short(found)} instead of {_short(wanted)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
