"""What keeps the window answering: no catalog on its thread, pages that cost what their own rows cost, quiet starts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from engine.domain.jobs import JobFailure, JobState
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.queue.job_model import JobsModel
from storage.catalog import SqlCatalog
from tests.contract.factories import mask_request, new_pair
from tests.gui.studio import Studio


@pytest.fixture
def callers(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every call of the catalog from here on: its name, and the thread it was made on."""
    made: list[tuple[str, int]] = []

    def noted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*arguments: Any, **named: Any) -> Any:
            made.append((name, threading.get_ident()))
            return call(*arguments, **named)

        return noting

    for name in vars(SqlCatalog):
        if not name.startswith("_") and name not in ("path", "close"):
            monkeypatch.setattr(studio.catalog, name, noted(name, getattr(studio.catalog, name)))
    return made


def fill(studio: Studio, number: int) -> int:
    batch = studio.catalog.create_batch("filled")
    pairs = studio.catalog.add_pairs([new_pair(n) for n in range(number)])
    studio.catalog.add_jobs(batch.id, [(pair.id, mask_request()) for pair in pairs])
    return batch.id


def test_every_page_of_a_full_catalog_is_shown_without_the_catalog_on_the_windows_thread(
    studio: Studio, callers: list[tuple[str, int]], open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    fill(studio, 5)
    for n in range(3):
        job = studio.catalog.claim("w", datetime.now(UTC))
        assert job is not None
        studio.catalog.succeed(job.id, "w", studio.outcome(job, -1, 0.5 + n / 10), datetime.now(UTC))
    callers.clear()
    window = open_window()
    window.begin()
    qtbot.waitUntil(lambda: window.review.results.rowCount() == 3)
    qtbot.waitUntil(lambda: window.queue.jobs.rowCount() == 5)
    for page in PageName:
        window.show_page(page)
        qtbot.waitUntil(lambda: not window.bridge.is_busy)
    window.review.reload()
    window.queue.reload()
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    names = {name for name, _ in callers}
    assert {"batches", "queue_rows", "review_rows", "recover"} <= names, "the wrapper sees what is called"
    assert [name for name, thread in callers if thread == threading.get_ident()] == []


def test_a_page_of_the_queue_touches_its_own_rows_only(studio: Studio, qtbot: QtBot) -> None:
    fill(studio, 60)
    rows = studio.catalog.queue_rows()
    model = JobsModel()
    inserted: list[tuple[int, int]] = []
    resets: list[object] = []
    model.rowsInserted.connect(lambda _, first, last: inserted.append((first, last)))
    model.modelReset.connect(lambda: resets.append(1))
    model.begin_reading()
    for first in range(0, 60, 20):
        model.take(rows[first : first + 20])
    model.end_reading(is_whole=True)
    assert inserted == [(0, 19), (20, 39), (40, 59)]
    changed: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last, _: changed.append((first.row(), last.row())))
    model.begin_reading()
    model.take(rows)
    model.end_reading(is_whole=True)
    assert (changed, resets) == ([], []), "what was read again as it is costs nothing"


def test_jobs_that_run_elsewhere_than_their_id_says_are_put_there_at_once(studio: Studio, qtbot: QtBot) -> None:
    batch = fill(studio, 6)
    ids = [job.id for job in studio.catalog.jobs(batch)]
    studio.catalog.reorder([ids[0]], None)
    studio.catalog.set_priority([ids[4]], 1)
    rows = studio.catalog.queue_rows()
    model = JobsModel()
    resets: list[object] = []
    model.modelReset.connect(lambda: resets.append(1))
    model.begin_reading()
    model.take(rows[:3])
    assert [model.job(row).id for row in range(3)] == [ids[1], ids[2], ids[0]]
    model.take(rows[3:])
    model.end_reading(is_whole=True)
    assert [model.job(row).id for row in range(6)] == [ids[4], ids[1], ids[2], ids[3], ids[5], ids[0]]
    assert [model.row_of(ids[n]) for n in (4, 0)] == [0, 5]
    assert resets == [], "not all rows anew for two"


def test_a_job_that_left_the_batch_leaves_the_queue_when_all_is_read_again(studio: Studio, qtbot: QtBot) -> None:
    batch = fill(studio, 4)
    model = JobsModel()
    model.take(studio.catalog.queue_rows(batch))
    other = studio.catalog.create_batch("other")
    moved = studio.catalog.jobs(batch)[1]
    studio.catalog.add_jobs(other.id, [(moved.pair_id, moved.request)])
    model.begin_reading()
    model.take(studio.catalog.queue_rows(batch))
    assert model.knows(moved.id)
    model.end_reading(is_whole=True)
    assert not model.knows(moved.id)
    assert (model.rowCount(), model.counts().queued) == (3, 3)


def test_a_row_of_the_queue_says_what_the_job_and_its_pair_say(studio: Studio) -> None:
    batch = fill(studio, 3)
    now = datetime.now(UTC)
    for _ in range(2):
        job = studio.catalog.claim("w", now)
        assert job is not None
    studio.catalog.fail(job.id, "w", JobFailure("a: b", "c", True, "d"), now + timedelta(seconds=2))
    rows = studio.catalog.queue_rows(batch)
    assert [row.job for row in rows] == studio.catalog.jobs(batch)
    assert [row.job.state for row in rows] == [JobState.RUNNING, JobState.FAILED, JobState.QUEUED]
    for row in rows:
        pair = studio.catalog.pair(row.job.pair_id)
        assert (row.sku, row.path, row.name) == (pair.sku, pair.on_model.path, pair.on_model.path.name)
    assert studio.catalog.queue_rows(batch, rows[0].job.id, 1) == rows[1:2]
    assert studio.catalog.queue_rows(studio.catalog.create_batch("empty").id) == []
