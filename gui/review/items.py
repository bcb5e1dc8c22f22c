"""Whole results, read in the background for the one that is looked at and its neighbours. GUI thread only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from engine.domain.jobs import Job
from engine.domain.review import ReviewItem, ReviewRow
from engine.ports import Catalog
from engine.services.report import srgb_hex
from gui.bridge import Bridge

_KEPT = 64  # a few kB each


@dataclass(frozen=True, slots=True)
class History:
    """The versions of one result.

    Attributes
    ----------
    jobs : tuple of Job
        The whole chain, newest first, in whatever states.
    items : tuple of ReviewItem
        Those that succeeded, newest first.
    """

    jobs: tuple[Job, ...]
    items: tuple[ReviewItem, ...]


def read_history(catalog: Catalog, job_id: int) -> History:
    """Background: the chain of a job; without items where it has no other version."""
    from engine.services import versions  # what makes other tries is not needed to open the window

    jobs = tuple(catalog.versions(job_id))
    return History(jobs, tuple(versions.history(catalog, job_id)) if len(jobs) > 1 else ())


def _read_items(catalog: Catalog, job_ids: Sequence[int]) -> list[ReviewItem]:
    """Background: the items, with the screen's colours of their palettes worked out where it holds up nobody."""
    items = catalog.review_items_by_id(job_ids)
    for match in (item.outcome.match for item in items):
        for line in match.after.palette if match is not None else ():
            for color in (line.color, line.reference_color):
                if color is not None:
                    srgb_hex(color)
    return items


class ReviewItems:
    """A cache of `ReviewItem` by job; an item that has changed since is shown until it was read anew.

    Parameters
    ----------
    arrived : callable
        ``arrived()`` after items came in that were asked for.
    """

    def __init__(
        self, bridge: Bridge, catalog: Catalog, arrived: Callable[[], None], failed: Callable[[Exception], None]
    ) -> None:
        self._bridge, self._catalog, self._arrived, self._tell_failure = bridge, catalog, arrived, failed
        self._items: OrderedDict[int, tuple[int, ReviewItem]] = OrderedDict()
        self._asked: dict[int, int] = {}

    def get(self, row: ReviewRow) -> ReviewItem | None:
        """The whole of a row, if it was read."""
        kept = self._items.get(row.job_id)
        return kept[1] if kept is not None else None

    def want(self, rows: Sequence[ReviewRow]) -> None:
        """Read these, at once those that are not there or have changed."""
        new = [row for row in rows if self._change(row.job_id) < row.change > self._asked.get(row.job_id, -1)]
        for row in rows:
            if row.job_id in self._items:
                self._items.move_to_end(row.job_id)
        if not new:
            return
        self._asked |= {row.job_id: row.change for row in new}
        changes = {row.job_id: row.change for row in new}
        catalog, ids = self._catalog, list(changes)
        self._bridge.run_in_background(
            lambda: _read_items(catalog, ids), partial(self._keep, changes), partial(self._failed, changes)
        )

    # -- inside -------------------------------------------------------------------------------------------------

    def _change(self, job_id: int) -> int:
        kept = self._items.get(job_id)
        return kept[0] if kept is not None else -1

    def _keep(self, changes: dict[int, int], items: list[ReviewItem]) -> None:
        for item in items:
            change = changes[item.job.id]
            if self._asked.get(item.job.id) == change:
                del self._asked[item.job.id]
            if change >= self._change(item.job.id):
                self._items[item.job.id] = (change, item)
                self._items.move_to_end(item.job.id)
        while len(self._items) > _KEPT:
            self._items.popitem(last=False)
        self._arrived()

    def _failed(self, changes: dict[int, int], error: Exception) -> None:
        # Asked for no more until the row changes: the banner has said why.
        self._tell_failure(error)
