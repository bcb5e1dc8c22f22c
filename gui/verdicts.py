"""Verdicts with undo: shown at once, written in order in the background. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.domain.review import Decision, Review, ReviewItem
from engine.services.review import current_reviewer, decide
from gui.context import WindowContext


@dataclass(frozen=True, slots=True)
class _Change:
    """One verdict that was given, and what it replaced."""

    item: ReviewItem
    decision: Decision
    note: str

    @property
    def before(self) -> tuple[Decision, str]:
        review = self.item.review
        return (review.decision, review.note) if review else (Decision.PENDING, "")


class Verdicts:
    """Gives verdicts and takes them back.

    Parameters
    ----------
    shown : callable
        ``shown(job_id, review)``: the list and the panel take over the new verdict.
    """

    def __init__(self, context: WindowContext, shown: Callable[[int, Review], None]) -> None:
        self._context, self._shown = context, shown
        self._undo: list[_Change] = []
        self._redo: list[_Change] = []

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    def give(self, item: ReviewItem, decision: Decision, note: str) -> None:
        """Record a verdict on an item."""
        change = _Change(item, decision, note)
        if change.before == (decision, note):
            return
        self._undo.append(change)
        self._redo.clear()
        self._write(item, decision, note)

    def undo(self) -> int | None:
        """Give the verdict from before; the job it concerns."""
        if not self._undo:
            return None
        change = self._undo.pop()
        self._redo.append(change)
        self._write(change.item, *change.before)
        return change.item.job.id

    def redo(self) -> int | None:
        """Give the undone verdict again; the job it concerns."""
        if not self._redo:
            return None
        change = self._redo.pop()
        self._undo.append(change)
        self._write(change.item, change.decision, change.note)
        return change.item.job.id

    def _write(self, item: ReviewItem, decision: Decision, note: str) -> None:
        reviewer, catalog = current_reviewer(), self._context.services.catalog
        self._shown(item.job.id, Review(item.job.id, decision, reviewer, note, datetime.now(UTC)))
        self._context.bridge.run_in_background(
            lambda: decide(catalog, [item], decision, reviewer=reviewer, note=note),
            lambda _: None,
            self._context.report,
            in_order=True,
        )
