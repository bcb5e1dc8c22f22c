"""The eyedropper's figures, in a quiet strip below the pictures and never on top of them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QWidget

from gui.look import theme
from gui.pictures.parts import Part
from gui.viewer.eyedropper import Eyedropper, Lab, Reading, difference

_NAMES = {Part.FLATLAY: "Flatlay", Part.ORIGINAL: "Original", Part.RESULT: "Result"}
_HERE, _PINNED, _BETWEEN = 0, 1, 2
_FIRST, _SECOND, _DELTA = 1, 2, 3
_SHARES = {_FIRST: 184, _SECOND: 184, _DELTA: 66}  # pixels that they need; together, what the window has
_HEADINGS = ("Pointer", "Pin", "Pin to pointer")
_WIDEST = 780  # pixels; wider, a line would have to be followed with a finger


def lab_text(lab: Lab) -> str:
    """Three figures with one decimal and a true minus sign."""
    return "  ".join(f"{name} {value:.1f}".replace("-", "−") for name, value in zip("Lab", lab, strict=True))


class ColorReadout(QFrame):
    """Three lines: under the pointer, at the pin, and ΔE00 from the one to the other."""

    def __init__(self, eyedropper: Eyedropper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        self.setAccessibleName("Colours under the eyedropper")
        self._eyedropper = eyedropper
        table = QWidget()
        table.setMaximumWidth(_WIDEST)
        across = QHBoxLayout(self)
        across.setContentsMargins(theme.SMALL, 6, theme.SMALL, 6)
        across.addWidget(table, 1)
        across.addStretch(0)
        grid = QGridLayout(table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.SMALL)
        grid.setVerticalSpacing(3)
        self._cells: dict[tuple[int, int], QLabel] = {}
        for row, heading in enumerate(_HEADINGS):
            grid.addWidget(theme.label(heading, "caption"), row, 0)
            for column in _SHARES:
                cell = theme.label("", "reading")
                # Columns keep their widths while figures come and go: nothing jitters, and no pane is pushed.
                cell.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
                cell.setTextFormat(Qt.TextFormat.PlainText)
                self._cells[row, column] = cell
                grid.addWidget(cell, row, column)
        for column, share in _SHARES.items():
            grid.setColumnStretch(column, share)
        eyedropper.changed.connect(self._show)
        self._show()

    def texts(self) -> dict[str, str]:
        """What is read where, by line and column; for whoever cannot look."""
        rows = {_HERE: "pointer", _PINNED: "pin", _BETWEEN: "between"}
        columns = {_FIRST: "first", _SECOND: "second", _DELTA: "delta"}
        return {f"{rows[r]} {columns[c]}": cell.text() for (r, c), cell in self._cells.items()}

    def _show(self) -> None:
        self.setVisible(self._eyedropper.is_held)
        if not self._eyedropper.is_held:
            return
        here, pinned = self._eyedropper.here, self._eyedropper.pinned
        waiting = "reading the files…" if self._eyedropper.is_reading else "point at a picture"
        self._show_reading(_HERE, here, waiting)
        is_pinned = self._eyedropper.pin_place is not None
        self._show_reading(_PINNED, pinned, "reading the files…" if is_pinned else "click to pin a point")
        self._show_between(here, pinned)

    def _show_reading(self, row: int, reading: Reading | None, missing: str) -> None:
        if reading is None:
            self._write(row, missing)
            return
        texts = [f"{_NAMES[part]}  {lab_text(lab)}" for part, lab in reading.labs.items()]
        delta = f"ΔE00 {difference(*reading.labs.values()):.2f}" if len(reading.labs) == 2 else ""
        self._write(row, *texts, *[""] * (2 - len(texts)), delta)

    def _show_between(self, here: Reading | None, pinned: Reading | None) -> None:
        if here is None or pinned is None:
            self._write(_BETWEEN)
            return
        # Between the flatlay and either photograph; within the photographs, like to like.
        many, one = (here, pinned) if len(here.labs) >= len(pinned.labs) else (pinned, here)
        self._write(
            _BETWEEN,
            *(
                f"{_NAMES[part]}   ΔE00 {difference(lab, one.labs.get(part) or one.labs[one.part]):.2f}"
                for part, lab in many.labs.items()
            ),
        )

    def _write(self, row: int, *texts: str) -> None:
        for column in _SHARES:
            self._cells[row, column].setText(texts[column - 1] if column <= len(texts) else "")
