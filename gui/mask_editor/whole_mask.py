"""What is done to the whole mask: its edge moved, turned inside out, replaced, and all of that taken back."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QMenu, QSizePolicy, QToolButton, QWidget

from gui.actions import Actions
from gui.look import theme
from gui.mask_editor.model import MaskModel
from gui.widgets.number_box import NumberBox


class WholeMask(QWidget):
    """Buttons for the commands, and the numbers that they work with. It holds no state: it shows the model's.

    Parameters
    ----------
    replace_menu : QMenu
        Other masks that can take this one's place.
    """

    def __init__(self, model: MaskModel, actions: Actions, replace_menu: QMenu, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._spins: dict[str, NumberBox] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.TIGHT)
        grid.setVerticalSpacing(theme.TIGHT)
        rows = (
            ("step", " px", 0, ("mask_grow", "mask_shrink"), "Pixels to grow or shrink by"),
            ("feather", " px", 1, ("mask_feather",), "Standard deviation of the feather"),
            ("edge_radius", " px", 0, ("mask_find_edges",), "How far the smart edge may move the mask's"),
        )
        for number, (field, suffix, decimals, names, tip) in enumerate(rows):
            least = 2 if field == "edge_radius" else 1 if field == "step" else 0.5
            spin = NumberBox(least, 64 if decimals == 0 else 100, decimals)
            spin.setSuffix(suffix)
            spin.setToolTip(tip)
            spin.setAccessibleName(tip)
            spin.setFixedWidth(84)
            spin.setKeyboardTracking(False)
            whole = decimals == 0
            spin.valueChanged.connect(partial(self._set, field, whole))
            spin.editingFinished.connect(spin.clearFocus)
            self._spins[field] = spin
            grid.addWidget(spin, number, 0)
            for column, name in enumerate(names):
                button = command_button(actions[name])
                grid.addWidget(button, number, 1 + column, 1, 3 - len(names))
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        for column, name in enumerate(("mask_invert", "mask_clear", "mask_everything")):
            grid.addWidget(command_button(actions[name]), 3, column)
        replace = QToolButton()
        replace.setObjectName("mask_replace")
        replace.setText("Replace by another mask…")
        replace.setToolTip("Take another mask of this photograph, or one from a file")
        replace.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        replace.setMenu(replace_menu)
        replace.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        replace.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        grid.addWidget(replace, 4, 0, 1, 3)
        undo = QHBoxLayout()
        undo.setSpacing(theme.TIGHT)
        for name in ("mask_undo", "mask_redo"):
            undo.addWidget(command_button(actions[name]))
        grid.addLayout(undo, 5, 0, 1, 3)
        model.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        for field, spin in self._spins.items():
            with QSignalBlocker(spin):
                spin.setValue(getattr(self._model.settings, field))

    def _set(self, field: str, whole: bool, value: float) -> None:
        self._model.set(**{field: round(value) if whole else value})


def command_button(action: QAction) -> QToolButton:
    """A button with the command's short name; those of a row share its width, whatever the platform's font needs."""
    button = QToolButton()
    button.setDefaultAction(action)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return button
