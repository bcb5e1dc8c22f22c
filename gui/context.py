"""What every page shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gui.actions import Actions
from gui.bridge import Bridge
from gui.services import WindowServices


class Notify(Protocol):
    """Shows a notice in the banner; with ``until`` it leaves as soon as that job has ended."""

    def __call__(self, what: str, remedy: str = "", *, until: int | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class WindowContext:
    """Services, threads, commands and the ways to tell the operator something.

    Attributes
    ----------
    report : callable
        ``report(error)`` shows an error's sentence and remedy in the banner.
    withdraw : callable
        ``withdraw(error)`` takes it from there again, since it was settled.
    notify : callable
        ``notify(text, remedy)`` shows a notice there; one that announces a job's result leaves with it.
    remark : callable
        ``remark(text)`` puts a lasting remark into the status line.
    """

    services: WindowServices
    bridge: Bridge
    actions: Actions
    report: Callable[[Exception], None]
    withdraw: Callable[[Exception], None]
    notify: Notify
    remark: Callable[[str], None]
