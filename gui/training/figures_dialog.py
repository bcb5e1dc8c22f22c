"""The figures of a run's checkpoints as a small table."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QFont
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from engine.domain.datasets import DatasetKind
from gui import preferences
from gui.context import WindowContext
from gui.look import theme
from gui.phrases import capital
from gui.training.figures import Measuring, RunFigures, read_figures
from gui.training.story import RunStory
from gui.widgets.form_dialog import FormDialog
from gui.widgets.progress_line import BusyLine

_ROW = 30
_MOST_ROWS = 10
_WIDTHS = {DatasetKind.MASK: 720, DatasetKind.COLOR: 1060}
_EXPLAINED = {
    DatasetKind.MASK: (
        "IoU: share of the masks' union that both have. Boundary F: how well the outlines agree. Both 0 to 1, on the"
        " held-out photographs."
    ),
    DatasetKind.COLOR: (
        "ΔE00 to the true photograph before and after, on a square inside the garment and on the whole of it; on the"
        " held-out photographs."
    ),
}


class FiguresDialog(FormDialog):
    """Stands beside the work: measuring goes on when it is closed."""

    def __init__(
        self, context: WindowContext, measuring: Measuring, run: Path, story: RunStory, parent: QWidget
    ) -> None:
        super().__init__("figures_dialog", f"Figures of {run.name}", parent, _WIDTHS[story.job.kind])
        self._context, self._measuring, self._run, self._story = context, measuring, run, story
        self._figures = RunFigures()
        self._is_over = False
        self.table = QTableWidget(0, 0)
        self.table.setAccessibleName("Figures of the checkpoints")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(_ROW)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.none = theme.label(
            "Nothing was measured yet. Every checkpoint, and the model without a LoRA, paints the held-out photographs;"
            " that takes as long as so many pictures take.", "quiet",
        )  # fmt: skip
        self.explained = theme.label(_EXPLAINED[story.job.kind], "caption")
        for text in (self.none, self.explained):
            text.setWordWrap(True)
        self.busy = BusyLine()
        self.measure, self.stop = QPushButton("Measure"), QPushButton("Stop")
        self.measure.setProperty("primary", True)
        self.sheet, close = QPushButton("Open the contact sheet"), QPushButton("Close")
        self.measure.clicked.connect(lambda: measuring.begin(run, story.job, preferences.vram_tier()))
        self.stop.clicked.connect(measuring.stop)
        self.sheet.clicked.connect(self._open_sheet)
        close.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.setSpacing(theme.SMALL)
        foot.addWidget(self.busy, 1)
        foot.addStretch()
        for button in (self.sheet, self.stop, close, self.measure):
            foot.addWidget(button)
        close.setDefault(True)  # Return presses what has the focus; nothing is measured by accident
        for widget in (self.none, self.table, self.explained):
            self.column.addWidget(widget)
        self.column.addLayout(foot)
        measuring.changed.connect(self._look)
        self.finished.connect(self._end)
        self._show()
        self._look()

    # -- inside -------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        run, job = self._run, self._story.job

        def done(figures: RunFigures) -> None:
            if not self._is_over:
                self._figures = figures
                self._show()

        self._show()
        self._context.bridge.run_in_background(lambda: read_figures(run, job), done, self._context.report)

    def _show(self) -> None:
        figures = self._figures
        is_busy, is_other = self._measuring.run == self._run, self._measuring.run not in (None, self._run)
        if is_busy and self.busy.isHidden():
            self.busy.begin("Measuring")
        elif not is_busy:
            self.busy.begin("")
        if is_busy and figures.measured:
            self.busy.advance((min(figures.measured, figures.wanted), figures.wanted))
        self.none.setVisible(not figures.rows and not is_busy)
        self.table.setVisible(bool(figures.rows))
        self.explained.setVisible(bool(figures.rows))
        self.sheet.setVisible(figures.sheet is not None)
        self.stop.setVisible(is_busy)
        self.measure.setVisible(not is_busy)
        self.measure.setText("Measure again" if figures.rows else "Measure")
        self.measure.setEnabled(not is_other and figures.wanted > 0)
        self._fill(figures)
        self.fit()

    def _fill(self, figures: RunFigures) -> None:
        self.table.setColumnCount(len(figures.headings))
        self.table.setHorizontalHeaderLabels(["Checkpoint", *(capital(text) for text in figures.headings[1:])])
        self.table.setRowCount(len(figures.rows))
        bold = theme.bold()
        for row, cells in enumerate(figures.rows):
            for column, text in enumerate(cells):
                is_best = " · best" if row == figures.best else ""
                item = QTableWidgetItem(f"{capital(text)}{is_best}" if column == 0 else text)
                side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
                item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                item.setFont(bold if row == figures.best else QFont())
                self.table.setItem(row, column, item)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        for column in range(len(figures.headings)):
            heading = self.table.horizontalHeaderItem(column)
            if heading is not None:
                side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
                heading.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        if figures.headings:
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        rows = min(_MOST_ROWS, len(figures.rows))
        self.table.setFixedHeight(header.sizeHint().height() + rows * _ROW + 2)

    def _open_sheet(self) -> None:
        if self._figures.sheet is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._figures.sheet)))

    def _end(self) -> None:
        self._is_over = True
