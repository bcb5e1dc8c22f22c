"""Commands of the Export page, and how each is tried."""

from __future__ import annotations

from collections.abc import Callable

from engine.domain.export import Collision
from engine.domain.review import Decision
from gui.actions import PageName
from gui.export.returned import Standing
from tests.gui.hand import RESULTS, Case, Hand
from tests.gui.retouched import conflict


def _approved(hand: Hand) -> None:
    for name in RESULTS:
        hand.window.review.verdicts.decide([hand.at(name)], Decision.APPROVED)
    hand.show(PageName.EXPORT)


def _exporting(hand: Hand) -> None:
    _approved(hand)
    hand.window.export.form.collision.choose(Collision.OVERWRITE)
    hand.window.export.export()


def _headline(words: str) -> Callable[[Hand], bool]:
    return lambda hand: words in hand.window.export.written.headline


def _came_back(hand: Hand) -> None:
    """A file in conflict: a colleague and a retoucher have both changed the mask of A1."""
    back, folder = hand.window.export.back, hand.studio.folder / "retouched"
    hand.show(PageName.EXPORT)
    entries = hand.window.returned.entries
    if not entries:
        path = conflict(hand.studio, hand.stored("A1").job_id, folder)
        hand.window.returned.take_files([path])
        hand.rest()
    (entry,) = entries
    if entry.can_undo:
        hand.window.returned.undo(entry)
        hand.rest()
    if not entries[0].can_keep:  # what was taken and put back stands as kept
        hand.window.returned.undo(entries[0])
        hand.rest()
    back.files.setCurrentRow(0)
    back.files.setFocus()


def _kept(hand: Hand) -> None:
    _came_back(hand)
    hand.window.returned.keep(hand.window.returned.entries[0])
    hand.rest()
    hand.window.export.back.files.setFocus()


def _standing(hand: Hand) -> Standing:
    return hand.window.returned.entries[0].standing


def _chosen(hand: Hand) -> None:
    path = conflict(hand.studio, hand.stored("C3").job_id, hand.studio.folder / "other")
    hand.show(PageName.EXPORT)
    hand.choose(path)


def _script_is_shown(hand: Hand) -> bool:
    return any((folder / "Chromask batch.jsx").is_file() for folder in hand.opened)


EXPORT = {
    "take_returned": Case(_came_back, _standing, Standing.TAKEN),
    "keep_returned": Case(_came_back, _standing, Standing.KEPT),
    "undo_returned": Case(_kept, _standing, Standing.CONFLICT),
    "take_back": Case(_chosen, lambda hand: len(hand.window.returned.entries), 2),
    "photoshop_script": Case(lambda hand: hand.show(PageName.EXPORT), _script_is_shown, True),
    "export": Case(
        _approved, lambda hand: (hand.studio.services.default_export_folder / "A1_model.psd").is_file(), True
    ),
    "stop_export": Case(_exporting, _headline("The export was stopped"), True),
}
