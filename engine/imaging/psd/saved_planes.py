"""Planes of a saved document, decoded from the file when they are looked at, a few rows at a time.

Follows the Adobe Photoshop File Formats Specification, "Channel image data" and "Image Data Section".
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np
from psd_tools.compression import decode_rle
from psd_tools.constants import Compression

from engine.domain.errors import KnownError
from engine.imaging.psd.channels import row_chunks
from engine.imaging.raster.stored import decoding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha, Pixels

_PIECE_BYTES = 1 << 16
"""Of deflated data in memory at a time."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How the planes of a file are coded.

    Attributes
    ----------
    bit_depth : int
        8 or 16.
    version : int
        1 for a PSD and a TIFF, 2 for a PSB and the 64-bit blocks of a TIFF: the width of row byte counts.
    is_little_endian : bool
        Row byte counts stand backwards, as in a little-endian TIFF; samples never do.
    """

    bit_depth: int
    version: int = 1
    is_little_endian: bool = False

    @property
    def samples(self) -> np.dtype[np.generic]:
        """As they are stored."""
        return np.dtype(f">u{self.bit_depth // 8}")

    @property
    def row_counts(self) -> np.dtype[np.generic]:
        return np.dtype(f"{'<' if self.is_little_endian else '>'}u{2 * self.version}")


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file whose planes are read later than its structure was.

    Attributes
    ----------
    state : tuple of int
        By which it is known to be the same file, as it was.
    """

    path: Path
    format_name: str
    state: tuple[int, ...]

    @classmethod
    def of(cls, path: Path, file: BinaryIO, format_name: str) -> SavedFile:
        return cls(path, format_name, _state(_status(file)))

    @property
    def size(self) -> int:
        """Bytes."""
        return self.state[1]

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Open it to decode planes; what a decoder raises on damaged data becomes a sentence.

        Raises
        ------
        KnownError
            It is damaged, or was saved again since its structure was read.
        """
        with decoding(self.path, self.format_name), open(self.path, "rb") as file:
            if _state(_status(file)) != self.state:
                raise KnownError(
                    "it was saved again while it was being read",
                    remedy="Wait until the program has saved it, then try again.",
                    path=self.path,
                    retryable=True,
                )
            yield file


def _status(file: BinaryIO) -> os.stat_result:
    return os.fstat(file.fileno())


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_size, status.st_mtime_ns


@dataclass(frozen=True, slots=True)
class SavedPlane:
    """One channel as it lies in a file.

    Attributes
    ----------
    at, length : int
        Where its data are, the compression code apart.
    width, height : int
    """

    at: int
    length: int
    compression: Compression
    width: int
    height: int
    coding: Coding

    def alpha(self, file: BinaryIO) -> Alpha:
        """``(H, W)`` uint8, see `to_alpha`."""
        alpha, rows = np.empty((self.height, self.width), np.uint8), PlaneRows(file, self)
        for part in self.chunks():
            alpha[part] = to_alpha(rows.read(part.start, part.stop))
        return cast("Alpha", alpha)

    def chunks(self) -> Iterator[slice]:
        """Rows that are decoded at a time."""
        return row_chunks(self.height, max(1, self.width * self.coding.samples.itemsize))


class PlaneRows:
    """Rows of a plane from an open file, from the top down; whoever goes back begins anew where it is deflated.

    psd-tools' own `decompress` puts black in the place of what it cannot decode, so its parts are called here.

    Raises
    ------
    ValueError, zlib.error
        The data are damaged or end too early; from every method.
    """

    def __init__(self, file: BinaryIO, plane: SavedPlane) -> None:
        self._file, self._plane = file, plane
        self._row_bytes = plane.width * plane.coding.samples.itemsize
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._starts: NDArray[np.int64] = np.zeros(1, np.int64)
        if plane.compression == Compression.RLE:
            self._read_counts()
        self._begin()

    def read(self, first: int, last: int) -> Pixels:
        """The rows ``first`` to ``last - 1``, ``(h, W)`` uint8 or native uint16."""
        count = last - first
        match self._plane.compression:
            case Compression.RLE:
                raw = self._unpacked(first, last)
            case Compression.RAW:
                raw = self._exactly(self._plane.at + first * self._row_bytes, count * self._row_bytes)
            case _:
                raw = self._inflated(first, count)
        samples = np.frombuffer(raw, self._plane.coding.samples).reshape(count, self._plane.width)
        rows = samples.astype(samples.dtype.newbyteorder("="))
        if self._plane.compression == Compression.ZIP_WITH_PREDICTION:
            np.cumsum(rows, axis=1, dtype=rows.dtype, out=rows)  # modulo 2^bits
        return cast("Pixels", rows)

    # -- PackBits -----------------------------------------------------------------------------------------------

    def _read_counts(self) -> None:
        plane = self._plane
        dtype = plane.coding.row_counts
        raw = self._exactly(plane.at, plane.height * dtype.itemsize)
        self._counts = np.frombuffer(raw, dtype).astype(np.int64)
        self._starts = len(raw) + np.concatenate([[0], self._counts.cumsum()])
        if self._starts[-1] > plane.length:
            raise ValueError("truncated rows")

    def _unpacked(self, first: int, last: int) -> bytes:
        start, coding = int(self._starts[first]), self._plane.coding
        packed = self._exactly(self._plane.at + start, int(self._starts[last]) - start)
        counts = self._counts[first:last].astype(f">u{2 * coding.version}").tobytes()
        return decode_rle(counts + packed, self._plane.width, last - first, coding.bit_depth, coding.version)

    # -- deflate ------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._row, self._pending, self._taken = 0, b"", 0
        self._inflate = zlib.decompressobj()

    def _inflated(self, first: int, count: int) -> bytes:
        if first < self._row:
            self._begin()
        for rows in row_chunks(first - self._row, self._row_bytes):
            self._next((rows.stop - rows.start) * self._row_bytes)
        self._row = first + count
        return self._next(count * self._row_bytes)

    def _next(self, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            if not self._pending and self._taken < self._plane.length:
                piece = min(_PIECE_BYTES, self._plane.length - self._taken)
                self._pending = self._exactly(self._plane.at + self._taken, piece)
                self._taken += piece
            inflated = self._inflate.decompress(self._pending, count - len(found))
            if not inflated and self._pending == self._inflate.unconsumed_tail:
                raise ValueError("truncated channel")
            self._pending = self._inflate.unconsumed_tail
            found += inflated
        return bytes(found)

    def _exactly(self, at: int, count: int) -> bytes:
        if at + count > self._plane.at + self._plane.length:
            raise ValueError("truncated channel")
        self._file.seek(at)
        raw = self._file.read(count)
        if len(raw) != count:
            raise ValueError("truncated channel")
        return raw


def to_alpha(plane: Pixels) -> Alpha:
    """``(H, W)`` uint8; 16 bits are rounded, which undoes ``x * 257`` also after Photoshop's own 15 bits."""
    if plane.dtype == np.uint8:
        return cast("Alpha", plane)
    alpha = np.empty(plane.shape, np.uint8)
    for rows in row_chunks(len(plane), max(1, plane.shape[1] * plane.itemsize)):
        alpha[rows] = (plane[rows].astype(np.uint32) + 128) // 257
    return cast("Alpha", alpha)
