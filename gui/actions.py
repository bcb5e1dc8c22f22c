"""Every command of the window with its text, shortcut and explanation, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QIcon, QKeySequence

from gui import shortcuts
from gui.look.icons import icon
from gui.look.palette import Ink


class PageName(StrEnum):
    """The pages: four in the order of the work, and what the work needs."""

    INTAKE = "intake"
    QUEUE = "queue"
    REVIEW = "review"
    EXPORT = "export"
    MODELS = "models"
    TRAINING = "training"
    SETTINGS = "settings"


class Mode(StrEnum):
    """What takes a page's place for a while, with keys of its own; the page's commands are switched off meanwhile."""

    MASK_EDITOR = "mask editor"


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table.

    Attributes
    ----------
    page : PageName, Mode or None
        The only page, or mode of one, in which the command can be given; None means everywhere.
    stays : tuple of Mode
        Modes of its page in which it can be given, too.
    """

    name: str
    menu: str
    text: str
    shortcuts: tuple[str, ...]
    tip: str
    page: PageName | Mode | None = None
    checkable: bool = False
    icon: str = ""
    stays: tuple[Mode, ...] = ()

    def meets(self, other: Command) -> bool:
        """Whether there is a place where both can be given, so that one key cannot give both."""
        if self.page is None or other.page is None:
            return True
        return not {self.page, *self.stays}.isdisjoint((other.page, *other.stays))


@dataclass(frozen=True, slots=True)
class FixedKeys:
    """Keys that a page or a mode needs for itself, and that no command can have there.

    Attributes
    ----------
    text : str
        What they do.
    shown : tuple of str
        How they are written on the sheet of keys.
    """

    keys: tuple[str, ...]
    page: PageName | Mode
    text: str
    shown: tuple[str, ...]

    def meets(self, command: Command) -> bool:
        """Whether the command can be given where these keys are needed."""
        return command.page is None or self.page in (command.page, *command.stays)


_IN, _QU, _RE, _EX, _MO = PageName.INTAKE, PageName.QUEUE, PageName.REVIEW, PageName.EXPORT, PageName.MODELS
_TR, _SE, _MASK = PageName.TRAINING, PageName.SETTINGS, Mode.MASK_EDITOR

