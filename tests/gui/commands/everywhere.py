"""Commands that are on everywhere, and how each is tried."""

from __future__ import annotations

from gui.actions import PageName
from tests.gui.hand import Case, Hand


def _elsewhere(hand: Hand) -> None:
    hand.window.intake.clear()
    hand.show(PageName.SETTINGS)


def _choose_folder(hand: Hand) -> None:
    hand.choose(hand.studio.shoot("A1", "B2"))
    _elsewhere(hand)


def _choose_files(hand: Hand) -> None:
    folder = hand.studio.shoot("C3")
    hand.choose(folder / "C3_model.jpg", folder / "C3_flat.jpg")
    _elsewhere(hand)


def _page(page: PageName, before: PageName = PageName.SETTINGS) -> Case:
    return Case(lambda hand: hand.show(before), lambda hand: hand.window.page, page)


def _sheet_is_open(hand: Hand) -> bool:
    return hand.window._sheet is not None and hand.window._sheet.isVisible()


def _unpaused(hand: Hand) -> None:
    hand.window.actions_table["pause"].setChecked(False)
    hand.studio.dispatcher.resume()


EVERYWHERE = {
    "add_folder": Case(_choose_folder, lambda hand: {"a1", "b2"} <= hand.skus(), True),
    "add_files": Case(_choose_files, lambda hand: hand.skus(), {"c3"}),
    "demo": Case(_elsewhere, lambda hand: "demo" in hand.skus(), True),
    "pause": Case(_unpaused, lambda hand: hand.studio.dispatcher._paused.is_set(), True),
    "show_intake": _page(PageName.INTAKE),
    "show_queue": _page(PageName.QUEUE),
    "show_review": _page(PageName.REVIEW),
    "show_export": _page(PageName.EXPORT),
    "show_models": _page(PageName.MODELS),
    "show_training": _page(PageName.TRAINING),
    "show_settings": _page(PageName.SETTINGS, PageName.QUEUE),
    "cheat_sheet": Case(lambda hand: hand.show(PageName.QUEUE), _sheet_is_open, True),
    "quit": Case(lambda hand: hand.show(PageName.INTAKE), lambda hand: hand.window.isVisible(), False),
}
