"""Which version of the active result is looked at, and what other versions there are. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable

from engine.domain.review import ReviewRow
from gui.context import WindowContext
from gui.review.items import History, read_history

_NOTHING = History((), ())


class VersionChoice:
    """An older version is looked at until another one is chosen, or another result becomes the active one.

    Parameters
    ----------
    changed : callable
        ``changed()`` after the history of the looked-at result was read.

    Attributes
    ----------
    job_id : int or None
        The version that is looked at in the place of the active result; None looks at the active one itself.
    history : History
        Every version of the result that is looked at; empty until it was read.
    """

    def __init__(self, context: WindowContext, changed: Callable[[], None]) -> None:
        self._context, self._changed = context, changed
        self.job_id: int | None = None
        self.history = _NOTHING
        self._is_waiting = False
        self._read_for: tuple[int, int] | None = None  # job and change

    def choose(self, job_id: int | None) -> None:
        """Look at this version; None looks at the active result."""
        self.job_id, self._is_waiting = job_id, False

    def wait_with(self, job_id: int) -> None:
        """Look on at this version until the one that has taken its place can be shown."""
        self.job_id, self._is_waiting = job_id, True

    def end_waiting(self, *, is_there: bool) -> None:
        """Look at the active result where it was waited for and is there now."""
        if self._is_waiting and is_there:
            self.choose(None)

    def read(self, row: ReviewRow | None) -> None:
        """Have the versions of a result read where they are others than those that are known."""
        if row is None or (row.job_id, row.change) == self._read_for:
            return
        if row.job_id not in (job.id for job in self.history.jobs):
            self.history = _NOTHING
        self._read_for = wanted = row.job_id, row.change
        catalog = self._context.services.catalog

        def done(history: History) -> None:
            if wanted == self._read_for:
                self.history = history
                self._changed()

        self._context.bridge.run_in_background(
            lambda: read_history(catalog, wanted[0]), done, self._context.report, in_order=True
        )

    def forget(self) -> None:
        """Read the versions anew the next time: another one was queued, or a verdict on one was given."""
        self._read_for = None
