"""The way back from documents whose layers were renamed, moved, copied, grouped or hidden; what comes after it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from psd_tools.constants import BlendMode, Resource, SectionDivider, Tag
from psd_tools.psd.layer_and_mask import ChannelDataList, LayerFlags, LayerRecord, MaskFlags
from psd_tools.psd.tagged_blocks import SectionDividerSetting, TaggedBlock, TaggedBlocks

from engine.domain.export import Collision, ExportFormat, ExportRecipe
from engine.imaging.psd.read import read_document
from engine.imaging.raster.source_type import source_packet
from engine.imaging.raster.xmp import PAINTED, read_provenance
from engine.imaging.retouch import retouch_source
from engine.services.export import ExportPlan, ExportReport, export_items
from engine.services.reimport import Reimported, ReturnedFiles, Unchanged, reimport
from engine.services.review import items_of
from tests.unit.retoucher import MASK, Retoucher
from tests.unit.studio import Studio, upper_half
from tests.unit.test_reimport import MATCH, asked_mask, asked_retouch, export, middle, retouch_of, take


@pytest.fixture
def studio(matched_studio: Studio) -> Studio:
    return matched_studio


def rename(retoucher: Retoucher, name: str, to: str, layer_id: int | None = None) -> None:
    record = retoucher.record(name)
    record.tagged_blocks.set_data(Tag.UNICODE_LAYER_NAME, to)
    record.name = to
    if layer_id is not None:
        record.tagged_blocks.set_data(Tag.LAYER_ID, layer_id)


def untouched(studio: Studio, path: Path) -> Unchanged:
    found = reimport(studio.catalog, studio.artifacts, path, ReturnedFiles(None))
    assert isinstance(found, Unchanged), found
    return found


def test_a_renamed_layer_is_known_by_its_id(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    path = export(studio)
    retoucher = Retoucher(path)
    rename(retoucher, MATCH, "Jacke")
    retoucher.save(path)
    untouched(studio, path)
    half = upper_half(studio.alpha(item))
    retoucher.set_plane("Jacke", MASK, half)
    retoucher.save(path)
    assert take(studio, path).changes == ("The mask 'garment' was changed.",)


def test_ids_that_another_program_gave_anew_are_not_believed(studio: Studio) -> None:
    """A layer was put in below, and all were numbered from the bottom up."""
    (item,) = items_of(studio.catalog)
    path = export(studio)
    retoucher = Retoucher(path)
    alpha = studio.alpha(item)
    retoucher.add_layer("Note", np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), np.uint8), 3, 3)
    rename(retoucher, "Note", "Note", layer_id=2)
    rename(retoucher, MATCH, MATCH, layer_id=3)
    retoucher.set_plane(MATCH, MASK, upper_half(alpha))
    retoucher.save(path)
    assert take(studio, path).changes == ("The mask 'garment' was changed.",)


def test_a_hidden_layer_and_a_mask_that_is_switched_off_decide_nothing(studio: Studio) -> None:
    path = export(studio)
    retoucher = Retoucher(path)
    retoucher.record(MATCH).flags.visible = False
    retoucher.save(path)
    document = read_document(path)
    assert document.composite is not None
    assert document.layers[0].pixels is not None
    np.testing.assert_array_equal(document.composite, document.layers[0].pixels)
    assert any("is hidden in the file" in notice for notice in untouched(studio, path).notices)
    # Everything merged into a new layer, and the layers below hidden.
    retoucher.record(MATCH).flags.visible = True
    stamp = retoucher.flattened()
    retoucher.record(MATCH).flags.visible = False
    retoucher.add_layer("Stamp visible", stamp, np.full(stamp.shape[:2], 255, np.uint8), 0, 0)
    retoucher.save(path)
    untouched(studio, path)

    retoucher = Retoucher(export(studio, "second"))
    retoucher.record(MATCH).mask_data.flags = MaskFlags(mask_disabled=True)
    mask = retoucher.plane(MATCH, MASK)
    retoucher.set_plane(MATCH, MASK, np.full_like(mask, 255))  # what shows
    flat = retoucher.flattened()
    retoucher.set_plane(MATCH, MASK, mask)
    retoucher.save(path)
    retoucher.set_merged([*(flat[..., channel] for channel in range(3)), *retoucher.merged()[3:]])
    with open(path, "wb") as file:
        retoucher.psd.write(file)
    assert any("is switched off" in notice for notice in untouched(studio, path).notices)


def test_a_group_around_a_layer_and_a_copy_of_it_change_nothing_by_themselves(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    path = export(studio)
    retoucher = Retoucher(path)
    info = retoucher.info

    def divider(kind: SectionDivider, name: str) -> LayerRecord:
        block = TaggedBlock(key=Tag.SECTION_DIVIDER_SETTING)
        block.data = SectionDividerSetting(kind, signature=b"8BIM", blend_mode=BlendMode.PASS_THROUGH)  # type: ignore[assignment]
        blocks = TaggedBlocks([(Tag.SECTION_DIVIDER_SETTING, block)])
        return LayerRecord(name=name, flags=LayerFlags(visible=True), tagged_blocks=blocks)

    def save_grouped() -> None:
        at = retoucher.names().index(MATCH)
        for place, kind, name in (
            (at, SectionDivider.BOUNDING_SECTION_DIVIDER, "</Layer group>"),
            (at + 2, SectionDivider.OPEN_FOLDER, "Gruppe 1"),
        ):
            info.layer_records.insert(place, divider(kind, name))
            info.channel_image_data.insert(place, ChannelDataList([]))
        info.layer_count += 2
        with open(path, "wb") as file:
            retoucher.psd.write(file)

    save_grouped()
    untouched(studio, path)

    retoucher = Retoucher(export(studio, "second"))
    alpha = studio.alpha(item)
    pixels = np.dstack([retoucher.plane(MATCH, channel) for channel in range(3)])
    hard = np.where(alpha == 255, 255, 0).astype(np.uint8)
    retoucher.add_layer(f"{MATCH} copy", pixels, hard, 0, 0)
    rename(retoucher, f"{MATCH} copy", f"{MATCH} copy", layer_id=9)
    retoucher.save(path)
    untouched(studio, path)


def test_a_moved_layer_takes_its_mask_along_and_says_so(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    path = export(studio)
    retoucher = Retoucher(path)
    record = retoucher.record(MATCH)
    record.left, record.right = record.left + 7, record.right + 7
    record.mask_data.left, record.mask_data.right = record.mask_data.left + 7, record.mask_data.right + 7
    with open(path, "wb") as file:
        retoucher.psd.write(file)
    found = take(studio, path)
    assert "The mask 'garment' was changed." in found.changes
    assert any("was moved by 7 × 0 pixels" in notice for notice in found.notices)
    shifted = np.zeros_like(studio.alpha(item))
    shifted[:, 7:] = studio.alpha(item)[:, :-7]
    np.testing.assert_array_equal(asked_mask(studio, found.jobs[0]), shifted)


@pytest.mark.parametrize("tint", [0.5, 0.0])
def test_a_tint_in_the_flattened_picture_is_not_painted(studio: Studio, tint: float) -> None:
    """GIMP 2.10 saves the red of a channel that is shown into the flattened picture: all of it counted as painted."""
    (item,) = items_of(studio.catalog)
    path = export(studio)
    retoucher = Retoucher(path)
    half = upper_half(studio.alpha(item))
    retoucher.set_plane(MATCH, MASK, half)
    row, column = middle(half)
    where = np.zeros(half.shape, bool)
    where[row - 4 : row + 4, column - 4 : column + 4] = True
    retoucher.paint(MATCH, where, (0, 0, 255))
    flat = retoucher.flattened()
    tinted = np.rint(flat + (np.array((255, 0, 0)) - flat) * tint)
    retoucher.set_merged([*np.moveaxis(tinted, -1, 0), *retoucher.merged()[3:]])
    with open(path, "wb") as file:
        retoucher.psd.write(file)
    found = take(studio, path)
    assert found.changes == ("The mask 'garment' was changed.", "Pixels were painted.")
    assert any("is not what its layers give" in notice for notice in found.notices) == bool(tint)
    np.testing.assert_array_equal(asked_mask(studio, found.jobs[0]), half)
    np.testing.assert_array_equal(asked_retouch(studio, found.jobs[0])[..., 3] > 0, where)


# -- what a generative model painted ------------------------------------------------------------------------------


def painted_with(path: Path, studio: Studio, packet: bytes | None) -> Reimported:
    (item,) = items_of(studio.catalog)
    retoucher = Retoucher(path)
    row, column = middle(studio.alpha(item))
    where = np.zeros(studio.alpha(item).shape, bool)
    where[row - 4 : row + 4, column - 4 : column + 4] = True
    retoucher.paint(MATCH, where, (0, 0, 255))
    if packet is not None:
        retoucher.psd.image_resources[Resource.XMP_METADATA].data = packet
    retoucher.save(path)
    return take(studio, path)


@pytest.mark.parametrize("told", ["type", "history", "nothing"])
def test_what_a_returned_file_declares_reaches_later_exports(studio: Studio, told: str) -> None:
    path = export(studio)
    packet = read_document(path).xmp
    assert packet is not None
    if told == "type":
        name = 'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        more = f'<rdf:Description rdf:about="" {name} Iptc4xmpExt:DigitalSourceType="{PAINTED}"/>'
    else:
        command = "Generative Fill" if told == "history" else "Healing Brush"
        name = 'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
        more = f'<rdf:Description rdf:about="" {name} photoshop:History="Open&#xA;{command}&#xA;Save"/>'
    packet = packet.replace(b"</rdf:RDF>", more.encode() + b"</rdf:RDF>")
    found = painted_with(path, studio, packet)
    is_told = told != "nothing"
    assert any("a generative model" in notice for notice in found.notices) == is_told
    studio.work()
    new = studio.item(found.jobs[0].id)
    assert new.outcome.retouch is not None
    assert bool(retouch_source(studio.artifacts.read(new.outcome.retouch))) == is_told
    assert (retouch_of(studio, new)[..., 3] > 0).sum() == 64
    for format in (ExportFormat.PSD, ExportFormat.TIFF):
        xmp = read_document(export(studio, f"again {format}", format)).xmp
        assert xmp is not None
        provenance = read_provenance(xmp)
        assert provenance is not None
        assert provenance.is_painted == is_told
        assert (PAINTED.encode() in xmp) == is_told


def test_a_packet_of_a_source_type_says_nothing_else() -> None:
    assert PAINTED.encode() in source_packet(PAINTED)
    assert b"chromask" not in source_packet(PAINTED)


# -- the next export ----------------------------------------------------------------------------------------------


def test_the_next_export_keeps_the_retouchers_file_and_says_how_to_go_on(studio: Studio) -> None:
    path = export(studio)
    painted_with(path, studio, None)
    studio.work()
    theirs = path.read_bytes()

    def again(collision: Collision) -> ExportReport:
        recipe = ExportRecipe((ExportFormat.PSD,), approved_only=False, collision=collision)
        return export_items(studio.catalog, studio.artifacts, items_of(studio.catalog), ExportPlan(path.parent, recipe))

    (sentence,) = again(Collision.REFUSE).failures
    assert str(path) in sentence
    for says in ("layers", "would be lost", "chromask reimport", "--collision number", "--collision overwrite"):
        assert says in sentence
    numbered = again(Collision.NUMBER)
    assert numbered.written == (path.with_name(f"{path.stem}-2.psd"),)
    assert numbered.failures == ()
    assert [layer.name for layer in read_document(numbered.written[0]).layers] == ["Background", MATCH, "Retouch"]
    assert path.read_bytes() == theirs
    assert again(Collision.NUMBER).kept == numbered.written, "it is not written once more"
    numbered.written[0].unlink()
    assert again(Collision.OVERWRITE).written == (path,)
    assert path.read_bytes() != theirs
