"""Every kind of Kontext job from files to artifacts, through the worker's own steps and diffusers' own classes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from engine.domain.artifacts import ArtifactRef
from engine.domain.assets import AssetPair
from engine.domain.errors import Cancelled, KnownError
from engine.domain.export import ExportFormat, ExportRecipe
from engine.domain.geometry import Extent
from engine.domain.requests import (
    ColorMatchRequest,
    Draft,
    EditRequest,
    EditTurn,
    EngineName,
    InputFile,
    MaskRequest,
    Request,
)
from engine.domain.results import JobOutcome
from engine.imaging.drawn import write_demo_set
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.encode import encode_mask
from engine.ports import ArtifactStore, Backend, Catalog, ReportStep
from engine.services.editing import input_file, submit_edit
from engine.services.export import ExportPlan, export_items
from engine.services.intake import hashed_pairs, scan
from engine.services.report import write_delta_e_table, write_html_report
from engine.worker.backends import Backends
from engine.worker.pipeline import run_request
from engine.worker.views import Views
from storage.location import SqliteLocation
from tests.kontext_jobs import Reports, lora_of, settings_of


class WithKontext(Backends):
    def __init__(self, kontext: Backend) -> None:
        super().__init__()
        self._built[EngineName.KONTEXT] = kontext


@dataclass(frozen=True)
class Studio:
    """A drawn pair in a real catalog."""

    pair: AssetPair
    catalog: Catalog
    artifacts: ArtifactStore
    backends: Backends

    def run(self, request: Request, report: ReportStep = lambda *_: None) -> JobOutcome:
        return run_request(self.pair, request, self.backends, Views(self.backends), self.artifacts, report)

    def pixels(self, ref: ArtifactRef) -> np.ndarray:
        import cv2

        return cv2.imdecode(np.frombuffer(self.artifacts.read(ref), np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.fixture
def studio(tmp_path: Path, new_backend) -> Iterator[Studio]:
    write_demo_set(tmp_path / "pictures", 1, extent=Extent(360, 450))
    ready, _ = hashed_pairs(scan([tmp_path / "pictures"]).pairs)
    with SqliteLocation().open(tmp_path / "catalog.db") as (catalog, artifacts):
        yield Studio(catalog.add_pairs(ready)[0], catalog, artifacts, WithKontext(new_backend()))


def test_a_dreamed_mask(studio, tiny, lora_file, painted_green):
    settings = replace(settings_of(tiny, lora_of(lora_file)), seeds=2, draft=Draft(2, 64, 0.99999))
    request = MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings)
    first, again = studio.run(request), studio.run(request)
    assert first.mask.name == "hat"
    assert first.mask.extent == Extent(360, 450)
    assert studio.pixels(first.mask.alpha).shape == (450, 360)
    assert 0.05 < first.mask.coverage < 0.5
    # The same request gives the same pixels, down to the artifact's hash.
    assert again.mask.alpha == first.mask.alpha
    made = first.mask.provenance
    assert made["lora_sha256"] == settings.lora.sha256
    assert (made["seed"], made["seeds"], made["steps"], made["draft"]) == (3, 2, 2, "painted again")
    assert made["lora_effect"] > 0


def test_a_colour_match_with_a_painted_guide(studio, tiny, lora_file):
    request = ColorMatchRequest(
        EngineName.KONTEXT,
        MaskRequest(EngineName.CLASSICAL, garment=studio.pair.garment),
        diffusion=settings_of(tiny, lora_of(lora_file)),
    )
    outcome = studio.run(request)
    assert outcome.match is not None
    assert outcome.match.outside_max_change == 0
    # The tiny model paints noise: whatever its guide was worth, no pixel of it is in the result.
    assert outcome.match.texture > 0.9
    assert outcome.match.provenance["guide_lora_sha256"] == request.diffusion.lora.sha256
    assert outcome.match.provenance["guide_canvas"] == "128x80"
    assert outcome.match.after.delta_E <= outcome.match.before.delta_E
    again = studio.run(request)
    assert again.match is not None
    assert again.match.picture == outcome.match.picture


@pytest.fixture
def masks(studio, tmp_path: Path) -> dict[str, InputFile]:
    """The shirt, a banner beside it, and a box that holds the banner."""
    made = {}
    for name, box in {"shirt": (100, 120, 260, 300), "banner": (10, 10, 90, 60), "wall": (5, 5, 120, 100)}.items():
        mask = np.zeros((450, 360), np.uint8)
        mask[box[1] : box[3], box[0] : box[2]] = 255
        path = tmp_path / f"{name}.png"
        path.write_bytes(encode_mask(mask))
        made[name] = input_file(path)
    return made


def test_an_edit(studio, tiny, lora_file, masks):
    settings = settings_of(tiny, lora_of(lora_file))
    flatlay = InputFile(studio.pair.flatlay.path, studio.pair.flatlay.sha256)
    banner = EditTurn(masks["banner"], None, replace(settings, prompt="SALE on a red banner"))
    shirt = EditTurn(masks["shirt"], flatlay, replace(settings, prompt="the shirt of the picture"))
    reports = Reports()
    outcome = studio.run(EditRequest(EngineName.KONTEXT, (banner, shirt)), reports)
    assert outcome.edit is not None
    assert outcome.match is None
    assert outcome.mask.name == "edit"
    assert outcome.edit.outside_max_change == 0
    photo = read_picture(studio.pair.on_model.path)
    edited = read_picture(studio.artifacts.path(outcome.picture))
    assert edited.icc == photo.icc
    changed = (edited.pixels != photo.pixels).any(axis=2)
    alpha = studio.pixels(outcome.mask.alpha)
    first, second = (studio.pixels(turn.mask) for turn in outcome.edit.turns)
    assert not changed[(first == 0) & (second == 0)].any()
    assert np.array_equal(alpha > 0, (first > 0) | (second > 0))
    assert changed[first > 0].mean() > 0.8
    assert changed[second > 0].mean() > 0.8
    assert [turn.provenance["prompt"] for turn in outcome.edit.turns] == [
        "SALE on a red banner",
        "the shirt of the picture",
    ]
    made = outcome.edit.turns[1].provenance
    assert made["reference_sha256"] == flatlay.sha256
    assert made["lora_sha256"] == settings.lora.sha256
    assert outcome.previews.matched is not None
    steps = [step for step, _, _ in reports.seen]
    assert steps == sorted(steps)
    assert any("turn 2 of 2, denoising" in label for _, _, label in reports.seen)
    # The same request gives the same pixels, and a turn looks the same whatever comes before it.
    assert studio.run(EditRequest(EngineName.KONTEXT, (banner, shirt))).edit.picture == outcome.edit.picture
    alone = studio.run(EditRequest(EngineName.KONTEXT, (shirt,)))
    assert np.array_equal(studio.pixels(alone.picture)[second > 0], studio.pixels(outcome.picture)[second > 0])
    assert np.array_equal(studio.pixels(alone.picture)[first > 0], photo.pixels[..., ::-1][first > 0])


def test_many_turns_never_go_through_the_model_twice(studio, tiny, masks, monkeypatch):
    from engine.inference.kontext import backend as module

    canvases = []

    def noting(pipeline, canvas, *args, **kwargs):
        canvases.append(canvas)
        return inpaint(pipeline, canvas, *args, **kwargs)

    inpaint = module.inpaint
    monkeypatch.setattr(module, "inpaint", noting)
    tries = [EditTurn(masks["banner"], None, settings_of(tiny, seed=seed)) for seed in range(5)]
    outcome = studio.run(EditRequest(EngineName.KONTEXT, tuple(tries)))
    # Of five tries in one mask the last one counts, and only it is painted.
    assert [turn.painted for turn in outcome.edit.turns] == [False] * 4 + [True]
    assert len(canvases) == 1
    assert outcome.edit.picture == studio.run(EditRequest(EngineName.KONTEXT, (tries[-1],))).edit.picture
    # Overlapping turns are painted each on the original: the second one's canvas shows nothing of the first.
    wall, banner = EditTurn(masks["wall"], None, settings_of(tiny)), tries[0]
    canvases.clear()
    both = studio.run(EditRequest(EngineName.KONTEXT, (wall, banner)))
    alone = studio.run(EditRequest(EngineName.KONTEXT, (banner,)))
    assert [turn.painted for turn in both.edit.turns] == [True, True]
    assert np.array_equal(canvases[1], canvases[2])
    mask = studio.pixels(alone.mask.alpha)
    assert np.array_equal(studio.pixels(both.picture)[mask == 255], studio.pixels(alone.picture)[mask == 255])


def test_an_edit_refuses_what_has_changed_and_engines_that_cannot_paint(studio, tiny, masks):
    turn = EditTurn(masks["banner"], None, settings_of(tiny))
    with pytest.raises(KnownError, match="cannot paint an edit"):
        studio.run(EditRequest(EngineName.CLASSICAL, (turn,)))
    masks["banner"].path.write_bytes(masks["wall"].path.read_bytes())
    with pytest.raises(KnownError, match=r"banner\.png.*changed"):
        studio.run(EditRequest(EngineName.KONTEXT, (turn,)))


def test_an_edit_survives_a_restart_and_is_exported(studio, tiny, masks, tmp_path):
    turn = EditTurn(masks["banner"], None, settings_of(tiny))
    request = EditRequest(EngineName.KONTEXT, (turn,))
    catalog = studio.catalog
    (mask,) = catalog.add_jobs(
        catalog.create_batch("edits").id, [(studio.pair.id, MaskRequest(EngineName.CLASSICAL, garment="shirt"))]
    )
    job = submit_edit(catalog, mask, turn)
    assert job.origin is None
    assert catalog.claim("w1", datetime.now(UTC)) is not None
    assert catalog.succeed(job.id, "w1", studio.run(request), datetime.now(UTC))
    (item,) = catalog.review_items()
    assert item.job.request == request
    assert item.outcome.picture is not None
    # Nothing that the outcome needs is swept away.
    assert studio.artifacts.stray(catalog.referenced_artifacts()) == []
    formats = (ExportFormat.PSD, ExportFormat.TIFF, ExportFormat.PNG, ExportFormat.JPEG, ExportFormat.MASK)
    report = export_items(
        catalog, studio.artifacts, [item], ExportPlan(tmp_path / "out", ExportRecipe(formats, approved_only=False))
    )
    assert report.failures == ()
    stem = studio.pair.on_model.path.stem
    written = {path.name: path for path in report.written}
    edits = (f"{stem}_edit{end}" for end in (".tif", ".png", ".jpg", "-mask.png"))
    assert set(written) == {f"{stem}.psd", *edits}
    edited = read_picture(studio.artifacts.path(item.outcome.picture))
    for name in (f"{stem}_edit.tif", f"{stem}_edit.png"):
        assert np.array_equal(read_picture(written[name]).pixels, edited.pixels)
    from psd_tools import PSDImage

    # One more turn is the edit's next version, and takes its file's place.
    assert isinstance(item.job.request, EditRequest)
    more = replace(turn, strength=0.5)
    job = submit_edit(catalog, item.job, more)
    assert job.request == EditRequest(EngineName.KONTEXT, (turn, more))
    assert catalog.claim("w1", datetime.now(UTC)) is not None
    outcome = studio.run(job.request)
    assert catalog.succeed(job.id, "w1", outcome, datetime.now(UTC))
    plan = ExportPlan(tmp_path / "out", ExportRecipe((ExportFormat.PNG,), approved_only=False))
    again = export_items(catalog, studio.artifacts, catalog.review_items(), plan)
    assert again.failures == ()
    assert again.written == (written[f"{stem}_edit.png"],)
    newest = read_picture(studio.artifacts.path(outcome.picture)).pixels
    assert np.array_equal(read_picture(again.written[0]).pixels, newest)
    document = PSDImage.open(written[f"{stem}.psd"])
    assert [layer.name for layer in document] == ["Background", "Edit"]
    assert document[1].has_mask()
    write_html_report(tmp_path / "r.html", "Edits", "", [item], studio.artifacts)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Edited" in page
    assert turn.diffusion.prompt in page
    write_delta_e_table(tmp_path / "t.csv", [(item.job, item.pair)], [item])
    with open(tmp_path / "t.csv", encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["mask"], row["outside_max_change"], row["dE00_after"]) == ("edit", "0", "")


@pytest.mark.parametrize("kind", ["mask", "guide", "edit"])
def test_cancelling_takes_effect_within_one_step(studio, tiny, lora_file, painted_green, masks, kind):
    settings = settings_of(tiny, lora_of(lora_file), num_inference_steps=9)
    mask = MaskRequest(EngineName.CLASSICAL, garment=studio.pair.garment)
    request: Request = (
        MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings)
        if kind == "mask"
        else EditRequest(EngineName.KONTEXT, (EditTurn(masks["shirt"], None, settings),))
        if kind == "edit"
        else ColorMatchRequest(EngineName.KONTEXT, mask, diffusion=settings)
    )
    steps = []

    def report(step: int, total: int, label: str) -> None:
        if label.startswith("denoising"):
            steps.append(label)
            if len(steps) == 4:
                raise Cancelled

    with pytest.raises(Cancelled):
        studio.run(request, report)
    assert len(steps) == 4
