"""Accepts every result under a tolerance, after showing how many."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui.look import theme
from gui.phrases import count
from gui.widgets.number_box import NumberBox

_WIDTH = 420


class AcceptDialog(QDialog):
    """Counts anew at every change of the tolerance; `chosen` is emitted once, with the ids that were counted.

    Parameters
    ----------
    safe : callable
        ``safe(ΔE00)``: job ids of the results in the list that would be approved.
    undecided : int
        How many are in the list on which nobody has decided.
    tolerance : float
        ΔE00 that is proposed.
    """

    chosen = Signal(object)

    def __init__(
        self, safe: Callable[[float], Sequence[int]], undecided: int, tolerance: float, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._safe, self._undecided = safe, undecided
        self.setObjectName("accept_dialog")
        self.setWindowTitle("Accept all under a tolerance")
        self.setFixedWidth(_WIDTH)
        self.limit = NumberBox(0.0, 10.0, 1, step=0.1)
        self.limit.setValue(tolerance)
        self.limit.setAccessibleName("Highest ΔE00")
        self.told, self.left = theme.label("", "heading"), theme.label("", "quiet")
        for label in (self.told, self.left):
            label.setWordWrap(True)
        self.approve, cancel = QPushButton(), QPushButton("Cancel")
        self.approve.setObjectName("accept_all")
        self.approve.setProperty("primary", True)
        self.approve.setDefault(True)
        line = QHBoxLayout()
        line.setSpacing(theme.SMALL)
        line.addWidget(theme.label("Approve what has a ΔE00 of at most"))
        line.addWidget(self.limit)
        line.addStretch()
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SMALL)
        buttons.addStretch()
        buttons.addWidget(cancel)
        buttons.addWidget(self.approve)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.WIDE, theme.WIDE, theme.WIDE, theme.LARGE)
        layout.setSpacing(theme.MEDIUM)
        layout.addLayout(line)
        layout.addWidget(self.told)
        layout.addWidget(self.left)
        layout.addSpacing(theme.SMALL)
        layout.addLayout(buttons)
        self.limit.valueChanged.connect(self._count)
        self.approve.clicked.connect(self._accept)
        cancel.clicked.connect(self.reject)
        self._count()

    def counted(self) -> Sequence[int]:
        """Whose results would be approved."""
        # A spin box adds binary dust: 2.1 in steps of 0.1 is 2.1000000000000001.
        return self._safe(round(self.limit.value(), 1) + 1e-9)

    def _count(self) -> None:
        number = len(self.counted())
        self.told.setText(f"{count(number, 'result')} will be approved.")
        left = self._undecided - number
        reason = "above the tolerance, with a doubtful mask, without a colour match, or with a colour that fails"
        self.left.setText(
            f"{count(left, 'undecided result')} of the list {'is' if left == 1 else 'are'} left: {reason}. "
            "Undo takes all of them back."
        )
        self.approve.setText(f"Approve {number:,}")
        self.approve.setEnabled(number > 0)

    def _accept(self) -> None:
        job_ids = self.counted()
        self.accept()
        self.chosen.emit(job_ids)
