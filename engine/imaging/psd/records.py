"""The fixed fields of a Photoshop file: header, layer records, tagged blocks and image resources.

Follows the Adobe Photoshop File Formats Specification (November 2019). Where it is silent or wrong the comments say
what Photoshop itself writes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from engine.domain.geometry import Extent
from engine.imaging.psd.document import BACKGROUND_ID, LayeredDocument, StoredLayer

SIGNATURE = b"8BIM"
RGB_COLOR_MODE = 3


@dataclass(frozen=True, slots=True)
class FileFormat:
    """What differs between a PSD and a PSB (large document).

    Attributes
    ----------
    version : int
        Of the file header.
    length : Struct
        Length of a section, of the layer info and of a channel.
    channel : Struct
        Channel id and channel length in a layer record.
    row_count_bytes : int
        Size of one row's byte count in PackBits data.
    """

    version: int
    length: Struct
    channel: Struct
    row_count_bytes: int


PSD = FileFormat(version=1, length=Struct(">I"), channel=Struct(">hI"), row_count_bytes=2)
PSB = FileFormat(version=2, length=Struct(">Q"), channel=Struct(">hQ"), row_count_bytes=4)

# Signature, version, reserved, channels, height, width, bits per channel, colour mode.
_HEADER = Struct(">4sH6xHIIHH")
# Top, left, bottom, right, number of channels.
_LAYER = Struct(">iiiiH")
# Signature, blend mode, opacity, clipping, flags, filler.
_BLENDING = Struct(">4s4sBBBx")
# Length, top, left, bottom, right, colour outside the rectangle, flags, padding.
_MASK = Struct(">IiiiiBBxx")
_UINT32 = Struct(">I")

_TRANSPARENCY_PROTECTED = 1
_HIDDEN = 2
_BIT_4_HAS_MEANING = 8  # "Photoshop 5.0 and later"; every current writer sets it
BACKGROUND_LOCKS = 13  # what Photoshop writes in lspf for its own Background: transparency, position, nesting
# One range per stored channel (composite grey first), each source and destination black 0..0, white 255..255.
_FULL_RANGE = bytes.fromhex("0000ffff0000ffff")


def file_header(document: LayeredDocument, file_format: FileFormat) -> bytes:
    """The 26 bytes a Photoshop file begins with."""
    return _HEADER.pack(
        b"8BPS",
        file_format.version,
        3 + len(document.alpha_channels),
        document.extent.height,
        document.extent.width,
        document.bit_depth,
        RGB_COLOR_MODE,
    )


def layer_records(
    layers: Sequence[StoredLayer], lengths: Sequence[Sequence[int]], extent: Extent, file_format: FileFormat
) -> bytes:
    """The records of all layers from the bottom up; they have the same size whatever the lengths are.

    Parameters
    ----------
    lengths : sequence of sequence of int
        Bytes of each channel of each layer, the two bytes of the compression code included.
    """
    return b"".join(
        _layer_record(layer, layer_lengths, layer_id, extent, file_format)
        for layer_id, (layer, layer_lengths) in enumerate(zip(layers, lengths, strict=True), start=BACKGROUND_ID)
    )


def _layer_record(
    layer: StoredLayer, lengths: Sequence[int], layer_id: int, extent: Extent, file_format: FileFormat
) -> bytes:
    flags = _BIT_4_HAS_MEANING
    flags |= _TRANSPARENCY_PROTECTED if layer.is_background else 0
    flags |= _HIDDEN if layer.is_hidden else 0
    extra = b"".join(
        (
            _MASK.pack(_MASK.size - 4, 0, 0, extent.height, extent.width, 0, 0) if layer.has_mask else _UINT32.pack(0),
            _blending_ranges(),
            pascal_string(layer.name, padding=4),
            tagged_block(b"luni", unicode_string(layer.name)),
            tagged_block(b"lnsr", b"bgnd" if layer.is_background else b"layr"),
            tagged_block(b"lspf", _UINT32.pack(BACKGROUND_LOCKS if layer.is_background else 0)),
            tagged_block(b"lyid", _UINT32.pack(layer_id)),
        )
    )
    return b"".join(
        (
            _LAYER.pack(0, 0, extent.height, extent.width, len(layer.channels)),
            *(
                file_format.channel.pack(channel_id, length)
                for (channel_id, _), length in zip(layer.channels, lengths, strict=True)
            ),
            _BLENDING.pack(SIGNATURE, b"norm", 255, 0, flags),
            _UINT32.pack(len(extra)),
            extra,
        )
    )


def _blending_ranges() -> bytes:
    ranges = _FULL_RANGE * 5  # composite, R, G, B, transparency
    return _UINT32.pack(len(ranges)) + ranges


def tagged_block(key: bytes, data: bytes) -> bytes:
    """A layer's additional information; padded to four bytes, as Photoshop does, with the padding counted."""
    data += bytes(-len(data) % 4)
    return SIGNATURE + key + _UINT32.pack(len(data)) + data


def image_resource(resource_id: int, data: bytes, name: str = "") -> bytes:
    """One image resource of a Photoshop file, a JPEG (APP13 segment) or a TIFF (tag 34377), padded to two bytes."""
    header = SIGNATURE + resource_id.to_bytes(2, "big") + pascal_string(name, padding=2) + _UINT32.pack(len(data))
    return header + data + bytes(len(data) % 2)


def pascal_string(text: str, *, padding: int) -> bytes:
    """A length byte and `mac_roman` text."""
    encoded = mac_roman(text)
    string = bytes([len(encoded)]) + encoded
    return string + bytes(-len(string) % padding)


def mac_roman(text: str) -> bytes:
    """The old form of a name: what MacRoman lacks becomes ``?``, what exceeds 255 bytes is cut off.

    Composed first, so that an accent typed on a Mac as two code points keeps its letter. Every current reader prefers
    the Unicode name stored beside it.
    """
    return unicodedata.normalize("NFC", text).encode("mac_roman", "replace")[:255]


def unicode_string(text: str, *, terminated: bool = False) -> bytes:
    """The number of UTF-16 code units and the units, big-endian; a terminating NUL counts as a unit."""
    encoded = (text + "\0" if terminated else text).encode("utf-16-be")
    return _UINT32.pack(len(encoded) // 2) + encoded
