"""Verdicts and stars with undo: shown at once, written in order in the background. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from engine.domain.jobs import Reason
from engine.domain.review import Decision, Review, ReviewRow
from engine.services.export.manifest import restate
from gui import preferences
from gui.context import WindowContext


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a `Review` says, whoever says it and when."""

    decision: Decision = Decision.PENDING
    note: str = ""
    rating: int = 0
    reason: Reason | None = None

    @classmethod
    def of(cls, row: ReviewRow) -> Judgement:
        return cls(row.decision, row.note, row.rating, row.reason)


@dataclass(frozen=True, slots=True)
class Change:
    """One judgement that was given, and what it replaced."""

    job_id: int
    before: Judgement
    after: Judgement

    def reversed(self) -> Change:
        """What undoing it is."""
        return Change(self.job_id, self.after, self.before)


Step = tuple[Change, ...]
"""What one command changed, and one undo takes back."""


class Verdicts:
    """Gives verdicts and stars and takes them back.

    Parameters
    ----------
    shown : callable
        ``shown(reviews)``: the list and the panel take over the new verdicts.
    """

    def __init__(self, context: WindowContext, shown: Callable[[Sequence[Review]], None]) -> None:
        self._context, self._shown = context, shown
        self._undo: list[Step] = []
        self._redo: list[Step] = []
        self._unwritten: dict[int, Review] = {}

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    def decide(
        self, rows: Sequence[ReviewRow], decision: Decision, note: str | None = None, reason: Reason | None = None
    ) -> Step:
        """Record a verdict, as one step of undo; without ``note`` each result keeps its own. What that changed."""
        return self._give([(row, _with_note(Judgement.of(row), note, decision, reason)) for row in rows])

    def rate(self, rows: Sequence[ReviewRow], rating: int) -> None:
        """Record stars, as one step of undo; verdicts and notes stay."""
        self._give([(row, replace(Judgement.of(row), rating=rating)) for row in rows])

    def write_note(self, row: ReviewRow, note: str) -> None:
        """Record a note, as one step of undo; verdict and stars stay."""
        self._give([(row, replace(Judgement.of(row), note=note))])

    def undo(self) -> Step:
        """Restore what was before the last step; what that changed."""
        if not self._undo:
            return ()
        step = self._undo.pop()
        self._redo.append(step)
        return self._write([change.reversed() for change in step])

    def redo(self) -> Step:
        """Give what was undone again; what that changed."""
        if not self._redo:
            return ()
        step = self._redo.pop()
        self._undo.append(step)
        return self._write(step)

    def newest(self, rows: Sequence[ReviewRow]) -> list[ReviewRow]:
        """Rows from the catalog with the verdicts that are still being written."""
        return [row.reviewed(self._unwritten[row.job_id]) if row.job_id in self._unwritten else row for row in rows]

    # -- inside -------------------------------------------------------------------------------------------------

    def _give(self, judged: Sequence[tuple[ReviewRow, Judgement]]) -> Step:
        changes = (Change(row.job_id, Judgement.of(row), judgement) for row, judgement in judged)
        step = tuple(change for change in changes if change.before != change.after)
        if step:
            self._undo.append(step)
            self._redo.clear()
            self._write(step)
        return step

    def _write(self, changes: Sequence[Change]) -> Step:
        reviewer, catalog, now = preferences.reviewer(), self._context.services.catalog, datetime.now(UTC)
        reviews = [
            Review(change.job_id, given.decision, reviewer, given.note, now, given.rating, given.reason)
            for change in changes
            for given in [change.after]
        ]
        self._unwritten |= {review.job_id: review for review in reviews}

        decided = [change.job_id for change in changes if change.before.decision is not change.after.decision]

        def written(_: None) -> None:
            self._forget(reviews)
            if decided:
                self._context.bridge.run_in_background(
                    lambda: restate(catalog, decided), lambda _: None, self._context.report
                )

        def failed(error: Exception) -> None:
            self._forget(reviews)
            self._context.report(error)

        self._context.bridge.run_in_background(lambda: catalog.add_reviews(reviews), written, failed, in_order=True)
        self._shown(reviews)  # what is read in order because of it is read after it was written
        return tuple(changes)

    def _forget(self, reviews: Sequence[Review]) -> None:
        for review in reviews:
            if self._unwritten.get(review.job_id) is review:
                del self._unwritten[review.job_id]


def _with_note(old: Judgement, note: str | None, decision: Decision, reason: Reason | None) -> Judgement:
    return replace(old, decision=decision, note=old.note if note is None else note, reason=reason)
