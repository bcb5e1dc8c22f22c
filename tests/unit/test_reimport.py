"""The way back: exported documents, changed as a retoucher changes them, and what becomes of them in the catalog."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from psd_tools.constants import Resource

from engine.domain.errors import KnownError
from engine.domain.export import Collision, ExportFormat, ExportRecipe
from engine.domain.jobs import Job, JobState, Reason
from engine.domain.requests import ColorMatchRequest
from engine.domain.review import ReviewItem
from engine.imaging.psd.read import read_document
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.encode import decode_mask
from engine.imaging.retouch import decode_retouch, laid_over
from engine.services.export import ExportPlan, export_items
from engine.services.reimport import Conflict, ForeignFileError, Reimported, ReturnedFiles, Unchanged, reimport
from engine.services.review import items_of
from engine.services.versions import correct_mask
from tests.unit.retoucher import MASK, TRANSPARENCY, Retoucher
from tests.unit.studio import Studio, open_studio, upper_half

MATCH = "Matched colour"


@pytest.fixture
def studio(matched_studio: Studio) -> Studio:
    return matched_studio


def export(studio: Studio, folder: str = "out", format: ExportFormat = ExportFormat.PSD) -> Path:
    """The one file of that format that an export of everything writes."""
    recipe = ExportRecipe((format,), approved_only=False, collision=Collision.REFUSE)
    report = export_items(
        studio.catalog, studio.artifacts, items_of(studio.catalog), ExportPlan(studio.folder / folder, recipe)
    )
    assert report.failures == ()
    (path,) = report.written
    return path


def take(studio: Studio, path: Path, returned: ReturnedFiles | None = None, *, force: bool = False) -> Reimported:
    found = reimport(studio.catalog, studio.artifacts, path, returned or ReturnedFiles(None), take=force)
    assert isinstance(found, Reimported), found
    return found


def retouch_of(studio: Studio, item: ReviewItem) -> np.ndarray:
    assert item.outcome.retouch is not None
    extent = item.outcome.mask.extent
    return decode_retouch(studio.artifacts.read(item.outcome.retouch), extent, item.pair.on_model.bit_depth)


def asked_mask(studio: Studio, job: Job) -> np.ndarray:
    """The mask that a version is asked to have; that it gets it, other tests see."""
    assert isinstance(job.request, ColorMatchRequest)
    assert job.request.mask.corrected is not None
    return decode_mask(studio.artifacts.read(job.request.mask.corrected))


def asked_retouch(studio: Studio, job: Job) -> np.ndarray:
    """The retouch that a version is asked to have."""
    assert isinstance(job.request, ColorMatchRequest)
    assert job.request.retouch is not None
    on_model = studio.catalog.pair(job.pair_id).on_model
    return decode_retouch(studio.artifacts.read(job.request.retouch), on_model.extent, on_model.bit_depth)


def resaved(path: Path) -> None:
    """Opened and saved, with nothing done to it but another thumbnail."""
    retoucher = Retoucher(path)
    del retoucher.psd.image_resources[Resource.THUMBNAIL_RESOURCE]
    retoucher.save(path)


def brush(shape: tuple[int, int], row: int, column: int, radius: float) -> np.ndarray:
    """A soft round brush, 0 to 1."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.clip(1.5 - np.hypot(rows - row, columns - column) / radius * 1.5, 0, 1)


def middle(alpha: np.ndarray) -> tuple[int, int]:
    """A pixel well inside of a mask."""
    row = int(np.flatnonzero((alpha == 255).sum(axis=1) > 20).mean())
    return row, int(np.flatnonzero(alpha[row] == 255).mean())


def test_what_was_only_saved_again_is_unchanged(studio: Studio) -> None:
    path = export(studio)
    returned = ReturnedFiles(None)

    def look(path: Path) -> Unchanged:
        found = reimport(studio.catalog, studio.artifacts, path, returned)
        assert isinstance(found, Unchanged), found
        return found

    assert look(path).why == "It is as Chromask wrote it."
    resaved(path)
    assert look(path).why == "No mask and no pixel of it was changed."
    assert look(path).why == "It was taken back already, as it is."
    assert studio.work() == []


