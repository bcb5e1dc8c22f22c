"""Offers to say why something was rejected, and to have it tried again for that; a calm line, not a question."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeySequence, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QToolButton, QWidget

from gui.actions import Actions
from gui.look import theme
from gui.look.icons import icon
from gui.widgets.elided_label import ElidedLabel

REASONS = (
    ("reject_color", "Colour"), ("reject_mask", "Mask"), ("reject_drift", "Drift"), ("reject_other", "Other"),
)  # fmt: skip
"""The commands, and the short names that fit on their buttons."""


class ReasonRow(QFrame):
    """Below the pictures: what was rejected with a button for each reason, or what became of it."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        self._actions = actions
        self._arrangement = QTimer(self)  # after the layout: what changes while it is at work is lost
        self._arrangement.setSingleShot(True)
        self._arrangement.setInterval(0)
        self._arrangement.timeout.connect(self._arrange)
        self._told = ElidedLabel("quiet")
        self._buttons = [self._button(name) for name, _ in REASONS]
        close = QToolButton()
        close.setIcon(icon("cancel"))
        close.setToolTip("Close this line; the verdict stays")
        close.setAccessibleName("Close this line")
        close.setProperty("quiet", True)
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        close.clicked.connect(self.hide)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.TIGHT)
        for button in self._buttons:
            buttons.addWidget(button)
        buttons.addStretch(1)
        self._words = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._words.setSpacing(theme.TIGHT)
        self._words.addWidget(self._told, 1)
        self._words.addLayout(buttons)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.MEDIUM, theme.TIGHT, theme.SMALL, theme.TIGHT)
        layout.setSpacing(theme.SMALL)
        layout.addLayout(self._words, 1)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        actions.keys_changed.connect(self._show_keys)
        self._show_keys()
        self.hide()

    def offer(self, what: str) -> None:
        """Ask why ``what`` was rejected."""
        self._show(f"{what} rejected. Try again because of its", True)

    def tell(self, text: str) -> None:
        """Say what became of it."""
        self._show(text, False)

    @property
    def text(self) -> str:
        """What the line says."""
        return self._told.whole_text()

    @property
    def is_offering(self) -> bool:
        """Whether the buttons are there."""
        return not self.isHidden() and not self._buttons[0].isHidden()

    def _show(self, text: str, offers: bool) -> None:
        self._told.show_text(text)
        for button in self._buttons:
            button.setVisible(offers)
        self._arrangement.start()
        self.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrangement.start()

    def _arrange(self) -> None:
        """One line where words and buttons fit into it, else two."""
        words = self._told.fontMetrics().horizontalAdvance(self._told.whole_text()) + 1
        buttons = sum(button.sizeHint().width() + theme.TIGHT for button in self._buttons)
        fits = not self._buttons[0].isHidden() and words + buttons + theme.SMALL <= self._words.geometry().width()
        self._words.setDirection(QBoxLayout.Direction.LeftToRight if fits else QBoxLayout.Direction.TopToBottom)

    def _button(self, name: str) -> QToolButton:
        # Not the action's own button, which has no room for the key.
        button, action = QToolButton(), self._actions[name]
        button.setObjectName(f"{name}_button")
        button.setProperty("compact", True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(action.trigger)
        return button

    def _show_keys(self) -> None:
        """Write the operator's own keys on the buttons."""
        for button, (name, text) in zip(self._buttons, REASONS, strict=True):
            action = self._actions[name]
            key = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            button.setText(f"{text}  {key}".strip())
            button.setToolTip(action.toolTip())
