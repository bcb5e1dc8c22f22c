"""Columns sort and filter as the rule for one row says."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from engine.domain.jobs import Reason
from engine.domain.requests import Tolerance
from engine.domain.results import Verdict
from engine.domain.review import Decision, ResultKind, Review, ReviewRow
from gui.review.filter import Finding, ReviewFilter, SortOrder, sort_key
from gui.review.result_columns import ResultColumns

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("IMG_1.jpg", "img_1.JPG", "Straße.jpg", "hérisson.jpg", "a-very-long-name-that-goes-on-", "a\udcff.jpg")
FILTERS = (
    ReviewFilter(),
    ReviewFilter(superseded=True),
    ReviewFilter(decision=Decision.APPROVED),
    ReviewFilter(finding=Finding.UNSURE),
    ReviewFilter(garment="coat"),
    ReviewFilter(garment="no such garment"),
    ReviewFilter(sku="sku1"),
    ReviewFilter(delta_E_from=1.0),
    ReviewFilter(delta_E_to=2.5, rating=2),
    ReviewFilter(text="img"),
    ReviewFilter(text="strasse front"),
    ReviewFilter(text="sleeve jpg", sku="SKU", superseded=True),
    ReviewFilter(text="nowhere"),
)


def made(job_id: int, rng: random.Random) -> ReviewRow:
    """A result whose figures repeat often, so that many are alike."""
    delta_E = rng.choice((None, 0.5, 1.0, 2.5, 7.0))
    stem = rng.choice(NAMES)
    return ReviewRow(
        change=job_id, job_id=job_id, batch_id=1, pair_id=job_id, kind=ResultKind.COLOR_MATCH,
        sku=rng.choice(("SKU1", "sku12", "X-SKU1")), view=rng.choice(("front", "back")),
        garment=rng.choice(("coat", "shirt", "")), name=stem + rng.choice(("", "x", "Y", "1")), folder="/studio",
        mask_name="garment", confidence=rng.choice((0.2, 0.6, 0.9)), delta_E_before=delta_E, delta_E_after=delta_E,
        verdict=None if delta_E is None else rng.choice(list(Verdict)), tolerance=Tolerance(), picture_sha256="0" * 64,
        picture_suffix=".jpg", picture_bytes=1, has_disagreement=False, finished_at=NOW,
        decision=rng.choice(list(Decision)), rating=rng.randrange(6), reason=None,
        note=rng.choice(("", "", "Sleeve\0too long")), reviewer="", reviewed_at=None, marked_for_training=False,
        version=1, superseded_by=rng.choice((None, None, 5)),
    )  # fmt: skip


@pytest.fixture
def rows() -> list[ReviewRow]:
    rng = random.Random(3)
    made_rows = [made(job_id, rng) for job_id in range(1, 1501)]
    rng.shuffle(made_rows)
    return made_rows


def expected(rows: list[ReviewRow], order: SortOrder, filter: ReviewFilter) -> list[int]:
    admitted = [row for row in rows if filter.admits(row)]
    return [row.job_id for row in sorted(admitted, key=lambda row: sort_key(row, order))]


@pytest.mark.parametrize("order", SortOrder)
def test_every_order_and_filter_is_that_of_single_rows(rows: list[ReviewRow], order: SortOrder) -> None:
    columns = ResultColumns()
    for start in range(0, len(rows), 400):
        columns.keep(rows[start : start + 400])
    some = 0
    for filter in FILTERS:
        arranged = columns.arranged(order, filter)
        assert arranged == expected(rows, order, filter), filter
        some += 0 < len(arranged) < len(rows)
    assert some >= 10, "the filters tell the rows apart"


def test_rows_come_out_as_they_went_in(rows: list[ReviewRow]) -> None:
    columns = ResultColumns()
    full = rows[0]._replace(
        batch_id=7, kind=ResultKind.EDIT, mask_name="color", reason=Reason.COLOR, note="color", reviewer="Ada",
        reviewed_at=datetime(2026, 3, 1, 12, 30, 1, 999_999, UTC), picture_sha256="00ff" * 15 + "ab00",
        picture_bytes=1 << 40, has_disagreement=True, marked_for_training=True, version=3, superseded_by=1 << 33,
        tolerance=Tolerance(passes=1.5), finished_at=datetime(2026, 3, 1, 0, 0, 0, 1, UTC), confidence=0.1,
    )  # fmt: skip
    bare = rows[1]._replace(tolerance=None, verdict=None, delta_E_before=None, delta_E_after=None, note="")
    given = [full, bare, *rows[2:]]
    columns.keep(given[:700])
    columns.keep(given[700:])
    assert list(columns) == given
    taken = columns[full.job_id]
    assert [type(value) for value in taken] == [type(value) for value in full]
    wanted = list(reversed(given))
    pending = [(place, row.job_id) for place, row in enumerate(wanted) if row.decision is Decision.PENDING]
    assert list(columns.undecided(row.job_id for row in wanted)) == pending
    assert columns.rows(row.job_id for row in wanted) == wanted


def test_what_has_changed_is_sorted_and_found_anew(rows: list[ReviewRow]) -> None:
    columns = ResultColumns()
    columns.keep(rows)
    wanted = ReviewFilter(text="wrinkled")
    assert columns.arranged(SortOrder.BEST_RATED, wanted) == []
    review = Review(rows[0].job_id, Decision.REJECTED, "r", "wrinkled", NOW, rating=5)
    rows[0] = rows[0].reviewed(review)._replace(superseded_by=None, name="0.jpg")
    new = rows[1]._replace(job_id=9999, note="wrinkled", superseded_by=None)
    columns.keep([rows[0]])
    columns.keep([new])
    assert columns.get(9999) == new
    assert columns[rows[0].job_id] == rows[0]
    assert set(columns.arranged(SortOrder.BEST_RATED, wanted)) == {rows[0].job_id, 9999}
    for order in SortOrder:
        assert columns.arranged(order, ReviewFilter()) == expected([*rows, new], order, ReviewFilter())
    rejected = replace(wanted, decision=Decision.REJECTED)
    assert rows[0].job_id in columns.arranged(SortOrder.NAME, rejected)


def test_an_empty_list_is_sorted() -> None:
    columns = ResultColumns()
    assert [columns.arranged(order, filter) for order in SortOrder for filter in FILTERS] == [[]] * 5 * len(FILTERS)
    assert columns.get(1) is None
    assert not columns
