"""What an empty intake page says: what to drop, and other ways to begin."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QIcon
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui.actions import icon_of
from gui.look import theme
from gui.widgets.drop_ground import DropGround
from gui.widgets.icon_label import IconLabel


class DropZone(DropGround):
    """An invitation with buttons."""

    def __init__(self, actions: Sequence[QAction], demo: QAction | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        picture = IconLabel("drop", 96, "text_faint")
        title = theme.label("Drop photographs here", "title")
        how = theme.label(
            "Drop the folders of a shooting: on-model photographs and flatlays together.\n"
            "They are paired by article number and view. Your files are only read, never changed.",
            "quiet",
        )
        how.setAlignment(Qt.AlignmentFlag.AlignCenter)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SMALL)
        buttons.addStretch()
        for action in actions:
            buttons.addWidget(button_for(action))
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setSpacing(theme.MEDIUM)
        layout.addStretch(2)
        layout.addWidget(picture, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addWidget(title, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addWidget(how, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addSpacing(theme.SMALL)
        layout.addLayout(buttons)
        if demo is not None:
            layout.addSpacing(theme.WIDE)
            layout.addWidget(
                theme.label("No photographs at hand? A small drawn set shows the whole way.", "caption"),
                0,
                Qt.AlignmentFlag.AlignCenter,
            )
            layout.addWidget(button_for(demo), 0, Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(3)


def button_for(action: QAction, *, primary: bool = False) -> QPushButton:
    """A push button that gives the command and follows whether it can be given."""
    button = QPushButton(_icon(action, primary), _spaced(action))
    button.setObjectName(f"{action.objectName()}_button")
    button.setToolTip(action.toolTip())
    button.setProperty("primary", primary)
    button.setEnabled(action.isEnabled())
    button.clicked.connect(action.trigger)
    action.changed.connect(lambda: _follow(button, action))
    return button


def _follow(button: QPushButton, action: QAction) -> None:
    button.setEnabled(action.isEnabled())
    button.setToolTip(action.toolTip())
    button.setText(_spaced(action))
    button.setIcon(_icon(action, bool(button.property("primary"))))


def _icon(action: QAction, primary: bool) -> QIcon:
    return icon_of(action, "on_accent") if primary else action.icon()


def _spaced(action: QAction) -> str:
    """Qt leaves 4 pixels between icon and text; a blank makes it the scale's 8."""
    return f" {action.text()}" if not action.icon().isNull() else action.text()
