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
    another : str
        Another way to a file, as a line of its own; `asked` tells when it is wanted, and `choose` takes its answer.
    """

    changed = Signal()
    """Something else was chosen."""

    asked = Signal()
    """The other way to a file is wanted; until it leads to one, the choice stays what it was."""

    def __init__(
        self,
        choices: Sequence[tuple[str, Path | None]],
        question: str,
        another: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._question = question
        self._known = len(choices)
        self._before = 0
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(18)
        for text, path in choices:
            self.addItem(text, path)
        self._ways = [another, "Choose a file…"] if another else ["Choose a file…"]
        self.addItems(self._ways)
        self.activated.connect(self._on_activated)

    def chosen(self) -> Path | None:
        """What the chosen line stands for."""
        return self.itemData(self._before)

    def choose(self, path: Path, text: str = "") -> None:
        """Show a file, by its name or another text, and choose it."""
        if self.count() > self._known + len(self._ways):
            self.removeItem(self._known)
        self.insertItem(self._known, text or path.name, path)
        self.setItemData(self._known, str(path), Qt.ItemDataRole.ToolTipRole)
        self._take(self._known)

    # -- inside -------------------------------------------------------------------------------------------------

    def _on_activated(self, row: int) -> None:
        if row < self.count() - len(self._ways):
            self._take(row)
            return
        self.setCurrentIndex(self._before)
        if row < self.count() - 1:
            self.asked.emit()
            return
        name, _ = QFileDialog.getOpenFileName(self, self._question, "", _PICTURES)
        if name:
            self.choose(Path(name))

    def _take(self, row: int) -> None:
        self._before = row
        self.setCurrentIndex(row)
        self.setToolTip(str(self.chosen() or ""))
        self.changed.emit()
