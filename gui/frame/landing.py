"""Which page the window opens on."""

from __future__ import annotations

from engine.domain.review import Decision
from engine.ports import Catalog
from gui.actions import PageName


def where_work_waits(catalog: Catalog) -> PageName:
    """The page that the newest batch needs: its queue while jobs are left, the review while results are undecided."""
    batches = catalog.batches()
    if not batches:
        return PageName.INTAKE
    counts = catalog.counts(batches[0].id)
    if counts.queued or counts.running:
        return PageName.QUEUE
    is_undecided = catalog.decision_counts(batches[0].id)[Decision.PENDING] > 0
    return PageName.REVIEW if is_undecided else PageName.INTAKE
