"""Commands of the Review page, and how each is tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.domain.jobs import Reason
from engine.domain.review import Decision
from gui import preferences
from gui.review import settings as review_settings
from gui.review.edit_dialog import EditDialog
from tests.gui.hand import Case, Hand
from tests.gui.studio import editor_that_notes


def _at(name: str) -> Callable[[Hand], object]:
    return lambda hand: hand.at(name)


def _decided(hand: Hand) -> None:
    hand.at("B2")
    hand.window.review.decide(Decision.APPROVED)
    hand.window.review.select(hand.stored("B2").job_id)


def _undone(hand: Hand) -> None:
    _decided(hand)
    hand.window.actions_table["undo"].trigger()


def _rated(stars: int) -> Callable[[Hand], None]:
    def there(hand: Hand) -> None:
        row = hand.at("B2")
        hand.window.review.verdicts.rate([row], stars)
        hand.window.review.select(row.job_id)

    return there


def _advancing(hand: Hand) -> None:
    hand.at("B2")
    if not review_settings.auto_advance():
        hand.window.actions_table["auto_advance"].trigger()


def _version(hand: Hand) -> int:
    row = hand.window.review.current_row()
    return row.version if row is not None else 0


def _old_version(hand: Hand) -> None:
    hand.at("V9")
    hand.window.review.step_version(-1)
    hand.rest()


def _marks(hand: Hand) -> bool:
    hand.rest()
    return hand.window.review.current_id() in [mark.job_id for mark in hand.studio.catalog.training_marks()]


def _in_grid(hand: Hand) -> None:
    hand.at("B2")
    hand.window.review.show_grid(True)


def mode_is_on(hand: Hand) -> bool:
    return hand.window.review.mode is not None


def _decision(hand: Hand) -> Decision:
    return hand.stored("B2").decision


def _reason(hand: Hand) -> tuple[Decision, Reason | None]:
    return _decision(hand), hand.stored("B2").reason


def _with_an_editor(hand: Hand) -> None:
    """An editor that notes what it was asked to open, and has opened nothing yet."""
    noted = hand.studio.folder / "opened.txt"
    noted.unlink(missing_ok=True)
    preferences.set_editor(editor_that_notes(noted))
    hand.at("B2")


def _opened(hand: Hand) -> list[str]:
    noted = hand.studio.folder / "opened.txt"
    return [Path(line).name for line in noted.read_text().splitlines()] if noted.exists() else []


REVIEW = {
    "open_in_editor": Case(_with_an_editor, _opened, ["B2_model.psd"]),
    "approve": Case(_at("B2"), _decision, Decision.APPROVED),
    "reject": Case(_at("B2"), _decision, Decision.REJECTED),
    "clear_verdict": Case(_decided, _decision, Decision.PENDING),
    "undo": Case(_decided, _decision, Decision.PENDING),
    "redo": Case(_undone, _decision, Decision.APPROVED),
    "previous": Case(_at("C3"), Hand.name, "B2"),
    "next": Case(_at("B2"), Hand.name, "C3"),
    "reject_color": Case(_at("B2"), _reason, (Decision.REJECTED, Reason.COLOR)),
    "reject_mask": Case(_at("B2"), _reason, (Decision.REJECTED, Reason.MASK)),
    "reject_drift": Case(_at("B2"), _reason, (Decision.REJECTED, Reason.DRIFT)),
    "reject_other": Case(_at("B2"), _reason, (Decision.REJECTED, Reason.OTHER)),
    **{
        f"rate_{stars}": Case(_rated((stars + 1) % 6), lambda hand: hand.stored("B2").rating, stars)
        for stars in range(6)
    },
    "auto_advance": Case(_advancing, lambda _: review_settings.auto_advance(), False),
    "older_version": Case(_at("V9"), _version, 1),
    "newer_version": Case(_old_version, _version, 2),
    "training_pair": Case(_at("B2"), _marks, True),
    "note": Case(_at("B2"), lambda hand: hand.window.review.note.hasFocus(), True),
    "edit": Case(_at("B2"), lambda hand: hand.is_shown(EditDialog), True),
    "grid": Case(_at("B2"), lambda hand: hand.window.review.grid.isVisible(), True),
    "select_all": Case(
        _in_grid, lambda hand: len(hand.window.review.chosen()) == hand.window.review.results.rowCount(), True
    ),
    "accept_under": Case(
        _at("D4"), lambda hand: hand.stored("D4").decision, Decision.APPROVED, lambda hand: hand.press("accept_all")
    ),
    "edit_mask": Case(_at("B2"), mode_is_on, True),
}
