"""Closing the window: what is asked before, and in which order everything stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from gui.actions import PageName
from gui.frame import window_state
from gui.frame.close_question import CloseQuestion
from gui.frame.closing_notice import ClosingNotice

if TYPE_CHECKING:
    from gui.frame.main_window import MainWindow
    from gui.frame.pages import Pages

_LOOK_MS = 50
"""Between two looks whether what the window waits for has ended."""


class Closing:
    """Holds the window back while somebody's work would be lost or stopped. GUI thread only.

    Attributes
    ----------
    is_agreed : bool
        Nothing is asked any more.
    question : CloseQuestion or None
        What is being asked.
    notice : ClosingNotice or None
        What is being waited for, since the operator agreed.
    """

    def __init__(self, window: MainWindow, pages: Pages) -> None:
        self._window, self._pages = window, pages
        self.question: CloseQuestion | None = None
        self.notice: ClosingNotice | None = None
        self.is_agreed = False
        self._looking = QTimer(window)
        self._looking.setInterval(_LOOK_MS)
        self._looking.timeout.connect(self._look)

    def may_close(self) -> bool:
        """Whether the window may go now; otherwise the operator is asked, and it closes when he agrees."""
        window = self._window
        if self.is_agreed:
            return True
        if self.notice is not None:
            self.notice.raise_()
            return False
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
        self._looking.stop()
        window_state.save(window, window.page)
        if self._is_downloading or self._is_exporting:
            window.hide()  # the piece or the picture that is at work ends first, which takes seconds
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
        self.question.agreed.connect(self._leave)
        self.question.finished.connect(self._forget_question)
        self.question.open()

    def _leave(self) -> None:
        """Have what is at work end, and close when it has; what takes time is said, and can be left behind."""
        for is_busy, stop in (
            (self._is_exporting, lambda: self._pages.export.stop()),
            (self._is_downloading, lambda: self._pages.models.stop()),
            (self._is_training, lambda: self._pages.training.stop()),
        ):
            if is_busy:
                stop()
        left = self._left()
        if not left:
            self.close_for_good()
            return
        self.notice = ClosingNotice(left, self._window)
        self.notice.hurried.connect(self.close_for_good)
        self.notice.open()
        self._looking.start()

    def _look(self) -> None:
        left = self._left()
        if not left:
            self.close_for_good()
        elif self.notice is not None:
            self.notice.say(left)

    def _left(self) -> str:
        """What is waited for, in sentences; empty where nothing is."""
        parts: list[str] = []
        if self._is_training:
            parts.append(self._pages.training.leaving())
        if self._is_exporting:
            parts.append("The export finishes the picture that it is writing.")
        if self._is_downloading:
            parts.append("The download finishes the piece that is on its way.")
        return " ".join(parts)

    def _forget_question(self) -> None:
        if self.question is not None:
            self.question.deleteLater()
        self.question = None
