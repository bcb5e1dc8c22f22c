"""Dropping, pairing and starting, with keys and mouse on the real window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QComboBox, QMenu, QPushButton
from pytestqt.qtbot import QtBot

from engine.domain.jobs import JobState
from engine.domain.requests import ColorMatchRequest, MaskRequest
from engine.inference.kontext.availability import nano_folder
from engine.services.demo import draw_demo
from gui import preferences
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.intake.pair_model import PairColumn
from tests.gui.studio import Studio, jpeg, picture


def drop(window: MainWindow, *paths: Path) -> None:
    """Drop files on the middle of the window, as a file manager does."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    where, none = QPointF(700, 450), Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(where.toPoint(), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, none)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    dropped = QDropEvent(where, Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, none)
    QApplication.sendEvent(window, dropped)
    assert dropped.isAccepted()


def rest(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.bridge.is_busy and not window.intake.is_busy)


def cell(window: MainWindow, row: int, column: PairColumn) -> str:
    return window.intake.pairs.index(row, column).data()


def test_an_empty_window_says_what_to_do_and_offers_the_demo(window: MainWindow, qtbot: QtBot) -> None:
    assert window.intake.drop_zone.isVisible()
    assert not window.actions_table["start"].isEnabled()
    button = window.intake.drop_zone.findChild(QPushButton, "demo_button")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.intake.pairs.rowCount() == 2)


