"""Which photographs are views of one article, and how far apart their matched colours are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain.assets import AssetPair, NewPair
from engine.domain.requests import ColorMatchRequest, EngineName
from engine.domain.results import LabColor, PaletteLine, Verdict
from engine.domain.review import ReviewItem
from engine.imaging.color.difference import delta_E_2000
from engine.services.articles import MOST_VIEWS, article_spreads, other_views
from engine.services.plan import BatchPlan, EngineChoice, requests_for
from storage.location import SqliteLocation
from tests.contract.factories import NOON, color_match_request, delta_e_report, match_outcome, new_asset, new_pair

RED, BLUE = (45.0, 55.0, 30.0), (30.0, 8.0, -40.0)


def view(number: int, sku: str = "A1", garment: str = "shirt") -> NewPair:
    """The photograph ``number`` of an article; all views share a flatlay."""
    shared = new_asset(f"{sku}_flat.jpg")
    return replace(new_pair(number, sku=sku), flatlay=shared, view=str(number), garment=garment)


def stored(tmp_path: Path, pairs: Sequence[NewPair]) -> list[AssetPair]:
    with SqliteLocation().open(tmp_path / "catalog.db") as (catalog, _):
        return catalog.add_pairs(list(pairs))


def test_views_of_one_number_and_garment_belong_together(tmp_path: Path) -> None:
    front, back, other, trousers, lonely = stored(
        tmp_path, [view(1), view(2), view(3, "B2"), view(4, "A1", "trousers"), view(5, "")]
    )
    views = other_views([front, back, other, trousers, lonely])
    assert [v.on_model_sha256 for v in views[front.id]] == [back.on_model.sha256]
    assert [v.on_model_sha256 for v in views[back.id]] == [front.on_model.sha256]
    assert views[other.id] == views[trousers.id] == views[lonely.id] == ()


def test_one_number_in_two_folders_is_two_articles(tmp_path: Path) -> None:
    one, two = view(1), view(2)
    elsewhere = replace(two.on_model, path=two.on_model.path.parent / "south" / two.on_model.path.name)
    pairs = stored(tmp_path, [one, replace(two, on_model=elsewhere)])
    assert set(other_views(pairs).values()) == {()}


def test_the_order_of_the_drop_does_not_matter(tmp_path: Path) -> None:
    pairs = stored(tmp_path, [view(n) for n in range(1, 5)])
    assert other_views(pairs) == other_views(pairs[::-1])
    assert len(other_views(pairs)[pairs[0].id]) == 3


def test_a_rail_of_garments_under_one_number_is_cut_off(tmp_path: Path) -> None:
    pairs = stored(tmp_path, [view(n) for n in range(1, MOST_VIEWS + 6)])
    views = other_views(pairs)
    assert all(MOST_VIEWS - 1 <= len(others) <= MOST_VIEWS for others in views.values())
    assert len({v for others in views.values() for v in others}) == MOST_VIEWS


def test_the_request_names_the_views(tmp_path: Path) -> None:
    front, back = stored(tmp_path, [view(1), view(2)])
    engine = EngineChoice(EngineName.CLASSICAL, None)
    (request,) = requests_for(front, BatchPlan(), engine, other_views([front, back])[front.id])
    assert isinstance(request, ColorMatchRequest)
    assert [v.on_model for v in request.views] == [back.on_model.path]
    (mask,) = requests_for(front, BatchPlan(color_match=False), engine, other_views([front, back])[front.id])
    assert not isinstance(mask, ColorMatchRequest)


def items(tmp_path: Path, means: Sequence[tuple[LabColor, LabColor]], sku: str = "A1") -> list[ReviewItem]:
    """One finished match for each (before, after) mean, in a real catalog."""
    with SqliteLocation().open(tmp_path / "catalog.db") as (catalog, _):
        pairs = catalog.add_pairs([view(n + 1, sku) for n in range(len(means))])
        catalog.add_jobs(catalog.create_batch("one").id, [(pair.id, color_match_request()) for pair in pairs])
        for before, after in means:
            job = catalog.claim("w1", NOON)
            assert job is not None
            outcome = match_outcome(str(job.id))
            assert outcome.match is not None
            one, two = (
                replace(delta_e_report(), palette=(PaletteLine(color, 1.0, RED, 1.0, 1.0, Verdict.PASS),))
                for color in (before, after)
            )
            match = replace(outcome.match, before=one, after=two)
            assert catalog.succeed(job.id, "w1", replace(outcome, match=match), NOON)
        return catalog.review_items()


def test_the_spread_is_the_largest_distance_between_two_views(tmp_path: Path) -> None:
    before = [(40.0, 50.0, 30.0), (50.0, 50.0, 30.0), (45.0, 40.0, 30.0)]
    (found,) = article_spreads(items(tmp_path, [(color, RED) for color in before])).values()
    assert (found.sku, found.views) == ("A1", 3)
    assert found.after == 0
    assert found.before == pytest.approx(max(float(delta_E_2000(a, b)) for a in before for b in before))


def test_a_single_view_has_no_spread(tmp_path: Path) -> None:
    assert article_spreads(items(tmp_path, [(RED, RED)])) == {}


def test_views_without_a_common_colour_have_no_spread(tmp_path: Path) -> None:
    one, two = items(tmp_path, [(RED, RED), (RED, RED)])
    assert two.outcome.match is not None
    line = PaletteLine(BLUE, 1.0, BLUE, 1.0, 1.0, Verdict.PASS)
    strange = replace(two.outcome.match.after, palette=(line, replace(line, reference_color=(1.0, 2.0, 3.0))))
    match = replace(two.outcome.match, before=strange, after=strange)
    assert article_spreads([one, replace(two, outcome=replace(two.outcome, match=match))]) == {}
