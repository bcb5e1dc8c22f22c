"""What every implementation of `engine.ports.Catalog` must do."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from engine.domain.assets import Role
from engine.domain.errors import BugError, KnownError
from engine.domain.jobs import BatchCounts, Job, JobState
from engine.domain.requests import Request
from engine.domain.results import JobOutcome
from engine.domain.review import Decision, ExportFormat, Review
from engine.ports import ArtifactStore, Catalog, CatalogLocation
from storage.location import SqliteLocation
from tests.contract.factories import (
    NOON,
    after,
    color_match_request,
    edit_outcome,
    edit_request,
    failure,
    kontext_request,
    mask_outcome,
    mask_request,
    match_outcome,
    new_asset,
    new_pair,
)

PROJECT = Path(__file__).resolve().parents[2]
LOCATIONS: dict[str, Callable[[], CatalogLocation]] = {"sqlite": SqliteLocation}


@pytest.fixture(params=sorted(LOCATIONS))
def location(request: pytest.FixtureRequest) -> CatalogLocation:
    return LOCATIONS[request.param]()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "studio – März" / "catalog.db"


@pytest.fixture
def catalog(location: CatalogLocation, path: Path) -> Iterator[Catalog]:
    with location.open(path) as (catalog, _):
        yield catalog


def fill(catalog: Catalog, number: int, request: Request | None = None, priority: int = 0) -> list[Job]:
    """A batch of that many jobs for new pairs."""
    batch = catalog.create_batch("filled")
    pairs = catalog.add_pairs([new_pair(batch.id * 100_000 + i) for i in range(number)])
    return catalog.add_jobs(batch.id, [(pair.id, request or mask_request()) for pair in pairs], priority)


def claimed(catalog: Catalog, worker_id: str = "w1", now: datetime = NOON) -> Job:
    job = catalog.claim(worker_id, now)
    assert job is not None
    return job


def succeeded(catalog: Catalog, outcome: JobOutcome, now: datetime = NOON) -> Job:
    job = claimed(catalog, now=now)
    assert catalog.succeed(job.id, "w1", outcome, now)
    return catalog.job(job.id)


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
            lambda: catalog.begin_export(99, ExportFormat.PSD, Path("x"), NOON),
            lambda: catalog.finish_export(99, ""),
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


class TestQueue:
    def test_claim_takes_priority_then_position_then_id(self, catalog: Catalog) -> None:
        low, high, middle = fill(catalog, 2, priority=-1), fill(catalog, 2, priority=5), fill(catalog, 2)
        order = [claimed(catalog).id for _ in range(6)]
        assert order == [job.id for job in high + middle + low]
        assert catalog.claim("w1", NOON) is None

    def test_claim_gives_a_lease(self, catalog: Catalog) -> None:
        (job,) = fill(catalog, 1)
        taken = claimed(catalog, "host-1", after(5))
        assert taken == replace(
            job,
            state=JobState.RUNNING,
            attempt=1,
            worker_id="host-1",
            heartbeat_at=after(5),
            started_at=after(5),
        )
        assert catalog.job(job.id) == taken
        assert catalog.heartbeat(job.id, "host-1", after(9))
        assert catalog.job(job.id).heartbeat_at == after(9)
        assert not catalog.heartbeat(job.id, "host-2", after(10))
        assert catalog.job(job.id).heartbeat_at == after(9)

    def test_times_in_other_zones_are_the_same_moment(self, catalog: Catalog) -> None:
        fill(catalog, 1)
        taken = claimed(catalog, now=NOON.astimezone(timezone(timedelta(hours=5, minutes=30))))
        assert taken.started_at is not None
        assert taken.started_at == NOON
        assert taken.started_at.utcoffset() == timedelta(0)

    def test_a_time_without_a_zone_is_a_bug(self, catalog: Catalog) -> None:
        (job,) = fill(catalog, 1)
        with pytest.raises(BugError, match="time zone"):
            catalog.claim("w1", NOON.replace(tzinfo=None))
        assert catalog.job(job.id) == job

    def test_set_priority_moves_only_queued_jobs(self, catalog: Catalog) -> None:
        one, two, three = fill(catalog, 3)
        running = claimed(catalog)
        catalog.set_priority([one.id, three.id], 2)
        assert catalog.job(one.id) == running
        assert claimed(catalog).id == three.id
        assert claimed(catalog).id == two.id

    def test_fail(self, catalog: Catalog) -> None:
        (job,) = fill(catalog, 1)
        claimed(catalog)
        assert not catalog.fail(job.id, "w2", failure(), after(1))
        assert catalog.fail(job.id, "w1", failure(retryable=True), after(2))
        failed = catalog.job(job.id)
        assert (failed.state, failed.attempt, failed.finished_at) == (JobState.FAILED, 1, after(2))
        assert failed.failure == failure(retryable=True)
        assert (failed.worker_id, failed.heartbeat_at) == (None, None)
        assert not catalog.heartbeat(job.id, "w1", after(3))
        assert catalog.outcome(job.id) is None

    @pytest.mark.parametrize("count_attempt", [True, False])
    def test_release_goes_to_the_end_of_its_priority(self, catalog: Catalog, count_attempt: bool) -> None:
        one, two = fill(catalog, 2, priority=1)
        (low,) = fill(catalog, 1)
        claimed(catalog)
        assert not catalog.release(one.id, "w2", count_attempt=count_attempt)
        assert catalog.release(one.id, "w1", count_attempt=count_attempt)
        released = catalog.job(one.id)
        assert released == replace(one, attempt=int(count_attempt), position=released.position)
        assert [claimed(catalog).id for _ in range(3)] == [two.id, one.id, low.id]
        assert catalog.job(one.id).attempt == int(count_attempt) + 1

    def test_recover_takes_back_only_silent_jobs(self, catalog: Catalog) -> None:
        silent, alive, queued = fill(catalog, 3)
        claimed(catalog, "w1", after(0))
        claimed(catalog, "w2", after(0))
        catalog.heartbeat(alive.id, "w2", after(10))
        assert catalog.recover(after(10)) == [silent.id]
        assert catalog.recover(after(10)) == []
        assert catalog.job(alive.id).state is JobState.RUNNING
        recovered = catalog.job(silent.id)
        assert recovered == replace(silent, position=recovered.position)
        assert not catalog.succeed(silent.id, "w1", mask_outcome(), after(11))
        assert [claimed(catalog).id for _ in range(2)] == [queued.id, silent.id]

    def test_cancel_and_retry(self, catalog: Catalog) -> None:
        running, queued, failed, done = fill(catalog, 4)
        catalog.set_priority([done.id], 9)
        succeeded(catalog, mask_outcome())
        catalog.set_priority([failed.id], 9)
        catalog.fail(claimed(catalog).id, "w1", failure(), NOON)
        claimed(catalog)
        everything = [running.id, queued.id, failed.id, done.id]
        assert catalog.cancel([*everything, running.id]) == [running.id, queued.id]
        assert not catalog.heartbeat(running.id, "w1", after(1))
        assert not catalog.succeed(running.id, "w1", mask_outcome(), after(1))
        stopped = catalog.job(running.id)
        assert (stopped.state, stopped.worker_id, stopped.attempt) == (JobState.CANCELLED, None, 1)
        assert stopped.finished_at is not None
        assert catalog.claim("w1", NOON) is None
        assert catalog.retry(everything) == [running.id, queued.id, failed.id]
        for job_id in (running.id, queued.id, failed.id):
            job = catalog.job(job_id)
            assert (job.state, job.attempt, job.failure) == (JobState.QUEUED, 0, None)
            assert (job.started_at, job.finished_at) == (None, None)
        assert catalog.job(done.id).state is JobState.SUCCEEDED
        assert catalog.retry(everything) == []
        assert catalog.check() == []

    def test_two_threads_never_claim_the_same_job(self, catalog: Catalog) -> None:
        jobs = fill(catalog, 200)
        taken: dict[str, list[int]] = {"a": [], "b": []}
        start = threading.Barrier(3)
        errors: list[BaseException] = []

        def work(worker_id: str) -> None:
            try:
                start.wait()
                while (job := catalog.claim(worker_id, NOON)) is not None:
                    assert job.worker_id == worker_id
                    taken[worker_id].append(job.id)
            except BaseException as error:
                errors.append(error)
                raise

        threads = [threading.Thread(target=work, args=(worker_id,)) for worker_id in taken]
        for thread in threads:
            thread.start()
        start.wait()
        for thread in threads:
            thread.join(60)
        assert errors == []
        assert sorted(taken["a"] + taken["b"]) == [job.id for job in jobs]
        assert taken["a"]
        assert taken["b"]

    def test_readers_see_whole_transactions_while_others_write(self, catalog: Catalog) -> None:
        fill(catalog, 60)
        stop = threading.Event()
        errors: list[BaseException] = []
        seen: set[int] = set()

        def read() -> None:
            try:
                while not stop.is_set():
                    items = catalog.review_items()
                    seen.add(len(items))
                    assert all(item.outcome.match is not None for item in items)
                    assert catalog.counts().total == 60
            except BaseException as error:
                errors.append(error)
                raise

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for i in range(60):
            succeeded(catalog, match_outcome(str(i)))
        stop.set()
        for reader in readers:
            reader.join(60)
        assert errors == []
        assert len(seen) > 1


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
    def test_the_same_file_reuses_its_record(self, catalog: Catalog) -> None:
        (job,) = fill(catalog, 1)
        path = Path("/out/a.psd")
        first = catalog.begin_export(job.id, ExportFormat.PSD, path, after(1))
        assert (first.job_id, first.format, first.path) == (job.id, ExportFormat.PSD, path)
        assert (first.sha256, first.at) == ("", after(1))
        catalog.finish_export(first.id, "ab" * 32)
        assert catalog.exports(job.id) == [replace(first, sha256="ab" * 32)]
        again = catalog.begin_export(job.id, ExportFormat.PSD, path, after(2))
        assert again == replace(first, at=after(2))
        mask = catalog.begin_export(job.id, ExportFormat.MASK, path, after(3))
        other = catalog.begin_export(job.id, ExportFormat.PSD, Path("/out/b.psd"), after(4))
        assert catalog.exports(job.id) == [again, mask, other]


class TestUpkeep:
    def test_everything_is_there_after_reopening(self, location: CatalogLocation, path: Path) -> None:
        with location.open(path) as (catalog, _):
            done, running, queued = fill(catalog, 3, kontext_request())
            catalog.set_priority([done.id], 1)
            done = succeeded(catalog, match_outcome())
            claimed(catalog, now=after(3600 * 24 * 365 * 100))  # a clock that is a century off must not matter
            catalog.add_reviews([Review(done.id, Decision.APPROVED, "Ada", "", NOON)])
        with location.open(path) as (catalog, _):
            (item,) = catalog.review_items()
            assert (item.job, item.outcome, item.decision) == (done, match_outcome(), Decision.APPROVED)
            # Whoever ran it held the lock, and is gone.
            recovered = catalog.job(running.id)
            assert (recovered.state, recovered.attempt) == (JobState.QUEUED, 0)
            assert catalog.job(queued.id) == queued
            assert catalog.check() == []

    def test_backup_while_others_write(self, location: CatalogLocation, path: Path, tmp_path: Path) -> None:
        copy = tmp_path / "elsewhere" / "copy.db"
        with location.open(path) as (catalog, _):
            fill(catalog, 100)
            writer = threading.Thread(target=lambda: [succeeded(catalog, match_outcome(str(i))) for i in range(100)])
            writer.start()
            assert catalog.backup(copy) == copy
            writer.join(60)
            with pytest.raises(KnownError, match="exists"):
                catalog.backup(copy)
        assert [file.name for file in copy.parent.iterdir()] == ["copy.db"]
        # Bytes 18 and 19 of the header: 1 is a plain journal, 2 is WAL, which cannot be read on a read-only disk.
        assert copy.read_bytes()[18:20] == b"\x01\x01"
        with location.open(copy) as (saved, _):
            assert saved.check() == []
            assert saved.counts().total == 100
            assert len(saved.review_items()) == saved.counts().succeeded

    def test_a_closed_catalog_says_so(self, location: CatalogLocation, path: Path) -> None:
        with location.open(path) as (catalog, _):
            pass
        with pytest.raises(BugError, match="closed"):
            catalog.counts()
        with pytest.raises(BugError, match="closed"):
            catalog.create_batch("late")

    def test_artifacts_lie_where_the_worker_finds_them(self, location: CatalogLocation, path: Path) -> None:
        from engine.domain.artifacts import ArtifactKind

        worker: ArtifactStore = location.open_artifacts(path)
        ref = worker.put(ArtifactKind.MASK, b"mask", ".png")
        with location.open(path) as (_, artifacts):
            assert artifacts.read(ref) == b"mask"


WORKER = """
import sys
from pathlib import Path
from storage.location import SqliteLocation
from tests.contract.factories import NOON, match_outcome, mask_request, new_pair

