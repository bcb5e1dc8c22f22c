"""Results that arrive while somebody looks: the list takes them over, and what is looked at stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.domain.review import ReviewRow

if TYPE_CHECKING:
    from gui.review.page import ReviewPage


class ResultArrivals:
    """Brings rows that were read into the page. GUI thread only.

    A verdict is given to what is on the screen, whatever arrives meanwhile.

    Attributes
    ----------
    was_shown : bool
        Somebody has looked at the page.
    """

    def __init__(self, page: ReviewPage) -> None:
        self._page = page
        self.was_shown = False

    def take(self, rows: Sequence[ReviewRow], more: bool) -> None:
        """Take over a page of the list; ``more`` follow."""
        page = self._page
        # Until somebody looks, the list opens on its first, and so its worst, result.
        active, older = page.active() if self.was_shown else None, page.versions.job_id
        is_first = page.results.rowCount() == 0
        page.results.take(page.verdicts.newest(rows), more=more)
        if more and not is_first:
            return  # a part of a long list; nothing of it is shown before all of it is there
        now = page.active()
        is_elsewhere = active is not None and (now is None or now.job_id != active.job_id)
        if is_elsewhere or not self.was_shown or now is None:
            self._look_on_at(active, older)
        else:
            page.show_current()
        page.flow.on_arrivals()
        page.strip.show_counts()

    def _look_on_at(self, was: ReviewRow | None, older: int | None) -> None:
        """Select what was active, or has taken its place; what is looked at stays until the newer one can be shown."""
        page = self._page
        row = page.results.get(was.job_id) if was is not None else None
        newer = None
        if row is not None and row.superseded_by is not None and page.results.row_of(row.job_id) is None:
            newer = page.results.get(row.superseded_by)
        page.select(newer.job_id if newer is not None else was.job_id if was is not None else None)
        now = page.active()
        is_active = was is not None and now is not None and now.job_id == was.job_id
        if older is not None and (newer is not None or is_active):
            page.versions.choose(older)
        elif was is not None and newer is not None and page.items.get(newer) is None and not page.is_grid:
            page.versions.wait_with(was.job_id)
        page.show_current()
