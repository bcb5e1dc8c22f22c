"""What is tried next for a result that was rejected, until nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.domain.errors import KnownError
from engine.domain.jobs import JobState, Origin, Reason
from engine.domain.requests import (
    ColorMatchRequest,
    DetectionSettings,
    EngineName,
    LightnessRule,
    MaskRequest,
    Request,
    View,
)
from engine.services import versions
from engine.services.review import items_of
from engine.services.tries import tries
from engine.services.versions import correct_mask, history, newest_of_each, try_again
from engine.worker.pipeline import run_request
from engine.worker.views import Views
from tests.contract.factories import edit_outcome, edit_request, kontext_request, mask_request, match_outcome
from tests.unit.studio import Studio, open_studio, upper_half

if TYPE_CHECKING:
    pass

DETECTION = DetectionSettings("/models/dino", "/models/sam", ())


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with open_studio(tmp_path) as studio:
        yield studio


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
