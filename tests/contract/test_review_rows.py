"""What every catalog must tell of results for lists: slim rows in the order of their changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain.errors import BugError
from engine.domain.jobs import Job, Origin, Reason
from engine.domain.results import JobOutcome
from engine.domain.review import Decision, ResultKind, Review, ReviewItem, ReviewRow
from engine.ports import Catalog, CatalogLocation
from engine.services.export.plan import items_to_export
from tests.contract.catalogs import LOCATIONS, fill, succeeded
from tests.contract.factories import (
    after,
    color_match_request,
    edit_outcome,
    edit_request,
    kontext_request,
    mask_outcome,
    mask_request,
    match_outcome,
    new_asset,
    new_pair,
)


@pytest.fixture(params=sorted(LOCATIONS))
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    location: CatalogLocation = LOCATIONS[request.param]()
    with location.open(tmp_path / "catalog.db") as (catalog, _):
        yield catalog


def finished(catalog: Catalog, *outcomes: JobOutcome) -> list[Job]:
    """One batch with a finished job for each."""
    jobs = fill(catalog, len(outcomes))
    assert [succeeded(catalog, outcome, after(n)).id for n, outcome in enumerate(outcomes)] == [j.id for j in jobs]
    return [catalog.job(job.id) for job in jobs]


def told(item: ReviewItem) -> ReviewRow:
    """The row that belongs to an item, as far as the item says it; the change is left at 0."""
    match, review = item.outcome.match, item.review
    picture = item.outcome.previews.matched or item.outcome.previews.on_model
    kind = ResultKind.EDIT if item.outcome.edit else ResultKind.COLOR_MATCH if match else ResultKind.MASK
    assert item.job.finished_at is not None
    return ReviewRow(
        change=0,
        job_id=item.job.id,
        batch_id=item.job.batch_id,
        pair_id=item.pair.id,
        kind=kind,
        sku=item.pair.sku,
        view=item.pair.view,
        garment=item.pair.garment,
        name=item.pair.on_model.path.name,
        folder=str(item.pair.on_model.path.parent),
        mask_name=item.outcome.mask.name,
        confidence=item.outcome.mask.confidence,
        delta_E_before=match.before.delta_E if match else None,
        delta_E_after=match.after.delta_E if match else None,
        verdict=match.after.verdict if match else None,
        tolerance=match.after.tolerance if match else None,
        picture_sha256=picture.sha256,
        picture_suffix=picture.suffix,
        picture_bytes=picture.size_bytes,
        has_disagreement=item.outcome.previews.disagreement is not None,
        finished_at=item.job.finished_at,
        decision=item.decision,
        rating=review.rating if review else 0,
        reason=review.reason if review else None,
        note=review.note if review else "",
        reviewer=review.reviewer if review else "",
        reviewed_at=review.at if review else None,
        marked_for_training=False,
        version=1,
        superseded_by=None,
    )


def ids(rows: list[ReviewRow]) -> list[int]:
    return [row.job_id for row in rows]


def last(rows: list[ReviewRow]) -> int:
    return max(row.change for row in rows)


def test_a_row_tells_what_the_item_tells(catalog: Catalog) -> None:
    jobs = finished(catalog, mask_outcome("1"), match_outcome("2"), edit_outcome("3"))
    review = Review(jobs[1].id, Decision.REJECTED, "Ada", "Kragen ≠ Flatlay", after(5), 4, Reason.COLOR)
    catalog.add_reviews([replace(review, decision=Decision.APPROVED, rating=1, reason=None), review])
    rows = catalog.review_rows()
    items = {item.job.id: item for item in catalog.review_items()}
    assert items[jobs[1].id].review == review
    assert {row.job_id: row._replace(change=0) for row in rows} == {i: told(item) for i, item in items.items()}
    (row,) = (row for row in rows if row.job_id == jobs[1].id)
    assert row.review == review
    assert row.path == items[row.job_id].pair.on_model.path
    assert row.picture == items[row.job_id].outcome.previews.matched
    assert next(row for row in rows if row.job_id == jobs[0].id).review is None


def test_a_path_that_is_not_utf_8_comes_back(catalog: Catalog) -> None:
    path = Path(b"/studio/\xff\xfe/000001_model.jpg".decode("utf-8", "surrogateescape"))
    pair = replace(new_pair(), on_model=replace(new_asset("x"), path=path))
    (known,) = catalog.add_pairs([pair])
    catalog.add_jobs(catalog.create_batch("b").id, [(known.id, mask_request())])
    succeeded(catalog, mask_outcome())
    assert catalog.review_rows()[0].path == path


def test_pages_follow_each_other_without_gap_or_overlap(catalog: Catalog) -> None:
    jobs = finished(catalog, *(match_outcome(str(n)) for n in range(7)))
    whole = catalog.review_rows()
    assert ids(whole) == [job.id for job in jobs], "in the order in which they finished"
    paged: list[ReviewRow] = []
    while page := catalog.review_rows(after=paged[-1].change if paged else 0, limit=3):
        assert len(page) <= 3
        paged += page
    assert paged == whole
    assert catalog.review_rows(after=last(whole)) == []


def test_only_what_changed_since_is_read_again(catalog: Catalog) -> None:
    jobs = finished(catalog, *(match_outcome(str(n)) for n in range(4)))
    seen = last(catalog.review_rows())
    catalog.add_reviews([Review(jobs[2].id, Decision.APPROVED, "Ada", "", after(9))])
    (row,) = catalog.review_rows(after=seen)
    assert (row.job_id, row.decision) == (jobs[2].id, Decision.APPROVED)
    # A clock that runs backwards must not hide a verdict.
    catalog.add_reviews([Review(jobs[0].id, Decision.REJECTED, "Ben", "", after(-9999))])
    (row,) = catalog.review_rows(after=row.change)
    assert (row.job_id, row.decision) == (jobs[0].id, Decision.REJECTED)
    (late,) = finished(catalog, mask_outcome("late"))
    assert ids(catalog.review_rows(after=row.change)) == [late.id]
    assert len(ids(catalog.review_rows())) == len(set(ids(catalog.review_rows()))) == 5


def test_what_changes_while_pages_are_read_comes_again_at_the_end(catalog: Catalog) -> None:
    jobs = finished(catalog, *(match_outcome(str(n)) for n in range(6)))
    first = catalog.review_rows(limit=3)
    catalog.add_reviews([Review(jobs[0].id, Decision.APPROVED, "Ada", "", after(1))])
    rest = catalog.review_rows(after=first[-1].change)
    assert ids(rest) == [*(job.id for job in jobs[3:]), jobs[0].id]
    assert rest[-1].decision is Decision.APPROVED


def test_the_change_of_the_newest_row_is_never_given_again(catalog: Catalog) -> None:
    (job,) = finished(catalog, match_outcome())
    seen = [catalog.review_rows()[0].change]
    for number in range(3):
        catalog.add_reviews([Review(job.id, Decision.APPROVED, "Ada", str(number), after(number))])
        seen.append(catalog.review_rows()[0].change)
    assert seen == sorted(set(seen))


def test_a_pair_that_is_named_anew_changes_its_rows_only(catalog: Catalog) -> None:
    finished(catalog, mask_outcome("1"), mask_outcome("2"))
    first = catalog.review_rows()[0]
    seen = last(catalog.review_rows())
    pair = new_pair(catalog.batches()[0].id * 100_000)
    catalog.add_pairs([pair])
    assert catalog.review_rows(after=seen) == [], "the same names again are no change"
    catalog.add_pairs([replace(pair, garment="coat")])
    (row,) = catalog.review_rows(after=seen)
    assert (row.job_id, row.garment) == (first.job_id, "coat")


def test_a_result_that_moves_is_reported_in_its_new_batch(catalog: Catalog) -> None:
    jobs = finished(catalog, mask_outcome("1"), mask_outcome("2"))
    old, new = jobs[0].batch_id, catalog.create_batch("again").id
    seen = last(catalog.review_rows())
    catalog.add_jobs(new, [(jobs[1].pair_id, mask_request())])
    assert ids(catalog.review_rows(new, after=seen)) == [jobs[1].id]
    assert ids(catalog.review_rows(old)) == [jobs[0].id]


def test_unfinished_jobs_have_no_row_even_where_somebody_judged_them(catalog: Catalog) -> None:
    (job,) = fill(catalog, 1, color_match_request())
    catalog.add_reviews([Review(job.id, Decision.REJECTED, "Ada", "", after(1))])
    assert catalog.review_rows() == []
    succeeded(catalog, match_outcome())
    assert [(row.job_id, row.decision) for row in catalog.review_rows()] == [(job.id, Decision.REJECTED)]


def test_decisions_are_counted_by_the_latest_verdict(catalog: Catalog) -> None:
    jobs = finished(catalog, *(match_outcome(str(n)) for n in range(4)))
    fill(catalog, 3)
    reviews = [
        (jobs[0], Decision.APPROVED), (jobs[0], Decision.REJECTED), (jobs[1], Decision.APPROVED),
        (jobs[2], Decision.PENDING),
    ]  # fmt: skip
    catalog.add_reviews([Review(job.id, decision, "Ada", "", after(1)) for job, decision in reviews])
    wanted = {Decision.PENDING: 2, Decision.APPROVED: 1, Decision.REJECTED: 1}
    assert catalog.decision_counts() == wanted
    assert catalog.decision_counts(jobs[0].batch_id) == wanted
    assert set(catalog.decision_counts(catalog.create_batch("empty").id).values()) == {0}


def test_an_export_takes_the_approved_version_of_a_result_whose_newest_one_is_pending(catalog: Catalog) -> None:
    first, other = finished(catalog, match_outcome("1"), match_outcome("2"))
    catalog.add_reviews([Review(first.id, Decision.APPROVED, "Ada", "", after(1))])
    second = another(catalog, first, 1)
    succeeded(catalog, match_outcome("3"))
    assert catalog.decision_counts() == {Decision.PENDING: 2, Decision.APPROVED: 0, Decision.REJECTED: 0}
    wanted = {Decision.PENDING: 1, Decision.APPROVED: 1, Decision.REJECTED: 0}
    assert catalog.export_counts() == catalog.export_counts(other.batch_id) == wanted
    taken = items_to_export(catalog.review_items())
    assert {item.job.id: item.decision for item in taken} == {
        first.id: Decision.APPROVED,
        other.id: Decision.PENDING,
    }, "as the export itself chooses"
    catalog.add_reviews([Review(first.id, Decision.PENDING, "Ada", "", after(2))])
    catalog.add_reviews([Review(second.id, Decision.REJECTED, "Ada", "", after(3))])
    assert catalog.export_counts() == {Decision.PENDING: 1, Decision.APPROVED: 0, Decision.REJECTED: 1}


def test_many_verdicts_are_one_transaction(catalog: Catalog) -> None:
    jobs = finished(catalog, *(match_outcome(str(n)) for n in range(3)))
    given = [Review(job.id, Decision.APPROVED, "Ada", "", after(1), n) for n, job in enumerate(jobs)]
    with pytest.raises(BugError):
        catalog.add_reviews([*given, Review(999, Decision.APPROVED, "Ada", "", after(1))])
    assert catalog.decision_counts()[Decision.APPROVED] == 0
    catalog.add_reviews(given)
    assert [catalog.reviews(job.id) for job in jobs] == [[review] for review in given]
    catalog.add_reviews([])


def test_more_than_five_stars_are_refused() -> None:
    for rating in (-1, 6):
        with pytest.raises(BugError):
            Review(1, Decision.APPROVED, "Ada", "", after(1), rating)


def test_items_are_read_by_id_in_the_order_of_the_ids(catalog: Catalog) -> None:
    jobs = finished(catalog, mask_outcome("1"), match_outcome("2"), edit_outcome("3"))
    wanted = [jobs[2].id, jobs[0].id]
    items = {item.job.id: item for item in catalog.review_items()}
    assert catalog.review_items_by_id(wanted) == [items[i] for i in wanted]
    assert catalog.review_item(jobs[1].id) == items[jobs[1].id]
    (queued,) = fill(catalog, 1, edit_request())
    for unknown in (999, queued.id):
        with pytest.raises(BugError):
            catalog.review_item(unknown)


def test_rows_of_an_unknown_batch_are_a_bug(catalog: Catalog) -> None:
    for call in (catalog.review_rows, catalog.decision_counts, catalog.export_counts):
        with pytest.raises(BugError):
            call(99)


def another(catalog: Catalog, job: Job, seed: int, reason: Reason = Reason.COLOR) -> Job:
    """A queued version of a result."""
    (new,) = catalog.add_jobs(
        job.batch_id, [(job.pair_id, kontext_request(seed))], origins=[Origin(job.id, reason, "Ada")]
    )
    return new


def test_a_version_takes_the_place_of_the_older_ones_once_it_has_succeeded(catalog: Catalog) -> None:
    first, other = finished(catalog, match_outcome("1"), match_outcome("2"))
    second = another(catalog, first, 1)
    seen = last(catalog.review_rows())
    assert all(row.superseded_by is None for row in catalog.review_rows())
    assert succeeded(catalog, match_outcome("3")).id == second.id
    changed = {row.job_id: (row.version, row.superseded_by) for row in catalog.review_rows(after=seen)}
    assert changed == {first.id: (1, second.id), second.id: (2, None)}
    third = another(catalog, second, 2)
    seen = last(catalog.review_rows())
    succeeded(catalog, match_outcome("4"))
    changed = {row.job_id: (row.version, row.superseded_by) for row in catalog.review_rows(after=seen)}
    assert changed == {first.id: (1, third.id), second.id: (2, third.id), third.id: (3, None)}
    assert other.id not in changed
    assert catalog.superseded(ids(catalog.review_rows())) == {first.id, second.id}, "as the catalog says elsewhere"
    assert sum(catalog.decision_counts().values()) == 2


def test_a_version_that_is_brought_back_stands_again(catalog: Catalog) -> None:
    (first,) = finished(catalog, match_outcome("1"))
    second = another(catalog, first, 1)
    succeeded(catalog, match_outcome("2"))
    third = another(catalog, first, 2)
    succeeded(catalog, match_outcome("3"))
    seen = last(catalog.review_rows())
    assert another(catalog, third, 1, Reason.OTHER).id == second.id
    changed = {row.job_id: row.superseded_by for row in catalog.review_rows(after=seen)}
    assert changed == {first.id: second.id, third.id: second.id, second.id: None}


def test_a_mark_for_training_is_a_change(catalog: Catalog) -> None:
    jobs = finished(catalog, match_outcome("1"), match_outcome("2"))
    for marked in (True, False):
        seen = last(catalog.review_rows())
        if marked:
            catalog.mark_for_training([jobs[0].id], "Ada", after(1))
        else:
            catalog.unmark_for_training([jobs[0].id])
        (row,) = catalog.review_rows(after=seen)
        assert (row.job_id, row.marked_for_training) == (jobs[0].id, marked)
