"""Masks that were corrected by hand, on drawn photographs: what becomes of them, and of the colour under them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.domain.artifacts import ArtifactKind
from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.domain.jobs import JobState, Origin, Reason
from engine.domain.requests import (
    ColorMatchRequest,
    EngineName,
    MaskRequest,
    Tolerance,
)
from engine.domain.review import Decision
from engine.imaging.drawn import write_demo_set
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.encode import encode_mask
from engine.services.intake import scan
from engine.services.plan import BatchPlan, MaskSource
from engine.services.queue import submit
from engine.services.review import decide, items_of
from engine.services.versions import correct_mask, history
from engine.worker.pipeline import run_request
from engine.worker.views import Views
from tests.contract.factories import edit_request
from tests.unit.studio import Studio, open_studio, upper_half, view_of

if TYPE_CHECKING:
    pass


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with open_studio(tmp_path) as studio:
        yield studio


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
