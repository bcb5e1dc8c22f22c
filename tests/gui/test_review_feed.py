"""Reading rows in the background: page by page, then only what has changed, and never in the window's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest
from pytestqt.qtbot import QtBot

from engine.domain.jobs import JobState
from engine.domain.review import Decision, Review, ReviewRow
from gui.actions import PageName
from gui.bridge import Bridge
from gui.frame.main_window import MainWindow
from gui.review import feed as review_feed
from gui.review.feed import ReviewFeed
from storage.catalog import SqlCatalog
from tests.contract.factories import NOON
from tests.gui.studio import Studio

AFTER = {f"F{n}": float(n) for n in range(7)}


class Taken:
    """What a feed handed over."""

    def __init__(self) -> None:
        self.pages: list[tuple[list[int], bool]] = []

    def __call__(self, rows: Sequence[ReviewRow], more: bool) -> None:
        self.pages.append(([row.job_id for row in rows], more))


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_feed, "FIRST_PAGE", 2)
    monkeypatch.setattr(review_feed, "PAGE", 3)


def test_pages_come_in_order_and_then_only_changes(studio: Studio, qtbot: QtBot, small_pages: None) -> None:
    ids = [job.id for job in studio.finish(AFTER)]
    bridge, taken, errors = Bridge(), Taken(), []
    feed = ReviewFeed(bridge, studio.catalog, taken, errors.append)
    feed.follow(None)
    qtbot.waitUntil(lambda: not feed.is_reading and not bridge.is_busy)
    assert taken.pages == [(ids[:2], True), (ids[2:5], True), (ids[5:], False)]
    feed.read()
    qtbot.waitUntil(lambda: not bridge.is_busy)
    assert taken.pages[-1] == ([], False)
    studio.catalog.add_reviews([Review(ids[3], Decision.APPROVED, "Ada", "", NOON)])
    feed.read()
    feed.read()
    qtbot.waitUntil(lambda: not bridge.is_busy)
    assert [page for page, _ in taken.pages[4:] if page] == [[ids[3]]]
    assert errors == []
    bridge.close()


def test_rows_of_the_batch_before_are_not_handed_over(studio: Studio, qtbot: QtBot, small_pages: None) -> None:
    ids = [job.id for job in studio.finish(AFTER)]
    empty = studio.catalog.create_batch("empty").id
    bridge, taken = Bridge(), Taken()
    feed = ReviewFeed(bridge, studio.catalog, taken, pytest.fail)
    feed.follow(None)
    feed.follow(empty)
    feed.follow(studio.catalog.job(ids[0]).batch_id)
    qtbot.waitUntil(lambda: not feed.is_reading and not bridge.is_busy)
    assert [job_id for page, _ in taken.pages for job_id in page] == ids
    bridge.close()


def test_a_verdict_is_written_between_two_pages(studio: Studio, qtbot: QtBot, small_pages: None) -> None:
    ids = [job.id for job in studio.finish(AFTER)]
    bridge, events = Bridge(), []
    feed = ReviewFeed(bridge, studio.catalog, lambda rows, more: events.append(len(rows)), pytest.fail)
    feed.follow(None)
    review = Review(ids[0], Decision.APPROVED, "Ada", "", NOON)
    write = studio.catalog.add_reviews
    bridge.run_in_background(lambda: write([review]), lambda _: events.append("written"), pytest.fail, in_order=True)
    qtbot.waitUntil(lambda: not feed.is_reading and not bridge.is_busy)
    assert events.index("written") < len(events) - 1, "it does not wait for the last page"
    assert sum(event for event in events if isinstance(event, int)) == len(ids) + 1, "and its row comes again"
    bridge.close()


def test_the_window_answers_and_reads_nothing_itself_while_a_batch_runs(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: set[threading.Thread] = set()
    for name in ("review_rows", "review_items_by_id", "decision_counts", "export_counts", "add_reviews", "versions"):
        method = getattr(SqlCatalog, name)

        def noted(*args: object, _method: Callable[..., object] = method, **named: object) -> object:
            readers.add(threading.current_thread())
            return _method(*args, **named)

        monkeypatch.setattr(SqlCatalog, name, noted)
    *jobs, slow = studio.queue("W0", "W1", "W2", "W3-slow")
    window = open_window()
    window.show_page(PageName.REVIEW)
    window.begin()
    # Three photographs are matched, in a process that starts first.
    qtbot.waitUntil(lambda: window.review.results.rowCount() == len(jobs), timeout=600_000)
    assert len(studio.catalog.jobs(states=[JobState.SUCCEEDED])) == len(jobs)
    still = studio.catalog.job(slow.id).state
    assert still in (JobState.QUEUED, JobState.RUNNING), "results join the list while others are still being made"
    assert readers
    assert threading.main_thread() not in readers
