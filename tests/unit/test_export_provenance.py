"""What an exported file says of its results: put together from requests and outcomes as the worker leaves them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from engine.domain.errors import BugError
from engine.domain.geometry import Extent
from engine.domain.provenance import ModelRun, ModelTask, NamedHash
from engine.domain.requests import (
    ColorMatchRequest,
    DetectionLabel,
    DetectionSettings,
    EditRequest,
    EditTurn,
    EngineName,
    MaskRequest,
    Request,
)
from engine.domain.results import JobOutcome, Verdict
from engine.domain.review import Decision, ResultKind, Review, ReviewItem
from engine.imaging.drawn import write_demo_set
from engine.imaging.raster.encode import encode_mask
from engine.imaging.raster.xmp import read_provenance, with_provenance
from engine.ports import ArtifactStore, Catalog
from engine.services.editing import input_file
from engine.services.export.provenance import provenance_of
from engine.services.intake import hashed_pairs, scan
from engine.worker.pipeline import run_request
from engine.worker.views import Views
from storage.location import SqliteLocation
from tests.contract.factories import (
    color_match_request,
    edit_outcome,
    edit_request,
    kontext_request,
    mask_outcome,
    mask_request,
    match_outcome,
    new_pair,
)
from tests.kontext_jobs import lora_of, settings_of
from tests.unit.test_kontext_jobs import WithKontext

NOON = datetime(2026, 3, 29, 12, 0, 0, 123456, UTC)
AT = datetime(2026, 3, 30, 8, 0, 0, 0, UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[Catalog, ArtifactStore]]:
    with SqliteLocation().open(tmp_path / "catalog.db") as opened:
        yield opened


@pytest.fixture
def catalog(store: tuple[Catalog, ArtifactStore]) -> Catalog:
    return store[0]


def done(catalog: Catalog, pair_id: int, request: Request, outcome: JobOutcome) -> ReviewItem:
    (job,) = catalog.add_jobs(catalog.create_batch("one").id, [(pair_id, request)])
    claimed = catalog.claim("w", NOON)
    assert claimed is not None
    assert claimed.id == job.id
    assert catalog.succeed(job.id, "w", outcome, NOON)
    return catalog.review_item(job.id)


@pytest.fixture
def pair_id(catalog: Catalog) -> int:
    (pair,) = catalog.add_pairs([new_pair()])
    return pair.id


def test_a_document_of_several_results(catalog: Catalog, pair_id: int) -> None:
    match = done(catalog, pair_id, color_match_request(), match_outcome())
    edit = done(catalog, pair_id, edit_request(), edit_outcome())
    catalog.add_reviews([Review(match.job.id, Decision.APPROVED, "Ada", "", NOON)])
    match = catalog.review_item(match.job.id)
    found = provenance_of([match, edit], catalog.identity(), AT, {edit.job.id: "edit 2"})
    assert found.photograph == NamedHash("000001_model.jpg", match.pair.on_model.sha256)
    assert (found.catalog, found.at) == (catalog.identity(), AT)
    assert found.software.startswith("Chromask 0.")
    assert found.results == (match.job.id, edit.job.id)
    assert found.masks == (
        NamedHash("garment", match.outcome.mask.alpha.sha256),
        NamedHash("edit 2", edit.outcome.mask.alpha.sha256),
    )
    first, second = found.origins
    assert (first.kind, first.version, first.models) == (ResultKind.COLOR_MATCH, 1, ())
    assert (first.delta_E_before, first.delta_E_after, first.verdict) == (11.4, 1.25, Verdict.PASS)
    assert (first.decision, first.reviewer, first.reviewed_at) == (Decision.APPROVED, "Ada", NOON)
    assert (second.kind, second.delta_E_before, second.verdict) == (ResultKind.EDIT, None, None)
    assert (second.decision, second.reviewer, second.reviewed_at) == (Decision.PENDING, "", None)
    # The first turn is covered and was not painted: it has no part in the picture.
    asked = edit_request().turns[1].diffusion
    assert second.models == (
        ModelRun(ModelTask.EDIT, "kontext", "kontext", "", prompt=asked.prompt, seed=asked.sampling.seed),
    )
    assert found.is_painted
    packet, notices = with_provenance(None, found)
    assert notices == ()
    assert read_provenance(packet) == found


def test_a_mask_alone_paints_nothing(catalog: Catalog, pair_id: int) -> None:
    item = done(catalog, pair_id, mask_request(), mask_outcome())
    (origin,) = provenance_of([item], "c", AT).origins
    assert (origin.kind, origin.models, origin.is_painted) == (ResultKind.MASK, (), False)


def test_detected_masks_name_both_networks(catalog: Catalog, pair_id: int) -> None:
    settings = DetectionSettings("/models/dino tiny", "/models/sam2", (DetectionLabel("shirt", "shirt"),))
    outcome = mask_outcome()
    figures = {"engine": "grounded", "detector_fingerprint": "d1", "segmenter_fingerprint": "5e"}
    outcome = replace(outcome, mask=replace(outcome.mask, provenance=figures))
    item = done(catalog, pair_id, MaskRequest(EngineName.GROUNDED, detection=settings), outcome)
    assert provenance_of([item], "c", AT).origins[0].models == (
        ModelRun(ModelTask.MASK, "grounded", "dino tiny", "d1"),
        ModelRun(ModelTask.MASK, "grounded", "sam2", "5e"),
    )


def test_a_corrected_mask_is_a_persons_work(catalog: Catalog, pair_id: int) -> None:
    request = kontext_request()
    outcome = match_outcome()
    request = replace(request, mask=replace(request.mask, corrected=outcome.mask.alpha))
    item = done(catalog, pair_id, request, outcome)
    # Nor is there a guide in the figures: none was painted.
    assert provenance_of([item], "c", AT).origins[0].models == ()


def test_results_of_two_photographs_are_no_file(catalog: Catalog, pair_id: int) -> None:
    first = done(catalog, pair_id, mask_request(), mask_outcome())
    (other,) = catalog.add_pairs([new_pair(2)])
    second = done(catalog, other.id, mask_request(), mask_outcome())
    with pytest.raises(BugError, match="one photograph, not of 2"):
        provenance_of([first, second], "c", AT)
    with pytest.raises(BugError, match="not of 0"):
        provenance_of([], "c", AT)


def test_what_the_worker_leaves_of_real_jobs(store, tmp_path, tiny, lora_file, new_backend, painted_green) -> None:
    """A dreamed mask and a guided match paint nothing; an edit does."""
    catalog, artifacts = store
    write_demo_set(tmp_path / "pictures", 1, extent=Extent(360, 450))
    ready, _ = hashed_pairs(scan([tmp_path / "pictures"]).pairs)
    (pair,) = catalog.add_pairs(ready)
    backends = WithKontext(new_backend())
    lora = lora_of(lora_file, 0.7)
    settings = settings_of(tiny, lora)
    box = np.zeros((450, 360), np.uint8)
    box[100:300, 100:260] = 255
    (tmp_path / "box.png").write_bytes(encode_mask(box))
    turn = EditTurn(input_file(tmp_path / "box.png"), None, replace(settings, prompt="SALE"))
    requests: list[Request] = [
        MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings),
        ColorMatchRequest(
            EngineName.KONTEXT, MaskRequest(EngineName.CLASSICAL, garment=pair.garment), diffusion=settings
        ),
        EditRequest(EngineName.KONTEXT, (turn,)),
    ]
    items = [
        done(
            catalog, pair.id, request, run_request(pair, request, backends, Views(backends), artifacts, lambda *_: None)
        )
        for request in requests
    ]
    found = provenance_of(items, catalog.identity(), AT)
    runs = [run for origin in found.origins for run in origin.models]
    assert [run.task for run in runs] == [ModelTask.MASK, ModelTask.COLOR_GUIDE, ModelTask.EDIT]
    assert [origin.is_painted for origin in found.origins] == [False, False, True]
    assert {run.lora for run in runs} == {NamedHash("tiny", lora.sha256)}
    assert {(run.engine, run.model, run.lora_scale, run.seed) for run in runs} == {("kontext", tiny.name, 0.7, 3)}
    assert [run.prompt for run in runs] == [settings.prompt, settings.prompt, "SALE"]
    (fingerprint,) = {run.fingerprint for run in runs}
    assert len(fingerprint) == 64
    packet, _ = with_provenance(None, found)
    assert read_provenance(packet) == found
