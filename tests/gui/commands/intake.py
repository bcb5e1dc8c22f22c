"""Commands of the Intake page, and how each is tried."""

from __future__ import annotations

from collections.abc import Callable

from gui.actions import PageName
from tests.gui.hand import Case, Hand
from tests.gui.studio import jpeg, picture


def _pairs(hand: Hand) -> None:
    hand.drop(hand.studio.shoot("A1", "B2"))
    hand.window.intake.pairs_table.setFocus()


def _two_alone(hand: Hand) -> None:
    folder = hand.studio.folder / "alone"
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(("red_model.jpg", "blue_flat.jpg")):
        (folder / name).write_bytes(jpeg(picture(700 + seed)))
    hand.drop(folder)
    hand.window.intake.problems_list.setFocus()
    hand.window.intake.problems_list.selectAll()


def _first_pair(hand: Hand) -> None:
    _pairs(hand)
    hand.window.intake.pairs_table.selectRow(0)


def _cleared(hand: Hand) -> None:
    _pairs(hand)
    hand.window.intake.clear()


def _uncleared(hand: Hand) -> None:
    _cleared(hand)
    hand.window.actions_table["undo_intake"].trigger()


def _preset(hand: Hand) -> None:
    """A preset "North" that is chosen, and whose choices have changed since."""
    hand.show(PageName.INTAKE)
    plan = hand.window.intake.plan
    for preset in plan.presets.presets:
        plan.presets.set_current(preset.name)
        hand.window.actions_table["delete_preset"].trigger()
        hand.press("delete_for_good")
        hand.rest()
    plan.presets._save("North")
    hand.rest()
    plan.options.seeds.choose(5 if plan.choices().seeds != 5 else 3)
    hand.noted = plan.choices().seeds


def _answer(name: str) -> Callable[[Hand], None]:
    def answer(hand: Hand) -> None:
        dialog = hand.window.intake.plan.presets.dialog
        assert dialog is not None
        dialog.setTextValue(name)
        dialog.accept()

    return answer


def _presets(hand: Hand) -> set[str]:
    return {preset.name for preset in hand.window.intake.plan.presets.presets}


def _preset_has_the_choices(hand: Hand) -> bool:
    preset = hand.window.intake.plan.presets.find("North")
    return preset is not None and preset.seeds == hand.noted


def _hot_folder(hand: Hand) -> None:
    folder = hand.studio.folder / "hot"
    folder.mkdir(exist_ok=True)
    hand.choose(folder)
    hand.show(PageName.INTAKE)


def _new_pair(hand: Hand) -> None:
    name = f"S{len(hand.studio.catalog.jobs()) + 1}"
    folder = hand.studio.shoot(name)
    hand.drop(folder / f"{name}_model.jpg", folder / f"{name}_flat.jpg")
    hand.noted = len(hand.studio.catalog.jobs())


INTAKE = {
    "pair": Case(_two_alone, lambda hand: hand.skus(), {"red"}),
    "leave_out": Case(_first_pair, lambda hand: "a1" in hand.skus(), False),
    "clear_intake": Case(_pairs, lambda hand: hand.skus(), set()),
    "undo_intake": Case(_cleared, lambda hand: {"a1", "b2"} <= hand.skus(), True),
    "redo_intake": Case(_uncleared, lambda hand: hand.skus(), set()),
    "save_preset": Case(_preset, _presets, {"North", "South"}, _answer("South")),
    "update_preset": Case(_preset, _preset_has_the_choices, True),
    "rename_preset": Case(_preset, _presets, {"West"}, _answer("West")),
    "delete_preset": Case(_preset, _presets, set(), lambda hand: hand.press("delete_for_good")),
    "watch_folder": Case(_hot_folder, lambda hand: [path.name for path in hand.window.intake.watch.rows], ["hot"]),
    "start": Case(
        _new_pair, lambda hand: (len(hand.studio.catalog.jobs()) - hand.noted, hand.window.page), (1, PageName.QUEUE)
    ),
}
