"""Commands of the Export page, and how each is tried."""

from __future__ import annotations

from collections.abc import Callable

from engine.domain.export import Collision
from engine.domain.review import Decision
from gui.actions import PageName
from tests.gui.hand import RESULTS, Case, Hand


def _approved(hand: Hand) -> None:
    for name in RESULTS:
        hand.window.review.verdicts.decide([hand.at(name)], Decision.APPROVED)
    hand.show(PageName.EXPORT)


def _exporting(hand: Hand) -> None:
    _approved(hand)
    hand.window.export.form.collision.choose(Collision.OVERWRITE)
    hand.window.export.export()


def _headline(words: str) -> Callable[[Hand], bool]:
    return lambda hand: words in hand.window.export._headline.text()


EXPORT = {
    "export": Case(
        _approved, lambda hand: (hand.studio.services.default_export_folder / "A1_model.psd").is_file(), True
    ),
    "stop_export": Case(_exporting, _headline("The export was stopped"), True),
}
