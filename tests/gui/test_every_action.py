"""Every command of the window is given by each of its keys, or from its menu, and does what it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest
from PIL import ImageCms
from PySide6.QtCore import QItemSelectionModel, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QMessageBox
from pytestqt.qtbot import QtBot

from engine.domain.artifacts import ArtifactKind
from engine.domain.jobs import JobFailure, JobState, Origin, Reason
from engine.domain.requests import EngineName, MaskRequest
from engine.domain.review import Decision
from engine.services.registries import load_registry
from gui import preferences
from gui.actions import COMMANDS, Command, PageName
from gui.frame.main_window import MainWindow
from gui.mask_editor.canvas import MaskView
from gui.mask_editor.model import MaskTool
from gui.models.licence_dialog import LicenceDialog
from gui.pictures.parts import Arrangement, Part
from gui.review import settings as review_settings
from gui.review.edit_dialog import EditDialog
from gui.viewer import settings as viewer_settings
from storage.thumbnails import SqliteThumbnails
from tests.gui.hand import Case, Hand
from tests.gui.studio import Studio, jpeg, picture, png
from tests.hollow_kontext import hollow_kontext
from tests.lora_dialects import PublishedLora, saved, spelled
from tests.model_hub import TOKEN, ModelHub, serve

KONTEXT = "FLUX.1-Kontext-dev"


def command(name: str) -> Command:
    return next(each for each in COMMANDS if each.name == name)


# -- everywhere ---------------------------------------------------------------------------------------------------


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
    "show_settings": _page(PageName.SETTINGS, PageName.QUEUE),
    "cheat_sheet": Case(lambda hand: hand.show(PageName.QUEUE), _sheet_is_open, True),
    "quit": Case(lambda hand: hand.show(PageName.INTAKE), lambda hand: hand.window.isVisible(), False),
}


# -- intake -------------------------------------------------------------------------------------------------------


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


# -- queue --------------------------------------------------------------------------------------------------------


def _queued(*numbers: int) -> Callable[[Hand], None]:
    """Three jobs wait as they came, and those of these numbers are chosen."""

    def there(hand: Hand) -> None:
        hand.show(PageName.QUEUE)
        table, jobs = hand.window.queue.table, hand.window.queue.jobs
        waiting = sorted(job.id for job in hand.studio.catalog.jobs(states=[JobState.QUEUED]))
        hand.studio.catalog.set_priority(waiting, 0)
        hand.studio.catalog.reorder(waiting, None)
        hand.window.queue.reload()
        hand.rest()
        table.selectionModel().clearSelection()
        for number in numbers:
            flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
            table.selectionModel().select(jobs.index(jobs.row_of(waiting[number]) or 0, 0), flags)
        table.setFocus()
        hand.noted = waiting[numbers[0]]

    return there


def _failed(hand: Hand) -> None:
    _queued(0)(hand)
    (job,) = hand.studio.catalog.jobs(states=[JobState.FAILED])
    hand.window.queue.table.selectRow(hand.window.queue.jobs.row_of(job.id) or 0)
    hand.noted = job.id
    QGuiApplication.clipboard().clear()
    hand.opened.clear()


def _places(hand: Hand) -> list[int]:
    """The jobs that wait, by number, in the order in which they run."""
    jobs = hand.studio.catalog.jobs(states=[JobState.QUEUED])
    numbers = {job.id: number for number, job in enumerate(sorted(jobs, key=lambda job: job.id))}
    return [numbers[job.id] for job in sorted(jobs, key=lambda job: (-job.priority, job.position))]


def _state(hand: Hand) -> JobState:
    return hand.studio.catalog.job(hand.noted).state


def _clipboard(hand: Hand) -> bool:
    return "no garment was found" in QGuiApplication.clipboard().text()


QUEUE = {
    "sooner": Case(_queued(2), lambda hand: hand.studio.catalog.job(hand.noted).priority, 1),
    "later": Case(_queued(0), lambda hand: hand.studio.catalog.job(hand.noted).priority, -1),
    "run_next": Case(_queued(2), _places, [2, 0, 1]),
    "move_up": Case(_queued(2), _places, [0, 2, 1]),
    "move_down": Case(_queued(0), _places, [1, 0, 2]),
    "copy_failure": Case(_failed, _clipboard, True),
    "show_photograph": Case(_failed, lambda hand: [path.name for path in hand.opened], ["drop"]),
    "retry": Case(_failed, _state, JobState.QUEUED),
    "cancel": Case(_queued(1), _state, JobState.CANCELLED),
}


# -- review -------------------------------------------------------------------------------------------------------


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


def _mode_is_on(hand: Hand) -> bool:
    return hand.window.review.mode is not None


def _decision(hand: Hand) -> Decision:
    return hand.stored("B2").decision


def _reason(hand: Hand) -> tuple[Decision, Reason | None]:
    return _decision(hand), hand.stored("B2").reason


REVIEW = {
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
    "edit_mask": Case(_at("B2"), _mode_is_on, True),
}


# -- looking at pictures ------------------------------------------------------------------------------------------


def _looking(**held: bool) -> Callable[[Hand], None]:
    """At a result, every instrument laid down but these."""

    def there(hand: Hand) -> None:
        hand.at("A1")
        actions = hand.window.actions_table
        for name in ("compare", "wipe", "mask", "heat_map", "disagreement", "loupe", "eyedropper", "soft_proof"):
            if actions[name].isChecked() is not held.get(name, False):
                actions[name].trigger()
        while hand.window.review.compare.arrangement is not Arrangement.THREE:
            actions["split"].trigger()
        hand.window.review.compare.link.fit()
        hand.rest()
        hand.window.review.list.setFocus()

    return there


def _under_pointer(hand: Hand) -> None:
    _looking()(hand)
    view = hand.view(Part.RESULT)
    hand.qtbot.mouseMove(view, QPoint(view.width() // 2, view.height() // 2))


def _wiped(hand: Hand) -> None:
    _looking(wipe=True)(hand)
    hand.view(Part.RESULT).move_divider(0.5)


def _pinned(hand: Hand) -> None:
    _looking(eyedropper=True)(hand)
    hand.window.review.compare.eyedropper.pin(Part.RESULT, QPointF(0.5, 0.5))


def _magnified(hand: Hand) -> None:
    _looking()(hand)
    hand.window.review.compare.zoom(1.25)


def _middle_grey(hand: Hand) -> None:
    _looking()(hand)
    viewer_settings.set_surround(0.18)


def _doubtful(hand: Hand) -> None:
    _looking()(hand)
    hand.at("E5")


def _profile_file(hand: Hand) -> Path:
    file = hand.studio.folder / "screen.icc"
    file.write_bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    return file


def _no_profile(hand: Hand) -> None:
    _looking()(hand)
    hand.choose(_profile_file(hand))
    hand.window.review.viewer._set_profile(None)


def _a_profile(hand: Hand) -> None:
    _looking()(hand)
    hand.window.review.viewer._set_profile(_profile_file(hand))
    hand.rest()


def _says_how(words: str) -> Callable[[Hand], bool]:
    return lambda hand: words in hand.window.review.viewer.bar.texts()["display"]


def _blinks(hand: Hand) -> bool:
    return hand.window.review.compare.panes[Part.RESULT].title == "Original, in place of the result"


def _divider(hand: Hand) -> float:
    return round(hand.view(Part.RESULT).divider, 2)


def _zoom(hand: Hand) -> float:
    return round(hand.window.review.compare.link.zoom, 3)


LOOKING = {
    "compare": Case(_looking(), _blinks, True),
    "wipe": Case(_looking(), lambda hand: hand.view(Part.RESULT).before is not None, True),
    "wipe_left": Case(_wiped, _divider, 0.45),
    "wipe_right": Case(_wiped, _divider, 0.55),
    "split": Case(
        _looking(), lambda hand: [part for part in Part if part in _TITLED and hand.view(part).isVisible()],
        [Part.ORIGINAL, Part.RESULT],
    ),
    "mask": Case(_looking(), lambda hand: hand.view(Part.RESULT).mask is not None, True),
    "heat_map": Case(_looking(), lambda hand: hand.window.review.viewer.bar.legend.isVisible(), True),
    "disagreement": Case(_doubtful, lambda hand: hand.view(Part.ORIGINAL).doubt is not None, True),
    "loupe": Case(_under_pointer, lambda hand: hand.view(Part.RESULT).under_loupe() is not None, True),
    "eyedropper": Case(_looking(), lambda hand: hand.view(Part.RESULT).tool is not None, True),
    "unpin": Case(_pinned, lambda hand: hand.view(Part.RESULT).pin, None),
    "actual_size": Case(_looking(), lambda hand: round(hand.view(Part.RESULT).scale, 3), 1.0),
    "fit": Case(_magnified, _zoom, 1.0),
    "zoom_in": Case(_looking(), _zoom, 1.25),
    "zoom_out": Case(_magnified, _zoom, 1.0),
    "soft_proof": Case(_looking(), _says_how("soft proof"), True),
    "display_profile": Case(_no_profile, _says_how("profile unknown"), False),
    "forget_display_profile": Case(_a_profile, _says_how("profile unknown"), True),
    "surround_lighter": Case(_middle_grey, lambda _: viewer_settings.surround(), 0.36),
    "surround_darker": Case(_middle_grey, lambda _: viewer_settings.surround(), 0.09),
}  # fmt: skip
_TITLED = (Part.FLATLAY, Part.ORIGINAL, Part.RESULT)


# -- mask editor --------------------------------------------------------------------------------------------------


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
        _changed, lambda hand: (_mode_is_on(hand), len(hand.studio.catalog.jobs()) - hand.noted), (False, 1)
    ),
    "mask_leave": Case(_unchanged, _mode_is_on, False),
}


# -- export -------------------------------------------------------------------------------------------------------


def _approved(hand: Hand) -> None:
    for name in AFTER:
        hand.window.review.verdicts.decide([hand.at(name)], Decision.APPROVED)
    hand.show(PageName.EXPORT)


def _exporting(hand: Hand) -> None:
    _approved(hand)
    hand.window.export.overwrite.setChecked(True)
    hand.window.export.export()


def _headline(words: str) -> Callable[[Hand], bool]:
    return lambda hand: words in hand.window.export._headline.text()


EXPORT = {
    "export": Case(
        _approved, lambda hand: (hand.studio.services.default_export_folder / "A1_model.psd").is_file(), True
    ),
    "stop_export": Case(_exporting, _headline("The export was stopped"), True),
}


# -- models -------------------------------------------------------------------------------------------------------


def _models(hand: Hand) -> Path:
    hand.show(PageName.MODELS)
    hand.opened.clear()
    return hand.studio.folder / "models"


def _kontext_came(hand: Hand) -> None:
    folder = _models(hand) / KONTEXT
    rmtree(folder, ignore_errors=True)  # what a stopped download has left
    hand.window.models.reload()
    hand.rest()
    hollow_kontext(folder)


def _other_model(hand: Hand) -> Path:
    folder = hand.studio.folder / "other kontext"
    if not folder.exists():
        hollow_kontext(folder)
    return folder


def _choose_model(hand: Hand) -> None:
    hand.choose(_other_model(hand) / "model_index.json")
    _models(hand)


def _chosen_model(hand: Hand) -> None:
    preferences.set_kontext_model(_other_model(hand))
    hand.show(PageName.EXPORT)
    _models(hand)


def _choose_lora(hand: Hand) -> None:
    hand.choose(hand.studio.folder / "Our Scarf.safetensors")
    hand.show(PageName.QUEUE)


def _registered(hand: Hand) -> None:
    _models(hand)
    hand.window.models.add([hand.studio.folder / "Our Scarf.safetensors"])
    loras = hand.window.models.loras
    hand.qtbot.waitUntil(lambda: loras.form is not None, timeout=30_000)
    assert loras.form is not None
    loras.form.task.setCurrentText("scarf")
    loras.form.add_button.click()
    hand.qtbot.waitUntil(lambda: loras.form is None, timeout=10_000)
    hand.rest()
    hand.window.activateWindow()
    hand.qtbot.waitUntil(hand.window.isActiveWindow)
    loras.table.selectRow(loras.loras.row_of("our-scarf") or 0)
    loras.table.setFocus()
    hand.qtbot.waitUntil(loras.table.hasFocus)


def _downloading(hub: ModelHub) -> Callable[[Hand], None]:
    def there(hand: Hand) -> None:
        _models(hand)
        hand.window.banner.hide()
        hand.window.models.kontext.download(TOKEN, hub.url)

    return there


def _found(hand: Hand) -> str:
    return hand.window.models.kontext.state.text()


def _models_of(hub: ModelHub) -> dict[str, Case]:
    return {
        "download_model": Case(_models, lambda hand: hand.is_shown(LicenceDialog), True),
        "stop_download": Case(_downloading(hub), lambda hand: "was stopped" in hand.window.banner.text(), True),
        "choose_model": Case(_choose_model, lambda hand: preferences.kontext_model() == _other_model(hand), True),
        "default_model": Case(_chosen_model, lambda _: preferences.kontext_model(), None),
        "add_lora": Case(
            _choose_lora,
            lambda hand: (hand.window.page, hand.window.models.loras.form is not None),
            (PageName.MODELS, True),
        ),
        "remove_lora": Case(
            _registered, lambda _: "scarf" in load_registry().mask_types(), False, lambda hand: hand.press("remove_now")
        ),
        "open_models_folder": Case(_models, lambda hand: [path.name for path in hand.opened], ["models"]),
        "look_again": Case(_kontext_came, _found, "Found"),
    }


# -- settings -----------------------------------------------------------------------------------------------------


def _keys_of(name: str, *keys: str) -> Callable[[Hand], None]:
    """On the settings page, a command chosen that has these keys."""

    def there(hand: Hand) -> None:
        hand.show(PageName.SETTINGS)
        hand.window.actions_table.set_keys(command(name), keys)
        hand.window.settings.shortcuts.select(name)

    return there


def _press_j(hand: Hand) -> None:
    dialog = hand.window.settings.shortcuts.dialog
    assert dialog is not None
    hand.qtbot.keyClick(dialog.field, Qt.Key.Key_J)
    dialog.use.click()


def _reset_all(hand: Hand) -> None:
    box = hand.window.findChild(QMessageBox, "reset_question")
    assert isinstance(box, QMessageBox)
    next(button for button in box.buttons() if button.text() == "Reset all").click()


def _keys_of_approve(hand: Hand) -> tuple[str, ...]:
    return hand.window.actions_table.keys(command("approve"))


def _thumbnail_kept(hand: Hand) -> None:
    assert hand.studio.services.thumbnails is not None
    hand.studio.services.thumbnails.put("a", b"jpeg")
    hand.show(PageName.SETTINGS)


def _thumbnail(hand: Hand) -> bytes | None:
    assert hand.studio.services.thumbnails is not None
    return hand.studio.services.thumbnails.get("a")


def _settings(hand: Hand) -> None:
    hand.show(PageName.SETTINGS)


SETTINGS = {
    "change_shortcut": Case(_keys_of("approve", "P"), _keys_of_approve, ("J",), _press_j),
    "reset_shortcut": Case(_keys_of("approve", "J"), _keys_of_approve, ("P",)),
    "reset_shortcuts": Case(
        _keys_of("approve", "J"), lambda hand: hand.window.actions_table.has_changed_keys, False, _reset_all
    ),
    "backup_catalog": Case(_settings, lambda hand: len(list(hand.studio.folder.glob("*.backup-*.db"))), 1),
    "check_catalog": Case(
        _settings, lambda hand: hand.window.settings.catalog.result.text(), "The catalog is sound."
    ),
    "clear_thumbnails": Case(_thumbnail_kept, _thumbnail, None),
}  # fmt: skip


# -- the tests ----------------------------------------------------------------------------------------------------

AFTER = {"A1": 2.0, "B2": 7.5, "C3": 4.0, "D4": 0.5, "V9": 0.9}
"""ΔE00 of the results: the list begins with the worst, B2 C3 A1."""


@pytest.fixture
def hand(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hand]:
    """The window on a filled studio: results, one in two versions, one with a doubtful mask, and jobs that wait."""
    with ExitStack() as stack:
        thumbnails = SqliteThumbnails(studio.folder / "thumbs.db")
        stack.callback(thumbnails.close)
        studio.services = replace(studio.services, thumbnails=thumbnails)
        *_, old = studio.finish(AFTER)
        request = MaskRequest(EngineName.CLASSICAL, "another version", "shirt")
        origin = Origin(old.id, Reason.MASK_EDITED, "Ben")
        studio.catalog.add_jobs(old.batch_id, [(old.pair_id, request)], origins=[origin])
        _finish_next(studio, 0.8)
        studio.queue("E5")
        _finish_next(studio, 0.7, doubtful=True)
        studio.queue("W1", "W2", "W3", "W4")
        failed, now = studio.catalog.claim("test", datetime.now(UTC)), datetime.now(UTC)
        assert failed is not None
        failure = JobFailure("W1_model.jpg: no garment was found", "Draw the mask by hand.", True)
        assert studio.catalog.fail(failed.id, "test", failure, now)
        window = open_window()
        window.header.batches.setCurrentIndex(0)  # all batches
        # On a busy machine a key that is only pressed comes up late, and would count as held.
        monkeypatch.setattr("gui.viewer.viewer._HELD_SECONDS", 60.0)
        made = Hand(window, studio, qtbot, monkeypatch)
        made.rest()
        yield made
        if window.isVisible():
            made.front()


def _finish_next(studio: Studio, delta_E: float, *, doubtful: bool = False) -> None:
    now = datetime.now(UTC)
    job = studio.catalog.claim("test", now)
    assert job is not None
    outcome = studio.outcome(job, delta_E, 0.9)
    if doubtful:
        doubt = studio.artifacts.put(ArtifactKind.PREVIEW, png(np.full((450, 300), 200, np.uint8)), ".png")
        outcome = replace(outcome, previews=replace(outcome.previews, disagreement=doubt))
    assert studio.catalog.succeed(job.id, "test", outcome, now)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelHub]:
    """A server with a model of a few bytes, and a registry that knows its files."""
    models = tmp_path / "models"
    (models / "loras").mkdir(parents=True)
    monkeypatch.setenv("CHROMASK_MODELS", str(models))
    served = hollow_kontext(tmp_path / "served")
    files = sorted(path.relative_to(served).as_posix() for path in served.rglob("*") if path.is_file())
    entry = load_registry().model(KONTEXT)
    rows = {name: getattr(entry, name) for name in ("name", "model_id", "source", "size_gb", "licence", "note")}
    rows |= {"commercial_use": False, "terms": entry.terms, "files": files}
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in rows.items())
    (models / "loras.toml").write_text(f"[[model]]\n{text}\n")
    saved(spelled(PublishedLora(1, 1, rank=2).original, "lora_unet_", "down", "_"), tmp_path / "Our Scarf.safetensors")
    with serve(served, entry.model_id) as hub:
        yield hub


def assert_each_does_what_it_says(hand: Hand, cases: dict[str, Case]) -> None:
    faults = [fault for name, case in cases.items() for fault in hand.tried(command(name), case)]
    assert not faults, "\n".join(faults)


def test_every_command_of_the_table_is_tried_once(tmp_path: Path) -> None:
    models = _models_of(ModelHub(tmp_path, ""))
    tables = (EVERYWHERE, INTAKE, QUEUE, REVIEW, LOOKING, MASK, EXPORT, models, SETTINGS)
    assert sorted(name for table in tables for name in table) == sorted(each.name for each in COMMANDS)


def test_commands_that_are_on_everywhere(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, EVERYWHERE)


def test_commands_of_the_intake(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, INTAKE)


def test_commands_of_the_queue(hand: Hand) -> None:
    hand.studio.dispatcher.pause()
    hand.window.begin()
    assert_each_does_what_it_says(hand, QUEUE)


def test_commands_of_the_review(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, REVIEW)


def test_commands_for_looking_at_pictures(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, LOOKING)


def test_commands_of_the_mask_editor(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, MASK)


def test_commands_of_the_export(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, EXPORT)


def test_commands_of_the_models_page(hub: ModelHub, hand: Hand) -> None:
    assert_each_does_what_it_says(hand, _models_of(hub))


def test_commands_of_the_settings(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, SETTINGS)


def test_a_command_that_does_nothing_is_noticed(hand: Hand) -> None:
    """The oracle of all the others."""
    case = Case(lambda hand: hand.show(PageName.QUEUE), lambda hand: hand.is_shown(QDialog), True)
    hand.monkeypatch.setattr("tests.gui.hand._PATIENCE", 200)
    assert hand.tried(command("show_intake"), case) == ["show_intake by Ctrl+1: False in place of True"]
    assert hand.tried(command("approve"), case) == ["approve by P: is switched off"]
    assert "already" in hand.tried(command("show_queue"), replace(case, becomes=False))[0]
