"""The queue's table: rows are dragged to where they shall run."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import (
    QColor,
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
)
from PySide6.QtWidgets import QAbstractItemView, QTableView, QWidget

from gui.look import theme
from gui.phrases import count
from gui.queue.delegates import JobDelegate, StateDelegate
from gui.queue.job_cells import JobColumn
from gui.queue.job_model import JOBS_MIME, JobsModel
from gui.widgets.tables import set_up_rows

_ROW = 34
_WIDTHS = {
    JobColumn.SKU: 120, JobColumn.TASK: 236, JobColumn.STATE: 120, JobColumn.TIME: 96, JobColumn.PRIORITY: 64,
}  # fmt: skip


class JobsTable(QTableView):
    """Shows a `JobsModel`; a line across all columns says where a drop would go."""

    def __init__(self, jobs: JobsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.jobs = jobs
        self._drop_row: int | None = None
        self.setModel(jobs)
        self.setItemDelegateForColumn(JobColumn.STEP, JobDelegate(self))
        self.setItemDelegateForColumn(JobColumn.STATE, StateDelegate(self))
        self.setAccessibleName("Jobs in the order in which they run")
        set_up_rows(self, _ROW, _WIDTHS, (JobColumn.PHOTO, JobColumn.STEP))
        self.setDragEnabled(True)
        self.setAcceptDrops(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setDragDropOverwriteMode(False)
        self.setDropIndicatorShown(False)  # Qt draws it below one cell only

    def selected_rows(self) -> list[int]:
        """The selected rows, from the top."""
        # By ranges: `selectedRows` makes an index for each row and looks it up in every range.
        parts = self.selectionModel().selection().toList()
        return sorted({row for part in parts for row in range(part.top(), part.bottom() + 1)})

    # -- dragging -----------------------------------------------------------------------------------------------

    def startDrag(self, supportedActions: Qt.DropAction) -> None:
        mime = self.jobs.mimeData(self.selectionModel().selectedRows())
        picture = self._picture(count(len(self.selected_rows()), "job"))
        drag = QDrag(self)
        drag.setMimeData(mime)
        drag.setPixmap(picture)
        drag.setHotSpot(QPoint(-12, picture.height() // 2))
        drag.exec(Qt.DropAction.MoveAction)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasFormat(JOBS_MIME):
            event.acceptProposedAction()
        else:
            event.ignore()  # files are taken by the window

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if not event.mimeData().hasFormat(JOBS_MIME):
            event.ignore()
            return
        super().dragMoveEvent(event)  # scrolls at the edges
        self._show_drop(self._row_below(event.position()))
        event.setDropAction(Qt.DropAction.MoveAction)
        event.accept()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._show_drop(None)
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        self._show_drop(None)
        if not event.mimeData().hasFormat(JOBS_MIME):
            event.ignore()
            return
        row = self._row_below(event.position())
        self.jobs.dropMimeData(event.mimeData(), Qt.DropAction.MoveAction, row, 0, self.rootIndex())
        # The rows move once the catalog has taken it over; to Qt a move would mean to remove them here.
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.stopAutoScroll()
        self.setState(QAbstractItemView.State.NoState)
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._drop_row is None:
            return
        painter = QPainter(self.viewport())
        is_end = self._drop_row >= self.jobs.rowCount()
        y = self.rowViewportPosition(self.jobs.rowCount() - 1) + _ROW if is_end else 0
        y = y if is_end else self.rowViewportPosition(self._drop_row)
        painter.fillRect(QRect(0, y - 1, self.viewport().width(), 2), QColor(theme.colors().accent))

    # -- inside -------------------------------------------------------------------------------------------------

    def _row_below(self, point: QPointF) -> int:
        """The row before which a drop at that point goes."""
        row = self.rowAt(round(point.y()))
        if row < 0:
            return self.jobs.rowCount()
        return row + (point.y() - self.rowViewportPosition(row) > _ROW / 2)

    def _show_drop(self, row: int | None) -> None:
        if row != self._drop_row:
            self._drop_row = row
            self.viewport().update()

    def _picture(self, text: str) -> QPixmap:
        """A small label to drag instead of a thousand rows."""
        metrics, ratio = self.fontMetrics(), self.devicePixelRatioF()
        width, height = metrics.horizontalAdvance(text) + 2 * theme.MEDIUM, metrics.height() + theme.SMALL
        picture = QPixmap(round(width * ratio), round(height * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(QColor(theme.colors().accent_deep))
        painter = QPainter(picture)
        painter.setFont(self.font())
        painter.setPen(QColor(theme.colors().on_accent))
        painter.drawText(QRect(0, 0, width, height), Qt.AlignmentFlag.AlignCenter, text)
        painter.end()
        return picture
