"""Files dragged over the window and dropped anywhere on it, as Qt delivers them: to the widget below the pointer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from engine.domain.jobs import JobState
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from tests.gui.studio import Studio


class Drag:
    """A drag of files over a window, from entering it to leaving it or letting go."""

    def __init__(self, window: MainWindow, paths: Sequence[Path]) -> None:
        self._window = window
        self._mime = QMimeData()
        self._mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])

    def enter(self, at: QPoint) -> bool:
        """Come in at a point of the window; whether a drop would be taken there."""
        entering = QDragEnterEvent(
            at, Qt.DropAction.CopyAction, self._mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(self._below(at), entering)
        moving = QDragMoveEvent(
            at, Qt.DropAction.CopyAction, self._mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(self._below(at), moving)
        return entering.isAccepted()

    def leave(self, at: QPoint) -> None:
        QApplication.sendEvent(self._below(at), QDragLeaveEvent())

    def drop(self, at: QPoint) -> None:
        self.enter(at)
        dropping = QDropEvent(
            QPointF(at), Qt.DropAction.CopyAction, self._mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(self._below(at), dropping)

    def _below(self, at: QPoint) -> QWidget:
        return self._window.childAt(at) or self._window


def middle(window: MainWindow, widget: QWidget | None = None) -> QPoint:
    target = widget or window
    return target.mapTo(window, target.rect().center())


def test_files_may_be_dropped_on_every_page(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    studio.finish({"A1": 1.0})
    window = open_window()
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    for number, page in enumerate(PageName):
        folder = studio.shoot(f"B{number}")
        drag = Drag(window, [folder / f"B{number}_model.jpg", folder / f"B{number}_flat.jpg"])
        window.show_page(page)
        assert drag.enter(middle(window)), page
        assert window._drops.overlay.isVisible()
        assert window._drops.overlay.text() == "Drop to add to Intake"
        drag.leave(middle(window))
        assert not window._drops.overlay.isVisible()
        drag.drop(middle(window))
        assert not window._drops.overlay.isVisible()
        assert window.page is PageName.INTAKE
        qtbot.waitUntil(lambda: not window.bridge.is_busy)
        assert window.intake.pairs.rowCount() == number + 1


def test_a_folder_dropped_on_a_field_does_not_become_text(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    window.show_page(PageName.SETTINGS)
    for field in (window.settings.work.reviewer, window.settings.shortcuts.search):
        before = field.text()
        window.show_page(PageName.SETTINGS)
        Drag(window, [studio.shoot("B2")]).drop(middle(window, field))
        assert field.text() == before
        assert window.page is PageName.INTAKE
    window.show_page(PageName.EXPORT)
    folder = window.export.folder.text()
    Drag(window, [studio.shoot("B2")]).drop(middle(window, window.export.folder))
    assert window.export.folder.text() == folder
    qtbot.waitUntil(lambda: window.intake.pairs.rowCount() == 1 and not window.bridge.is_busy)


def test_files_are_taken_while_a_batch_runs(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    job = studio.queue("a-slow", color_match=False)[0]
    window = open_window()
    window.show_page(PageName.QUEUE)
    window.begin()
    qtbot.waitUntil(lambda: studio.catalog.job(job.id).state is JobState.RUNNING)
    Drag(window, [studio.shoot("B2")]).drop(middle(window, window.queue))
    assert window.page is PageName.INTAKE
    qtbot.waitUntil(lambda: window.intake.pairs.rowCount() >= 1)
    assert studio.catalog.job(job.id).state is JobState.RUNNING


def test_what_goes_to_the_models_page_is_said_before_it_is_dropped(window: MainWindow, tmp_path: Path) -> None:
    drag = Drag(window, [tmp_path / "shirt.safetensors"])
    assert drag.enter(middle(window))
    assert window._drops.overlay.text() == "Drop to add to Models"
    drag.leave(middle(window))


def test_text_that_is_dragged_is_not_taken(window: MainWindow) -> None:
    drag = Drag(window, [])
    drag._mime.setText("a word")
    assert not drag.enter(middle(window))
    assert not window._drops.overlay.isVisible()