with SqliteLocation().open(Path(sys.argv[1])) as (catalog, _):
    first = int(sys.argv[2])
    batch = catalog.create_batch("crash")
    pairs = catalog.add_pairs([new_pair(first + i) for i in range(400)])
    catalog.add_jobs(batch.id, [(pair.id, mask_request()) for pair in pairs])
    print("ready", flush=True)
    while (job := catalog.claim("w1", NOON)) is not None:
        assert catalog.succeed(job.id, "w1", match_outcome(str(job.id)), NOON)
        print(job.id, flush=True)
"""

HOLDER = """
import sys
from pathlib import Path
from storage.location import SqliteLocation

with SqliteLocation().open(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.read()
"""


def child(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )


class TestProcesses:
    def test_a_second_process_is_told_who_has_the_catalog(self, location: CatalogLocation, path: Path) -> None:
        with child(HOLDER, path) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "ready\n"
            with pytest.raises(KnownError, match=rf"process {holder.pid}\b") as caught, location.open(path):
                pass
            assert caught.value.path == path
            link = path.with_name("link.db")
            link.symlink_to(path)
            with pytest.raises(KnownError, match=str(holder.pid)), location.open(link):
                pass
            holder.kill()
        with location.open(path) as (catalog, _):  # the lock died with its holder
            assert catalog.check() == []
            with pytest.raises(KnownError, match="this Chromask"), location.open(path):
                pass

    def test_kill_in_the_middle_of_commits_leaves_whole_transactions(
        self, location: CatalogLocation, path: Path
    ) -> None:
        chance = random.Random(7)
        done: set[int] = set()
        for attempt in range(3):
            with child(WORKER, path, attempt * 10_000) as worker:
                assert worker.stdout is not None
                assert worker.stdout.readline() == "ready\n"
                seen = [worker.stdout.readline() for _ in range(chance.randrange(20, 80))]
                worker.kill()
                seen += worker.stdout.readlines()
            done |= {int(line) for line in seen if line.endswith("\n")}
            with location.open(path) as (catalog, _):
                assert catalog.check() == []
                assert catalog.counts().running == 0
                items = catalog.review_items()
                # What was reported is kept; at most the one commit whose report was cut off comes on top.
                kept = {item.job.id for item in items}
                assert done <= kept
                assert len(kept - done) <= attempt + 1
                assert all(item.outcome == match_outcome(str(item.job.id)) for item in items)


def context(location: CatalogLocation, path: Path) -> AbstractContextManager[tuple[Catalog, ArtifactStore]]:
    """The port's own type is what `open` returns."""
    return location.open(path)


def test_the_context_releases_the_catalog_when_its_body_fails(location: CatalogLocation, path: Path) -> None:
    with pytest.raises(ZeroDivisionError), context(location, path):
        raise ZeroDivisionError
    with context(location, path) as (catalog, _):
        assert catalog.counts() == BatchCounts()
