"""Edits asked for in the window: the dialog, the queue, and the turns that add up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.domain.geometry import Box
from engine.domain.jobs import Job, Reason
from engine.domain.requests import EditRequest, InputFile
from engine.domain.results import EditedTurn, EditResult
from gui import preferences
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.mask_editor.editor import MaskEditor
from gui.review.edit_dialog import EditDialog
from gui.review.edits import Edits
from tests.gui.studio import Studio
from tests.hollow_kontext import hollow_kontext

NAME = "FLUX.1-Kontext-dev"


@pytest.fixture
def done(studio: Studio) -> Job:
    """A finished colour match."""
    (job,) = studio.finish({"A1": 2.0})
    return job


@pytest.fixture
def review(studio: Studio, done: Job, open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    window = open_window()
    window.show_page(PageName.REVIEW)
    qtbot.waitUntil(lambda: window.review.current_id() == done.id)
    return window


def edits(window: MainWindow) -> Edits:
    return window.review.edits


def asked(window: MainWindow, qtbot: QtBot) -> EditDialog:
    """Press E and wait for the dialog."""
    qtbot.keyClick(window.review.list, Qt.Key.Key_E)
    qtbot.waitUntil(lambda: edits(window).dialog is not None)
    dialog = edits(window).dialog
    assert dialog is not None
    return dialog


def rest(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.bridge.is_busy)


def lit(dialog: EditDialog) -> np.ndarray:
    """Mean brightness of the preview's quarters: top left, top right, bottom left, bottom right."""
    image = dialog.picture.pixmap().toImage()
    height, width = image.height(), image.width()
    grey = np.array([[image.pixelColor(x, y).lightness() for x in range(width)] for y in range(height)])
    return np.array(
        [grey[y : y + height // 2, x : x + width // 2].mean() for y in (0, height // 2) for x in (0, width // 2)]
    )


def test_without_a_model_the_dialog_says_why_and_leads_to_it(review: MainWindow, qtbot: QtBot) -> None:
    dialog = asked(review, qtbot)
    dialog.prompt.setPlainText("SALE in white on a red banner")
    assert not dialog.queue.isEnabled()
    assert NAME in dialog.state.text()
    assert "chromask models download" in dialog.state.toolTip()
    assert dialog.models.isVisible()
    qtbot.mouseClick(dialog.models, Qt.MouseButton.LeftButton)
    assert review.page is PageName.MODELS
    assert edits(review).dialog is None
    # Nothing to edit, nothing to ask.
    assert not review.actions_table["edit"].isEnabled()


def test_an_edit_is_queued_with_all_that_was_asked_for(
    studio: Studio, review: MainWindow, done: Job, qtbot: QtBot, tmp_path: Path
) -> None:
    hollow_kontext(tmp_path / "models" / NAME)
    preferences.set_vram_tier(16)
    dialog = asked(review, qtbot)
    assert not dialog.queue.isEnabled()
    dialog.prompt.setPlainText("  SALE in white on a red banner ")
    assert dialog.queue.isEnabled()
    dialog.strength.setValue(0.65)
    dialog.steps.setValue(12)
    dialog.seed.setValue(7)
    dialog.reference.setCurrentIndex(1)
    dialog.reference.activated.emit(1)
    qtbot.mouseClick(dialog.queue, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: edits(review).dialog is None)
    (job,) = [job for job in studio.catalog.jobs() if isinstance(job.request, EditRequest)]
    assert isinstance(job.request, EditRequest)
    (turn,) = job.request.turns
    outcome, pair = studio.catalog.outcome(done.id), studio.catalog.pair(done.pair_id)
    assert outcome is not None
    assert pair.flatlay is not None
    assert turn.mask == InputFile(studio.artifacts.path(outcome.mask.alpha), outcome.mask.alpha.sha256)
    assert turn.reference == InputFile(pair.flatlay.path, pair.flatlay.sha256)
    assert turn.strength == 0.65
    settings = turn.diffusion
    assert (settings.prompt, settings.vram_tier) == ("SALE in white on a red banner", 16)
    assert (settings.sampling.num_inference_steps, settings.sampling.seed) == (12, 7)
    assert settings.model == str(tmp_path / "models" / NAME)
    # It runs before the rest of the batch, in the batch, and takes nobody's place.
    assert (job.batch_id, job.pair_id, job.origin) == (done.batch_id, done.pair_id, None)
    assert job.priority > done.priority
    # The queue page knows of it at once, though nothing runs.
    qtbot.waitUntil(lambda: review.queue.counts.queued == 1)
    assert "A1_model.jpg: the edit is queued" in review.status.remark.whole_text()


def test_a_mask_from_a_file_is_shown_and_one_that_does_not_fit_is_refused(
    studio: Studio, review: MainWindow, done: Job, qtbot: QtBot, tmp_path: Path
) -> None:
    hollow_kontext(tmp_path / "models" / NAME)
    dialog = asked(review, qtbot)
    dialog.prompt.setPlainText("a sign")
    corner = np.zeros((900, 600), np.uint8)
    corner[:450, :300] = 255
    cv2.imwrite(str(tmp_path / "corner.png"), corner)
    cv2.imwrite(str(tmp_path / "small.png"), corner[::2, ::2])
    dialog.area.choose(tmp_path / "small.png")
    qtbot.waitUntil(lambda: "small.png" in dialog.message.text())
    assert "300 × 450" in dialog.message.text()
    assert not dialog.queue.isEnabled()
    dialog.area.choose(tmp_path / "corner.png")
    qtbot.waitUntil(dialog.queue.isEnabled)
    assert dialog.message.text() == ""
    quarters = lit(dialog)
    assert quarters[0] > 2 * quarters[1:].max()
    (tmp_path / "corner.png").unlink()
    dialog.queue.click()
    qtbot.waitUntil(lambda: "corner.png" in dialog.message.text())
    # What was typed stays, and another mask may be chosen.
    assert edits(review).dialog is dialog
    assert dialog.prompt.toPlainText() == "a sign"
    assert not [job for job in studio.catalog.jobs() if isinstance(job.request, EditRequest)]
    dialog.reject()
    rest(review, qtbot)


def test_a_second_turn_goes_on_from_the_first(
    studio: Studio, review: MainWindow, done: Job, qtbot: QtBot, tmp_path: Path
) -> None:
    hollow_kontext(tmp_path / "models" / NAME)
    dialog = asked(review, qtbot)
    dialog.prompt.setPlainText("SALE in white on a red banner")
    dialog.queue.click()
    qtbot.waitUntil(lambda: edits(review).dialog is None)
    first = finish_edit(studio, done)
    review.review.reload()
    qtbot.waitUntil(lambda: review.review.results.row_of(first.id) is not None)
    edits(review).ask(first.id)
    qtbot.waitUntil(lambda: edits(review).dialog is not None)
    again = edits(review).dialog
    assert again is not None
    assert again.queue.text() == "Queue turn 2"
    assert again.area.itemText(0) == "The last turn's"
    assert "SALE in white on a red banner" in " ".join(label.text() for label in again.findChildren(type(again.state)))
    again.prompt.setPlainText("CLOSED in white on a red banner")
    again.queue.click()
    qtbot.waitUntil(lambda: edits(review).dialog is None)
    second = max(studio.catalog.jobs(), key=lambda job: job.id)
    assert isinstance(second.request, EditRequest)
    prompts = [turn.diffusion.prompt for turn in second.request.turns]
    assert prompts == ["SALE in white on a red banner", "CLOSED in white on a red banner"]
    assert second.request.turns[0].mask.sha256 == second.request.turns[1].mask.sha256
    assert second.origin is not None
    assert (second.origin.supersedes, second.origin.reason, second.version) == (first.id, Reason.EDITED, 2)


def finish_edit(studio: Studio, matched: Job) -> Job:
    """Have the queued edit painted; its picture is the match's."""
    now = datetime.now(UTC)
    job = studio.catalog.claim("test", now)
    assert job is not None
    outcome = studio.catalog.outcome(matched.id)
    assert outcome is not None
    assert outcome.match is not None
    turn = EditedTurn(outcome.mask.alpha, Box(150, 225, 450, 675), True, {"prompt": "SALE"})
    edit = EditResult(outcome.match.picture, 0, (turn,))
    edited = replace(outcome, mask=replace(outcome.mask, name="edit"), match=None, edit=edit)
    assert studio.catalog.succeed(job.id, "test", edited, now)
    return job


def drawing(window: MainWindow, qtbot: QtBot, dialog: EditDialog) -> MaskEditor:
    """Choose "Draw one…" as a person does, and wait until something can be drawn."""
    row = dialog.area.findText("Draw one…")
    dialog.area.setCurrentIndex(row)
    dialog.area.activated.emit(row)
    qtbot.waitUntil(lambda: window.review.mask_editing.editor is not None)
    editor = window.review.mask_editing.editor
    assert editor is not None
    qtbot.waitUntil(lambda: editor.session is not None)
    rest(window, qtbot)
    return editor


def upper_left() -> np.ndarray:
    alpha = np.zeros((900, 600), np.uint8)
    alpha[:450, :300] = 255
    return alpha


def test_a_mask_drawn_in_the_editor_is_where_the_edit_may_paint(
    review: MainWindow, studio: Studio, done: Job, tmp_path: Path, qtbot: QtBot
) -> None:
    hollow_kontext(tmp_path / "models" / NAME)
    dialog = asked(review, qtbot)
    assert [dialog.area.itemText(row) for row in range(2)] == ["The mask of this result", "Draw one…"]
    dialog.prompt.setPlainText("SALE in white")
    editor = drawing(review, qtbot, dialog)
    assert not dialog.isVisible()
    assert not editor.tools.for_training.isVisible()
    session = editor.session
    assert session is not None
    assert not session.document.alpha.any()
    session.replace("drawn", upper_left)
    rest(review, qtbot)
    review.actions_table["mask_keep"].trigger()
    qtbot.waitUntil(dialog.isVisible)
    rest(review, qtbot)
    assert review.review.mode is None
    assert dialog.wish().prompt == "SALE in white"
    light = lit(dialog)
    assert light[0] > 2 * light[1:].max(), "the preview shows what was drawn"
    dialog.queue.click()
    qtbot.waitUntil(lambda: edits(review).dialog is None)
    rest(review, qtbot)
    request = studio.catalog.jobs()[-1].request
    assert isinstance(request, EditRequest)
    mask = request.turns[0].mask
    assert mask.sha256 in studio.catalog.referenced_artifacts(), "the store keeps what a request names"
    studio.artifacts.sweep(studio.catalog.referenced_artifacts())
    assert np.array_equal(cv2.imread(str(mask.path), cv2.IMREAD_GRAYSCALE), upper_left())
    assert len(studio.catalog.versions(done.id)) == 1, "the result's own mask is what it was"


def test_a_mask_that_is_not_drawn_leaves_the_dialog_as_it_was(review: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    hollow_kontext(tmp_path / "models" / NAME)
    dialog = asked(review, qtbot)
    dialog.prompt.setPlainText("SALE in white")
    editor = drawing(review, qtbot, dialog)
    review.actions_table["mask_keep"].trigger()
    assert editor.session is not None
    assert editor.session.said == "There is nothing in the mask yet."
    review.actions_table["mask_leave"].trigger()
    qtbot.waitUntil(dialog.isVisible)
    assert dialog.wish().mask is None
    assert dialog.wish().prompt == "SALE in white"
    assert dialog.queue.isEnabled()
    dialog.reject()
    rest(review, qtbot)
