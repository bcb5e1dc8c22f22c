"""The layers of a saved document, from the records and channels that psd-tools parsed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from psd_tools.compression import decode_rle
from psd_tools.constants import BlendMode, Clipping, Compression, SectionDivider, Tag

from engine.domain.geometry import Box, Extent
from engine.imaging.psd.channels import row_chunks
from engine.imaging.psd.document import MASK, TRANSPARENCY

if TYPE_CHECKING:
    from psd_tools.psd.layer_and_mask import ChannelData, LayerInfo, LayerRecord

    from engine.domain.picture import Alpha, Pixels

_COLORS = (0, 1, 2)
_VECTOR_OR_BOTH_MASK = -3

_EFFECTS = (
    Tag.EFFECTS_LAYER,
    Tag.OBJECT_BASED_EFFECTS_LAYER_INFO,
    Tag.OBJECT_BASED_EFFECTS_LAYER_INFO_V0,
    Tag.OBJECT_BASED_EFFECTS_LAYER_INFO_V1,
)
_VECTOR_MASKS = (Tag.VECTOR_MASK_SETTING1, Tag.VECTOR_MASK_SETTING2)
_FILLS = (Tag.SOLID_COLOR_SHEET_SETTING, Tag.GRADIENT_FILL_SETTING, Tag.PATTERN_FILL_SETTING)

_HARMLESS = {
    tag.value
    for tag in (
        Tag.UNICODE_LAYER_NAME,
        Tag.LAYER_NAME_SOURCE_SETTING,
        Tag.LAYER_ID,
        Tag.LAYER_VERSION,
        Tag.BLEND_CLIPPING_ELEMENTS,
        Tag.BLEND_INTERIOR_ELEMENTS,
        Tag.BLEND_FILL_OPACITY,
        Tag.KNOCKOUT_SETTING,
        Tag.PROTECTED_SETTING,
        Tag.SHEET_COLOR_SETTING,
        Tag.METADATA_SETTING,
        Tag.REFERENCE_POINT,
        Tag.LAYER_MASK_AS_GLOBAL_MASK,
        Tag.VECTOR_MASK_AS_GLOBAL_MASK,
        Tag.TRANSPARENCY_SHAPES_LAYER,
        Tag.CHANNEL_BLENDING_RESTRICTIONS_SETTING,
    )
}
"""What a layer without pixels may carry and still change nothing. Every kind of adjustment has a block of its own, so
that one which is not known here is taken for an adjustment."""


@dataclass(frozen=True, slots=True, eq=False)
class SavedLayer:
    """A layer as it was found on disk.

    Attributes
    ----------
    name : str
    box : Box
        Where its pixels lie in the document, cut to the canvas; never empty, but for an adjustment.
    pixels : ndarray or None
        ``(h, w, 3)`` of the box, at the document's bit depth, straight. None in an adjustment.
    mask : ndarray or None
        The layer mask ``(H, W)`` uint8 over the whole canvas, 255 = shown, also where it is switched off.
    transparency : ndarray or None
        ``(h, w)`` uint8 of the box, 255 = opaque; None is opaque.
    is_visible : bool
        Its eye and those of all groups around it are open.
    is_plain : bool
        The layer shows as its pixels through its transparency and mask over what lies below, and nothing else: no other
        blend mode, opacity, clipping, effect, vector mask, group with any of these, and no mask that is switched off.
        The pixels of texts and smart objects are plain.
    is_background : bool
        It is the locked bottom layer.
    is_mask_enabled : bool
        False where the retoucher switched the mask off.
    """

    name: str
    box: Box
    pixels: Pixels | None
    mask: Alpha | None = None
    transparency: Alpha | None = None
    is_visible: bool = True
    is_plain: bool = True
    is_background: bool = False
    is_mask_enabled: bool = True


class _Group(NamedTuple):
    """What the groups around a layer do to it."""

    is_visible: bool = True
    is_plain: bool = True


@dataclass(frozen=True, slots=True)
class Coding:
    """How the planes of a file are coded.

    Attributes
    ----------
    bit_depth : int
        8 or 16.
    version : int
        1 for a PSD and a TIFF, 2 for a PSB: the width of row byte counts.
    """

    bit_depth: int
    version: int = 1


def layers_of(info: LayerInfo, extent: Extent, coding: Coding) -> tuple[SavedLayer, ...]:
    """The layers from the bottom up. The channels of ``info`` are given up as they are decoded.

    Raises
    ------
    ValueError, zlib.error
        A channel is damaged.
    """
    found = [
        layer
        for number, (record, channels, group) in enumerate(_in_groups(info))
        if (layer := _layer(record, channels, group, number == 0, extent, coding)) is not None
    ]
    return tuple(found)


def decoded_plane(data: bytes, compression: Compression, width: int, height: int, coding: Coding) -> Pixels:
    """Decode one plane to ``(H, W)`` uint8 or native uint16.

    psd-tools' own `decompress` puts black in the place of what it cannot decode, so its parts are called here.

    Raises
    ------
    ValueError, zlib.error
        The data are damaged or end too early.
    """
    dtype = np.dtype(f">u{coding.bit_depth // 8}")
    length = width * height * dtype.itemsize
    if compression == Compression.RLE:
        counts = np.frombuffer(data, ">u2" if coding.version == 1 else ">u4", height)
        if counts.nbytes + int(counts.sum(dtype=np.int64)) > len(data):  # psd-tools would pad the rows with zeros
            raise ValueError("truncated rows")
        raw = decode_rle(data, width, height, coding.bit_depth, coding.version)
    elif compression == Compression.RAW:
        raw = data[:length]
    else:
        raw = zlib.decompressobj().decompress(data, length)
    if len(raw) != length:
        raise ValueError("truncated channel")
    plane = np.frombuffer(raw, dtype).reshape(height, width).astype(dtype.newbyteorder("="))
    if compression == Compression.ZIP_WITH_PREDICTION:
        np.cumsum(plane, axis=1, dtype=plane.dtype, out=plane)  # modulo 2^bits
    return cast("Pixels", plane)


def to_alpha(plane: Pixels) -> Alpha:
    """``(H, W)`` uint8; 16 bits are rounded, which undoes ``x * 257`` also after Photoshop's own 15 bits."""
    if plane.dtype == np.uint8:
        return cast("Alpha", plane)
    alpha = np.empty(plane.shape, np.uint8)
    for rows in row_chunks(len(plane), max(1, plane.shape[1] * plane.itemsize)):
        alpha[rows] = (plane[rows].astype(np.uint32) + 128) // 257
    return alpha


