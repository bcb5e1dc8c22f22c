"""What every implementation of `engine.ports.Catalog` must do with its queue."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from engine.domain.errors import BugError
from engine.domain.jobs import JobState
from engine.ports import Catalog
from tests.contract.catalogs import claimed, fill, succeeded
from tests.contract.factories import (
    NOON,
    after,
    failure,
    mask_outcome,
    match_outcome,
)


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
        both_have_one = threading.Barrier(2)
        errors: list[BaseException] = []

        def work(worker_id: str) -> None:
            try:
                while (job := catalog.claim(worker_id, NOON)) is not None:
                    assert job.worker_id == worker_id
                    taken[worker_id].append(job.id)
                    if len(taken[worker_id]) == 1:
                        both_have_one.wait(60)  # whoever begins first leaves something to the other
            except BaseException as error:
                errors.append(error)
                raise

        threads = [threading.Thread(target=work, args=(worker_id,)) for worker_id in taken]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert errors == []
        assert sorted(taken["a"] + taken["b"]) == [job.id for job in jobs]

    def test_readers_see_whole_transactions_while_others_write(self, catalog: Catalog) -> None:
        fill(catalog, 60)
        stop, has_read = threading.Event(), threading.Event()
        errors: list[BaseException] = []
        seen: set[int] = set()

        def read() -> None:
            try:
                while not stop.is_set():
                    items = catalog.review_items()
                    seen.add(len(items))
                    has_read.set()
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
            if i in (20, 40):  # somebody reads in the middle, however busy the machine is
                has_read.clear()
                assert has_read.wait(60)
        stop.set()
        for reader in readers:
            reader.join(60)
        assert errors == []
        assert len(seen) > 1
