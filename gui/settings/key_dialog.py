"""Asks for the key that shall give a command, and says what it gives now."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QKeySequenceEdit, QPushButton, QVBoxLayout, QWidget

from gui import shortcuts
from gui.actions import Actions, Command, fixed_keys
from gui.look import theme
from gui.settings.shortcut_model import page_of


class KeyDialog(QDialog):
    """Open it with `open`; `agreed` tells the keys that the command shall have."""

    agreed = Signal(object)
    """A tuple of keys as Qt's portable text; empty leaves the command without one."""

    def __init__(self, actions: Actions, command: Command, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("key_dialog")
        self.setWindowTitle("Change shortcut")
        self._actions, self._command = actions, command
        self._keys = actions.keys(command)
        self._key = ""
        question = theme.label(f"Press the key for “{command.text.rstrip('…')}”", "heading")
        self.field = QKeySequenceEdit()
        self.field.setMaximumSequenceLength(1)
        self.field.setAccessibleName("New key")
        question.setBuddy(self.field)
        self.message = theme.label("", "quiet")
        self.message.setWordWrap(True)
        self.message.setMinimumHeight(2 * self.message.fontMetrics().lineSpacing())
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.also = QCheckBox(f"Keep {shortcuts.in_words(self._keys)} as well")
        self.also.setVisible(bool(self._keys))
        self.use = QPushButton("Use this key")
        self.use.setProperty("primary", True)
        self.none = QPushButton("No key")
        cancel = QPushButton("Cancel")
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SMALL)
        buttons.addWidget(self.none)
        buttons.addStretch()
        buttons.addWidget(cancel)
        buttons.addWidget(self.use)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.WIDE, theme.WIDE, theme.WIDE, theme.LARGE)
        layout.setSpacing(theme.MEDIUM)
        for widget in (question, self.field, self.message, self.also):
            layout.addWidget(widget)
        layout.addSpacing(theme.TIGHT)
        layout.addLayout(buttons)
        self.setMinimumWidth(440)
        self.field.keySequenceChanged.connect(self._on_key)
        self.use.clicked.connect(self._agree)
        self.none.clicked.connect(lambda: self._tell(()))
        cancel.clicked.connect(self.reject)
        self.none.setEnabled(bool(self._keys))
        self._on_key(QKeySequence())
        self.field.setFocus()

    # -- inside -------------------------------------------------------------------------------------------------

    def _on_key(self, sequence: QKeySequence) -> None:
        self._key = sequence.toString(QKeySequence.SequenceFormat.PortableText)
        refusal = self._refusal()
        rivals = self._actions.rivals(self._command, self._key) if self._key else []
        if refusal:
            theme.set_ink(self.message, "fail")
            self.message.setText(refusal)
        elif rivals:
            theme.set_ink(self.message, "warn")
            self.message.setText(f"{shortcuts.written(self._key)} {_taken(rivals)}, which would lose it.")
        elif self._key:
            theme.set_ink(self.message, "text_quiet")
            self.message.setText("The key is free." if self._key not in self._keys else "It is this command's already.")
        else:
            theme.set_ink(self.message, "text_quiet")
            self.message.setText("Tab leaves the field.")
        self.use.setEnabled(bool(self._key) and not refusal)
        self.use.setText("Take it over" if rivals and not refusal else "Use this key")

    def _refusal(self) -> str:
        if not self._key:
            return ""
        fixed = fixed_keys(self._command, self._key)
        if fixed is not None:
            return f"The {fixed.page.value} needs {shortcuts.written(self._key)}: {fixed.text.lower()}."
        return shortcuts.refusal(self._key)

    def _agree(self) -> None:
        rest = tuple(key for key in self._keys if key != self._key) if self.also.isChecked() else ()
        self._tell((self._key, *rest))

    def _tell(self, keys: tuple[str, ...]) -> None:
        self.agreed.emit(keys)
        self.accept()


def _taken(rivals: Sequence[Command]) -> str:
    names = " and ".join(f"“{rival.text.rstrip('…')}” ({page_of(rival)})" for rival in rivals)
    return f"now gives {names}"
