"""The only file that crosses threads: background work and engine events come to the GUI thread through here.

Cross-thread signals carry ``object``, are queued, and end in an ``@Slot``; none is chained to another signal.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from engine.domain.errors import Cancelled, KnownError
from engine.domain.jobs import JobEvent

T = TypeVar("T")

_BACKGROUND_THREADS = 3  # decoding and catalog reads; more would only take cores from the worker processes
_QUICK_THREADS = 2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Crossing:
    """A call that waits for the GUI thread."""

    callback: Callable[[Any], None]
    value: object
    is_result: bool = False


class Bridge(QObject):
    """Carries work off the GUI thread and results back to it. Create, use and close it on the GUI thread.

    The pools are Python's: a `QRunnable` is owned by two garbage collectors at once, and a Python subclass of it can be
    freed by one thread while the other still returns from it.
    """

    _crossed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = ThreadPoolExecutor(_BACKGROUND_THREADS, "chromask-background")
        self._quick = ThreadPoolExecutor(_QUICK_THREADS, "chromask-quick")
        self._in_order = ThreadPoolExecutor(1, "chromask-in-order")
        self._pending = 0
        self._closed = False
        self._crossed.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    # -- GUI thread ---------------------------------------------------------------------------------------------

    def run_in_background(
        self,
        work: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
        *,
        in_order: bool = False,
        quick: bool = False,
    ) -> None:
        """Run ``work`` on a pool thread, then ``done(result)`` or ``failed(error)`` on the GUI thread.

        Parameters
        ----------
        in_order : bool
            True runs after everything that was asked for in order before: for writes whose sequence matters.
        quick : bool
            True for work of a few dozen milliseconds that the screen waits for: it does not wait behind decodes.
        """
        if self._closed:
            return
        self._pending += 1
        pool = self._in_order if in_order else self._quick if quick else self._background
        pool.submit(self._run, work, done, failed)

    @property
    def is_busy(self) -> bool:
        """Whether any background work has not been delivered yet."""
        return self._pending > 0

    def close(self) -> None:
        """Finish the work that has begun and every ordered write, forget the rest, deliver nothing more."""
        self._closed = True
        # What was asked for in order is a person's verdict or priority: it is written before the window goes.
        self._in_order.shutdown(wait=True)
        for pool in (self._background, self._quick):
            pool.shutdown(wait=True, cancel_futures=True)
        self._pending = 0

    # -- any thread ---------------------------------------------------------------------------------------------

    def call(self, callback: Callable[[T], None], value: T) -> None:
        """Have ``callback(value)`` called on the GUI thread; for progress out of background work."""
        self._cross(_Crossing(callback, value))

    def listener(self, callback: Callable[[JobEvent], None]) -> Callable[[JobEvent], None]:
        """What to give `Dispatcher.subscribe`: each event reaches ``callback`` on the GUI thread."""

        def hear(event: JobEvent) -> None:
            self.call(callback, event)

        return hear

    # -- pool threads -------------------------------------------------------------------------------------------

    def _run(self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None]) -> None:
        try:
            crossing = _Crossing(done, work(), True)
        except (KnownError, Cancelled) as error:
            if self._closed:  # a verdict that the disk refuses while the window goes: nobody is left to be told
                _log.error("not done: %s", error)
            crossing = _Crossing(failed, error, True)
        except Exception as error:  # noqa: BLE001 - the last frame of a pool thread
            # A pool thread has nobody above it: the error goes to the log with its traceback, and to the banner.
            _log.exception("background work failed")
            crossing = _Crossing(failed, error, True)
        self._cross(crossing)

    def _cross(self, crossing: _Crossing) -> None:
        if not self._closed:
            self._crossed.emit(crossing)

    @Slot(object)
    def _deliver(self, crossing: _Crossing) -> None:
        if self._closed:
            return
        self._pending -= crossing.is_result
        crossing.callback(crossing.value)
