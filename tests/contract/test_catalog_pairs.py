"""What every implementation of `engine.ports.Catalog` must do with pairs and new jobs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.domain.assets import Role
from engine.domain.errors import BugError
from engine.domain.export import ExportFormat
from engine.domain.jobs import BatchCounts, JobState
from engine.domain.requests import Request
from engine.domain.review import Decision, Review
from engine.ports import Catalog
from tests.contract.catalogs import claimed, fill, succeeded
from tests.contract.factories import (
    NOON,
    color_match_request,
    edit_request,
    failure,
    kontext_request,
    mask_outcome,
    mask_request,
    new_asset,
    new_pair,
)


class TestPairs:
    def test_come_back_as_they_were_given_in_order(self, catalog: Catalog) -> None:
        given = [new_pair(3), new_pair(1, flatlay=False), new_pair(2)]
        stored = catalog.add_pairs(given)
        for new, pair in zip(given, stored, strict=True):
            assert (pair.sku, pair.view, pair.garment) == (new.sku, new.view, new.garment)
            for asset, known in ((new.on_model, pair.on_model), (new.flatlay, pair.flatlay)):
                if asset is None:
                    assert known is None
                    continue
                assert known is not None
                assert known.path == asset.path
                assert (known.sha256, known.size_bytes, known.role) == (asset.sha256, asset.size_bytes, asset.role)
                assert (known.extent, known.bit_depth) == (asset.header.extent, asset.header.bit_depth)
                assert (known.mode, known.icc) == (asset.header.mode, asset.header.icc)
        assert [pair.id for pair in stored] == sorted(pair.id for pair in stored)
        assert catalog.pairs([stored[2].id, stored[0].id]) == {p.id: p for p in (stored[0], stored[2])}
        assert catalog.pair(stored[1].id) == stored[1]

    def test_known_pairs_are_reused_and_renamed(self, catalog: Catalog) -> None:
        first, alone = catalog.add_pairs([new_pair(1), new_pair(2, flatlay=False)])
        again, alone_again = catalog.add_pairs(
            [replace(new_pair(1), sku="A-77", view="back", garment="coat"), new_pair(2, flatlay=False)]
        )
        assert (again.id, again.on_model, again.flatlay) == (first.id, first.on_model, first.flatlay)
        assert (again.sku, again.view, again.garment) == ("A-77", "back", "coat")
        assert alone_again == alone

    def test_one_photograph_in_several_pairs_is_one_asset(self, catalog: Catalog) -> None:
        flatlay = new_asset("flat.jpg", Role.FLATLAY)
        front, back, alone = catalog.add_pairs(
            [replace(new_pair(1), flatlay=flatlay), replace(new_pair(2), flatlay=flatlay), new_pair(1, flatlay=False)]
        )
        assert front.flatlay == back.flatlay
        assert front.on_model == alone.on_model
        assert len({front.id, back.id, alone.id}) == 3

    def test_a_changed_file_is_another_asset(self, catalog: Catalog) -> None:
        before = new_pair(1, flatlay=False)
        changed = replace(before, on_model=new_asset(before.on_model.path.name, content="retouched"))
        first, second = catalog.add_pairs([before, changed])
        assert first.on_model.id != second.on_model.id
        assert first.on_model.path == second.on_model.path

    def test_the_same_pair_twice_in_one_call_is_one(self, catalog: Catalog) -> None:
        first, second = catalog.add_pairs([new_pair(1), replace(new_pair(1), garment="coat")])
        assert first == second
        assert first.garment == "coat"

    @pytest.mark.parametrize(
        "name",
        [
            "Größe 38 – 中文.jpg",
            "quote'\"; DROP TABLE asset; --.jpg",
            "new\nline.jpg",
            "%_?*.jpg",
            "🧥.jpg",
            "bytes:41",
        ],
    )
    def test_hostile_names_come_back(self, catalog: Catalog, name: str) -> None:
        (pair,) = catalog.add_pairs([replace(new_pair(), on_model=new_asset(name), sku=name)])
        assert catalog.pair(pair.id).on_model.path.name == name
        assert catalog.pair(pair.id).sku == name

    @pytest.mark.skipif(os.name == "nt", reason="Windows names are Unicode")
    @pytest.mark.parametrize("directory", [b"/studio", b"bytes:2f"])
    def test_a_name_that_is_not_utf8_comes_back(self, catalog: Catalog, directory: bytes) -> None:
        path = Path(os.fsdecode(directory + b"/Gr\xf6\xdfe.jpg"))
        pair = replace(new_pair(), on_model=replace(new_asset("x"), path=path), sku=path.stem)
        (stored,) = catalog.add_pairs([pair])
        assert stored.on_model.path == path
        assert catalog.add_pairs([pair]) == [stored]

    def test_more_than_one_statement_can_hold(self, catalog: Catalog) -> None:
        stored = catalog.add_pairs([new_pair(i, flatlay=i % 3 > 0) for i in range(1700)])
        assert [pair.sku for pair in stored] == [f"SKU{i:06d}" for i in range(1700)]
        assert catalog.pairs([pair.id for pair in stored]) == {pair.id: pair for pair in stored}

    def test_unknown_ids_are_a_bug(self, catalog: Catalog) -> None:
        (pair,) = catalog.add_pairs([new_pair()])
        with pytest.raises(BugError, match="99"):
            catalog.pairs([pair.id, 99])
        with pytest.raises(BugError):
            catalog.pair(99)
        assert catalog.pairs([]) == {}
        assert catalog.add_pairs([]) == []


class TestJobs:
    def test_are_queued_with_their_request(self, catalog: Catalog) -> None:
        batch = catalog.create_batch("Frühjahr")
        (pair,) = catalog.add_pairs([new_pair()])
        requests: list[Request] = [mask_request(), color_match_request(), kontext_request(), edit_request()]
        began = datetime.now(UTC)
        jobs = catalog.add_jobs(batch.id, [(pair.id, request) for request in requests], priority=3)
        assert [job.request for job in jobs] == requests
        for job in jobs:
            assert (job.batch_id, job.pair_id, job.state) == (batch.id, pair.id, JobState.QUEUED)
            assert (job.attempt, job.priority, job.worker_id, job.heartbeat_at) == (0, 3, None, None)
            assert (job.failure, job.started_at, job.finished_at) == (None, None, None)
            assert job.created_at.tzinfo is not None
            assert began <= job.created_at <= datetime.now(UTC)
            assert catalog.job(job.id) == job
        assert [job.position for job in jobs] == sorted({job.position for job in jobs})
        assert catalog.jobs() == jobs

    def test_known_work_is_not_queued_again(self, catalog: Catalog) -> None:
        done, failed, cancelled, running, waiting = fill(catalog, 5)
        succeeded(catalog, mask_outcome())
        assert catalog.fail(claimed(catalog).id, "w1", failure(), NOON)
        assert catalog.cancel([cancelled.id]) == [cancelled.id]
        assert claimed(catalog).id == running.id
        before = [catalog.job(job.id) for job in (done, failed, cancelled, running, waiting)]
        later = catalog.create_batch("again")
        again = catalog.add_jobs(later.id, [(job.pair_id, job.request) for job in before], priority=9)
        assert again == [replace(job, batch_id=later.id) for job in before]
        assert catalog.counts(later.id) == BatchCounts(1, 1, 1, 1, 1)
        assert catalog.counts(before[0].batch_id) == BatchCounts()
        assert catalog.outcome(done.id) == mask_outcome()

    def test_another_request_for_the_same_pair_is_another_job(self, catalog: Catalog) -> None:
        (job,) = fill(catalog, 1)
        first, second, twice = catalog.add_jobs(
            job.batch_id,
            [(job.pair_id, mask_request()), (job.pair_id, mask_request("socks")), (job.pair_id, mask_request("socks"))],
        )
        assert first == job
        assert second.id != job.id
        assert twice == second

    def test_paging_by_key_filters_and_keeps_order(self, catalog: Catalog) -> None:
        one, two = fill(catalog, 4), fill(catalog, 3)
        catalog.cancel([one[1].id, two[0].id])
        assert [job.id for job in catalog.jobs(limit=3)] == [job.id for job in one[:3]]
        assert [job.id for job in catalog.jobs(after_id=one[2].id)] == [job.id for job in one[3:] + two]
        assert [job.id for job in catalog.jobs(two[0].batch_id)] == [job.id for job in two]
        assert [job.id for job in catalog.jobs(states=[JobState.CANCELLED])] == [one[1].id, two[0].id]
        both = [JobState.CANCELLED, JobState.QUEUED]
        assert [job.id for job in catalog.jobs(one[0].batch_id, both, after_id=one[0].id, limit=2)] == [
            one[1].id,
            one[2].id,
        ]
        assert catalog.jobs(states=[]) == []

    def test_unknown_ids_are_a_bug_and_change_nothing(self, catalog: Catalog) -> None:
        (job,) = fill(catalog, 1)
        unknown: list[Callable[[], object]] = [
            lambda: catalog.add_jobs(99, [(job.pair_id, mask_request("x"))]),
            lambda: catalog.add_jobs(job.batch_id, [(job.pair_id, mask_request("x")), (99, mask_request())]),
            lambda: catalog.jobs(99),
            lambda: catalog.job(99),
            lambda: catalog.counts(99),
            lambda: catalog.heartbeat(99, "w1", NOON),
            lambda: catalog.succeed(99, "w1", mask_outcome(), NOON),
            lambda: catalog.fail(99, "w1", failure(), NOON),
            lambda: catalog.release(99, "w1", count_attempt=True),
            lambda: catalog.cancel([job.id, 99]),
            lambda: catalog.retry([99]),
            lambda: catalog.set_priority([job.id, 99], 5),
            lambda: catalog.outcome(99),
            lambda: catalog.review_items(99),
            lambda: catalog.add_reviews([Review(99, Decision.APPROVED, "Ada", "", NOON)]),
            lambda: catalog.reviews(99),
            lambda: catalog.record_export([job.id, 99], ExportFormat.PSD, Path("x"), "", NOON),
            lambda: catalog.exports(99),
            lambda: catalog.log("note", "nobody", 99),
        ]
        for call in unknown:
            with pytest.raises(BugError, match="99"):
                call()
        assert catalog.jobs() == [job]
        assert catalog.check() == []

    def test_batches_newest_first(self, catalog: Catalog) -> None:
        first, second = catalog.create_batch("one"), catalog.create_batch("one")
        assert catalog.batches() == [second, first]
        assert first.id != second.id
        assert first.created_at.utcoffset() == timedelta(0)

    def test_counts_follow_every_change(self, catalog: Catalog) -> None:
        jobs = fill(catalog, 6)
        batch = jobs[0].batch_id
        other = fill(catalog, 2)
        assert catalog.counts(batch) == BatchCounts(queued=6)
        succeeded(catalog, mask_outcome())
        catalog.fail(claimed(catalog).id, "w1", failure(), NOON)
        claimed(catalog)
        catalog.cancel([jobs[5].id])
        assert catalog.counts(batch) == BatchCounts(queued=2, running=1, succeeded=1, failed=1, cancelled=1)
        assert catalog.counts() == BatchCounts(queued=4, running=1, succeeded=1, failed=1, cancelled=1)
        assert catalog.counts(other[0].batch_id) == BatchCounts(queued=2)
        assert catalog.check() == []
