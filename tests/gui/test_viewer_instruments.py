"""Loupe, map of disagreement, tools over a view, and pictures that make trouble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QInputDevice, QPainter, QPointingDevice, QSinglePointEvent, QTabletEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from engine.domain.artifacts import ArtifactKind
from engine.domain.geometry import Extent
from engine.imaging.raster import decode
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.pictures.parts import Part
from gui.pictures.pixels import Pyramid, read_preview
from gui.viewer.compare_view import CompareView
from gui.viewer.picture_view import PictureView
from gui.viewer.view_geometry import ViewLink
from gui.viewer.view_tool import ViewTool
from tests.gui.patience import PatientBot
from tests.gui.studio import EXTENT, Studio, png

KEY = Qt.Key
CONTROL = Qt.KeyboardModifier.ControlModifier


def reviewing(window: MainWindow, qtbot: PatientBot) -> MainWindow:
    window.show_page(PageName.REVIEW)
    qtbot.waitUntil(lambda: view(window, Part.RESULT).picture is not None)
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    return window


@pytest.fixture
def window(studio: Studio, open_window: Callable[[], MainWindow], qtbot: PatientBot) -> MainWindow:
    studio.finish({"A1": 2.0, "B2": 7.5})
    return reviewing(open_window(), qtbot)


def compare(window: MainWindow) -> CompareView:
    return window.review.compare


def view(window: MainWindow, part: Part) -> PictureView:
    return compare(window).panes[part].view


def press(window: MainWindow, qtbot: PatientBot, key: Qt.Key, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    qtbot.keyClick(window.review.list, key, modifier)


def quiet(window: MainWindow, qtbot: PatientBot) -> None:
    """Wait until what rests is decoded, too."""
    qtbot.waitForRest(window.bridge)


def turn_wheel(view: PictureView, at: QPointF, notches: int) -> None:
    wheel = QWheelEvent(
        at, view.mapToGlobal(at), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, wheel)


# -- loupe ------------------------------------------------------------------------------------------------------


def test_the_loupe_shows_the_files_pixels_of_one_place_in_every_picture(window: MainWindow, qtbot: PatientBot) -> None:
    link, result = compare(window).link, view(window, Part.RESULT)
    zoom, center = link.zoom, QPointF(link.center)
    place = QPointF(EXTENT.width * 0.4, EXTENT.height * 0.6)
    qtbot.mouseMove(result, result.to_view(place).toPoint())
    press(window, qtbot, KEY.Key_L)
    assert compare(window).link.loupe.at is not None
    quiet(window, qtbot)
    assert all(compare(window).is_full(part) for part in (Part.FLATLAY, Part.ORIGINAL, Part.RESULT))
    at = result.under_loupe()
    assert at is not None
    for part, path in compare(window).files().items():
        pixels = cv2.imread(str(path))[..., ::-1].astype(int)
        shown = view(window, part)
        glass = shown.to_view(at)
        image = shown.grab().toImage()
        column, row = round(glass.x() - at.x()), round(glass.y() - at.y())  # where the file's first pixel would be
        for dx, dy in ((0, 0), (-40, 25), (60, -60)):
            x, y = round(glass.x()) + dx, round(glass.y()) + dy
            drawn = image.pixelColor(x, y).getRgb()[:3]
            assert np.abs(pixels[y - row, x - column] - drawn).max() <= 2, (
                f"{part}: one file pixel on one of the screen"
            )
    assert (link.zoom, link.center) == (zoom, center)
    press(window, qtbot, KEY.Key_L)
    assert compare(window).link.loupe.at is None


def test_the_loupe_finds_a_pointer_that_rested_before_the_picture_came(window: MainWindow, qtbot: PatientBot) -> None:
    result = view(window, Part.RESULT)
    qtbot.mouseMove(result, QPoint(result.width() // 2, result.height() // 2))
    compare(window).link.loupe.point_at(None)  # as a view without a picture says
    press(window, qtbot, KEY.Key_L)
    assert result.under_loupe() is not None


def test_the_wheel_takes_the_loupe_to_400_percent_and_leaves_the_zoom(window: MainWindow, qtbot: PatientBot) -> None:
    link, result = compare(window).link, view(window, Part.RESULT)
    middle = QPoint(result.width() // 2, result.height() // 2)
    qtbot.mouseMove(result, middle)
    press(window, qtbot, KEY.Key_L)
    scales = []
    for notches in (1, 1, 1, -1, -1, -1):
        turn_wheel(result, middle.toPointF(), notches)
        scales.append(link.loupe.scale)
    assert scales == [2, 4, 4, 2, 1, 1]
    assert link.zoom == 1.0
    qtbot.mouseMove(result, QPoint(2, 2))
    assert link.loupe.at is None, "outside the pictures there is nothing to magnify"
    qtbot.mouseMove(result, middle)
    assert link.loupe.at is not None
    press(window, qtbot, KEY.Key_L)
    turn_wheel(result, middle.toPointF(), 1)
    assert link.zoom == pytest.approx(1.25)


def test_a_held_l_lays_the_loupe_down_when_it_is_let_go(
    window: MainWindow, qtbot: PatientBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = window.actions_table["loupe"]
    monkeypatch.setattr("gui.viewer.viewer._HELD_SECONDS", 0.0)
    qtbot.keyPress(window.review.list, KEY.Key_L)
    assert compare(window).link.loupe.is_held
    qtbot.keyRelease(window.review.list, KEY.Key_L)
    assert not compare(window).link.loupe.is_held
    assert not action.isChecked()
    monkeypatch.setattr("gui.viewer.viewer._HELD_SECONDS", 600.0)
    press(window, qtbot, KEY.Key_L)
    assert action.isChecked(), "a key that is only pressed leaves it up"


# -- disagreement -----------------------------------------------------------------------------------------------


def finish_doubtful(studio: Studio) -> None:
    """One result whose seeds disagree in a square, and one that was made once."""
    doubt = np.zeros((450, 300), np.uint8)
    doubt[200:260, 120:180] = 255
    ref = studio.artifacts.put(ArtifactKind.PREVIEW, png(doubt), ".png")
    now = datetime.now(UTC)
    for _ in studio.queue("D4", "E5"):
        job = studio.catalog.claim("test", now)
        assert job is not None
        outcome = studio.outcome(job, 2.0, 0.62)
        if studio.catalog.pair(job.pair_id).on_model.path.stem == "D4_model":
            outcome = replace(outcome, previews=replace(outcome.previews, disagreement=ref))
        assert studio.catalog.succeed(job.id, "test", outcome, now)


def test_the_map_of_disagreement_has_its_legend_and_the_confidence(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: PatientBot
) -> None:
    finish_doubtful(studio)
    window = reviewing(open_window(), qtbot)
    results, bar, action = window.review.results, window.review.viewer.bar, window.actions_table["disagreement"]
    by_name = {
        studio.catalog.review_item(job_id).pair.on_model.path.stem: results.row_of(job_id)
        for job_id in results.shown_ids()
    }
    window.review.list.setCurrentIndex(results.index(by_name["D4_model"]))
    quiet(window, qtbot)
    assert action.isEnabled()
    height, result = bar.height(), view(window, Part.RESULT)
    agreed, doubted = QPointF(0.2 * 600, 0.2 * 900), QPointF(0.5 * 600, 0.51 * 900)
    before = result.grab().toImage()
    press(window, qtbot, KEY.Key_D, CONTROL)
    quiet(window, qtbot)
    assert bar.doubt_legend.isVisible()
    assert bar.texts()["doubt"] == "mask confidence 62 %"
    assert bar.height() == height
    assert view(window, Part.ORIGINAL).doubt is result.doubt is not None
    assert view(window, Part.FLATLAY).doubt is None
    after = result.grab().toImage()
    there, elsewhere = result.to_view(doubted).toPoint(), result.to_view(agreed).toPoint()
    assert after.pixelColor(elsewhere) == before.pixelColor(elsewhere), "clear where the seeds agree"
    red, green, blue = after.pixelColor(there).getRgb()[:3]
    assert red > 200, "the ramp's end is a pale yellow"
    assert green > 200
    assert blue < 200
    window.review.list.setCurrentIndex(results.index(by_name["E5_model"]))
    quiet(window, qtbot)
    assert not action.isEnabled()
    assert not bar.doubt_legend.isVisible()
    assert result.doubt is None


# -- tools ------------------------------------------------------------------------------------------------------


class Recorder(ViewTool):
    """Takes what it is told to take, and writes everything down."""

    def __init__(self, *, takes: bool = True) -> None:
        self.takes = takes
        self.log: list[tuple[str, float, float]] = []
        self.pressures: list[float] = []
        self.painted = 0

    def _note(self, what: str, point: QPointF, event: QSinglePointEvent) -> bool:
        self.log.append((what, point.x(), point.y()))
        if isinstance(event, QTabletEvent):
            self.pressures.append(event.pressure())
        return self.takes

    def press(self, point: QPointF, event: QSinglePointEvent) -> bool:
        return self._note("press", point, event)

    def move(self, point: QPointF, event: QSinglePointEvent) -> bool:
        return self._note("move", point, event)

    def release(self, point: QPointF, event: QSinglePointEvent) -> bool:
        return self._note("release", point, event)

    def paint(self, painter: QPainter, view: PictureView) -> None:
        self.painted += 1
        corner = view.to_view(QPointF(100, 150))
        painter.fillRect(round(corner.x()), round(corner.y()), 8, 8, Qt.GlobalColor.green)

    def cursor(self) -> Qt.CursorShape:
        return Qt.CursorShape.CrossCursor


@pytest.fixture
def lone(qtbot: PatientBot, tmp_path: Path) -> PictureView:
    """A view of a picture of 600 x 900 pixels at a third of its size."""
    Image.new("RGB", (300, 450), (90, 90, 90)).save(tmp_path / "preview.png")
    view = PictureView(ViewLink())
    view._link.setParent(view)
    qtbot.addWidget(view)
    view.resize(224, 324)
    with qtbot.waitExposed(view):
        view.show()
    view.show_picture(read_preview(tmp_path / "preview.png", Extent(600, 900)))
    return view


def test_a_tool_gets_source_pixels_and_the_whole_drag(lone: PictureView, qtbot: PatientBot) -> None:
    assert lone.scale == pytest.approx(1 / 3)
    tool = Recorder()
    lone.set_tool(tool)
    left = Qt.MouseButton.LeftButton
    qtbot.mousePress(lone, left, pos=QPoint(12, 12))
    qtbot.mouseMove(lone, QPoint(112, 112))
    qtbot.mouseRelease(lone, left, pos=QPoint(112, 162))
    assert tool.log == [
        ("press", pytest.approx(0), pytest.approx(0)),
        ("move", pytest.approx(300), pytest.approx(300)),
        ("release", pytest.approx(300), pytest.approx(450)),
    ]
    assert lone.cursor().shape() is Qt.CursorShape.CrossCursor
    assert lone.grab().toImage().pixelColor(12 + 33 + 3, 12 + 50 + 3) == Qt.GlobalColor.green
    box = lone.visible_box()
    assert box is not None
    assert box.extent == Extent(600, 900)
    lone.set_tool(None)
    assert lone.cursor().shape() is Qt.CursorShape.OpenHandCursor


def test_what_a_tool_leaves_pans_zooms_and_goes_to_actual_size(lone: PictureView, qtbot: PatientBot) -> None:
    lone.set_tool(Recorder(takes=False))
    turn_wheel(lone, QPointF(100, 100), 6)
    before = lone.to_picture(QPointF(60, 60))
    qtbot.mousePress(lone, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    qtbot.mouseMove(lone, QPoint(80, 90))
    qtbot.mouseRelease(lone, Qt.MouseButton.LeftButton, pos=QPoint(80, 90))
    after = lone.to_picture(QPointF(80, 90))
    assert (after.x(), after.y()) == pytest.approx((before.x(), before.y()), abs=1e-6)
    qtbot.mouseDClick(lone, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert lone._link.zoom == 1.0


def test_a_tool_that_lets_go_hands_the_drag_to_the_view(lone: PictureView, qtbot: PatientBot) -> None:
    lone._link.set(4.0, QPointF(0.5, 0.5))
    tool = Recorder()
    lone.set_tool(tool)
    before = lone.to_picture(QPointF(100, 100))
    qtbot.mousePress(lone, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    tool.takes = False
    qtbot.mouseMove(lone, QPoint(130, 110))
    qtbot.mouseRelease(lone, Qt.MouseButton.LeftButton, pos=QPoint(130, 110))
    assert [what for what, *_ in tool.log] == ["press", "move"]
    after = lone.to_picture(QPointF(130, 110))
    assert (after.x(), after.y()) == pytest.approx((before.x(), before.y()), abs=1e-6)


def test_a_pens_pressure_reaches_the_tool_and_no_mouse_event_follows(lone: PictureView) -> None:
    pen = QPointingDevice(
        "pen", 7, QInputDevice.DeviceType.Stylus, QPointingDevice.PointerType.Pen,
        QInputDevice.Capability.Position | QInputDevice.Capability.Pressure, 1, 2,
    )  # fmt: skip

    def send(kind: QEvent.Type, at: QPointF, pressure: float) -> bool:
        event = QTabletEvent(
            kind, pen, at, lone.mapToGlobal(at), pressure, 0, 0, 0, 0, 0, Qt.KeyboardModifier.NoModifier,
            Qt.MouseButton.LeftButton, Qt.MouseButton.LeftButton,
        )  # fmt: skip
        QApplication.sendEvent(lone, event)
        return event.isAccepted()

    tool = Recorder()
    lone.set_tool(tool)
    assert send(QEvent.Type.TabletPress, QPointF(50, 60), 0.25)
    assert send(QEvent.Type.TabletMove, QPointF(60, 60), 0.75)
    assert send(QEvent.Type.TabletRelease, QPointF(60, 60), 0.0)
    assert tool.pressures == pytest.approx([0.25, 0.75, 0.0], abs=0.01)
    assert [what for what, *_ in tool.log] == ["press", "move", "release"]
    tool.takes = False
    assert not send(QEvent.Type.TabletPress, QPointF(50, 60), 0.5), "Qt then sends it as a mouse event, which pans"


# -- trouble ----------------------------------------------------------------------------------------------------


def test_a_preview_that_is_gone_is_replaced_by_a_quick_look_at_the_photograph(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: PatientBot
) -> None:
    studio.finish({"A1": 2.0})
    for path in Path(studio.folder).rglob("*.jpg"):
        if "drop" not in path.parts:
            path.unlink()
    window = reviewing(open_window(), qtbot)
    quiet(window, qtbot)
    for part in (Part.FLATLAY, Part.ORIGINAL, Part.RESULT):
        picture = view(window, part).picture
        assert isinstance(picture, Pyramid)
        assert picture.extent == EXTENT
    press(window, qtbot, KEY.Key_M)
    quiet(window, qtbot)
    mask = view(window, Part.RESULT).mask
    assert mask is not None
    assert mask.extent == EXTENT
    assert not window.banner.isVisible(), "nobody needs to be told"


def test_a_photograph_that_is_cut_off_keeps_its_preview_and_is_told(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: PatientBot
) -> None:
    studio.finish({"A1": 2.0})
    window = reviewing(open_window(), qtbot)
    path = studio.folder / "drop" / "A1_model.jpg"
    path.write_bytes(path.read_bytes()[:-4000])
    press(window, qtbot, KEY.Key_Z)
    qtbot.waitUntil(window.banner.isVisible)
    quiet(window, qtbot)
    assert "A1_model.jpg" in window.banner.text()
    assert isinstance(view(window, Part.ORIGINAL).picture, Pyramid), "what is there stays on screen"
    assert compare(window).is_full(Part.RESULT), "the others are read all the same"
    assert "loading" not in compare(window).panes[Part.ORIGINAL].facts


def test_hurrying_through_results_decodes_no_more_than_what_is_rested_on(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: PatientBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.finish({f"H{i}": float(9 - i) for i in range(8)})
    window = reviewing(open_window(), qtbot)
    press(window, qtbot, KEY.Key_Z)
    quiet(window, qtbot)
    reads: list[Path] = []
    read = decode.read_picture
    monkeypatch.setattr(decode, "read_picture", lambda path: (reads.append(path), read(path))[1])
    for step in range(50):
        press(window, qtbot, KEY.Key_Down if step % 14 < 7 else KEY.Key_Up)
    quiet(window, qtbot)
    qtbot.waitUntil(lambda: all(compare(window).is_full(part) for part in compare(window).panes))
    files = set(compare(window).files().values())
    assert files <= set(reads)
    assert len(reads) <= 12, f"{len(reads)} decodes for 50 steps"
    quiet(window, qtbot)
    assert view(window, Part.RESULT).picture is compare(window).pictures.best(Part.RESULT)


def test_a_window_may_be_closed_while_pictures_are_read(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: PatientBot
) -> None:
    studio.finish({"A1": 2.0, "B2": 3.0})
    window = open_window()
    window.show_page(PageName.REVIEW)
    compare(window).pictures.want_full((Part.ORIGINAL, Part.RESULT, Part.FLATLAY, Part.MASK))
    compare(window).pictures.want_heat()
    window.closing.is_agreed = True
    window.close()
    qtbot.wait(300)
    assert not window.bridge.is_busy


def test_portrait_and_landscape_are_linked_by_relative_place(qtbot: PatientBot, tmp_path: Path) -> None:
    link = ViewLink()
    views = [PictureView(link) for _ in range(2)]
    Image.new("RGB", (300, 450)).save(tmp_path / "preview.png")
    for each, extent in zip(views, (Extent(6000, 8000), Extent(5400, 3600)), strict=True):
        qtbot.addWidget(each)
        each.resize(500, 500)
        each.show()
        each.show_picture(read_preview(tmp_path / "preview.png", extent))
    views[0].zoom_at(6.0, QPointF(250, 400))
    shares = []
    for each in views:
        assert each.picture is not None
        point, extent = each.to_picture(QPointF(250, 250)), each.picture.extent
        shares.append((point.x() / extent.width, point.y() / extent.height))
    assert shares[0] == pytest.approx(shares[1], abs=1e-6)
    link.setParent(views[0])
