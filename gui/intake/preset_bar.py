"""The presets of the studio: chosen in a box, saved, renamed and deleted from the menu beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QInputDialog,
    QMenu,
    QMessageBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.services.presets import Preset, delete_preset, load_presets, save_preset, user_presets
from gui.context import WindowContext
from gui.look import theme
from gui.widgets.choice_box import Reason

_NONE = "No preset"


class PresetBar(QWidget):
    """Reads and writes the file in the background.

    Parameters
    ----------
    choices : callable
        What the panel shows now.
    """

    chosen = Signal(object)
    """The `Preset` that was chosen."""

    loaded = Signal()
    """The list of presets was read or has changed."""

    def __init__(self, context: WindowContext, choices: Callable[[], Preset], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._choices = context, choices
        self._presets: dict[str, Preset] = {}
        self._current = ""
        self.dialog: QInputDialog | None = None
        self.question: QMessageBox | None = None
        self.box = QComboBox()
        self.box.setAccessibleName("Preset")
        self.box.setToolTip("A brand's choices under a name")
        self.box.addItem(_NONE)
        self.menu = QToolButton()
        self.menu.setText("⋯")
        self.menu.setProperty("compact", True)
        self.menu.setToolTip("Save, rename or delete a preset")
        self.menu.setAccessibleName("Save, rename or delete a preset")
        self.menu.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        for name, call in (
            ("save_preset", self._ask_name),
            ("update_preset", self._update),
            ("rename_preset", self._ask_new_name),
            ("delete_preset", self._ask_delete),
        ):
            context.actions.on(name, call)
            menu.addAction(context.actions[name])
        self.menu.setMenu(menu)
        self._changed = Reason()
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        row.addWidget(self.box, 1)
        row.addWidget(self.menu)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.TIGHT)
        layout.addLayout(row)
        layout.addWidget(self._changed)
        self.box.activated.connect(self._on_activated)

    def load(self) -> None:
        """Read the presets, in the background."""
        self._then(lambda: None)

    @property
    def presets(self) -> Sequence[Preset]:
        return tuple(self._presets.values())

    def find(self, name: str) -> Preset | None:
        """The preset of that name, as it was read last."""
        return self._presets.get(name)

    @property
    def current(self) -> str:
        """The name of the preset that the choices began with; empty: none."""
        return self._current

    def set_current(self, name: str) -> None:
        """Show which preset the choices began with."""
        self._current = name
        self._show()

    def refresh(self) -> None:
        """Mark the preset where the choices have left it."""
        preset = self._presets.get(self._current)
        is_changed = preset is not None and self._choices() != preset
        self._changed.say("Changed since it was chosen." if is_changed else "")
        self._context.actions["update_preset"].setEnabled(is_changed)
        for name in ("rename_preset", "delete_preset"):
            self._context.actions[name].setEnabled(preset is not None)

    # -- inside -------------------------------------------------------------------------------------------------

    @property
    def _file(self) -> Path:
        return user_presets(self._context.services.catalog_path)

    def _then(self, write: Callable[[], None], current: str | None = None) -> None:
        """Write, and read what the file then holds."""
        file = self._file

        def work() -> Sequence[Preset]:
            write()
            return load_presets(file)

        def done(presets: Sequence[Preset]) -> None:
            self._presets = {preset.name: preset for preset in presets}
            self._current = self._current if current is None else current
            self._show()
            self.loaded.emit()

        self._context.bridge.run_in_background(work, done, self._context.report, in_order=True)

    def _show(self) -> None:
        self.box.clear()
        self.box.addItem(_NONE, "")
        for name in self._presets:
            self.box.addItem(name, name)
        self.box.setCurrentIndex(max(0, self.box.findData(self._current)))
        self.refresh()

    def _on_activated(self, row: int) -> None:
        self._current = self.box.itemData(row) or ""
        preset = self._presets.get(self._current)
        if preset is not None:
            self.chosen.emit(preset)
        self.refresh()

    def _update(self) -> None:
        preset, file = replace(self._choices(), name=self._current), self._file
        self._then(lambda: save_preset(file, preset))

    def _save(self, name: str) -> None:
        preset, file = replace(self._choices(), name=name.strip()), self._file
        self._then(lambda: save_preset(file, preset), preset.name)

    def _rename(self, name: str) -> None:
        old, file = self._current, self._file
        preset = replace(self._presets[old], name=name.strip())
        self._then(lambda: save_preset(file, preset, replaces=old), preset.name)

    def _ask_name(self) -> None:
        self._ask("Save these choices as a preset", self._current, self._save)

    def _ask_new_name(self) -> None:
        if self._current:
            self._ask(f"Rename the preset “{self._current}”", self._current, self._rename)

    def _ask(self, title: str, text: str, answered: Callable[[str], None]) -> None:
        dialog = QInputDialog(self)
        dialog.setObjectName("preset_name")
        dialog.setWindowTitle(title)
        dialog.setLabelText("Name, such as the brand's:")
        dialog.setTextValue(text)
        dialog.textValueSelected.connect(answered)
        dialog.finished.connect(dialog.deleteLater)
        self.dialog = dialog
        dialog.open()

    def _ask_delete(self) -> None:
        name, file = self._current, self._file
        if not name:
            return
        question = QMessageBox(
            QMessageBox.Icon.NoIcon, "Delete the preset", f"Delete the preset “{name}”?", parent=self
        )
        question.setInformativeText("Batches that were run with it stay as they are.")
        delete = question.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole)
        keep = question.addButton("Keep", QMessageBox.ButtonRole.RejectRole)
        delete.setObjectName("delete_for_good")
        question.setDefaultButton(keep)
        delete.clicked.connect(lambda: self._then(lambda: delete_preset(file, name), ""))
        question.finished.connect(question.deleteLater)
        self.question = question
        theme.give_room(question)
        question.open()
