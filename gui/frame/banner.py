"""One calm line for what went wrong or should be known, with what to do about it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from gui.look import theme
from gui.look.icons import icon
from gui.look.palette import Ink
from gui.widgets.icon_label import IconLabel

_NOTICED_MS: Final = 4_000  # until the eye has come up from its work
_LETTER_MS: Final = 60  # a thousand letters a minute: a slow reader's pace


class Banner(QFrame):
    """Hidden until something is told. An error stays until it is dismissed; a notice leaves once it can be read.

    A notice that comes while an error stands waits behind it. One that announced what a job will bring leaves as soon
    as that has come. Under the pointer nothing leaves.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._is_error = False
        self._waiting: tuple[str, str] | None = None
        self._awaits: int | None = None  # the job whose end the last notice announced
        self._leaving = QTimer(self)
        self._leaving.setSingleShot(True)
        self._leaving.timeout.connect(self.hide)
        self._sign = IconLabel("info", 20, "accent")
        self._what, self._remedy = theme.label(), theme.label("", "quiet")
        for text in (self._what, self._remedy):
            text.setWordWrap(True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.dismiss = QToolButton()
        self.dismiss.setProperty("quiet", True)
        self.dismiss.setIcon(icon("cancel", "text_quiet"))
        self.dismiss.setToolTip("Dismiss")
        self.dismiss.setAccessibleName("Dismiss the message")
        self.dismiss.clicked.connect(self._on_dismissed)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self._what)
        texts.addWidget(self._remedy)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.SMALL, theme.SMALL, theme.SMALL)
        layout.setSpacing(theme.MEDIUM)
        layout.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addLayout(texts, 1)
        layout.addWidget(self.dismiss, 0, Qt.AlignmentFlag.AlignVCenter)
        self.hide()

    def tell(self, what: str, remedy: str = "", *, is_error: bool = True, until: int | None = None) -> None:
        """Show a sentence and what to do.

        Parameters
        ----------
        until : int, optional
            The job whose end a notice announces.
        """
        if not is_error:
            self._awaits = until
        if self._is_error and not is_error and not self.isHidden():
            self._waiting = what, remedy
            return
        self._waiting = None
        self._is_error = is_error
        ink: Ink = "fail" if is_error else "accent"
        self._sign.show_icon("warning" if is_error else "info", ink)
        theme.set_ink(self, ink)
        self._what.setText(what)
        self._remedy.setText(remedy)
        self._remedy.setVisible(bool(remedy))
        self.show()
        self._leaving.stop()
        if not is_error:
            self._leaving.setInterval(_NOTICED_MS + _LETTER_MS * len(what + remedy))
            if not self.underMouse():
                self._leaving.start()

    def end(self, job_id: int) -> None:
        """A job has ended: what announced that has come about."""
        if job_id != self._awaits:
            return
        self._awaits = self._waiting = None
        if not self._is_error:
            self._leaving.setInterval(0)  # for the pointer, too, once it goes
            if not self.underMouse():
                self.hide()

    def withdraw(self, what: str) -> None:
        """An error was settled: where it is still shown it leaves."""
        if self._is_error and self._what.text() == what and not self.isHidden():
            self._on_dismissed()

    def text(self) -> str:
        return f"{self._what.text()} {self._remedy.text()}".strip()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._leaving.stop()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if not self._is_error and not self.isHidden():
            self._leaving.start()

    def _on_dismissed(self) -> None:
        self._leaving.stop()
        self.hide()
        waiting = self._waiting
        if waiting is not None:
            self.tell(*waiting, is_error=False, until=self._awaits)
