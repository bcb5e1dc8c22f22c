"""Giving verdicts, stars and reasons on the review page, and what follows from each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from engine.domain.jobs import Reason
from engine.domain.requests import Tolerance
from engine.domain.review import Decision
from gui import preferences
from gui.context import WindowContext
from gui.phrases import count
from gui.review.accept_dialog import AcceptDialog
from gui.review.retries import Retries
from gui.review.verdicts import Change, Verdicts

if TYPE_CHECKING:
    from gui.review.page import ReviewPage


class ReviewFlow:
    """What is judged is `ReviewPage.chosen`; where the page goes on to depends on what was said. GUI thread only."""

    def __init__(self, page: ReviewPage, context: WindowContext, verdicts: Verdicts) -> None:
        self._page, self._context, self._verdicts = page, context, verdicts
        self._retries = Retries(context, self._on_retried, page.requeued.emit)
        self._rejected: list[int] = []  # jobs for which a reason may still be given
        self._awaited: list[int] = []  # jobs whose next version the line below the pictures speaks of

    def decide(self, decision: Decision, reason: Reason | None = None) -> None:
        """Give the verdict to what is chosen and, for one result, go on to the next."""
        page, rows = self._page, self._page.chosen()
        if not rows:
            return
        self._awaited = []
        is_one = len(rows) == 1
        note = page.note.toPlainText().strip() if is_one else None
        advances = is_one and decision is not Decision.PENDING and page.commands.advances and not page.is_at_version
        following = self._following() if advances else None
        stays = page.current_id()
        step = self._verdicts.decide(rows, decision, note, reason)
        if decision is not Decision.REJECTED:
            self._follow(step)
        if not page.is_at_version:
            page.select(following if following is not None else stays)
        self._rejected = [row.job_id for row in rows] if decision is Decision.REJECTED else []
        if decision is Decision.REJECTED and reason is None:
            page.reasons.offer(rows[0].name if is_one else count(len(rows), "result"))
        else:
            page.reasons.hide()

    def reject_for(self, reason: Reason) -> None:
        """Say why what was just rejected is no good and have it tried again; or reject for it what is chosen."""
        page = self._page
        if page.reasons.is_offering and self._rejected:
            rows = [row for job_id in self._rejected if (row := page.results.get(job_id)) is not None]
            self._verdicts.decide(rows, Decision.REJECTED, None, reason)
        else:
            self.decide(Decision.REJECTED, reason)
        rejected, self._rejected = self._rejected, []
        page.reasons.hide()
        if rejected:
            self._awaited = rejected
            self._retries.try_again(rejected, reason)

    def on_arrivals(self) -> None:
        """What was queued again has come: the line that said so goes."""
        rows = [self._page.results.get(job_id) for job_id in self._awaited]
        if rows and all(row is None or row.superseded_by is not None for row in rows):
            self._awaited = []
            self._page.reasons.hide()

    def rate(self, stars: int) -> None:
        """Give stars to what is chosen; a rating describes and decides nothing, so the page stays where it is."""
        current = self._page.current_id()
        self._verdicts.rate(self._page.chosen(), stars)
        if not self._page.is_at_version:
            self._page.select(current)

    def step_back(self, *, forward: bool) -> None:
        """Undo the last verdict, or give it again, and show what it concerns."""
        self._awaited = []
        self._page.reasons.hide()
        step = self._verdicts.redo() if forward else self._verdicts.undo()
        if step:
            self._page.select(step[0].job_id)
            self._follow(step)

    def save_note(self) -> None:
        """Keep the note of a result that somebody has judged; before that it goes with the verdict."""
        row = self._page.current_row()
        if row is not None and row.review is not None:
            self._verdicts.write_note(row, self._page.note.toPlainText().strip())

    def mark_for_training(self) -> None:
        """Mark what is chosen as a training pair, or take the marks away."""
        catalog, marked = self._context.services.catalog, self._context.actions["training_pair"].isChecked()
        job_ids, author = [row.job_id for row in self._page.chosen()], preferences.reviewer()

        def work() -> None:
            from engine.services import versions  # what makes other tries is not needed to open the window

            for job_id in job_ids:
                versions.mark_for_training(catalog, job_id, marked, author=author)

        reload, report = self._page.reload, self._context.report
        self._context.bridge.run_in_background(work, lambda _: reload(), report, in_order=True)

    def ask_to_accept(self) -> AcceptDialog:
        """Say how many results are under a tolerance, and approve them if that is wanted."""
        results = self._page.results
        passing = results.safe(math.inf)
        tolerance = (results.result(passing[0]).tolerance if passing else None) or Tolerance()
        question = AcceptDialog(results.safe, results.undecided(), tolerance.passes, self._page)
        question.chosen.connect(partial(self._accept, current=self._page.current_id()))
        question.open()
        return question

    # -- inside -------------------------------------------------------------------------------------------------

    def _follow(self, step: Sequence[Change]) -> None:
        """Take back the tries of what is no longer rejected for a reason; queue those again of what is so once more."""
        self._retries.withdraw([c.job_id for c in step if c.before.reason is not None and c.after.reason is None])
        self._retries.renew([c.job_id for c in step if c.before.reason is None and c.after.reason is not None])

    def _following(self) -> int | None:
        """The job after the active row; at the end of the list what is still undecided."""
        results, active = self._page.results, self._page.list.currentIndex().row()
        after = results.at(active + 1)
        if after is None and (undecided := results.next_undecided(active)) is not None:
            after = results.at(undecided)
        return after.job_id if after is not None else None

    def _accept(self, job_ids: Sequence[int], current: int | None) -> None:
        self._verdicts.decide([self._page.results.result(job_id) for job_id in job_ids], Decision.APPROVED)
        self._page.select(current)

    def _on_retried(self, text: str) -> None:
        self._page.reasons.tell(text)
        self._page.read_history_again()
