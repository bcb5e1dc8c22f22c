"""What the checks of data sets found, and running them: one at a time, in the background. GUI thread only."""

from __future__ import annotations

import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from engine.domain.datasets import Finding
from engine.domain.errors import Cancelled
from engine.services.datasets.check import check_dataset
from gui.context import WindowContext
from gui.training.facts import SetFacts
from gui.training.set_list import Check, check_of


class SetChecks(QObject):
    """Findings are kept by the set's hash: a set that was built anew is checked anew."""

    changed = Signal()
    """A check began or ended."""

    advanced = Signal(int, int)
    """Examples that the check at work has looked at, and all."""

    def __init__(self, context: WindowContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._findings: dict[str, tuple[Finding, ...]] = {}
        self._running: tuple[str, threading.Event] | None = None

    @property
    def is_running(self) -> bool:
        return self._running is not None

    def findings(self, facts: SetFacts) -> tuple[Finding, ...]:
        """What the check of a set found; nothing where it was not checked."""
        return self._findings.get(facts.sha256, ())

    def state(self, facts: SetFacts | None) -> Check:
        """What is known of a set."""
        if facts is None:
            return Check.UNKNOWN
        return Check.WRONG if facts.problem else self.states().get(facts.sha256, Check.UNKNOWN)

    def states(self) -> dict[str, Check]:
        """What is known of the sets that were checked, by their hash."""
        known = {sha256: check_of(findings) for sha256, findings in self._findings.items()}
        return known | {self._running[0]: Check.RUNNING} if self._running is not None else known

    def look_at(self, facts: SetFacts | None) -> None:
        """Check a set unless it was; whatever else is being checked is given up."""
        if self._running is not None and (facts is None or self._running[0] != facts.sha256):
            self._running[1].set()
        if facts is not None and not facts.problem and facts.sha256 not in self._findings:
            self._check(facts)

    def check_again(self, facts: SetFacts) -> None:
        """Check a set, whatever is known of it."""
        self._findings.pop(facts.sha256, None)
        self._check(facts)

    def stop(self) -> None:
        """Give up what is being checked."""
        if self._running is not None:
            self._running[1].set()

    def _check(self, facts: SetFacts) -> None:
        if self._running is not None and self._running[0] == facts.sha256 and not self._running[1].is_set():
            return
        stop, bridge = threading.Event(), self._context.bridge

        def advance(done: int, total: int, name: str) -> None:
            if stop.is_set():
                raise Cancelled
            bridge.call(progress, (done, total))

        def progress(step: tuple[int, int]) -> None:
            if self._running is not None and self._running[1] is stop:
                self.advanced.emit(*step)

        def over(then: Callable[[], None]) -> None:
            if self._running is not None and self._running[1] is stop:
                self._running = None
            then()
            self.changed.emit()

        def done(findings: list[Finding]) -> None:
            over(lambda: self._findings.update({facts.sha256: tuple(findings)}))

        def failed(error: Exception) -> None:
            over(lambda: None if isinstance(error, Cancelled) else self._context.report(error))

        self._running = facts.sha256, stop
        self.changed.emit()
        bridge.run_in_background(lambda: check_dataset(facts.folder, advance)[1], done, failed)
