"""The speed of a batch and what is left of it, by the clock."""

from __future__ import annotations

import pytest

from engine.domain.jobs import BatchCounts
from engine.services.queue import ProgressClock


def counts(finished: int, total: int = 100) -> BatchCounts:
    return BatchCounts(queued=total - finished, succeeded=finished)


def test_nothing_is_said_before_the_first_job_has_finished() -> None:
    progress = ProgressClock(counts(40), 1000.0).measure(counts(40), 1030.0)
    assert (progress.elapsed, progress.per_minute, progress.remaining) == (30.0, None, None)


def test_ten_jobs_in_a_minute_leave_nine_minutes_for_ninety() -> None:
    clock = ProgressClock(counts(0), 0.0)
    for second in range(1, 61):
        progress = clock.measure(counts(second // 6), float(second))
    assert progress.per_minute == pytest.approx(10)
    assert progress.remaining == pytest.approx(540)


def test_a_pause_counts_for_nothing() -> None:
    clock = ProgressClock(counts(0), 0.0)
    clock.measure(counts(10), 60.0)
    clock.measure(counts(10), 7260.0, is_working=False)
    progress = clock.measure(counts(20), 7320.0)
    assert progress.elapsed == pytest.approx(120)
    assert progress.per_minute == pytest.approx(10)


def test_the_speed_is_that_of_the_last_minutes() -> None:
    clock = ProgressClock(counts(0, 10_000), 0.0)
    finished = 0
    for second in range(1, 1801):  # half an hour of one a second, then one in ten seconds
        finished += 1 if second <= 1200 or second % 10 == 0 else 0
        progress = clock.measure(counts(finished, 10_000), float(second))
    assert progress.per_minute == pytest.approx(6, rel=0.05)


def test_jobs_of_many_minutes_are_measured_over_more_than_the_window() -> None:
    clock = ProgressClock(counts(0), 0.0)
    for minute in range(1, 61):
        progress = clock.measure(counts(minute // 10), minute * 60.0)
    assert progress.per_minute == pytest.approx(0.1)


def test_a_finished_batch_has_no_time_left() -> None:
    clock = ProgressClock(counts(99), 0.0)
    assert clock.measure(counts(100), 5.0).remaining == 0
