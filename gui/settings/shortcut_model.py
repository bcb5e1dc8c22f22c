"""Every command with its page and its keys, as a table that follows changed keys."""

from __future__ import annotations

from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from gui import shortcuts
from gui.actions import COMMANDS, Actions, Command
from gui.look import theme

_Index = QModelIndex | QPersistentModelIndex


class ShortcutColumn(IntEnum):
    """The columns of the table."""

    COMMAND = 0
    PAGE = 1
    KEYS = 2


_TITLES = {ShortcutColumn.COMMAND: "Command", ShortcutColumn.PAGE: "Page", ShortcutColumn.KEYS: "Keys"}
EVERYWHERE = "Everywhere"


def page_of(command: Command) -> str:
    """Where a command can be given, in the words of the window."""
    return command.page.capitalize() if command.page is not None else EVERYWHERE


class ShortcutModel(QAbstractTableModel):
    """One row for each command of the table, in its order."""

    def __init__(self, actions: Actions, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        actions.keys_changed.connect(self._on_keys)

    def command(self, row: int) -> Command:
        """The command of a row."""
        return COMMANDS[row]

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(COMMANDS)

    def columnCount(self, parent: _Index | None = None) -> int:
        return len(ShortcutColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        is_title = orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return _TITLES[ShortcutColumn(section)] if is_title else None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        command, column = COMMANDS[index.row()], ShortcutColumn(index.column())
        keys = self._actions.keys(command)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                if column is ShortcutColumn.COMMAND:
                    return command.text.rstrip("…")
                return page_of(command) if column is ShortcutColumn.PAGE else shortcuts.in_words(keys)
            case Qt.ItemDataRole.ToolTipRole:
                was = shortcuts.in_words(command.shortcuts) or "none"
                return f"{command.tip}. Keys from the start: {was}"
            case Qt.ItemDataRole.FontRole if column is ShortcutColumn.KEYS and keys != command.shortcuts:
                return theme.bold()
            case _:
                return None

    def _on_keys(self) -> None:
        self.dataChanged.emit(self.index(0, ShortcutColumn.KEYS), self.index(len(COMMANDS) - 1, ShortcutColumn.KEYS))
