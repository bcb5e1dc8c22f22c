"""Export: names, what is admitted, what is never overwritten, and files that other programs open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from psd_tools import PSDImage

from engine.domain.export import Collision, ExportFormat, ExportRecipe
from engine.domain.review import Decision
from engine.imaging.raster.icc import srgb_profile
from engine.services.export import ExportPlan, export_items
from engine.services.export.document import layer_under_mask
from engine.services.review import decide, items_of
from tests.unit.export_studio import ExportStudio, drawn_alpha


class Studio(ExportStudio):
    """One matched photograph, as after a run."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        super().__init__(folder, stack)
        self.alpha = drawn_alpha(10, 30)
        self.matched = self.original.copy()
        self.matched[self.alpha > 0] //= 2
        self.match(self.matched, self.alpha)
        (self.item,) = self.items()

    def plan(self, *formats: ExportFormat, **changes: Any) -> ExportPlan:
        return ExportPlan(self.folder / "out", ExportRecipe(formats, **{"approved_only": False, **changes}))


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with ExitStack() as stack:
        yield Studio(tmp_path, stack)


def test_psd_opens_in_other_programs_with_layer_mask_and_named_channel(studio: Studio) -> None:
    report = export_items(studio.catalog, studio.artifacts, [studio.item], studio.plan(ExportFormat.PSD))
    assert report.failures == ()
    (path,) = report.written
    assert path.name == "A1_model.psd"
    document = PSDImage.open(path)
    assert [layer.name for layer in document] == ["Background", "Matched colour"]
    assert document[1].has_mask()
    assert document.depth == 16
    assert document.channels == 4
    background = document[0].numpy("color") * 65535
    np.testing.assert_array_equal(np.rint(background).astype(np.uint16), studio.original)


def test_flat_forms_keep_depth_profile_and_size(studio: Studio) -> None:
    formats = (ExportFormat.TIFF, ExportFormat.PNG, ExportFormat.JPEG, ExportFormat.MASK)
    report = export_items(studio.catalog, studio.artifacts, [studio.item], studio.plan(*formats))
    assert report.failures == ()
    names = {path.name: path for path in report.written}
    assert set(names) == {
        "A1_model_matched.tif",
        "A1_model_matched.png",
        "A1_model_matched.jpg",
        "A1_model_garment-mask.png",
    }
    with tifffile.TiffFile(names["A1_model_matched.tif"]) as tiff:
        np.testing.assert_array_equal(tiff.asarray()[..., :3], studio.matched)
        np.testing.assert_array_equal(tiff.asarray()[..., 3], studio.alpha.astype(np.uint16) * 257)
        assert tiff.pages[0].tags["InterColorProfile"].value == srgb_profile()
        assert tiff.pages[0].tags["XResolution"].value == (300, 1)
    with Image.open(names["A1_model_garment-mask.png"]) as mask:
        np.testing.assert_array_equal(np.asarray(mask), studio.alpha)
    with Image.open(names["A1_model_matched.jpg"]) as jpeg:
        assert jpeg.size == (30, 40)
        assert jpeg.info["icc_profile"] == srgb_profile()


def test_a_strangers_file_is_never_overwritten_unless_asked(studio: Studio) -> None:
    target = studio.folder / "out" / "A1_model_matched.tif"
    target.parent.mkdir()
    target.write_text("somebody's work")
    report = export_items(studio.catalog, studio.artifacts, [studio.item], studio.plan(ExportFormat.TIFF))
    assert report.written == ()
    (failure,) = report.failures
    assert failure.startswith(f"{target}: a file of this name exists already, and it is none that Chromask wrote")
    assert all(f"--collision {choice}" in failure for choice in ("skip", "number", "overwrite"))
    assert target.read_text() == "somebody's work"
    plan = studio.plan(ExportFormat.TIFF, collision=Collision.OVERWRITE)
    assert export_items(studio.catalog, studio.artifacts, [studio.item], plan).written == (target,)
    assert [p.name for p in target.parent.iterdir()] == [target.name], "no temporary file stays"


def test_a_file_that_cannot_be_written_holds_up_none_of_the_others(studio: Studio) -> None:
    target = studio.folder / "out" / "A1_model_matched.tif"
    target.parent.mkdir()
    target.write_text("somebody's work")
    plan = studio.plan(ExportFormat.TIFF, ExportFormat.PNG, ExportFormat.MASK)
    report = export_items(studio.catalog, studio.artifacts, [studio.item], plan)
    assert [path.name for path in report.written] == ["A1_model_matched.png", "A1_model_garment-mask.png"]
    assert len(report.failures) == 1


