"""Every job type through the real dispatcher and one real worker process, on tiny models of the real classes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.dispatch.dispatcher import Dispatcher
from engine.domain.artifacts import ArtifactRef
from engine.domain.assets import AssetPair
from engine.domain.geometry import Extent
from engine.domain.jobs import CancelledJob, Failed, Job, JobEvent, JobState, Progress, Reason, WorkerLost
from engine.domain.requests import (
    ColorMatchRequest,
    DetectionLabel,
    DetectionSettings,
    Draft,
    EditRequest,
    EngineName,
    MaskRequest,
    Request,
    Sampling,
)
from engine.domain.results import JobOutcome
from engine.imaging.drawn import write_demo_set
from engine.imaging.raster.decode import read_picture
from engine.ports import ArtifactStore, Catalog
from engine.services.editing import edit_settings, edit_turn, input_file, own_mask, submit_edit
from engine.services.intake import hashed_pairs, scan
from engine.services.painting import Painting, diffusion_settings_for
from storage.location import SqliteLocation
from tests.kontext_jobs import SLOWLY

PROJECT = Path(__file__).resolve().parents[2]
EXTENT = Extent(320, 400)
LABELS = (DetectionLabel("shirt", "shirt"), DetectionLabel("trousers", "trousers"))


@dataclass
class Studio:
    """A pair in a real catalog, and the engine thread with its one worker process."""

    models: Path
    catalog: Catalog
    artifacts: ArtifactStore
    dispatcher: Dispatcher
    pair: AssetPair
    batch: int
    events: list[JobEvent] = field(default_factory=list[JobEvent])

    @property
    def model(self) -> Path:
        return self.models / "FLUX.1-Kontext-dev"

    def queue(self, request: Request) -> Job:
        (job,) = self.catalog.add_jobs(self.batch, [(self.pair.id, request)])
        self.dispatcher.wake()
        return job

    def finish(self, *jobs: Job) -> list[JobOutcome]:
        """Wait for the jobs; what they yielded."""
        wait_for(lambda: all(self.catalog.job(job.id).state.is_final for job in jobs))
        failures = [event.failure for event in self.events if isinstance(event, Failed)]
        assert not failures, failures
        found = [self.catalog.outcome(job.id) for job in jobs]
        return [outcome for outcome in found if outcome is not None]

    def run(self, *requests: Request) -> list[JobOutcome]:
        return self.finish(*[self.queue(request) for request in requests])

    def pixels(self, ref: ArtifactRef) -> np.ndarray:
        return cv2.imdecode(np.frombuffer(self.artifacts.read(ref), np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("every-job")
    write_demo_set(folder / "pictures", 1, extent=EXTENT)
    ready, _ = hashed_pairs(scan([folder / "pictures"]).pairs)
    file, models = folder / "catalog.db", folder / "models"
    with pytest.MonkeyPatch.context() as patch, SqliteLocation().open(file) as (catalog, artifacts):
        patch.setenv("PYTHONPATH", str(PROJECT))
        patch.setenv("CHROMASK_MODELS", str(models))
        command = [sys.executable, str(PROJECT / "tests" / "tiny_worker.py"), str(file), str(models)]
        dispatcher = Dispatcher(catalog, command)
        pair = catalog.add_pairs(ready)[0]
        made = Studio(models, catalog, artifacts, dispatcher, pair, catalog.create_batch("all").id)
        dispatcher.subscribe(made.events.append)
        dispatcher.start()
        try:
            # The worker builds the models before it takes its first job.
            made.run(MaskRequest(EngineName.CLASSICAL, garment=pair.garment))
            yield made
        finally:
            dispatcher.stop()


def painting(seed: int = 0, **more: object) -> Painting:
    return replace(Painting(Sampling(num_inference_steps=2, seed=seed)), **more)


def detection(studio: Studio) -> DetectionSettings:
    # Thresholds of 0 keep all of the random boxes.
    return DetectionSettings(
        str(studio.models / "grounding-dino-base"), str(studio.models / "sam2.1-hiera-large"), LABELS, 0.0, 0.0
    )


def test_dreamed_masks_with_a_lora_from_several_seeds_and_drafts(studio: Studio) -> None:
    several = diffusion_settings_for("hat", "", studio.model, painting=painting(seeds=3))
    drafted = diffusion_settings_for("hat", "", studio.model, painting=painting(7, draft=Draft(1, 64, 0.0)))
    doubted = diffusion_settings_for("hat", "", studio.model, painting=painting(7, draft=Draft(1, 64, 1.01)))
    requests = [MaskRequest(EngineName.KONTEXT, "hat", diffusion=each) for each in (several, drafted, doubted)]
    averaged, kept, again = studio.run(*requests)
    made = averaged.mask.provenance
    assert (averaged.mask.name, averaged.mask.extent) == ("hat", EXTENT)
    assert (made["seed"], made["seeds"], made["steps"], made["lora"]) == (0, 3, 2, "kontext-mask-hat")
    assert made["lora_effect"] > 0
    # The seeds' patches lie side by side: they disagree at the ends, and the mask is sure of itself accordingly.
    assert averaged.previews.disagreement is not None
    assert studio.pixels(averaged.previews.disagreement).max() > 200
    assert 0.5 < float(made["agreement"]) < 0.95
    assert averaged.mask.confidence <= float(made["agreement"])
    assert (kept.mask.provenance["draft"], kept.mask.provenance["steps"]) == ("kept", 1)
    assert (again.mask.provenance["draft"], again.mask.provenance["steps"]) == ("painted again", 2)
    # The model was loaded for the first of them alone, and the LoRA with it.
    assert [outcome.mask.provenance["loads"] for outcome in (averaged, kept, again)] == [1, 1, 1]


def test_a_colour_match_with_the_colour_lora(studio: Studio) -> None:
    settings = diffusion_settings_for("color", "shirt", studio.model, painting=painting())
    classical = MaskRequest(EngineName.CLASSICAL, garment=studio.pair.garment)
    detected = MaskRequest(EngineName.GROUNDED, garment="shirt", detection=detection(studio))
    guided, of_detected = studio.run(
        ColorMatchRequest(EngineName.KONTEXT, classical, diffusion=settings),
        ColorMatchRequest(EngineName.KONTEXT, detected, diffusion=settings),
    )
    assert guided.match is not None
    assert guided.match.outside_max_change == 0
    assert guided.match.provenance["guide_prompt"] == "chromiq Change the shirt color on the right to match the left"
    assert guided.match.provenance["guide_lora"] == "kontext-color-chromiq"
    assert guided.match.after.delta_E <= guided.match.before.delta_E
    assert of_detected.match is not None
    assert of_detected.mask.provenance["engine"] == "grounded"
    # Another LoRA is another job, not another model.
    assert {outcome.match.provenance["guide_loads"] for outcome in (guided, of_detected) if outcome.match} == {1}


def test_an_edit_in_two_turns_with_a_reference(studio: Studio) -> None:
    classical = MaskRequest(EngineName.CLASSICAL, garment=studio.pair.garment)
    (made,) = studio.run(classical)
    # The result's own mask, where it lies in the artifact store.
    own = own_mask(studio.artifacts, made)
    assert own == input_file(studio.artifacts.path(made.mask.alpha))
    flatlay = studio.pair.flatlay
    assert flatlay is not None
    first = edit_turn(edit_settings("the garment", studio.model, steps=2), own, flatlay.path)
    banner = studio.models.parent / "banner.png"
    drawn = np.zeros((EXTENT.height, EXTENT.width), np.uint8)
    drawn[6:40, 4:60] = 255
    cv2.imwrite(str(banner), drawn)
    second = edit_turn(edit_settings("SALE", studio.model, steps=2, seed=3), input_file(banner), None, strength=0.6)
    (looked_at,) = studio.catalog.add_jobs(studio.batch, [(studio.pair.id, classical)])
    job = submit_edit(studio.catalog, looked_at, first)
    studio.dispatcher.wake()
    (one,) = studio.finish(job)
    more = submit_edit(studio.catalog, job, second)
    studio.dispatcher.wake()
    (two,) = studio.finish(more)
    # The edit that was gone on with is an earlier version; the mask that it came from is not.
    assert job.origin is None
    assert more.origin is not None
    assert (more.origin.supersedes, more.origin.reason, more.version) == (job.id, Reason.EDITED, 2)
    assert studio.catalog.superseded([looked_at.id, job.id, more.id]) == {job.id}
    assert one.edit is not None
    assert two.edit is not None
    assert [turn.provenance["prompt"] for turn in two.edit.turns] == ["the garment", "SALE"]
    assert two.edit.turns[0].provenance["reference_sha256"] == flatlay.sha256
    photo = read_picture(studio.pair.on_model.path)
    pictures = [
        read_picture(studio.artifacts.path(outcome.edit.picture)).pixels for outcome in (one, two) if outcome.edit
    ]
    garment = studio.pixels(made.mask.alpha) > 0
    assert one.edit.outside_max_change == two.edit.outside_max_change == 0
    assert np.array_equal(pictures[0][~garment], photo.pixels[~garment])
    assert (pictures[1][drawn > 0] != photo.pixels[drawn > 0]).any(axis=1).mean() > 0.8
    # The first turn, painted again on the original, came out the same.
    assert np.array_equal(pictures[1][garment & (drawn == 0)], pictures[0][garment & (drawn == 0)])
    assert two.edit.turns[1].provenance["loads"] == 1


def test_grounded_masks_are_made_by_models_that_stay(studio: Studio) -> None:
    named = MaskRequest(EngineName.GROUNDED, garment="trousers", detection=detection(studio))
    found = MaskRequest(EngineName.GROUNDED, detection=detection(studio))
    outcomes = studio.run(named, found)
    assert [outcome.mask.provenance["label_from"] for outcome in outcomes] == ["request", "flatlay"]
    assert [outcome.mask.provenance["loads"] for outcome in outcomes] == [1, 1]
    assert all(studio.pixels(outcome.mask.alpha).shape == (400, 320) for outcome in outcomes)


def test_a_flatlay_on_any_ground_is_detected_where_the_source_is_grounded(studio: Studio, tmp_path: Path) -> None:
    busy = cv2.resize(np.random.default_rng(2).integers(0, 255, (20, 16, 3), np.uint8), (320, 400))
    cv2.imwrite(str(tmp_path / "busy_flat.png"), busy)
    (tmp_path / "busy_model.png").write_bytes(studio.pair.on_model.path.read_bytes())
    ready, _ = hashed_pairs(scan([tmp_path]).pairs)
    (pair,) = studio.catalog.add_pairs(ready)
    classical = MaskRequest(EngineName.CLASSICAL, garment="shirt")
    grounded = MaskRequest(EngineName.GROUNDED, garment="shirt", detection=detection(studio))
    unnamed = replace(grounded, garment="")
    wanted = [ColorMatchRequest(EngineName.CLASSICAL, each) for each in (classical, grounded, unnamed)]
    settings = diffusion_settings_for("hat", "", studio.model, painting=painting(11))
    dreamed = MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings)
    jobs = studio.catalog.add_jobs(studio.batch, [(pair.id, each) for each in (*wanted, grounded, unnamed, dreamed)])
    studio.dispatcher.wake()
    wait_for(lambda: all(studio.catalog.job(job.id).state.is_final for job in jobs))
    refused, *done = [studio.catalog.job(job.id) for job in jobs]
    assert refused.failure is not None
    assert "busy_flat.png: no garment stands out from the background" in refused.failure.message
    assert [job.failure for job in done] == [None] * 5
    studio.events[:] = [event for event in studio.events if not isinstance(event, Failed)]
    matched = studio.catalog.outcome(jobs[1].id)
    assert matched is not None
    assert matched.match is not None
    assert matched.match.outside_max_change == 0
    assert "The flatlay's background is not plain: its garment was detected." in matched.notices


def test_cancelling_ends_a_painting_within_a_step_and_the_process_goes_on(studio: Studio) -> None:
    mask = studio.models.parent / "left.png"
    drawn = np.zeros((EXTENT.height, EXTENT.width), np.uint8)
    drawn[100:200, 10:120] = 255
    cv2.imwrite(str(mask), drawn)
    slow = edit_turn(edit_settings(SLOWLY, studio.model, steps=60), input_file(mask), None)
    job = studio.queue(EditRequest(EngineName.KONTEXT, (slow,)))

    def steps() -> int:
        return sum(isinstance(e, Progress) and e.job_id == job.id and "denoising" in e.label for e in studio.events)

    wait_for(lambda: steps() >= 1)
    before = steps()
    studio.dispatcher.cancel([job.id])
    wait_for(lambda: any(isinstance(e, CancelledJob) and e.job_id == job.id for e in studio.events))
    # One step may have ended while the word was on its way.
    assert steps() - before <= 1
    assert studio.catalog.job(job.id).state is JobState.CANCELLED
    assert studio.catalog.outcome(job.id) is None
    after = replace(slow, diffusion=replace(slow.diffusion, prompt="at once", sampling=Sampling(2)))
    (outcome,) = studio.run(EditRequest(EngineName.KONTEXT, (after,)))
    assert outcome.edit is not None
    assert outcome.edit.turns[0].provenance["loads"] == 1


def test_one_process_did_all_of_it_and_the_store_is_sound(studio: Studio) -> None:
    assert not any(isinstance(event, WorkerLost) for event in studio.events)
    outcomes = [item.outcome for item in studio.catalog.review_items()]
    assert len(outcomes) >= 10
    made = [dict(outcome.mask.provenance) for outcome in outcomes]
    made += [dict(turn.provenance) for outcome in outcomes if outcome.edit for turn in outcome.edit.turns]
    assert len({each["pid"] for each in made if "pid" in each}) == 1
    assert studio.catalog.check() == []
    assert studio.artifacts.stray(studio.catalog.referenced_artifacts()) == []


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
