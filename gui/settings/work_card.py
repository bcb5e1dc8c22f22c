"""Who reviews, where exports go, and how many jobs run at once."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QLineEdit, QPushButton, QWidget

from engine.dispatch.dispatcher import suggested_workers
from engine.services.review import current_reviewer
from gui import preferences
from gui.context import WindowContext
from gui.phrases import at_home
from gui.settings.card import SettingsCard


class WorkCard(SettingsCard):
    """What is chosen holds from the next verdict, export and job on."""

    export_folder_changed = Signal(object)
    """The `Path` that the export page shall propose."""

    takes_back_changed = Signal(bool)
    """Whether what is saved in the export folder shall be taken back."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__("Work", parent)
        self._context = context
        self.reviewer = QLineEdit(preferences.chosen_reviewer())
        self.reviewer.setPlaceholderText(current_reviewer())
        self.reviewer.setToolTip("Kept with every verdict and correction; empty is the name of this computer's account")
        self.add_choice("Reviewer's name", self.reviewer)
        self.folder = QLineEdit(at_home(str(self._folder())))
        self.folder.setToolTip("Proposed on the Export page")
        self.choose = QPushButton("Choose…")
        self.choose.setAccessibleName("Choose the export folder")
        self.add_choice("Export into", self.folder, (self.choose,))
        self.editor = QLineEdit(at_home(preferences.editor()))
        self.editor.setPlaceholderText("The desktop's choice")
        self.editor.setToolTip("A program, or a command with options; Open in editor adds the files to it")
        self.choose_editor = QPushButton("Choose…")
        self.choose_editor.setAccessibleName("Choose the program that opens documents")
        self.add_choice("Opens documents", self.editor, (self.choose_editor,))
        self.takes_back = QCheckBox("Take back what is saved there")
        self.takes_back.setChecked(preferences.takes_back())
        self.takes_back.setToolTip("Masks and paint that a retoucher saves in an exported file become new versions")
        self.add_choice("From Photoshop", self.takes_back)
        self.workers = QComboBox()
        cores = os.cpu_count() or 1
        self.workers.addItem(f"Automatic ({suggested_workers(cores)} on this computer)", 0)
        for number in range(1, preferences.MOST_WORKERS + 1):
            self.workers.addItem(str(number), number)
        self.workers.setCurrentIndex(max(0, self.workers.findData(preferences.workers())))
        self.workers.setToolTip("Jobs that need the graphics card's networks run one after the other all the same")
        self.add_choice("Jobs at once", self.workers)
        self.add_note("Each takes about 2 GB of memory for 48-megapixel pictures.")
        self.notifies = QCheckBox("Tell the desktop")
        self.notifies.setChecked(preferences.notifies_when_done())
        self.notifies.setToolTip("While another window is in front")
        self.add_choice("Queue finished", self.notifies)
        self.notifies.toggled.connect(preferences.set_notifies_when_done)
        self.takes_back.toggled.connect(self._on_takes_back)
        self.reviewer.editingFinished.connect(lambda: preferences.set_reviewer(self.reviewer.text()))
        self.folder.editingFinished.connect(self._on_folder)
        self.choose.clicked.connect(self._choose_folder)
        self.editor.editingFinished.connect(self._on_editor)
        self.choose_editor.clicked.connect(self._choose_editor)
        self.workers.currentIndexChanged.connect(self._on_workers)

    # -- inside -------------------------------------------------------------------------------------------------

    def _folder(self) -> Path:
        return preferences.export_folder() or self._context.services.default_export_folder

    def _on_folder(self) -> None:
        text = self.folder.text().strip()
        before = self._folder()
        preferences.set_export_folder(Path(text).expanduser() if text else None)
        self.folder.setText(at_home(str(self._folder())))
        if self._folder() != before:
            self.export_folder_changed.emit(self._folder())

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Export into", str(self._folder()))
        if name:
            self.folder.setText(name)
            self._on_folder()

    def _on_editor(self) -> None:
        text = self.editor.text().strip()
        preferences.set_editor(str(Path(text).expanduser()) if text.startswith("~") else text)

    def _choose_editor(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Program that opens documents", "")
        if name:
            self.editor.setText(at_home(name))
            self._on_editor()

    def _on_takes_back(self, takes_back: bool) -> None:
        preferences.set_takes_back(takes_back)
        self.takes_back_changed.emit(takes_back)

    def _on_workers(self) -> None:
        chosen = int(self.workers.currentData())
        preferences.set_workers(chosen)
        self._context.services.dispatcher.use_workers(chosen or suggested_workers(os.cpu_count() or 1))
