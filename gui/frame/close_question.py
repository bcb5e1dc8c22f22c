"""Asked before the window closes on work that is not done."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from gui.look import theme
from gui.phrases import count


class CloseQuestion(QMessageBox):
    """Open it with `open`; `agreed` tells that the work may stop.

    Parameters
    ----------
    left : int
        Jobs of the queue that are not finished.
    trained : (int, int) or None
        Steps that are done, and all, of a training that is at work.
    """

    agreed = Signal()

    def __init__(
        self, left: int, parent: QWidget, *, exports: bool, downloads: bool, trained: tuple[int, int] | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("close_question")
        self.setWindowTitle("Jobs are still running")
        self.setText(f"{count(left, 'job')} of the queue {'is' if left == 1 else 'are'} not finished.")
        if exports:
            self.setText("An export is still writing files.")
        self.setInformativeText("If you stop now, nothing is lost: Chromask goes on with them next time.")
        if downloads and not left and not exports:
            self.setWindowTitle("A download is running")
            self.setText("FLUX.1 Kontext is still being downloaded.")
            self.setInformativeText("What has arrived is kept; resume the download on the Models page.")
        if trained is not None:
            done, total = trained
            others = f"{self.text()} " if left or exports else ""
            self.setWindowTitle("A training is at work")
            self.setText(f"{others}A training is at step {done:,} of {total:,}.")
            self.setInformativeText(
                "If you close now, it finishes the step that it is at, and keeps a checkpoint. Go on with it on the"
                " Training page next time."
            )
        stop = self.addButton("Stop, continue next time", QMessageBox.ButtonRole.DestructiveRole)
        keep = self.addButton("Keep running", QMessageBox.ButtonRole.RejectRole)
        if trained is not None and not left and not exports and not downloads:
            stop.setText("Pause and close")
        stop.setObjectName("stop_and_close")
        keep.setObjectName("keep_running")
        self.setDefaultButton(keep)
        self.setEscapeButton(keep)
        stop.clicked.connect(self.agreed)
        theme.give_room(self)
