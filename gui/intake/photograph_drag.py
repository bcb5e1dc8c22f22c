"""Dragging one photograph onto another, inside the intake page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QTableView, QWidget

from engine.domain.assets import Role
from engine.services.pairing import ScannedPicture
from gui.intake.delegates import ProblemDelegate
from gui.intake.pair_model import PairColumn, PairsModel
from gui.intake.photograph_model import THUMBNAIL
from gui.intake.problem_model import ProblemsModel
from gui.look import theme
from gui.widgets.tables import set_up_rows

PICTURE_MIME = "application/x-chromask-photograph"
"""The path of the photograph that is being dragged, as the file system spells it."""

_Index = QModelIndex | QPersistentModelIndex
_ROW = THUMBNAIL + theme.SMALL
_COLUMNS = {PairColumn.SKU: 100, PairColumn.VIEW: 64, PairColumn.GARMENT: 100, PairColumn.BECAUSE: 76}


def picture_mime(path: Path) -> QMimeData:
    """What is dragged for a photograph."""
    mime = QMimeData()
    mime.setData(PICTURE_MIME, os.fsencode(path))
    return mime


def dragged_picture(mime: QMimeData) -> Path | None:
    """The photograph in a drag that began on the intake page; None for any other."""
    if not mime.hasFormat(PICTURE_MIME):
        return None
    return Path(os.fsdecode(bytes(mime.data(PICTURE_MIME).data())))


if TYPE_CHECKING:
    _View = QAbstractItemView
else:
    _View = object  # a Python class can be built on one class of Qt only


class _PhotographView(_View):
    """What both lists share, mixed into Qt's own views: a photograph goes out of one cell and onto another."""

    def _set_up_dragging(self) -> None:
        self._pressed = QPersistentModelIndex()
        self._target = QRect()
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAcceptDrops(True)
        self.setDragEnabled(True)

    def picture_at(self, index: _Index) -> ScannedPicture | None:
        """The photograph of a cell."""
        raise NotImplementedError

    def pair_with(self, path: Path | None, pictures: list[ScannedPicture]) -> None:
        """Tell that a photograph was dropped on others."""
        raise NotImplementedError

    def target_at(self, point: QPointF, path: Path) -> QModelIndex | None:
        """The cell of the photograph that a drop of ``path`` at that point means."""
        index = self.indexAt(point.toPoint())
        picture = self.picture_at(index) if index.isValid() else None
        return index if picture is not None and picture.path != path else None

    def meant_by(self, target: QModelIndex) -> list[ScannedPicture]:
        """The photographs that a drop onto that cell goes to."""
        picture = self.picture_at(target)
        return [picture] if picture is not None else []

    # -- Qt -----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = QPersistentModelIndex(self.indexAt(event.position().toPoint()))
        super().mousePressEvent(event)

    def startDrag(self, supportedActions: Qt.DropAction) -> None:
        picture = self.picture_at(self._pressed) if self._pressed.isValid() else None
        if picture is not None:
            _drag(self, picture.path, self._pressed.data(Qt.ItemDataRole.DecorationRole))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        # Also over its own photograph, where every drag begins: Qt tells of no move to a view that declines the entry.
        event.setDropAction(Qt.DropAction.CopyAction)
        event.setAccepted(dragged_picture(event.mimeData()) is not None)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        super().dragMoveEvent(event)  # scrolls at the edges
        self._consider(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._mark(QRect())
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        self._mark(QRect())
        self.stopAutoScroll()
        self.setState(QAbstractItemView.State.NoState)
        path = dragged_picture(event.mimeData())
        target = self.target_at(event.position(), path) if path is not None else None
        if target is None:
            event.ignore()
            return
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.pair_with(path, self.meant_by(target))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._target.isNull():
            return
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.colors().accent), 2))
        painter.drawRoundedRect(self._target.adjusted(2, 2, -3, -3), theme.RADIUS, theme.RADIUS)

    # -- inside -------------------------------------------------------------------------------------------------

    def _consider(self, event: QDragMoveEvent) -> None:
        path = dragged_picture(event.mimeData())
        # Files are none of ours: the window takes them.
        target = self.target_at(event.position(), path) if path is not None else None
        self._mark(self.visualRect(target) if target is not None else QRect())
        event.setDropAction(Qt.DropAction.CopyAction)
        event.setAccepted(target is not None)

    def _mark(self, rect: QRect) -> None:
        if rect != self._target:
            self._target = rect
            self.viewport().update()


