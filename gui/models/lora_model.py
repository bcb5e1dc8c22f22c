"""The LoRAs of the Models page."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from engine.services.lora_files import LoraState
from gui.look import theme

READINESS_ROLE = int(Qt.ItemDataRole.UserRole) + 1

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class Readiness(StrEnum):
    """Whether a LoRA can be used."""

    READY = "Ready"
    MISSING = "Missing"
    DAMAGED = "Damaged"


class LoraColumn(IntEnum):
    """Columns, left to right."""

    TASK = 0
    STATE = 1
    NAME = 2
    PROMPT = 3
    RANK = 4
    SCALE = 5
    LICENCE = 6


_TITLES = ("For", "State", "Name", "Prompt", "Rank", "Scale", "Licence")
_NUMBERS = (LoraColumn.RANK, LoraColumn.SCALE)


def readiness(state: LoraState) -> Readiness:
    """A file that is there and has a problem is damaged or another one."""
    if not state.problem:
        return Readiness.READY
    return Readiness.MISSING if state.file is None else Readiness.DAMAGED


class LorasModel(QAbstractTableModel):
    """One row for each LoRA of the registries."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._states: list[LoraState] = []

    def set_states(self, states: Sequence[LoraState]) -> None:
        self.beginResetModel()
        self._states = list(states)
        self.endResetModel()

    def state(self, row: int) -> LoraState:
        return self._states[row]

    def states(self) -> list[LoraState]:
        return list(self._states)

    def row_of(self, name: str) -> int | None:
        """The row of a LoRA by its name."""
        return next((row for row, state in enumerate(self._states) if state.entry.name == name), None)

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._states)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(LoraColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section in _NUMBERS:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        state, column = self._states[index.row()], LoraColumn(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(state, column)
            case Qt.ItemDataRole.TextAlignmentRole if column in _NUMBERS:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            case Qt.ItemDataRole.ForegroundRole if column not in (LoraColumn.TASK, LoraColumn.STATE):
                return QColor(theme.colors().text_quiet)
            case Qt.ItemDataRole.ToolTipRole:
                return self._tip(state, column)
            case _ if role == READINESS_ROLE:
                return readiness(state)
            case _:
                return None

    def _text(self, state: LoraState, column: LoraColumn) -> str:
        entry = state.entry
        match column:
            case LoraColumn.TASK:
                return (entry.mask_type or "colour match").capitalize()
            case LoraColumn.NAME:
                return entry.name
            case LoraColumn.PROMPT:
                return entry.prompt
            case LoraColumn.RANK:
                return str(entry.rank)
            case LoraColumn.SCALE:
                return f"{entry.scale:g}"
            case LoraColumn.LICENCE:
                return entry.licence
            case LoraColumn.STATE:
                return readiness(state).value

    def _tip(self, state: LoraState, column: LoraColumn) -> str:
        entry = state.entry
        match column:
            case LoraColumn.PROMPT:
                return f"{entry.prompt}\nTrigger: {entry.trigger or 'none'}"
            case LoraColumn.LICENCE:
                return entry.licence
            case LoraColumn.STATE if state.problem:
                return f"{state.problem}. {state.remedy}"
            case _:
                return str(state.file or entry.file)