def _in_groups(info: LayerInfo) -> Iterator[tuple[LayerRecord, list[ChannelData], _Group]]:
    """Records of layers proper, bottom up. A group's own record lies above its layers, its lower end below them."""
    groups = [_Group()]
    layers: list[tuple[LayerRecord, list[ChannelData], _Group]] = []
    records = list(zip(info.layer_records, info.channel_image_data, strict=True))
    for record, channels in reversed(records):
        blocks = record.tagged_blocks
        divider = blocks.get_data(Tag.SECTION_DIVIDER_SETTING) or blocks.get_data(Tag.NESTED_SECTION_DIVIDER_SETTING)
        kind = getattr(divider, "kind", SectionDivider.OTHER)
        if kind == SectionDivider.BOUNDING_SECTION_DIVIDER:
            if len(groups) > 1:
                groups.pop()
        elif kind in (SectionDivider.OPEN_FOLDER, SectionDivider.CLOSED_FOLDER):
            around = groups[-1]
            mode = getattr(divider, "blend_mode", None) or record.blend_mode
            is_plain = mode in (BlendMode.PASS_THROUGH, BlendMode.NORMAL) and _shows_as_is(record)
            is_plain = is_plain and not any(info.id == MASK for info in record.channel_info)
            groups.append(_Group(around.is_visible and record.flags.visible, around.is_plain and is_plain))
        else:
            layers.append((record, channels, groups[-1]))
    return reversed(layers)


