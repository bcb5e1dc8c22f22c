"""Edits in the window: they are queued, shown and decided on like any other result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.domain.geometry import Box
from engine.domain.requests import EditRequest, EngineName
from engine.domain.results import EditedTurn, EditResult
from engine.domain.review import Decision
from engine.services.review import items_of
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.phrases import task_name
from gui.pictures.parts import Part
from tests.contract.factories import edit_request
from tests.gui.studio import Studio


def test_an_edit_is_named_by_its_turns() -> None:
    request = edit_request()
    assert task_name(request) == "Edit, 2 turns · Kontext"
    assert task_name(EditRequest(EngineName.KONTEXT, request.turns[:1])) == "Edit · Kontext"


def test_an_edit_is_shown_and_decided_on(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    studio.finish({"A1": 2.0})
    (matched,) = items_of(studio.catalog)
    batch = matched.job.batch_id
    now = datetime.now(UTC)
    (job,) = studio.catalog.add_jobs(batch, [(matched.pair.id, edit_request())])
    assert studio.catalog.claim("test", now) is not None
    outcome = studio.outcome(job, 2.0, 1.0)
    assert outcome.match is not None
    turn = EditedTurn(outcome.mask.alpha, Box(150, 225, 450, 675), True, {"prompt": "a blue shirt"})
    edited = replace(
        outcome,
        mask=replace(outcome.mask, name="edit"),
        match=None,
        edit=EditResult(outcome.match.picture, 0, (turn,)),
    )
    assert studio.catalog.succeed(job.id, "test", edited, now)
    window = open_window()
    for page in PageName:
        window.show_page(page)
    window.show_page(PageName.REVIEW)
    review = window.review
    qtbot.waitUntil(lambda: set(review.results.shown_ids()) == {matched.job.id, job.id})
    row = review.results.row_of(job.id)
    assert row is not None
    review.list.setCurrentIndex(review.results.index(row))
    qtbot.waitUntil(lambda: (item := review.current()) is not None and item.job.id == job.id)
    qtbot.waitUntil(lambda: review.compare.panes[Part.RESULT].view.picture is not None)
    assert review.compare.panes[Part.RESULT].title == "Result"
    assert review.figures.texts()["Outside the mask"] == "0 · untouched"
    review.grab()  # paints the list's row and the figures, too
    qtbot.keyClick(review.list, Qt.Key.Key_P)
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    decisions = {item.job.id: item.decision for item in items_of(studio.catalog)}
    assert decisions == {matched.job.id: Decision.PENDING, job.id: Decision.APPROVED}
