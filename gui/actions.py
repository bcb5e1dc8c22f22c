"""Every command of the window with its text, shortcut and explanation, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence

from gui.icons import icon


class PageName(StrEnum):
    """The four pages, in the order of the work."""

    INTAKE = "intake"
    QUEUE = "queue"
    REVIEW = "review"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table.

    Attributes
    ----------
    page : PageName or None
        The only page on which the command can be given; None means everywhere.
    """

    name: str
    menu: str
    text: str
    shortcuts: tuple[str, ...]
    tip: str
    page: PageName | None = None
    checkable: bool = False
    icon: str = ""


_IN, _QU, _RE, _EX = PageName.INTAKE, PageName.QUEUE, PageName.REVIEW, PageName.EXPORT

# ruff: noqa: E501 - one row of the table is one line
COMMANDS = (
    Command("add_folder", "File", "Add folder…", ("Ctrl+O",), "Read every picture in a folder and below it", icon="folder"),
    Command("add_files", "File", "Add files…", ("Ctrl+Shift+O",), "Read single pictures or a pair list", icon="files"),
    Command("demo", "File", "Try the demo set", (), "Draw a small set of photographs and add it"),
    Command("quit", "File", "Quit", ("Ctrl+Q",), "Close the window"),
    Command("pair", "Intake", "Pair", ("Ctrl+P",), "Make the two chosen pictures a pair", _IN, icon="link"),
    Command("leave_out", "Intake", "Leave out or take in", ("Delete",), "Do not process the chosen pairs, or process them after all", _IN),
    Command("clear_intake", "Intake", "Clear the list", (), "Forget what was dropped; no file is touched", _IN),
    Command("start", "Intake", "Start", ("Ctrl+Return", "Ctrl+Enter"), "Put the pairs into the queue", _IN, icon="play"),
    Command("pause", "Queue", "Pause", ("Ctrl+Space",), "Begin no further job; what runs is finished", checkable=True, icon="pause"),
    Command("cancel", "Queue", "Cancel selected", ("Delete",), "Take the chosen jobs out of the queue, or stop them", _QU, icon="cancel"),
    Command("retry", "Queue", "Retry selected", ("Ctrl+R",), "Queue the chosen failed or cancelled jobs again", _QU, icon="retry"),
    Command("sooner", "Queue", "Run sooner", ("Ctrl+Up",), "Raise the priority of the chosen jobs", _QU, icon="up"),
    Command("later", "Queue", "Run later", ("Ctrl+Down",), "Lower the priority of the chosen jobs", _QU, icon="down"),
    Command("approve", "Review", "Approve", ("P",), "The result may leave the house; goes on to the next", _RE, icon="check"),
    Command("reject", "Review", "Reject", ("X",), "The result is not good enough; goes on to the next", _RE, icon="cancel"),
    Command("clear_verdict", "Review", "Clear verdict", ("U",), "Take the verdict back", _RE),
    Command("undo", "Review", "Undo verdict", ("Ctrl+Z",), "Restore the verdict from before", _RE, icon="undo"),
    Command("redo", "Review", "Redo verdict", ("Ctrl+Shift+Z", "Ctrl+Y"), "Give the undone verdict again", _RE),
    Command("previous", "Review", "Previous", ("Left", "Up"), "Show the previous result", _RE),
    Command("next", "Review", "Next", ("Right", "Down"), "Show the next result", _RE),
    Command("compare", "Review", "Show original", ("Space",), "Blink between the result and the original", _RE, True),
    Command("mask", "Review", "Mask overlay", ("M",), "Tint what lies inside the mask", _RE, True, "mask"),
    Command("actual_size", "Review", "100 % or fit", ("Z",), "One picture pixel on one screen pixel, and back", _RE, icon="actual"),
    Command("fit", "Review", "Fit", ("F",), "Show the whole pictures", _RE, icon="fit"),
    Command("zoom_in", "Review", "Zoom in", ("+", "Ctrl++", "="), "Magnify the three views", _RE),
    Command("zoom_out", "Review", "Zoom out", ("-", "Ctrl+-"), "Reduce the three views", _RE),
    Command("note", "Review", "Write a note", ("N",), "Say why, for whoever retouches it", _RE),
    Command("export", "Export", "Export", ("Ctrl+E",), "Write the files", _EX, icon="export"),
    Command("stop_export", "Export", "Stop the export", ("Ctrl+.",), "Finish the file that is being written, then stop", _EX),
    Command("show_intake", "Go", "Intake", ("Ctrl+1",), "Drop photographs and pair them"),
    Command("show_queue", "Go", "Queue", ("Ctrl+2",), "Watch the batch run"),
    Command("show_review", "Go", "Review", ("Ctrl+3",), "Look, compare and decide"),
    Command("show_export", "Go", "Export", ("Ctrl+4",), "Write layered files for Photoshop"),
    Command("cheat_sheet", "Help", "Keyboard shortcuts", ("?", "F1", "Shift+?"), "Show every key"),
)  # fmt: skip


class Actions(QObject):
    """The table as `QAction` objects; the window switches each on where it makes sense."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._actions: dict[str, QAction] = {}
        for command in COMMANDS:
            action = QAction(command.text, parent)
            action.setObjectName(command.name)
            action.setShortcuts([QKeySequence(text) for text in command.shortcuts])
            action.setCheckable(command.checkable)
            keys = f" ({shortcut_text(command)})" if command.shortcuts else ""
            action.setToolTip(f"{command.tip}{keys}")
            if command.icon:
                action.setIcon(icon(command.icon))
                action.setIconVisibleInMenu(False)
            self._actions[command.name] = action

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def on(self, name: str, call: Callable[[], object]) -> None:
        """Have ``call()`` done when the command is given; a checkable command's state is read from its action."""
        self._actions[name].triggered.connect(lambda _checked=False: call())

    def by_menu(self) -> Iterator[tuple[str, list[tuple[Command, QAction]]]]:
        """Menus in the table's order, with their commands."""
        for menu in dict.fromkeys(command.menu for command in COMMANDS):
            yield menu, [(c, self._actions[c.name]) for c in COMMANDS if c.menu == menu]


def shortcut_text(command: Command) -> str:
    """The first shortcut as the platform writes it."""
    return QKeySequence(command.shortcuts[0]).toString(QKeySequence.SequenceFormat.NativeText)
