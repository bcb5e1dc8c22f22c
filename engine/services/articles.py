"""The views of one article: which photographs are solved together, and how far apart their colours are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.domain.assets import AssetPair
from engine.domain.requests import View
from engine.domain.results import DeltaEReport, LabColor
from engine.domain.review import ReviewItem

MOST_VIEWS = 12
"""Of one article that are solved together. A number that stands for a whole rail of garments (or for nothing) must not
make every job read hundreds of photographs."""


ArticleKey = tuple[str, str, Path]
"""Number, garment and folder: two folders may both have a ``look_7``."""


def article_key(pair: AssetPair) -> ArticleKey:
    """What photographs of one article have in common."""
    return pair.sku, pair.garment, pair.on_model.path.parent


def other_views(pairs: Sequence[AssetPair]) -> dict[int, tuple[View, ...]]:
    """For each pair's id the views of the same article, without its own, in a fixed order."""
    articles: defaultdict[ArticleKey, dict[int, View]] = defaultdict(dict)
    for pair in pairs:
        if pair.sku and pair.flatlay is not None:
            articles[article_key(pair)][pair.id] = View(
                pair.on_model.path, pair.on_model.sha256, pair.flatlay.path, pair.flatlay.sha256
            )
    others: dict[int, tuple[View, ...]] = {pair.id: () for pair in pairs}
    for views in articles.values():
        # One photograph dropped twice is one view.
        distinct = {(view.on_model_sha256, view.flatlay_sha256): view for view in views.values()}
        chosen = [distinct[key] for key in sorted(distinct)][:MOST_VIEWS]
        for number, own in views.items():
            others[number] = tuple(view for view in chosen if _differs(view, own))
    return others


def _differs(one: View, two: View) -> bool:
    return (one.on_model_sha256, one.flatlay_sha256) != (two.on_model_sha256, two.flatlay_sha256)


@dataclass(frozen=True, slots=True)
class ArticleSpread:
    """How far apart the views of an article are.

    Attributes
    ----------
    before, after : float
        Largest ΔE00 between the means of the main common colour in any two views, as photographed and as matched.
    """

    sku: str
    garment: str
    views: int
    before: float
    after: float


def article_spreads(items: Iterable[ReviewItem]) -> dict[ArticleKey, ArticleSpread]:
    """The spread of every article of which several views were matched and show a common colour."""
    articles: defaultdict[ArticleKey, list[tuple[DeltaEReport, DeltaEReport]]] = defaultdict(list)
    for item in items:
        match = item.outcome.match
        if match is not None and item.pair.sku:
            articles[article_key(item.pair)].append((match.before, match.after))
    spreads: dict[ArticleKey, ArticleSpread] = {}
    for key, reports in articles.items():
        before, after = (_spread([pair[side] for pair in reports]) for side in (0, 1))
        if before is not None and after is not None:
            spreads[key] = ArticleSpread(key[0], key[1], len(reports), before, after)
    return spreads


def _spread(reports: Sequence[DeltaEReport]) -> float | None:
    """The spread of the flatlay colour that all reports show; the one that is largest where it is smallest."""
    if len(reports) < 2:
        return None
    from engine.imaging.color.views import spread

    shown = [
        {line.reference_color: line for line in report.palette if line.color is not None and line.reference_color}
        for report in reports
    ]
    common = set(shown[0]).intersection(*shown[1:])
    if common:
        main = max(common, key=lambda color: (min(lines[color].share for lines in shown), color))
        means = [lines[main].color for lines in shown]
    elif all(len(report.palette) == 1 for report in reports):  # plain, each with a flatlay of its own
        means = [report.palette[0].color for report in reports]
    else:
        return None
    import numpy as np

    return spread([np.array(mean) for mean in _known(means)])


def _known(means: Iterable[LabColor | None]) -> list[LabColor]:
    return [mean for mean in means if mean is not None]
