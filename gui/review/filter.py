"""Which results a list shows, in which order."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from operator import attrgetter

from engine.domain.results import UNSURE, Verdict
from engine.domain.review import Decision, ReviewRow

SortKey = tuple[float | str, int]
_Test = Callable[[ReviewRow], bool]


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
    BEST_RATED = "Stars, most first"
    NAME = "Name"
    FINISHED = "Order of work"


@dataclass(frozen=True, slots=True)
class ReviewFilter:
    """What a result must have to be shown; the defaults admit every one that nothing has superseded.

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
    rating : int
        Stars at least.
    superseded : bool
        Show also what a newer version has taken the place of.
    """

    decision: Decision | None = None
    finding: Finding | None = None
    garment: str | None = None
    sku: str = ""
    delta_E_from: float = 0.0
    delta_E_to: float = math.inf
    text: str = ""
    rating: int = 0
    superseded: bool = False

    def admits(self, row: ReviewRow) -> bool:
        """Whether the result is shown."""
        return all(test(row) for test in self._tests())

    def _tests(self) -> list[_Test]:
        """What excludes anything, the cheapest first."""
        sku, words = self.sku.casefold(), self.text.casefold().split()
        low, high = self.delta_E_from, self.delta_E_to
        tests: list[tuple[bool, _Test]] = [
            (not self.superseded, lambda row: row.superseded_by is None),
            (self.decision is not None, lambda row: row.decision is self.decision),
            (self.rating > 0, lambda row: row.rating >= self.rating),
            (self.garment is not None, lambda row: row.garment == self.garment),
            (low > 0 or high < math.inf, lambda row: low <= _delta_E(row) <= high),
            (self.finding is not None, lambda row: finding(row) is self.finding),
            (bool(sku), lambda row: row.sku.casefold().startswith(sku)),
            # A pass for each word: the second one goes only through what the first has left.
            *((True, partial(_has_word, word)) for word in words),
        ]
        return [test for is_wanted, test in tests if is_wanted]


def _delta_E(row: ReviewRow) -> float:
    return row.delta_E_after if row.delta_E_after is not None else math.nan  # which lies between no two numbers


def _has_word(word: str, row: ReviewRow) -> bool:
    return word in f"{row.name}\n{row.sku}\n{row.view}\n{row.garment}\n{row.note}".casefold()


def finding(row: ReviewRow) -> Finding:
    """What the figures say; colours that were measured inside a doubtful mask prove nothing."""
    if row.verdict is None:
        return Finding.MASK_ONLY
    return Finding.UNSURE if row.confidence < UNSURE else _FINDINGS[row.verdict]


_FINDINGS = {Verdict.PASS: Finding.PASS, Verdict.WARN: Finding.CHECK, Verdict.FAIL: Finding.FAIL}


def safe(tolerance: float) -> ReviewFilter:
    """What may be accepted unseen: nobody has decided, it passes, and ΔE00 is ``tolerance`` at most.

    Passing implies that every main colour of the garment passes, which the one figure does not.
    """
    return ReviewFilter(Decision.PENDING, Finding.PASS, delta_E_to=tolerance)


def sort_key(row: ReviewRow, order: SortOrder) -> SortKey:
    """Sorts by ``order``, then by job."""
    return _KEYS[order](row), row.job_id


def _worst(row: ReviewRow) -> float:
    # Masks have no ΔE; the unsure ones come first among them, after every colour match.
    return -row.delta_E_after if row.delta_E_after is not None else 1000 + row.confidence


_KEYS: dict[SortOrder, Callable[[ReviewRow], float | str]] = {
    SortOrder.WORST_FIRST: _worst,
    SortOrder.UNSURE_FIRST: attrgetter("confidence"),
    SortOrder.BEST_RATED: lambda row: -row.rating,
    SortOrder.NAME: lambda row: row.name.casefold(),
    SortOrder.FINISHED: lambda row: 0.0,
}
