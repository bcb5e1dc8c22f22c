"""Which batch the pages show: found at the start, chosen in the header, or just submitted."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from engine.domain.errors import KnownError
from engine.domain.jobs import Batch
from engine.ports import Catalog
from gui.actions import PageName
from gui.context import WindowContext
from gui.frame import landing, window_state
from gui.frame.header import Header
from gui.frame.landing import Landing

if TYPE_CHECKING:
    from engine.services.queue import Submission
    from gui.frame.main_window import MainWindow
    from gui.frame.pages import Pages


def look_ahead(catalog: Catalog) -> Future[Landing]:
    """Look up where the window begins while its frame is built, and can be waited for: there is no page yet that could
    be held up.
    """
    reading = ThreadPoolExecutor(1, "chromask-landing")
    found = reading.submit(landing.look, catalog)
    reading.shutdown(wait=False)
    return found


class ShownBatch:
    """Tells the pages. GUI thread only."""

    def __init__(self, window: MainWindow, context: WindowContext, header: Header, pages: Pages) -> None:
        self._window, self._context, self._header, self._pages = window, context, header, pages
        header.batch_chosen.connect(self.show)

    def open(self, found: Future[Landing]) -> None:
        """Open the page where work waits, or else the one that was left. No other need be built for it."""
        landed = Landing()
        try:
            landed = found.result()
        except KnownError as error:
            self._context.report(error)
        self._header.show_batches(landed.batches, None)
        self._window.show_page(landed.page if landed.page is not PageName.INTAKE else window_state.last_page())
        self.show()

    def show(self) -> None:
        """Have the pages show the batch that is chosen in the header."""
        batch_id = self._header.batch
        if self._window.page is PageName.QUEUE:
            self._pages.queue.set_batch(batch_id)
            self._pages.review.set_batch(batch_id)
        else:
            # The jobs wait until the first results are there: two readings at once only hold each other up.
            self._pages.review.set_batch(batch_id)
            bridge, report = self._context.bridge, self._context.report
            bridge.run_in_background(lambda: batch_id, self._read_jobs, report, in_order=True)
        if self._pages.is_built(PageName.EXPORT):
            self._pages.export.set_batch(batch_id)

    def read(self, chosen: int | None = None) -> None:
        """Fill the list of batches, in the background; without a chosen one the newest is shown."""

        def done(batches: Sequence[Batch]) -> None:
            self._header.show_batches(batches, chosen)
            self.show()

        self._context.bridge.run_in_background(self._context.services.catalog.batches, done, self._context.report)

    def read_again(self) -> None:
        """Fill the list of batches; the one that is shown stays."""
        self.read(self._header.batch)

    def on_submitted(self, submission: Submission) -> None:
        """Show what was just queued."""
        self._pages.export.use_recipe(self._pages.intake.plan.recipe())
        self.read(submission.batch.id)
        self._context.services.dispatcher.wake()
        self._window.show_page(PageName.QUEUE)

    def _read_jobs(self, batch_id: int | None) -> None:
        if batch_id == self._header.batch:
            self._pages.queue.set_batch(batch_id)
