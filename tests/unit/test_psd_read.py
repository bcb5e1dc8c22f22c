"""What a retoucher saves is read: documents re-arranged by psd-tools and drawn record by record, in every coding."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from psd_tools.constants import (
    AlphaChannelMode,
    BlendMode,
    Clipping,
    ColorMode,
    Compression,
    Resource,
    SectionDivider,
    Tag,
)
from psd_tools.psd import PSD
from psd_tools.psd.layer_and_mask import (
    ChannelData,
    ChannelDataList,
    LayerFlags,
    LayerInfo,
    LayerRecord,
    MaskData,
    MaskFlags,
)
from psd_tools.psd.tagged_blocks import SectionDividerSetting, TaggedBlock, TaggedBlocks

from engine.domain.errors import KnownError
from engine.domain.geometry import Box, Extent
from engine.imaging.psd.document import AlphaChannel, LayeredDocument, PixelLayer
from engine.imaging.psd.read import read_document
from engine.imaging.psd.saved_document import SavedDocument
from engine.imaging.psd.saved_planes import to_alpha
from engine.imaging.psd.writer import write_psd
from engine.imaging.raster.tiff_write import write_layered_tiff

WIDTH, HEIGHT = 37, 23


def a_document(bit_depth: int = 8) -> LayeredDocument:
    random = np.random.default_rng(bit_depth)

    def pixels() -> NDArray[np.uint8] | NDArray[np.uint16]:
        return random.integers(0, 2**bit_depth, (HEIGHT, WIDTH, 3), np.uint16 if bit_depth == 16 else np.uint8)

    def alpha() -> NDArray[np.uint8]:
        return random.integers(0, 256, (HEIGHT, WIDTH), np.uint8)

    return LayeredDocument(
        Extent(WIDTH, HEIGHT),
        bit_depth,
        pixels(),
        (PixelLayer("Matched colour", pixels(), mask=alpha()), PixelLayer("Retouch", pixels(), transparency=alpha())),
        (AlphaChannel("靴下", alpha()), AlphaChannel("Größe", alpha())),
        pixels(),
        icc=b"a profile",
        xmp=b"<x/>",
    )


def written(path: Path, document: LayeredDocument) -> Path:
    if path.suffix == ".tif":
        write_layered_tiff(path, document)
    else:
        write_psd(path, document, force_psb=path.suffix == ".psb")
    return path


@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize("name", ["a.psd", "a.psb", "a.tif"])
def test_what_chromask_writes_is_read_whole(tmp_path: Path, name: str, bit_depth: int) -> None:
    document = a_document(bit_depth)
    saved = read_document(written(tmp_path / name, document))
    assert (saved.extent, saved.bit_depth, saved.icc, saved.xmp) == (document.extent, bit_depth, b"a profile", b"<x/>")
    assert saved.composite is not None
    np.testing.assert_array_equal(saved.composite, document.composite)
    background, matched, retouch = saved.layers
    assert (background.is_background, matched.is_background, retouch.is_background) == (True, False, False)
    assert [layer.name for layer in saved.layers] == ["Background", "Matched colour", "Retouch"]
    assert all(layer.is_plain and layer.is_visible and layer.box == Box(0, 0, WIDTH, HEIGHT) for layer in saved.layers)
    for layer, pixels in zip(
        saved.layers, (document.background, *(layer.pixels for layer in document.layers)), strict=True
    ):
        np.testing.assert_array_equal(layer.pixels, pixels)
    np.testing.assert_array_equal(matched.mask, document.layers[0].mask)
    np.testing.assert_array_equal(retouch.transparency, document.layers[1].transparency)
    assert (background.mask, background.transparency, retouch.mask) == (None, None, None)
    assert [channel.name for channel in saved.alpha_channels] == ["靴下", "Größe"]
    for channel, wanted in zip(saved.alpha_channels, document.alpha_channels, strict=True):
        np.testing.assert_array_equal(channel.alpha, wanted.alpha)


# -- layers as Photoshop and others store them -------------------------------------------------------------------


def data_of(plane: NDArray, compression: Compression, version: int = 1) -> ChannelData:
    """Coded with zlib and imagecodecs, not with the decoder's own library."""
    raw = plane.astype(plane.dtype.newbyteorder(">"))
    match compression:
        case Compression.RAW:
            return ChannelData(compression, raw.tobytes())
        case Compression.RLE:
            rows = [imagecodecs.packbits_encode(row) for row in raw.view(np.uint8).reshape(len(raw), -1)]
            counts = struct.pack(f">{len(rows)}{'H' if version == 1 else 'I'}", *(len(row) for row in rows))
            return ChannelData(compression, counts + b"".join(rows))
        case Compression.ZIP:
            return ChannelData(compression, zlib.compress(raw.tobytes()))
        case _:
            differences = np.diff(plane, axis=1, prepend=plane[:, :1] * 0)
            return ChannelData(compression, zlib.compress(differences.astype(raw.dtype).tobytes()))


