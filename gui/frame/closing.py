"""Closing the window: what is asked before, and in which order everything stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gui.actions import PageName
from gui.frame import window_state
from gui.frame.close_question import CloseQuestion

if TYPE_CHECKING:
    from gui.frame.main_window import MainWindow
    from gui.frame.pages import Pages


class Closing:
    """Holds the window back while somebody's work would be lost or stopped. GUI thread only.

    Attributes
    ----------
    is_agreed : bool
        Nothing is asked any more.
    question : CloseQuestion or None
        What is being asked.
    """

    def __init__(self, window: MainWindow, pages: Pages) -> None:
        self._window, self._pages = window, pages
        self.question: CloseQuestion | None = None
        self.is_agreed = False

    def may_close(self) -> bool:
        """Whether the window may go now; otherwise the operator is asked, and it closes when he agrees."""
        window = self._window
        if self.is_agreed:
            return True
        if window.review.mask_editing.holds_back(window.close):
            window.show_page(PageName.REVIEW)  # what is asked about is to be seen
            return False
        if window.is_working or self._is_exporting or self._is_downloading or self._is_training:
            self._ask()
            return False
        return True

    def close_for_good(self) -> None:
        """Close without any question."""
        self.is_agreed = True
        self._window.close()

    def stop(self) -> None:
        """Remember how the window stands, and stop everything; running jobs go back into the queue."""
        window = self._window
        window_state.save(window, window.page)
        if self._is_downloading or self._is_training:
            # The piece that is being downloaded ends first, or the step that is trained, which takes seconds.
            window.hide()
        window.shut_down()

    # -- inside -------------------------------------------------------------------------------------------------

    @property
    def _is_exporting(self) -> bool:
        return self._pages.is_built(PageName.EXPORT) and self._pages.export.is_busy

    @property
    def _is_downloading(self) -> bool:
        return self._pages.is_built(PageName.MODELS) and self._pages.models.is_busy

    @property
    def _is_training(self) -> bool:
        return self._pages.is_built(PageName.TRAINING) and self._pages.training.is_busy

    def _ask(self) -> None:
        if self.question is not None:
            self.question.raise_()
            return
        counts = self._window.queue.counts
        self.question = CloseQuestion(
            counts.total - counts.finished,
            self._window,
            exports=self._is_exporting,
            downloads=self._is_downloading,
            trained=self._pages.training.progress() if self._is_training else None,
        )
        self.question.agreed.connect(self.close_for_good)
        self.question.finished.connect(self._forget_question)
        self.question.open()

    def _forget_question(self) -> None:
        if self.question is not None:
            self.question.deleteLater()
        self.question = None
