"""The queue page with real worker processes, and with events played to its model."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from engine.domain.jobs import JobFailure, JobState, Progress, Started, Succeeded, WorkerLost
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.queue.job_cells import JobColumn
from gui.queue.job_model import PROGRESS_ROLE
from tests.gui.studio import Studio

CONTROL = Qt.KeyboardModifier.ControlModifier


def on_queue(open_window: Callable[[], MainWindow]) -> MainWindow:
    window = open_window()
    window.show_page(PageName.QUEUE)
    return window


def select(window: MainWindow, *job_ids: int) -> None:
    model = window.queue.table.selectionModel()
    model.clearSelection()
    for job_id in job_ids:
        row = window.queue.jobs.row_of(job_id)
        assert row is not None
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        model.select(window.queue.jobs.index(row, 0), flags)


def cell(window: MainWindow, job_id: int, column: JobColumn) -> str:
    row = window.queue.jobs.row_of(job_id)
    assert row is not None
    return window.queue.jobs.index(row, column).data()


def test_an_earlier_batch_is_shown_at_start(studio: Studio, open_window: Callable[[], MainWindow]) -> None:
    studio.queue("A100", "A200")
    window = on_queue(open_window)
    assert window.queue.jobs.rowCount() == 2
    assert window.header.batches.currentText() == "shooting"
    assert window.header.steps[PageName.QUEUE].text() == "Queue  0/2"
    assert window.queue.summary.headline.text() == "0 of 2 jobs"


def test_events_change_a_row_without_the_catalog(studio: Studio, open_window: Callable[[], MainWindow]) -> None:
    job = studio.queue("A100")[0]
    window = on_queue(open_window)
    window.on_event(Started(job.id, 2))
    assert cell(window, job.id, JobColumn.STATE) == "Running, attempt 2"
    assert window.status.engine.text() == "Engine not running"
    window.on_event(Progress(job.id, 3, 4, "matching colour"))
    index = window.queue.jobs.index(0, JobColumn.STEP)
    assert index.data(PROGRESS_ROLE) == (0.75, "Matching colour")
    window.on_event(WorkerLost(job.id, 2))
    assert cell(window, job.id, JobColumn.STATE) == "Waiting"
    window.on_event(Succeeded(job.id, studio.outcome(job, 1.0, 0.9)))
    assert cell(window, job.id, JobColumn.STATE) == "Done"
    window.on_event(Started(999, 1))  # a job of another batch


def test_priorities_move_by_key(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    first, second = studio.queue("A100", "A200")
    window = on_queue(open_window)
    select(window, second.id)
    qtbot.keyClick(window.queue.table, Qt.Key.Key_Up, CONTROL)
    qtbot.waitUntil(lambda: cell(window, second.id, JobColumn.PRIORITY) == "+1")
    assert window.queue.table.selected_rows() == [window.queue.jobs.row_of(second.id)], "the selection stays"
    select(window, first.id)
    qtbot.keyClick(window.queue.table, Qt.Key.Key_Down, CONTROL)
    qtbot.waitUntil(lambda: studio.catalog.job(first.id).priority == -1)
    assert studio.catalog.job(second.id).priority == 1


def test_a_failure_says_why_and_what_to_do(studio: Studio, open_window: Callable[[], MainWindow]) -> None:
    from datetime import UTC, datetime

    job = studio.queue("A100")[0]
    now = datetime.now(UTC)
    studio.catalog.claim("w", now)
    failure = JobFailure("A100_model.jpg: no garment was found", "Draw the mask by hand.", True)
    studio.catalog.fail(job.id, "w", failure, now)
    window = on_queue(open_window)
    assert cell(window, job.id, JobColumn.STEP) == "No garment was found"
    assert window.queue.jobs.index(0, JobColumn.STEP).data(Qt.ItemDataRole.ToolTipRole).startswith("A100_model.jpg: no")
    select(window, job.id)
    assert window.queue.failure.isVisible()
    assert window.queue.failure.remedy.text() == "Draw the mask by hand. Trying it again unchanged may help."
    assert window.actions_table["retry"].isEnabled()
    assert not window.actions_table["cancel"].isEnabled()


def test_a_batch_runs_pauses_cancels_and_retries(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    slow, refused, good = studio.queue("a-slow", "b-refused", "c-good", color_match=False)
    window = on_queue(open_window)
    jobs = {studio.catalog.pair(job.pair_id).sku: job.id for job in (slow, refused, good)}
    slow_id, refused_id, good_id = (
        next(i for sku, i in jobs.items() if word in sku) for word in ("slow", "refused", "good")
    )
    window.begin()
    qtbot.waitUntil(lambda: cell(window, slow_id, JobColumn.STEP).startswith("Dreaming "))
    assert window.status.engine.text() == "Working on 1 photograph"

    qtbot.keyClick(window, Qt.Key.Key_Space, CONTROL)
    assert window.status.engine.text().endswith("pausing")
    select(window, slow_id)
    qtbot.keyClick(window.queue.table, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: cell(window, slow_id, JobColumn.STATE) == "Cancelled")
    qtbot.wait(300)
    assert studio.catalog.job(refused_id).state is JobState.QUEUED, "a paused engine claims nothing"
    assert window.status.engine.text() == "Paused"

    qtbot.keyClick(window, Qt.Key.Key_Space, CONTROL)
    qtbot.waitUntil(lambda: cell(window, good_id, JobColumn.STATE) == "Done")
    qtbot.waitUntil(lambda: cell(window, refused_id, JobColumn.STATE) == "Failed")
    qtbot.waitUntil(lambda: window.queue.counts.finished == 3)
    qtbot.waitUntil(lambda: window.queue.summary.headline.text() == "All 3 jobs finished")
    assert window.queue.summary.progress.fraction == 1.0
    qtbot.waitUntil(lambda: window.review.results.rowCount() == 1)
    qtbot.waitUntil(lambda: window.header.steps[PageName.REVIEW].text() == "Review  1")

    select(window, refused_id)
    shown: list[str] = []
    window.queue.jobs.dataChanged.connect(lambda *_: shown.append(cell(window, refused_id, JobColumn.STATE)))
    button = window.queue.findChild(QPushButton, "retry_button")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Running" in shown and shown[-1] == "Failed")


def test_closing_while_jobs_run_asks(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    job = studio.queue("a-slow", color_match=False)[0]
    window = on_queue(open_window)
    window.begin()
    qtbot.waitUntil(lambda: cell(window, job.id, JobColumn.STATE) == "Running")
    assert not window.close()
    question = window.closing.question
    assert question is not None
    assert question.text() == "1 job of the queue is not finished."
    keep = question.findChild(QPushButton, "keep_running")
    qtbot.mouseClick(keep, Qt.MouseButton.LeftButton)
    assert window.isVisible()
    assert studio.dispatcher.is_running

    assert not window.close()
    assert window.closing.question is not None
    stop = window.closing.question.findChild(QPushButton, "stop_and_close")
    qtbot.mouseClick(stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.isVisible())
    assert not studio.dispatcher.is_running
    after = studio.catalog.job(job.id)
    assert after.state is JobState.QUEUED
    assert after.attempt == 0, "stopping is not the picture's fault"
