"""The layered document of a photograph, given to a retoucher: the one that is there, or else written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from psd_tools import PSDImage

from engine.domain.export import ExportFormat, ExportRecipe
from engine.domain.review import Decision
from engine.services.hand_over import HandedOver, HandOver
from tests.unit.export_studio import ExportStudio, changed_inside, drawn_alpha

PSD, TIFF_LAYERS = ExportFormat.PSD, ExportFormat.TIFF_LAYERS
ALPHA = drawn_alpha(10, 30)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[ExportStudio]:
    with ExitStack() as stack:
        yield ExportStudio(tmp_path, stack)


def matched(studio: ExportStudio, color: int = 9_000, follows: int | None = None) -> int:
    return studio.match(changed_inside(studio.original, ALPHA, color), ALPHA, follows=follows)


def hand(studio: ExportStudio, *jobs: int, formats: tuple[ExportFormat, ...] = (PSD,)) -> HandedOver:
    service = HandOver(studio.catalog, studio.artifacts, studio.folder / "hand-over")
    return service.documents(jobs, studio.folder / "out", ExportRecipe(formats))


def layers(path: Path) -> list[str]:
    return [layer.name for layer in PSDImage.open(path)]


def test_an_export_that_is_there_is_given_as_it_is(studio: ExportStudio) -> None:
    job = matched(studio)
    studio.approve(job)
    (there,) = studio.export(PSD, out="elsewhere").written
    before = there.stat()
    assert hand(studio, job) == HandedOver((there,))
    assert there.stat() == before
    assert not (studio.folder / "out").exists()


def test_what_is_not_there_is_written_to_the_export_folder_once(studio: ExportStudio) -> None:
    job, edit = matched(studio), studio.edit(changed_inside(studio.original, ALPHA, 60_000), ALPHA)
    studio.approve(job, edit)
    written = hand(studio, job)
    path = studio.folder / "out" / "A1_model.psd"
    assert written == HandedOver((path,), (path,))
    assert layers(path) == ["Background", "Matched colour", "Edit"], "everything approved of the photograph"
    assert hand(studio, edit, job) == HandedOver((path,))
    path.unlink()
    assert hand(studio, job).written == (path,)


def test_what_is_undecided_is_not_put_where_deliveries_go(studio: ExportStudio) -> None:
    job = matched(studio)
    (path,) = hand(studio, job).documents
    assert path == studio.folder / "hand-over" / "A1_model.psd"
    assert not (studio.folder / "out").exists()
    studio.approve(job)
    (final,) = hand(studio, job).documents
    assert final == studio.folder / "out" / "A1_model.psd"


def test_a_rejected_result_never_leaves_and_the_others_do(studio: ExportStudio) -> None:
    job = matched(studio)
    studio.approve(job, decision=Decision.REJECTED)
    handed = hand(studio, job)
    assert handed.documents == ()
    (sentence,) = handed.failures
    assert "A1_model.tif" in sentence
    assert "rejected results never leave" in sentence


def test_what_a_retoucher_saved_is_given_and_never_written_over(studio: ExportStudio) -> None:
    job = matched(studio)
    studio.approve(job)
    (path,) = hand(studio, job).documents
    saved = path.read_bytes() + b"\0"
    path.write_bytes(saved)
    assert hand(studio, job) == HandedOver((path,)), "the work goes on in the same file"
    newer = matched(studio, 20_000, follows=job)
    studio.approve(newer)
    (other,) = hand(studio, newer).written
    assert other.name == "A1_model-2.psd"
    assert path.read_bytes() == saved
    path.write_bytes(b"no document")
    (again,) = hand(studio, job).written
    assert again != path
    assert path.read_bytes() == b"no document"


def test_the_version_that_was_chosen_is_the_one_in_the_document(studio: ExportStudio) -> None:
    old = matched(studio)
    new = matched(studio, 20_000, follows=old)
    for job in (old, new, old):
        (path,) = hand(studio, job).documents
        assert {record.job_id for record in studio.catalog.exports_at(path)} == {job}


def test_the_layered_format_of_the_last_export_is_used(studio: ExportStudio) -> None:
    job = matched(studio)
    studio.approve(job)
    (path,) = hand(studio, job, formats=(ExportFormat.JPEG, TIFF_LAYERS)).documents
    assert path.name == "A1_model_layers.tif"


def test_of_several_documents_the_one_that_is_worked_on_is_given_or_the_psd(studio: ExportStudio) -> None:
    """The newest was given: a TIFF, while the script in Photoshop opened the PSD."""
    job = matched(studio)
    studio.approve(job)
    (psd,) = studio.export(PSD).written
    (tiff,) = studio.export(TIFF_LAYERS).written
    assert hand(studio, job) == HandedOver((psd,))
    tiff.write_bytes(tiff.read_bytes() + b"\0")
    assert hand(studio, job) == HandedOver((tiff,))


def test_a_folder_that_cannot_be_written_to_is_named(studio: ExportStudio) -> None:
    job = matched(studio)
    studio.approve(job)
    (studio.folder / "out").write_text("a file where the folder should be")
    handed = hand(studio, job)
    assert handed.documents == ()
    assert str(studio.folder / "out") in handed.failures[0]
