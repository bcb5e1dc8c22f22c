"""Commands of the mask editor, and how each is tried."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gui.mask_editor.canvas import MaskView
from gui.mask_editor.model import MaskTool
from tests.gui.commands.review import mode_is_on
from tests.gui.hand import Case, Hand


def _drawn(**settings: float | bool | MaskTool | MaskView) -> Callable[[Hand], None]:
    """The known mask, and these settings."""

    def there(hand: Hand) -> None:
        hand.draw()
        start = {"tool": MaskTool.BRUSH, "subtracts": False, "diameter": 100.0, "hardness": 0.5, "view": MaskView.TINT}
        hand.editor.model.set(**{**start, **settings})
        hand.noted = len(hand.studio.catalog.jobs())

    return there


def _filled(hand: Hand) -> None:
    hand.draw()
    assert hand.editor.session is not None
    hand.editor.session.fill_all(255)
    hand.rest()


def _emptied_again(hand: Hand) -> None:
    _filled(hand)
    assert hand.editor.session is not None
    hand.editor.session.undo()
    hand.rest()


def _too_small(hand: Hand) -> None:
    hand.draw(shrunk_by=5)
    hand.editor.model.set(edge_radius=12)


def _changed(hand: Hand) -> None:
    """A mask that nobody has kept before."""
    _drawn(step=len(hand.studio.catalog.jobs()))(hand)
    hand.window.actions_table["mask_grow"].trigger()
    hand.rest()


def _unchanged(hand: Hand) -> None:
    if hand.window.review.mode is not None:
        hand.editor.leave()
        hand.press("discard_mask")
    hand.at("A1")
    hand.window.actions_table["edit_mask"].trigger()
    hand.qtbot.waitUntil(lambda: hand.editor.session is not None)


def _holds(tool: MaskTool, subtracts: bool = False) -> Case:
    start = _drawn(tool=MaskTool.LASSO if tool is not MaskTool.LASSO else MaskTool.FILL)
    return Case(
        start,
        lambda hand: (hand.editor.model.settings.tool, hand.editor.model.settings.subtracts),
        (tool, subtracts),
    )


def _setting(name: str, becomes: object) -> Case:
    return Case(_drawn(), lambda hand: getattr(hand.editor.model.settings, name), becomes)


def _covered(hand: Hand) -> float:
    """Share of the photograph inside the mask."""
    return round(float(hand.alpha().mean()) / 255, 4)


def _area(hand: Hand) -> int:
    return int((hand.alpha() > 127).sum())


MASK = {
    "mask_brush": _holds(MaskTool.BRUSH),
    "mask_eraser": _holds(MaskTool.BRUSH, subtracts=True),
    "mask_lasso": _holds(MaskTool.LASSO),
    "mask_fill": _holds(MaskTool.FILL),
    "mask_edge": _holds(MaskTool.EDGE),
    "mask_swap": _setting("subtracts", True),
    "mask_smaller": _setting("diameter", 80),
    "mask_larger": _setting("diameter", 125),
    "mask_softer": _setting("hardness", 0.4),
    "mask_harder": _setting("hardness", 0.6),
    "mask_undo": Case(_filled, _covered, 0.25),
    "mask_redo": Case(_emptied_again, _covered, 1.0),
    "mask_grow": Case(_drawn(step=10), lambda hand: _area(hand) > 300 * 450, True),
    "mask_shrink": Case(_drawn(step=10), lambda hand: _area(hand) < 300 * 450, True),
    "mask_feather": Case(_drawn(feather=3.0), lambda hand: len(np.unique(hand.alpha())) > 10, True),
    "mask_find_edges": Case(_too_small, lambda hand: _area(hand) > 295 * 445, True),
    "mask_invert": Case(_drawn(), _covered, 0.75),
    "mask_clear": Case(_drawn(), _covered, 0.0),
    "mask_everything": Case(_drawn(), _covered, 1.0),
    "mask_view": _setting("view", MaskView.OUTLINE),
    "mask_keep": Case(
        _changed, lambda hand: (mode_is_on(hand), len(hand.studio.catalog.jobs()) - hand.noted), (False, 1)
    ),
    "mask_leave": Case(_unchanged, mode_is_on, False),
}
