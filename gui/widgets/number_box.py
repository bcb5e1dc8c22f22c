"""A box for a number."""

from __future__ import annotations

from PySide6.QtWidgets import QDoubleSpinBox, QWidget

_MARGIN = 7  # pixels: figures begin where the words of the fields around them do


class NumberBox(QDoubleSpinBox):
    """A spin box whose figures keep their distance from its frame: a style sheet's padding is not heeded inside one."""

    def __init__(
        self, least: float, most: float, decimals: int = 0, *, step: float = 1.0, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setDecimals(decimals)
        self.setRange(least, most)
        self.setSingleStep(step)
        self.lineEdit().setTextMargins(_MARGIN, 0, 0, 0)