def _layer(
    record: LayerRecord,
    channels: list[ChannelData],
    group: _Group,
    is_lowest: bool,
    extent: Extent,
    coding: Coding,
) -> SavedLayer | None:
    """None for a layer that has neither pixels nor anything else that shows."""
    stored = {
        int(info.id): (channel, size)
        for info, channel, size in zip(record.channel_info, channels, record.channel_sizes, strict=True)
    }

    def plane(channel_id: int) -> Pixels | None:
        channel, (width, height) = stored.get(channel_id, (None, (0, 0)))
        if channel is None or width < 1 or height < 1:
            return None
        data, channel.data = channel.data, b""
        return decoded_plane(data, channel.compression, width, height, coding)

    left, top = max(0, record.left), max(0, record.top)
    box = Box(left, top, max(left, min(extent.width, record.right)), max(top, min(extent.height, record.bottom)))
    is_empty = box.extent.pixels == 0
    part = (
        slice(box.top - record.top, box.bottom - record.top),
        slice(box.left - record.left, box.right - record.left),
    )
    blocks = record.tagged_blocks
    name = str(blocks.get_data(Tag.UNICODE_LAYER_NAME) or record.name).rstrip("\0")
    if is_empty or not all(color in stored for color in _COLORS):
        if {getattr(key, "value", key) for key in blocks} <= _HARMLESS:
            return None
        return SavedLayer(name, Box(0, 0, 0, 0), None, None, None, group.is_visible and record.flags.visible, False)
    pixels = np.empty(
        (box.bottom - box.top, box.right - box.left, 3), np.uint16 if coding.bit_depth == 16 else np.uint8
    )
    for color in _COLORS:
        pixels[..., color] = cast("Pixels", plane(color))[part]
    transparency = plane(TRANSPARENCY)
    mask = record.mask_data
    alpha = None
    if mask is not None:
        alpha = _mask_on_canvas(
            Box(mask.left, mask.top, mask.right, mask.bottom), plane(MASK), mask.background_color, extent
        )
    is_mask_enabled = mask is None or not mask.flags.mask_disabled
    return SavedLayer(
        name,
        box,
        cast("Pixels", pixels),
        alpha,
        None if transparency is None else np.ascontiguousarray(to_alpha(transparency[part])),
        is_visible=group.is_visible and record.flags.visible,
        is_plain=group.is_plain
        and is_mask_enabled
        and record.blend_mode == BlendMode.NORMAL
        and _shows_as_is(record)
        and not any(tag in blocks for tag in _FILLS),
        is_background=is_lowest and TRANSPARENCY not in stored and record.flags.transparency_protected,
        is_mask_enabled=is_mask_enabled,
    )


def _mask_on_canvas(box: Box, plane: Pixels | None, outside: int, extent: Extent) -> Alpha:
    """The mask over the whole canvas; it is stored only where it differs from one value."""
    alpha = np.full((extent.height, extent.width), 255 if outside else 0, np.uint8)
    if plane is not None:
        left, top = max(0, box.left), max(0, box.top)
        right, bottom = min(extent.width, box.right), min(extent.height, box.bottom)
        if left < right and top < bottom:
            part = plane[top - box.top : bottom - box.top, left - box.left : right - box.left]
            alpha[top:bottom, left:right] = to_alpha(part)
    return alpha


def _shows_as_is(record: LayerRecord) -> bool:
    """Whether opacity, clipping, effects, vector masks and blending options leave the layer alone."""
    blocks, mask = record.tagged_blocks, record.mask_data
    ranges = record.blending_ranges
    stored = [*(ranges.composite_ranges or ()), *(r for channel in ranges.channel_ranges or () for r in channel)]
    return (
        record.opacity == 255
        and record.clipping == Clipping.BASE
        and int(blocks.get_data(Tag.BLEND_FILL_OPACITY, 255)) == 255
        and not blocks.get_data(Tag.KNOCKOUT_SETTING, 0)
        and not blocks.get_data(Tag.CHANNEL_BLENDING_RESTRICTIONS_SETTING)
        and all(tuple(limits) == (0, 0xFFFF) for limits in stored)
        and not any(tag in blocks for tag in (*_EFFECTS, *_VECTOR_MASKS))
        and not any(int(info.id) == _VECTOR_OR_BOTH_MASK for info in record.channel_info)
        and (mask is None or not mask.flags.parameters_applied)
    )
