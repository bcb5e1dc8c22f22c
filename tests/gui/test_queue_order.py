"""The queue page's order, speed and failures: thousands of jobs, dragged rows, and events that overtake a snapshot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QDragEnterEvent, QDragMoveEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.domain.jobs import (
    CancelledJob,
    Failed,
    Idle,
    Job,
    JobFailure,
    JobState,
    Progress,
    Queued,
    Started,
    Succeeded,
)
from engine.worker.protocol import CardMemory
from gui import preferences
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.queue.job_cells import JobColumn
from gui.queue.job_model import JobsModel
from gui.queue.remedies import Remedy, remedies
from tests.contract.factories import kontext_request, mask_request, new_pair
from tests.gui.studio import Studio

CONTROL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier


def fill(studio: Studio, number: int) -> list[Job]:
    """Jobs of pictures that nobody opens."""
    batch = studio.catalog.create_batch("filled")
    pairs = studio.catalog.add_pairs([new_pair(i) for i in range(number)])
    return studio.catalog.add_jobs(batch.id, [(pair.id, mask_request()) for pair in pairs])


def on_queue(open_window: Callable[[], MainWindow], jobs: int, qtbot: QtBot) -> MainWindow:
    window = open_window()
    window.show_page(PageName.QUEUE)
    qtbot.waitUntil(lambda: window.queue.jobs.rowCount() == jobs and window.queue._reading is None)
    return window


def order(window: MainWindow) -> list[int]:
    model = window.queue.jobs
    return [model.job(row).id for row in range(model.rowCount())]


def row_of(window: MainWindow, job_id: int) -> int:
    row = window.queue.jobs.row_of(job_id)
    assert row is not None
    return row


def select(window: MainWindow, *job_ids: int) -> None:
    selection = window.queue.table.selectionModel()
    selection.clearSelection()
    for job_id in job_ids:
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        selection.select(window.queue.jobs.index(row_of(window, job_id), 0), flags)


def claimed(studio: Studio) -> list[int]:
    ids: list[int] = []
    while (job := studio.catalog.claim("w", datetime.now(UTC))) is not None:
        ids.append(job.id)
    return ids


def drag(window: MainWindow, job_ids: list[int], above_row: int) -> bool:
    """Drop rows on the upper edge of a row, or below the last, with the events that Qt delivers."""
    table, model = window.queue.table, window.queue.jobs
    mime = model.mimeData([model.index(row_of(window, job_id), 0) for job_id in job_ids])
    last = table.visualRect(model.index(model.rowCount() - 1, 0)).bottom() + 10
    y = table.visualRect(model.index(above_row, 0)).top() + 4 if above_row < model.rowCount() else last
    at, move, none = QPoint(40, y), Qt.DropAction.MoveAction, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(table.viewport(), QDragEnterEvent(at, move, mime, Qt.MouseButton.LeftButton, none))
    over = QDragMoveEvent(at, move, mime, Qt.MouseButton.LeftButton, none)
    QApplication.sendEvent(table.viewport(), over)
    if not over.isAccepted():
        return False
    assert table._drop_row == above_row
    table.viewport().repaint()
    event = QDropEvent(QPointF(at), move, mime, Qt.MouseButton.LeftButton, none)
    QApplication.sendEvent(table.viewport(), event)
    return event.isAccepted()


def test_rows_are_dragged_to_where_they_run(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    a, b, c, d, e = (job.id for job in fill(studio, 5))
    window = on_queue(open_window, 5, qtbot)
    select(window, d, e)
    assert drag(window, [d, e], 1)
    qtbot.waitUntil(lambda: order(window) == [a, d, e, b, c])
    assert window.queue.table.selected_rows() == [1, 2], "what was dragged stays selected"
    assert drag(window, [a], 5)
    qtbot.waitUntil(lambda: order(window) == [d, e, b, c, a])
    assert claimed(studio) == [d, e, b, c, a]


def test_only_waiting_jobs_are_dragged(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    a, b, c = (job.id for job in fill(studio, 3))
    window = on_queue(open_window, 3, qtbot)
    window.on_event(Started(a, 1))
    model = window.queue.jobs
    assert not model.flags(model.index(0, 0)) & Qt.ItemFlag.ItemIsDragEnabled
    assert model.flags(model.index(1, 0)) & Qt.ItemFlag.ItemIsDragEnabled
    studio.catalog.claim("w", datetime.now(UTC))
    assert drag(window, [c], 0)
    qtbot.waitUntil(lambda: order(window)[1:] == [c, b] or order(window)[:2] == [c, a])
    assert claimed(studio) == [c, b]


def test_jobs_are_moved_by_key(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    a, b, c, d = (job.id for job in fill(studio, 4))
    window = on_queue(open_window, 4, qtbot)
    table = window.queue.table
    select(window, c)
    qtbot.keyClick(table, Qt.Key.Key_Up, ALT)
    qtbot.waitUntil(lambda: order(window) == [a, c, b, d])
    qtbot.keyClick(table, Qt.Key.Key_Down, ALT)
    qtbot.waitUntil(lambda: order(window) == [a, b, c, d])
    qtbot.keyClick(table, Qt.Key.Key_Down, ALT)
    qtbot.waitUntil(lambda: order(window) == [a, b, d, c])
    qtbot.keyClick(table, Qt.Key.Key_Up, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: order(window) == [c, a, b, d])
    qtbot.keyClick(table, Qt.Key.Key_Up, ALT)
    qtbot.wait(100)
    assert order(window) == [c, a, b, d], "nothing is above the first"
    assert claimed(studio) == [c, a, b, d]


def test_an_event_is_not_undone_by_a_snapshot_that_was_read_before_it(studio: Studio, qtbot: QtBot) -> None:
    jobs = fill(studio, 3)
    model = JobsModel()
    model.take(studio.catalog.queue_rows())
    model.begin_reading()
    snapshot = studio.catalog.queue_rows()
    model.apply(Started(jobs[0].id, 1))
    model.apply(Failed(jobs[1].id, JobFailure("x: y", "z", False)))
    model.take(snapshot)
    assert [model.job(row).state for row in range(3)] == [JobState.RUNNING, JobState.FAILED, JobState.QUEUED]
    model.end_reading()
    model.take(snapshot)
    assert model.job(1).state is JobState.QUEUED, "a snapshot that was read later is believed"


def test_an_event_of_a_job_on_a_page_that_is_still_being_read_counts(studio: Studio, qtbot: QtBot) -> None:
    jobs = fill(studio, 4)
    rows = studio.catalog.queue_rows()
    model = JobsModel()
    model.begin_reading()
    model.apply(Started(jobs[3].id, 1))
    model.apply(CancelledJob(jobs[3].id))
    model.take(rows[:2])
    model.take(rows[2:])
    model.end_reading()
    assert model.job(3).state is JobState.CANCELLED
    assert (model.counts().queued, model.counts().cancelled) == (3, 1)


def test_a_slow_read_in_the_window_does_not_throw_a_row_back(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = fill(studio, 1)[0]
    window = on_queue(open_window, 1, qtbot)
    was_read, go_on = threading.Event(), threading.Event()
    read = studio.catalog.queue_rows

    def slowly(*arguments):
        found = read(*arguments)
        was_read.set()
        assert go_on.wait(60)
        return found

    monkeypatch.setattr(studio.catalog, "queue_rows", slowly)
    window.queue.reload()
    assert was_read.wait(60)
    window.on_event(Started(job.id, 1))
    window.on_event(Succeeded(job.id, studio.outcome(job, -1, 0.9)))
    go_on.set()
    qtbot.waitUntil(lambda: window.queue._reading is None)
    assert window.queue.jobs.job(0).state is JobState.SUCCEEDED


def test_a_job_that_was_queued_meanwhile_is_found_by_its_event(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    first = fill(studio, 2)
    window = on_queue(open_window, 2, qtbot)
    (late,) = studio.catalog.add_jobs(first[0].batch_id, [(first[0].pair_id, mask_request("hat"))])
    window.on_event(Started(late.id, 1))
    qtbot.waitUntil(lambda: window.queue.jobs.rowCount() == 3)


def test_retried_jobs_wait_again_without_a_read(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    a, b = (job.id for job in fill(studio, 2))
    window = on_queue(open_window, 2, qtbot)
    window.on_event(Started(a, 1))
    window.on_event(Failed(a, JobFailure("x: y", "z", True)))
    window.on_event(Queued(a))
    qtbot.waitUntil(lambda: order(window) == [b, a])
    assert window.queue.jobs.job(1).failure is None
    assert window.queue.counts.queued == 2


def test_a_chip_shows_one_state_and_gives_all_back(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    a, _, _ = (job.id for job in fill(studio, 3))
    window = on_queue(open_window, 3, qtbot)
    window.on_event(Started(a, 1))
    window.on_event(Failed(a, JobFailure("x: y", "z", True)))
    chips = window.queue.chips.buttons
    qtbot.waitUntil(lambda: chips[JobState.FAILED].isVisible() and chips[JobState.FAILED].text() == "1 failed")
    qtbot.mouseClick(chips[JobState.FAILED], Qt.MouseButton.LeftButton)
    assert order(window) == [a]
    assert window.queue.counts.total == 3
    qtbot.mouseClick(chips[JobState.FAILED], Qt.MouseButton.LeftButton)
    assert len(order(window)) == 3


def test_speed_remaining_time_and_graphics_memory_are_shown(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = fill(studio, 100)
    window = on_queue(open_window, 100, qtbot)
    now = [1000.0]
    monkeypatch.setattr("gui.queue.page.time.monotonic", lambda: now[0])
    window.queue._clock = None
    window.queue.reload()
    qtbot.waitUntil(lambda: window.queue._reading is None)
    for job in jobs[:20]:
        window.on_event(Started(job.id, 1))
        window.on_event(Succeeded(job.id, studio.outcome(job, -1, 0.9)))
    window.on_event(Started(jobs[20].id, 1))
    now[0] += 60
    card = CardMemory(3 * 1024**3, 24 * 1024**3)
    monkeypatch.setattr(type(studio.dispatcher), "card_memory", property(lambda _: card))
    window.queue._tick()
    assert window.queue.summary.times.text() == "1 min 00 s elapsed · 20 jobs/min · about 4 min 00 s left"
    assert window.queue.summary.card.text() == "Graphics memory 3.0 of 24.0 GB"
    card = CardMemory(0, 0)
    window.queue._tick()
    assert window.queue.summary.card.text() == "No graphics card"


# -- failures -------------------------------------------------------------------------------------------------------


def test_a_failure_offers_what_helps(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url) or True)
    job = fill(studio, 1)[0]
    window = on_queue(open_window, 1, qtbot)
    window.on_event(Started(job.id, 1))
    detail = "Traceback: line 1"
    failure = JobFailure("/studio/2026-03/000000_model.jpg: the disk is full", "Free some space.", True, detail)
    window.on_event(Failed(job.id, failure))
    select(window, job.id)
    panel = window.queue.failure
    assert panel.isVisible()
    assert panel.why.text() == f"{failure.message}."
    assert panel.buttons[Remedy.RETRY].isVisible()
    assert not panel.buttons[Remedy.MODELS].isVisible()
    qtbot.mouseClick(panel.buttons[Remedy.FOLDER], Qt.MouseButton.LeftButton)
    assert [url.toLocalFile() for url in opened] == ["/studio/2026-03"]
    qtbot.keyClick(window.queue.table, Qt.Key.Key_C, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: "Traceback: line 1" in QGuiApplication.clipboard().text())
    copied = QGuiApplication.clipboard().text()
    for part in ("the disk is full", "Free some space.", "000000_model.jpg", "SKU000000", detail, "Garment mask"):
        assert part in copied


def test_the_models_page_is_offered_where_a_model_is_missing(studio: Studio) -> None:
    batch = studio.catalog.create_batch("dreams")
    pair = studio.catalog.add_pairs([new_pair(1)])[0]
    dreamed, plain = studio.catalog.add_jobs(batch.id, [(pair.id, kontext_request()), (pair.id, mask_request())])

    def failed(job: Job, message: str, remedy: str, retryable: bool = False) -> tuple[Remedy, ...]:
        now = datetime.now(UTC)
        studio.catalog.retry([job.id])
        claimed = studio.catalog.claim("w", now)
        while claimed is not None and claimed.id != job.id:
            claimed = studio.catalog.claim("w", now)
        studio.catalog.fail(job.id, "w", JobFailure(message, remedy, retryable), now)
        return remedies(studio.catalog.job(job.id))

    missing = failed(dreamed, "a.jpg: the LoRA 'hat' is not there", "Put hat.safetensors into the models folder.")
    assert missing == (Remedy.MODELS, Remedy.FOLDER)
    assert remedies(plain) == ()
    in_name = failed(dreamed, "a_model.jpg: the disk is full", "Free some space and retry.", True)
    assert in_name == (Remedy.RETRY, Remedy.FOLDER), "a photograph's name says nothing about models"


# -- the end of a batch ---------------------------------------------------------------------------------------------


def test_the_desktop_is_told_once_when_the_window_is_not_in_front(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = (job.id for job in fill(studio, 2))
    window = on_queue(open_window, 2, qtbot)
    alerts: list[object] = []
    monkeypatch.setattr(QApplication, "alert", lambda widget, *_: alerts.append(widget))
    is_active = [True]
    monkeypatch.setattr(window, "isActiveWindow", lambda: is_active[0])

    def run(job_id: int) -> None:
        window.on_event(Started(job_id, 1))
        window.on_event(Failed(job_id, JobFailure("x: y", "z", False)))
        window.on_event(Idle())

    window.on_event(Idle())
    run(a)
    assert alerts == [], "nobody is told what they see"
    is_active[0] = False
    window.on_event(Idle())
    assert alerts == [], "an engine that is idle still has not ended anything"
    run(b)
    assert alerts == [window]
    assert "The queue is finished: 0 done, 2 failed." in window.banner.text()
    preferences.set_notifies_when_done(False)
    window.on_event(Queued(b))
    run(b)
    assert alerts == [window], "it can be switched off"


# -- thousands ------------------------------------------------------------------------------------------------------


_THOUSANDS = 3000


def test_thousands_of_jobs_are_shown_and_followed_without_reading_them_again(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = on_queue(open_window, 0, qtbot)
    jobs = fill(studio, _THOUSANDS)
    grown: list[int] = []
    window.queue.jobs.rowsInserted.connect(lambda: grown.append(window.queue.jobs.rowCount()))
    window.queue.set_batch(jobs[0].batch_id)
    qtbot.waitUntil(lambda: window.queue.jobs.rowCount() == _THOUSANDS)
    assert grown[0] < _THOUSANDS, "the first page does not wait for the last"
    qtbot.waitUntil(lambda: window.queue._reading is None)
    reads: list[object] = []
    read = studio.catalog.queue_rows
    monkeypatch.setattr(studio.catalog, "queue_rows", lambda *a: reads.append(a) or read(*a))
    outcome = studio.outcome(jobs[0], -1, 0.9)
    began = time.thread_time()  # what the window itself computes, whatever else the machine does
    for job in jobs[:100]:
        window.on_event(Started(job.id, 1))
        for step in range(4):
            window.on_event(Progress(job.id, step, 4, "masking"))
        window.on_event(Succeeded(job.id, outcome))
    each = (time.thread_time() - began) / 600
    QApplication.processEvents()
    assert each < 0.005, f"{each * 1000:.2f} ms for one event"
    assert window.queue.counts.succeeded == 100
    assert window.queue.jobs.index(50, JobColumn.STATE).data() == "Done"
    assert reads == [], "events are enough"
    window.queue.table.selectAll()
    began = time.thread_time()
    for job in jobs[_THOUSANDS // 2 :]:
        window.on_event(CancelledJob(job.id))
    qtbot.waitUntil(lambda: window.queue.chips.buttons[JobState.CANCELLED].text() == f"{_THOUSANDS // 2:,} cancelled")
    assert time.thread_time() - began < 5
