"""What every implementation of `engine.ports.Catalog` must do with outcomes, verdicts and exports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain.errors import BugError
from engine.domain.export import ExportFormat
from engine.domain.jobs import JobState
from engine.domain.results import JobOutcome
from engine.domain.review import Decision, Review
from engine.ports import Catalog
from tests.contract.catalogs import claimed, fill, succeeded
from tests.contract.factories import (
    NOON,
    after,
    color_match_request,
    edit_outcome,
    mask_outcome,
    mask_request,
    match_outcome,
)


class TestOutcomes:
    @pytest.mark.parametrize(
        "outcome", [mask_outcome(), match_outcome(), edit_outcome()], ids=["mask", "match", "edit"]
    )
    def test_come_back_exactly(self, catalog: Catalog, outcome: JobOutcome) -> None:
        (job,) = fill(catalog, 1, color_match_request())
        assert catalog.outcome(job.id) is None
        claimed(catalog)
        assert catalog.outcome(job.id) is None
        assert not catalog.succeed(job.id, "w2", outcome, NOON)
        assert catalog.referenced_artifacts() == set()
        assert catalog.succeed(job.id, "w1", outcome, after(3))
        done = catalog.job(job.id)
        assert (done.state, done.finished_at, done.worker_id) == (JobState.SUCCEEDED, after(3), None)
        stored = catalog.outcome(job.id)
        assert stored == outcome
        assert repr(stored) == repr(outcome)  # 1 and 1.0 are equal, and not the same
        assert not catalog.succeed(job.id, "w1", outcome, after(4))
        assert catalog.referenced_artifacts() == {ref.sha256 for ref in outcome.artifacts()}

    @pytest.mark.parametrize("figure", [float("nan"), float("inf")])
    def test_a_figure_that_is_no_number_is_a_bug_and_writes_nothing(self, catalog: Catalog, figure: float) -> None:
        (job,) = fill(catalog, 1)
        running = claimed(catalog)
        with pytest.raises(BugError, match="delta_E"):
            catalog.succeed(job.id, "w1", match_outcome(delta_E=figure), NOON)
        assert catalog.job(job.id) == running
        assert catalog.outcome(job.id) is None
        assert catalog.referenced_artifacts() == set()
        assert catalog.succeed(job.id, "w1", match_outcome(), NOON)

    @pytest.mark.parametrize(
        "wrong", [{"delta_E": float("nan")}, {"share": float("inf")}, {"color": (1.0, float("nan"), 0.0)}]
    )
    def test_a_palette_that_is_not_finite_is_a_bug_and_writes_nothing(self, catalog: Catalog, wrong: dict) -> None:
        fill(catalog, 1)
        job = claimed(catalog)
        outcome = match_outcome()
        assert outcome.match is not None
        line = replace(outcome.match.after.palette[0], **wrong)
        match = replace(outcome.match, after=replace(outcome.match.after, palette=(line,)))
        with pytest.raises(BugError, match="not finite"):
            catalog.succeed(job.id, "w1", replace(outcome, match=match), NOON)
        assert catalog.job(job.id).state is JobState.RUNNING
        assert catalog.check() == []

    def test_provenance_that_is_no_json_is_a_bug_and_writes_nothing(self, catalog: Catalog) -> None:
        (job,) = fill(catalog, 1)
        running = claimed(catalog)
        outcome = mask_outcome()
        for value in (Path("model"), float("nan")):
            mask = replace(outcome.mask, provenance={"model": value})  # pyright: ignore[reportArgumentType]
            with pytest.raises(BugError, match="provenance"):
                catalog.succeed(job.id, "w1", replace(outcome, mask=mask), NOON)
        assert catalog.job(job.id) == running
        assert catalog.check() == []

    def test_numpy_figures_are_stored_as_numbers(self, catalog: Catalog) -> None:
        import numpy as np

        (job,) = fill(catalog, 1)
        claimed(catalog)
        outcome = match_outcome()
        assert outcome.match is not None
        measured = replace(outcome.match, texture=np.float32(0.5), outside_max_change=np.uint16(3))
        assert catalog.succeed(job.id, "w1", replace(outcome, match=measured), NOON)
        stored = catalog.outcome(job.id)
        assert stored is not None
        assert stored.match is not None
        assert (stored.match.texture, stored.match.outside_max_change) == (0.5, 3)

    def test_review_items_hold_everything_in_pages(self, catalog: Catalog) -> None:
        jobs = fill(catalog, 7)
        catalog.set_priority([jobs[3].id], -1)
        for i in range(6):
            succeeded(catalog, match_outcome(str(i)) if i % 2 else mask_outcome(str(i)))
        catalog.add_reviews([Review(jobs[1].id, Decision.REJECTED, "Ada", "collar", after(1))])
        catalog.add_reviews([Review(jobs[1].id, Decision.APPROVED, "Ben", "", after(2))])
        catalog.add_reviews([Review(jobs[2].id, Decision.PENDING, "Ada", "?", after(3))])
        items = catalog.review_items()
        assert [item.job.id for item in items] == [job.id for i, job in enumerate(jobs) if i != 3]
        for item in items:
            assert item.job == catalog.job(item.job.id)
            assert item.pair == catalog.pair(item.job.pair_id)
            assert item.outcome == catalog.outcome(item.job.id)
        assert [item.decision for item in items[:4]] == [
            Decision.PENDING,
            Decision.APPROVED,
            Decision.PENDING,
            Decision.PENDING,
        ]
        assert items[0].review is None
        assert items[1].review == Review(jobs[1].id, Decision.APPROVED, "Ben", "", after(2))
        assert catalog.review_items(limit=2) == items[:2]
        assert catalog.review_items(after_id=items[1].job.id, limit=3) == items[2:5]
        assert catalog.review_items(catalog.create_batch("empty").id) == []
        assert catalog.review_items(jobs[0].batch_id) == items

    def test_reviews_keep_every_verdict_oldest_first(self, catalog: Catalog) -> None:
        jobs = fill(catalog, 2)
        given = [
            Review(jobs[0].id, Decision.APPROVED, "Ada", "", after(5)),
            Review(jobs[0].id, Decision.REJECTED, "Ben", "Kragen ≠ Flatlay", after(6)),
            Review(jobs[0].id, Decision.APPROVED, "Ada", "fixed", after(6)),
        ]
        for review in given:
            catalog.add_reviews([review])
        assert catalog.reviews(jobs[0].id) == given
        assert catalog.reviews(jobs[1].id) == []


class TestExports:
    def test_a_file_has_a_record_for_each_result_that_is_in_it(self, catalog: Catalog) -> None:
        first, second, third = fill(catalog, 3)
        path, other = Path("/out/a.psd"), Path("/out/b.psd")
        (alone,) = catalog.record_export([first.id], ExportFormat.PSD, path, "ab" * 32, after(1), settings="x")
        assert (alone.job_id, alone.format, alone.path, alone.sha256) == (first.id, ExportFormat.PSD, path, "ab" * 32)
        assert (alone.at, alone.former_sha256, alone.settings) == (after(1), "", "x")
        assert catalog.exports(first.id) == catalog.exports_at(path) == [alone]
        renewed = catalog.record_export([third.id, second.id], ExportFormat.PSD, path, "cd" * 32, after(2), "ab" * 32)
        assert [record.job_id for record in renewed] == [second.id, third.id]
        assert {record.former_sha256 for record in renewed} == {"ab" * 32}
        assert catalog.exports_at(path) == renewed
        assert catalog.exports(first.id) == [], "the file holds that result no longer"
        (elsewhere,) = catalog.record_export([second.id], ExportFormat.MASK, other, "ef" * 32, after(3))
        assert catalog.exports(second.id) == [renewed[0], elsewhere]
        assert catalog.exports_at(Path("/out/c.psd")) == []

    def test_a_pair_has_the_exports_of_all_its_results(self, catalog: Catalog) -> None:
        first, stranger = fill(catalog, 2)
        batch = catalog.create_batch("another day")
        (second,) = catalog.add_jobs(batch.id, [(first.pair_id, mask_request("hat"))])
        record = catalog.record_export
        (one,) = record([first.id], ExportFormat.PSD, Path("/out/a.psd"), "ab" * 32, after(1))
        (two,) = record([second.id], ExportFormat.MASK, Path("/out/b.png"), "cd" * 32, after(2))
        record([stranger.id], ExportFormat.PSD, Path("/out/c.psd"), "ef" * 32, after(3))
        assert catalog.exports_of_pair(first.pair_id) == [one, two]
        assert catalog.exports_of_pair(99) == []
