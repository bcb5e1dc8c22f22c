"""The commands of the review page: what each does, and when it makes sense."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from engine.domain.jobs import Reason
from engine.domain.review import HIGHEST_RATING, Decision
from gui.actions import Actions
from gui.review import settings as review_settings

if TYPE_CHECKING:
    from gui.review.page import ReviewPage

REASONS = {
    "reject_color": Reason.COLOR, "reject_mask": Reason.MASK, "reject_drift": Reason.DRIFT,
    "reject_other": Reason.OTHER,
}  # fmt: skip
RATINGS = {f"rate_{stars}": stars for stars in range(HIGHEST_RATING + 1)}
_OF_ONE = (
    "approve",
    "reject",
    "clear_verdict",
    "previous",
    "next",
    "note",
    "edit",
    "open_in_editor",
    "training_pair",
    *REASONS,
    *RATINGS,
)


class ReviewCommands:
    """Connects the window's actions with the page; while a mode has the page they do nothing."""

    def __init__(self, page: ReviewPage, actions: Actions) -> None:
        self._page, self._actions = page, actions
        actions["auto_advance"].setChecked(review_settings.auto_advance())
        calls: dict[str, Callable[[], object]] = {
            "approve": partial(page.decide, Decision.APPROVED),
            "reject": partial(page.decide, Decision.REJECTED),
            "clear_verdict": partial(page.decide, Decision.PENDING),
            "undo": partial(page.flow.step_back, forward=False),
            "redo": partial(page.flow.step_back, forward=True),
            "previous": partial(page.move, -1),
            "next": partial(page.move, +1),
            "older_version": partial(page.step_version, -1),
            "newer_version": partial(page.step_version, +1),
            "note": page.note.setFocus,
            "grid": lambda: page.show_grid(page.is_grid),
            "select_all": page.grid.selectAll,
            "accept_under": page.ask_to_accept,
            "training_pair": page.flow.mark_for_training,
            "edit": lambda: page.edits.ask(page.current_id()),
            "edit_mask": page.mask_editing.begin,
            "open_in_editor": page.hand_out.open,
        }
        calls |= {name: partial(page.flow.reject_for, reason) for name, reason in REASONS.items()}
        calls |= {name: partial(page.flow.rate, stars) for name, stars in RATINGS.items()}
        for name, call in calls.items():
            actions.on(name, partial(self._give, call))
        actions.on("auto_advance", self._keep_advance)

    @property
    def advances(self) -> bool:
        """Whether a verdict goes on to the next result."""
        return self._actions["auto_advance"].isChecked()

    def refresh(self) -> None:
        """Switch the commands on where they make sense."""
        page, actions = self._page, self._actions
        is_here = page.isVisible() and page.mode is None
        has_result = page.current_id() is not None
        for name in _OF_ONE:
            actions[name].setEnabled(is_here and has_result)
        for name, step in (("older_version", -1), ("newer_version", +1)):
            actions[name].setEnabled(is_here and not page.is_grid and page.history.neighbour(step) is not None)
        actions["auto_advance"].setEnabled(is_here)
        actions["grid"].setEnabled(is_here and page.results.is_any)
        actions["select_all"].setEnabled(is_here and has_result and page.is_grid)
        actions["accept_under"].setEnabled(is_here and has_result)
        actions["undo"].setEnabled(is_here and page.verdicts.can_undo)
        actions["redo"].setEnabled(is_here and page.verdicts.can_redo)
        actions["edit_mask"].setEnabled(is_here and page.mask_editing.can_begin)

    def _give(self, call: Callable[[], object]) -> None:
        if self._page.mode is None:
            call()

    def _keep_advance(self) -> None:
        review_settings.set_auto_advance(self.advances)