def rearranged(path: Path, change: Callable[[PSD, LayerInfo], None]) -> SavedDocument:
    """The file as psd-tools writes it after a change."""
    with open(path, "rb") as file:
        psd = PSD.read(file)
    info = psd._get_layer_info()
    assert info is not None
    change(psd, info)
    with open(path, "wb") as file:
        psd.write(file)
    return read_document(path)


def changed_layer(tmp_path: Path, change: Callable[[LayerRecord], None], bit_depth: int = 8) -> SavedDocument:
    """A document of which the record of the layer "Matched colour" was changed."""
    path = write_psd(tmp_path / "a.psd", a_document(bit_depth))
    return rearranged(path, lambda _, info: change(info.layer_records[1]))


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize("suffix", [".psd", ".psb"])
@pytest.mark.parametrize("outside", [0, 255])
def test_small_layers_and_masks_lie_where_they_belong(
    tmp_path: Path, compression: Compression, bit_depth: int, suffix: str, outside: int
) -> None:
    """A layer that hangs over the upper left corner, with a mask that is smaller still, in each coding."""
    random = np.random.default_rng(4)
    dtype = np.uint16 if bit_depth == 16 else np.uint8
    pixels = random.integers(0, 2**bit_depth, (12, 15, 4), dtype)
    mask = random.integers(0, 256, (6, 50), np.uint8)  # hangs over the right edge
    stored_mask = mask.astype(dtype) * dtype(257 if bit_depth == 16 else 1)
    version = 2 if suffix == ".psb" else 1

    def change(_: PSD, info: LayerInfo) -> None:
        record = info.layer_records[1]
        record.top, record.left, record.bottom, record.right = -5, -3, 7, 12
        record.mask_data = MaskData(10, 20, 16, 70, outside)
        planes = [pixels[..., 3], pixels[..., 0], pixels[..., 1], pixels[..., 2], stored_mask]
        info.channel_image_data[1] = ChannelDataList([data_of(plane, compression, version) for plane in planes])

    document = a_document(bit_depth)
    layer = rearranged(written(tmp_path / f"a{suffix}", document), change).layers[1]
    assert layer.box == Box(0, 0, 12, 7)
    np.testing.assert_array_equal(layer.pixels, pixels[5:, 3:, :3])
    np.testing.assert_array_equal(layer.transparency, np.rint(pixels[5:, 3:, 3] / (257 if bit_depth == 16 else 1)))
    wanted = np.full((HEIGHT, WIDTH), outside, np.uint8)
    wanted[10:16, 20:] = mask[:, : WIDTH - 20]
    np.testing.assert_array_equal(layer.mask, wanted)
    assert layer.is_plain


@pytest.mark.parametrize("outside", [0, 255])
def test_a_mask_of_one_value_has_no_pixels_of_its_own(tmp_path: Path, outside: int) -> None:
    def change(_: PSD, info: LayerInfo) -> None:
        info.layer_records[1].mask_data = MaskData(0, 0, 0, 0, outside)
        info.channel_image_data[1][4] = ChannelData(Compression.RAW, b"")

    layer = rearranged(write_psd(tmp_path / "a.psd", a_document()), change).layers[1]
    np.testing.assert_array_equal(layer.mask, np.full((HEIGHT, WIDTH), outside))


def test_a_mask_that_is_switched_off_is_told(tmp_path: Path) -> None:
    def change(record: LayerRecord) -> None:
        assert record.mask_data is not None
        record.mask_data.flags = MaskFlags(mask_disabled=True)

    layer = changed_layer(tmp_path, change).layers[1]
    np.testing.assert_array_equal(layer.mask, a_document().layers[0].mask)
    assert not layer.is_mask_enabled
    assert not layer.is_plain


def with_block(tag: Tag, data: Any) -> Callable[[LayerRecord], None]:
    def change(record: LayerRecord) -> None:
        record.tagged_blocks[tag] = TaggedBlock(key=tag, data=data)

    return change


NOT_PLAIN: dict[str, Callable[[LayerRecord], None]] = {
    "blend mode": lambda record: setattr(record, "blend_mode", BlendMode.MULTIPLY),
    "opacity": lambda record: setattr(record, "opacity", 254),
    "clipping": lambda record: setattr(record, "clipping", Clipping.NON_BASE),
    "fill opacity": with_block(Tag.BLEND_FILL_OPACITY, b"\x80\0\0\0"),
    "knockout": with_block(Tag.KNOCKOUT_SETTING, b"\x01\0\0\0"),
    "solid colour": with_block(Tag.SOLID_COLOR_SHEET_SETTING, b"\0\0\0\x10" + bytes(12)),
    "blend if": lambda record: setattr(record.blending_ranges, "composite_ranges", [(0, 65535), (257, 65535)]),
    "mask density": lambda record: setattr(record.mask_data, "flags", MaskFlags(parameters_applied=True)),
}


