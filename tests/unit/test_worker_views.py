"""The worker solves the views of an article together, and masks none of them twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from engine.domain.assets import AssetPair
from engine.domain.geometry import Extent
from engine.domain.picture import PaintedMask, Picture
from engine.domain.requests import ColorMatchRequest, EngineName, MaskRequest, Tolerance
from engine.domain.results import JobOutcome
from engine.imaging.drawn import write_demo_set
from engine.imaging.raster.encode import decode_mask
from engine.inference.classical import ClassicalBackend
from engine.ports import ArtifactStore, Backend, ReportStep
from engine.services.articles import other_views
from engine.services.intake import hashed_pairs, scan
from engine.worker.backends import Backends
from engine.worker.pipeline import run_request
from engine.worker.views import Views
from storage.location import SqliteLocation


class CountingBackend(ClassicalBackend):
    """The classical backend; it notes what it was asked to mask."""

    def __init__(self) -> None:
        self.masked: list[str] = []

    def make_mask(
        self, on_model: Picture, flatlay: Picture | None, request: MaskRequest, report: ReportStep
    ) -> PaintedMask:
        assert on_model.path is not None
        self.masked.append(on_model.path.name)
        return super().make_mask(on_model, flatlay, request, report)


class OneBackend(Backends):
    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self._built[EngineName.CLASSICAL] = backend


@dataclass(frozen=True)
class Article:
    """Two drawn views of one article in a real catalog, and a worker's things."""

    pairs: list[AssetPair]
    artifacts: ArtifactStore
    backend: CountingBackend
    views: Views

    def match(self, pair: AssetPair, *, together: bool = True) -> JobOutcome:
        mask = MaskRequest(EngineName.CLASSICAL, garment=pair.garment)
        request = ColorMatchRequest(EngineName.CLASSICAL, mask)
        if together:
            request = replace(request, views=other_views(self.pairs)[pair.id])
        return run_request(pair, request, OneBackend(self.backend), self.views, self.artifacts, lambda *_: None)


@pytest.fixture
def article(tmp_path: Path) -> Iterator[Article]:
    folder = tmp_path / "pictures"
    write_demo_set(folder, 2, extent=Extent(360, 450))
    ready, problems = hashed_pairs(scan([folder]).pairs)
    assert not problems
    backend = CountingBackend()
    with SqliteLocation().open(tmp_path / "catalog.db") as (catalog, artifacts):
        pairs = catalog.add_pairs(ready)
        assert len({pair.sku for pair in pairs}) == 1
        yield Article(pairs, artifacts, backend, Views(OneBackend(backend)))


def figure(outcome: JobOutcome, name: str) -> float:
    assert outcome.match is not None
    return float(outcome.match.provenance[name])


def test_the_views_agree_and_each_is_masked_once(article: Article) -> None:
    one, two = (article.match(pair) for pair in article.pairs)
    assert sorted(article.backend.masked) == sorted(pair.on_model.path.name for pair in article.pairs)
    assert figure(one, "views") == figure(two, "views") == 2
    assert figure(one, "views_spread") == figure(two, "views_spread") < 1
    assert figure(one, "views_spread") < figure(one, "views_spread_before")


def test_a_remembered_mask_is_the_made_one(article: Article) -> None:
    first = article.match(article.pairs[0])
    again = article.match(article.pairs[0])
    assert len(article.backend.masked) == 2
    assert again.mask.alpha == first.mask.alpha
    assert again.match is not None
    assert first.match is not None
    assert again.match.picture == first.match.picture


