"""The records of a saved document's layers: psd-tools parses them, and what they say of a layer is told here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from psd_tools.constants import BlendMode, Clipping, Compression, SectionDivider, Tag
from psd_tools.psd.bin_utils import read_fmt
from psd_tools.psd.layer_and_mask import LayerRecords

from engine.domain.geometry import Box, Extent
from engine.imaging.psd.document import MASK, TRANSPARENCY
from engine.imaging.psd.saved_layers import LayerPlanes, SavedLayer
from engine.imaging.psd.saved_planes import Coding, SavedFile, SavedPlane

if TYPE_CHECKING:
    from psd_tools.psd.layer_and_mask import LayerRecord

    Planes = dict[int, SavedPlane]

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


class _Group(NamedTuple):
    """What the groups around a layer do to it."""

    is_visible: bool = True
    is_plain: bool = True


def read_layers(
    file: BinaryIO, end: int, source: SavedFile, extent: Extent, coding: Coding
) -> tuple[int, tuple[SavedLayer, ...]]:
    """The layer info that stands here, its length read already.

    Parameters
    ----------
    end : int
        Where it ends.

    Returns
    -------
    int
        The layer count; negative where the first alpha channel is the transparency of the merged image.
    tuple of SavedLayer
        As `layers_of`.

    Raises
    ------
    ValueError, OSError
        It is damaged.
    """
    count = read_fmt("h", file)[0]
    records = LayerRecords.read(file, count, "macroman", coding.version)
    return count, layers_of(list(records), file, end, source, extent, coding)


def layers_of(
    records: Sequence[LayerRecord], file: BinaryIO, end: int, source: SavedFile, extent: Extent, coding: Coding
) -> tuple[SavedLayer, ...]:
    """The layers from the bottom up; the file stands where their channels begin.

    Raises
    ------
    ValueError
        The channels end too early.
    """
    stored = [(record, _planes(record, file, end, coding)) for record in records]
    found = [
        layer
        for number, (record, planes, group) in enumerate(_in_groups(stored))
        if (layer := _layer(record, planes, group, number == 0, source, extent)) is not None
    ]
    return tuple(found)


def _planes(record: LayerRecord, file: BinaryIO, end: int, coding: Coding) -> Planes:
    """By channel id, where each plane lies; those without pixels left out."""
    planes: Planes = {}
    for info, (width, height) in zip(record.channel_info, record.channel_sizes, strict=True):
        at = file.tell()
        if at + info.length > end:
            raise ValueError("truncated layers")
        if info.length >= 2 and width > 0 and height > 0:
            code = int.from_bytes(file.read(2), "little" if coding.is_little_endian else "big")
            planes[int(info.id)] = SavedPlane(at + 2, info.length - 2, Compression(code), width, height, coding)
        file.seek(at + info.length)
    return planes


def _in_groups(
    stored: Sequence[tuple[LayerRecord, Planes]],
) -> Iterator[tuple[LayerRecord, Planes, _Group]]:
    """Records of layers proper, bottom up. A group's own record lies above its layers, its lower end below them."""
    groups = [_Group()]
    layers: list[tuple[LayerRecord, Planes, _Group]] = []
    for record, planes in reversed(stored):
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
            layers.append((record, planes, groups[-1]))
    return reversed(layers)


def _layer(
    record: LayerRecord, planes: Planes, group: _Group, is_lowest: bool, source: SavedFile, extent: Extent
) -> SavedLayer | None:
    """None for a layer that has neither pixels nor anything else that shows."""
    left, top = max(0, record.left), max(0, record.top)
    box = Box(left, top, max(left, min(extent.width, record.right)), max(top, min(extent.height, record.bottom)))
    blocks, mask = record.tagged_blocks, record.mask_data
    name = str(blocks.get_data(Tag.UNICODE_LAYER_NAME) or record.name).rstrip("\0")
    is_visible = group.is_visible and record.flags.visible
    has_colors = all(color in {int(info.id) for info in record.channel_info} for color in _COLORS)
    if box.extent.pixels == 0 or not has_colors:
        if {getattr(key, "value", key) for key in blocks} <= _HARMLESS:
            return None
        return SavedLayer(name, Box(0, 0, 0, 0), None, is_visible, False)
    if not all(color in planes for color in _COLORS):
        raise ValueError("truncated layers")
    is_mask_enabled = mask is None or not mask.flags.mask_disabled
    return SavedLayer(
        name,
        box,
        LayerPlanes(
            source,
            extent,
            record.left,
            record.top,
            tuple(planes[color] for color in _COLORS),
            planes.get(TRANSPARENCY),
            planes.get(MASK),
            Box(mask.left, mask.top, mask.right, mask.bottom) if mask is not None else None,
            mask.background_color if mask is not None else 0,
        ),
        is_visible=is_visible,
        is_plain=group.is_plain
        and is_mask_enabled
        and record.blend_mode == BlendMode.NORMAL
        and _shows_as_is(record)
        and not any(tag in blocks for tag in _FILLS),
        is_background=is_lowest
        and all(int(info.id) != TRANSPARENCY for info in record.channel_info)
        and record.flags.transparency_protected,
        is_mask_enabled=is_mask_enabled,
        layer_id=_layer_id(record),
    )


def _layer_id(record: LayerRecord) -> int:
    value = record.tagged_blocks.get_data(Tag.LAYER_ID, 0)
    return value if isinstance(value, int) else 0


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
