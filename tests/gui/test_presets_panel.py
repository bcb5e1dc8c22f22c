"""Presets on the intake page: chosen, saved, renamed, deleted, and the last choices remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from engine.domain.export import Collision, ExportFormat, ExportRecipe
from engine.domain.requests import EngineName, MaskRequest
from engine.services.plan import MaskSource
from engine.services.presets import Preset, load_presets, save_preset, user_presets
from gui import preferences
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from tests.gui.studio import Studio

ACME = Preset(
    "Acme", color_match=False, garment="hoodie", engine=EngineName.CLASSICAL, mask_source=MaskSource.CLASSICAL, seeds=3,
    steps=20, draft=True, dreamed=("hat",), export=ExportRecipe((ExportFormat.JPEG,), approved_only=False),
)  # fmt: skip


def choose(window: MainWindow, name: str) -> None:
    box = window.intake.plan.presets.box
    box.setCurrentIndex(box.findText(name))
    box.activated.emit(box.currentIndex())


def rest(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.bridge.is_busy)


@pytest.fixture
def with_preset(studio: Studio) -> Studio:
    save_preset(user_presets(studio.services.catalog_path), ACME)
    return studio


def test_a_chosen_preset_is_what_the_batch_runs_with(
    with_preset: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    choose(window, "Acme")
    plan = window.intake.plan
    assert not plan.color_match.isChecked()
    assert plan.garment_mask.isEnabled()
    assert plan.choices() == ACME, "also the hat, which cannot be dreamed here"
    assert plan.plan().dreamed == ()
    window.intake.add([with_preset.shoot("A100")])
    rest(window, qtbot)
    window.actions_table["start"].trigger()
    qtbot.waitUntil(lambda: len(with_preset.catalog.jobs()) == 1)
    (job,) = with_preset.catalog.jobs()
    assert isinstance(job.request, MaskRequest)
    assert job.request.garment == "hoodie"
    rest(window, qtbot)
    assert window.export.plan().recipe.formats == (ExportFormat.JPEG,)
    assert not window.export.plan().recipe.approved_only


def test_the_last_choices_are_there_in_the_next_session(
    with_preset: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    choose(window, "Acme")
    window.intake.plan.options.seeds.choose(5)
    window.intake.add([with_preset.shoot("A100")])
    rest(window, qtbot)
    window.actions_table["start"].trigger()
    qtbot.waitUntil(lambda: preferences.last_choices().seeds == 5)
    rest(window, qtbot)
    later = open_window()
    plan = later.intake.plan
    rest(later, qtbot)
    assert plan.presets.box.currentText() == "Acme"
    assert plan.presets._changed.text() == "Changed since it was chosen."
    assert (plan.choices().seeds, plan.choices().draft, plan.choices().mask_source) == (5, True, MaskSource.CLASSICAL)


def test_choices_are_saved_changed_renamed_and_deleted(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    file, bar = user_presets(studio.services.catalog_path), window.intake.plan.presets
    actions = window.actions_table
    assert not actions["rename_preset"].isEnabled()
    window.intake.plan.color_match.setChecked(False)
    qtbot.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert bar.dialog is not None
    bar.dialog.setTextValue("North")
    bar.dialog.accept()
    qtbot.waitUntil(lambda: bar.box.currentText() == "North")
    assert load_presets(file) == (Preset("North", color_match=False),)
    assert not actions["update_preset"].isEnabled()

    window.intake.plan.options.seeds.choose(3)
    assert actions["update_preset"].isEnabled()
    actions["update_preset"].trigger()
    qtbot.waitUntil(lambda: not actions["update_preset"].isEnabled())
    assert load_presets(file)[0].seeds == 3

    actions["rename_preset"].trigger()
    bar.dialog.setTextValue("South")
    bar.dialog.accept()
    qtbot.waitUntil(lambda: bar.box.currentText() == "South")
    assert [preset.name for preset in load_presets(file)] == ["South"]

    actions["delete_preset"].trigger()
    assert bar.question is not None
    qtbot.mouseClick(bar.question.findChild(QPushButton, "delete_for_good"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bar.box.currentText() == "No preset")
    assert load_presets(file) == ()
    assert not window.intake.plan.color_match.isChecked(), "the choices stay"


def test_a_wrong_file_is_told_and_the_usual_choices_stay(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    user_presets(studio.services.catalog_path).write_text("[[preset]]\nnam = 1\n")
    window = open_window()
    qtbot.waitUntil(window.banner.isVisible)
    assert "unknown key 'nam'" in window.banner.text()
    assert window.intake.plan.choices() == Preset()


def test_a_settings_file_of_another_version_means_the_usual_choices(window: MainWindow) -> None:
    from PySide6.QtCore import QSettings

    QSettings().setValue("intake/choices", '{"steps": "many", "unheard": 1}')
    assert preferences.last_choices() == Preset()


def test_a_brand_of_the_tolerances_can_be_chosen(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    assert studio.services.catalog_path is not None
    (studio.services.catalog_path.parent / "tolerances.toml").write_text("[brand.acme]\npass = 1.5\n")
    window = open_window()
    brand = window.intake.plan.options.brand
    qtbot.waitUntil(lambda: brand.findText("acme") > 0)
    brand.setCurrentIndex(brand.findText("acme"))
    assert window.intake.plan.plan().brand == "acme"


def test_what_a_brand_gets_is_chosen_and_kept_on_the_export_page(
    with_preset: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    """Names, sizes and collisions of a preset could only be written into the file by hand."""
    file = user_presets(with_preset.services.catalog_path)
    formats = (ExportFormat.MASK, ExportFormat.PNG)  # in another order than they are shown
    save_preset(file, Preset("Other", export=ExportRecipe(formats, name_pattern="{sku}")))
    window = open_window()
    choose(window, "Acme")
    window.show_page(PageName.EXPORT)
    rest(window, qtbot)
    page = window.export
    row = page.presets
    assert [row.box.itemText(at) for at in range(row.box.count())] == ["No preset", "Acme", "Other"]
    assert not row.keep.isEnabled()

    def on(name: str) -> None:
        row.box.setCurrentIndex(row.box.findText(name))
        row.box.activated.emit(row.box.currentIndex())

    on("Other")
    assert (page.plan().recipe.name_pattern, page.plan().recipe.formats) == ("{sku}", formats[::-1])
    assert not row.keep.isEnabled()
    on("Acme")
    assert page.plan().recipe == ACME.export
    page.form.name.setText("{sku}/{nothing}")
    assert not row.keep.isEnabled(), "that cannot be read"
    page.form.name.setText("{sku}/{view}")
    page.form.collision.choose(Collision.NUMBER)
    assert row.keep.isEnabled()
    qtbot.mouseClick(row.keep, Qt.MouseButton.LeftButton)
    rest(window, qtbot)
    recipe = replace(ACME.export, name_pattern="{sku}/{view}", collision=Collision.NUMBER)
    assert [preset.export for preset in load_presets(file) if preset.name == "Acme"] == [recipe]
    assert load_presets(file)[0] == replace(ACME, export=recipe), "nothing else of it has changed"
    assert not row.keep.isEnabled()
    assert window.intake.plan.choices().export == recipe, "the page that began with it does not put it back"
    assert not window.actions_table["update_preset"].isEnabled()
    save_preset(file, replace(ACME, seeds=7, export=recipe))
    page.form.collision.choose(Collision.SKIP)
    qtbot.mouseClick(row.keep, Qt.MouseButton.LeftButton)
    rest(window, qtbot)
    kept = load_presets(file)[0]
    assert (kept.seeds, kept.export.collision) == (7, Collision.SKIP), "what was changed elsewhere meanwhile stays"
