"""The pairs of the intake page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor

from engine.domain.assets import Role
from engine.services.intake_list import IntakeList
from engine.services.pairing import ProposedPair, ScannedPicture
from gui.intake.photograph_model import Photographs, facts_of
from gui.look import theme

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_BECAUSE = {"names": "Names", "folder": "Folder", "pair list": "Pair list", "hand": "By hand", "": "—"}


class PairColumn(IntEnum):
    """Columns, left to right."""

    ON_MODEL = 0
    FLATLAY = 1
    SKU = 2
    VIEW = 3
    GARMENT = 4
    BECAUSE = 5


_TITLES = ("On-model", "Flatlay", "SKU", "View", "Garment", "Paired by")
_LAST = len(PairColumn) - 1


class PairsModel(QAbstractTableModel):
    """Proposed pairs; the garment can be edited and a pair can be left out."""

    edited = Signal(str, object)
    """``(what was done, the list after it)``: the page decides, and shows it with `show`."""

    def __init__(self, photographs: Photographs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._list = IntakeList()
        self._pairs: list[ProposedPair] = []
        self._places: dict[Path, list[tuple[int, int]]] = {}
        self._photographs = photographs
        photographs.arrived.connect(self._repaint)

    def show(self, state: IntakeList) -> None:
        """Show this list. Where its pairs are those from before only cells change, so that the selection stays."""
        same = [_key(pair) for pair in state.report.pairs] == [_key(pair) for pair in self._list.report.pairs]
        if not same:
            self.beginResetModel()
        self._list, self._pairs = state, state.pairs
        places: defaultdict[Path, list[tuple[int, int]]] = defaultdict(list)
        for row, pair in enumerate(self._pairs):
            places[pair.on_model.path].append((row, PairColumn.ON_MODEL))
            if pair.flatlay is not None:
                places[pair.flatlay.path].append((row, PairColumn.FLATLAY))
        self._places = dict(places)
        if not same:
            self.endResetModel()
        elif self._pairs:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._pairs) - 1, _LAST))

    def pair(self, row: int) -> ProposedPair:
        """The pair of a row, with its edited garment."""
        return self._pairs[row]

    def chosen(self) -> list[ProposedPair]:
        """What will be processed."""
        return self._list.chosen()

    def picture_at(self, index: _Index) -> ScannedPicture | None:
        """The photograph that a cell shows; None for cells without one."""
        pair = self._pairs[index.row()]
        return {PairColumn.ON_MODEL: pair.on_model, PairColumn.FLATLAY: pair.flatlay}.get(PairColumn(index.column()))

    def role_of(self, path: Path) -> Role:
        """What a photograph of the list is."""
        return next((picture.role for picture in self._list.report.pictures if picture.path == path), Role.UNKNOWN)

    def toggle(self, rows: Sequence[int]) -> None:
        """Leave the pairs out, or take them in again when all of them are out."""
        paths = [self._pairs[row].on_model.path for row in rows]
        if not paths:
            return
        take_in = self._list.left_out.issuperset(paths)
        self.edited.emit("taking in" if take_in else "leaving out", self._list.with_left_out(paths, not take_in))

    def pictures(self, rows: Iterable[int]) -> list[Path]:
        """The photographs of these rows, in their order."""
        paths: list[Path] = []
        for row in rows:
            pair = self._pairs[row]
            paths += [pair.on_model.path] + ([pair.flatlay.path] if pair.flatlay is not None else [])
        return paths

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
        if index.column() in (PairColumn.ON_MODEL, PairColumn.FLATLAY):
            flags |= Qt.ItemFlag.ItemIsDragEnabled
        if index.column() == PairColumn.ON_MODEL:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        if index.column() == PairColumn.GARMENT:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        pair, column = self._pairs[index.row()], PairColumn(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(pair, column)
            case Qt.ItemDataRole.EditRole if column is PairColumn.GARMENT:
                return pair.garment
            case Qt.ItemDataRole.DecorationRole if (picture := self.picture_at(index)) is not None:
                return self._photographs.pixmap(picture.path)
            case Qt.ItemDataRole.CheckStateRole if column is PairColumn.ON_MODEL:
                return Qt.CheckState.Unchecked if self._is_left_out(pair) else Qt.CheckState.Checked
            case Qt.ItemDataRole.ForegroundRole:
                is_guess = column is PairColumn.GARMENT and not pair.garment
                return QColor(theme.colors().text_faint) if self._is_left_out(pair) or is_guess else None
            case Qt.ItemDataRole.ToolTipRole:
                return self._tip(pair, column)
            case _:
                return None

    def setData(self, index: _Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        path = self._pairs[index.row()].on_model.path
        if role == Qt.ItemDataRole.CheckStateRole:
            left_out = Qt.CheckState(value) is Qt.CheckState.Unchecked
            what = "leaving out" if left_out else "taking in"
            self.edited.emit(what, self._list.with_left_out([path], left_out))
            return True
        if role == Qt.ItemDataRole.EditRole and index.column() == PairColumn.GARMENT:
            if str(value).strip() != self._pairs[index.row()].garment:
                self.edited.emit("naming the garment", self._list.with_garment(path, str(value)))
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
                return pair.garment or "find out"
            case PairColumn.BECAUSE:
                return _BECAUSE.get(pair.because, pair.because)

    def _tip(self, pair: ProposedPair, column: PairColumn) -> str:
        picture = pair.flatlay if column is PairColumn.FLATLAY else pair.on_model
        if column in (PairColumn.ON_MODEL, PairColumn.FLATLAY) and picture is not None:
            return facts_of(picture)
        if column is PairColumn.GARMENT:
            return "What the photographs show. Empty: Chromask finds out from the flatlay."
        return ""

    def _is_left_out(self, pair: ProposedPair) -> bool:
        return pair.on_model.path in self._list.left_out

    def _repaint(self, path: Path) -> None:
        for row, column in self._places.get(path, ()):
            index = self.index(row, column)
            self.dataChanged.emit(index, index, [Qt.ItemDataRole.DecorationRole])


def _key(pair: ProposedPair) -> tuple[Path, Path | None]:
    return pair.on_model.path, pair.flatlay.path if pair.flatlay is not None else None
