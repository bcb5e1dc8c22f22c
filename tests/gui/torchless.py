"""A window in a process of its own, for the tests that torch never enters the window's process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtWidgets import QApplication

from engine.dispatch.dispatcher import Dispatcher
from gui.app import prepare
from gui.frame.main_window import MainWindow
from gui.services import WindowServices
from gui.torch_process import TorchProcess
from storage.location import SqliteLocation

PROJECT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "diffusers", "transformers"}


class NoCard(TorchProcess):
    """A computer without a graphics card."""

    def graphics_card(self) -> None:
        return None


@contextmanager
def window_alone(folder: Path) -> Iterator[tuple[MainWindow, Callable[[], None]]]:
    """A window on an empty catalog, and what waits until it is at rest; ends the process if torch was imported."""
    application = QApplication([])
    prepare(application)
    with SqliteLocation().open(folder / "catalog.db") as (catalog, artifacts):
        services = WindowServices(
            catalog, artifacts, Dispatcher(catalog, []), NoCard(()), folder, None, folder / "catalog.db"
        )
        window = MainWindow(services)

        def rest() -> None:
            while window.bridge.is_busy:
                application.processEvents()

        window.show()
        yield window, rest
        window.shut_down()
    found = HEAVY & set(sys.modules)
    if found:
        sys.exit(f"imported: {sorted(found)}")


def run_alone(code: str, folder: Path) -> None:
    """Run Python code in a process of its own, with ``window_alone`` and ``folder`` known to it; it must end well."""
    head = "import sys, pathlib\nfrom tests.gui.torchless import window_alone\nfolder = pathlib.Path(sys.argv[1])\n"
    environment = {**os.environ, "CHROMASK_MODELS": str(folder / "models"), "XDG_CONFIG_HOME": str(folder)}
    command = [sys.executable, "-c", head + code, str(folder)]
    run = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
