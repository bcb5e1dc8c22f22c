"""A studio: real pictures, a real catalog and a real window."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from engine.dispatch.dispatcher import Dispatcher
from engine.services.demo import DemoSet
from gui import preferences
from gui.app import prepare
from gui.frame.main_window import MainWindow
from gui.services import WindowServices
from storage.location import SqliteLocation
from tests.gui.patience import PatientBot
from tests.gui.studio import Studio, TorchHere

PROJECT = Path(__file__).resolve().parents[2]
WORKER = PROJECT / "tests" / "scripted_worker.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the off-screen platform says of every window is no fault of the window's."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support"))


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["chromask-test"]


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> PatientBot:
    """pytest-qt's, which waits longer."""
    return PatientBot(request)


@pytest.fixture(autouse=True)
def _prepared(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The application's look, settings in the test's own folder, and nothing left behind."""
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    prepare(qapp)
    # On a busy machine a key that is only pressed comes up late, and would count as held.
    monkeypatch.setattr("gui.viewer.viewer._HELD_SECONDS", 600.0)
    before = set(threading.enumerate())
    yield
    # After a drag that is never let go, or a double click of QTest's, the next test's pointer would drag.
    if qapp.mouseButtons():
        QTest.mouseRelease(QWidget(), Qt.MouseButton.LeftButton)
        assert not qapp.mouseButtons()
    gc.collect()
    left = [t for t in threading.enumerate() if t not in before and t.name.startswith("chromask")]
    for thread in left:
        thread.join(10)  # one that was told to go may be on its last lines
    assert not (names := [thread.name for thread in left if thread.is_alive()]), f"threads left behind: {names}"


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("CHROMASK_MODELS", str(tmp_path / "models"))
    with ExitStack() as stack:
        file = tmp_path / "catalog.db"
        catalog, artifacts = stack.enter_context(SqliteLocation().open(file))
        dispatcher = Dispatcher(catalog, [sys.executable, str(WORKER), str(file)])
        stack.callback(dispatcher.stop)

        def demo(folder: Path) -> DemoSet:
            return DemoSet(Studio.shoot(made, "demo-1", "demo-2"), {})

        services = WindowServices(catalog, artifacts, dispatcher, TorchHere(), tmp_path / "export", demo, file)
        made = Studio(tmp_path, catalog, artifacts, dispatcher, services)
        yield made


@pytest.fixture
def open_window(studio: Studio, qtbot: QtBot) -> Iterator[Callable[[], MainWindow]]:
    """Builds windows on the studio, and closes them at the end."""
    windows: list[MainWindow] = []

    def build() -> MainWindow:
        window = MainWindow(studio.services)
        windows.append(window)
        window.resize(1400, 900)
        with qtbot.waitExposed(window):
            window.show()
        window.activateWindow()
        qtbot.waitUntil(lambda: not window.bridge.is_busy)
        return window

    yield build
    for window in windows:
        window.closing.is_agreed = True
        window.close()
        window.deleteLater()
    QApplication.processEvents()


@pytest.fixture
def window(open_window: Callable[[], MainWindow]) -> MainWindow:
    """An open window on an empty catalog, its engine not started."""
    return open_window()


@pytest.fixture
def bars(studio: Studio) -> Path:
    """A set of the training folder that can be trained on."""
    from tests.tiny_training import build_tiny_set

    return build_tiny_set(studio.folder / "training" / "bars-set", count=8, held_out=2)


@pytest.fixture
def scripted(studio: Studio, bars: Path) -> Path:
    """The same, and a model that a scripted run does not look at."""
    from tests.hollow_kontext import hollow_kontext

    preferences.set_training_model(hollow_kontext(studio.folder / "base"))
    return bars
