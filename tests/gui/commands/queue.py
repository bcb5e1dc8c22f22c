"""Commands of the Queue page, and how each is tried."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QItemSelectionModel
from PySide6.QtGui import QGuiApplication

from engine.domain.jobs import JobState
from gui.actions import PageName
from tests.gui.hand import Case, Hand


def _queued(*numbers: int) -> Callable[[Hand], None]:
    """Three jobs wait as they came, and those of these numbers are chosen."""

    def there(hand: Hand) -> None:
        hand.show(PageName.QUEUE)
        table, jobs = hand.window.queue.table, hand.window.queue.jobs
        waiting = sorted(job.id for job in hand.studio.catalog.jobs(states=[JobState.QUEUED]))
        hand.studio.catalog.set_priority(waiting, 0)
        hand.studio.catalog.reorder(waiting, None)
        hand.window.queue.reload()
        hand.rest()
        table.selectionModel().clearSelection()
        for number in numbers:
            flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
            table.selectionModel().select(jobs.index(jobs.row_of(waiting[number]) or 0, 0), flags)
        table.setFocus()
        hand.noted = waiting[numbers[0]]

    return there


def _failed(hand: Hand) -> None:
    _queued(0)(hand)
    (job,) = hand.studio.catalog.jobs(states=[JobState.FAILED])
    hand.window.queue.table.selectRow(hand.window.queue.jobs.row_of(job.id) or 0)
    hand.noted = job.id
    QGuiApplication.clipboard().clear()
    hand.opened.clear()


def _places(hand: Hand) -> list[int]:
    """The jobs that wait, by number, in the order in which they run."""
    jobs = hand.studio.catalog.jobs(states=[JobState.QUEUED])
    numbers = {job.id: number for number, job in enumerate(sorted(jobs, key=lambda job: job.id))}
    return [numbers[job.id] for job in sorted(jobs, key=lambda job: (-job.priority, job.position))]


def _state(hand: Hand) -> JobState:
    return hand.studio.catalog.job(hand.noted).state


def _draws(hand: Hand) -> bool:
    editor = hand.window.review.mask_editing.editor
    return editor is not None and editor.session is not None


def _clipboard(hand: Hand) -> bool:
    return "no garment was found" in QGuiApplication.clipboard().text()


QUEUE = {
    "sooner": Case(_queued(2), lambda hand: hand.studio.catalog.job(hand.noted).priority, 1),
    "later": Case(_queued(0), lambda hand: hand.studio.catalog.job(hand.noted).priority, -1),
    "run_next": Case(_queued(2), _places, [2, 0, 1]),
    "move_up": Case(_queued(2), _places, [0, 2, 1]),
    "move_down": Case(_queued(0), _places, [1, 0, 2]),
    "copy_failure": Case(_failed, _clipboard, True),
    "draw_mask": Case(_failed, _draws, True),
    "show_photograph": Case(_failed, lambda hand: [path.name for path in hand.opened], ["drop"]),
    "retry": Case(_failed, _state, JobState.QUEUED),
    "cancel": Case(_queued(1), _state, JobState.CANCELLED),
}
