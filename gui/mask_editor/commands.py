"""The commands of the mask editor: what each does, and when it makes sense. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence, QShortcut

from gui.actions import COMMANDS, OPACITY_KEYS, Actions, Mode
from gui.mask_editor.model import MaskTool
from gui.mask_editor.session import MaskSession

if TYPE_CHECKING:
    from gui.mask_editor.editor import MaskEditor

_LEAVE = "mask_leave"


class MaskCommands:
    """Connects the window's actions, and the digits, with the editor."""

    def __init__(self, editor: MaskEditor, actions: Actions) -> None:
        self._actions = actions
        self._names = [command.name for command in COMMANDS if command.page is Mode.MASK_EDITOR]
        model = editor.model

        def on_session(call: Callable[[MaskSession], object]) -> Callable[[], object]:
            return lambda: call(editor.session) if editor.session is not None else None

        calls: dict[str, Callable[[], object]] = {
            "mask_brush": partial(model.hold, MaskTool.BRUSH, subtracts=False),
            "mask_eraser": partial(model.hold, MaskTool.BRUSH, subtracts=True),
            "mask_lasso": partial(model.hold, MaskTool.LASSO),
            "mask_fill": partial(model.hold, MaskTool.FILL),
            "mask_edge": partial(model.hold, MaskTool.EDGE),
            "mask_swap": model.swap,
            "mask_smaller": partial(model.step_size, -1),
            "mask_larger": partial(model.step_size, +1),
            "mask_softer": partial(model.step_hardness, -1),
            "mask_harder": partial(model.step_hardness, +1),
            "mask_view": model.next_view,
            "mask_undo": on_session(MaskSession.undo),
            "mask_redo": on_session(MaskSession.redo),
            "mask_grow": on_session(lambda session: session.grow(model.settings.step)),
            "mask_shrink": on_session(lambda session: session.grow(-model.settings.step)),
            "mask_feather": on_session(lambda session: session.feather(model.settings.feather)),
            "mask_find_edges": on_session(lambda session: session.find_edges(model.settings.edge_radius)),
            "mask_invert": on_session(MaskSession.invert),
            "mask_clear": on_session(lambda session: session.fill_all(0)),
            "mask_everything": on_session(lambda session: session.fill_all(255)),
            "mask_keep": editor.keep,
            _LEAVE: editor.leave,
        }
        for name, call in calls.items():
            actions.on(name, call)
        self._digits = [self._opacity_key(editor, key) for key in OPACITY_KEYS]

    def refresh(self, *, is_here: bool, is_busy: bool) -> None:
        """Switch the commands on where they make sense; the editor can be left also while it works."""
        for name in self._names:
            self._actions[name].setEnabled(is_here and (not is_busy or name == _LEAVE))
        for key in self._digits:
            key.setEnabled(is_here)

    def _opacity_key(self, editor: MaskEditor, digit: str) -> QShortcut:
        """In a number field the digits are typed."""
        key = QShortcut(QKeySequence(digit), editor)
        key.setEnabled(False)  # outside the editor they give stars
        key.activated.connect(partial(editor.model.set, opacity=int(digit) / 10 or 1.0))
        return key
