"""The training folder: where data sets and runs lie, and choosing another."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from gui import preferences
from gui.context import WindowContext
from gui.look import theme
from gui.phrases import at_home
from gui.widgets.drop_zone import button_for
from gui.widgets.elided_label import ElidedLabel


class TrainingPlace(QWidget):
    """A line below the cards."""

    changed = Signal()
    """Another folder was chosen."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._path = ElidedLabel("caption")
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.SMALL)
        line.addWidget(self._path, 1)
        line.addWidget(button_for(context.actions["training_folder"]))
        context.actions.on("training_folder", self._choose)

    @property
    def folder(self) -> Path:
        """Beside the catalog unless another was chosen."""
        chosen = preferences.training_folder()
        if chosen is not None:
            return chosen
        catalog = self._context.services.catalog_path
        return (catalog.parent if catalog is not None else _account_folder()) / "training"

    def show_path(self) -> None:
        """Show where it is now."""
        self._path.show_text(at_home(self.folder.as_posix()))

    def _choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Look for data sets and runs in", str(self.folder))
        if folder:
            preferences.set_training_folder(Path(folder))
            self.changed.emit()


def _account_folder() -> Path:
    from platformdirs import user_data_path

    return user_data_path("Chromask", appauthor=False)