@pytest.mark.parametrize("case", NOT_PLAIN)
def test_layers_that_are_more_than_their_pixels_are_not_plain(tmp_path: Path, case: str) -> None:
    saved = changed_layer(tmp_path, NOT_PLAIN[case])
    assert [layer.is_plain for layer in saved.layers] == [True, False, True]
    np.testing.assert_array_equal(saved.layers[1].pixels, a_document().layers[0].pixels)


def test_a_hidden_layer_is_told(tmp_path: Path) -> None:
    saved = changed_layer(tmp_path, lambda record: setattr(record, "flags", LayerFlags(visible=False)))
    assert [layer.is_visible for layer in saved.layers] == [True, False, True]
    assert saved.layers[1].is_plain


def test_an_empty_layer_is_left_out_and_an_adjustment_is_not(tmp_path: Path) -> None:
    def change(_: PSD, info: LayerInfo) -> None:
        for name, blocks in (
            ("empty", TaggedBlocks()),
            ("curves", TaggedBlocks([(Tag.INVERT, TaggedBlock(key=Tag.INVERT))])),
        ):
            info.layer_records.append(LayerRecord(name=name, tagged_blocks=blocks))
            info.channel_image_data.append(ChannelDataList([]))
            info.layer_count += 1

    *_, adjustment = rearranged(write_psd(tmp_path / "a.psd", a_document()), change).layers
    assert (adjustment.name, adjustment.pixels, adjustment.is_plain) == ("curves", None, False)
    assert len(rearranged(tmp_path / "a.psd", lambda *_: None).layers) == 4


@pytest.mark.parametrize("mode", [BlendMode.PASS_THROUGH, BlendMode.NORMAL, BlendMode.SCREEN])
@pytest.mark.parametrize("visible", [True, False])
def test_layers_in_groups_inherit_what_the_group_does(tmp_path: Path, mode: BlendMode, visible: bool) -> None:
    def divider(kind: SectionDivider, name: str) -> LayerRecord:
        setting = SectionDividerSetting(kind, signature=b"8BIM", blend_mode=mode)
        block = TaggedBlock(key=Tag.SECTION_DIVIDER_SETTING)
        block.data = setting  # type: ignore[assignment]
        flags = LayerFlags(visible=visible or kind == SectionDivider.BOUNDING_SECTION_DIVIDER)
        blocks = TaggedBlocks([(Tag.SECTION_DIVIDER_SETTING, block)])
        return LayerRecord(name=name, flags=flags, tagged_blocks=blocks)

    def change(_: PSD, info: LayerInfo) -> None:
        info.layer_records.insert(1, divider(SectionDivider.BOUNDING_SECTION_DIVIDER, "</Layer group>"))
        info.channel_image_data.insert(1, ChannelDataList([]))
        info.layer_records.insert(3, divider(SectionDivider.OPEN_FOLDER, "Group 1"))
        info.channel_image_data.insert(3, ChannelDataList([]))
        info.layer_count += 2

    saved = rearranged(write_psd(tmp_path / "a.psd", a_document()), change)
    assert [layer.name for layer in saved.layers] == ["Background", "Matched colour", "Retouch"]
    assert [layer.is_plain for layer in saved.layers] == [True, mode != BlendMode.SCREEN, True]
    assert [layer.is_visible for layer in saved.layers] == [True, visible, True]


# -- the merged image --------------------------------------------------------------------------------------------


def test_a_file_without_maximize_compatibility_has_no_composite(tmp_path: Path) -> None:
    def change(psd: PSD, _: LayerInfo) -> None:
        psd.image_resources[Resource.VERSION_INFO].data.has_composite = False

    saved = rearranged(write_psd(tmp_path / "a.psd", a_document()), change)
    assert saved.composite is None
    assert len(saved.layers) == 3
    assert len(saved.alpha_channels) == 2


@pytest.mark.parametrize("name", ["a.psd", "a.tif"])
def test_a_blank_composite_is_none_at_all(tmp_path: Path, name: str) -> None:
    blank = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    document = replace(a_document(), composite=blank)
    assert read_document(written(tmp_path / name, document)).composite is None
    one_colour = replace(document, background=blank, layers=())
    assert read_document(written(tmp_path / name, one_colour)).composite is not None


