"""Several results of one photograph in one layered document, and what happens when one more is approved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from psd_tools import PSDImage

from engine.domain.assets import Asset, AssetPair, Role
from engine.domain.export import ExportFormat
from engine.domain.geometry import Extent
from engine.domain.results import Verdict
from engine.domain.review import Decision
from engine.imaging.psd.document import AlphaChannel, LayeredDocument, PixelLayer, needs_psb
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.xmp import read_provenance
from engine.ports import ArtifactStore
from engine.services.export.document import needs_large_document
from engine.services.export.manifest import MANIFEST
from engine.services.export.photograph import Photograph
from tests.unit.export_studio import ExportStudio, changed_inside, drawn_alpha, item_of

PSD, TIFF, TIFF_LAYERS, MASK = ExportFormat.PSD, ExportFormat.TIFF, ExportFormat.TIFF_LAYERS, ExportFormat.MASK
XMP = 1060


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[ExportStudio]:
    with ExitStack() as stack:
        yield ExportStudio(tmp_path, stack)


def channel_names(document: PSDImage) -> list[str]:
    return [name.rstrip("\0") for name in document.image_resources.get_data(1045)]


def filled(studio: ExportStudio) -> tuple[int, int, int]:
    """A match, an edit that overlaps it, and a mask; their ids."""
    match_alpha, edit_alpha, hat = drawn_alpha(10, 30), drawn_alpha(25, 38, 130), drawn_alpha(0, 8)
    return (
        studio.match(changed_inside(studio.original, match_alpha, 9_000), match_alpha),
        studio.edit(changed_inside(studio.original, edit_alpha, 60_000), edit_alpha),
        studio.mask("hat", hat),
    )


def test_every_result_of_a_photograph_is_in_one_document(studio: ExportStudio) -> None:
    match, edit, hat = filled(studio)
    report = studio.export(PSD)
    assert report.failures == ()
    assert [path.name for path in report.written] == ["A1_model.psd"]
    document = PSDImage.open(report.written[0])
    assert [layer.name for layer in document] == ["Background", "Matched colour", "Edit"]
    assert [layer.has_mask() for layer in document] == [False, True, True]
    assert channel_names(document) == ["garment", "edit", "hat"]
    provenance = read_provenance(document.image_resources.get_data(XMP))
    assert provenance is not None
    assert provenance.results == (match, edit, hat)
    assert provenance.catalog == studio.catalog.identity()
    assert provenance.is_painted
    assert {record.job_id for record in studio.catalog.exports_at(report.written[0])} == {match, edit, hat}


def test_the_composite_is_what_photoshop_makes_of_the_layers(studio: ExportStudio) -> None:
    filled(studio)
    (path,) = studio.export(PSD).written
    document = PSDImage.open(path)
    shown = read_picture(path).pixels.astype(float)
    flat = np.rint(document[0].numpy("color") * 65535)
    for layer in list(document)[1:]:
        weight = layer.numpy("mask")
        assert weight is not None
        flat = np.rint(flat + (np.rint(layer.numpy("color") * 65535) - flat) * weight)
    assert np.abs(flat - shown).max() <= 1
    # Where only the match is, the composite is the matched picture.
    alone = changed_inside(studio.original, drawn_alpha(10, 30), 9_000)[:25]
    assert np.abs(shown[:25] - alone.astype(float)).max() <= 1


def test_the_layered_tiff_holds_the_same(studio: ExportStudio) -> None:
    filled(studio)
    psd, tiff = studio.export(PSD, TIFF_LAYERS).written
    assert tiff.name == "A1_model_layers.tif"
    with tifffile.TiffFile(tiff) as file:
        samples = file.asarray()
        assert 37724 in file.pages[0].tags
    assert samples.shape == (40, 30, 6)
    np.testing.assert_array_equal(samples[..., :3], read_picture(psd).pixels)
    for channel, alpha in enumerate((drawn_alpha(10, 30), drawn_alpha(25, 38, 130), drawn_alpha(0, 8)), start=3):
        np.testing.assert_array_equal(samples[..., channel], alpha.astype(np.uint16) * 257)


def test_a_retouch_is_a_layer_on_top_and_in_every_flat_file(studio: ExportStudio) -> None:
    alpha = drawn_alpha(10, 30)
    retouch = np.zeros((40, 30, 4), np.uint16)
    retouch[2:6, 2:6] = (1_000, 50_000, 30_000, 65_535)
    matched = changed_inside(studio.original, alpha, 9_000)
    studio.match(matched, alpha, retouch=retouch)
    psd, tiff = studio.export(PSD, TIFF).written
    document = PSDImage.open(psd)
    assert [layer.name for layer in document] == ["Background", "Matched colour", "Retouch"]
    expected = matched.copy()
    expected[2:6, 2:6] = (1_000, 50_000, 30_000)
    np.testing.assert_array_equal(tifffile.imread(tiff)[..., :3], expected)
    assert np.abs(read_picture(psd).pixels.astype(int) - expected).max() <= 1


def test_masks_of_one_name_are_one_channel_where_they_are_the_same(studio: ExportStudio) -> None:
    alpha, other = drawn_alpha(10, 30), drawn_alpha(12, 30)
    studio.match(changed_inside(studio.original, alpha, 9_000), alpha)
    studio.mask("garment", alpha)
    studio.mask("garment", other)
    (path,) = studio.export(PSD).written
    document = PSDImage.open(path)
    assert channel_names(document) == ["garment", "garment 2"]


def test_a_result_that_is_approved_later_renews_the_document(studio: ExportStudio) -> None:
    match, edit, hat = filled(studio)
    studio.approve(match)
    (path,) = studio.export(PSD, approved_only=True).written
    assert [layer.name for layer in PSDImage.open(path)] == ["Background", "Matched colour"]
    assert studio.export(PSD, approved_only=True).kept == (path,)
    studio.approve(edit, hat)
    assert studio.export(PSD, approved_only=True).written == (path,)
    assert [layer.name for layer in PSDImage.open(path)] == ["Background", "Matched colour", "Edit"]
    studio.approve(edit, decision=Decision.REJECTED)
    assert studio.export(PSD, approved_only=True).written == (path,)
    assert [layer.name for layer in PSDImage.open(path)] == ["Background", "Matched colour"]
    assert {record.job_id for record in studio.catalog.exports_at(path)} == {match, hat}


def test_a_document_that_a_retoucher_saved_is_never_renewed(studio: ExportStudio) -> None:
    match, edit, _ = filled(studio)
    studio.approve(match)
    (path,) = studio.export(PSD, approved_only=True).written
    path.write_bytes(path.read_bytes() + b"\0")
    studio.approve(edit)
    report = studio.export(PSD, approved_only=True)
    assert report.written == ()
    (sentence,) = report.failures
    assert "A1_model.psd: this file was changed since Chromask wrote it" in sentence
    assert "chromask reimport" in sentence


def test_a_result_of_another_batch_stays_in_the_document(studio: ExportStudio) -> None:
    alpha = drawn_alpha(10, 30)
    match = studio.match(changed_inside(studio.original, alpha, 9_000), alpha)
    (path,) = studio.export(PSD, batch=studio.batch.id).written
    later = studio.catalog.create_batch("hats")
    hat = studio.mask("hat", drawn_alpha(0, 8), batch=later.id)
    assert studio.export(PSD, batch=later.id).written == (path,)
    assert {record.job_id for record in studio.catalog.exports_at(path)} == {match, hat}
    # A newer version of it takes its place, also where only the other batch is exported.
    newer = studio.match(changed_inside(studio.original, alpha, 20_000), alpha, follows=match)
    assert studio.export(PSD, batch=later.id).written == (path,)
    assert {record.job_id for record in studio.catalog.exports_at(path)} == {newer, hat}
    studio.approve(newer, decision=Decision.REJECTED)
    assert studio.export(PSD, batch=later.id).written == (path,)
    assert {record.job_id for record in studio.catalog.exports_at(path)} == {hat}


def test_somebody_who_saves_the_document_while_it_is_written_anew_loses_nothing(
    studio: ExportStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.imaging.psd import writer

    match, edit, _ = filled(studio)
    studio.approve(match)
    (path,) = studio.export(PSD, approved_only=True).written
    studio.approve(edit)
    write = writer.write_psd

    def saved_meanwhile(target: Path, document: LayeredDocument, *, force_psb: bool = False) -> Path:
        path.write_bytes(b"a night's work")
        return write(target, document, force_psb=force_psb)

    monkeypatch.setattr(writer, "write_psd", saved_meanwhile)
    (sentence,) = studio.export(PSD, approved_only=True).failures
    assert "was changed since" in sentence
    assert path.read_bytes() == b"a night's work"
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, MANIFEST]


def test_an_older_tiff_with_layers_is_told_from_a_flat_one(studio: ExportStudio) -> None:
    match, _, hat = filled(studio)
    flat = {path.name: path for path in studio.export(TIFF).written}
    assert set(flat) == {"A1_model_matched.tif", "A1_model_edit.tif"}
    # The flat file has its own mask and those that changed nothing, and says of the edit nothing.
    assert tifffile.imread(flat["A1_model_matched.tif"]).shape == (40, 30, 5)
    provenance = read_provenance(read_picture(flat["A1_model_matched.tif"]).xmp)
    assert provenance is not None
    assert provenance.results == (match, hat)
    assert not provenance.is_painted
    assert studio.export(TIFF_LAYERS, TIFF).kept == (flat["A1_model_matched.tif"], flat["A1_model_edit.tif"])


@given(
    width=st.integers(1_000, 30_500),
    share=st.floats(0.9, 1.1),
    changed=st.integers(0, 3),
    masks=st.integers(1, 5),
    bits=st.sampled_from([8, 16]),
)
def test_the_name_never_promises_less_than_the_writer_needs(
    width: int, share: float, changed: int, masks: int, bits: int
) -> None:
    """Around the 2 GB at which a PSD ends; the planes are views of one pixel."""
    planes = 6 + 5 * changed + changed + masks
    height = max(1, min(300_000, int(share * 2e9 / (planes * width * bits // 8))))
    extent = Extent(width, height)
    value: Any = np.uint8(0) if bits == 8 else np.uint16(0)
    pixels, alpha = np.broadcast_to(value, (height, width, 3)), np.broadcast_to(np.uint8(0), (height, width))
    names = [f"{number}" for number in range(changed + masks)]
    document = LayeredDocument(
        extent,
        bits,
        pixels,
        tuple(PixelLayer(name, pixels, alpha) for name in names[:changed]),
        tuple(AlphaChannel(name, alpha) for name in names),
        pixels,
        icc=bytes(2_000_000),
    )
    asset = Asset(1, Path("/a.tif"), "", 1, Role.ON_MODEL, extent, bits, "RGB", None)
    pair = AssetPair(1, "", "", "", asset, None)
    items = [
        item_of(pair, number + 1, mask=name, verdict=Verdict.PASS if number < changed else None)
        for number, name in enumerate(names)
    ]
    photograph = Photograph(cast("ArtifactStore", None), pair)
    assert needs_large_document(photograph, items) or not needs_psb(document)
