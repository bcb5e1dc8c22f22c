"""The line below the pages: what the engine does, how far it is, and the last remark."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QStatusBar, QWidget

from engine.domain.jobs import BatchCounts
from gui.look import theme
from gui.look.palette import Ink
from gui.phrases import at_home, count
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.progress_line import ProgressLine


class StatusLine(QStatusBar):
    """A dot, a few words, and a thin line while jobs are left."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.setContentsMargins(0, 0, theme.LARGE, 0)
        self._dot = QLabel()
        self._dot.setFixedSize(8, 8)
        self.engine = theme.label("")
        self.remark = ElidedLabel()
        self.remark.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._progress = ProgressLine()
        self._progress.setFixedWidth(160)
        left = QWidget()
        layout = QHBoxLayout(left)
        layout.setContentsMargins(theme.LARGE, 2, theme.LARGE, 2)
        layout.setSpacing(theme.SMALL)
        layout.addWidget(self._dot, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self.engine)
        self.addWidget(left)
        self.addWidget(self.remark, 1)
        self.addPermanentWidget(self._progress)

    def show_engine(self, counts: BatchCounts, running: int, *, is_alive: bool, is_paused: bool) -> None:
        """Say what the engine does.

        Parameters
        ----------
        running : int
            Jobs that workers are on.
        is_alive, is_paused : bool
            Whether the engine was started, and whether it was told to begin nothing more.
        """
        text, ink = self._words(running, is_alive=is_alive, is_paused=is_paused)
        theme.set_dot(self._dot, ink)
        self.engine.setText(text)
        self._progress.setVisible(bool(counts.queued or counts.running))
        self._progress.set_fraction(counts.finished / max(1, counts.total))

    def show_remark(self, text: str) -> None:
        """Show a remark's first sentence until the next one; all of it is in the tool tip."""
        self.remark.show_text(at_home(text.split(". ")[0].rstrip(".")))
        self.remark.setToolTip(text)

    def _words(self, running: int, *, is_alive: bool, is_paused: bool) -> tuple[str, Ink]:
        if not is_alive:
            return "Engine not running", "text_faint"
        if running:
            return f"Working on {count(running, 'photograph')}" + (" · pausing" if is_paused else ""), "accent"
        return ("Paused", "warn") if is_paused else ("Ready", "pass_")
