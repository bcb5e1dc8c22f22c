"""The settings page: every choice holds at once and is there again in the next session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from gui import preferences
from gui.actions import COMMANDS, FIXED_KEYS, Command, PageName, fixed_keys
from gui.frame.main_window import MainWindow
from gui.look import theme
from gui.look.palette import DARK, LIGHT
from gui.viewer import settings as viewer_settings
from storage.thumbnails import SqliteThumbnails
from tests.gui.studio import Studio

KEY, CONTROL = Qt.Key, Qt.KeyboardModifier.ControlModifier


def command(name: str) -> Command:
    return next(each for each in COMMANDS if each.name == name)


def on_settings(open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    window = open_window()
    qtbot.keyClick(window, KEY.Key_7, CONTROL)
    assert window.page is PageName.SETTINGS
    return window


# -- cards ----------------------------------------------------------------------------------------------------------


def test_the_theme_is_chosen_by_keyboard_and_kept(open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    window = on_settings(open_window, qtbot)
    assert theme.colors() is DARK
    window.settings.appearance.theme.setFocus()
    qtbot.keyClick(window.settings.appearance.theme, KEY.Key_Down)
    assert theme.colors() is LIGHT
    assert QSettings().value("window/theme") == "light"


def test_the_grey_around_pictures_changes_in_the_viewer_at_once(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = on_settings(open_window, qtbot)
    box = window.settings.appearance.surround
    assert box.currentText() == "18 %, middle grey"
    box.setFocus()
    qtbot.keyClick(box, KEY.Key_Down)
    assert box.currentText() == "36 %, one stop lighter"
    assert viewer_settings.surround() == 0.36
    panes = window.review.compare.panes.values()
    assert {pane.view._surround.name() for pane in panes} == {theme.grey(0.36).name()}
    viewer_settings.step_surround(-1)  # as Alt+Down on the review page does
    window.show_page(PageName.INTAKE)
    window.show_page(PageName.SETTINGS)
    assert box.currentText() == "18 %, middle grey"


def test_the_reviewers_name_is_kept_and_empty_means_the_accounts(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = on_settings(open_window, qtbot)
    field = window.settings.work.reviewer
    account = field.placeholderText()
    assert preferences.reviewer() == account
    field.setFocus()
    qtbot.keyClicks(field, "Ada Lovelace")
    qtbot.keyClick(field, KEY.Key_Tab)
    assert preferences.reviewer() == "Ada Lovelace"
    assert open_window().settings.work.reviewer.text() == "Ada Lovelace"
    field.clear()
    field.editingFinished.emit()
    assert preferences.reviewer() == account


def test_verdicts_are_kept_under_the_chosen_name(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    (job,) = studio.finish({"A1": 1.0})
    preferences.set_reviewer("Ada Lovelace")
    window = open_window()
    window.show_page(PageName.REVIEW)
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    window.actions_table["approve"].trigger()
    qtbot.waitUntil(lambda: bool(studio.catalog.reviews(job.id)))
    assert studio.catalog.reviews(job.id)[0].reviewer == "Ada Lovelace"


def test_the_export_folder_is_proposed_on_the_export_page(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = on_settings(open_window, qtbot)
    wanted = studio.folder / "deliveries"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(wanted))
    qtbot.mouseClick(window.settings.work.choose, Qt.MouseButton.LeftButton)
    assert window.export.plan().folder == wanted
    assert open_window().export.plan().folder == wanted
    window.settings.work.folder.setText("")
    window.settings.work.folder.editingFinished.emit()
    assert preferences.export_folder() is None
    assert window.export.plan().folder == studio.services.default_export_folder


def test_the_number_of_jobs_at_once_reaches_the_engine(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = on_settings(open_window, qtbot)
    box = window.settings.work.workers
    box.setCurrentIndex(box.findData(3))
    assert studio.dispatcher.workers == 3
    assert preferences.workers() == 3
    studio.dispatcher.use_workers(1)
    again = open_window()
    again.begin()
    assert studio.dispatcher.workers == 3, "chosen in the session before"
    QSettings().setValue("engine/workers", "many")
    assert preferences.workers() == 0


def test_the_catalog_is_backed_up_and_checked(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    path = studio.folder / "catalog.db"
    studio.services = replace(studio.services, catalog_path=path)
    window = on_settings(open_window, qtbot)
    card = window.settings.catalog
    assert card.place.whole_text().endswith("catalog.db")
    qtbot.mouseClick(card.findChild(QPushButton, "backup_catalog_button"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    (backup,) = studio.folder.glob("catalog.backup-*.db")
    assert backup.read_bytes()[:15] == b"SQLite format 3"
    assert card.result.text() == f"Backed up as {backup.name}."
    qtbot.mouseClick(card.findChild(QPushButton, "check_catalog_button"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    assert card.result.text() == "The catalog is sound."


def test_thumbnails_are_counted_and_cleared(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    store = SqliteThumbnails(tmp_path / "thumbs.db")
    store.put("a", b"x" * 2_500_000)
    studio.services = replace(studio.services, thumbnails=store)
    window = on_settings(open_window, qtbot)
    card = window.settings.catalog
    qtbot.waitUntil(lambda: card.thumbnails.text() == "2.5 MB kept")
    qtbot.mouseClick(card.findChild(QPushButton, "clear_thumbnails_button"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: card.thumbnails.text() == "0 kB kept")
    assert store.get("a") is None
    assert (tmp_path / "thumbs.db").stat().st_size < 100_000
    store.close()


# -- shortcuts ------------------------------------------------------------------------------------------------------


def test_a_shortcut_is_found_and_changed_with_the_keyboard_alone(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = on_settings(open_window, qtbot)
    panel = window.settings.shortcuts
    panel.search.setFocus()
    qtbot.keyClicks(panel.search, "approve")
    assert panel.rows.rowCount() == 1
    panel.table.setFocus()
    qtbot.keyClick(panel.table, KEY.Key_Down)
    qtbot.keyClick(panel.table, KEY.Key_Home, CONTROL)
    qtbot.keyClick(panel.table, KEY.Key_Return)
    dialog = panel.dialog
    assert dialog is not None
    qtbot.waitUntil(dialog.isVisible)
    qtbot.keyClick(dialog.field, KEY.Key_J)
    assert dialog.message.text() == "The key is free."
    qtbot.keyClick(dialog.use, KEY.Key_Space)
    action = window.actions_table["approve"]
    assert [key.toString() for key in action.shortcuts()] == ["J"]
    assert action.toolTip().endswith("(J)")
    assert panel.rows.data(panel.rows.index(0, 2)) == "J"
    second = open_window()
    assert [key.toString() for key in second.actions_table["approve"].shortcuts()] == ["J"]


def test_the_changed_key_gives_the_command_and_the_old_one_does_not(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    (job,) = studio.finish({"A1": 1.0})
    window = open_window()
    window.actions_table.set_keys(command("approve"), ("J",))
    window.show_page(PageName.REVIEW)
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    qtbot.keyClick(window.review.list, KEY.Key_P)
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    assert not studio.catalog.reviews(job.id)
    qtbot.keyClick(window.review.list, KEY.Key_J)
    qtbot.waitUntil(lambda: bool(studio.catalog.reviews(job.id)))


def test_a_key_that_is_taken_is_named_and_taken_over_only_on_agreement(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = on_settings(open_window, qtbot)
    panel, actions = window.settings.shortcuts, window.actions_table
    panel.select("approve")
    panel.change()
    assert panel.dialog is not None
    qtbot.keyClick(panel.dialog.field, KEY.Key_X)
    assert panel.dialog.message.text() == "X now gives “Reject” (Review), which would lose it."
    assert actions.keys(command("reject")) == ("X",), "nothing is taken yet"
    panel.dialog.also.setChecked(True)
    panel.dialog.use.click()
    assert actions.keys(command("approve")) == ("X", "P")
    assert actions.keys(command("reject")) == ()


def test_the_same_key_may_mean_something_else_on_another_page(window: MainWindow) -> None:
    actions = window.actions_table
    assert not actions.rivals(command("retry"), "P"), "P is the review's; retry is the queue's"
    assert actions.rivals(command("quit"), "P") == [command("approve")], "a command of every page meets all"
    assert command("cancel") not in actions.rivals(command("leave_out"), "Del")


def test_the_mask_editors_keys_meet_those_of_the_commands_that_stay_on_in_it(window: MainWindow) -> None:
    actions = window.actions_table
    assert actions.rivals(command("mask_brush"), "Z") == [command("actual_size")]
    assert actions.rivals(command("zoom_in"), "[") == [command("mask_smaller")]
    assert not actions.rivals(command("mask_brush"), "P"), "no verdict is given while a mask is edited"


def test_the_mask_editors_own_keys_are_given_to_none_of_its_commands(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    QSettings().setValue("shortcuts/mask_fill", "Space\nF9")  # as an earlier version would have kept it
    window = on_settings(open_window, qtbot)
    panel, actions = window.settings.shortcuts, window.actions_table
    assert actions.keys(command("mask_fill")) == ("F9",)
    for name, key, says in (
        ("mask_lasso", KEY.Key_5, "The mask editor needs 5: opacity of 10 to 90 %, and 100 %."),
        ("fit", KEY.Key_Space, "The mask editor needs Space: move the picture; held."),
        ("quit", KEY.Key_0, "The mask editor needs 0: opacity of 10 to 90 %, and 100 %."),
    ):
        panel.select(name)
        panel.change()
        assert panel.dialog is not None
        qtbot.keyClick(panel.dialog.field, key)
        assert panel.dialog.message.text() == says
        assert not panel.dialog.use.isEnabled()
        panel.dialog.reject()
    assert fixed_keys(command("rate_5"), "5") is None, "outside the editor the digits give stars"


def test_keys_that_moving_about_needs_are_refused(open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    window = on_settings(open_window, qtbot)
    panel = window.settings.shortcuts
    panel.select("approve")
    panel.change()
    assert panel.dialog is not None
    qtbot.keyClick(panel.dialog.field, KEY.Key_Return)
    assert "are needed to" in panel.dialog.message.text()
    assert not panel.dialog.use.isEnabled()
    panel.dialog.reject()


def test_one_and_all_shortcuts_go_back_to_what_they_were(open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    window = on_settings(open_window, qtbot)
    panel, actions = window.settings.shortcuts, window.actions_table
    assert not actions["reset_shortcuts"].isEnabled()
    actions.set_keys(command("approve"), ("J",))
    actions.set_keys(command("export"), ())
    panel.select("approve")
    actions["reset_shortcut"].trigger()
    assert actions.keys(command("approve")) == ("P",)
    assert actions.keys(command("export")) == ()
    actions["reset_shortcuts"].trigger()
    box = window.findChild(QMessageBox, "reset_question")
    assert isinstance(box, QMessageBox)
    next(button for button in box.buttons() if button.text() == "Reset all").click()
    assert all(actions.keys(each) == each.shortcuts for each in COMMANDS)
    QSettings().sync()
    assert not [key for key in QSettings().allKeys() if key.startswith("shortcuts/")]


def test_every_key_of_the_table_is_written_as_qt_writes_it(window: MainWindow) -> None:
    """A key that is pressed is compared with the table's text."""
    from PySide6.QtGui import QKeySequence

    for each in COMMANDS:
        for key in each.shortcuts:
            assert QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText) == key, each.name


def test_nonsense_in_the_settings_file_is_no_shortcut(open_window: Callable[[], MainWindow]) -> None:
    QSettings().setValue("shortcuts/approve", "not a key at all")
    assert open_window().actions_table.keys(command("approve")) == ("P",)


# -- cheat sheet ----------------------------------------------------------------------------------------------------


def test_the_cheat_sheet_follows_changed_keys_and_fits_the_smallest_window(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    window.resize(1120, 700)
    qtbot.keyClick(window, KEY.Key_F1)
    sheet = window._sheet
    assert sheet is not None
    qtbot.waitUntil(sheet.isVisible)
    assert sheet.width() <= 1120
    assert sheet.height() <= 700
    assert ("Approve", ("P",)) in sheet.rows()["Review"]
    window.actions_table.set_keys(command("approve"), ("J",))
    assert ("Approve", ("J",)) in sheet.rows()["Review"]
    shown = sum(len(rows) for rows in sheet.rows().values())
    assert shown == sum(bool(window.actions_table.keys(each)) for each in COMMANDS) + len(FIXED_KEYS)
    qtbot.keyClick(sheet, KEY.Key_Escape)
    assert not sheet.isVisible()
