"""Which results a list shows, in which order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from engine.domain.results import Verdict
from engine.domain.review import Decision, ReviewItem

UNSURE = 0.5
"""Masks below this confidence are to be looked at first (`MaskResult.confidence`)."""

SortKey = tuple[float | str, int]


class Finding(StrEnum):
    """What the figures say of a result, as its badge does."""

    PASS = "Pass"
    CHECK = "Check"
    FAIL = "Fail"
    UNSURE = "Unsure mask"
    MASK_ONLY = "Mask only"


class SortOrder(StrEnum):
    """How the list is sorted."""

    WORST_FIRST = "ΔE, worst first"
    UNSURE_FIRST = "Uncertain masks first"
    NAME = "Name"
    FINISHED = "Order of work"


@dataclass(frozen=True, slots=True)
class ReviewFilter:
    """What a result must have to be shown; the defaults admit every one.

    Attributes
    ----------
    decision : Decision or None
        A person's verdict.
    finding : Finding or None
        The figures' verdict.
    garment : str or None
    sku : str
        The article number begins with it, in upper or lower case.
    delta_E_from, delta_E_to : float
        ΔE00 after the match, both included; a mask without a match is shown only where they exclude nothing.
    text : str
        Words that all occur in name, SKU, view, garment or note.
    """

    decision: Decision | None = None
    finding: Finding | None = None
    garment: str | None = None
    sku: str = ""
    delta_E_from: float = 0.0
    delta_E_to: float = math.inf
    text: str = ""

    def admits(self, item: ReviewItem) -> bool:
        """Whether the result is shown."""
        pair = item.pair
        return (
            self.decision in (None, item.decision)
            and (self.finding is None or finding(item) is self.finding)
            and self.garment in (None, pair.garment)
            and pair.sku.casefold().startswith(self.sku.casefold())
            and self._admits_delta_E(item)
            and (not self.text or self._admits_text(item))
        )

    def _admits_delta_E(self, item: ReviewItem) -> bool:
        if self.delta_E_from <= 0 and math.isinf(self.delta_E_to):
            return True
        match = item.outcome.match
        return match is not None and self.delta_E_from <= match.after.delta_E <= self.delta_E_to

    def _admits_text(self, item: ReviewItem) -> bool:
        pair, note = item.pair, item.review.note if item.review else ""
        searched = "\n".join((pair.on_model.path.name, pair.sku, pair.view, pair.garment, note)).casefold()
        return all(word in searched for word in self.text.casefold().split())


def finding(item: ReviewItem) -> Finding:
    """What the figures say; colours that were measured inside a doubtful mask prove nothing."""
    match = item.outcome.match
    if match is None:
        return Finding.MASK_ONLY
    if item.outcome.mask.confidence < UNSURE:
        return Finding.UNSURE
    return {Verdict.PASS: Finding.PASS, Verdict.WARN: Finding.CHECK, Verdict.FAIL: Finding.FAIL}[match.after.verdict]


def is_safe(item: ReviewItem, tolerance: float) -> bool:
    """Whether a result may be accepted unseen: nobody has decided, it passes, and ΔE00 is ``tolerance`` at most.

    Passing implies that every main colour of the garment passes, which the one figure does not.
    """
    match = item.outcome.match
    return (
        item.decision is Decision.PENDING
        and match is not None
        and finding(item) is Finding.PASS
        and match.after.delta_E <= tolerance
    )


def sort_key(item: ReviewItem, order: SortOrder) -> SortKey:
    """Sorts by ``order``, then by job."""
    match order:
        case SortOrder.WORST_FIRST:
            match = item.outcome.match
            # Masks have no ΔE; the unsure ones come first among them, after every colour match.
            return (-match.after.delta_E if match else 1000 + item.outcome.mask.confidence, item.job.id)
        case SortOrder.UNSURE_FIRST:
            return item.outcome.mask.confidence, item.job.id
        case SortOrder.NAME:
            return item.pair.on_model.path.name.casefold(), item.job.id
        case SortOrder.FINISHED:
            return 0.0, item.job.id