@pytest.mark.parametrize("compression", [Compression.RAW, Compression.RLE])
@pytest.mark.parametrize("named", [True, False])
def test_transparency_of_the_merged_image_is_no_saved_selection(
    tmp_path: Path, compression: Compression, named: bool
) -> None:
    document = a_document()
    planes = [*document.composite.transpose(2, 0, 1), np.full((HEIGHT, WIDTH), 200, np.uint8)]
    planes += [channel.alpha for channel in document.alpha_channels]

    def change(psd: PSD, info: LayerInfo) -> None:
        info.layer_count = -info.layer_count
        psd.header.channels = 6
        psd.image_data.compression = compression
        psd.image_data.data = data_of(np.concatenate(planes), compression).data
        if named:
            for key in (Resource.ALPHA_NAMES_PASCAL, Resource.ALPHA_NAMES_UNICODE):
                psd.image_resources[key].data.insert(0, "Transparency")

    saved = rearranged(write_psd(tmp_path / "a.psd", document), change)
    assert [channel.name for channel in saved.alpha_channels] == ["靴下", "Größe"]
    np.testing.assert_array_equal(saved.alpha_channels[1].alpha, document.alpha_channels[1].alpha)
    np.testing.assert_array_equal(saved.composite, document.composite)


def test_spot_colours_are_no_saved_selections(tmp_path: Path) -> None:
    def change(psd: PSD, _: LayerInfo) -> None:
        psd.image_resources[Resource.DISPLAY_INFO].data.alpha_channels[0].mode = AlphaChannelMode.SPOT

    saved = rearranged(write_psd(tmp_path / "a.psd", a_document()), change)
    assert [channel.name for channel in saved.alpha_channels] == ["Größe"]


def test_masks_survive_photoshops_fifteen_bits() -> None:
    """Photoshop holds 16-bit samples as 0 to 32,768 and is off by one when it saves them."""
    every = np.arange(256, dtype=np.uint8)[None].repeat(2, axis=0)
    wide = np.rint(np.rint(every.astype(float) * 257 * 32768 / 65535) * 65535 / 32768).astype(np.uint16)
    assert (wide != every.astype(np.uint16) * 257).any()
    np.testing.assert_array_equal(to_alpha(wide), every)


# -- what cannot be read -----------------------------------------------------------------------------------------


def test_documents_in_other_modes_are_refused(tmp_path: Path) -> None:
    def convert(psd: PSD, _: LayerInfo) -> None:
        psd.header.color_mode = ColorMode.CMYK

    with pytest.raises(KnownError, match="converted from RGB to CMYK") as caught:
        rearranged(write_psd(tmp_path / "a.psd", a_document()), convert)
    assert caught.value.path == tmp_path / "a.psd"
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 5, 4), np.uint8), photometric="separated")
    with pytest.raises(KnownError, match="converted from RGB to CMYK"):
        read_document(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 5, 3), np.float32), photometric="rgb")
    with pytest.raises(KnownError, match="32 bits per channel"):
        read_document(tmp_path / "a.tif")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.psd").write_bytes(b"GIF89a" + bytes(40))
    with pytest.raises(KnownError, match="neither a Photoshop file nor a TIFF"):
        read_document(tmp_path / "a.psd")
    with pytest.raises(KnownError, match="not there"):
        read_document(tmp_path / "none.psd")


@pytest.mark.parametrize("name", ["a.psd", "a.psb", "a.tif"])
@pytest.mark.parametrize("bit_depth", [8, 16])
def test_files_that_were_cut_off_are_refused(tmp_path: Path, name: str, bit_depth: int) -> None:
    path = written(tmp_path / name, a_document(bit_depth))
    whole = path.read_bytes()
    for length in range(4, len(whole) - 1, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(KnownError, match=r"cut off|damaged") as caught:
            read_document(path)
        assert caught.value.path == path


def test_a_file_that_was_saved_again_meanwhile_is_not_read_on(tmp_path: Path) -> None:
    path = written(tmp_path / "a.psd", a_document())
    saved = read_document(path)
    write_psd(path, a_document(16))
    with pytest.raises(KnownError, match="saved again while it was being read") as caught:
        _ = saved.layers[1].pixels
    assert caught.value.retryable


@pytest.mark.parametrize("name", ["a.psd", "a.tif"])
def test_damage_is_refused_or_read_but_never_a_crash(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, a_document(16))
    whole = path.read_bytes()
    random = np.random.default_rng(5)
    for position in random.integers(4, len(whole), 150):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        with contextlib.suppress(KnownError):
            saved = read_document(path)
            for layer in saved.layers:
                _ = layer.pixels, layer.mask, layer.transparency
            _ = [channel.alpha for channel in saved.alpha_channels]
