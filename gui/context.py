"""What every page shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gui.actions import Actions
from gui.bridge import Bridge
from gui.services import WindowServices


@dataclass(frozen=True, slots=True)
class WindowContext:
    """Services, threads, commands and the two ways to tell the operator something.

    Attributes
    ----------
    report : callable
        ``report(error)`` shows an error's sentence and remedy in the banner.
    notify : callable
        ``notify(text, remedy)`` shows a notice there.
    remark : callable
        ``remark(text)`` puts a lasting remark into the status line.
    """

    services: WindowServices
    bridge: Bridge
    actions: Actions
    report: Callable[[Exception], None]
    notify: Callable[[str, str], None]
    remark: Callable[[str], None]
