"""The list of layered documents that an export leaves beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from engine.domain.export import ExportFormat
from engine.domain.review import Decision
from engine.services.export.manifest import ListedDocument, restate, write_manifest
from tests.unit.export_studio import ExportStudio, changed_inside, drawn_alpha

PSD, TIFF, MASK = ExportFormat.PSD, ExportFormat.TIFF, ExportFormat.MASK
ALPHA = drawn_alpha(10, 30)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[ExportStudio]:
    with ExitStack() as stack:
        yield ExportStudio(tmp_path, stack)


def read(studio: ExportStudio) -> dict[str, Any]:
    return json.loads((studio.folder / "out" / "chromask-batch.json").read_text())


def matched(studio: ExportStudio) -> int:
    return studio.match(changed_inside(studio.original, ALPHA, 9_000), ALPHA)


def test_each_layered_document_is_listed_with_what_was_said_of_it(studio: ExportStudio) -> None:
    job = matched(studio)
    studio.export(PSD, MASK, name_pattern="{sku}/{stem}")
    (line,) = read(studio)["files"]
    assert line == {
        "file": "A1/A1_model.psd", "picture": f"{studio.catalog.identity()}-{studio.pair.id}",
        "sku": "A1", "view": studio.pair.view,
        "verdict": "pass", "decision": "pending",
    }  # fmt: skip
    studio.approve(job)
    studio.export(PSD, name_pattern="{sku}/{stem}")
    assert [line["decision"] for line in read(studio)["files"]] == ["approved"]
    studio.edit(changed_inside(studio.original, ALPHA, 60_000), ALPHA)
    studio.export(PSD, name_pattern="{sku}/{stem}")
    assert [line["decision"] for line in read(studio)["files"]] == ["pending"], "not all of it is approved"


def test_flat_files_are_not_listed_and_what_has_gone_leaves_the_list(studio: ExportStudio) -> None:
    matched(studio)
    studio.export(TIFF)
    assert not (studio.folder / "out" / "chromask-batch.json").exists()
    studio.export(PSD, name_pattern="first")
    assert [line["file"] for line in read(studio)["files"]] == ["first.psd"]
    write_manifest(studio.folder / "out", [ListedDocument("first.psd", "another-1", "", "", "", "approved")])
    assert len(read(studio)["files"]) == 2, "of another catalog"
    (studio.folder / "out" / "first.psd").unlink()
    studio.export(ExportFormat.TIFF_LAYERS, name_pattern="second")
    assert [line["file"] for line in read(studio)["files"]] == ["second_layers.tif"]
    after = (studio.folder / "out" / "chromask-batch.json").stat().st_mtime_ns
    studio.export(ExportFormat.TIFF_LAYERS, name_pattern="second")
    assert (studio.folder / "out" / "chromask-batch.json").stat().st_mtime_ns == after, "nothing has changed"


@pytest.mark.parametrize("formats", [(PSD, ExportFormat.TIFF_LAYERS), (ExportFormat.TIFF_LAYERS, PSD)])
def test_one_document_of_each_picture_is_gone_through(
    studio: ExportStudio, formats: tuple[ExportFormat, ExportFormat]
) -> None:
    """With both listed, a retoucher had the same picture twice, and what came back contradicted itself."""
    matched(studio)
    report = studio.export(*formats)
    assert len(report.written) == 2
    assert [line["file"] for line in read(studio)["files"]] == ["A1_model.psd"]
    studio.export(ExportFormat.TIFF_LAYERS, name_pattern="anew")
    assert [line["file"] for line in read(studio)["files"]] == ["anew_layers.tif"], "the newest export counts"


def test_what_is_decided_after_the_export_is_written_into_its_list(studio: ExportStudio) -> None:
    """A retoucher was given what had been rejected meanwhile."""
    job = matched(studio)
    studio.approve(job)
    studio.export(PSD, name_pattern="{view}/{sku}/{stem}")
    other = ListedDocument("other.psd", "another-1", "", "", "", "approved")
    (studio.folder / "out" / "other.psd").touch()
    write_manifest(studio.folder / "out", [other])

    def decisions() -> dict[str, str]:
        return {line["file"]: line["decision"] for line in read(studio)["files"]}

    (file,) = [name for name in decisions() if name != "other.psd"]
    for decision in (Decision.REJECTED, Decision.PENDING, Decision.APPROVED):
        studio.approve(job, decision=decision)
        restate(studio.catalog, [job])
        assert decisions() == {file: decision.value, "other.psd": "approved"}
    edit = studio.edit(changed_inside(studio.original, ALPHA, 60_000), ALPHA)
    studio.approve(edit, decision=Decision.REJECTED)
    restate(studio.catalog, [edit])
    assert decisions()[file] == "approved", "it is not in the document"
    (studio.folder / "out" / "chromask-batch.json").unlink()
    restate(studio.catalog, [job])
    assert not (studio.folder / "out" / "chromask-batch.json").exists()


@pytest.mark.parametrize("text", ["not JSON", '{"chromask-batch": 2, "files": []}', "[]", '{"files": [1]}', "\udcff"])
def test_a_file_of_somebody_elses_stays_and_is_told(studio: ExportStudio, text: str) -> None:
    job = matched(studio)
    studio.approve(job, decision=Decision.APPROVED)
    path = studio.folder / "out" / "chromask-batch.json"
    path.parent.mkdir()
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    report = studio.export(PSD)
    assert [written.name for written in report.written] == ["A1_model.psd"]
    assert str(path) in report.failures[0]
    assert path.read_bytes() == text.encode("utf-8", "surrogateescape")
