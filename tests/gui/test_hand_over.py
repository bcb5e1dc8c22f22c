"""Results that go to a retoucher from the window: dragged out, or opened in the editor."""

from __future__ import annotations

import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QDrag
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from bench.heartbeat import Heartbeat
from engine.domain.export import ExportFormat, ExportRecipe
from engine.domain.review import Decision
from engine.services.export import ExportPlan, export_items
from engine.services.review import decide, items_of
from gui import preferences
from gui.actions import PageName
from gui.frame.garbage import QuietGarbage
from gui.frame.main_window import MainWindow
from gui.pictures.parts import Part
from tests.gui.studio import Studio, editor_that_notes

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def window(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    """Two approved results in the viewer."""
    studio.finish({"A1": 2.0, "B2": 1.0})
    decide(studio.catalog, items_of(studio.catalog), Decision.APPROVED)
    window = open_window()
    window.show_page(PageName.REVIEW)
    qtbot.waitUntil(lambda: window.review.current() is not None)
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    return window


@pytest.fixture
def drags(monkeypatch: pytest.MonkeyPatch) -> list[list[Path]]:
    """The files of each drag, which were all there when it began."""
    seen: list[list[Path]] = []

    def exec(drag: QDrag, actions: Qt.DropAction) -> Qt.DropAction:
        paths = [Path(url.toLocalFile()) for url in drag.mimeData().urls()]
        assert all(path.read_bytes()[:4] == b"8BPS" for path in paths)
        assert actions == Qt.DropAction.CopyAction, "a file manager must not take the file away"
        seen.append(paths)
        return actions

    monkeypatch.setattr(QDrag, "exec", exec)
    return seen


def rest(window: MainWindow, qtbot: QtBot) -> None:
    out = window.review.hand_out.documents
    qtbot.waitUntil(lambda: not out.is_busy and not window.bridge.is_busy)
    QApplication.processEvents()


def pull(qtbot: QtBot, widget: QWidget, start: QPoint, by: QPoint = QPoint(60, 4)) -> None:
    """Press and move, the button still down."""
    qtbot.mousePress(widget, LEFT, NONE, start)
    drag_to(widget, start + by / 2)
    drag_to(widget, start + by)


def drag_to(widget: QWidget, at: QPoint) -> None:
    from PySide6.QtCore import QEvent, QPointF
    from PySide6.QtGui import QMouseEvent

    everywhere = QPointF(widget.mapToGlobal(at))
    QApplication.sendEvent(widget, QMouseEvent(QEvent.Type.MouseMove, QPointF(at), everywhere, LEFT, LEFT, NONE))


def center(window: MainWindow, row: int) -> QPoint:
    view = window.review.grid if window.review.is_grid else window.review.list
    return view.visualRect(view.model().index(row, 0)).center()


def test_the_caption_of_the_result_gives_its_document_and_the_picture_still_pans(
    window: MainWindow, studio: Studio, drags: list[list[Path]], qtbot: QtBot
) -> None:
    pane = window.review.compare.panes[Part.RESULT]
    pull(qtbot, pane.view, QPoint(80, 80))
    qtbot.mouseRelease(pane.view, LEFT, NONE, QPoint(140, 84))
    rest(window, qtbot)
    assert drags == []
    pull(qtbot, pane.handle, QPoint(40, 8))
    rest(window, qtbot)
    row = window.review.current_row()
    assert row is not None
    expected = studio.services.default_export_folder / row.name.replace(".jpg", ".psd")
    assert drags == [[expected]]
    qtbot.mouseRelease(pane.handle, LEFT)
    pull(qtbot, pane.handle, QPoint(40, 8))
    rest(window, qtbot)
    assert drags == [[expected], [expected]], "what is there is given again"
    other = window.review.compare.panes[Part.ORIGINAL].handle
    pull(qtbot, other, QPoint(40, 8))
    rest(window, qtbot)
    assert len(drags) == 2


def test_a_row_of_the_strip_is_dragged_out(window: MainWindow, drags: list[list[Path]], qtbot: QtBot) -> None:
    viewport = window.review.list.viewport()
    pull(qtbot, viewport, center(window, 1))
    rest(window, qtbot)
    assert [[path.name for path in paths] for paths in drags] == [["B2_model.psd"]]
    assert window.review.list.currentIndex().row() == 1
    qtbot.mouseRelease(viewport, LEFT, NONE, center(window, 1))
    qtbot.mouseClick(viewport, LEFT, NONE, center(window, 0))
    assert window.review.list.currentIndex().row() == 0


def test_the_grid_drags_what_is_selected_and_selects_otherwise(
    window: MainWindow, drags: list[list[Path]], qtbot: QtBot
) -> None:
    review = window.review
    review.show_grid(True)
    viewport = review.grid.viewport()
    qtbot.waitUntil(viewport.isVisible)
    review.grid.clearSelection()
    start, end = center(window, 0), center(window, 1)
    pull(qtbot, viewport, start, end - start)
    qtbot.mouseRelease(viewport, LEFT, NONE, end)
    rest(window, qtbot)
    assert drags == []
    assert review.grid.selected_rows() == [0, 1], "a drag over what was not selected selects"
    pull(qtbot, viewport, start)
    rest(window, qtbot)
    assert sorted(path.name for path in drags[0]) == ["A1_model.psd", "B2_model.psd"]
    assert review.grid.selected_rows() == [0, 1]
    qtbot.mouseRelease(viewport, LEFT, NONE, start)
    qtbot.mouseClick(viewport, LEFT, NONE, start)
    assert review.grid.selected_rows() == [0], "a click still chooses one"


def test_a_document_that_is_not_ready_is_told_of_and_no_drag_begins_without_it(
    window: MainWindow, studio: Studio, drags: list[list[Path]], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write = threading.Event()
    write = export_items

    def slowly(*arguments: object) -> object:
        assert may_write.wait(30)
        return write(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr("engine.services.hand_over.export_items", slowly)
    handle = window.review.compare.panes[Part.RESULT].handle
    pull(qtbot, handle, QPoint(40, 8))
    qtbot.waitUntil(lambda: "Writing the layered document of A1_model.jpg" in window.status.remark.whole_text())
    qtbot.mouseRelease(handle, LEFT)
    may_write.set()
    rest(window, qtbot)
    assert drags == [], "the button was up before the file was there"
    assert "Ready to be dragged now: A1_model.psd" in window.status.remark.whole_text()
    pull(qtbot, handle, QPoint(40, 8))
    rest(window, qtbot)
    assert [[path.name for path in paths] for paths in drags] == [["A1_model.psd"]]


def test_the_window_answers_while_a_document_is_written(
    window: MainWindow, drags: list[list[Path]], qtbot: QtBot, qapp: QApplication
) -> None:
    garbage = QuietGarbage(qapp)  # as the application has it: a full collection of Python's own takes 100 ms and more
    heart = Heartbeat()
    heart.start()
    pull(qtbot, window.review.compare.panes[Part.RESULT].handle, QPoint(40, 8))
    rest(window, qtbot)
    figures = heart.stop()
    garbage.stop()
    garbage.deleteLater()
    assert drags
    assert figures["own worst"] < 50, figures


def test_several_results_are_opened_in_the_editor_that_was_chosen(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    plan = ExportPlan(studio.services.default_export_folder, ExportRecipe((ExportFormat.PSD,)))
    assert len(export_items(studio.catalog, studio.artifacts, items_of(studio.catalog), plan).written) == 2
    noted = studio.folder / "opened.txt"
    card = window.settings.work
    card.editor.setText(editor_that_notes(noted))
    card.editor.editingFinished.emit()
    window.show_page(PageName.REVIEW)
    window.review.show_grid(True)
    window.review.grid.selectAll()
    window.actions_table["open_in_editor"].trigger()
    qtbot.waitUntil(noted.exists)
    assert sorted(Path(line).name for line in noted.read_text().splitlines()) == ["A1_model.psd", "B2_model.psd"]
    qtbot.waitUntil(lambda: "Handed to the editor: 2 documents" in window.status.remark.whole_text())


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_a_programs_path_may_have_blanks(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    noted, program = studio.folder / "opened.txt", studio.folder / "My Editor 2026"
    program.write_text(f'#!/bin/sh\nprintf "%s" "$1" > "{noted}.part"\nmv "{noted}.part" "{noted}"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    preferences.set_editor(str(program))
    window.actions_table["open_in_editor"].trigger()
    qtbot.waitUntil(noted.exists)
    assert Path(noted.read_text()).read_bytes()[:4] == b"8BPS"


def test_what_cannot_be_opened_says_which_file_and_what_to_do(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    preferences.set_editor("no-such-editor --new")
    window.actions_table["open_in_editor"].trigger()
    qtbot.waitUntil(lambda: "The editor 'no-such-editor' is not there" in window.banner.text())
    assert "Settings" in window.banner.text()
    preferences.set_editor('photoshop "')
    window.actions_table["open_in_editor"].trigger()
    qtbot.waitUntil(lambda: "A quote is missing" in window.banner.text())
    asked: list[str] = []

    def refuse(url: QUrl) -> bool:
        asked.append(url.fileName())
        return False

    monkeypatch.setattr(QDesktopServices, "openUrl", refuse)
    preferences.set_editor("")
    window.actions_table["open_in_editor"].trigger()
    qtbot.waitUntil(lambda: "has no program for .psd files" in window.banner.text())
    assert asked == ["A1_model.psd"]
    assert "A1_model.psd" in window.banner.text()
    window.review.decide(Decision.REJECTED)
    window.review.select(window.review.results.at(0).job_id)  # pyright: ignore[reportOptionalMemberAccess]
    rest(window, qtbot)
    window.actions_table["open_in_editor"].trigger()
    qtbot.waitUntil(lambda: "rejected results never leave" in window.banner.text())


def test_results_have_their_commands_under_the_right_button(window: MainWindow) -> None:
    review = window.review
    for widget in (review.list, review.grid, review.compare.panes[Part.RESULT].handle):
        assert window.actions_table["open_in_editor"] in widget.actions()
        assert widget.contextMenuPolicy() == Qt.ContextMenuPolicy.ActionsContextMenu