# ruff: noqa: E501 - one row of the table is one line
COMMANDS = (
    Command("add_folder", "File", "Add folder…", ("Ctrl+O",), "Read every picture in a folder and below it", icon="folder"),
    Command("add_files", "File", "Add files…", ("Ctrl+Shift+O",), "Read single pictures or a pair list", icon="files"),
    Command("demo", "File", "Try the demo set", (), "Draw a small set of photographs and add it"),
    Command("quit", "File", "Quit", ("Ctrl+Q",), "Close the window"),
    Command("pair", "Intake", "Pair", ("Ctrl+P",), "Make the two chosen pictures a pair", _IN, icon="link"),
    Command("leave_out", "Intake", "Leave out or take in", ("Del",), "Do not process the chosen pairs, or process them after all", _IN),
    Command("clear_intake", "Intake", "Clear the list", (), "Forget what was dropped; no file is touched", _IN),
    Command("undo_intake", "Intake", "Undo", ("Ctrl+Z",), "Take back the last pairing, leaving out or clearing", _IN, icon="undo"),
    Command("redo_intake", "Intake", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "Do again what was taken back", _IN),
    Command("save_preset", "Intake", "Save as preset…", ("Ctrl+S",), "Keep the choices under a name", _IN),
    Command("update_preset", "Intake", "Save the preset's changes", (), "Keep the choices in the chosen preset", _IN),
    Command("rename_preset", "Intake", "Rename preset…", (), "Give the chosen preset another name", _IN),
    Command("delete_preset", "Intake", "Delete preset…", (), "Remove the chosen preset", _IN),
    Command("watch_folder", "Intake", "Watch a folder…", ("Ctrl+Shift+W",), "Take in what is put into a folder from now on", _IN, icon="plus"),
    Command("start", "Intake", "Start", ("Ctrl+Return", "Ctrl+Enter"), "Put the pairs into the queue", _IN, icon="play"),
    Command("pause", "Queue", "Pause", ("Ctrl+Space",), "Begin no further job; what runs is finished", checkable=True, icon="pause"),
    Command("cancel", "Queue", "Cancel selected", ("Del",), "Take the chosen jobs out of the queue, or stop them", _QU, icon="cancel"),
    Command("retry", "Queue", "Retry selected", ("Ctrl+R",), "Queue the chosen failed or cancelled jobs again", _QU, icon="retry"),
    Command("sooner", "Queue", "Run sooner", ("Ctrl+Up",), "Raise the priority of the chosen jobs", _QU, icon="up"),
    Command("later", "Queue", "Run later", ("Ctrl+Down",), "Lower the priority of the chosen jobs", _QU, icon="down"),
    Command("run_next", "Queue", "Run next", ("Ctrl+Shift+Up",), "Have the chosen jobs run before all others", _QU, icon="up"),
    Command("move_up", "Queue", "Move up", ("Alt+Up",), "Have the chosen jobs run one place earlier", _QU),
    Command("move_down", "Queue", "Move down", ("Alt+Down",), "Have the chosen jobs run one place later", _QU),
    Command("draw_mask", "Queue", "Draw its mask", ("B",), "Draw the mask that the chosen job did not find, and queue it again with it", _QU, icon="mask"),
    Command("copy_failure", "Queue", "Copy details", ("Ctrl+Shift+C",), "Copy why the chosen job failed, for whoever can help", _QU, icon="files"),
    Command("show_photograph", "Queue", "Show the photograph's folder", (), "Open the folder that the chosen photograph lies in", _QU, icon="folder"),
    Command("approve", "Review", "Approve", ("P",), "The result may leave the house", _RE, icon="check"),
    Command("reject", "Review", "Reject", ("X",), "The result is not good enough; then say why, and have it tried again", _RE, icon="cancel"),
    Command("clear_verdict", "Review", "Clear verdict", ("U",), "Take the verdict back", _RE),
    Command("undo", "Review", "Undo verdict", ("Ctrl+Z",), "Restore the verdict from before", _RE, icon="undo"),
    Command("redo", "Review", "Redo verdict", ("Ctrl+Shift+Z", "Ctrl+Y"), "Give the undone verdict again", _RE),
    Command("previous", "Review", "Previous", ("Left", "Up"), "Show the previous result", _RE),
    Command("next", "Review", "Next", ("Right", "Down"), "Show the next result", _RE),
    Command("reject_color", "Review", "Reject: colour", ("Shift+C",), "Its colour is wrong: reject it, and have it matched another way", _RE),
    Command("reject_mask", "Review", "Reject: mask", ("Shift+M",), "Its mask is wrong: reject it, and have it masked another way", _RE),
    Command("reject_drift", "Review", "Reject: drift", ("Shift+D",), "Something sits beside where it belongs: reject it, and have it made another way", _RE),
    Command("reject_other", "Review", "Reject: other", ("Shift+O",), "Reject it for something else, and have it made another way", _RE),
    Command("rate_0", "Review", "No stars", ("0",), "Take the stars away", _RE),
    Command("rate_1", "Review", "1 star", ("1",), "Rate the result; its verdict stays", _RE),
    Command("rate_2", "Review", "2 stars", ("2",), "Rate the result; its verdict stays", _RE),
    Command("rate_3", "Review", "3 stars", ("3",), "Rate the result; its verdict stays", _RE),
    Command("rate_4", "Review", "4 stars", ("4",), "Rate the result; its verdict stays", _RE),
    Command("rate_5", "Review", "5 stars", ("5",), "Rate the result; its verdict stays", _RE),
    Command("auto_advance", "Review", "Go on after a verdict", ("A",), "Show the next result after each verdict", _RE, True),
    Command("newer_version", "Review", "Newer version", ("Shift+PgUp",), "Look at the next newer version of the result", _RE),
    Command("older_version", "Review", "Older version", ("Shift+PgDown",), "Look at the next older version of the result", _RE),
    Command("training_pair", "Review", "Use as training pair", ("T",), "Mark the result for the training of masks, or take the mark away", _RE, True),
    Command("note", "Review", "Write a note", ("N",), "Say why, for whoever retouches it", _RE),
    Command("edit", "Review", "Edit…", ("E",), "Have FLUX.1 Kontext repaint a part of the photograph, or add a turn to an edit", _RE),
    Command("open_in_editor", "Review", "Open in editor", ("Ctrl+E",), "Open the layered documents of the chosen results in Photoshop, or in the program that the settings name; they are written first where need be", _RE),
    Command("compare", "View", "Show original", ("\\", "Space"), "Blink between the result and the original; held, until the key is let go", _RE, True),
    Command("wipe", "View", "Wipe", ("W",), "Original and result in one picture, with a divider to drag", _RE, True),
    Command("wipe_left", "View", "Divider to the left", ("Alt+Left",), "Move the divider to show more of the result", _RE),
    Command("wipe_right", "View", "Divider to the right", ("Alt+Right",), "Move the divider to show more of the original", _RE),
    Command("split", "View", "Split", ("Shift+Y",), "Three pictures side by side, two, or the result alone", _RE),
    Command("mask", "View", "Mask overlay", ("M",), "Tint what lies inside the mask", _RE, True, "mask"),
    Command("heat_map", "View", "ΔE map", ("D",), "Show where, and by how much, the result differs from the original", _RE, True),
    Command("disagreement", "View", "Disagreement", ("Ctrl+D",), "Show where a mask that was made several times came out differently", _RE, True),
    Command("loupe", "View", "Loupe", ("L",), "Magnify what is under the pointer in every picture; held, until the key is let go; the wheel goes to 400 %", _RE, True),
    Command("eyedropper", "View", "Eyedropper", ("I",), "Read L*a*b* under the pointer; a click pins a point to measure from", _RE, True),
    Command("unpin", "View", "Remove the pin", ("Esc",), "Forget the pinned point", _RE),
    Command("actual_size", "View", "100 % or fit", ("Z",), "One picture pixel on one screen pixel, and back", _RE, icon="actual", stays=(_MASK,)),
    Command("fit", "View", "Fit", ("F",), "Show the whole pictures", _RE, icon="fit", stays=(_MASK,)),
    Command("zoom_in", "View", "Zoom in", ("+", "Ctrl++", "="), "Magnify the three views", _RE, stays=(_MASK,)),
    Command("zoom_out", "View", "Zoom out", ("-", "Ctrl+-"), "Reduce the three views", _RE, stays=(_MASK,)),
    Command("soft_proof", "View", "Soft proof sRGB", ("S",), "Show the pictures as they look once they are sRGB", _RE, True),
    Command("display_profile", "View", "Display profile…", (), "Choose the ICC profile of this screen", _RE),
    Command("forget_display_profile", "View", "Forget the display profile", (), "Take the desktop's profile for this screen again, or none", _RE),
    Command("surround_lighter", "View", "Lighter surround", ("Alt+Up",), "Lighten the grey around the pictures by one stop", _RE),
    Command("surround_darker", "View", "Darker surround", ("Alt+Down",), "Darken the grey around the pictures by one stop", _RE),
    Command("grid", "Review", "Grid or viewer", ("G",), "Every result as a small picture, to sort out many at once; or one large", _RE, True, "grid"),
    Command("select_all", "Review", "Select all", ("Ctrl+A",), "Choose every result of the grid", _RE),
    Command("accept_under", "Review", "Accept all under a tolerance…", ("Ctrl+Shift+P",), "Approve every undecided result that passes, after showing how many", _RE),
    Command("edit_mask", "Mask", "Edit the mask", ("B",), "Correct the mask by hand; what is kept is matched as a new version", _RE, icon="mask"),
    Command("mask_brush", "Mask", "Brush", ("B",), "Paint what belongs to the mask", _MASK, True),
    Command("mask_eraser", "Mask", "Eraser", ("E",), "Paint out what does not", _MASK, True),
    Command("mask_lasso", "Mask", "Lasso", ("L",), "Draw around an area, or click its corners; a double click closes it", _MASK, True),
    Command("mask_fill", "Mask", "Fill", ("G",), "Click on a colour: everything like it that hangs together", _MASK, True),
    Command("mask_edge", "Mask", "Edge brush", ("R",), "Brush along an edge of the mask: it moves to the photograph's", _MASK, True),
    Command("mask_swap", "Mask", "Add or take away", ("X",), "Let the tool do the opposite", _MASK),
    Command("mask_smaller", "Mask", "Smaller brush", ("[",), "Reduce the brush by a fifth", _MASK),
    Command("mask_larger", "Mask", "Larger brush", ("]",), "Enlarge the brush by a quarter", _MASK),
    Command("mask_softer", "Mask", "Softer brush", ("Shift+[", "{"), "Reduce the hardness by 10 %", _MASK),
    Command("mask_harder", "Mask", "Harder brush", ("Shift+]", "}"), "Raise the hardness by 10 %", _MASK),
    Command("mask_undo", "Mask", "Undo", ("Ctrl+Z",), "Take the last change of the mask back", _MASK),
    Command("mask_redo", "Mask", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "Give the undone change again", _MASK),
    Command("mask_grow", "Mask", "Grow", (), "Move the whole edge outwards", _MASK),
    Command("mask_shrink", "Mask", "Shrink", (), "Move the whole edge inwards", _MASK),
    Command("mask_feather", "Mask", "Feather", (), "Soften the whole edge", _MASK),
    Command("mask_find_edges", "Mask", "Smart edge", ("Ctrl+Alt+R",), "Move the whole edge to the photograph's", _MASK),
    Command("mask_invert", "Mask", "Invert", ("Ctrl+I",), "Inside becomes outside", _MASK),
    Command("mask_clear", "Mask", "Clear", ("Ctrl+Backspace",), "Leave everything out, to begin anew", _MASK),
    Command("mask_everything", "Mask", "Fill all", (), "Take everything in", _MASK),
    Command("mask_view", "Mask", "Tint, outline or mask only", ("M",), "Show the mask in the next way", _MASK),
    Command("mask_keep", "Mask", "Keep as a new version", ("Return", "Enter"), "Queue a new version with this mask", _MASK),
    Command("mask_leave", "Mask", "Leave the mask editor", ("Esc",), "Go back to the review; asks where the mask was changed", _MASK),
    Command("export", "Export", "Export", ("Ctrl+E",), "Write the files", _EX, icon="export"),
    Command("stop_export", "Export", "Stop the export", ("Ctrl+.",), "Finish the file that is being written, then stop", _EX),
    Command("take_back", "Export", "Take back files…", ("Ctrl+T",), "Choose files that a retoucher has saved: what changed in them becomes new versions", _EX),
    Command("take_returned", "Export", "Take the retoucher's", ("T",), "The chosen file becomes the newest version; the others stay in the history", _EX, icon="check"),
    Command("keep_returned", "Export", "Keep ours", ("K",), "Leave the results as they are; the file stays as it is, too", _EX),
    Command("undo_returned", "Export", "Undo the decision", ("Ctrl+Z",), "Take back what was decided about the chosen file", _EX, icon="undo"),
    Command("photoshop_script", "Export", "Show the Photoshop script", (), "Open the folder with the script that goes through an export in Photoshop, and how to install it", _EX, icon="folder"),
    Command("download_model", "Models", "Download…", (), "Show the licence of FLUX.1 Kontext, then get what is missing of it", _MO, icon="download"),
    Command("stop_download", "Models", "Stop the download", ("Ctrl+.",), "What has arrived is kept, and continued next time", _MO, icon="cancel"),
    Command("choose_model", "Models", "Use another file…", (), "Run FLUX.1 Kontext from a .safetensors or .gguf file, or another folder", _MO),
    Command("default_model", "Models", "Use the models folder's", (), "Run FLUX.1 Kontext from the models folder again", _MO),
    Command("add_lora", "Models", "Add LoRA…", ("Ctrl+L",), "Check a .safetensors file and register it", icon="plus"),
    Command("remove_lora", "Models", "Remove LoRA…", ("Del",), "Take the chosen LoRA out of your registry; its file stays", _MO),
    Command("open_models_folder", "Models", "Open the models folder", (), "Show where models and LoRAs lie", icon="folder"),
    Command("look_again", "Models", "Look again", ("F5",), "Read the models folder and the graphics card again", _MO, icon="retry"),
    Command("new_set", "Training", "New data set…", ("Ctrl+N",), "Build a data set of approved or marked results, or of folders", _TR, icon="plus"),
    Command("stop_build", "Training", "Stop the build", (), "End the build of the data set; nothing is kept of it", _TR, icon="cancel"),
    Command("check_set", "Training", "Check again", ("Ctrl+K",), "Look the chosen data set through before it is trained on", _TR, icon="check"),
    Command("open_set", "Training", "Open folder", ("Ctrl+Shift+F",), "Show the chosen data set's folder", _TR, icon="folder"),
    Command("train", "Training", "Start training", ("Ctrl+Return", "Ctrl+Enter"), "Train a LoRA on the chosen data set", _TR, icon="play"),
    Command("pause_training", "Training", "Pause the training", ("Ctrl+Shift+P",), "Leave after the step that it is at, with a checkpoint", _TR, icon="pause"),
    Command("go_on_training", "Training", "Go on", ("Ctrl+G",), "Go on with the shown run from its last checkpoint", _TR, icon="play"),
    Command("stop_training", "Training", "Stop at once", ("Ctrl+.",), "End the process now; what was learnt since the last checkpoint is learnt again", _TR, icon="cancel"),
    Command("register_run", "Training", "Register as LoRA…", ("Ctrl+R",), "Enter what the shown run made in your registry", _TR, icon="check"),
    Command("run_figures", "Training", "Figures…", ("Ctrl+M",), "Measure every checkpoint of the shown run on the held-out pairs", _TR, icon="grid"),
    Command("open_run", "Training", "Open the run's folder", (), "Show the shown run's files: its curve, samples and checkpoints", _TR, icon="folder"),
    Command("training_model", "Training", "Use another model…", (), "Train on a model in another folder", _TR),
    Command("usual_training_model", "Training", "Use the usual model", (), "Train on the model that jobs use", _TR),
    Command("training_folder", "Training", "Another folder…", (), "Choose where data sets and runs lie", _TR),
    Command("read_training", "Training", "Look again", ("F5",), "Read the training folder and the model again", _TR, icon="retry"),
    Command("change_shortcut", "Settings", "Change shortcut…", (), "Press the key that shall give the chosen command", _SE),
    Command("reset_shortcut", "Settings", "Reset shortcut", (), "Give the chosen command the keys that it had from the start", _SE, icon="undo"),
    Command("reset_shortcuts", "Settings", "Reset all shortcuts…", (), "Give every command the keys that it had from the start", _SE),
    Command("backup_catalog", "Settings", "Back up the catalog", (), "Write a copy of the catalog beside it; pictures are not copied", _SE),
    Command("check_catalog", "Settings", "Check the catalog", (), "Look for damage in the catalog and its references", _SE),
    Command("clear_thumbnails", "Settings", "Clear the thumbnails", (), "Remove every stored thumbnail; they are made again when they are needed", _SE),
    Command("show_intake", "Go", "Intake", ("Ctrl+1",), "Drop photographs and pair them"),
    Command("show_queue", "Go", "Queue", ("Ctrl+2",), "Watch the batch run"),
    Command("show_review", "Go", "Review", ("Ctrl+3",), "Look, compare and decide"),
    Command("show_export", "Go", "Export", ("Ctrl+4",), "Write layered files for Photoshop"),
    Command("show_models", "Go", "Models", ("Ctrl+5",), "See what is installed, and add LoRAs"),
    Command("show_training", "Go", "Training", ("Ctrl+6",), "Build data sets, train LoRAs of your own, and register them"),
    Command("show_settings", "Go", "Settings", ("Ctrl+7", "Ctrl+,"), "Choose how the window looks and works"),
    Command("cheat_sheet", "Help", "Keyboard shortcuts", ("?", "F1", "Shift+?"), "Show every key"),
)  # fmt: skip


