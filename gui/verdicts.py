"""Verdicts with undo: shown at once, written in order in the background. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

    @property
    def after(self) -> tuple[Decision, str]:
        return self.decision, self.note


_Step = tuple[_Change, ...]
"""What one command changed, and one undo takes back."""


class Verdicts:
    """Gives verdicts and takes them back.

    Parameters
    ----------
    shown : callable
        ``shown(reviews)``: the list and the panel take over the new verdicts.
    """

    def __init__(self, context: WindowContext, shown: Callable[[Sequence[Review]], None]) -> None:
        self._context, self._shown = context, shown
        self._undo: list[_Step] = []
        self._redo: list[_Step] = []

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    def give(self, items: Sequence[ReviewItem], decision: Decision, note: str | None = None) -> None:
        """Record a verdict on items, as one step of undo; without ``note`` each keeps its own."""
        changes = (_Change(i, decision, (i.review.note if i.review else "") if note is None else note) for i in items)
        step = tuple(change for change in changes if change.before != change.after)
        if step:
            self._undo.append(step)
            self._redo.clear()
            self._write([(change.item, *change.after) for change in step])

    def undo(self) -> list[int]:
        """Give the verdicts from before the last step; the jobs they concern."""
        if not self._undo:
            return []
        step = self._undo.pop()
        self._redo.append(step)
        return self._write([(change.item, *change.before) for change in step])

    def redo(self) -> list[int]:
        """Give the undone verdicts again; the jobs they concern."""
        if not self._redo:
            return []
        step = self._redo.pop()
        self._undo.append(step)
        return self._write([(change.item, *change.after) for change in step])

    def _write(self, verdicts: Sequence[tuple[ReviewItem, Decision, str]]) -> list[int]:
        reviewer, catalog, now = current_reviewer(), self._context.services.catalog, datetime.now(UTC)
        self._shown([Review(item.job.id, decision, reviewer, note, now) for item, decision, note in verdicts])

        def write() -> None:
            for item, decision, note in verdicts:
                decide(catalog, [item], decision, reviewer=reviewer, note=note)

        self._context.bridge.run_in_background(write, lambda _: None, self._context.report, in_order=True)
        return [item.job.id for item, _, _ in verdicts]
