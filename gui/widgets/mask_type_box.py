"""The mask type that a LoRA is for: one that is known, or any other."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtWidgets import QComboBox, QWidget


class MaskTypeBox(QComboBox):
    """Known choices, and a line to type another into."""

    def __init__(self, choices: Iterable[str], proposed: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setEditable(True)
        self.addItems(list(dict.fromkeys(choices)))
        self.setCurrentText(proposed)
        line = self.lineEdit()
        assert line is not None
        line.setPlaceholderText("What it paints green: hat, scarf, …")

    def said(self) -> str:
        """What was chosen or typed, in lower case; empty where nothing was."""
        return self.currentText().strip().lower()