def test_a_view_that_is_gone_does_not_hold_up_the_others(article: Article) -> None:
    front, other = article.pairs
    views = other_views(article.pairs)[front.id]
    gone = replace(views[0], on_model=views[0].on_model.with_name("gone.jpg"), on_model_sha256="0" * 64)
    request = ColorMatchRequest(EngineName.CLASSICAL, MaskRequest(EngineName.CLASSICAL), views=(gone,))
    outcome = run_request(
        front, request, OneBackend(article.backend), article.views, article.artifacts, lambda *_: None
    )
    alone = article.match(front, together=False)
    assert outcome.match is not None
    assert alone.match is not None
    assert outcome.match.picture == alone.match.picture
    assert any("gone.jpg had no say" in notice for notice in outcome.notices)
    assert other.on_model.path.name not in article.backend.masked


def test_another_article_under_the_same_number_has_no_say(article: Article, tmp_path: Path) -> None:
    folder = tmp_path / "strangers"
    write_demo_set(folder, 3, seed=5, extent=Extent(360, 450))
    strangers, _ = hashed_pairs(scan([folder]).pairs)
    with SqliteLocation().open(tmp_path / "other.db") as (catalog, _):
        stranger = catalog.add_pairs([pair for pair in strangers if pair.sku != article.pairs[0].sku])[0]
    pairs = [article.pairs[0], replace(stranger, id=77, sku=article.pairs[0].sku, garment=article.pairs[0].garment)]
    (views,) = (other_views(pairs)[article.pairs[0].id],)
    request = ColorMatchRequest(EngineName.CLASSICAL, MaskRequest(EngineName.CLASSICAL), views=views)
    outcome = run_request(
        pairs[0], request, OneBackend(article.backend), article.views, article.artifacts, lambda *_: None
    )
    assert outcome.match is not None
    assert "views" not in outcome.match.provenance


def test_a_garment_that_was_found_is_judged_by_its_own_rule(article: Article) -> None:
    own = Tolerance(passes=50.0, warns=55.0)
    front = article.pairs[0]
    for rules, wanted in (((("upper", own),), own), ((("lower", own),), Tolerance())):
        request = ColorMatchRequest(EngineName.CLASSICAL, MaskRequest(EngineName.CLASSICAL), tolerance_by_garment=rules)
        outcome = run_request(
            front, request, OneBackend(article.backend), article.views, article.artifacts, lambda *_: None
        )
        assert outcome.match is not None
        assert outcome.match.after.tolerance == wanted


def test_progress_never_goes_back_and_ends_at_the_end(article: Article) -> None:
    seen: list[tuple[int, int]] = []
    front = article.pairs[0]
    request = ColorMatchRequest(
        EngineName.CLASSICAL, MaskRequest(EngineName.CLASSICAL), views=other_views(article.pairs)[front.id]
    )

    def report(step: int, total: int, label: str) -> None:
        assert label
        seen.append((step, total))

    run_request(front, request, OneBackend(article.backend), article.views, article.artifacts, report)
    steps = [step for step, _ in seen]
    assert steps == sorted(steps)
    assert {total for _, total in seen} == {steps[-1]}
    assert len(set(steps)) > 5  # a step within a step: the other view


class UndecidedBackend(ClassicalBackend):
    """Says that its mask came out differently in its upper half."""

    def make_mask(
        self, on_model: Picture, flatlay: Picture | None, request: MaskRequest, report: ReportStep
    ) -> PaintedMask:
        mask = super().make_mask(on_model, flatlay, request, report)
        disagreement = np.zeros_like(mask.alpha)
        disagreement[: len(disagreement) // 2] = 200
        return replace(mask, disagreement=disagreement)


def test_where_seeds_disagree_is_stored_beside_the_mask(article: Article) -> None:
    request = MaskRequest(EngineName.CLASSICAL)
    front = article.pairs[0]
    sure, undecided = (
        run_request(front, request, OneBackend(backend), article.views, article.artifacts, lambda *_: None).previews
        for backend in (article.backend, UndecidedBackend())
    )
    assert sure.disagreement is None
    assert undecided.disagreement is not None
    stored = decode_mask(article.artifacts.read(undecided.disagreement))
    assert (int(stored[0].max()), int(stored[-1].max())) == (200, 0)
