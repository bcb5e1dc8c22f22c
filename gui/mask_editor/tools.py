"""The panel beside the picture while a mask is edited. It holds no state: it shows the model's and changes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.imaging.mask_edit.brush import LARGEST, SMALLEST
from gui.actions import Actions
from gui.look import theme
from gui.mask_editor.canvas import MaskView
from gui.mask_editor.model import MaskModel, MaskSettings, MaskTool
from gui.mask_editor.slider_row import SliderRow
from gui.mask_editor.subject import Wording
from gui.mask_editor.whole_mask import WholeMask, command_button
from gui.widgets.elided_label import ElidedLabel

_WIDTH = 304

_TOOLS = (
    ("mask_brush", "Brush"),
    ("mask_eraser", "Eraser"),
    ("mask_lasso", "Lasso"),
    ("mask_fill", "Fill"),
    ("mask_edge", "Edge"),
)


class MaskTools(QFrame):
    """Tools, the brush, what is done to the whole mask, and how it ends.

    Attributes
    ----------
    replace_menu : QMenu
        Filled by the editor when it is about to be shown.
    """

    def __init__(self, model: MaskModel, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        self.setFixedWidth(_WIDTH)
        self._model, self._actions = model, actions
        self._shows: list[Callable[[MaskSettings], None]] = []
        self._heading, self._name = theme.label("", "heading"), ElidedLabel("caption")
        self._keep = QPushButton()
        self.replace_menu = QMenu(self)
        self.for_training = QCheckBox("Use as training pair")
        self.for_training.setToolTip("Mark the result for the training of LoRAs, with whatever mask it has in the end")
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._busy.setFixedHeight(3)
        self._said = ElidedLabel("caption")
        self._build()
        model.changed.connect(self.show_settings)
        self.show_settings()

    def show_subject(self, said: Wording, *, can_mark: bool) -> None:
        """Say whose mask is edited, and what keeping it will do.

        Parameters
        ----------
        can_mark : bool
            Whether there is a result that could become a training pair.
        """
        self._heading.setText(said.heading)
        self._name.show_text(said.name)
        self._keep.setText(said.keep)
        self.for_training.setChecked(False)
        self.for_training.setVisible(can_mark)

    def show_settings(self) -> None:
        """Show what the model says."""
        for show in self._shows:
            show(self._model.settings)

    def show_state(self, *, busy_text: str, said: str, undo: str, redo: str) -> None:
        """Show what is going on, and what undo and redo would do."""
        self._busy.setVisible(bool(busy_text))
        self._said.show_text(busy_text or said)
        self._said.setProperty("busy", bool(busy_text))
        for name, word, edit in (("mask_undo", "Undo", undo), ("mask_redo", "Redo", redo)):
            self._actions[name].setText(f"{word} {edit}" if edit else word)
            self._actions[name].setIconText(word)
            self._actions[name].setEnabled(bool(edit) and not busy_text)
        self._middle.setEnabled(not busy_text)

    @property
    def status(self) -> str:
        """What the panel says is going on."""
        return self._said.whole_text()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Enter in a number field ends it there: it must not keep the mask.
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.focusWidget() is not None:
            event.accept()
            return
        super().keyPressEvent(event)

    # -- layout -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, theme.MEDIUM, 0, theme.MEDIUM)
        outer.setSpacing(theme.SMALL)
        head = QVBoxLayout()
        head.setContentsMargins(theme.LARGE, 0, theme.LARGE, 0)
        head.setSpacing(2)
        head.addWidget(self._heading)
        head.addWidget(self._name)
        outer.addLayout(head)
        self._middle = QWidget()
        middle = QVBoxLayout(self._middle)
        middle.setContentsMargins(theme.LARGE, 0, theme.LARGE, 0)
        middle.setSpacing(theme.SMALL)
        middle.addLayout(self._build_tools())
        middle.addLayout(self._build_brush())
        middle.addWidget(_rule())
        middle.addWidget(theme.label("Whole mask", "heading"))
        middle.addWidget(WholeMask(self._model, self._actions, self.replace_menu))
        middle.addWidget(_rule())
        middle.addLayout(self._build_view())
        middle.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self._middle)
        outer.addWidget(scroll, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(theme.LARGE, 0, theme.LARGE, 0)
        foot.setSpacing(theme.SMALL)
        foot.addWidget(self._said)
        foot.addWidget(self._busy)
        foot.addWidget(self.for_training)
        foot.addLayout(self._build_end())
        outer.addLayout(foot)

    def _build_tools(self) -> QVBoxLayout:
        box = QVBoxLayout()
        box.setSpacing(theme.TIGHT)
        line = QHBoxLayout()
        line.setSpacing(theme.TIGHT)
        buttons = {name: self._tool(name, text) for name, text in _TOOLS}
        for button in buttons.values():
            line.addWidget(button, 1 + len(button.text()))
        box.addLayout(line)
        way = QHBoxLayout()
        way.setSpacing(theme.TIGHT)
        group = QButtonGroup(self)
        ways = {}
        for subtracts, text, tip in (
            (False, "Add", "The tool takes in what it touches"),
            (True, "Take away", "The tool leaves out what it touches"),
        ):
            button = QToolButton()
            button.setText(text)
            button.setToolTip(f"{tip}; {self._keys('mask_swap')} swaps, Alt for one stroke")
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.clicked.connect(partial(self._model.set, subtracts=subtracts))
            group.addButton(button)
            ways[subtracts] = button
            way.addWidget(button)
        box.addLayout(way)

        def show(settings: MaskSettings) -> None:
            held = "mask_eraser" if settings.tool is MaskTool.BRUSH and settings.subtracts else f"mask_{settings.tool}"
            for name in buttons:
                self._actions[name].setChecked(name == held)
            ways[settings.subtracts].setChecked(True)

        self._shows.append(show)
        return box

    def _build_brush(self) -> QVBoxLayout:
        box = QVBoxLayout()
        box.setSpacing(theme.TIGHT)
        both = (MaskTool.BRUSH, MaskTool.EDGE)
        covering = (MaskTool.BRUSH, MaskTool.LASSO, MaskTool.FILL)
        rows = (
            ("Size", "diameter", 1.0, " px", (SMALLEST, LARGEST), f"{self._keys('mask_smaller')} and "
             f"{self._keys('mask_larger')}", both, True),
            ("Hardness", "hardness", 100.0, " %", (0.0, 1.0), "Share of the radius that is covered in full; "
             f"{self._keys('mask_softer')} and {self._keys('mask_harder')}", both, False),
            ("Opacity", "opacity", 100.0, " %", (0.01, 1.0), "Of a whole stroke, however often it crosses itself; "
             "1 to 9 for 10 to 90 %, 0 for 100 %", covering, False),
            ("Tolerance", "tolerance", 1.0, " ΔE", (1.0, 60.0), "How far a colour may differ from the one that was "
             "clicked on", (MaskTool.FILL,), False),
            ("Reach", "edge_radius", 1.0, " px", (2, 64), "By how much the mask's edge may be off the photograph's",
             (MaskTool.EDGE,), False),
        )  # fmt: skip
        for text, field, unit, suffix, limits, tip, tools, is_log in rows:
            row = SliderRow(text, suffix, limits, unit, tip, is_log=is_log)
            row.changed = partial(self._set, field)
            box.addWidget(row)
            self._shows.append(partial(self._show_row, row, field, tools))
        pressure = QHBoxLayout()
        pressure.setSpacing(theme.SMALL)
        holder = QWidget()
        holder.setLayout(pressure)
        pressure.setContentsMargins(0, 0, 0, 0)
        pressure.addWidget(theme.label("Pen pressure", "caption"))
        for text, field in (("Size", "size_by_pressure"), ("Opacity", "opacity_by_pressure")):
            check = QCheckBox(text)
            check.setAccessibleName(f"Pen pressure changes the {text.lower()}")
            check.toggled.connect(partial(self._set, field))
            pressure.addWidget(check)
            self._shows.append(partial(_show_check, check, field))
        pressure.addStretch()
        self._shows.append(lambda settings: holder.setVisible(settings.tool in both))
        box.addWidget(holder)
        return box

    def _build_view(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(theme.TIGHT)
        group = QButtonGroup(self)
        for view in MaskView:
            button = QToolButton()
            button.setText(view.value)
            button.setToolTip(f"How the mask is shown; {self._keys('mask_view')} goes on to the next")
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.clicked.connect(partial(self._model.set, view=view))
            group.addButton(button)
            line.addWidget(button)
            self._shows.append(partial(_show_view, button, view))
        return line

    def _build_end(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(theme.SMALL)
        keep, leave = self._keep, QPushButton("Leave")
        keep.setProperty("primary", True)
        for button, name in ((keep, "mask_keep"), (leave, "mask_leave")):
            action = self._actions[name]
            button.setObjectName(f"{name}_button")
            button.setToolTip(action.toolTip())
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(action.trigger)
            action.changed.connect(partial(_follow, button, action))
        line.addWidget(keep, 1)
        line.addWidget(leave)
        return line

    # -- inside -------------------------------------------------------------------------------------------------

    def _tool(self, name: str, text: str) -> QToolButton:
        button = command_button(self._actions[name])
        self._actions[name].setIconText(text)
        button.setProperty("compact", True)
        return button

    def _keys(self, name: str) -> str:
        return self._actions[name].shortcut().toString()

    def _set(self, field: str, value: float) -> None:
        self._model.set(**{field: value})

    def _show_row(self, row: SliderRow, field: str, tools: tuple[MaskTool, ...], settings: MaskSettings) -> None:
        row.setVisible(settings.tool in tools)
        row.show_value(getattr(settings, field))


def _show_check(check: QCheckBox, field: str, settings: MaskSettings) -> None:
    check.setChecked(getattr(settings, field))


def _show_view(button: QToolButton, view: MaskView, settings: MaskSettings) -> None:
    button.setChecked(settings.view is view)


def _follow(button: QPushButton, action: QAction) -> None:
    button.setEnabled(action.isEnabled())
    button.setToolTip(action.toolTip())


def _rule() -> QFrame:
    rule = QFrame()
    rule.setProperty("rule", True)
    return rule
