"""Background work of one kind, of which only what is wanted now is begun."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from gui.bridge import Bridge


@dataclass(frozen=True, slots=True)
class Errand:
    """One piece of work.

    Attributes
    ----------
    key : Hashable
        What it yields: the same key is never in the works twice.
    work : Callable
        Runs on a pool thread.
    done, failed : Callable
        Take its result or its error on the GUI thread, wanted or not by then.
    """

    key: Hashable
    work: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]


class Lane:
    """Holds what is wanted and gives the bridge few errands at a time. GUI thread only.

    A pool's own queue cannot be reordered: whoever hurries through fifty pictures would wait for all of them. Here the
    rest is forgotten as soon as something else is wanted.

    Parameters
    ----------
    in_flight : int
        How many errands may run at once.
    quick : bool
        As `Bridge.run_in_background`.
    """

    def __init__(self, bridge: Bridge, in_flight: int, *, quick: bool = False) -> None:
        self._bridge, self._most, self._quick = bridge, in_flight, quick
        self._waiting: list[Errand] = []
        self._running: set[Hashable] = set()

    def want(self, errands: Iterable[Errand]) -> None:
        """Run these, the first ones first, in place of everything that has not begun."""
        self._waiting = [errand for errand in errands if errand.key not in self._running]
        self._begin()

    @property
    def waiting(self) -> int:
        """How many errands have not begun."""
        return len(self._waiting)

    def _begin(self) -> None:
        while self._waiting and len(self._running) < self._most:
            errand = self._waiting.pop(0)
            self._running.add(errand.key)
            self._bridge.run_in_background(
                errand.work, partial(self._end, errand, errand.done), partial(self._end, errand, errand.failed),
                quick=self._quick,
            )  # fmt: skip

    def _end(self, errand: Errand, call: Callable[[Any], None], value: object) -> None:
        self._running.discard(errand.key)
        call(value)
        self._begin()
