"""Results of a catalog that may become training examples: approved by a person, or marked as training pairs."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from engine.domain.jobs import JobState
from engine.domain.review import Decision, ReviewItem
from engine.ports import Catalog
from engine.services.review import items_of
from engine.services.versions import newest_of_each

_PAGE = 1000


class Chosen(StrEnum):
    """Which results become examples."""

    APPROVED = "approved"
    MARKED = "marked"
    BOTH = "both"


def marked_jobs(catalog: Catalog) -> Iterator[int]:
    """Every job that somebody marked as a training pair, in id order."""
    last = 0
    while page := catalog.training_marks(last, _PAGE):
        yield from (mark.job_id for mark in page)
        last = page[-1].job_id


def chosen_items(catalog: Catalog, chosen: Chosen = Chosen.BOTH, batch_id: int | None = None) -> list[ReviewItem]:
    """The results that become examples, in job order: of every chain of versions the newest that was chosen, so that a
    mask that was corrected by hand takes the place of the one it corrects. What was rejected since is left out.

    Parameters
    ----------
    batch_id : int, optional
        Of this batch only.
    """
    marked = set(marked_jobs(catalog)) if chosen is not Chosen.APPROVED else set[int]()

    def is_chosen(item: ReviewItem) -> bool:
        if item.decision is Decision.REJECTED or item.job.state is not JobState.SUCCEEDED:
            return False
        approved = item.decision is Decision.APPROVED and chosen is not Chosen.MARKED
        return approved or item.job.id in marked

    items = [item for item in items_of(catalog, batch_id) if is_chosen(item)]
    return list(newest_of_each(items).values())
