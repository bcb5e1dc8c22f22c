"""The pairs of the intake page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QPixmap

from engine.services.pairing import ProposedPair
from gui import theme
from gui.bridge import Bridge
from gui.thumbnails import Thumbnails

THUMBNAIL = 44
"""Long side of a thumbnail in the table, in pixels."""

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_BECAUSE = {"names": "Names", "folder": "Folder", "pair list": "Pair list", "hand": "By hand"}


class PairColumn(IntEnum):
    """Columns, left to right."""

    ON_MODEL = 0
    FLATLAY = 1
    SKU = 2
    VIEW = 3
    GARMENT = 4
    BECAUSE = 5


_TITLES = ("On-model", "Flatlay", "SKU", "View", "Garment", "Paired by")


class PairsModel(QAbstractTableModel):
    """Proposed pairs; the garment can be edited and a pair can be left out."""

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pairs: list[ProposedPair] = []
        self._garments: dict[Path, str] = {}
        self._left_out: set[Path] = set()
        self._empty = QPixmap(THUMBNAIL, THUMBNAIL)
        self._empty.fill(QColor(theme.PANEL))
        self._thumbnails = Thumbnails(bridge, THUMBNAIL, self._repaint)

    def set_pairs(self, pairs: Sequence[ProposedPair]) -> None:
        """Show these pairs; garments and what was left out are kept for photographs that are still there."""
        self.beginResetModel()
        self._pairs = list(pairs)
        self.endResetModel()

    def forget(self) -> None:
        """Start afresh, without pairs, garments or exclusions."""
        self._garments.clear()
        self._left_out.clear()
        self.set_pairs(())

    def pair(self, row: int) -> ProposedPair:
        """The pair of a row, with its edited garment."""
        pair = self._pairs[row]
        return replace(pair, garment=self._garments.get(pair.on_model.path, pair.garment))

    def chosen(self) -> list[ProposedPair]:
        """What will be processed."""
        return [self.pair(row) for row in range(len(self._pairs)) if not self._is_left_out(row)]

    def toggle(self, rows: Sequence[int]) -> None:
        """Leave the pairs out, or take them in again when all of them are out."""
        if not rows:
            return
        take_in = all(self._is_left_out(row) for row in rows)
        for row in rows:
            self._set_left_out(row, not take_in)

    # -- Qt -----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._pairs)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(PairColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return _TITLES[section]
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.column() == PairColumn.ON_MODEL:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        if index.column() == PairColumn.GARMENT:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        pair, column = self._pairs[index.row()], PairColumn(index.column())
        flatlay = pair.flatlay
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(pair, column)
            case Qt.ItemDataRole.EditRole if column is PairColumn.GARMENT:
                return self._garments.get(pair.on_model.path, pair.garment)
            case Qt.ItemDataRole.DecorationRole if column is PairColumn.ON_MODEL:
                return self._thumbnails.pixmap(pair.on_model.path) or self._empty
            case Qt.ItemDataRole.DecorationRole if column is PairColumn.FLATLAY and flatlay is not None:
                return self._thumbnails.pixmap(flatlay.path) or self._empty
            case Qt.ItemDataRole.CheckStateRole if column is PairColumn.ON_MODEL:
                return Qt.CheckState.Unchecked if self._is_left_out(index.row()) else Qt.CheckState.Checked
            case Qt.ItemDataRole.ForegroundRole:
                is_guess = column is PairColumn.GARMENT and not self._garments.get(pair.on_model.path, pair.garment)
                return QColor(theme.TEXT_FAINT) if self._is_left_out(index.row()) or is_guess else None
            case Qt.ItemDataRole.ToolTipRole:
                return self._tip(pair, column)
            case _:
                return None

    def setData(self, index: _Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role == Qt.ItemDataRole.CheckStateRole:
            self._set_left_out(index.row(), Qt.CheckState(value) is Qt.CheckState.Unchecked)
            return True
        if role == Qt.ItemDataRole.EditRole and index.column() == PairColumn.GARMENT:
            self._garments[self._pairs[index.row()].on_model.path] = str(value).strip()
            self.dataChanged.emit(index, index)
            return True
        return False

    # -- inside -------------------------------------------------------------------------------------------------

    def _text(self, pair: ProposedPair, column: PairColumn) -> str:
        match column:
            case PairColumn.ON_MODEL:
                return pair.on_model.path.name
            case PairColumn.FLATLAY:
                return pair.flatlay.path.name if pair.flatlay else "—"
            case PairColumn.SKU:
                return pair.sku
            case PairColumn.VIEW:
                return pair.view or "—"
            case PairColumn.GARMENT:
                return self._garments.get(pair.on_model.path, pair.garment) or "find out"
            case PairColumn.BECAUSE:
                return _BECAUSE.get(pair.because, pair.because)

    def _tip(self, pair: ProposedPair, column: PairColumn) -> str:
        picture = pair.flatlay if column is PairColumn.FLATLAY else pair.on_model
        if column in (PairColumn.ON_MODEL, PairColumn.FLATLAY) and picture is not None:
            header = picture.header
            facts = (
                f"{header.extent} · {header.bit_depth} bit {header.mode} · {header.icc or 'no profile, read as sRGB'}"
            )
            return "\n".join((str(picture.path), facts, *header.notices))
        if column is PairColumn.GARMENT:
            return "What the photographs show. Empty: Chromask finds out from the flatlay."
        return ""

    def _is_left_out(self, row: int) -> bool:
        return self._pairs[row].on_model.path in self._left_out

    def _set_left_out(self, row: int, left_out: bool) -> None:
        path = self._pairs[row].on_model.path
        (self._left_out.add if left_out else self._left_out.discard)(path)
        self.dataChanged.emit(self.index(row, 0), self.index(row, len(PairColumn) - 1))

    def _repaint(self, path: Path) -> None:
        for row, pair in enumerate(self._pairs):
            if pair.on_model.path == path:
                index = self.index(row, PairColumn.ON_MODEL)
                self.dataChanged.emit(index, index, [Qt.ItemDataRole.DecorationRole])
            if pair.flatlay is not None and pair.flatlay.path == path:
                index = self.index(row, PairColumn.FLATLAY)
                self.dataChanged.emit(index, index, [Qt.ItemDataRole.DecorationRole])
