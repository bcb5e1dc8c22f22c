"""A mask that was not found is drawn in the window, from the Queue page and back, with real events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QMenu, QMessageBox
from pytestqt.qtbot import QtBot

from engine.domain.jobs import Job, JobFailure, JobState, Origin, Reason
from engine.domain.requests import ColorMatchRequest
from engine.imaging.raster.encode import decode_mask
from gui import preferences
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.mask_editor.editor import MaskEditor
from gui.pictures.parts import Part
from gui.queue.job_cells import JobColumn
from gui.queue.remedies import Remedy
from gui.viewer.picture_view import PictureView
from tests.gui.studio import Studio

LEFT, NONE, NO_KEY = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
NOT_FOUND = JobFailure("coat_model.jpg: no garment was found on the person", "Look again, or draw its mask.", False)


class Desk:
    """The window on the queue of one failed job, which is chosen."""

    def __init__(self, window: MainWindow, studio: Studio, qtbot: QtBot, job: Job) -> None:
        self.window, self.studio, self.qtbot, self.job = window, studio, qtbot, job

    @property
    def editor(self) -> MaskEditor:
        editor = self.window.review.mask_editing.editor
        assert editor is not None
        return editor

    def view(self, part: Part) -> PictureView:
        return self.window.review.compare.panes[part].view

    def rest(self) -> None:
        self.qtbot.waitUntil(lambda: not self.window.bridge.is_busy)
        QApplication.processEvents()

    def choose(self) -> None:
        self.window.activateWindow()
        self.qtbot.waitUntil(self.window.isActiveWindow)
        self.window.show_page(PageName.QUEUE)
        queue = self.window.queue
        self.qtbot.waitUntil(lambda: queue.jobs.row_of(self.job.id) is not None)
        queue.table.selectRow(queue.jobs.row_of(self.job.id) or 0)
        queue.table.setFocus()

    def press(self, key: Qt.Key) -> None:
        self.qtbot.keyClick(QApplication.focusWidget() or self.window, key)

    def open(self) -> None:
        """Press B on the Queue page, and wait until something can be drawn."""
        self.choose()
        self.press(Qt.Key.Key_B)
        self.qtbot.waitUntil(lambda: self.window.review.mask_editing.editor is not None)
        self.qtbot.waitUntil(lambda: self.editor.session is not None)
        self.qtbot.waitUntil(lambda: self.view(Part.ORIGINAL).picture is not None)
        self.rest()

    def drag(self, *points: tuple[float, float]) -> None:
        """Draw a stroke, in source pixels."""
        view = self.view(Part.ORIGINAL)
        places = [view.to_view(QPointF(*point)) for point in points]
        steps = [(QEvent.Type.MouseButtonPress, places[0], LEFT, LEFT)]
        steps += [(QEvent.Type.MouseMove, place, NONE, LEFT) for place in places[1:]]
        steps.append((QEvent.Type.MouseButtonRelease, places[-1], LEFT, NONE))
        for kind, place, button, held in steps:
            QApplication.sendEvent(view, QMouseEvent(kind, place, view.mapToGlobal(place), button, held, NO_KEY))
        self.rest()

    def newest(self) -> Job:
        return self.studio.catalog.versions(self.job.id)[0]


def fail_next(studio: Studio, failure: JobFailure) -> Job:
    now = datetime.now(UTC)
    job = studio.catalog.claim("test", now)
    assert job is not None
    assert studio.catalog.fail(job.id, "test", failure, now)
    return studio.catalog.job(job.id)


@pytest.fixture
def desk(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> Desk:
    studio.services = replace(studio.services, catalog_path=studio.folder / "catalog.db")
    studio.queue("coat")
    job = fail_next(studio, NOT_FOUND)
    preferences.set_reviewer("Ada")
    made = Desk(open_window(), studio, qtbot, job)
    made.choose()
    return made


def test_the_failure_offers_to_draw_the_mask_first(desk: Desk) -> None:
    panel, action = desk.window.queue.failure, desk.window.actions_table["draw_mask"]
    button = panel.buttons[Remedy.DRAW]
    assert action.isEnabled()
    assert button.isVisible()
    assert (button.text().strip(), button.property("primary")) == ("Draw its mask", True)
    assert action in desk.window.queue.table.actions()
    menus = desk.window.menuBar().findChildren(QMenu)
    assert any(action in menu.actions() for menu in menus)
    button.click()
    desk.qtbot.waitUntil(lambda: desk.window.review.mask_editing.editor is not None)
    desk.qtbot.waitUntil(lambda: desk.editor.session is not None)


def test_a_drawn_mask_queues_the_job_again_and_leads_back_to_the_queue(desk: Desk) -> None:
    desk.open()
    assert desk.window.page is PageName.REVIEW
    shown = [part for part, pane in desk.window.review.compare.panes.items() if pane.isVisible()]
    assert shown == [Part.FLATLAY, Part.ORIGINAL]
    desk.qtbot.waitUntil(lambda: desk.view(Part.FLATLAY).picture is not None)
    assert desk.editor.session is not None
    assert not desk.editor.session.document.alpha.any(), "nothing is known: it begins empty"
    assert not desk.editor.tools.for_training.isVisible()
    desk.editor.model.set(diameter=80, hardness=1.0, opacity=1.0)
    desk.drag((200, 300), (400, 300), (400, 600))
    drawn = desk.editor.session.document.alpha.copy()
    assert (drawn[300, 200:400] == 255).all()
    desk.press(Qt.Key.Key_Return)
    desk.qtbot.waitUntil(lambda: desk.window.page is PageName.QUEUE)
    job = desk.newest()
    assert (job.version, job.state) == (2, JobState.QUEUED)
    assert job.origin == Origin(desk.job.id, Reason.MASK_EDITED, "Ada")
    assert isinstance(job.request, ColorMatchRequest)
    assert job.request.mask.corrected is not None
    assert np.array_equal(decode_mask(desk.studio.artifacts.read(job.request.mask.corrected)), drawn)
    assert "coat_model.jpg is queued again with the drawn mask" in desk.window.banner.text()
    desk.rest()
    model = desk.window.queue.jobs
    desk.qtbot.waitUntil(lambda: model.row_of(job.id) is not None)
    old, new = model.row_of(desk.job.id) or 0, model.row_of(job.id) or 0
    assert model.index(old, JobColumn.STEP).data() == "Drawn again as version 2"
    assert model.index(new, JobColumn.TASK).data() == "Colour match · v2"
    assert desk.window.review.mode is None


def test_a_failure_whose_mask_was_drawn_is_none_any_more(desk: Desk) -> None:
    queue, actions = desk.window.queue, desk.window.actions_table
    assert (queue.counts.failed, queue.counts.repeated) == (1, 0)
    desk.open()
    desk.editor.model.set(diameter=80, hardness=1.0, opacity=1.0)
    desk.drag((200, 300), (400, 300), (400, 600))
    desk.press(Qt.Key.Key_Return)
    desk.qtbot.waitUntil(lambda: queue.counts.repeated == 1)
    desk.choose()
    assert queue.counts.failed == 0
    desk.qtbot.waitUntil(lambda: not queue.chips.buttons[JobState.FAILED].isVisible())
    assert queue.failure.remedy.text() == "Drawn again as version 2."
    assert not queue.failure.buttons[Remedy.DRAW].isVisible()
    assert not actions["draw_mask"].isEnabled()
    assert not actions["retry"].isEnabled()
    # Without the version that stands in its place it is a failure again.
    desk.studio.catalog.cancel([desk.newest().id])
    queue.reload()
    desk.qtbot.waitUntil(lambda: queue.counts.failed == 1)
    desk.qtbot.waitUntil(lambda: queue.failure.buttons[Remedy.DRAW].isVisible())
    assert (queue.counts.cancelled, queue.counts.repeated) == (1, 0)


def test_nothing_is_queued_with_an_empty_mask(desk: Desk) -> None:
    desk.open()
    desk.press(Qt.Key.Key_Return)
    desk.rest()
    assert desk.editor.is_open
    assert desk.editor.session is not None
    assert desk.editor.session.said == "There is nothing in the mask yet."
    desk.press(Qt.Key.Key_Escape)
    desk.qtbot.waitUntil(lambda: desk.window.page is PageName.QUEUE)
    assert desk.newest().id == desk.job.id
    assert desk.window.review.stage.empty.isVisibleTo(desk.window.review)


def test_a_mask_of_the_same_photograph_is_the_guess_and_may_be_kept_as_it_is(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    studio.finish({"coat": -1.0})
    studio.queue("coat", color_match=False)
    desk = Desk(open_window(), studio, qtbot, fail_next(studio, NOT_FOUND))
    desk.window.header.batches.setCurrentIndex(0)  # all batches
    desk.rest()
    desk.open()
    assert desk.editor.session is not None
    assert desk.editor.session.document.alpha[300, 300] == 255
    desk.press(Qt.Key.Key_Return)
    desk.qtbot.waitUntil(lambda: desk.window.page is PageName.QUEUE)
    assert desk.newest().version == 2
    # The review shows the result that was looked at, not the failed job's pictures.
    desk.window.show_page(PageName.REVIEW)
    desk.qtbot.waitUntil(lambda: desk.window.review.current() is not None)
    shown = [part for part, pane in desk.window.review.compare.panes.items() if pane.isVisible()]
    assert shown == [Part.FLATLAY, Part.ORIGINAL, Part.RESULT]
    desk.rest()


def test_what_was_drawn_is_offered_again_after_a_crash(desk: Desk) -> None:
    desk.open()
    desk.editor.model.set(diameter=80, hardness=1.0, opacity=1.0)
    desk.drag((200, 300), (400, 300))
    desk.editor.autosave()
    desk.rest()
    (kept,) = (desk.studio.folder / "unsaved masks").glob("*-drawn.png")
    left = kept.read_bytes()
    desk.press(Qt.Key.Key_Escape)
    box = desk.window.findChild(QMessageBox, "leave_question")
    assert isinstance(box, QMessageBox)
    assert [b.text() for b in box.buttons() if b.objectName() == "keep_mask"] == ["Keep and queue again"]
    next(b for b in box.buttons() if b.objectName() == "discard_mask").click()
    desk.qtbot.waitUntil(lambda: desk.window.page is PageName.QUEUE)
    desk.rest()
    kept.write_bytes(left)
    desk.open()
    box = desk.window.findChild(QMessageBox, "restore_question")
    assert isinstance(box, QMessageBox)
    next(b for b in box.buttons() if b.objectName() == "restore_mask").click()
    desk.rest()
    assert desk.editor.session is not None
    assert desk.editor.session.document.alpha[300, 300] == 255


def test_a_photograph_that_is_gone_is_said_and_leads_back(desk: Desk) -> None:
    (desk.studio.folder / "drop" / "coat_model.jpg").unlink()
    desk.choose()
    desk.press(Qt.Key.Key_B)
    desk.qtbot.waitUntil(lambda: "coat_model.jpg" in desk.window.banner.text())
    desk.qtbot.waitUntil(lambda: desk.window.page is PageName.QUEUE)
    desk.rest()
    assert desk.window.review.mode is None
