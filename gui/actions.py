"""Every command of the window with its text, shortcut and explanation, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence

from gui.icons import icon


class PageName(StrEnum):
    """The pages: four in the order of the work, and what the work needs."""

    INTAKE = "intake"
    QUEUE = "queue"
    REVIEW = "review"
    EXPORT = "export"
    MODELS = "models"


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


_IN, _QU, _RE, _EX, _MO = PageName.INTAKE, PageName.QUEUE, PageName.REVIEW, PageName.EXPORT, PageName.MODELS

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
    Command("note", "Review", "Write a note", ("N",), "Say why, for whoever retouches it", _RE),
    Command("compare", "View", "Show original", ("\\", "Space"), "Blink between the result and the original; held, until the key is let go", _RE, True),
    Command("wipe", "View", "Wipe", ("W",), "Original and result in one picture, with a divider to drag", _RE, True),
    Command("wipe_left", "View", "Divider to the left", ("Alt+Left",), "Move the divider to show more of the result", _RE),
    Command("wipe_right", "View", "Divider to the right", ("Alt+Right",), "Move the divider to show more of the original", _RE),
    Command("split", "View", "Split", ("Shift+Y",), "Three pictures side by side, two, or the result alone", _RE),
    Command("mask", "View", "Mask overlay", ("M",), "Tint what lies inside the mask", _RE, True, "mask"),
    Command("heat_map", "View", "ΔE map", ("D",), "Show where, and by how much, the result differs from the original", _RE, True),
    Command("eyedropper", "View", "Eyedropper", ("I",), "Read L*a*b* under the pointer; a click pins a point to measure from", _RE, True),
    Command("unpin", "View", "Remove the pin", ("Esc",), "Forget the pinned point", _RE),
    Command("actual_size", "View", "100 % or fit", ("Z",), "One picture pixel on one screen pixel, and back", _RE, icon="actual"),
    Command("fit", "View", "Fit", ("F",), "Show the whole pictures", _RE, icon="fit"),
    Command("zoom_in", "View", "Zoom in", ("+", "Ctrl++", "="), "Magnify the three views", _RE),
    Command("zoom_out", "View", "Zoom out", ("-", "Ctrl+-"), "Reduce the three views", _RE),
    Command("soft_proof", "View", "Soft proof sRGB", ("S",), "Show the pictures as they look once they are sRGB", _RE, True),
    Command("display_profile", "View", "Display profile…", (), "Choose the ICC profile of this screen", _RE),
    Command("forget_display_profile", "View", "Forget the display profile", (), "Take the desktop's profile for this screen again, or none", _RE),
    Command("surround_lighter", "View", "Lighter surround", ("Alt+Up",), "Lighten the grey around the pictures by one stop", _RE),
    Command("surround_darker", "View", "Darker surround", ("Alt+Down",), "Darken the grey around the pictures by one stop", _RE),
    Command("grid", "Review", "Grid or viewer", ("G",), "Every result as a small picture, to sort out many at once; or one large", _RE, True, "grid"),
    Command("select_all", "Review", "Select all", ("Ctrl+A",), "Choose every result of the grid", _RE),
    Command("accept_under", "Review", "Accept all under a tolerance…", ("Ctrl+Shift+P",), "Approve every undecided result that passes, after showing how many", _RE),
    Command("export", "Export", "Export", ("Ctrl+E",), "Write the files", _EX, icon="export"),
    Command("stop_export", "Export", "Stop the export", ("Ctrl+.",), "Finish the file that is being written, then stop", _EX),
    Command("download_model", "Models", "Download…", (), "Show the licence of FLUX.1 Kontext, then get what is missing of it", _MO, icon="download"),
    Command("stop_download", "Models", "Stop the download", ("Ctrl+.",), "What has arrived is kept, and continued next time", _MO, icon="cancel"),
    Command("choose_model", "Models", "Use another file…", (), "Run FLUX.1 Kontext from a .safetensors or .gguf file, or another folder", _MO),
    Command("default_model", "Models", "Use the models folder's", (), "Run FLUX.1 Kontext from the models folder again", _MO),
    Command("add_lora", "Models", "Add LoRA…", ("Ctrl+L",), "Check a .safetensors file and register it", icon="plus"),
    Command("remove_lora", "Models", "Remove LoRA…", ("Delete",), "Take the chosen LoRA out of your registry; its file stays", _MO),
    Command("open_models_folder", "Models", "Open the models folder", (), "Show where models and LoRAs lie", icon="folder"),
    Command("look_again", "Models", "Look again", ("F5",), "Read the models folder and the graphics card again", _MO, icon="retry"),
    Command("show_intake", "Go", "Intake", ("Ctrl+1",), "Drop photographs and pair them"),
    Command("show_queue", "Go", "Queue", ("Ctrl+2",), "Watch the batch run"),
    Command("show_review", "Go", "Review", ("Ctrl+3",), "Look, compare and decide"),
    Command("show_export", "Go", "Export", ("Ctrl+4",), "Write layered files for Photoshop"),
    Command("show_models", "Go", "Models", ("Ctrl+5",), "See what is installed, and add LoRAs"),
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
            # A held key must not flicker between on and off at the keyboard's repeat rate.
            action.setAutoRepeat(not command.checkable)
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
