"""What the window opens on: the batches there are, and the page where work waits."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.jobs import Batch
from engine.domain.review import Decision
from engine.ports import Catalog
from gui.actions import PageName

_FIRST = 50
"""Results that are looked at before all are counted: a verdict moves its row to the end, so that what nobody decided on
is at the front."""


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a window begins.

    Attributes
    ----------
    batches : tuple of Batch
        Newest first.
    page : PageName
        The page that the newest batch needs: its queue while jobs are left, the review while results are undecided.
    """

    batches: tuple[Batch, ...] = ()
    page: PageName = PageName.INTAKE


def look(catalog: Catalog) -> Landing:
    """A few milliseconds, whatever the catalog holds, unless everything was decided on."""
    batches = tuple(catalog.batches())
    if not batches:
        return Landing()
    newest = batches[0].id
    counts = catalog.counts(newest)
    if counts.queued or counts.running:
        return Landing(batches, PageName.QUEUE)
    return Landing(batches, PageName.REVIEW if _is_undecided(catalog, newest) else PageName.INTAKE)


def _is_undecided(catalog: Catalog, batch_id: int) -> bool:
    first = catalog.review_rows(batch_id, limit=_FIRST)
    if any(row.decision is Decision.PENDING and row.superseded_by is None for row in first):
        return True
    return len(first) == _FIRST and catalog.decision_counts(batch_id)[Decision.PENDING] > 0
