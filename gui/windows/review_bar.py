"""The bar below the pictures: viewing commands with short names."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from gui import theme
from gui.actions import Actions
from gui.widgets.elided_label import ElidedLabel

TOOLS = (
    ("grid", "Grid"),
    ("actual_size", "100 %"), ("split", "Split"), ("wipe", "Wipe"), ("compare", "Blink"),
    ("mask", "Mask"), ("heat_map", "ΔE map"), ("eyedropper", "Dropper"),
)  # fmt: skip
"""Commands with a button, and the short names that fit there."""


class ReviewBar(QFrame):
    """A button for each of the tools."""

    def __init__(
        self, actions: Actions, tools: Sequence[tuple[str, str]] = TOOLS, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        line = QHBoxLayout(self)
        line.setContentsMargins(theme.SMALL, theme.TIGHT, theme.SMALL, theme.TIGHT)
        line.setSpacing(theme.TIGHT)
        for name, text in tools:
            action, button = actions[name], QToolButton()
            action.setIconText(text)
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            button.setProperty("compact", True)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            line.addWidget(button)
        keys = ElidedLabel("caption")
        keys.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        keys.show_text("?  all keys")
        line.addWidget(keys, 1)
