"""EXIF blocks (CIPA DC-008, TIFF 6.0 structure): read single tags, patch them in place, move them in and out of TIFF.

Values are patched where they stand instead of writing the block anew, because maker notes hold absolute offsets and
break when they move.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.domain.geometry import Extent

IMAGE_DESCRIPTION, MAKE, MODEL, ORIENTATION = 270, 271, 272, 274
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
JPEG_OFFSET, JPEG_LENGTH = 513, 514
SOFTWARE, DATE_TIME, ARTIST, COPYRIGHT = 305, 306, 315, 33432
EXIF_IFD, GPS_IFD, INTEROP_IFD = 34665, 34853, 40965
COLOR_SPACE, PIXEL_X_DIMENSION, PIXEL_Y_DIMENSION = 40961, 40962, 40963

DESCRIPTIVE_TAGS = (IMAGE_DESCRIPTION, MAKE, MODEL, SOFTWARE, DATE_TIME, ARTIST, COPYRIGHT)
"""Tags of a TIFF's first directory that describe the photograph and not how its pixels are stored."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_UNITS = _SIZES | {5: 4, 10: 4}
"""Bytes of the numbers a value is made of: a rational is two of them."""

_CENTIMETRES = 3


class Entry(NamedTuple):
    """One directory entry: where its value lies in the block, and the value's raw bytes."""

    type: int
    count: int
    at: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Structure:
    """The TIFF structure of a block: byte order (``<`` or ``>``), BigTIFF or not, and where the first IFD lies."""

    data: bytes | memoryview
    order: str
    big: bool
    first: int

    def entries(self, offset: int, wanted: Collection[int] | None = None) -> tuple[dict[int, Entry], int]:
        """The directory at ``offset`` and the place of its next-directory pointer.

        Parameters
        ----------
        wanted : collection of int, optional
            Leave out all other tags; a TIFF's own directory may have values of gigabytes.

        Raises
        ------
        struct.error
            The directory lies outside the block.
        """
        head, wide, word = ("Q", "Q", 8) if self.big else ("H", "I", 4)
        (count,) = struct.unpack_from(self.order + head, self.data, offset)
        at = offset + struct.calcsize(head)
        size = 4 + 2 * word
        if count > 4096 or at + count * size > len(self.data):
            raise struct.error("directory outside the block")
        found: dict[int, Entry] = {}
        for index in range(count):
            place = at + index * size
            tag, kind, number = struct.unpack_from(f"{self.order}HH{wide}", self.data, place)
            if wanted is not None and tag not in wanted:
                continue
            length = _SIZES.get(kind, 0) * number
            value = place + 4 + word
            if length > word:
                (value,) = struct.unpack_from(self.order + wide, self.data, value)
            if length == 0 or value + length > len(self.data):
                continue  # a single bad entry does not spoil its neighbours
            found[tag] = Entry(kind, number, value, bytes(self.data[value : value + length]))
        return found, at + count * size

    def integer(self, entry: Entry | None) -> int | None:
        """The first value of a BYTE, SHORT, LONG, IFD or LONG8 entry."""
        if entry is None or entry.type not in (1, 3, 4, 13, 16, 18):
            return None
        code = {1: "B", 3: "H", 16: "Q", 18: "Q"}.get(entry.type, "I")
        return struct.unpack_from(self.order + code, entry.raw)[0]

    def rational(self, entry: Entry | None) -> float | None:
        """The first value of a RATIONAL entry; None for 0/0 and for other types."""
        if entry is None or entry.type != 5:
            return None
        numerator, denominator = struct.unpack_from(self.order + "II", entry.raw)
        return numerator / denominator if denominator else None


