"""A dialog with fields to fill in, and below them what stands in the way, beside the button that goes on."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui.look import theme
from gui.look.palette import Ink

_WIDTH = 560
_WHOLE = Qt.AlignmentFlag(0)


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

    def fit(self) -> None:
        """Be as high as what is shown now; a dialog grows by itself, and does not shrink."""
        self.column.activate()
        self.resize(self.width(), self.column.totalHeightForWidth(self.width()))

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


class FieldGrid(QGridLayout):
    """Fields below one another, each with its name at the left.

    Parameters
    ----------
    names : int
        Least width of the names in view pixels.
    """

    def __init__(self, names: int = 0, spacing: int = theme.SMALL) -> None:
        super().__init__()
        self.setHorizontalSpacing(theme.MEDIUM)
        self.setVerticalSpacing(spacing)
        self.setColumnMinimumWidth(0, names)
        self.setColumnStretch(1, 1)

    def add(self, text: str, field: QWidget, side: Qt.AlignmentFlag = _WHOLE) -> QLabel:
        """The next field; its name, which is also what a screen reader says where the field has none of its own."""
        name, row = theme.label(text, "quiet"), self.rowCount()
        name.setBuddy(field)
        field.setAccessibleName(field.accessibleName() or text)
        self.addWidget(name, row, 0, Qt.AlignmentFlag.AlignVCenter)
        self.addWidget(field, row, 1, side)
        return name


def form_fields(rows: Iterable[tuple[str, QWidget]]) -> FieldGrid:
    """A grid of these."""
    grid = FieldGrid()
    for text, field in rows:
        grid.add(text, field)
    return grid
