"""Every key on one sheet, by page."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from gui import shortcuts
from gui.actions import COMMANDS, FIXED_KEYS, Actions, Command, PageName
from gui.look import theme

_COLUMN_WIDTH = 330  # pixels of the window for each column, as many as there is room for
_MOST_COLUMNS = 4
_GAP = 36  # pixels between columns
_MARGIN = 20  # pixels of the window that stay free around the sheet
_HINT = (
    "In the pictures: wheel zooms at the pointer, drag pans, double click is 100 %. Into Photoshop or a folder: drag a"
    " selected result of strip or grid, or the caption above the result."
)


class CheatSheet(QDialog):
    """The keys as they are now; Esc closes it."""

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.CustomizeWindowHint)
        self.setWindowTitle("Keyboard shortcuts")
        self.setObjectName("cheat_sheet")
        self._actions, self._columns, self._content = actions, _MOST_COLUMNS, QWidget()
        self._scroll = QScrollArea()
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setAccessibleName("Keyboard shortcuts")
        head = QHBoxLayout()
        head.addWidget(theme.label("Keyboard shortcuts", "title"))
        head.addStretch()
        head.addWidget(theme.label("Change them on the Settings page. Esc closes this sheet.", "caption"))
        frame = QFrame()
        frame.setProperty("sheet", True)
        inner = QVBoxLayout(frame)
        inner.setContentsMargins(theme.WIDE, theme.WIDE, theme.SMALL, theme.LARGE)
        inner.setSpacing(theme.LARGE)
        inner.addLayout(head)
        inner.addWidget(self._scroll, 1)
        hint = theme.label(_HINT, "caption")
        hint.setWordWrap(True)
        inner.addWidget(hint)
        head.setContentsMargins(0, 0, theme.LARGE, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(frame)
        actions.keys_changed.connect(self._fill)
        self._fill()

    def show_over(self, window: QWidget) -> None:
        """Show the sheet in the middle of the window, never larger than it."""
        room = window.size() - QSize(2 * _MARGIN, 2 * _MARGIN)
        columns = max(1, min(_MOST_COLUMNS, room.width() // _COLUMN_WIDTH))
        if columns != self._columns:
            self._columns = columns
            self._fill()
        self.resize(self.sizeHint().boundedTo(room))
        self.show()
        self.move(window.geometry().center() - self.rect().center())
        self.raise_()
        self._scroll.setFocus()  # so that the arrow keys and Page Down scroll

    def sizeHint(self) -> QSize:
        content = self._content.sizeHint()
        return QSize(content.width() + 2 * theme.WIDE + theme.LARGE, content.height() + 136)

    def rows(self) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
        """What is on the sheet: (command, keys as they are written) by heading."""
        groups: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        for command in COMMANDS:
            keys = self._actions.keys(command)
            if keys:
                shown = tuple(shortcuts.written(key) for key in keys[:2])
                groups.setdefault(_heading(command), []).append((command.text.rstrip("…"), shown))
        for fixed in FIXED_KEYS:
            groups.setdefault(fixed.page.capitalize(), []).append((fixed.text, fixed.shown))
        return groups

    def _fill(self) -> None:
        self._content = QWidget()
        columns = QHBoxLayout(self._content)
        columns.setContentsMargins(0, 0, theme.LARGE, 0)
        columns.setSpacing(_GAP)
        groups = self.rows()
        for headings in _in_columns({heading: len(rows) + 2 for heading, rows in groups.items()}, self._columns):
            column = QVBoxLayout()
            column.setSpacing(theme.SMALL)
            for heading in headings:
                column.addWidget(theme.label(heading, "heading"))
                column.addLayout(_section(groups[heading]))
                column.addSpacing(theme.LARGE)
            column.addStretch()
            columns.addLayout(column, 1)
        self._scroll.setWidget(self._content)


def _heading(command: Command) -> str:
    """Commands of a page stand below its name; the many of the review are told apart by their menu."""
    if command.page is None:
        return "Everywhere"
    if command.page is PageName.REVIEW and command.menu == "View":
        return "Review: looking at pictures"
    return command.page.capitalize()


def _in_columns(heights: dict[str, int], most: int) -> list[list[str]]:
    """Groups in their order, broken into ``most`` columns or fewer so that the tallest is as short as can be."""
    for tallest in range(max(heights.values()), sum(heights.values()) + 1):
        columns: list[list[str]] = [[]]
        for heading, height in heights.items():
            if sum(heights[each] for each in columns[-1]) + height > tallest:
                columns.append([])
            columns[-1].append(heading)
        if len(columns) <= most:
            return columns
    return [list(heights)]


def _section(rows: Sequence[tuple[str, tuple[str, ...]]]) -> QVBoxLayout:
    """One line for each command; a grid would make room for the longest name beside the longest keys."""
    section = QVBoxLayout()
    section.setSpacing(6)
    for name, keys in rows:
        line = QHBoxLayout()
        line.setSpacing(theme.TIGHT)
        line.addWidget(theme.label(name, "quiet"))
        line.addSpacing(theme.LARGE)
        line.addStretch()
        for text in keys:
            key = theme.label(text, "caption")
            key.setProperty("key", True)
            line.addWidget(key)
        section.addLayout(line)
    return section
