"""A slim place to drop LoRA files, which says what happens to them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.look import theme
from gui.widgets.drop_ground import DropGround

_HEIGHT = 64
_INVITATION = "Drop LoRA files (.safetensors) here. Each is checked before it is copied into the models folder."


class DropStrip(DropGround):
    """An invitation, or what is being done with what was dropped."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(_HEIGHT)
        self.text = theme.label(_INVITATION, "quiet")
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.SMALL, theme.LARGE, theme.SMALL)
        layout.addWidget(self.text)

    def set_busy(self, what: str) -> None:
        """Say what is being done; empty invites again."""
        self.text.setText(what or _INVITATION)
