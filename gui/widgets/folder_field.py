"""A folder that is typed or chosen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

from gui.look import theme


class FolderField(QWidget):
    """A path that can be typed or chosen."""

    changed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLineEdit()
        self.text.setAccessibleName(name)
        self.text.textChanged.connect(self.changed)
        choose = QPushButton("Choose…")
        choose.setAccessibleName(f"Choose: {name}")
        choose.clicked.connect(lambda: self._choose(name))
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.SMALL)
        line.addWidget(self.text, 1)
        line.addWidget(choose)
        self.setFocusProxy(self.text)

    def path(self) -> Path | None:
        """The folder; None while nothing was typed."""
        text = self.text.text().strip()
        return Path(text).expanduser() if text else None

    def _choose(self, name: str) -> None:
        folder = QFileDialog.getExistingDirectory(self, name, self.text.text())
        if folder:
            self.text.setText(folder)
