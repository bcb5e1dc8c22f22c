"""Photographs dragged onto each other, and every step of the intake page taken back again."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QMenu
from pytestqt.qtbot import QtBot

from engine.domain.geometry import Extent
from gui.frame.main_window import MainWindow
from gui.intake.pair_model import PairColumn
from gui.intake.photograph_drag import picture_mime
from tests.gui.studio import Studio, jpeg, picture

COPY, LEFT, NONE = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


def rest(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.bridge.is_busy and not window.intake.is_busy)


def dropped(window: MainWindow, qtbot: QtBot, *paths: Path) -> None:
    window.intake.add(paths)
    rest(window, qtbot)


def drop(view: QAbstractItemView, at: QPoint, mime: QMimeData) -> bool:
    """Drag over a point of a view and let go there, as Qt delivers it; whether the view took it."""
    enter = QDragEnterEvent(at, COPY, mime, LEFT, NONE)
    QApplication.sendEvent(view.viewport(), enter)
    if not enter.isAccepted():
        return False  # Qt sends no move to a view that declines the entry
    move = QDragMoveEvent(at, COPY, mime, LEFT, NONE)
    QApplication.sendEvent(view.viewport(), move)
    if not move.isAccepted():
        return False
    event = QDropEvent(QPointF(at), COPY, mime, LEFT, NONE)
    QApplication.sendEvent(view.viewport(), event)
    return event.isAccepted()


def cell_center(window: MainWindow, row: int, column: PairColumn) -> QPoint:
    table = window.intake.pairs_table
    return table.visualRect(window.intake.pairs.index(row, column)).center()


def flatlays(window: MainWindow) -> dict[str, str]:
    pairs = window.intake.pairs
    return {pairs.index(row, 0).data(): pairs.index(row, 1).data() for row in range(pairs.rowCount())}


def loose(studio: Studio, *names: str) -> Path:
    folder = studio.folder / "loose"
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        (folder / name).write_bytes(jpeg(picture(500 + number)))
    return folder


def test_a_flatlay_is_dragged_onto_another_pairs_photograph(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    folder = studio.shoot("A100", "A200")
    dropped(window, qtbot, folder)
    table = window.intake.pairs_table
    assert drop(table, cell_center(window, 0, PairColumn.ON_MODEL), picture_mime(folder / "A200_flat.jpg"))
    assert flatlays(window) == {"A100_model.jpg": "A200_flat.jpg", "A200_model.jpg": "A200_flat.jpg"}
    assert window.intake.pairs.index(0, PairColumn.BECAUSE).data() == "By hand"


def test_a_photograph_is_dragged_onto_a_flatlay_and_a_row_means_its_other_half(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    folder = studio.shoot("A100")
    dropped(window, qtbot, folder, loose(studio, "red_model.jpg", "C3_flat.jpg"))
    table, red = window.intake.pairs_table, studio.folder / "loose" / "red_model.jpg"
    assert drop(table, cell_center(window, 0, PairColumn.SKU), picture_mime(red))
    assert flatlays(window)["red_model.jpg"] == "A100_flat.jpg"
    row = list(flatlays(window)).index("A100_model.jpg")
    flat = studio.folder / "loose" / "C3_flat.jpg"
    assert drop(table, cell_center(window, row, PairColumn.VIEW), picture_mime(flat))
    assert flatlays(window)["A100_model.jpg"] == "C3_flat.jpg"


def test_a_problem_is_dragged_onto_a_problem(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    folder = loose(studio, "red_model.jpg", "blue_flat.jpg", "broken_model.jpg")
    (folder / "broken_model.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    dropped(window, qtbot, folder)
    view, problems = window.intake.problems_list, window.intake.problems
    rows = {problems.index(row).data(): problems.index(row) for row in range(problems.rowCount())}
    red = picture_mime(folder / "red_model.jpg")
    assert not drop(view, view.visualRect(rows["broken_model.jpg"]).center(), red), "no picture, no partner"
    assert not drop(view, view.visualRect(rows["red_model.jpg"]).center(), red), "nor is it its own"
    assert drop(view, view.visualRect(rows["blue_flat.jpg"]).center(), red)
    assert flatlays(window) == {"red_model.jpg": "blue_flat.jpg"}
    assert problems.rowCount() == 1


def test_a_flatlay_goes_to_all_selected_photographs(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    folder = studio.shoot("A100", "A200", "A300")
    dropped(window, qtbot, folder)
    table = window.intake.pairs_table
    table.selectAll()
    assert drop(table, cell_center(window, 1, PairColumn.ON_MODEL), picture_mime(folder / "A300_flat.jpg"))
    assert set(flatlays(window).values()) == {"A300_flat.jpg"}
    qtbot.keyClick(table, Qt.Key.Key_Z, CONTROL)
    assert flatlays(window)["A100_model.jpg"] == "A100_flat.jpg", "one drop is one step"


def test_a_drag_may_begin_over_its_own_photograph(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    """Once the view declined the entry there, and Qt then told it of no move: nothing could be dropped at all."""
    folder = studio.shoot("A100")
    dropped(window, qtbot, folder)
    table, mime = window.intake.pairs_table, picture_mime(folder / "A100_flat.jpg")
    enter = QDragEnterEvent(cell_center(window, 0, PairColumn.FLATLAY), COPY, mime, LEFT, NONE)
    QApplication.sendEvent(table.viewport(), enter)
    assert enter.isAccepted()


def test_two_of_one_kind_ask_which_is_which(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    folder = studio.shoot("A100", "A200")
    dropped(window, qtbot, folder)
    table = window.intake.pairs_table
    assert drop(table, cell_center(window, 0, PairColumn.ON_MODEL), picture_mime(folder / "A200_model.jpg"))
    menu = window.findChild(QMenu, "which_is_which")
    assert menu is not None
    qtbot.waitUntil(menu.isVisible)
    menu.close()
    assert flatlays(window)["A100_model.jpg"] == "A100_flat.jpg"


def test_files_and_foreign_drags_are_left_to_the_window(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    dropped(window, qtbot, studio.shoot("A100"))
    mime = QMimeData()
    mime.setText("text")
    assert not drop(window.intake.pairs_table, cell_center(window, 0, PairColumn.ON_MODEL), mime)
    assert not drop(window.intake.pairs_table, QPoint(5, 2000), picture_mime(studio.folder / "drop" / "A100_flat.jpg"))


def test_a_cell_is_dragged_as_its_own_photograph(window: MainWindow, studio: Studio, qtbot: QtBot, monkeypatch) -> None:
    folder = studio.shoot("A100")
    dropped(window, qtbot, folder)
    dragged: list[Path] = []
    monkeypatch.setattr("gui.intake.photograph_drag._drag", lambda view, path, picture: dragged.append(path))
    table = window.intake.pairs_table
    for column in (PairColumn.FLATLAY, PairColumn.ON_MODEL, PairColumn.SKU):
        at = cell_center(window, 0, column)
        qtbot.mousePress(table.viewport(), LEFT, pos=at)
        for step in (8, 16, 24):
            qtbot.mouseMove(table.viewport(), at + QPoint(step, 0))
            table.startDrag(COPY) if step == 24 else None
        qtbot.mouseRelease(table.viewport(), LEFT, pos=at + QPoint(24, 0))
    assert set(dragged) == {folder / "A100_flat.jpg", folder / "A100_model.jpg"}, "a number is no photograph"


def test_every_step_is_undone_and_redone_by_key(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    folder = studio.shoot("A100", "A200")
    dropped(window, qtbot, folder)
    table, intake = window.intake.pairs_table, window.intake
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    index = intake.pairs.index(1, PairColumn.GARMENT)
    intake.pairs.setData(index, "hoodie")
    drop(table, cell_center(window, 1, PairColumn.ON_MODEL), picture_mime(folder / "A100_flat.jpg"))
    window.actions_table["clear_intake"].trigger()
    assert intake.drop_zone.isVisible()
    assert window.actions_table["undo_intake"].text() == "Undo clearing"

    qtbot.keyClick(window, Qt.Key.Key_Z, CONTROL)
    assert flatlays(window)["A200_model.jpg"] == "A100_flat.jpg"
    assert [pair.garment for pair in intake.pairs.chosen()] == ["hoodie"]
    qtbot.keyClick(window, Qt.Key.Key_Z, CONTROL)
    assert flatlays(window)["A200_model.jpg"] == "A200_flat.jpg"
    qtbot.keyClick(window, Qt.Key.Key_Z, CONTROL)
    assert intake.pairs.index(1, PairColumn.GARMENT).data() == "find out"
    qtbot.keyClick(window, Qt.Key.Key_Z, CONTROL)
    assert len(intake.pairs.chosen()) == 2
    for _ in range(3):
        qtbot.keyClick(window, Qt.Key.Key_Y, CONTROL)
    assert flatlays(window)["A200_model.jpg"] == "A100_flat.jpg"
    assert [pair.garment for pair in intake.pairs.chosen()] == ["hoodie"]
    assert window.actions_table["redo_intake"].text() == "Redo clearing"
    intake.pairs.setData(index, "shirt")
    assert not window.actions_table["redo_intake"].isEnabled(), "a new step has no way forward"


def test_what_was_started_is_not_undone(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    dropped(window, qtbot, studio.shoot("A100"))
    window.actions_table["start"].trigger()
    qtbot.waitUntil(lambda: len(studio.catalog.jobs()) == 1)
    rest(window, qtbot)
    assert not window.actions_table["undo_intake"].isEnabled()


def test_thumbnails_are_wanted_from_the_visible_rows_outward(window: MainWindow, studio: Studio, qtbot: QtBot) -> None:
    folder = studio.shoot()
    for number in range(30):
        for role, seed in (("model", 2 * number), ("flat", 2 * number + 1)):
            (folder / f"A{100 + number}_{role}.jpg").write_bytes(jpeg(picture(seed, Extent(60, 90))))
    dropped(window, qtbot, folder)
    table = window.intake.pairs_table
    table.scrollTo(window.intake.pairs.index(15, 0), QAbstractItemView.ScrollHint.PositionAtTop)
    rows = table.rows_outward()
    seen = [
        row
        for row in range(30)
        if table.visualRect(window.intake.pairs.index(row, 0)).intersects(table.viewport().rect())
    ]
    assert rows[: len(seen)] == seen
    assert len(rows) == len(set(rows))
    beyond = rows[len(seen) :]
    distances = [min(abs(row - seen[0]), abs(row - seen[-1])) for row in beyond]
    assert distances == sorted(distances)

    def is_there() -> bool:
        image = window.intake.pairs.index(15, 0).data(Qt.ItemDataRole.DecorationRole).toImage()
        return image.pixelColor(image.rect().center()).alpha() == 255

    qtbot.waitUntil(is_there)
