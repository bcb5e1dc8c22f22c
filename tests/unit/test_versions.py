"""Versions of a result on drawn photographs: masks by hand, other tries, and what is exported of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.domain.artifacts import ArtifactKind
from engine.domain.codec import from_json, request_hash, to_json
from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.domain.jobs import Job, JobState, Origin, Reason
from engine.domain.picture import PaintedMask, Picture
from engine.domain.requests import (
    ColorMatchRequest,
    DetectionSettings,
    EngineName,
    LightnessRule,
    MaskRequest,
    Request,
    Tolerance,
    View,
)
from engine.domain.review import Decision, ExportFormat, ReviewItem
from engine.imaging.drawn import write_demo_set
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.encode import decode_mask, encode_mask
from engine.inference.classical import ClassicalBackend
from engine.ports import ArtifactStore, Catalog, ReportStep
from engine.services import versions
from engine.services.articles import other_views
from engine.services.export import ExportPlan, export_items
from engine.services.intake import hashed_pairs, scan
from engine.services.plan import BatchPlan, MaskSource
from engine.services.queue import submit
from engine.services.review import decide, items_of
from engine.services.tries import tries
from engine.services.versions import correct_mask, history, mark_for_training, newest_of_each, try_again
from engine.worker.backends import Backends
from engine.worker.loop import failure_of
from engine.worker.pipeline import run_request
from engine.worker.views import Views
from storage.location import SqliteLocation
from storage.upgrade import MIGRATIONS, upgrade
from tests.contract.factories import edit_outcome, edit_request, kontext_request, mask_request, match_outcome

if TYPE_CHECKING:
    from engine.domain.picture import Alpha

DETECTION = DetectionSettings("/models/dino", "/models/sam", ())


class NotingBackend(ClassicalBackend):
    """The classical backend; it notes what it was asked to mask."""

    def __init__(self) -> None:
        self.masked: list[str] = []

    def make_mask(
        self, on_model: Picture, flatlay: Picture | None, request: MaskRequest, report: ReportStep
    ) -> PaintedMask:
        assert on_model.path is not None
        self.masked.append(on_model.path.name)
        return super().make_mask(on_model, flatlay, request, report)


class NotingBackends(Backends):
    def __init__(self) -> None:
        super().__init__()
        self.classical = NotingBackend()
        self._built[EngineName.CLASSICAL] = self.classical


@dataclass
class Studio:
    """Two drawn views of one article, in a real catalog, and a worker for them."""

    folder: Path
    catalog: Catalog
    artifacts: ArtifactStore
    backends: NotingBackends = field(default_factory=NotingBackends)

    def submit(self, *, pairs: int = 2, views: bool = False, color: bool = True) -> list[ReviewItem]:
        """Queue one job for each pair and do all of them."""
        write_demo_set(self.folder / "pictures", 2, extent=Extent(240, 300))
        ready, problems = hashed_pairs(scan([self.folder / "pictures"]).pairs)
        assert not problems
        known = self.catalog.add_pairs(ready)[:pairs]
        others = other_views(known)
        wanted: list[tuple[int, Request]] = []
        for pair in known:
            mask = MaskRequest(EngineName.CLASSICAL)
            match = ColorMatchRequest(
                EngineName.CLASSICAL, mask, tolerance_by_garment=(("upper", Tolerance(50.0, 55.0)),)
            )
            if views:
                match = replace(match, views=others[pair.id])
            wanted.append((pair.id, match if color else mask))
        self.catalog.add_jobs(self.catalog.create_batch("drawn").id, wanted)
        self.work()
        return items_of(self.catalog)

    def work(self) -> list[Job]:
        """Do what is queued, in the order of the queue, as a worker process does; the jobs as they ended."""
        ended: list[Job] = []
        views = Views(self.backends)
        while (job := self.catalog.claim("w", datetime.now(UTC))) is not None:
            pair = self.catalog.pair(job.pair_id)
            try:
                outcome = run_request(pair, job.request, self.backends, views, self.artifacts, lambda *_: None)
            except KnownError as error:
                self.catalog.fail(job.id, "w", failure_of(error), datetime.now(UTC))
            else:
                self.catalog.succeed(job.id, "w", outcome, datetime.now(UTC))
            ended.append(self.catalog.job(job.id))
        return ended

    def item(self, job_id: int) -> ReviewItem:
        return self.catalog.review_item(job_id)

    def alpha(self, item: ReviewItem) -> Alpha:
        return decode_mask(self.artifacts.read(item.outcome.mask.alpha))

    def pixels(self, item: ReviewItem) -> np.ndarray:
        assert item.outcome.match is not None
        return read_picture(self.artifacts.path(item.outcome.match.picture)).pixels


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with SqliteLocation().open(tmp_path / "catalog.db") as (catalog, artifacts):
        yield Studio(tmp_path, catalog, artifacts)
        assert catalog.check() == []


def upper_half(alpha: Alpha, *, soft: int = 0) -> Alpha:
    """The mask without its lower half; ``soft`` is put on its last row."""
    rows = np.flatnonzero(alpha.any(axis=1))
    cut = alpha.copy()
    middle = int(rows.mean())
    cut[middle:] = 0
    if soft:
        cut[middle - 1][cut[middle - 1] > 0] = soft
    return cut


# -- masks by hand --------------------------------------------------------------------------------------------------


def test_a_corrected_mask_is_used_exactly_and_the_colour_is_matched_under_it(studio: Studio) -> None:
    item, other = studio.submit()
    before = studio.alpha(item)
    wanted = upper_half(before, soft=77)
    studio.backends.classical.masked.clear()
    job = correct_mask(studio.catalog, studio.artifacts, item, wanted, author="ada")
    assert job.origin == Origin(item.job.id, Reason.MASK_EDITED, "ada")
    assert (job.state, job.batch_id, job.pair_id) == (JobState.QUEUED, item.job.batch_id, item.pair.id)
    assert job.priority > item.job.priority
    assert [done.state for done in studio.work()] == [JobState.SUCCEEDED]
    assert studio.backends.classical.masked == []
    new = studio.item(job.id)
    assert np.array_equal(studio.alpha(new), wanted)
    assert new.outcome.mask.confidence == 1.0
    sha256 = new.outcome.mask.alpha.sha256
    assert new.outcome.mask.provenance == {"engine": "corrected", "corrected_sha256": sha256, "label": "upper"}
    photograph = read_picture(item.pair.on_model.path).pixels
    assert np.array_equal(studio.pixels(new)[wanted == 0], photograph[wanted == 0])
    assert not np.array_equal(studio.pixels(new)[wanted == 255], photograph[wanted == 255])
    assert new.outcome.match is not None
    assert item.outcome.match is not None
    assert new.outcome.match.before.n_pixels < item.outcome.match.before.n_pixels
    # The garment was found out when the mask was made: the match is still judged by its rule.
    assert new.outcome.match.after.tolerance == item.outcome.match.after.tolerance == Tolerance(50.0, 55.0)
    assert studio.catalog.superseded([item.job.id, other.job.id, job.id]) == {item.job.id}
    # What there was is whole.
    assert studio.item(item.job.id).outcome == item.outcome


def test_a_mask_without_a_match_is_corrected_too(studio: Studio) -> None:
    (item,) = studio.submit(pairs=1, color=False)
    wanted = upper_half(studio.alpha(item))
    job = correct_mask(studio.catalog, studio.artifacts, item, wanted)
    studio.work()
    new = studio.item(job.id)
    assert new.outcome.match is None
    assert np.array_equal(studio.alpha(new), wanted)


def test_a_correction_that_is_taken_back_is_the_earlier_version_again(studio: Studio) -> None:
    (item,) = studio.submit(pairs=1)
    catalog, artifacts = studio.catalog, studio.artifacts
    auto, half = studio.alpha(item), upper_half(studio.alpha(item))
    decide(catalog, [item], Decision.APPROVED)
    two = correct_mask(catalog, artifacts, item, half)
    studio.work()
    quarter = upper_half(half)
    three = correct_mask(catalog, artifacts, studio.item(two.id), quarter)
    studio.work()
    assert [version.job.id for version in history(catalog, item.job.id)] == [three.id, two.id, item.job.id]
    back = correct_mask(catalog, artifacts, studio.item(three.id), half)
    assert (back.id, back.state, back.version) == (two.id, JobState.SUCCEEDED, 4)
    first = correct_mask(catalog, artifacts, studio.item(two.id), auto)
    assert (first.id, first.state) == (item.job.id, JobState.SUCCEEDED)
    assert studio.work() == []
    assert [version.job.id for version in history(catalog, two.id)] == [item.job.id, two.id, three.id]
    assert studio.item(item.job.id).decision is Decision.APPROVED
    # Saving what is there already changes nothing.
    assert correct_mask(catalog, artifacts, studio.item(item.job.id), auto) == catalog.job(item.job.id)
    # An older version that is looked at is brought back by saving it as it is.
    again = correct_mask(catalog, artifacts, studio.item(two.id), half)
    assert (again.id, catalog.superseded([item.job.id, two.id])) == (two.id, {item.job.id})


def test_a_correction_that_failed_is_tried_again_when_it_is_saved_again(studio: Studio) -> None:
    (item,) = studio.submit(pairs=1)
    half = upper_half(studio.alpha(item))
    job = correct_mask(studio.catalog, studio.artifacts, item, half)
    studio.catalog.cancel([job.id])
    again = correct_mask(studio.catalog, studio.artifacts, item, half)
    assert (again.id, again.state, again.version) == (job.id, JobState.QUEUED, 2)


def test_masks_that_cannot_be_are_refused_by_name(studio: Studio) -> None:
    (item,) = studio.submit(pairs=1, color=False)
    good = studio.alpha(item)
    name = item.pair.on_model.path.name
    for wrong, says in ((np.zeros_like(good), "empty"), (good[:-1], "240 × 299")):
        with pytest.raises(KnownError, match=says) as caught:
            correct_mask(studio.catalog, studio.artifacts, item, wrong)
        assert name in str(caught.value)
    assert len(studio.catalog.jobs()) == 1
    edited = replace(item, job=replace(item.job, request=edit_request()))
    with pytest.raises(KnownError, match="edit"):
        correct_mask(studio.catalog, studio.artifacts, edited, good)


def test_a_corrected_mask_that_is_gone_or_of_another_size_fails_with_a_remedy(studio: Studio) -> None:
    (item,) = studio.submit(pairs=1, color=False)
    catalog, artifacts = studio.catalog, studio.artifacts
    gone = correct_mask(catalog, artifacts, item, upper_half(studio.alpha(item)))
    assert isinstance(gone.request, MaskRequest)
    assert gone.request.corrected is not None
    artifacts.path(gone.request.corrected).unlink()
    small = artifacts.put(ArtifactKind.MASK, encode_mask(np.full((10, 10), 255, np.uint8)), ".png")
    origin = Origin(item.job.id, Reason.MASK_EDITED, "ada")
    request = replace(gone.request, corrected=small)
    catalog.add_jobs(item.job.batch_id, [(item.pair.id, request)], origins=[origin])
    first, second = studio.work()
    name = item.pair.on_model.path.name
    for job, says in ((first, "missing"), (second, "10 × 10")):
        assert job.failure is not None
        assert name in job.failure.message
        assert says in job.failure.message
        assert "Correct the mask again" in job.failure.remedy
    assert catalog.superseded([item.job.id]) == set()


def test_the_store_keeps_a_corrected_mask_that_no_outcome_has_yet(studio: Studio) -> None:
    (item,) = studio.submit(pairs=1, color=False)
    half = upper_half(studio.alpha(item))
    job = correct_mask(studio.catalog, studio.artifacts, item, half)
    assert studio.artifacts.sweep(studio.catalog.referenced_artifacts()) == 0
    assert [done.id for done in studio.work()] == [job.id]
    assert np.array_equal(studio.alpha(studio.item(job.id)), half)


def test_the_views_of_an_article_are_solved_under_the_masks_that_were_corrected(studio: Studio) -> None:
    front, back = studio.submit(views=True)
    catalog, artifacts = studio.catalog, studio.artifacts
    studio.backends.classical.masked.clear()
    one = correct_mask(catalog, artifacts, front, upper_half(studio.alpha(front)))
    studio.work()
    # The other view has the mask that the request makes of it; the own one is not made.
    assert studio.backends.classical.masked == [back.pair.on_model.path.name]
    first = studio.item(one.id)
    assert first.outcome.match is not None
    assert first.outcome.match.provenance["views"] == 2
    studio.backends.classical.masked.clear()
    two = correct_mask(catalog, artifacts, back, upper_half(studio.alpha(back)))
    assert isinstance(two.request, ColorMatchRequest)
    assert [view.corrected for view in two.request.views] == [first.outcome.mask.alpha]
    studio.work()
    assert studio.backends.classical.masked == []
    # The very same job in a worker that has seen nothing comes out the same.
    again = run_request(back.pair, two.request, studio.backends, Views(studio.backends), artifacts, lambda *_: None)
    assert again == studio.item(two.id).outcome
    # Both views of the article, each under its corrected mask, find the same goals.
    fresh = replace(first.job.request, views=(replace(view_of(back), corrected=two.request.mask.corrected),))
    seen = run_request(front.pair, fresh, studio.backends, Views(studio.backends), artifacts, lambda *_: None)
    assert seen.match is not None
    assert again.match is not None
    assert seen.match.provenance["views_spread"] == again.match.provenance["views_spread"]


def test_masks_that_were_corrected_first_are_those_of_the_colour_match_that_comes_later(studio: Studio) -> None:
    catalog, artifacts = studio.catalog, studio.artifacts
    write_demo_set(studio.folder / "pictures", 2, extent=Extent(240, 300))
    pairs = scan([studio.folder / "pictures"]).pairs
    masks = BatchPlan(color_match=False, engine=EngineName.CLASSICAL, mask_source=MaskSource.CLASSICAL)
    colors = replace(masks, color_match=True)
    submit(catalog, "masks", pairs, masks)
    studio.work()
    front, _ = items_of(catalog)
    half = upper_half(studio.alpha(front))
    mine = correct_mask(catalog, artifacts, front, half)
    studio.work()
    first = submit(catalog, "colours", pairs, colors)
    studio.work()
    one, two = (studio.item(job.id) for job in first.jobs)
    assert np.array_equal(studio.alpha(one), half)
    assert one.outcome.mask.garment == front.outcome.mask.garment == "upper"
    assert two.outcome.mask.provenance["engine"] == "classical"
    assert isinstance(two.job.request, ColorMatchRequest)
    assert [view.corrected for view in two.job.request.views] == [one.outcome.mask.alpha]
    # The same once more is known, masks and matches.
    assert [job.id for job in submit(catalog, "again", pairs, colors).jobs] == [one.job.id, two.job.id]
    assert submit(catalog, "again", pairs, masks).jobs[0].id == front.job.id
    assert catalog.superseded([front.job.id, mine.id]) == {front.job.id}
    assert studio.work() == []
    # Of a match that was there before the correction, the batch finds the match with its versions.
    back = correct_mask(catalog, artifacts, two, upper_half(studio.alpha(two)))
    studio.work()
    assert [job.id for job in submit(catalog, "again", pairs, colors).jobs] == [one.job.id, two.job.id]
    assert catalog.superseded([two.job.id, back.id]) == {two.job.id}


def view_of(item: ReviewItem) -> View:
    assert item.pair.flatlay is not None
    on_model, flatlay = item.pair.on_model, item.pair.flatlay
    return View(on_model.path, on_model.sha256, flatlay.path, flatlay.sha256)


# -- trying again ---------------------------------------------------------------------------------------------------


def test_colour_is_tried_with_other_lightness_until_nothing_is_left(studio: Studio, monkeypatch) -> None:
    monkeypatch.setattr(versions, "_detection", lambda: None)
    (item,) = studio.submit(pairs=1)
    catalog, newest, seen = studio.catalog, item, {item.job.request}
    for what in ("Queued again with the flatlay's lightness.", "Queued again with the photograph's own lightness."):
        following = try_again(catalog, newest, Reason.COLOR, author="ada")
        assert following.what == what
        assert following.job.request not in seen
        assert following.job.origin == Origin(newest.job.id, Reason.COLOR, "ada")
        assert following.job.priority > item.job.priority
        seen.add(following.job.request)
        # Asked once more before it was done, it is the same one.
        assert try_again(catalog, newest, Reason.COLOR).job.id == following.job.id
        assert [job.state for job in studio.work()] == [JobState.SUCCEEDED]
        newest = studio.item(following.job.id)
    with pytest.raises(KnownError, match="nothing else can be tried for its colour") as caught:
        try_again(catalog, newest, Reason.COLOR)
    assert caught.value.path == item.pair.on_model.path
    pictures = {version.outcome.picture for version in history(catalog, item.job.id)}
    assert len(pictures) == 3, "another strategy makes another picture"
    assert [newest.job.id] == [only.job.id for only in newest_of_each(items_of(catalog)).values()]


def test_the_articles_other_views_are_left_out_last() -> None:
    view = View(Path("/b.jpg"), "b1" * 32, Path("/bf.jpg"), "bf" * 32)
    request = ColorMatchRequest(EngineName.CLASSICAL, mask_request(), views=(view,))
    tried = [
        (r.views, r.lightness, what)
        for r, what in tries(request, match_outcome(), Reason.COLOR, lambda: None)
        if isinstance(r, ColorMatchRequest)
    ]
    flatlay, photograph, measured = LightnessRule.FLATLAY, LightnessRule.PHOTOGRAPH, LightnessRule.MEASURED
    assert [(views, rule) for views, rule, _ in tried] == [
        ((view,), flatlay), ((view,), photograph), ((view,), measured),  # the last one is what was tried first
        ((), measured), ((), photograph), ((), flatlay),
    ]  # fmt: skip
    assert tried[3][2] == "without the article's other views"
    assert tried[5][2] == "without the article's other views and with the flatlay's lightness"


def test_the_flatlays_lightness_is_nearer_to_the_flatlay_than_the_photographs(studio: Studio) -> None:
    (item,) = studio.submit(pairs=1)
    request = item.job.request
    assert isinstance(request, ColorMatchRequest)
    difference: dict[LightnessRule, float] = {}
    for rule in (LightnessRule.FLATLAY, LightnessRule.PHOTOGRAPH):
        ruled = replace(request, lightness=rule)
        outcome = run_request(
            item.pair, ruled, studio.backends, Views(studio.backends), studio.artifacts, lambda *_: None
        )
        assert outcome.match is not None
        difference[rule] = abs(outcome.match.after.dL)
    assert difference[LightnessRule.FLATLAY] < difference[LightnessRule.PHOTOGRAPH]


def test_a_mask_is_tried_from_the_other_source_where_it_is_installed(studio: Studio, monkeypatch) -> None:
    (item,) = studio.submit(pairs=1)
    monkeypatch.setattr(versions, "_detection", lambda: None)
    for reason in (Reason.MASK, Reason.DRIFT, Reason.OTHER):
        with pytest.raises(KnownError, match="nothing else can be tried") as caught:
            try_again(studio.catalog, item, reason)
        assert "by hand" in caught.value.remedy
    monkeypatch.setattr(versions, "_detection", lambda: DETECTION)
    following = try_again(studio.catalog, item, Reason.MASK)
    assert following.what == "Queued again with a detected mask (Grounding DINO and SAM 2)."
    assert isinstance(following.job.request, ColorMatchRequest)
    assert isinstance(item.job.request, ColorMatchRequest)
    mask = following.job.request.mask
    assert (mask.engine, mask.detection) == (EngineName.GROUNDED, DETECTION)
    assert replace(following.job.request, mask=item.job.request.mask) == item.job.request


def test_a_corrected_mask_stays_when_the_colour_is_tried_again(studio: Studio) -> None:
    (item,) = studio.submit(pairs=1)
    half = upper_half(studio.alpha(item))
    job = correct_mask(studio.catalog, studio.artifacts, item, half)
    studio.work()
    following = try_again(studio.catalog, studio.item(job.id), Reason.COLOR)
    studio.work()
    assert np.array_equal(studio.alpha(studio.item(following.job.id)), half)


def asked(request: Request, reason: Reason, number: int = 2) -> list[tuple[Request, str]]:
    outcome = edit_outcome() if request == edit_request() else match_outcome()
    return list(islice(tries(request, outcome, reason, lambda: DETECTION), number))


def test_seeds_follow_those_that_were_used() -> None:
    dreamed = kontext_request(seed=7).mask
    assert dreamed.diffusion is not None
    for reason in (Reason.DRIFT, Reason.OTHER):
        (one, said), (two, _) = asked(dreamed, reason)
        assert isinstance(one, MaskRequest)
        assert isinstance(two, MaskRequest)
        assert one.diffusion == replace(dreamed.diffusion, sampling=replace(dreamed.diffusion.sampling, seed=8))
        assert two.diffusion is not None
        assert two.diffusion.sampling.seed == 9
        assert said == "with seed 8"
    (sure, said), (surer, _) = asked(dreamed, Reason.MASK)
    assert isinstance(sure, MaskRequest)
    assert isinstance(surer, MaskRequest)
    assert sure.diffusion is not None
    assert surer.diffusion is not None
    assert (sure.diffusion.seeds, sure.diffusion.sampling.seed, said) == (3, 8, "with the seeds 8 to 10")
    assert surer.diffusion.sampling.seed == 11
    assert asked(dreamed, Reason.COLOR) == []


def test_a_guide_that_swayed_the_colour_is_painted_again_before_anything_else() -> None:
    request = kontext_request(seed=7)
    used, unused = match_outcome(), match_outcome()
    assert used.match is not None
    used = replace(used, match=replace(used.match, provenance={"guide_weight": 0.5}))
    (first, said) = next(tries(request, used, Reason.COLOR, lambda: None))
    assert isinstance(first, ColorMatchRequest)
    assert first.diffusion is not None
    assert (first.diffusion.sampling.seed, said) == (8, "with seed 8 of the colour guide")
    assert first.mask == request.mask
    (first, _) = next(tries(request, unused, Reason.COLOR, lambda: None))
    assert isinstance(first, ColorMatchRequest)
    assert (first.diffusion, first.lightness) == (request.diffusion, LightnessRule.FLATLAY)


def test_an_edit_is_tried_with_another_seed_of_its_last_turn() -> None:
    request = edit_request()
    (one, said), _ = asked(request, Reason.OTHER)
    assert not isinstance(one, MaskRequest | ColorMatchRequest)
    assert one.turns[0] == request.turns[0]
    assert one.turns[1].diffusion.sampling.seed == request.turns[1].diffusion.sampling.seed + 1
    assert said == "with seed 8"
    assert asked(request, Reason.MASK) == []


def test_one_that_comes_out_the_same_is_not_tried() -> None:
    request = ColorMatchRequest(EngineName.CLASSICAL, mask_request())
    outcome = match_outcome()
    assert outcome.match is not None
    for kept, rule in ((0.0, LightnessRule.PHOTOGRAPH), (0.7, LightnessRule.FLATLAY)):
        known = replace(outcome, match=replace(outcome.match, provenance={"lightness_kept": kept}))
        rules = [r.lightness for r, _ in tries(request, known, Reason.COLOR, lambda: None)]  # type: ignore[union-attr]
        assert rules == [rule, LightnessRule.MEASURED]


# -- export, training -----------------------------------------------------------------------------------------------


def test_the_newest_approved_version_is_exported_and_no_other(studio: Studio) -> None:
    item, other = studio.submit(color=False)
    catalog, artifacts = studio.catalog, studio.artifacts
    full = studio.alpha(item)
    half = upper_half(full)
    plan = ExportPlan(studio.folder / "out", (ExportFormat.MASK,), approved_only=True)

    def exported(plan: ExportPlan = plan) -> dict[str, Alpha]:
        report = export_items(catalog, artifacts, items_of(catalog), plan)
        assert report.failures == ()
        return {path.name: decode_mask(path.read_bytes()) for path in (*report.written, *report.kept)}

    decide(catalog, [item, other], Decision.APPROVED)
    job = correct_mask(catalog, artifacts, item, half)
    studio.work()
    mine = f"{item.pair.on_model.path.stem}_garment-mask.png"
    assert len(exported()) == 2
    assert np.array_equal(exported()[mine], full), "nobody has approved the correction yet"
    assert np.array_equal(exported(replace(plan, approved_only=False))[mine], full)
    decide(catalog, [studio.item(job.id)], Decision.APPROVED)
    assert len(exported()) == 2
    assert np.array_equal(exported()[mine], half)
    decide(catalog, [studio.item(job.id)], Decision.REJECTED)
    assert np.array_equal(exported()[mine], full), "nothing approved is lost"
    decide(catalog, [item], Decision.PENDING)
    for every in (plan, replace(plan, approved_only=False)):
        assert mine not in exported(every), "the newest is rejected, and nothing else approved"


def test_another_result_of_the_photograph_that_is_not_exported_leaves_the_name_alone(studio: Studio) -> None:
    (item,) = studio.submit(pairs=1, color=False)
    catalog = studio.catalog
    decide(catalog, [item], Decision.APPROVED)
    other = MaskRequest(EngineName.CLASSICAL, garment="upper")
    catalog.add_jobs(item.job.batch_id, [(item.pair.id, other)])
    studio.work()
    plan = ExportPlan(studio.folder / "out", (ExportFormat.MASK,), approved_only=True)
    stem = item.pair.on_model.path.stem
    (plain,) = export_items(catalog, studio.artifacts, items_of(catalog), plan).written
    assert plain.name == f"{stem}_garment-mask.png"
    # Once both are exported, the one that has its name keeps it.
    both = export_items(catalog, studio.artifacts, items_of(catalog), replace(plan, approved_only=False))
    assert both.kept == (plain,)
    assert [path.name for path in both.written] == [f"{stem}_{item.job.id + 1}_garment-mask.png"]


def test_a_training_mark_is_put_and_taken_away(studio: Studio) -> None:
    (item,) = studio.submit(pairs=1, color=False)
    mark_for_training(studio.catalog, item.job.id, True, author="ada")
    (mark,) = studio.catalog.training_marks()
    assert (mark.job_id, mark.author) == (item.job.id, "ada")
    mark_for_training(studio.catalog, item.job.id, False)
    assert studio.catalog.training_marks() == []


# -- older catalogs -------------------------------------------------------------------------------------------------

# As the version before this one wrote them.
OLD_MASK = (
    '{"detection":null,"diffusion":null,"engine":"classical","garment":"shirt","name":"garment","type":"MaskRequest"}',
    "83c4291fae8b1994bbc6ff89450c4f30d16a901a762a2bc3377e01b08fd6544c",
)
OLD_MATCH = (
    '{"diffusion":null,"engine":"classical","mask":{"detection":null,"diffusion":null,"engine":"classical",'
    '"garment":"shirt","name":"garment"},"tolerance":{"k_C":1.0,"k_H":1.0,"k_L":1.0,"passes":3.0,"warns":5.0},'
    '"tolerance_by_garment":[],"type":"ColorMatchRequest","views":[{"flatlay":"/studio/bf.jpg","flatlay_sha256":'
    '"bfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbf","on_model":"/studio/b.jpg",'
    '"on_model_sha256":"b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1"}]}',
    "62be70f5d06c24728d01f5aaa2415cb0a89b55964e5ff447247141860a4645b9",
)


def test_requests_of_older_catalogs_are_read_and_keep_their_hashes() -> None:
    view = View(Path("/studio/b.jpg"), "b1" * 32, Path("/studio/bf.jpg"), "bf" * 32)
    match = ColorMatchRequest(EngineName.CLASSICAL, mask_request(), views=(view,))
    for (text, digest), request in ((OLD_MASK, mask_request()), (OLD_MATCH, match)):
        assert from_json(text, Request) == request
        assert to_json(request, Request) == text
        assert request_hash(request) == digest
    assert request_hash(kontext_request()) == "46384096a1f1343e8c1324dbc1aa3cf34c2dec5120edb16e34fe5203efd8effd"
    assert request_hash(edit_request(1)) == "106f3d92908f63dde6355d3632e116b537c1f3398776d867d2626f094c0f4ef8"


def test_what_is_new_in_a_request_is_in_its_hash() -> None:
    ref = match_outcome().mask.alpha
    view = View(Path("/studio/b.jpg"), "b1" * 32, Path("/studio/bf.jpg"), "bf" * 32)
    match = ColorMatchRequest(EngineName.CLASSICAL, mask_request(), views=(view,))
    requests: tuple[Request, ...] = (
        match,
        replace(match, mask=replace(match.mask, corrected=ref)),
        replace(match, mask=replace(match.mask, corrected=replace(ref, sha256="0" * 64))),
        replace(match, views=(replace(view, corrected=ref),)),
        replace(match, lightness=LightnessRule.FLATLAY),
        replace(mask_request(), corrected=ref),
    )
    assert len({request_hash(request) for request in requests}) == len(requests)
    for request in requests:
        assert from_json(to_json(request, Request), Request) == request


def test_a_catalog_of_the_third_revision_knows_its_jobs_and_takes_versions_of_them(tmp_path: Path) -> None:
    path, third = tmp_path / "catalog.db", tmp_path / "third"
    (third / "versions").mkdir(parents=True)
    for file in MIGRATIONS.rglob("*.py"):
        if file.parent != MIGRATIONS / "versions" or file.name <= "0003_z":
            (third / file.relative_to(MIGRATIONS)).write_bytes(file.read_bytes())
    upgrade(path, migrations=third, head="0003")
    asset = "(path, sha256, size_bytes, role, width, height, format, mode, bit_depth, notices)"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            f"INSERT INTO asset {asset} VALUES ('/a.jpg', 'a', 1, 'on_model', 4, 5, 'JPEG', 'RGB', 8, '[]')"
        )
        connection.execute("INSERT INTO pair (sku, view, garment, on_model_id) VALUES ('A1', '', 'shirt', 1)")
        connection.execute("INSERT INTO batch (name, created_at) VALUES ('old', '2026-03-29T12:00:00.123456Z')")
        job = "(batch_id, pair_id, request_json, request_hash, state, attempt, priority, position, created_at)"
        values = (*OLD_MASK, "queued", 0, 0, 0, "2026-03-29T12:00:00.123456Z")
        connection.execute(f"INSERT INTO job {job} VALUES (1, 1, ?, ?, ?, ?, ?, ?, ?)", values)
        connection.commit()
    with SqliteLocation().open(path) as (catalog, _):
        assert catalog.check() == []
        (old,) = catalog.jobs()
        assert (old.request, old.origin, old.chain, old.version) == (mask_request(), None, None, 1)
        (again,) = catalog.add_jobs(1, [(1, mask_request())])
        assert again == old, "what an older version queued or did is not queued again"
        corrected = replace(mask_request(), corrected=match_outcome().mask.alpha)
        (new,) = catalog.add_jobs(1, [(1, corrected)], origins=[Origin(old.id, Reason.MASK_EDITED, "ada")])
        assert [job.id for job in catalog.versions(old.id)] == [new.id, old.id]
        assert catalog.check() == []
