"""A choice among a few known things and any file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QWidget

_PICTURES = "Pictures (*.png *.jpg *.jpeg *.tif *.tiff *.webp *.psd *.heic);;All files (*)"


class FileChoice(QComboBox):
    """Its last line asks for a file, which then has a line of its own.

    Parameters
    ----------
    choices : sequence of (str, Path or None)
        What to show and what it stands for.
    question : str
        Title of the file dialog.
    """

    changed = Signal()
    """Something else was chosen."""

    def __init__(
        self, choices: Sequence[tuple[str, Path | None]], question: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._question = question
        self._known = len(choices)
        self._before = 0
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(18)
        for text, path in choices:
            self.addItem(text, path)
        self.addItem("Choose a file…")
        self.activated.connect(self._on_activated)

    def chosen(self) -> Path | None:
        """What the chosen line stands for."""
        return self.itemData(self._before)

    def choose(self, path: Path) -> None:
        """Show a file and choose it."""
        if self.count() > self._known + 1:
            self.removeItem(self._known)
        self.insertItem(self._known, path.name, path)
        self.setItemData(self._known, str(path), Qt.ItemDataRole.ToolTipRole)
        self._take(self._known)

    # -- inside -------------------------------------------------------------------------------------------------

    def _on_activated(self, row: int) -> None:
        if row < self.count() - 1:
            self._take(row)
            return
        self.setCurrentIndex(self._before)
        name, _ = QFileDialog.getOpenFileName(self, self._question, "", _PICTURES)
        if name:
            self.choose(Path(name))

    def _take(self, row: int) -> None:
        self._before = row
        self.setCurrentIndex(row)
        self.setToolTip(str(self.chosen() or ""))
        self.changed.emit()
