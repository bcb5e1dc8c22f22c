"""Verdicts: who approved or rejected what, when and why."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime

from engine.domain.jobs import Batch
from engine.domain.review import Decision, Review, ReviewItem
from engine.ports import Catalog

_PAGE = 500


def items_of(catalog: Catalog, batch_id: int | None = None) -> list[ReviewItem]:
    """Every finished job of a batch (or of all batches) that can be reviewed, in job order."""
    items: list[ReviewItem] = []
    while page := catalog.review_items(batch_id, items[-1].job.id if items else 0, _PAGE):
        items += page
    return items


def decide(
    catalog: Catalog, items: Sequence[ReviewItem], decision: Decision, *, reviewer: str | None = None, note: str = ""
) -> list[Review]:
    """Record a verdict on each item; ``PENDING`` takes an earlier verdict back. Earlier verdicts are kept."""
    reviews = [Review(item.job.id, decision, reviewer or current_reviewer(), note, datetime.now(UTC)) for item in items]
    catalog.add_reviews(reviews)
    return reviews


def current_reviewer() -> str:
    """The name under which verdicts are kept: the account's."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        return "unknown"


def find_batch(catalog: Catalog, wanted: str) -> Batch | None:
    """The batch of that number, or the newest of that name; ``last`` is the newest of all."""
    batches = catalog.batches()
    if wanted == "last":
        return batches[0] if batches else None
    return next((b for b in batches if str(b.id) == wanted or b.name == wanted), None)
