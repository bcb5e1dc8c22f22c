"""Every key on one sheet."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from gui import theme
from gui.actions import COMMANDS, Command


class CheatSheet(QDialog):
    """Shortcuts by menu; any key or click closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.CustomizeWindowHint)
        self.setWindowTitle("Keyboard shortcuts")
        self.setObjectName("cheat_sheet")
        self.setStyleSheet(f"#cheat_sheet {{ background: {theme.PANEL}; border: 1px solid {theme.OUTLINE}; }}")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.WIDE, theme.WIDE, theme.WIDE, theme.LARGE)
        layout.setSpacing(theme.LARGE)
        layout.addWidget(theme.label("Keyboard shortcuts", "title"))
        columns = QHBoxLayout()
        columns.setSpacing(48)
        for menus in (("Review", "Go", "Help"), ("View", "File"), ("Intake", "Queue", "Export", "Models")):
            column = QVBoxLayout()
            column.setSpacing(theme.SMALL)
            for menu in menus:
                column.addWidget(theme.label(menu, "heading"))
                column.addLayout(_section([c for c in COMMANDS if c.menu == menu and c.shortcuts]))
                column.addSpacing(theme.MEDIUM)
            column.addStretch()
            columns.addLayout(column)
        layout.addLayout(columns)
        layout.addWidget(
            theme.label(
                "In the pictures: wheel zooms at the pointer, drag pans, double click is 100 %. Esc closes this sheet.",
                "caption",
            )
        )


def _section(commands: list[Command]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(theme.LARGE)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(0, 1)
    for row, command in enumerate(commands):
        grid.addWidget(theme.label(command.text.rstrip("…"), "quiet"), row, 0)
        keys = QHBoxLayout()
        keys.setSpacing(theme.TIGHT)
        keys.addStretch()
        for shortcut in command.shortcuts[:2]:
            text = QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)
            key = theme.label({"Left": "←", "Right": "→", "Up": "↑", "Down": "↓"}.get(text, text), "caption")
            key.setStyleSheet(
                f"background: {theme.RAISED}; border: 1px solid {theme.OUTLINE}; border-radius: 3px;"
                f"padding: 1px 6px; color: {theme.TEXT};"
            )
            keys.addWidget(key)
        grid.addLayout(keys, row, 1)
    return grid
