"""Compression of channels, a few rows at a time, so that no whole plane is copied.

Follows the Adobe Photoshop File Formats Specification, "Channel image data" and "Image Data Section".
"""

from __future__ import annotations

import os
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from psd_tools.compression import encode_rle

from engine.imaging.psd.records import FileFormat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.imaging.psd.document import Plane

RLE = 1
ZIP_WITH_PREDICTION = 3

_CHUNK_BYTES = 1 << 20

_CHUNKS_AT_ONCE = 4
"""In memory at a time, on their way through the threads that deflate them."""

_ZLIB_HEADER = b"\x78\x01"
"""Deflate with a window of 32 KiB, the fastest level (RFC 1950)."""


def row_chunks(height: int, row_bytes: int) -> Iterator[slice]:
    """Consecutive row ranges of about one mebibyte each."""
    step = max(1, _CHUNK_BYTES // row_bytes)
    for first in range(0, height, step):
        yield slice(first, min(first + step, height))


def stored_rows(plane: Plane, rows: slice, bit_depth: int) -> Plane:
    """The rows as the file's samples.

    Returns
    -------
    ndarray
        ``(h, W)`` uint8 or native uint16, contiguous. uint8 becomes ``x * 257`` at 16 bits: 255 maps to 65,535 and back
        without a remainder.
    """
    part = plane[rows]
    if bit_depth == 8:
        return np.ascontiguousarray(part)
    if part.dtype == np.uint8:
        return part.astype(np.uint16) * np.uint16(257)
    return np.ascontiguousarray(part, dtype=np.uint16)


def write_rle(file: BinaryIO, planes: Sequence[Plane], bit_depth: int, file_format: FileFormat) -> None:
    """Write planes with PackBits: the compression code, the byte count of every row of every plane, then the rows."""
    height, width = planes[0].shape
    row_bytes = width * bit_depth // 8
    counts_at_hand: list[bytes] = []
    file.write(RLE.to_bytes(2, "big"))
    counts_position = file.tell()
    file.write(bytes(file_format.row_count_bytes * height * len(planes)))
    for plane in planes:
        for rows in row_chunks(height, row_bytes):
            samples = _big_endian(stored_rows(plane, rows, bit_depth))
            encoded = memoryview(encode_rle(samples.tobytes(), width, len(samples), bit_depth, file_format.version))
            split = file_format.row_count_bytes * len(samples)
            counts_at_hand.append(bytes(encoded[:split]))
            file.write(encoded[split:])
    end = file.tell()
    file.seek(counts_position)
    file.write(b"".join(counts_at_hand))
    file.seek(end)


def write_zip(file: BinaryIO, plane: Plane, bit_depth: int) -> None:
    """Write one plane with deflate over the horizontal differences, after the compression code."""
    height, width = plane.shape
    chunks = deque(row_chunks(height, width * bit_depth // 8))

    def packed(rows: slice) -> tuple[bytes, NDArray[np.generic]]:
        samples = stored_rows(plane, rows, bit_depth)
        differences = np.empty_like(samples)
        differences[:, 0] = samples[:, 0]
        np.subtract(samples[:, 1:], samples[:, :-1], out=differences[:, 1:])  # modulo 2^bits, as the reader adds
        data = _big_endian(differences)
        # Z_RLE looks for runs only. On the differences of photographs it is 14 times faster than zlib's default level
        # at nearly the same size, because grain leaves no longer matches to find.
        deflate = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
        end = zlib.Z_FINISH if rows.stop == height else zlib.Z_SYNC_FLUSH
        return deflate.compress(data.data) + deflate.flush(end), data

    file.write(ZIP_WITH_PREDICTION.to_bytes(2, "big"))
    # One zlib stream (RFC 1950) whose parts the threads deflate: each ends at a byte, and none refers to another.
    file.write(_ZLIB_HEADER)
    checksum = zlib.adler32(b"")
    under_way: deque[Future[tuple[bytes, NDArray[np.generic]]]] = deque()
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _CHUNKS_AT_ONCE)) as threads:
        while chunks or under_way:
            while chunks and len(under_way) < _CHUNKS_AT_ONCE:
                under_way.append(threads.submit(packed, chunks.popleft()))
            data, differences = under_way.popleft().result()
            file.write(data)
            checksum = zlib.adler32(differences.data, checksum)
    file.write(checksum.to_bytes(4, "big"))


def _big_endian(samples: Plane) -> NDArray[np.generic]:
    return samples.astype(">u2") if samples.dtype == np.uint16 else samples
