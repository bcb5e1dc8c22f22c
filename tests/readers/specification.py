"""A reader of PSD and PSB, field by field after Adobe's Photoshop File Formats Specification (November 2019).

It knows no more than Chromask writes, and stops at whatever is not where the specification wants it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass
class ParsedLayer:
    rectangle: tuple[int, ...]
    flags: int
    channels: dict[int, NDArray[np.generic]]
    mask_rectangle: tuple[int, ...] | None
    pascal_name: bytes
    blocks: dict[bytes, bytes]


@dataclass
class ParsedFile:
    version: int
    resources: dict[int, bytes]
    resource_names: dict[int, bytes]
    layer_block: bytes
    layer_info_length: int
    layer_count: int
    layers: list[ParsedLayer] = field(default_factory=list[ParsedLayer])
    merged: NDArray[np.generic] = field(default_factory=lambda: np.zeros(0))


class Cursor:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        assert self.at + count <= len(self.data), "the file ends too early"
        self.at += count
        return self.data[self.at - count : self.at]

    def unpack(self, fields: str) -> tuple[int, ...]:
        return struct.unpack(">" + fields, self.take(struct.calcsize(">" + fields)))


def unpack_bits(packed: bytes) -> bytes:
    """Apple Technical Note TN1023."""
    row, at = bytearray(), 0
    while at < len(packed):
        header = struct.unpack("b", packed[at : at + 1])[0]
        if header >= 0:
            row += packed[at + 1 : at + 2 + header]
            at += 2 + header
        elif header == -128:
            at += 1
        else:
            row += packed[at + 1 : at + 2] * (1 - header)
            at += 2
    assert at == len(packed)
    return bytes(row)


def parse(path: Path) -> ParsedFile:
    file = Cursor(path.read_bytes())
    signature, version, reserved, channels, height, width, depth, mode = struct.unpack(">4sH6sHIIHH", file.take(26))
    assert (signature, reserved, mode) == (b"8BPS", bytes(6), 3)
    length = "I" if version == 1 else "Q"
    dtype = np.dtype(">u2" if depth == 16 else "u1")

    def packed_planes(cursor: Cursor, planes: int) -> NDArray[np.generic]:
        counts = cursor.unpack(f"{height * planes}{'H' if version == 1 else 'I'}")
        rows = [unpack_bits(cursor.take(count)) for count in counts]
        assert all(len(row) == width * dtype.itemsize for row in rows)
        return np.frombuffer(b"".join(rows), dtype).reshape(planes, height, width)

    def channel(data: bytes) -> NDArray[np.generic]:
        cursor = Cursor(data)
        (compression,) = cursor.unpack("H")
        if compression == 1:
            plane = packed_planes(cursor, 1)[0]
            assert cursor.at == len(data)
            return plane
        assert compression == 3
        differences = np.frombuffer(zlib.decompress(data[2:]), dtype).reshape(height, width)
        return (np.cumsum(differences.astype(np.int64), axis=1) % 2**depth).astype(dtype)

    assert file.unpack("I") == (0,)
    resources: dict[int, bytes] = {}
    resource_names: dict[int, bytes] = {}
    resource_section = Cursor(file.take(file.unpack("I")[0]))
    while resource_section.at < len(resource_section.data):
        assert resource_section.take(4) == b"8BIM"
        resource_id, name_length = resource_section.unpack("HB")
        resource_names[resource_id] = resource_section.take(name_length)
        resource_section.take(1 - name_length % 2)
        size = resource_section.unpack("I")[0]
        resources[resource_id] = resource_section.take(size)
        resource_section.take(size % 2)

    section = Cursor(file.take(file.unpack(length)[0]))
    layer_info_length = section.unpack(length)[0]
    layer_block = b""
    if layer_info_length:
        info = Cursor(section.take(layer_info_length))
        assert section.unpack("I") == (0,)
    else:
        assert section.unpack("I") == (0,)
        layer_block = section.take(8)
        info = Cursor(section.take(section.unpack(length)[0]))
    assert section.at == len(section.data)

    parsed = ParsedFile(version, resources, resource_names, layer_block, layer_info_length, info.unpack("h")[0])
    waiting: list[list[tuple[int, int]]] = []
    for _ in range(parsed.layer_count):
        rectangle = info.unpack("iiii")
        waiting.append([info.unpack("h" + length) for _ in range(info.unpack("H")[0])])  # type: ignore[misc]
        assert info.take(8) == b"8BIMnorm"
        opacity, clipping, flags, filler = info.unpack("BBBB")
        assert (opacity, clipping, filler) == (255, 0, 0)
        extra = Cursor(info.take(info.unpack("I")[0]))
        mask = Cursor(extra.take(extra.unpack("I")[0]))
        mask_rectangle = mask.unpack("iiii") if mask.data else None
        assert mask.take(4 if mask.data else 0) in (b"", bytes(4))
        assert extra.take(extra.unpack("I")[0]) == bytes.fromhex("0000ffff") * 2 * 5
        name_length = extra.unpack("B")[0]
        name = extra.take(name_length)
        extra.take(-(1 + name_length) % 4)
        blocks: dict[bytes, bytes] = {}
        while extra.at < len(extra.data):
            assert extra.take(4) == b"8BIM"
            key = extra.take(4)
            blocks[key] = extra.take(extra.unpack("I")[0])
        parsed.layers.append(ParsedLayer(rectangle, flags, {}, mask_rectangle, name, blocks))
    for layer, infos in zip(parsed.layers, waiting, strict=True):
        for channel_id, size in infos:
            layer.channels[channel_id] = channel(info.take(size))
    assert len(info.data) % 4 == 0
    assert info.take(len(info.data) - info.at) in (b"", b"\0", b"\0\0", b"\0\0\0")

    assert file.unpack("H") == (1,)
    parsed.merged = packed_planes(file, channels)
    assert file.at == len(file.data)
    return parsed