def structure(data: bytes | memoryview) -> Structure | None:
    """Read the eight (BigTIFF: sixteen) header bytes; None where they are not a TIFF structure's."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 8:
        return None
    (magic,) = struct.unpack_from(order + "H", data, 2)
    if magic == 42:
        return Structure(data, order, False, struct.unpack_from(order + "I", data, 4)[0])
    if magic == 43 and len(data) >= 16:
        return Structure(data, order, True, struct.unpack_from(order + "Q", data, 8)[0])
    return None


def _first_directory(block: bytes) -> tuple[Structure, dict[int, Entry], int] | None:
    shape = structure(block)
    if shape is None:
        return None
    try:
        entries, after = shape.entries(shape.first)
    except struct.error:
        return None
    return shape, entries, after


def is_readable(block: bytes) -> bool:
    """Whether the block has a first directory."""
    return _first_directory(block) is not None


def orientation(block: bytes | None) -> int:
    """EXIF orientation 1 to 8; 1 where the block says nothing or nonsense."""
    found = _first_directory(block) if block else None
    value = found[0].integer(found[1].get(ORIENTATION)) if found else None
    return value if value is not None and 1 <= value <= 8 else 1


def resolution(block: bytes | None) -> tuple[float, float] | None:
    """Horizontal and vertical pixels per inch; None where the block has no positive pair."""
    found = _first_directory(block) if block else None
    if found is None:
        return None
    shape, entries, _ = found
    x, y = shape.rational(entries.get(X_RESOLUTION)), shape.rational(entries.get(Y_RESOLUTION))
    unit = shape.integer(entries.get(RESOLUTION_UNIT)) or 2
    if not x or not y or unit not in (2, _CENTIMETRES):
        return None
    scale = 2.54 if unit == _CENTIMETRES else 1.0
    return x * scale, y * scale


def states_srgb(block: bytes | None) -> bool:
    """Whether ``ColorSpace`` says sRGB (1); DCF cameras write it instead of a profile."""
    found = _first_directory(block) if block else None
    if found is None:
        return False
    shape, entries, _ = found
    return shape.integer(_directory(shape, entries, EXIF_IFD).get(COLOR_SPACE)) == 1


def with_color_space(block: bytes, *, is_srgb: bool) -> bytes:
    """The block with its ``ColorSpace``, where it has one, saying sRGB (1) or that the profile says it (65535)."""
    found = _first_directory(block)
    if found is None:
        return block
    shape, entries, _ = found
    out = bytearray(block)
    _put_integer(out, shape, _directory(shape, entries, EXIF_IFD).get(COLOR_SPACE), 1 if is_srgb else 0xFFFF)
    return bytes(out)


def thumbnail(block: bytes) -> bytes | None:
    """The JPEG of the thumbnail directory (CIPA DC-008, 4.6.4 and 4.8); None where the block has none."""
    found = _first_directory(block)
    if found is None:
        return None
    shape, _, after = found
    try:
        (second,) = struct.unpack_from(shape.order + "I", block, after)
        entries = shape.entries(second)[0] if second else {}
    except struct.error:
        return None
    start, length = shape.integer(entries.get(JPEG_OFFSET)), shape.integer(entries.get(JPEG_LENGTH))
    if not start or not length or start + length > len(block):
        return None
    return bytes(block[start : start + length])


def upright(block: bytes, extent: Extent) -> bytes:
    """The block of a picture that was turned upright to ``extent``: orientation 1, its size, no stale thumbnail.

    The thumbnail directory is unlinked: it shows the picture unturned, and before any colour was matched.
    """
    found = _first_directory(block)
    if found is None:
        return block
    shape, entries, after = found
    out = bytearray(block)
    _put_integer(out, shape, entries.get(ORIENTATION), 1)
    inner = _directory(shape, entries, EXIF_IFD)
    _put_integer(out, shape, inner.get(PIXEL_X_DIMENSION), extent.width)
    _put_integer(out, shape, inner.get(PIXEL_Y_DIMENSION), extent.height)
    if not shape.big and after + 4 <= len(out):
        struct.pack_into(shape.order + "I", out, after, 0)
    return bytes(out)


def upright_xmp(packet: bytes) -> bytes:
    """The XMP packet with ``tiff:Orientation`` 1, which Photoshop and Lightroom believe as much as EXIF's."""
    packet = re.sub(rb"""(tiff:Orientation\s*=\s*["'])[2-8](["'])""", rb"\g<1>1\g<2>", packet)
    return re.sub(rb"(<tiff:Orientation>\s*)[2-8](\s*</tiff:Orientation>)", rb"\g<1>1\g<2>", packet)


def with_resolution(block: bytes, dpi: tuple[float, float]) -> bytes:
    """The block with its resolution tags, where it has them, set to ``dpi`` pixels per inch."""
    found = _first_directory(block)
    if found is None:
        return block
    shape, entries, _ = found
    out = bytearray(block)
    for tag, value in ((X_RESOLUTION, dpi[0]), (Y_RESOLUTION, dpi[1])):
        entry = entries.get(tag)
        if entry is not None and entry.type == 5:
            struct.pack_into(shape.order + "II", out, entry.at, *rational(value))
    _put_integer(out, shape, entries.get(RESOLUTION_UNIT), 2)
    return bytes(out)


def rational(value: float) -> tuple[int, int]:
    """``value`` as numerator and denominator: whole where it is whole, else to four decimals."""
    return (round(value), 1) if abs(value - round(value)) < 1e-4 else (round(value * 10_000), 10_000)