def test_a_mask_painted_with_a_soft_brush_is_a_new_version_matched_under_it(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    path = export(studio)
    alpha = studio.alpha(item)
    row, column = middle(alpha)
    retoucher = Retoucher(path)
    painted = np.rint(alpha * (1 - brush(alpha.shape, row, column, 20))).astype(np.uint8)
    retoucher.set_plane(MATCH, MASK, painted)
    retoucher.save(path)
    found = take(studio, path)
    assert found.changes == ("The mask 'garment' was changed.",)
    (job,) = found.jobs
    assert job.origin is not None
    assert (job.origin.author, job.origin.reason, job.origin.supersedes) == (
        "Photoshop",
        Reason.MASK_EDITED,
        item.job.id,
    )
    assert [done.state for done in studio.work()] == [JobState.SUCCEEDED]
    new = studio.item(job.id)
    np.testing.assert_array_equal(studio.alpha(new), painted)
    assert new.outcome.retouch is None
    photograph = read_picture(item.pair.on_model.path).pixels
    np.testing.assert_array_equal(studio.pixels(new)[painted == 0], photograph[painted == 0])
    assert new.outcome.match is not None
    assert item.outcome.match is not None
    assert new.outcome.match.before.n_pixels < item.outcome.match.before.n_pixels
    # Under another name it is still known to be what there is.
    moved = path.rename(path.with_name("moved.psd"))
    again = reimport(studio.catalog, studio.artifacts, moved, ReturnedFiles(None))
    assert isinstance(again, Unchanged)
    assert again.why == "It was taken back already, as it is."
    assert studio.work() == []


def test_a_file_without_its_metadata_is_known_by_its_place_however_that_was_written(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    (studio.folder / "desk").mkdir()
    monkeypatch.chdir(studio.folder / "desk")
    (item,) = items_of(studio.catalog)
    recipe = ExportRecipe((ExportFormat.PSD,), approved_only=False)
    report = export_items(studio.catalog, studio.artifacts, [item], ExportPlan(Path("..", "delivery"), recipe))
    (path,) = report.written
    assert path == studio.folder.resolve() / "delivery" / path.name
    retoucher = Retoucher(path)
    del retoucher.psd.image_resources[Resource.XMP_METADATA]  # as GIMP drops what is none of its own
    retoucher.set_plane(MATCH, MASK, 255 - studio.alpha(item))
    retoucher.save(path)
    assert take(studio, Path("..", "delivery", path.name)).path == path


def test_paint_on_the_matched_layer_is_kept_over_the_next_match(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    path = export(studio)
    alpha, photograph = studio.alpha(item), read_picture(item.pair.on_model.path).pixels
    row, column = middle(alpha)
    where = np.zeros(alpha.shape, bool)
    where[row - 6 : row + 6, column - 8 : column + 8] = True
    retoucher = Retoucher(path)
    retoucher.paint(MATCH, where, (250, 10, 200))
    smaller = alpha.copy()
    smaller[: row - 20] = 0
    retoucher.set_plane(MATCH, MASK, smaller)
    retoucher.save(path)
    found = take(studio, path)
    assert found.changes == ("The mask 'garment' was changed.", "Pixels were painted.")
    studio.work()
    new = studio.item(found.jobs[0].id)
    assert new.job.origin is not None
    assert new.job.origin.reason is Reason.RETOUCHED
    retouch = retouch_of(studio, new)
    np.testing.assert_array_equal(retouch[..., 3] == 255, where)
    np.testing.assert_array_equal(retouch[..., 3] > 0, where)
    np.testing.assert_array_equal(retouch[where][:, :3], np.broadcast_to((250, 10, 200), (where.sum(), 3)))
    # The match itself is made under the new mask and knows nothing of the paint.
    assert not np.array_equal(studio.pixels(new)[where], retouch[where][:, :3])
    np.testing.assert_array_equal(studio.pixels(new)[smaller == 0], photograph[smaller == 0])

    # Exported again: mask, match, and the retouch on a layer of its own.
    again = export(studio, "again")
    document = read_document(again)
    assert [layer.name for layer in document.layers] == ["Background", MATCH, "Retouch"]
    np.testing.assert_array_equal(document.layers[1].mask, smaller)
    np.testing.assert_array_equal(document.layers[2].transparency, np.where(where, 255, 0))
    np.testing.assert_array_equal(document.alpha_channels[0].alpha, smaller)
    assert document.composite is not None
    np.testing.assert_array_equal(document.composite[where], retouch[where][:, :3])
    wanted = laid_over(studio.pixels(new), retouch)
    solid = (smaller == 0) | (smaller == 255)  # a layer cannot hold every colour of a soft edge
    np.testing.assert_array_equal(document.composite[solid], wanted[solid])
    # And that document, saved again, holds nothing new.
    resaved(again)
    assert isinstance(reimport(studio.catalog, studio.artifacts, again, ReturnedFiles(None)), Unchanged)


def test_a_layer_of_the_retouchers_own_keeps_its_soft_edge(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    path = export(studio)
    alpha = studio.alpha(item)
    row, column = middle(alpha)
    soft = np.rint(brush((40, 50), 20, 25, 18) * 255).astype(np.uint8)
    pixels = np.zeros((40, 50, 3), np.uint8)
    pixels[...] = (20, 240, 30)
    retoucher = Retoucher(path)
    retoucher.add_layer("Stray hair", pixels, soft, column - 25, row - 20)
    retoucher.save(path)
    studio_take = take(studio, path)
    assert studio_take.changes == ("Pixels were painted.",)
    retouch = asked_retouch(studio, studio_take.jobs[0])
    part = retouch[row - 20 : row + 20, column - 25 : column + 25]
    np.testing.assert_array_equal(part[..., 3], soft)
    np.testing.assert_array_equal(part[soft > 0][:, :3], np.broadcast_to((20, 240, 30), ((soft > 0).sum(), 3)))
    outside = retouch.copy()
    outside[row - 20 : row + 20, column - 25 : column + 25] = 0
    assert not outside.any()


def test_a_mask_that_was_applied_is_still_the_mask(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    path = export(studio)
    retoucher = Retoucher(path)
    retoucher.apply_mask(MATCH)
    retoucher.save(path)
    assert isinstance(reimport(studio.catalog, studio.artifacts, path, ReturnedFiles(None)), Unchanged)
    second = export(studio, "second")
    alpha = studio.alpha(item)
    half = upper_half(alpha, soft=77)
    retoucher = Retoucher(second)
    retoucher.set_plane(MATCH, MASK, half)
    retoucher.apply_mask(MATCH)
    retoucher.save(second)
    found = take(studio, second)
    assert found.changes == ("The mask 'garment' was changed.",)
    np.testing.assert_array_equal(asked_mask(studio, found.jobs[0]), half)


def test_a_copy_of_everything_on_top_holds_only_what_was_painted_on_it(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    path = export(studio)
    row, column = middle(studio.alpha(item))
    retoucher = Retoucher(path)
    stamp = retoucher.flattened()
    stamp[row - 5 : row + 5, column - 5 : column + 5] = (255, 255, 0)
    retoucher.add_layer("Stamp visible", stamp, np.full(stamp.shape[:2], 255, np.uint8), 0, 0)
    retoucher.save(path)
    retouch = asked_retouch(studio, take(studio, path).jobs[0])
    assert (retouch[..., 3] > 0).sum() == 100
    assert (retouch[row - 5 : row + 5, column - 5 : column + 5] == (255, 255, 0, 255)).all()


def test_a_repainted_alpha_channel_is_the_mask_and_two_answers_are_a_conflict(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    path = export(studio)
    alpha = studio.alpha(item)
    half = upper_half(alpha)
    retoucher = Retoucher(path)
    retoucher.set_alpha_channel("garment", half)
    other = path.with_name("contradictory.psd")
    retoucher.save(path)
    retoucher.set_plane(MATCH, MASK, np.fliplr(alpha))
    retoucher.save(other)
    found = take(studio, path)
    assert found.changes == ("The mask 'garment' was changed.",)
    np.testing.assert_array_equal(asked_mask(studio, found.jobs[0]), half)

    conflict = reimport(studio.catalog, studio.artifacts, other, ReturnedFiles(None))
    assert isinstance(conflict, Conflict)
    assert len(conflict.why) == 2
    assert "'Matched colour' and the channel 'garment' were both changed" in conflict.why[0]
    assert "Version 2 of 'garment' was made by Photoshop" in conflict.why[1], "from another file"
    assert len(studio.catalog.versions(item.job.id)) == 2
    forced = take(studio, other, force=True)
    np.testing.assert_array_equal(asked_mask(studio, forced.jobs[0]), np.fliplr(alpha))
    assert len(studio.catalog.versions(item.job.id)) == 3, "nothing is lost"


def test_a_version_that_was_made_meanwhile_is_a_conflict_and_saving_again_is_none(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    path, returned = export(studio), ReturnedFiles(None)
    alpha = studio.alpha(item)
    retoucher = Retoucher(path)
    for number in (1, 2):  # saved, and an hour later saved again
        smaller = alpha.copy()
        smaller[:, : 100 + 10 * number] = 0
        retoucher.set_plane(MATCH, MASK, smaller)
        retoucher.save(path)
        (job,) = take(studio, path, returned).jobs
        studio.work()
        assert job.version == number + 1
        np.testing.assert_array_equal(studio.alpha(studio.item(job.id)), smaller)
    correct_mask(studio.catalog, studio.artifacts, studio.item(job.id), upper_half(alpha), author="ada")
    retoucher.set_plane(MATCH, MASK, alpha // 2)
    retoucher.save(path)
    conflict = reimport(studio.catalog, studio.artifacts, path, returned)
    assert isinstance(conflict, Conflict)
    assert conflict.why == ("Version 4 of 'garment' was made by ada after this file was exported.",)
    assert [done.version for done in studio.work()] == [4]


def test_a_file_without_a_flattened_picture_is_read_from_its_plain_layers(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    path = export(studio)
    row, column = middle(studio.alpha(item))
    where = np.zeros(studio.alpha(item).shape, bool)
    where[row - 4 : row + 4, column - 4 : column + 4] = True
    retoucher = Retoucher(path)
    retoucher.paint(MATCH, where, (0, 0, 255))
    retoucher.save(path, maximize_compatibility=False)
    retouch = asked_retouch(studio, take(studio, path).jobs[0])
    np.testing.assert_array_equal(retouch[..., 3] > 0, where)

    retoucher.record(MATCH).opacity = 200
    retoucher.save(path, maximize_compatibility=False)
    with pytest.raises(KnownError, match="Maximize Compatibility") as caught:
        reimport(studio.catalog, studio.artifacts, path, ReturnedFiles(None))
    assert caught.value.path == path


def test_cropped_turned_and_foreign_files_are_refused_in_a_sentence(studio: Studio, tmp_path: Path) -> None:
    path = export(studio)
    flat = Retoucher(path)
    turned = flat.flattened()[::-1, ::-1]
    planes = flat.merged()
    flat.set_merged([*(turned[..., channel] for channel in range(3)), *planes[3:]])
    with open(tmp_path / "turned.psd", "wb") as file:
        flat.psd.write(file)
    document = read_document(path)
    from engine.imaging.psd.document import LayeredDocument
    from engine.imaging.psd.writer import write_psd

    assert document.composite is not None
    small = document.composite[:-10]
    cropped = LayeredDocument(replace(document.extent, height=len(small)), 8, small, (), (), small, xmp=document.xmp)
    write_psd(tmp_path / "cropped.psd", cropped)
    write_psd(tmp_path / "foreign.psd", replace(cropped, xmp=None))
    (tmp_path / "text.psd").write_text("no picture")
    for name, says in (
        ("turned", "turned or mirrored"),
        ("cropped", "cropped, turned or resized"),
        ("foreign", "Chromask did not write this file"),
        ("text", "neither a Photoshop file nor a TIFF"),
    ):
        with pytest.raises(KnownError, match=says) as caught:
            reimport(studio.catalog, studio.artifacts, tmp_path / f"{name}.psd", ReturnedFiles(None))
        assert isinstance(caught.value, ForeignFileError) == (name == "foreign")
        assert caught.value.path == tmp_path / f"{name}.psd"
        assert caught.value.remedy
    with open_studio(tmp_path / "other") as other:
        copy = tmp_path / "copy.psd"
        shutil.copy(path, copy)
        with pytest.raises(ForeignFileError, match="another catalog"):
            reimport(other.catalog, other.artifacts, copy, ReturnedFiles(None))


@pytest.fixture
def empty_studio(tmp_path: Path) -> Iterator[Studio]:
    with open_studio(tmp_path / "empty") as studio:
        yield studio


def test_a_mask_without_a_match_comes_back_and_paint_is_told(empty_studio: Studio) -> None:
    studio = empty_studio
    (item,) = studio.submit(pairs=1, color=False)
    path = export(studio)
    half = upper_half(studio.alpha(item))
    retoucher = Retoucher(path)
    assert retoucher.names() == ["Background"]
    where = np.zeros(half.shape, bool)
    where[:9, :9] = True
    retoucher.paint("Background", where, (255, 0, 0))
    retoucher.set_alpha_channel("garment", half)
    retoucher.save(path)
    found = take(studio, path)
    assert found.changes == ("The mask 'garment' was changed.",)
    assert any("only a mask was made" in notice for notice in found.notices)
    studio.work()
    new = studio.item(found.jobs[0].id)
    np.testing.assert_array_equal(studio.alpha(new), half)
    assert new.outcome.retouch is None


def test_a_retouch_can_be_erased_again(studio: Studio) -> None:
    (item,) = items_of(studio.catalog)
    path = export(studio)
    row, column = middle(studio.alpha(item))
    retoucher = Retoucher(path)
    where = np.zeros(studio.alpha(item).shape, bool)
    where[row - 4 : row + 4, column - 9 : column + 9] = True
    retoucher.paint(MATCH, where, (0, 0, 255))
    retoucher.save(path)
    take(studio, path)
    studio.work()
    second = export(studio, "second")
    retoucher = Retoucher(second)
    transparency = retoucher.plane("Retouch", TRANSPARENCY)
    transparency[:, column:] = 0
    retoucher.set_plane("Retouch", TRANSPARENCY, transparency)
    retoucher.save(second)
    found = take(studio, second)
    studio.work()
    retouch = retouch_of(studio, studio.item(found.jobs[0].id))
    np.testing.assert_array_equal(retouch[..., 3] > 0, transparency > 0)
    third = export(studio, "third")
    retoucher = Retoucher(third)
    retoucher.remove_layer("Retouch")
    retoucher.save(third)
    found = take(studio, third)
    studio.work()
    last = studio.item(found.jobs[0].id)
    assert last.outcome.retouch is None
    assert last.outcome.match == item.outcome.match