@pytest.mark.parametrize("harm", ["missing", "damaged"])
def test_a_stored_picture_that_is_gone_or_damaged_is_told_by_its_photograph(studio: Studio, harm: str) -> None:
    picture = studio.item.outcome.picture
    assert picture is not None
    path = studio.artifacts.path(picture)
    data = path.read_bytes()
    path.unlink()
    if harm == "damaged":
        path.write_bytes(data[:-20] + bytes(20))
    plan = studio.plan(ExportFormat.TIFF, ExportFormat.PNG, ExportFormat.MASK)
    report = export_items(studio.catalog, studio.artifacts, [studio.item], plan)
    assert [path.name for path in report.written] == ["A1_model_garment-mask.png"]
    (sentence,) = report.failures
    assert f"A1_model.tif: this result's file is {harm}" in sentence


def test_second_export_keeps_what_is_intact_and_does_not_touch_what_was_edited(studio: Studio) -> None:
    plan = studio.plan(ExportFormat.TIFF, ExportFormat.MASK)
    first = export_items(studio.catalog, studio.artifacts, [studio.item], plan)
    second = export_items(studio.catalog, studio.artifacts, [studio.item], plan)
    assert set(second.kept) == set(first.written)
    assert second.written == ()
    first.written[0].write_bytes(b"retouched")
    third = export_items(studio.catalog, studio.artifacts, [studio.item], plan)
    assert len(third.failures) == 1
    assert first.written[0].read_bytes() == b"retouched"


def test_export_cut_off_before_the_file_took_its_name_is_taken_up_again(studio: Studio) -> None:
    plan = studio.plan(ExportFormat.TIFF)
    (path,) = export_items(studio.catalog, studio.artifacts, [studio.item], plan).written
    (record,) = studio.catalog.exports_at(path)
    studio.catalog.record_export(
        [studio.item.job.id], record.format, path, "cd" * 32, datetime.now(UTC), record.sha256, record.settings
    )
    again = export_items(studio.catalog, studio.artifacts, [studio.item], plan)
    assert again.written == (path,), "what is there is Chromask's own, but not what the catalog expects"
    assert export_items(studio.catalog, studio.artifacts, [studio.item], plan).kept == (path,)


def test_verdicts_decide_what_leaves(studio: Studio) -> None:
    plan = studio.plan(ExportFormat.MASK, approved_only=True)
    assert export_items(studio.catalog, studio.artifacts, [studio.item], plan).written == ()
    decide(studio.catalog, [studio.item], Decision.APPROVED, reviewer="Ada", note="good")
    (item,) = items_of(studio.catalog)
    assert item.review is not None
    assert (item.review.reviewer, item.review.note) == ("Ada", "good")
    assert len(export_items(studio.catalog, studio.artifacts, [item], plan).written) == 1
    decide(studio.catalog, [item], Decision.REJECTED)
    (item,) = items_of(studio.catalog)
    anything = studio.plan(ExportFormat.PNG)
    assert export_items(studio.catalog, studio.artifacts, [item], anything).written == ()
    assert [review.decision for review in studio.catalog.reviews(item.job.id)] == [
        Decision.APPROVED,
        Decision.REJECTED,
    ]


def test_original_that_changed_is_refused_and_named(studio: Studio) -> None:
    studio.item.pair.on_model.path.write_bytes(b"other bytes")
    report = export_items(studio.catalog, studio.artifacts, [studio.item], studio.plan(ExportFormat.PSD))
    assert len(report.failures) == 1
    assert "A1_model.tif" in report.failures[0]
    assert list((studio.folder / "out").iterdir()) == []


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_layer_through_its_mask_gives_the_composite_again(dtype: type) -> None:
    rng = np.random.default_rng(5)
    top = np.iinfo(dtype).max
    below = rng.integers(0, top, (64, 64, 3)).astype(dtype)
    alpha = rng.integers(0, 256, (64, 64)).astype(np.uint8)
    layer = rng.integers(0, top, (64, 64, 3)).astype(dtype)
    weight = alpha[..., None] / 255
    composite = np.rint(below + (layer.astype(float) - below) * weight).astype(dtype)
    again = below + (layer_under_mask(below, composite, alpha).astype(float) - below) * weight
    assert np.abs(again - composite).max() <= 1
