"""The watch folders: what arrives in them is taken in by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.services.given_files import GivenFiles, given_file
from engine.services.intake import IntakeProblem
from engine.services.watch_folders import FolderWatcher, Look, WatchFolder
from engine.services.watch_settings import load_watch_folders, save_watch_folders, user_watch_folders
from gui.context import WindowContext
from gui.look import theme
from gui.look.icons import icon
from gui.look.palette import Ink
from gui.phrases import at_home, count
from gui.widgets.drop_zone import button_for
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.number_box import NumberBox

_SAVE_MS = 400  # a spin box that is held does not write the file at every step
_CHOICES = "As chosen here"


@dataclass(frozen=True, slots=True)
class _Loaded:
    folders: Sequence[WatchFolder]
    given: GivenFiles


class WatchRow(QWidget):
    """One folder: what happens in it, and its settings."""

    changed = Signal()
    removed = Signal()

    def __init__(self, folder: WatchFolder, presets: Mapping[str, bool], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self._needs_flatlays: Mapping[str, bool] = {}
        self.dot = QLabel()
        self.dot.setFixedSize(8, 8)
        self.name = ElidedLabel()
        self.name.show_text(at_home(folder.path.as_posix()))
        self.status = ElidedLabel("caption")
        self.settle = NumberBox(0, 3600)
        self.settle.setSuffix(" s")
        self.settle.setValue(folder.settle)
        self.settle.setFixedWidth(84)
        self.settle.setToolTip("How long a file must stay as it is before it is read")
        self.settle.setAccessibleName("Settle time in seconds")
        self.starts = QCheckBox("Start at once")
        self.starts.setChecked(folder.starts)
        self.starts.setToolTip("Put pairs into the queue as soon as both halves have arrived; off: only list them here")
        self.preset = QComboBox()
        self.preset.setFixedWidth(150)
        self.preset.setToolTip("What its pairs are run with")
        self.preset.setAccessibleName("Preset of the folder")
        self.set_presets(presets)
        remove = QToolButton()
        remove.setObjectName("remove_watch_folder")
        remove.setProperty("quiet", True)
        remove.setIcon(icon("cancel", "text_quiet"))
        remove.setToolTip("Watch this folder no longer; nothing in it is touched")
        remove.setAccessibleName("Watch this folder no longer")
        remove.clicked.connect(self.removed)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.SMALL)
        grid.setVerticalSpacing(2)
        grid.addWidget(self.dot, 0, 0)
        grid.addWidget(self.name, 0, 1)
        grid.addWidget(self.status, 1, 1)
        for column, widget in enumerate((self.settle, self.starts, self.preset, remove), start=2):
            grid.addWidget(widget, 0, column, 2, 1, Qt.AlignmentFlag.AlignVCenter)
        grid.setColumnStretch(1, 1)
        self._follow_starts()
        self.settle.valueChanged.connect(self.changed)
        self.starts.toggled.connect(self._follow_starts)
        self.starts.toggled.connect(self.changed)
        self.preset.activated.connect(self.changed)
        self.see(None)

    @property
    def folder(self) -> WatchFolder:
        """The folder with the settings as they are shown."""
        preset, starts = str(self.preset.currentData() or ""), self.starts.isChecked()
        # Pictures that are only listed wait for nothing: it would be a change of the folder for no reason.
        waits = not starts or self._needs_flatlays.get(preset, True)
        return WatchFolder(self._folder.path, self.settle.value(), preset, starts, waits)

    def set_presets(self, presets: Mapping[str, bool]) -> None:
        """Offer these presets; one that is gone stays to be seen.

        Parameters
        ----------
        presets : mapping of str to bool
            Name -> whether its work needs flatlays; the empty name is what is chosen on the page.
        """
        self._needs_flatlays, names = presets, [name for name in presets if name]
        wanted = str(self.preset.currentData() or "") if self.preset.count() else self._folder.preset
        self.preset.clear()
        self.preset.addItem(_CHOICES, "")
        for name in [*names, *([wanted] if wanted and wanted not in names else [])]:
            self.preset.addItem(name, name)
        self.preset.setCurrentIndex(max(0, self.preset.findData(wanted)))

    def see(self, look: Look | None) -> None:
        """Say what the last look saw; None: there was none yet."""
        if look is None:
            self._say("text_faint", "Looking…")
        elif look.problem:
            text = f"Not within reach: {look.problem}."
            self._say("warn", text, f"{text} It is watched again as soon as it is back.")
        else:
            parts = [count(look.pictures, "picture") if look.pictures else "Nothing there yet"]
            if look.settling:
                parts.append(f"{look.settling:,} arriving")
            if look.waiting:
                parts.append(f"{len(look.waiting):,} without the other half")
            self._say("accent" if look.settling else "pass_", " · ".join(parts), _reasons(look.waiting))

    def _say(self, ink: Ink, text: str, tip: str = "") -> None:
        theme.set_dot(self.dot, ink)
        self.status.show_text(text)
        self.status.setToolTip(tip or text)

    def _follow_starts(self) -> None:
        self.preset.setEnabled(self.starts.isChecked())


def _reasons(waiting: Sequence[IntakeProblem]) -> str:
    lines = [f"{problem.path.name}: {problem.what}" for problem in waiting[:12]]
    return "\n".join([*lines, f"… and {len(waiting) - 12} more"] if len(waiting) > 12 else lines)


class WatchPanel(QFrame):
    """The list of watch folders; it watches as long as the window lives. GUI thread only."""

    arrived = Signal(object)
    """An `engine.services.watch_folders.Arrival`."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._given: GivenFiles | None = None
        self._watcher: FolderWatcher | None = None
        self._presets: Mapping[str, bool] = {}
        self.rows: dict[Path, WatchRow] = {}
        self.setProperty("panel", True)
        self._empty = theme.label("What is put into a watched folder is taken in by itself.", "caption")
        self._save = QTimer(self)
        self._save.setSingleShot(True)
        self._save.setInterval(_SAVE_MS)
        self._save.timeout.connect(self._write)
        context.actions.on("watch_folder", self._choose)
        self._build_layout()

    def load(self) -> None:
        """Read which folders are watched, in the background, and begin."""
        catalog = self._context.services.catalog_path

        def read() -> _Loaded:
            return _Loaded(load_watch_folders(user_watch_folders(catalog)), GivenFiles(given_file(catalog)))

        self._context.bridge.run_in_background(read, self._begin, self._context.report)

    def add(self, path: Path) -> None:
        """Watch another folder."""
        if path in self.rows:
            self._context.remark(f"{path.name} is watched already.")
            return
        self._add_row(WatchFolder(path))
        self._apply()

    def confirm(self, files: dict[Path, tuple[int, int]]) -> None:
        """Note, for later sessions too, that these were taken in."""
        given = self._given
        if given is not None and files:
            self._context.bridge.run_in_background(
                lambda: given.add(files), lambda _: None, self._context.report, in_order=True
            )

    def set_presets(self, presets: Mapping[str, bool]) -> None:
        """Offer these presets to every folder, see `WatchRow.set_presets`."""
        if presets == self._presets:
            return
        self._presets = dict(presets)
        for row in self.rows.values():
            row.set_presets(self._presets)
        if self._watcher is not None:
            self._watcher.watch(self.folders())

    def folders(self) -> tuple[WatchFolder, ...]:
        """The folders with their settings."""
        return tuple(row.folder for row in self.rows.values())

    def stop(self) -> None:
        """Watch nothing any more."""
        if self._save.isActive():
            self._save.stop()
            self._write()
        if self._watcher is not None:
            self._watcher.stop()

    # -- inside -------------------------------------------------------------------------------------------------

    def _begin(self, loaded: _Loaded) -> None:
        services, bridge = self._context.services, self._context.bridge
        self._given = loaded.given
        self._watcher = FolderWatcher(
            loaded.given, lambda look: bridge.call(self._see, look), leave_out=[services.default_export_folder]
        )
        for folder in loaded.folders:
            if folder.path not in self.rows:
                self._add_row(folder)
        self._watcher.watch(self.folders())

    def _see(self, look: Look) -> None:
        row = self.rows.get(look.folder.path)
        if row is None or row.folder != look.folder:
            return  # its settings have changed while it looked
        row.see(look)
        if look.arrival is not None:
            self.arrived.emit(look.arrival)

    def _choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Watch a folder")
        if folder:
            self.add(Path(folder))

    def _add_row(self, folder: WatchFolder) -> None:
        row = WatchRow(folder, self._presets)
        row.changed.connect(self._apply)
        row.removed.connect(lambda: self._remove(folder.path))
        self.rows[folder.path] = row
        self._list.addWidget(row)
        self._show()

    def _remove(self, path: Path) -> None:
        row = self.rows.pop(path)
        self._list.removeWidget(row)
        row.deleteLater()
        given = self._given
        if given is not None:
            self._context.bridge.run_in_background(
                lambda: given.forget(path), lambda _: None, self._context.report, in_order=True
            )
        self._show()
        self._apply()

    def _apply(self) -> None:
        self._save.start()
        for row in self.rows.values():
            row.see(None)
        if self._watcher is not None:
            self._watcher.watch(self.folders())

    def _write(self) -> None:
        file, folders = user_watch_folders(self._context.services.catalog_path), self.folders()
        self._context.bridge.run_in_background(
            lambda: save_watch_folders(file, folders), lambda _: None, self._context.report, in_order=True
        )

    def _show(self) -> None:
        self._empty.setVisible(not self.rows)
        self._scroll.setVisible(bool(self.rows))
        # Three rows at most: the pairs are what the page is for.
        self._scroll.setFixedHeight(min(len(self.rows), 3) * 44)

    def _build_layout(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.MEDIUM)
        head.addWidget(theme.label("Watch folders", "heading"))
        head.addWidget(self._empty)
        head.addStretch()
        head.addWidget(button_for(self._context.actions["watch_folder"]))
        content = QWidget()
        self._list = QVBoxLayout(content)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(theme.SMALL)
        self._scroll = QScrollArea()
        self._scroll.setWidget(content)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.SMALL, theme.LARGE, theme.SMALL)
        layout.setSpacing(theme.SMALL)
        layout.addLayout(head)
        layout.addWidget(self._scroll)
        self._show()
