"""The main colours of a garment as rows of a grid: flatlay and result side by side, share, ΔE00 before and after."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QWidget

from engine.domain.results import DeltaEReport, LabColor, PaletteLine
from engine.services.report import srgb_hex
from gui.look import theme

ROWS = 8
"""Rows the panel has room for; the smallest colours beyond it are left out."""

_NONE = "—"


class Swatch(QWidget):
    """A colour on the flatlay (left half) and on the result (right half); an empty frame where a side lacks it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors: tuple[QColor | None, QColor | None] = (None, None)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_colors(self, flatlay: LabColor | None, result: LabColor | None) -> None:
        self._colors = (_screen(flatlay), _screen(result))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(32, 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        half = self.width() / 2
        for left, color in zip((0.0, half), self._colors, strict=True):
            if color is not None:
                painter.fillRect(QRectF(left, 0, half, self.height()), color)
            else:
                painter.setPen(QPen(QColor(theme.colors().outline), 1))
                painter.drawRect(QRectF(left + 0.5, 0.5, half - 1, self.height() - 1))


class PaletteRows:
    """Rows in a grid whose last two columns are before and after; hidden for single-colour garments."""

    def __init__(self, grid: QGridLayout, first_row: int) -> None:
        self._rows: list[tuple[QWidget, Swatch, QLabel, QLabel, QLabel]] = []
        for row in range(first_row, first_row + ROWS):
            name, swatch = QWidget(), Swatch()
            share, before, after = theme.label("", "quiet"), theme.label("", "quiet"), theme.label("")
            line = QHBoxLayout(name)
            line.setContentsMargins(0, 0, 0, 0)
            line.setSpacing(theme.SMALL)
            line.addWidget(swatch)
            line.addWidget(share)
            line.addStretch()
            grid.addWidget(name, row, 0)
            for column, cell in ((1, before), (2, after)):
                cell.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                grid.addWidget(cell, row, column)
            self._rows.append((name, swatch, share, before, after))

    def show_reports(self, before: DeltaEReport, after: DeltaEReport) -> None:
        """Fill in a row for every colour of the result's report."""
        lines = after.palette if len(after.palette) > 1 else ()
        earlier = {line.reference_color: line for line in before.palette if line.reference_color is not None}
        for row, (name, swatch, share, was, now) in enumerate(self._rows):
            line = lines[row] if row < len(lines) else None
            for widget in (name, was, now):
                widget.setVisible(line is not None)
            if line is None:
                continue
            swatch.set_colors(line.reference_color, line.color)
            share.setText(f"{(line.reference_share or line.share) * 100:.0f} %")
            was.setText(_figure(earlier.get(line.reference_color) if line.reference_color is not None else None))
            now.setText(_figure(line))
            theme.set_ink(now, theme.verdict_ink(line.verdict) if line.verdict else None)
            for widget in (name, now):
                widget.setToolTip(_meaning(line))

    def texts(self) -> list[tuple[str, str, str]]:
        """Share, before and after of the rows that are shown."""
        return [(r[2].text(), r[3].text(), r[4].text()) for r in self._rows if not r[0].isHidden()]


def _figure(line: PaletteLine | None) -> str:
    return _NONE if line is None or line.delta_E is None else f"{line.delta_E:.1f}"


def _meaning(line: PaletteLine) -> str:
    if line.reference_color is None:
        return "Only on the photograph: the flatlay has no such colour (a lining, or the mask leaks)"
    if line.color is None:
        return "Only on the flatlay: hidden on the photograph, or lost"
    return (
        f"{line.reference_share:.0%} of the flatlay, {line.share:.0%} of the garment on the photograph;"
        " left the flatlay, right the result"
    )


def _screen(color: LabColor | None) -> QColor | None:
    return QColor(srgb_hex(color)) if color is not None else None
