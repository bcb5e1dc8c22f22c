"""The way back from 16-bit documents, TIFFs, and documents that hold several results of a photograph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from psd_tools.constants import Resource

from engine.domain.artifacts import ArtifactKind
from engine.domain.errors import KnownError
from engine.domain.export import ExportFormat, ExportRecipe
from engine.domain.geometry import Extent
from engine.domain.requests import ColorMatchRequest, EngineName, MaskRequest, Request
from engine.domain.results import EditedTurn, EditResult
from engine.imaging.drawn import write_demo_set
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.encode import encode_mask, encode_png
from engine.services.export import ExportPlan, export_items
from engine.services.intake import hashed_pairs, scan
from engine.services.reimport import Reimported, ReturnedFiles, Unchanged, reimport
from engine.services.review import items_of
from tests.contract.factories import edit_request
from tests.layered_documents import profile as other_profile
from tests.unit.retoucher import MASK, Retoucher
from tests.unit.studio import Studio, open_studio, upper_half
from tests.unit.test_reimport import MATCH, asked_mask, asked_retouch, middle, retouch_of, take


@pytest.fixture
def studio(matched_studio: Studio) -> Studio:
    return matched_studio


def export(studio: Studio, format: ExportFormat, **more: Any) -> Path:
    recipe = ExportRecipe((format,), approved_only=False, **more)
    plan = ExportPlan(studio.folder / "out", recipe)
    report = export_items(studio.catalog, studio.artifacts, items_of(studio.catalog), plan)
    assert report.failures == ()
    return report.written[0]


@pytest.fixture
def empty_studio(tmp_path: Path) -> Iterator[Studio]:
    with open_studio(tmp_path / "empty") as studio:
        yield studio


def submit_16_bits(studio: Studio) -> None:
    """One colour match of a photograph with real 16-bit values."""
    folder = studio.folder / "pictures"
    write_demo_set(folder, 1, extent=Extent(180, 225))
    (pair,) = scan([folder]).pairs
    picture = read_picture(pair.on_model.path)
    deep = picture.pixels.astype(np.uint16) * 257
    deep += np.random.default_rng(1).integers(0, 200, deep.shape, np.uint16) * (deep < 65000)
    pair.on_model.path.with_suffix(".png").write_bytes(encode_png(deep, picture.icc))
    pair.on_model.path.unlink()
    ready, problems = hashed_pairs(scan([folder]).pairs)
    assert not problems
    (known,) = studio.catalog.add_pairs(ready)
    request = ColorMatchRequest(EngineName.CLASSICAL, MaskRequest(EngineName.CLASSICAL))
    studio.catalog.add_jobs(studio.catalog.create_batch("deep").id, [(known.id, request)])
    studio.work()


def test_a_16_bit_document_comes_back_through_photoshops_15_bits(empty_studio: Studio) -> None:
    studio = empty_studio
    submit_16_bits(studio)
    (item,) = items_of(studio.catalog)
    assert item.pair.on_model.bit_depth == 16
    path = export(studio, ExportFormat.PSD)
    retoucher = Retoucher(path)
    assert retoucher.depth == 16
    retoucher.round_to_15_bits()
    retoucher.save(path)
    assert isinstance(reimport(studio.catalog, studio.artifacts, path, ReturnedFiles(None)), Unchanged)
    alpha = studio.alpha(item)
    row, column = middle(alpha)
    where = np.zeros(alpha.shape, bool)
    where[row - 6 : row + 6, column - 8 : column + 8] = True
    half = upper_half(alpha, soft=77)
    retoucher.paint(MATCH, where, (250, 10, 200))
    retoucher.set_plane(MATCH, MASK, half.astype(np.uint16) * 257)
    retoucher.round_to_15_bits()
    retoucher.save(path)
    found = take(studio, path)
    assert found.changes == ("The mask 'garment' was changed.", "Pixels were painted.")
    studio.work()
    new = studio.item(found.jobs[0].id)
    np.testing.assert_array_equal(studio.alpha(new), half)
    retouch = retouch_of(studio, new)
    assert retouch.dtype == np.uint16
    shown = where & (half > 0)
    np.testing.assert_array_equal(retouch[..., 3] > 0, shown)
    shown &= half == 255  # where the mask is soft, so is what shows of the paint
    assert np.abs(retouch[shown][:, :3].astype(int) - np.array((250, 10, 200)) * 257).max() <= 2


@pytest.mark.parametrize("format", [ExportFormat.TIFF, ExportFormat.TIFF_LAYERS])
def test_a_tiff_whose_extra_channel_was_repainted_gives_its_mask(studio: Studio, format: ExportFormat) -> None:
    (item,) = items_of(studio.catalog)
    path = export(studio, format)
    half = upper_half(studio.alpha(item))
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        samples = page.asarray()
        kept = [
            (tag.code, tag.dtype, tag.count, tag.value, True) for tag in page.tags if tag.code in (700, 34377, 37724)
        ]
        icc = page.tags[34675].value if 34675 in page.tags else None
    samples = samples.copy()
    np.testing.assert_array_equal(samples[..., 3], studio.alpha(item))
    samples[..., 3] = half
    row, column = middle(half)
    samples[row - 3 : row + 3, column - 3 : column + 3, :3] = (255, 0, 255)
    tifffile.imwrite(
        path, samples, photometric="rgb", extrasamples=["unspecified"], extratags=kept, iccprofile=icc, byteorder=">",
        metadata=None,
    )  # fmt: skip
    found = take(studio, path)
    assert found.changes == ("The mask 'garment' was changed.", "Pixels were painted.")
    np.testing.assert_array_equal(asked_mask(studio, found.jobs[0]), half)
    assert (asked_retouch(studio, found.jobs[0])[..., 3] > 0).sum() == 36


def test_a_layered_tiff_that_lost_its_layers_says_so(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    path = export(studio, ExportFormat.TIFF_LAYERS)
    with tifffile.TiffFile(path) as tiff:
        samples = tiff.pages[0].asarray().copy()
        kept = [(tag.code, tag.dtype, tag.count, tag.value, True) for tag in tiff.pages[0].tags if tag.code == 700]
        named = [(tag.code, tag.dtype, tag.count, tag.value, True) for tag in tiff.pages[0].tags if tag.code == 34377]

    def save(kind: str, tags: list[Any]) -> None:
        tifffile.imwrite(path, samples, photometric="rgb", extrasamples=[kind], extratags=tags, metadata=None)

    save("unspecified", [*kept, *named])
    found = reimport(studio.catalog, studio.artifacts, path, ReturnedFiles(None))
    assert isinstance(found, Unchanged)
    assert any("has no layers any more" in notice for notice in found.notices)
    samples[..., 3] = upper_half(studio.alpha(item))
    save("unspecified", [*kept, *named])
    found = take(studio, path)
    assert found.changes == ("The mask 'garment' was changed.",)
    assert any("has no layers any more" in notice for notice in found.notices)
    np.testing.assert_array_equal(asked_mask(studio, found.jobs[0]), samples[..., 3])
    # GIMP 2.10 takes the channel for the picture's transparency: all outside of it came back as painted white.
    save("unassalpha", kept)
    with pytest.raises(KnownError, match="has become its transparency") as caught:
        reimport(studio.catalog, studio.artifacts, path, ReturnedFiles(None))
    assert "PSD" in caught.value.remedy


ONLY_MASKS = " this flat file: only its masks are taken back, not its pixels. Those of a layered document would be."


@pytest.mark.parametrize("profile", [False, True])
def test_a_flat_file_that_the_export_finished_gives_its_mask_and_not_its_pixels(studio: Studio, profile: bool) -> None:
    (item,) = items_of(studio.catalog)
    icc = studio.folder / "other.icc"
    icc.write_bytes(other_profile("ProPhoto"))
    path = export(studio, ExportFormat.TIFF, **({"profile": str(icc)} if profile else {"sharpening": 3.0}))
    words = "converted to another profile" if profile else "sharpened"
    half = upper_half(studio.alpha(item))
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        samples = page.asarray().copy()
        kept = [
            (tag.code, tag.dtype, tag.count, tag.value, True) for tag in page.tags if tag.code in (700, 34377, 34675)
        ]

    def save(place: Path) -> None:
        tifffile.imwrite(
            place, samples, photometric="rgb", extrasamples=["unspecified"], extratags=kept, byteorder=">",
            metadata=None,
        )  # fmt: skip

    save(path)
    found = reimport(studio.catalog, studio.artifacts, path, ReturnedFiles(None))
    assert isinstance(found, Unchanged)
    assert (found.why, found.notices) == ("No mask of it was changed.", (f"The export {words}{ONLY_MASKS}",))
    samples[..., 3] = half
    samples[:20, :20, :3] = 0  # where it was drawn plain: sharpening does not make everything differ
    moved = path.with_name("moved.tif")
    save(moved)
    found = take(studio, moved)
    assert found.changes == ("The mask 'garment' was changed.",)
    assert found.notices == (f"The export {words}{ONLY_MASKS}",)
    (job,) = found.jobs
    np.testing.assert_array_equal(asked_mask(studio, job), half)
    assert isinstance(job.request, ColorMatchRequest)
    assert job.request.retouch is None


def test_flat_files_that_were_reduced_or_converted_elsewhere_are_told_apart(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    small = export(studio, ExportFormat.TIFF, max_side=100)
    small.write_bytes(small.read_bytes() + b"\0")  # saved again
    with pytest.raises(KnownError, match="the export made it smaller") as caught:
        reimport(studio.catalog, studio.artifacts, small, ReturnedFiles(None))
    assert "layered document" in caught.value.remedy
    small.unlink()
    path = export(studio, ExportFormat.TIFF)
    with tifffile.TiffFile(path) as tiff:
        samples = tiff.pages[0].asarray().copy()
        kept = [(t.code, t.dtype, t.count, t.value, True) for t in tiff.pages[0].tags if t.code in (700, 34377)]
    samples[..., 3] = upper_half(studio.alpha(item))
    tifffile.imwrite(
        path, samples, photometric="rgb", extrasamples=["unspecified"], extratags=kept, metadata=None,
        iccprofile=other_profile("AdobeRGB-compatible"),
    )  # fmt: skip
    found = take(studio, path)
    assert found.changes == ("The mask 'garment' was changed.",)
    assert any("were converted to" in notice and "only its masks" in notice for notice in found.notices)


def test_a_match_and_an_edit_in_one_document_keep_to_their_own(studio: Studio) -> None:
    """The edit's pixels are put into the catalog as a worker would: no model can run here."""
    (item,) = items_of(studio.catalog)
    catalog, artifacts = studio.catalog, studio.artifacts
    photograph = read_picture(item.pair.on_model.path)
    area = np.zeros(photograph.pixels.shape[:2], np.uint8)
    area[250:290, 20:60] = 255
    edited = photograph.pixels.copy()
    edited[area > 0] = (10, 20, 200)
    mask = artifacts.put(ArtifactKind.MASK, encode_mask(area), ".png")
    picture = artifacts.put(ArtifactKind.EDITED, encode_png(edited), ".png")
    turn = EditedTurn(mask, item.outcome.mask.box, True, {})
    outcome = replace(
        item.outcome,
        mask=replace(item.outcome.mask, name="edit", alpha=mask),
        match=None,
        edit=EditResult(picture, 0, (turn,)),
    )
    request: Request = edit_request(1)
    (job,) = catalog.add_jobs(item.job.batch_id, [(item.pair.id, request)])
    assert catalog.claim("w", datetime.now(UTC)) is not None
    assert catalog.succeed(job.id, "w", outcome, datetime.now(UTC))
    path = export(studio, ExportFormat.PSD)
    retoucher = Retoucher(path)
    assert retoucher.names() == ["Background", MATCH, "Edit"]
    half = upper_half(studio.alpha(item))
    retoucher.set_plane(MATCH, MASK, half)
    where = np.zeros(area.shape, bool)
    where[260:270, 30:40] = True
    retoucher.paint("Edit", where, (255, 255, 255))
    retoucher.set_alpha_channel("edit", np.zeros_like(area))
    retoucher.save(path)
    found = take(studio, path)
    assert found.changes == ("The mask 'garment' was changed.", "Pixels were painted.")
    assert any("'edit' is of an edit" in notice for notice in found.notices)
    assert [taken.request.__class__ for taken in found.jobs] == [ColorMatchRequest]
    np.testing.assert_array_equal(asked_mask(studio, found.jobs[0]), half)
    np.testing.assert_array_equal(asked_retouch(studio, found.jobs[0])[..., 3] > 0, where)


def test_a_document_whose_layers_were_merged_still_gives_paint_and_mask(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    path = export(studio, ExportFormat.PSD)
    half = upper_half(studio.alpha(item))
    retoucher = Retoucher(path)
    flat = retoucher.flattened()
    row, column = middle(half)
    flat[row - 4 : row + 4, column - 4 : column + 4] = (255, 0, 0)
    retoucher.remove_layer(MATCH)
    for channel in range(3):
        retoucher.set_plane("Background", channel, flat[..., channel])
    retoucher.set_alpha_channel("garment", half)
    del retoucher.psd.image_resources[Resource.THUMBNAIL_RESOURCE]
    retoucher.save(path)
    found = take(studio, path)
    assert isinstance(found, Reimported)
    np.testing.assert_array_equal(asked_mask(studio, found.jobs[0]), half)
    painted = asked_retouch(studio, found.jobs[0])[..., 3] > 0
    assert painted[row - 4 : row + 4, column - 4 : column + 4].all()
    assert painted.sum() == 64
