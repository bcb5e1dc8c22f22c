"""Has rejected results tried again, each with whatever was not tried on it yet. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.domain.errors import KnownError
from engine.domain.jobs import Reason
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


def _summary(answers: Sequence[str | KnownError]) -> str:
    queued = [answer for answer in answers if isinstance(answer, str)]
    refused = [answer for answer in answers if isinstance(answer, KnownError)]
    if len(answers) == 1:
        return queued[0] if queued else " ".join(sentence(refused[0]))
    text = f"{count(len(queued), 'result')} queued again." if queued else ""
    if refused:
        text += f" {len(refused):,} cannot be: {' '.join(sentence(refused[0]))}"
    return text.strip()
