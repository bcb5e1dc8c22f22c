"""The layers of a little-endian TIFF, which Photoshop writes where the operator chose "IBM PC" in its TIFF options.

psd-tools parses the big-endian form only. In the other one every number is little-endian, four-letter keys stand
backwards and text is UTF-16LE; the byte counts of packed rows are turned, too, but 16-bit samples are not. What is
found is handed on as psd-tools' own records. Of a layer's blocks only those are decoded that
`engine.imaging.psd.saved_records` looks into.
"""

from __future__ import annotations

import io
import struct
from typing import Any, BinaryIO

from psd_tools.constants import BlendMode, Clipping, SectionDivider, Tag
from psd_tools.psd.layer_and_mask import (
    ChannelInfo,
    LayerBlendingRanges,
    LayerFlags,
    LayerRecord,
    MaskData,
    MaskFlags,
)
from psd_tools.psd.tagged_blocks import SectionDividerSetting, TaggedBlock, TaggedBlocks

SIGNATURES = (b"8BIM"[::-1], b"8B64"[::-1])


class _Cursor:
    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file, self._end = file, end

    @property
    def left(self) -> int:
        return self._end - self._file.tell()

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise ValueError("truncated layers")
        data = self._file.read(count)
        if len(data) != count:
            raise ValueError("truncated layers")
        return data

    def rest(self) -> bytes:
        return self.take(self.left)

    def unpack(self, fields: str) -> tuple[Any, ...]:
        return struct.unpack("<" + fields, self.take(struct.calcsize("<" + fields)))

    def block(self, length: str = "I") -> _Cursor:
        """What follows the length that stands here."""
        data = self.take(self.unpack(length)[0])
        return _Cursor(io.BytesIO(data), len(data))

    def key(self) -> bytes:
        return self.take(4)[::-1]

    def signed_key(self) -> bytes:
        if self.take(4) not in SIGNATURES:
            raise ValueError("a block of a layer is not where it should be")
        return self.key()


def read_records(file: BinaryIO, end: int, version: int) -> list[LayerRecord]:
    """The records of the layers in a block ``Layr`` or ``Lr16`` of a little-endian TIFF; their channels follow.

    Parameters
    ----------
    end : int
        Where the block ends.
    version : int
        2 in a 64-bit block, whose channel lengths have eight bytes.

    Raises
    ------
    ValueError, KeyError
        The data are damaged.
    """
    cursor = _Cursor(file, end)
    (count,) = cursor.unpack("h")
    return [_record(cursor, "hI" if version == 1 else "hQ") for _ in range(abs(count))]


def _record(cursor: _Cursor, channel: str) -> LayerRecord:
    top, left, bottom, right, count = cursor.unpack("4iH")
    channels = [ChannelInfo(*cursor.unpack(channel)) for _ in range(count)]
    mode = BlendMode(cursor.signed_key())
    opacity, clipping, flags, _ = cursor.take(4)
    extra = cursor.block()
    mask, ranges = extra.block(), extra.block()
    length = extra.take(1)[0]
    name = extra.take(length).decode("mac_roman")
    extra.take(min(extra.left, -(1 + length) % 4))
    return LayerRecord(
        top,
        left,
        bottom,
        right,
        channels,
        blend_mode=mode,
        opacity=opacity,
        clipping=Clipping(clipping),
        flags=LayerFlags.read(io.BytesIO(bytes([flags]))),
        mask_data=_mask(mask),
        blending_ranges=_ranges(ranges),
        name=name,
        tagged_blocks=TaggedBlocks([(key, TaggedBlock(key=key, data=value)) for key, value in _blocks(extra)]),  # type: ignore[arg-type]
    )


def _mask(cursor: _Cursor) -> MaskData | None:
    """The mask's rectangle and flags; what may follow them only tells that it is not a plain one."""
    if not cursor.left:
        return None
    top, left, bottom, right, outside, flags = cursor.unpack("4iBB")
    return MaskData(top, left, bottom, right, outside, MaskFlags.read(io.BytesIO(bytes([flags]))))


def _ranges(cursor: _Cursor) -> LayerBlendingRanges:
    values = struct.pack(f">{cursor.left // 4}I", *cursor.unpack(f"{cursor.left // 4}I"))
    return LayerBlendingRanges.frombytes(len(values).to_bytes(4, "big") + values)


def _blocks(cursor: _Cursor) -> list[tuple[Tag | bytes, Any]]:
    found: list[tuple[Tag | bytes, Any]] = []
    while cursor.left >= 12:
        key = cursor.signed_key()
        body = cursor.block()
        cursor.take(min(cursor.left, body.left % 2))
        known = key if key not in Tag._value2member_map_ else Tag(key)
        found.append((known, _value(known, body)))
    return found


def _value(key: Tag | bytes, body: _Cursor) -> Any:
    match key:
        case Tag.UNICODE_LAYER_NAME:
            return body.take(2 * body.unpack("I")[0]).decode("utf-16-le")
        case Tag.SECTION_DIVIDER_SETTING | Tag.NESTED_SECTION_DIVIDER_SETTING:
            kind = SectionDivider(body.unpack("I")[0])
            return SectionDividerSetting(kind, blend_mode=BlendMode(body.signed_key()) if body.left >= 8 else None)
        case Tag.BLEND_FILL_OPACITY | Tag.KNOCKOUT_SETTING:
            return body.take(1)[0]
        case Tag.LAYER_ID:
            return body.unpack("I")[0]
        case _:
            return body.rest()
