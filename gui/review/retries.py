"""Has rejected results tried again, each with whatever was not tried on it yet. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.domain.errors import KnownError
from engine.domain.jobs import Job, JobState, Reason
from engine.ports import Catalog
from gui import preferences
from gui.context import WindowContext
from gui.phrases import count, sentence


class Retries:
    """Queues other versions in the background, after the verdicts that were given before.

    Parameters
    ----------
    told : callable
        ``told(sentence)``: what was queued, or why nothing was.
    queued : callable
        ``queued()`` after the queue has grown.
    """

    def __init__(self, context: WindowContext, told: Callable[[str], None], queued: Callable[[], None]) -> None:
        self._context, self._told, self._queued = context, told, queued

    def try_again(self, job_ids: Sequence[int], reason: Reason) -> None:
        """Queue another try for each of these results, for the same reason."""
        catalog, author = self._context.services.catalog, preferences.reviewer()

        def done(answers: list[str | KnownError]) -> None:
            self._told(_summary(answers))
            if any(isinstance(answer, str) for answer in answers):
                self._context.services.dispatcher.wake()
                self._queued()

        self._context.bridge.run_in_background(
            lambda: _queue_all(catalog, job_ids, reason, author), done, self._context.report, in_order=True
        )

    def withdraw(self, job_ids: Sequence[int]) -> None:
        """Take the tries of these results out of the queue, as they are no longer rejected; say if it is too late."""
        self._change(job_ids, _withdraw_all, _withdrawn)

    def renew(self, job_ids: Sequence[int]) -> None:
        """Put the tries back that were taken out of the queue."""
        self._change(job_ids, _renew_all, lambda jobs: f"{_tries(jobs)} queued again.")

    def _change(
        self,
        job_ids: Sequence[int],
        change: Callable[[Catalog, Sequence[int]], list[Job]],
        say: Callable[[Sequence[Job]], str],
    ) -> None:
        if not job_ids:
            return
        catalog = self._context.services.catalog

        def done(jobs: list[Job]) -> None:
            if jobs:
                self._told(say(jobs))
                self._context.services.dispatcher.wake()
                self._queued()

        self._context.bridge.run_in_background(
            lambda: change(catalog, job_ids), done, self._context.report, in_order=True
        )


def _queue_all(catalog: Catalog, job_ids: Sequence[int], reason: Reason, author: str) -> list[str | KnownError]:
    """What was queued for each, in the engine's words, or why nothing was."""
    from engine.services import versions  # what makes other tries is not needed to open the window

    answers: list[str | KnownError] = []
    for item in catalog.review_items_by_id(job_ids):
        try:
            answers.append(versions.try_again(catalog, item, reason, author=author).what)
        except KnownError as error:  # that one photograph has no further try is no fault of the others
            answers.append(error)
    return answers


def _withdraw_all(catalog: Catalog, job_ids: Sequence[int]) -> list[Job]:
    from engine.services import versions

    tries = (versions.withdraw_try(catalog, job_id) for job_id in job_ids)
    return [job for job in tries if job is not None]


def _renew_all(catalog: Catalog, job_ids: Sequence[int]) -> list[Job]:
    from engine.services import versions

    tries = (versions.renew_try(catalog, job_id) for job_id in job_ids)
    return [job for job in tries if job is not None]


def _withdrawn(jobs: Sequence[Job]) -> str:
    stopped = [job for job in jobs if job.state is JobState.CANCELLED]
    late = [job for job in jobs if job.state is not JobState.CANCELLED]
    parts = [f"{_tries(stopped)} taken out of the queue."] if stopped else []
    if late:
        is_made = all(job.state.is_final for job in late)
        stays = "stays" if len(late) == 1 else "stay"
        parts.append(f"{_tries(late)} {'made' if is_made else 'begun'} already, and {stays}.")
    return " ".join(parts)


def _tries(jobs: Sequence[Job]) -> str:
    return f"Version {jobs[0].version} is" if len(jobs) == 1 else f"{count(len(jobs), 'other try', 'other tries')} are"


def _summary(answers: Sequence[str | KnownError]) -> str:
    queued = [answer for answer in answers if isinstance(answer, str)]
    refused = [answer for answer in answers if isinstance(answer, KnownError)]
    if len(answers) == 1:
        return queued[0] if queued else " ".join(sentence(refused[0]))
    text = f"{count(len(queued), 'result')} queued again." if queued else ""
    if refused:
        text += f" {len(refused):,} cannot be: {' '.join(sentence(refused[0]))}"
    return text.strip()