OPACITY_KEYS = tuple("0123456789")
"""1 to 9 for 10 to 90 %, 0 for 100 %, as in Photoshop."""

FIXED_KEYS = (
    FixedKeys(OPACITY_KEYS, _MASK, "Opacity of 10 to 90 %, and 100 %", ("1–9", "0")),
    FixedKeys(("Space",), _MASK, "Move the picture; held", ("Space",)),
)


def icon_of(action: QAction, ink: Ink) -> QIcon:
    """The icon of a command's action in another ink, for grounds that text does not stand on; empty where it has none."""
    name = next((command.icon for command in COMMANDS if command.name == action.objectName()), "")
    return icon(name, ink) if name else QIcon()


def fixed_keys(command: Command, key: str) -> FixedKeys | None:
    """What a key does, unchangeably, where the command can be given; None where the command can have it."""
    return next((fixed for fixed in FIXED_KEYS if key in fixed.keys and fixed.meets(command)), None)


class Actions(QObject):
    """The table as `QAction` objects with the operator's keys; the window switches each on where it makes sense."""

    keys_changed = Signal()
    """Some command has other keys; its action says which already, and so does its tool tip."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._actions: dict[str, QAction] = {}
        self._calls: dict[str, list[Callable[[], object]]] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        for command in COMMANDS:
            action = QAction(command.text, parent)
            action.setObjectName(command.name)
            action.setCheckable(command.checkable)
            # A mode is begun from its page: until then its keys are the page's.
            action.setEnabled(not isinstance(command.page, Mode))
            # A held key must not flicker between on and off at the keyboard's repeat rate.
            action.setAutoRepeat(not command.checkable)
            if command.icon:
                action.setIcon(icon(command.icon))
                action.setIconVisibleInMenu(False)
            self._actions[command.name] = action
            kept = shortcuts.chosen(command.name, command.shortcuts)
            self._show_keys(command, tuple(key for key in kept if fixed_keys(command, key) is None))

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def on(self, name: str, call: Callable[[], object]) -> None:
        """Have ``call()`` done when the command is given; a checkable command's state is read from its action.

        One of the calls may build a page that adds its own, which is then done as well.
        """
        if name not in self._calls:
            calls = self._calls[name] = []
            self._actions[name].triggered.connect(lambda _checked=False: _do_all(calls))
        self._calls[name].append(call)

    def by_menu(self) -> Iterator[tuple[str, list[tuple[Command, QAction]]]]:
        """Menus in the table's order, with their commands."""
        for menu in dict.fromkeys(command.menu for command in COMMANDS):
            yield menu, [(c, self._actions[c.name]) for c in COMMANDS if c.menu == menu]

    # -- keys ---------------------------------------------------------------------------------------------------

    def keys(self, command: Command) -> tuple[str, ...]:
        """The command's keys now, as Qt's portable text."""
        return self._keys[command.name]

    def rivals(self, command: Command, key: str) -> list[Command]:
        """The other commands that the key gives where this one can be given too."""
        return [
            other
            for other in COMMANDS
            if other is not command and command.meets(other) and key in self._keys[other.name]
        ]

    def set_keys(self, command: Command, keys: Sequence[str]) -> None:
        """Give a command these keys from now on, and take them from its rivals; remembered."""
        for key in keys:
            for rival in self.rivals(command, key):
                self._keep(rival, tuple(other for other in self._keys[rival.name] if other != key))
        self._keep(command, tuple(keys))
        self.keys_changed.emit()

    @property
    def has_changed_keys(self) -> bool:
        """Whether any command has other keys than the table's."""
        return any(self._keys[command.name] != command.shortcuts for command in COMMANDS)

    def reset_keys(self) -> None:
        """Give every command the keys of the table again."""
        for command in COMMANDS:
            self._keep(command, command.shortcuts)
        self.keys_changed.emit()

    def _keep(self, command: Command, keys: tuple[str, ...]) -> None:
        shortcuts.keep(command.name, keys, command.shortcuts)
        self._show_keys(command, keys)

    def _show_keys(self, command: Command, keys: tuple[str, ...]) -> None:
        self._keys[command.name] = keys
        action = self._actions[command.name]
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.setToolTip(f"{command.tip} ({shortcuts.written(keys[0])})" if keys else command.tip)


def _do_all(calls: Sequence[Callable[[], object]]) -> None:
    for call in calls:  # a list that grows meanwhile is gone through to its new end
        call()