def from_tiff(data: bytes | memoryview) -> bytes | None:
    """Gather a TIFF file's describing tags, EXIF and GPS directories into an EXIF block of the same byte order.

    None where the file has none of them. The block says orientation 1: the caller turns the pixels.
    """
    shape = structure(data)
    if shape is None:
        return None
    own = (*DESCRIPTIVE_TAGS, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT)
    try:
        entries, _ = shape.entries(shape.first, (*own, EXIF_IFD, GPS_IFD))
    except struct.error:
        return None
    described = {tag: entries[tag] for tag in own if tag in entries}
    inner = {tag: _directory(shape, entries, tag) for tag in (EXIF_IFD, GPS_IFD)}
    if not any(tag in described for tag in DESCRIPTIVE_TAGS) and not any(inner.values()):
        return None
    described[ORIENTATION] = Entry(3, 1, 0, struct.pack(shape.order + "H", 1))
    return _joined(described, {tag: found for tag, found in inner.items() if found}, shape.order)


def directories(block: bytes) -> tuple[str, dict[int, Entry], dict[int, dict[int, Entry]]]:
    """Byte order, describing tags, and the EXIF and GPS directories (by their pointer tag) of an EXIF block."""
    found = _first_directory(block)
    if found is None:
        return "<", {}, {}
    shape, entries, _ = found
    inner = {tag: _directory(shape, entries, tag) for tag in (EXIF_IFD, GPS_IFD)}
    described = {tag: entries[tag] for tag in DESCRIPTIVE_TAGS if tag in entries}
    return shape.order, described, {tag: found for tag, found in inner.items() if found}


def swapped(entries: dict[int, Entry]) -> dict[int, Entry]:
    """The entries with their values in the other byte order; maker notes and other undefined bytes stay as they are."""
    return {
        tag: entry._replace(raw=np.frombuffer(entry.raw, f"u{_UNITS[entry.type]}").byteswap().tobytes())
        for tag, entry in entries.items()
    }


def serialized(entries: dict[int, Entry], order: str, offset: int) -> bytes:
    """A directory with its values, to stand at ``offset`` (even) of a classic TIFF structure."""
    table, values = bytearray(), bytearray()
    start = offset + 2 + 12 * len(entries) + 4
    for tag in sorted(entries):
        kind, count, _, raw = entries[tag]
        table += struct.pack(order + "HHI", tag, kind, count)
        if len(raw) <= 4:
            table += raw.ljust(4, b"\0")
        else:
            table += struct.pack(order + "I", start + len(values))
            values += raw + b"\0" * (len(raw) % 2)
    return struct.pack(order + "H", len(entries)) + bytes(table) + bytes(4) + bytes(values)


def without_maker_notes(block: bytes) -> bytes:
    """The block anew with all its directories but neither maker notes nor thumbnail (for JPEG's 64 KB limit)."""
    order, described, inner = directories(block)
    found = _first_directory(block)
    if found is not None:
        described |= {
            tag: found[1][tag] for tag in (ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT) if tag in found[1]
        }
    kept = {tag: {t: e for t, e in entries.items() if t not in (37500, 37510)} for tag, entries in inner.items()}
    return _joined(described, kept, order)


def _joined(described: dict[int, Entry], inner: dict[int, dict[int, Entry]], order: str) -> bytes:
    pointers = {tag: Entry(4, 1, 0, bytes(4)) for tag in inner}
    at = 8 + len(serialized(described | pointers, order, 8))
    tail = b""
    for tag, entries in inner.items():
        pointers[tag] = Entry(4, 1, 0, struct.pack(order + "I", at + len(tail)))
        tail += serialized(entries, order, at + len(tail))
    magic = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    return magic + serialized(described | pointers, order, 8) + tail


def _directory(shape: Structure, entries: dict[int, Entry], pointer: int) -> dict[int, Entry]:
    """The sub-directory a pointer tag names; empty where there is none or it is damaged.

    The interoperability directory is left behind: it only repeats the colour space.
    """
    offset = shape.integer(entries.get(pointer))
    if not offset:
        return {}
    try:
        found, _ = shape.entries(offset)
    except struct.error:
        return {}
    return {tag: entry for tag, entry in found.items() if tag != INTEROP_IFD and entry.type <= 13}


def _put_integer(out: bytearray, shape: Structure, entry: Entry | None, value: int) -> None:
    if entry is None or entry.type not in (3, 4) or (entry.type == 3 and value > 0xFFFF):
        return
    struct.pack_into(shape.order + ("H" if entry.type == 3 else "I"), out, entry.at, value)
