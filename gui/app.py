"""Starts the window. Building `MainWindow` needs a `QApplication` but no event loop, which tests use."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtGui import QImageReader
from PySide6.QtWidgets import QApplication

from gui.frame.garbage import QuietGarbage
from gui.frame.main_window import MainWindow
from gui.look import appearance
from gui.services import WindowServices

BEGIN_MS = 300
"""From the first paint until the engine starts, which looks through the catalog for what a crash left."""

SWITCH_S = 0.001
"""How long a thread may keep the interpreter's lock that another waits for: three times Python's 5 ms is a frame."""


def prepare(application: QApplication) -> None:
    """Name the application, give it its look, and let it read large pictures."""
    QCoreApplication.setOrganizationName("Chromask")
    QCoreApplication.setApplicationName("Chromask")
    # Qt refuses pictures above 256 MB decoded; the engine's own limit on extents has been checked by then.
    QImageReader.setAllocationLimit(0)
    appearance.apply(application)


def run_window(services: WindowServices, argv: Sequence[str] = ()) -> int:
    """Show the window until it is closed; the exit code.

    Parameters
    ----------
    argv : sequence of str
        Files and folders to drop at start.
    """
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        application = QApplication(["chromask"])
    prepare(application)
    window = MainWindow(services)
    window.show()
    garbage = QuietGarbage(application)
    # Whoever waits for the interpreter's lock asks for it after this time, and several threads may be before it.
    sys.setswitchinterval(SWITCH_S)
    QTimer.singleShot(0 if argv else BEGIN_MS, lambda: window.begin([Path(text) for text in argv]))
    code = application.exec()
    garbage.stop()
    return code
