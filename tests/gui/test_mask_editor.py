"""The mask editor in the window: drawn with real events, kept as a new version, never lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPointingDevice, QTabletEvent
from PySide6.QtWidgets import QApplication, QDoubleSpinBox, QMessageBox
from pytestqt.qtbot import QtBot

from engine.domain.jobs import JobState, Reason
from engine.domain.requests import ColorMatchRequest, EngineName, MaskRequest
from engine.imaging.raster.encode import decode_mask, encode_mask
from gui.frame.main_window import MainWindow
from gui.mask_editor import sources
from gui.mask_editor.autosave import Autosave
from gui.mask_editor.canvas import MaskView
from gui.mask_editor.editor import MaskEditor
from gui.mask_editor.model import MaskModel, MaskTool
from gui.pictures.parts import Part
from gui.viewer.picture_view import PictureView
from tests.gui.studio import Studio

LEFT, NO_BUTTON, NO_KEY = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier


class Desk:
    """The window with one finished result, and hands for the editor."""

    def __init__(self, window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
        self.window, self.studio, self.qtbot = window, studio, qtbot
        self.page = window.review

    @property
    def editor(self) -> MaskEditor:
        assert self.page.mask_editing.editor is not None
        return self.page.mask_editing.editor

    @property
    def view(self) -> PictureView:
        return self.page.compare.panes[Part.ORIGINAL].view

    @property
    def alpha(self) -> np.ndarray:
        assert self.editor.session is not None
        return self.editor.session.document.alpha

    def open(self) -> None:
        """Press B and wait for the mask."""
        self.press("B")
        self.qtbot.waitUntil(lambda: self.editor.session is not None and self.view.picture is not None)
        self.rest()

    def rest(self) -> None:
        """Wait until nothing is worked out any more."""
        self.qtbot.waitUntil(lambda: not self.window.bridge.is_busy)
        QApplication.processEvents()

    def press(self, key: str, modifiers: Qt.KeyboardModifier = NO_KEY) -> None:
        codes = {"Return": Qt.Key.Key_Return, "Esc": Qt.Key.Key_Escape, "[": Qt.Key.Key_BracketLeft,
                 "]": Qt.Key.Key_BracketRight, "Space": Qt.Key.Key_Space}  # fmt: skip
        code = codes.get(key) or Qt.Key(ord(key))
        focus = QApplication.focusWidget() or self.window
        self.qtbot.keyClick(focus, code, modifiers)

    def at(self, x: float, y: float) -> QPointF:
        return self.view.to_view(QPointF(x, y))

    def send(self, kind: QEvent.Type, at: QPointF, button: Qt.MouseButton, held: Qt.MouseButton,
             modifiers: Qt.KeyboardModifier = NO_KEY) -> None:  # fmt: skip
        event = QMouseEvent(kind, at, self.view.mapToGlobal(at), button, held, modifiers)
        QApplication.sendEvent(self.view, event)

    def drag(self, *points: tuple[float, float], button: Qt.MouseButton = LEFT,
             modifiers: Qt.KeyboardModifier = NO_KEY) -> None:  # fmt: skip
        """Press at the first point (source pixels), move over the others, release."""
        places = [self.at(*point) for point in points]
        self.send(QEvent.Type.MouseButtonPress, places[0], button, button, modifiers)
        for place in places[1:]:
            self.send(QEvent.Type.MouseMove, place, NO_BUTTON, button, modifiers)
        self.send(QEvent.Type.MouseButtonRelease, places[-1], button, NO_BUTTON, modifiers)
        self.rest()

    def answer(self, name: str) -> None:
        """Press a button of the open question."""
        box = self.window.findChild(QMessageBox)
        assert box is not None
        button = next(b for b in box.buttons() if b.objectName() == name)
        button.click()
        QApplication.processEvents()
        self.window.activateWindow()  # off the screen nobody gives the focus back
        self.qtbot.waitUntil(self.window.isActiveWindow)

    def versions(self) -> list[int]:
        return [job.version for job in self.studio.catalog.jobs()]


@pytest.fixture
def desk(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> Desk:
    studio.services = replace(studio.services, catalog_path=studio.folder / "catalog.db")
    studio.finish({"coat": 2.0})
    window = open_window()
    window.actions_table["show_review"].trigger()
    qtbot.waitUntil(lambda: window.review.current() is not None)
    made = Desk(window, studio, qtbot)
    made.rest()
    return made


def test_brush_and_eraser_paint_where_the_pointer_was(desk: Desk) -> None:
    desk.open()
    desk.editor.model.set(diameter=40, hardness=1.0, opacity=1.0)
    assert desk.alpha[100, 300] == 0
    desk.drag((200, 100), (300, 100), (400, 100))
    assert (desk.alpha[90:110, 210:390] == 255).all()
    assert not desk.alpha[:78, :].any()
    assert not desk.alpha[124:220, :].any()
    desk.press("E")
    desk.drag((300, 400), (300, 500))
    assert not desk.alpha[400:500, 290:310].any()
    desk.press("X")
    desk.drag((300, 400), (300, 500))
    assert (desk.alpha[400:500, 290:310] == 255).all()
    desk.drag((300, 400), (300, 500), modifiers=Qt.KeyboardModifier.AltModifier)
    assert not desk.alpha[400:500, 290:310].any()
    _assert_painted_afresh_is_the_same(desk)


def _assert_painted_afresh_is_the_same(desk: Desk) -> None:
    """Only what changed is painted again; nothing may be forgotten by that."""
    desk.view.repaint()
    shown = desk.editor.canvas.shown_pixels.copy()
    desk.editor.canvas.show_as(MaskView.TINT)  # forgets what was drawn
    desk.view.repaint()
    assert np.array_equal(shown, desk.editor.canvas.shown_pixels)


def test_review_commands_are_off_while_editing_and_on_again(desk: Desk) -> None:
    actions = desk.window.actions_table
    desk.open()
    for name in ("approve", "reject", "undo", "mask", "next", "compare", "edit_mask"):
        assert not actions[name].isEnabled(), name
    enabled = [action for action in desk.window.actions() + list(actions._actions.values()) if action.isEnabled()]
    keys = [key.toString() for action in enabled for key in action.shortcuts()]
    assert len(keys) == len(set(keys)), "a key gives two commands"
    desk.press("X")
    assert desk.studio.catalog.reviews(1) == []
    desk.press("Esc")
    assert actions["approve"].isEnabled()
    assert not actions["mask_brush"].isEnabled()
    desk.press("3")
    desk.rest()
    assert desk.editor.model.settings.opacity != 0.3, "a digit gives stars again"
    assert desk.view.tool is None
    assert desk.page.mode is None


def test_keys_set_the_brush_and_settings_outlive_the_session(desk: Desk) -> None:
    desk.open()
    model = desk.editor.model
    model.set(diameter=100, hardness=0.5)
    desk.press("]")
    assert model.settings.diameter == 125
    desk.press("[")
    assert model.settings.diameter == 100
    desk.press("[", Qt.KeyboardModifier.ShiftModifier)
    assert model.settings.hardness == 0.4
    desk.press("4")
    assert model.settings.opacity == 0.4
    desk.press("0")
    assert model.settings.opacity == 1.0
    for key, tool in (("L", MaskTool.LASSO), ("G", MaskTool.FILL), ("R", MaskTool.EDGE), ("B", MaskTool.BRUSH)):
        desk.press(key)
        assert model.settings.tool is tool
    desk.press("M")
    assert model.settings.view is MaskView.OUTLINE
    desk.editor.model.set(diameter=333, hardness=0.25, tool=MaskTool.LASSO, view=MaskView.ALONE)
    desk.press("Esc")
    settings = MaskModel().settings
    assert (settings.diameter, settings.hardness) == (333, 0.25)
    assert (settings.tool, settings.view) == (MaskTool.LASSO, MaskView.ALONE)


def test_undo_and_redo_restore_every_pixel(desk: Desk) -> None:
    desk.open()
    states = [desk.alpha.copy()]
    desk.drag((100, 100), (200, 150))
    states.append(desk.alpha.copy())
    desk.window.actions_table["mask_invert"].trigger()
    desk.rest()
    states.append(desk.alpha.copy())
    assert np.array_equal(states[2], 255 - states[1])
    assert desk.window.actions_table["mask_undo"].text() == "Undo invert"
    for state in (states[1], states[0]):
        desk.press("Z", Qt.KeyboardModifier.ControlModifier)
        desk.rest()
        assert np.array_equal(desk.alpha, state)
    for state in states[1:]:
        desk.press("Z", Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        desk.rest()
        assert np.array_equal(desk.alpha, state)
    actions, area = desk.window.actions_table, int(desk.alpha.sum())
    desk.editor.model.set(step=10, feather=3.0)
    actions["mask_grow"].trigger()
    assert "Growing" in desk.editor.tools.status
    assert not actions["mask_keep"].isEnabled()
    desk.rest()
    assert int(desk.alpha.sum()) > area
    actions["mask_feather"].trigger()
    desk.rest()
    assert len(np.unique(desk.alpha)) > 10
    actions["mask_clear"].trigger()
    desk.rest()
    assert not desk.alpha.any()


def test_a_lasso_is_drawn_clicked_or_dropped(desk: Desk) -> None:
    desk.open()
    desk.press("L")
    desk.drag((20, 20), (120, 20), (120, 120), (20, 120))
    assert (desk.alpha[24:116, 24:116] == 255).all()
    assert abs(desk.alpha[:200].sum() / 255 - 10_000) < 250
    for corner in ((420, 20), (520, 20), (520, 120), (420, 120)):
        desk.drag(corner)
    assert desk.editor.tool.has_lasso
    desk.press("Return")
    desk.rest()
    assert (desk.alpha[24:116, 424:516] == 255).all()
    assert desk.editor.is_open, "Enter closed the lasso, and kept nothing"
    desk.drag((20, 200))
    desk.press("Esc")
    assert desk.editor.is_open
    assert not desk.editor.tool.has_lasso


def test_a_pen_presses_softly_and_its_other_end_erases(desk: Desk) -> None:
    desk.open()
    desk.editor.model.set(diameter=60, hardness=1.0, size_by_pressure=False, opacity_by_pressure=True)
    _pen(desk, QPointingDevice.PointerType.Pen, 0.5, (300, 100))
    assert abs(int(desk.alpha[100, 300]) - 128) <= 2
    _pen(desk, QPointingDevice.PointerType.Eraser, 1.0, (300, 100))
    assert desk.alpha[100, 300] == 0
    desk.window.actions_table["mask_clear"].trigger()
    desk.rest()
    desk.press("G")
    desk.drag((300, 450))
    assert desk.alpha[400:500, 200:400].min() == 255
    assert not desk.alpha[:200].any(), "the frame of the drawn photograph has another colour"


def _pen(desk: Desk, kind: QPointingDevice.PointerType, pressure: float, point: tuple[float, float]) -> None:
    device = QPointingDevice(
        "pen", 7, QPointingDevice.DeviceType.Stylus, kind, QPointingDevice.Capability.Pressure, 1, 1
    )
    at = desk.at(*point)
    for event_type, buttons in (
        (QEvent.Type.TabletPress, LEFT),
        (QEvent.Type.TabletMove, LEFT),
        (QEvent.Type.TabletRelease, NO_BUTTON),
    ):
        button = NO_BUTTON if event_type is QEvent.Type.TabletMove else LEFT
        event = QTabletEvent(
            event_type, device, at, desk.view.mapToGlobal(at), pressure, 0, 0, 0, 0, 0, NO_KEY, button, buttons
        )
        QApplication.sendEvent(desk.view, event)
    desk.rest()


def test_space_and_the_middle_button_pan(desk: Desk) -> None:
    desk.open()
    desk.view.toggle_actual_size()
    desk.view.zoom_at(4)
    before, center = desk.alpha.copy(), QPointF(desk.page.compare.link.center)
    desk.qtbot.keyPress(desk.view, Qt.Key.Key_Space)
    desk.drag((300, 450), (280, 430))
    desk.qtbot.keyRelease(desk.view, Qt.Key.Key_Space)
    moved = QPointF(desk.page.compare.link.center)
    assert moved != center
    desk.drag((300, 450), (320, 460), button=Qt.MouseButton.MiddleButton)
    assert desk.page.compare.link.center != moved
    assert np.array_equal(desk.alpha, before)


def test_kept_it_is_a_new_version_with_exactly_this_mask(desk: Desk) -> None:
    desk.open()
    desk.drag((200, 100), (300, 120))
    painted = desk.alpha.copy()
    desk.editor.tools.for_training.click()
    desk.press("Return")
    desk.rest()
    assert not desk.editor.is_open
    first, second = desk.studio.catalog.jobs()
    assert second.state is JobState.QUEUED
    assert second.version == 2
    assert second.origin is not None
    assert second.origin.supersedes == first.id
    assert second.origin.reason is Reason.MASK_EDITED
    assert isinstance(second.request, ColorMatchRequest)
    corrected = second.request.mask.corrected
    assert corrected is not None
    assert np.array_equal(decode_mask(desk.studio.artifacts.read(corrected)), painted)
    assert second.priority > first.priority
    assert "Version 2 is being matched" in desk.window.banner.text()
    assert [mark.job_id for mark in desk.studio.catalog.training_marks()] == [first.id]


def test_what_cannot_be_kept_says_why_and_stays(desk: Desk) -> None:
    desk.open()
    desk.press("Return")
    desk.rest()
    assert desk.editor.is_open
    assert desk.editor.tools.status == "Nothing was changed."
    assert desk.versions() == [1]
    desk.window.actions_table["mask_clear"].trigger()
    desk.rest()
    desk.press("Return")
    desk.rest()
    assert desk.editor.is_open
    assert desk.versions() == [1]
    desk.press("Z", Qt.KeyboardModifier.ControlModifier)
    desk.rest()
    assert desk.alpha.any()
    desk.drag((200, 100), (300, 120))
    spin = desk.editor.tools.findChildren(QDoubleSpinBox)[0]
    spin.setFocus()
    spin.selectAll()
    desk.qtbot.keyClicks(spin, "7")
    desk.press("Return")
    desk.rest()
    assert desk.editor.is_open
    assert desk.editor.model.settings.step == 7
    assert desk.versions() == [1]


def test_leaving_asks_where_something_was_changed(desk: Desk) -> None:
    for answer, is_open, versions in (("stay", True, [1]), ("discard_mask", False, [1]), ("keep_mask", False, [1, 2])):
        if desk.page.mode is None:
            desk.open()
        desk.drag((200, 100), (300, 120))
        desk.press("Esc")
        desk.answer(answer)
        desk.rest()
        assert desk.editor.is_open is is_open
        assert desk.versions() == versions


def test_what_was_not_kept_survives_a_crash(desk: Desk) -> None:
    desk.open()
    desk.drag((200, 100), (300, 120))
    painted = desk.alpha.copy()
    desk.editor.autosave()
    desk.rest()
    item = desk.page.current()
    assert item is not None
    place = Autosave(desk.studio.folder / "catalog.db", item)
    assert place.path.is_file()
    saved = place.path.read_bytes()
    desk.press("Esc")
    desk.answer("discard_mask")
    desk.rest()
    assert not place.path.exists(), "discarded on purpose"
    place.path.write_bytes(saved)  # what a crash leaves behind
    desk.press("B")
    desk.press("Esc")  # left before it was even read
    desk.rest()
    assert place.path.is_file()
    desk.open()
    desk.answer("restore_mask")
    desk.rest()
    assert np.array_equal(desk.alpha, painted)
    assert desk.editor.is_changed
    desk.press("Return")
    desk.rest()
    assert desk.versions() == [1, 2]
    assert not place.path.exists()


def test_closing_the_window_saves_what_was_drawn(desk: Desk) -> None:
    desk.open()
    desk.drag((200, 100), (300, 120))
    painted, item = desk.alpha.copy(), desk.page.current()
    assert item is not None
    assert not desk.window.close(), "it asks, and whatever comes between has cost nothing"
    desk.rest()
    kept = Autosave(desk.studio.folder / "catalog.db", item).read()
    assert kept is not None
    assert np.array_equal(kept[0], painted)


def test_another_mask_takes_its_place(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()
    stored = desk.alpha.copy()
    other = np.zeros_like(stored)
    cv2.circle(other, (300, 450), 100, 255, -1, cv2.LINE_AA)
    file = tmp_path / "mask.png"
    file.write_bytes(encode_mask(other))
    desk.editor.others.take_file(file)
    desk.rest()
    assert np.array_equal(desk.alpha, other)
    assert desk.window.actions_table["mask_undo"].text() == "Undo mask of mask.png"
    _menu(desk, "The mask as it was opened")
    assert np.array_equal(desk.alpha, stored)
    file.write_bytes(encode_mask(other[:100]))
    desk.editor.others.take_file(file)
    desk.rest()
    assert np.array_equal(desk.alpha, stored)
    assert "100" in desk.window.banner.text()
    _menu(desk, "Have the classical engine mask it")
    assert desk.versions() == [1], "it is the mask that the result has"
    monkeypatch.setitem(
        sources._REQUESTS, EngineName.CLASSICAL, lambda _: MaskRequest(EngineName.CLASSICAL, garment="dress")
    )
    _menu(desk, "Have the classical engine mask it")
    first, asked = desk.studio.catalog.jobs()
    assert asked.origin is not None, "a version of the result, and no result of its own"
    assert (asked.origin.supersedes, asked.origin.reason) == (first.id, Reason.MASK)
    assert isinstance(asked.request, ColorMatchRequest)
    assert replace(asked.request, mask=first.request.mask) == first.request
    assert "being made" in desk.editor.tools.status
    now = datetime.now(UTC)
    claimed = desk.studio.catalog.claim("test", now)
    assert claimed is not None
    desk.studio.catalog.succeed(asked.id, "test", desk.studio.outcome(asked, 3.0, 0.8), now)
    desk.qtbot.waitUntil(lambda: "is there" in desk.editor.tools.status)


def test_a_mask_of_the_catalog_takes_its_place(desk: Desk) -> None:
    desk.open()
    desk.drag((200, 100), (300, 120))
    painted = desk.alpha.copy()
    desk.press("Return")
    desk.rest()
    job = desk.studio.catalog.jobs()[1]
    now = datetime.now(UTC)
    claimed = desk.studio.catalog.claim("test", now)
    assert claimed is not None
    outcome = desk.studio.outcome(job, 1.0, 1.0)
    assert isinstance(job.request, ColorMatchRequest)
    assert job.request.mask.corrected is not None
    mask = replace(outcome.mask, alpha=job.request.mask.corrected)
    desk.studio.catalog.succeed(job.id, "test", replace(outcome, mask=mask), now)
    desk.page.reload()
    desk.rest()
    desk.page.show_version(1)
    desk.qtbot.waitUntil(lambda: desk.page.current() is not None and desk.page.current().job.id == 1)
    desk.open()
    assert not np.array_equal(desk.alpha, painted)
    _menu(desk, "Corrected by hand, version 2")
    assert np.array_equal(desk.alpha, painted)


def _menu(desk: Desk, text: str) -> None:
    menu = desk.editor.tools.replace_menu
    menu.aboutToShow.emit()
    action = next(action for action in menu.actions() if action.text() == text)
    action.trigger()
    desk.rest()


def test_closing_the_window_asks_what_shall_become_of_a_changed_mask(desk: Desk) -> None:
    for answer, is_open, versions in (("stay", True, [1]), ("keep_mask", False, [1, 2])):
        if desk.page.mode is None:
            desk.open()
        desk.drag((200, 100), (300, 120))
        desk.window.actions_table["show_queue"].trigger()
        assert not desk.window.close()
        assert desk.page.isVisible(), "what is asked about is to be seen"
        desk.answer(answer) if is_open else _click(desk, answer)
        desk.qtbot.waitUntil(lambda is_open=is_open: desk.window.isVisible() is is_open)
        assert desk.versions() == versions
    desk.window.show()


def test_a_discarded_mask_does_not_hold_the_window_back(desk: Desk) -> None:
    desk.open()
    desk.drag((200, 100), (300, 120))
    assert not desk.window.close()
    _click(desk, "discard_mask")
    desk.qtbot.waitUntil(lambda: not desk.window.isVisible())
    assert desk.versions() == [1]
    assert not list(desk.studio.folder.glob("unsaved masks/*"))


def _click(desk: Desk, name: str) -> None:
    box = desk.window.findChild(QMessageBox)
    assert box is not None
    next(button for button in box.buttons() if button.objectName() == name).click()