class PairsTable(_PhotographView, QTableView):
    """The pairs."""

    paired = Signal(object, list)
    """``(the path that was dragged, the pictures that it was dropped on)``."""

    def __init__(self, pairs: PairsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pairs = pairs
        self.setModel(pairs)
        self.setAccessibleName("Pairs of on-model photographs and flatlays")
        set_up_rows(self, _ROW, _COLUMNS, (PairColumn.ON_MODEL, PairColumn.FLATLAY))
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        trigger = QAbstractItemView.EditTrigger
        self.setEditTriggers(trigger.SelectedClicked | trigger.DoubleClicked | trigger.EditKeyPressed)
        self._set_up_dragging()

    def rows_outward(self) -> list[int]:
        """The rows in view from the top, then those beyond it, nearest first, a screen to either side."""
        if not self._pairs.rowCount():
            return []
        first, last = self.rowAt(0), self.rowAt(self.viewport().height() - 1)
        last = last if last >= 0 else self._pairs.rowCount() - 1
        rows = list(range(max(0, first), last + 1))
        for step in range(1, len(rows) + 1):
            rows += [row for row in (last + step, first - step) if 0 <= row < self._pairs.rowCount()]
        return rows

    def picture_at(self, index: _Index) -> ScannedPicture | None:
        return self._pairs.picture_at(index)

    def pair_with(self, path: Path | None, pictures: list[ScannedPicture]) -> None:
        self.paired.emit(path, pictures)

    def target_at(self, point: QPointF, path: Path) -> QModelIndex | None:
        """The photograph below the point; in the columns without one, the row's of the other kind."""
        index = self.indexAt(point.toPoint())
        if not index.isValid():
            return None
        if self._pairs.picture_at(index) is None:
            pair = self._pairs.pair(index.row())
            is_flatlay = pair.flatlay is None or self._pairs.role_of(path) is Role.FLATLAY
            index = index.siblingAtColumn(PairColumn.ON_MODEL if is_flatlay else PairColumn.FLATLAY)
        picture = self._pairs.picture_at(index)
        return index if picture is not None and picture.path != path else None

    def meant_by(self, target: QModelIndex) -> list[ScannedPicture]:
        """Of all selected rows where the cell's row is one of them: a flatlay serves many photographs."""
        rows = sorted({index.row() for index in self.selectedIndexes()})
        rows = rows if target.row() in rows and target.column() == PairColumn.ON_MODEL else [target.row()]
        found = (self._pairs.picture_at(target.siblingAtRow(row)) for row in rows)
        return [picture for picture in found if picture is not None]


class ProblemsList(_PhotographView, QListView):
    """The problems, with the photographs among them."""

    paired = Signal(object, list)
    """As in `PairsTable`."""

    def __init__(self, problems: ProblemsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._problems = problems
        self.setModel(problems)
        self.setItemDelegate(ProblemDelegate(self))
        self.setAccessibleName("Files that are in no pair, and why")
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self._set_up_dragging()

    def rows_in_view(self) -> list[int]:
        """The rows in view, from the top."""
        first = self.verticalScrollBar().value() // _ROW
        return list(range(first, min(self._problems.rowCount(), first + self.viewport().height() // _ROW + 2)))

    def picture_at(self, index: _Index) -> ScannedPicture | None:
        return self._problems.picture_at(index)

    def pair_with(self, path: Path | None, pictures: list[ScannedPicture]) -> None:
        self.paired.emit(path, pictures)


def _drag(view: QAbstractItemView, path: Path, picture: QPixmap | None) -> None:
    drag = QDrag(view)
    drag.setMimeData(picture_mime(path))
    if picture is not None:
        drag.setPixmap(picture)
        drag.setHotSpot(QPoint(THUMBNAIL // 2, THUMBNAIL // 2))
    drag.exec(Qt.DropAction.CopyAction)
