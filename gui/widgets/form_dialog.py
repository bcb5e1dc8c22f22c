"""A dialog with fields to fill in, and below them what stands in the way, beside the button that goes on."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui.look import theme
from gui.look.palette import Ink

_WIDTH = 560


class FormDialog(QDialog):
    """As wide as its fields need, as high as its texts.

    Attributes
    ----------
    column : QVBoxLayout
        Fill it from above, and end it with `add_foot`.
    message : QLabel
        What stands in the way; in the foot.
    """

    def __init__(self, name: str, title: str, parent: QWidget, width: int = _WIDTH) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setWindowTitle(title)
        self.setFixedWidth(width)
        self.message = theme.label("", "caption")
        self.message.setWordWrap(True)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(theme.WIDE, theme.WIDE, theme.WIDE, theme.LARGE)
        self.column.setSpacing(theme.MEDIUM)

    def tell(self, text: str, ink: Ink = "text_quiet") -> None:
        """Say what stands in the way, or is being done."""
        self.message.setText(text)
        theme.set_ink(self.message, ink)

    def add_foot(self, name: str, text: str) -> QPushButton:
        """The message, Cancel, and the button that goes on, which is returned; Return presses it."""
        go_on, cancel = QPushButton(text), QPushButton("Cancel")
        go_on.setObjectName(name)
        go_on.setProperty("primary", True)
        go_on.setDefault(True)
        cancel.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.setSpacing(theme.SMALL)
        foot.addWidget(self.message, 1)
        foot.addWidget(cancel)
        foot.addWidget(go_on)
        self.column.addSpacing(theme.SMALL)
        self.column.addLayout(foot)
        return go_on


def form_fields(rows: Iterable[tuple[str, QWidget]]) -> QFormLayout:
    """Fields below one another, each with its name at the left, which is also what a screen reader says."""
    fields = QFormLayout()
    fields.setHorizontalSpacing(theme.MEDIUM)
    fields.setVerticalSpacing(theme.SMALL)
    fields.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    for text, field in rows:
        fields.addRow(theme.label(text, "quiet"), field)
        field.setAccessibleName(text)
    return fields
