"""Reads the rows of results in the background, page by page, and afterwards only what has changed. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.domain.review import ReviewRow
from engine.ports import Catalog
from gui.bridge import Bridge

PAGE = 2000
"""Rows at a time: less than a frame to take over; a verdict waits a twentieth of a second to be written."""

FIRST_PAGE = 500
"""Rows at first: more than any screen shows, so that something is there to look at soon."""


class ReviewFeed:
    """Follows a batch's results by their change key.

    Each page is a piece of work of its own among the ordered ones, so that a verdict is written between two pages and
    not after the last, and no page is older than a verdict that was written before it.

    Parameters
    ----------
    take : callable
        ``take(rows, more)``: rows that are new or have changed; whether more follow at once.
    failed : callable
        ``failed(error)``: reading has ended; the next `read` goes on where it stopped.
    """

    def __init__(
        self,
        bridge: Bridge,
        catalog: Catalog,
        take: Callable[[Sequence[ReviewRow], bool], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._bridge, self._catalog, self._take, self._tell_failure = bridge, catalog, take, failed
        self._batch: int | None = None
        self._after = 0
        self._visit = 0
        self._is_reading = self._read_again = False

    @property
    def is_reading(self) -> bool:
        """Whether rows are on their way."""
        return self._is_reading

    def follow(self, batch_id: int | None) -> None:
        """Read this batch from the beginning; None reads every result."""
        self._batch, self._after = batch_id, 0
        self._visit += 1
        self._read_page()

    def read(self) -> None:
        """Read what has changed; calls in between are joined into one."""
        if self._is_reading:
            self._read_again = True
        else:
            self._read_page()

    # -- inside -------------------------------------------------------------------------------------------------

    def _read_page(self) -> None:
        catalog, batch, after, visit = self._catalog, self._batch, self._after, self._visit
        self._is_reading, self._read_again = True, False
        limit = PAGE if after else FIRST_PAGE

        def done(rows: list[ReviewRow]) -> None:
            if visit == self._visit:
                self._on_page(rows, len(rows) == limit)

        def failed(error: Exception) -> None:
            if visit == self._visit:
                self._is_reading = self._read_again = False
                self._tell_failure(error)

        self._bridge.run_in_background(lambda: catalog.review_rows(batch, after, limit), done, failed, in_order=True)

    def _on_page(self, rows: list[ReviewRow], more: bool) -> None:
        again = self._read_again
        if rows:
            self._after = rows[-1].change
        self._is_reading = False
        if more or again:
            self._read_page()  # the next page is read while this one is taken over
        self._take(rows, more)
