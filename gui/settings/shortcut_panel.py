"""The keyboard shortcuts: to search, to change by pressing a key, to reset."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QSortFilterProxyModel, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMessageBox,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from gui.actions import Command
from gui.context import WindowContext
from gui.look import theme
from gui.settings.key_dialog import KeyDialog
from gui.settings.shortcut_model import ShortcutColumn, ShortcutModel
from gui.widgets.drop_zone import button_for

_ROW_HEIGHT = 30


class ShortcutPanel(QWidget):
    """A table of every command; what is changed holds at once and is remembered."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = context.actions
        self._model = ShortcutModel(context.actions, self)
        self.rows = QSortFilterProxyModel(self)
        self.rows.setSourceModel(self._model)
        self.rows.setFilterKeyColumn(-1)
        self.rows.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search commands, pages and keys")
        self.search.setAccessibleName("Search keyboard shortcuts")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self.rows.setFilterFixedString)
        self.table = QTableView()
        self._set_up_table()
        self.question: QMessageBox | None = None
        self.dialog: KeyDialog | None = None
        self._build_layout()
        context.actions.on("change_shortcut", self.change)
        context.actions.on("reset_shortcut", self.reset)
        context.actions.on("reset_shortcuts", self._ask_before_reset)

    @property
    def command(self) -> Command | None:
        """The chosen command."""
        index = self.table.currentIndex()
        return self._model.command(self.rows.mapToSource(index).row()) if index.isValid() else None

    def select(self, name: str) -> None:
        """Choose a command by its name."""
        for row in range(self._model.rowCount()):
            if self._model.command(row).name == name:
                index = self.rows.mapFromSource(self._model.index(row, 0))
                flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
                self.table.selectionModel().setCurrentIndex(index, flags)

    def change(self) -> None:
        """Ask for the key of the chosen command."""
        command = self.command
        if command is None:
            return
        self.dialog = KeyDialog(self._actions, command, self)
        self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog.agreed.connect(lambda keys: self._actions.set_keys(command, keys))
        self.dialog.open()

    def reset(self) -> None:
        """Give the chosen command its first keys again."""
        if self.command is not None:
            self._actions.set_keys(self.command, self.command.shortcuts)

    def refresh_actions(self, is_here: bool) -> None:
        """Switch the commands of the table on where they make sense."""
        command = self.command
        self._actions["change_shortcut"].setEnabled(is_here and command is not None)
        is_changed = command is not None and self._actions.keys(command) != command.shortcuts
        self._actions["reset_shortcut"].setEnabled(is_here and is_changed)
        self._actions["reset_shortcuts"].setEnabled(is_here and self._actions.has_changed_keys)

    # -- inside -------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        self.refresh_actions(self.isVisible())

    def _ask_before_reset(self) -> None:
        box = QMessageBox(self)
        box.setObjectName("reset_question")
        box.setWindowTitle("Reset all shortcuts")
        box.setText("Give every command the keys that it had from the start?")
        box.setInformativeText("Keys that you chose are forgotten.")
        reset = box.addButton("Reset all", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton("Keep mine", QMessageBox.ButtonRole.RejectRole))
        reset.clicked.connect(self._actions.reset_keys)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.question = box
        theme.give_room(box)
        box.open()

    def _set_up_table(self) -> None:
        table = self.table
        table.setModel(self.rows)
        table.setAccessibleName("Keyboard shortcuts")
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(ShortcutColumn.COMMAND, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(ShortcutColumn.PAGE, QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(ShortcutColumn.KEYS, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(ShortcutColumn.PAGE, 110)
        header.resizeSection(ShortcutColumn.KEYS, 190)
        table.activated.connect(self.change)
        table.selectionModel().currentChanged.connect(self._refresh)
        self._model.dataChanged.connect(self._refresh)

    def _build_layout(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.MEDIUM)
        title = theme.label("Keyboard shortcuts", "heading")
        title.setBuddy(self.table)
        head.addWidget(title)
        head.addStretch()
        self.search.setFixedWidth(280)
        head.addWidget(self.search)
        foot = QHBoxLayout()
        foot.setSpacing(theme.SMALL)
        for name in ("change_shortcut", "reset_shortcut"):
            foot.addWidget(button_for(self._actions[name]))
        foot.addStretch()
        foot.addWidget(button_for(self._actions["reset_shortcuts"]))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.MEDIUM)
        layout.addLayout(head)
        layout.addWidget(self.table, 1)
        layout.addLayout(foot)
