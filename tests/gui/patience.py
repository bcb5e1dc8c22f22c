"""How long a test of the window waits for what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from gui.bridge import Bridge

PATIENCE = 120_000
"""Milliseconds until something that must happen counts as not happening: a limit for what is broken, not a measure of
speed. Background work, worker processes and decoders share the machine with other tests, at times with other programs.
"""

_PUT_OFF = 250
"""Milliseconds, more than any timer with which the window puts off work until it has stood still: thumbnails 200,
decoding at full resolution 150. What such a timer begins has begun when this one has run out in the same event loop.
"""


class PatientBot(QtBot):
    """Waits with `PATIENCE` in place of five seconds."""

    def waitUntil(self, callback: Callable[[], object], *, timeout: int = PATIENCE) -> None:
        super().waitUntil(callback, timeout=timeout)

    def waitForRest(self, bridge: Bridge) -> None:
        """Wait until no background work is left, and none was only put off."""
        is_busy = True
        while is_busy:
            self.waitUntil(lambda: not bridge.is_busy)
            self.wait(_PUT_OFF)
            is_busy = bridge.is_busy

    def waitSignal(self, signal: Any, *, timeout: int = PATIENCE, **options: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **options)

    def waitExposed(self, widget: QWidget, *, timeout: int = PATIENCE) -> Any:
        return super().waitExposed(widget, timeout=timeout)