def test_a_drop_anywhere_is_paired_and_shown(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    window.show_page(PageName.EXPORT)
    folder = studio.shoot("A100", "A200")
    (folder / "note.cr2").write_bytes(b"raw")
    drop(window, folder)
    rest(window, qtbot)
    assert window.page is PageName.INTAKE
    assert [cell(window, row, PairColumn.ON_MODEL) for row in (0, 1)] == ["A100_model.jpg", "A200_model.jpg"]
    assert cell(window, 0, PairColumn.FLATLAY) == "A100_flat.jpg"
    assert cell(window, 0, PairColumn.SKU) == "a100"
    assert cell(window, 0, PairColumn.BECAUSE) == "Names"
    problem = window.intake.problems.problem(0)
    assert problem.path.name == "note.cr2"
    assert window.intake.problems_list.isVisible()
    assert "camera raw" in window.intake.problems.index(0).data(Qt.ItemDataRole.UserRole)


def test_a_second_drop_joins_the_first(window: MainWindow, studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    drop(window, studio.shoot("A100"))
    rest(window, qtbot)
    other = tmp_path / "other"
    other.mkdir()
    for name in ("B1_model.jpg", "B1_flat.jpg"):
        (other / name).write_bytes(jpeg(picture(sum(name.encode()))))
    drop(window, other)
    rest(window, qtbot)
    assert window.intake.pairs.rowCount() == 2


def test_thumbnails_come_in_the_background(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    drop(window, studio.shoot("A100"))
    index = window.intake.pairs.index
    qtbot.waitUntil(
        lambda: (
            window.intake.pairs.rowCount() == 1
            and index(0, 0).data(Qt.ItemDataRole.DecorationRole).toImage().pixelColor(28, 28).alpha() == 255
        )
    )


def test_a_selected_photograph_keeps_its_colours(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    drop(window, studio.shoot("A100", "A200"))
    rest(window, qtbot)
    table = window.intake.pairs_table

    def shown(column: PairColumn, across: int) -> list[str]:
        """Colours of the first row, down the middle of its cell and so many pixels from its left, on the screen."""
        image, cell = table.viewport().grab().toImage(), table.visualRect(window.intake.pairs.index(0, column))
        return [image.pixelColor(cell.left() + across, cell.center().y() + y).name() for y in range(-8, 9)]

    pictures = ((PairColumn.ON_MODEL, 66), (PairColumn.FLATLAY, 32))  # the first stands beside a box to tick
    table.selectRow(1)
    rest(window, qtbot)
    before, ground = [shown(*where) for where in pictures], shown(PairColumn.SKU, 2)
    assert all(ground[0] not in colors for colors in before)
    table.selectRow(0)
    assert [shown(*where) for where in pictures] == before
    assert shown(PairColumn.SKU, 2) != ground


def test_two_problems_become_a_pair_by_key(window: MainWindow, studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    loose.mkdir()
    (loose / "red_model.jpg").write_bytes(jpeg(picture(1)))
    (loose / "blue_flat.jpg").write_bytes(jpeg(picture(2)))
    drop(window, loose)
    rest(window, qtbot)
    assert window.intake.pairs.rowCount() == 0
    assert not window.actions_table["pair"].isEnabled()
    window.intake.problems_list.selectAll()
    assert window.actions_table["pair"].isEnabled()
    qtbot.keyClick(window.intake.problems_list, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    assert cell(window, 0, PairColumn.ON_MODEL) == "red_model.jpg"
    assert cell(window, 0, PairColumn.FLATLAY) == "blue_flat.jpg"
    assert cell(window, 0, PairColumn.BECAUSE) == "By hand"
    assert not window.intake.problems_list.isVisible()
    drop(window, studio.shoot("A100"))
    rest(window, qtbot)
    assert "By hand" in {cell(window, row, PairColumn.BECAUSE) for row in range(2)}, "a later drop keeps it"


def test_where_names_leave_it_open_a_menu_asks_which_is_which(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    loose.mkdir()
    (loose / "one.jpg").write_bytes(jpeg(picture(1)))
    (loose / "two.jpg").write_bytes(jpeg(picture(2)))
    drop(window, loose / "one.jpg", loose / "two.jpg")
    rest(window, qtbot)
    window.intake.problems_list.selectAll()
    window.actions_table["pair"].trigger()
    menu = window.findChild(QMenu, "which_is_which")
    qtbot.waitUntil(menu.isVisible)
    texts = [action.text() for action in menu.actions()]
    assert texts[1] == "two.jpg is on-model, one.jpg is the flatlay"
    menu.actions()[1].trigger()
    menu.close()
    assert cell(window, 0, PairColumn.ON_MODEL) == "two.jpg"


def test_a_pair_gets_another_flatlay(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    folder = studio.shoot("A100")
    (folder / "C300_flat.jpg").write_bytes(jpeg(picture(77)))
    drop(window, folder)
    rest(window, qtbot)
    window.intake.pairs_table.selectRow(0)
    window.intake.problems_list.selectAll()
    window.actions_table["pair"].trigger()
    assert window.intake.pairs.rowCount() == 1
    assert cell(window, 0, PairColumn.FLATLAY) == "C300_flat.jpg"


def test_the_garment_is_edited_in_a_combo_box(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    drop(window, studio.shoot("A100"))
    rest(window, qtbot)
    table, index = window.intake.pairs_table, window.intake.pairs.index(0, PairColumn.GARMENT)
    assert index.data() == "find out"
    table.setCurrentIndex(index)
    table.edit(index)
    editor = table.findChild(QComboBox)
    assert editor.isEditable()
    assert editor.findText("hoodie") > 0
    editor.setEditText("wrap dress")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: index.data() == "wrap dress")
    assert window.intake.pairs.chosen()[0].garment == "wrap dress"


def test_pairs_are_left_out_by_key_and_by_box(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    drop(window, studio.shoot("A100", "A200"))
    rest(window, qtbot)
    window.intake.pairs_table.selectRow(0)
    qtbot.keyClick(window.intake.pairs_table, Qt.Key.Key_Delete)
    assert [pair.sku for pair in window.intake.pairs.chosen()] == ["a200"]
    qtbot.keyClick(window.intake.pairs_table, Qt.Key.Key_Delete)
    assert len(window.intake.pairs.chosen()) == 2
    index = window.intake.pairs.index(1, 0)
    window.intake.pairs.setData(index, Qt.CheckState.Unchecked.value, Qt.ItemDataRole.CheckStateRole)
    assert [pair.sku for pair in window.intake.pairs.chosen()] == ["a100"]


def test_dreamed_masks_are_shown_but_need_weights(
    studio: Studio, open_window: Callable[[], MainWindow], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHROMASK_MODELS", str(tmp_path / "no-models"))
    panel = open_window().intake.plan
    assert {"socks", "hat", "glasses", "sweatshirt"} <= set(panel.dreamed)
    assert not any(box.isEnabled() for box in panel.dreamed.values())
    assert "not installed" in panel._dreamed_reason.text()
    assert "no-models" in panel._dreamed_reason.toolTip()
    assert not panel.engine.model().item(2).isEnabled()


@pytest.mark.parametrize("color", [True, False])
def test_ctrl_return_puts_the_chosen_tasks_into_the_queue(
    window: MainWindow, studio: Studio, qtbot: QtBot, color: bool
) -> None:
    drop(window, studio.shoot("A100", "A200"))
    rest(window, qtbot)
    plan = window.intake.plan
    assert not plan.garment_mask.isEnabled(), "a colour match brings its mask along"
    if not color:
        qtbot.mouseClick(plan.color_match, Qt.MouseButton.LeftButton, pos=plan.color_match.rect().center() / 8)
        plan.color_match.setChecked(False)
        assert plan.garment_mask.isEnabled()
    assert window.actions_table["start"].isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.page is PageName.QUEUE)
    qtbot.waitUntil(lambda: window.queue.jobs.rowCount() == 2)
    jobs = studio.catalog.jobs()
    assert {job.state for job in jobs} == {JobState.QUEUED}
    assert {type(job.request) for job in jobs} == {ColorMatchRequest if color else MaskRequest}
    assert window.intake.drop_zone.isVisibleTo(window.intake), "the page is ready for the next drop"
    assert "classical engine" in window.status.remark.text()


@pytest.mark.parametrize("single", [True, False])
def test_a_batch_is_named_after_the_folder_that_was_dropped(
    window: MainWindow, studio: Studio, qtbot: QtBot, single: bool
) -> None:
    folder = studio.shoot("A100")
    drop(window, *(sorted(folder.iterdir()) if single else [folder]))
    rest(window, qtbot)
    window.actions_table["start"].trigger()
    qtbot.waitUntil(lambda: window.page is PageName.QUEUE)
    assert studio.catalog.batches()[0].name.startswith("drop 2")


def test_without_a_task_nothing_can_start(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    drop(window, studio.shoot("A100"))
    rest(window, qtbot)
    window.intake.plan.color_match.setChecked(False)
    window.intake.plan.garment_mask.setChecked(False)
    assert not window.actions_table["start"].isEnabled()


def test_a_file_that_vanished_is_told_in_the_banner(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    drop(window, studio.shoot("A100", "A200"))
    rest(window, qtbot)
    (studio.folder / "drop" / "A100_model.jpg").unlink()
    window.actions_table["start"].trigger()
    qtbot.waitUntil(window.banner.isVisible)
    assert window.banner.text().startswith("A100_model.jpg: the file is not there.")
    assert len(studio.catalog.jobs()) == 1


def test_selected_pairs_and_problems_must_be_two_pictures(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    drop(window, studio.shoot("A100", "A200", "A300"))
    rest(window, qtbot)
    model = window.intake.pairs_table.selectionModel()
    for row in range(2):
        model.select(
            window.intake.pairs.index(row, 0),
            QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows,
        )
    assert window.actions_table["pair"].isEnabled()
    window.intake.pairs_table.selectAll()
    assert not window.actions_table["pair"].isEnabled()


def test_start_takes_over_a_garment_that_is_still_being_edited(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    drop(window, studio.shoot("A100"))
    rest(window, qtbot)
    table, index = window.intake.pairs_table, window.intake.pairs.index(0, PairColumn.GARMENT)
    table.setCurrentIndex(index)
    table.edit(index)
    table.findChild(QComboBox).setEditText("hoodie")
    window.actions_table["start"].trigger()
    qtbot.waitUntil(lambda: window.page is PageName.QUEUE)
    assert studio.catalog.pair(studio.catalog.jobs()[0].pair_id).garment == "hoodie"


def test_photographs_without_flatlays_are_dreamed_on_and_move_with_the_chosen_tasks(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    preferences.set_kontext_model(nano_folder())
    window = open_window()
    plan, intake = window.intake.plan, window.intake
    folder = studio.shoot("A100", "A200")
    (folder / "A200_flat.jpg").unlink()
    drop(window, folder)
    rest(window, qtbot)
    assert (intake.pairs.rowCount(), intake.problems.rowCount()) == (1, 1)
    plan.dreamed["hat"].setChecked(True)
    assert intake.pairs.rowCount() == 1, "the colour match still needs the flatlay"
    plan.color_match.setChecked(False)
    plan.garment_mask.setChecked(False)
    assert (intake.pairs.rowCount(), intake.problems.rowCount()) == (2, 0)
    assert [cell(window, 1, column) for column in (PairColumn.FLATLAY, PairColumn.BECAUSE)] == ["—", "—"]
    assert intake.lists._summary.text() == "1 pair with 1 flatlay · 1 photograph without a flatlay"
    plan.garment_mask.setChecked(True)
    assert (intake.pairs.rowCount(), intake.problems.rowCount()) == (1, 1)
    plan.garment_mask.setChecked(False)
    window.actions_table["start"].trigger()
    qtbot.waitUntil(lambda: len(studio.catalog.jobs()) == 2)
    pairs = [studio.catalog.pair(job.pair_id) for job in studio.catalog.jobs()]
    assert [pair.flatlay is None for pair in pairs] == [False, True]
    assert {job.request.name for job in studio.catalog.jobs() if isinstance(job.request, MaskRequest)} == {"hat"}


def test_the_demo_is_dreamed_on_without_flux(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    studio.services = replace(studio.services, demo=lambda folder: draw_demo(tmp_path / "demo", 1))
    window = open_window()
    window.actions_table["demo"].trigger()
    qtbot.waitUntil(lambda: window.intake.pairs.rowCount() == 1)
    rest(window, qtbot)
    assert "the small model that ships" in window.status.remark.text()
    window.actions_table["start"].trigger()
    qtbot.waitUntil(lambda: window.page is PageName.QUEUE)
    requests = [job.request for job in studio.catalog.jobs()]
    assert isinstance(requests[0], ColorMatchRequest)
    assert isinstance(requests[1], MaskRequest)
    dreamed = [request for request in requests[1:] if isinstance(request, MaskRequest) and request.diffusion]
    assert len(dreamed) == len(requests) - 1
    assert {Path(request.diffusion.model) for request in dreamed if request.diffusion} == {nano_folder().absolute()}
