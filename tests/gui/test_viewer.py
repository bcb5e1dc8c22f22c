"""The viewer's instruments, driven with keys and the mouse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from engine.domain.geometry import Box
from engine.domain.requests import EngineName
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.spaces import pixels_to_lab
from engine.imaging.raster.display import to_display8
from engine.services.intake import scan, with_photographs_alone
from engine.services.plan import BatchPlan
from engine.services.queue import submit
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.pictures.parts import Part
from gui.viewer import settings as viewer_settings
from gui.viewer.compare_view import CompareView
from gui.viewer.picture_view import PictureView
from tests.gui.studio import EXTENT, Studio

KEY = Qt.Key
ALT, SHIFT = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def window(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    studio.finish({"A1": 2.0, "B2": 7.5})
    return reviewing(open_window(), qtbot)


def reviewing(window: MainWindow, qtbot: QtBot) -> MainWindow:
    window.show_page(PageName.REVIEW)
    qtbot.waitUntil(lambda: view(window, Part.RESULT).picture is not None)
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    return window


def press(window: MainWindow, qtbot: QtBot, key: Qt.Key, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    qtbot.keyClick(window.review.list, key, modifier)


def compare(window: MainWindow) -> CompareView:
    return window.review.compare


def view(window: MainWindow, part: Part) -> PictureView:
    return compare(window).panes[part].view


def shown(window: MainWindow) -> list[Part]:
    return [part for part, pane in compare(window).panes.items() if pane.isVisible()]


def at(view: PictureView, x: float, y: float) -> QPoint:
    """The view pixel over a point of the picture, 0 to 1."""
    return view.to_view(QPointF(x * EXTENT.width, y * EXTENT.height)).toPoint()


def colour_at(view: PictureView, point: QPoint) -> tuple[int, ...]:
    return view.grab().toImage().pixelColor(point).getRgb()[:3]


# -- blink ------------------------------------------------------------------------------------------------------


def test_backslash_blinks_without_moving_anything(window: MainWindow, qtbot: QtBot) -> None:
    places = [pane.geometry() for pane in compare(window).panes.values()]
    result, original = view(window, Part.RESULT), view(window, Part.ORIGINAL)
    drawn = at(result, 0.0, 0.0)
    press(window, qtbot, KEY.Key_Backslash)
    assert result.picture is original.picture
    assert compare(window).panes[Part.RESULT].title == "Original, in place of the result"
    assert [pane.geometry() for pane in compare(window).panes.values()] == places
    assert at(result, 0.0, 0.0) == drawn
    press(window, qtbot, KEY.Key_Backslash)
    assert result.picture is not original.picture


def test_a_held_backslash_shows_the_original_until_it_is_let_go(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gui.viewer.viewer._HELD_SECONDS", 0.0)
    result, original = view(window, Part.RESULT), view(window, Part.ORIGINAL)
    qtbot.keyPress(window.review.list, KEY.Key_Backslash)
    assert result.picture is original.picture
    qtbot.keyRelease(window.review.list, KEY.Key_Backslash)
    assert result.picture is not original.picture
    assert not window.actions_table["compare"].isChecked()


# -- wipe -------------------------------------------------------------------------------------------------------


def test_the_wipe_shows_the_original_left_of_a_divider_that_is_dragged(window: MainWindow, qtbot: QtBot) -> None:
    result = view(window, Part.RESULT)
    press(window, qtbot, KEY.Key_W)
    assert shown(window) == [Part.RESULT]
    assert compare(window).panes[Part.RESULT].title == "Original  |  Result"
    left, right = at(result, 0.05, 0.05), at(result, 0.95, 0.05)
    before, after = colour_at(result, left), colour_at(result, right)
    original = view(window, Part.ORIGINAL).picture.levels[0].image
    matched = result.picture.levels[0].image
    expected_before = original.pixelColor(original.width() // 20, original.height() // 20).getRgb()[:3]
    expected_after = matched.pixelColor(matched.width() * 19 // 20, matched.height() // 20).getRgb()[:3]
    assert np.abs(np.subtract(before, expected_before)).max() < 12
    assert np.abs(np.subtract(after, expected_after)).max() < 12
    middle = QPoint(result.width() // 2, result.height() // 2)
    target = QPoint(left.x() - 20, middle.y())
    center = QPointF(compare(window).link.center)
    qtbot.mousePress(result, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(result, target)
    qtbot.mouseRelease(result, Qt.MouseButton.LeftButton, pos=target)
    assert result.divider == pytest.approx(target.x() / result.width(), abs=0.005)
    assert np.abs(np.subtract(colour_at(result, left), expected_before)).max() > 12, "it is the result now"
    assert compare(window).link.center == center, "dragging the divider does not pan"
    press(window, qtbot, KEY.Key_W)
    assert shown(window) == [Part.FLATLAY, Part.ORIGINAL, Part.RESULT]


def test_the_divider_moves_by_key_only_while_wiping(window: MainWindow, qtbot: QtBot) -> None:
    result = view(window, Part.RESULT)
    press(window, qtbot, KEY.Key_Right, ALT)
    assert result.divider == 0.5
    press(window, qtbot, KEY.Key_W)
    press(window, qtbot, KEY.Key_Right, ALT)
    assert result.divider == pytest.approx(0.55)
    press(window, qtbot, KEY.Key_Left, ALT)
    press(window, qtbot, KEY.Key_Left, ALT)
    assert result.divider == pytest.approx(0.45)


def test_both_sides_of_the_wipe_are_read_at_full_resolution_when_magnified(window: MainWindow, qtbot: QtBot) -> None:
    press(window, qtbot, KEY.Key_Y, SHIFT)
    press(window, qtbot, KEY.Key_Y, SHIFT)
    press(window, qtbot, KEY.Key_Z)
    qtbot.waitUntil(lambda: compare(window).is_full(Part.RESULT) and compare(window).is_full(Part.ORIGINAL))
    assert not compare(window).is_full(Part.FLATLAY), "what is not shown is not decoded"
    press(window, qtbot, KEY.Key_W)
    result = view(window, Part.RESULT)
    assert result.is_sharp
    assert result.before.levels[0].width == EXTENT.width


# -- split ------------------------------------------------------------------------------------------------------


def test_split_goes_from_three_to_two_to_one_and_round(
    window: MainWindow, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    press(window, qtbot, KEY.Key_Y, SHIFT)
    assert shown(window) == [Part.ORIGINAL, Part.RESULT]
    press(window, qtbot, KEY.Key_Y, SHIFT)
    assert shown(window) == [Part.RESULT]
    press(window, qtbot, KEY.Key_Y, SHIFT)
    assert shown(window) == [Part.FLATLAY, Part.ORIGINAL, Part.RESULT]
    press(window, qtbot, KEY.Key_Y, SHIFT)
    assert shown(reviewing(open_window(), qtbot)) == [Part.ORIGINAL, Part.RESULT], "opens as the last one stood"


def test_a_photograph_without_a_flatlay_stands_beside_its_mask_alone(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    studio.finish({"A1": 2.0})
    folder = studio.shoot("Z9")
    (folder / "Z9_flat.jpg").unlink()
    pairs = with_photographs_alone(scan([folder / "Z9_model.jpg"])).pairs
    plan = BatchPlan(color_match=False, engine=EngineName.CLASSICAL)
    (job,) = submit(studio.catalog, "shooting", pairs, plan, joins=True).jobs
    now = datetime.now(UTC)
    assert studio.catalog.claim("test", now) is not None
    outcome = studio.outcome(job, -1, 0.9)
    outcome = replace(outcome, previews=replace(outcome.previews, flatlay=None))
    assert studio.catalog.succeed(job.id, "test", outcome, now)
    window = reviewing(open_window(), qtbot)
    assert shown(window) == [Part.FLATLAY, Part.ORIGINAL, Part.RESULT]
    press(window, qtbot, KEY.Key_Right)
    qtbot.waitUntil(lambda: shown(window) == [Part.ORIGINAL, Part.RESULT])
    qtbot.waitUntil(lambda: view(window, Part.RESULT)._layers.shown.mask is not None)
    assert view(window, Part.ORIGINAL)._layers.shown.mask is None
    press(window, qtbot, KEY.Key_Left)
    qtbot.waitUntil(lambda: shown(window) == [Part.FLATLAY, Part.ORIGINAL, Part.RESULT])


def test_a_magnified_picture_keeps_its_magnification_in_every_arrangement(window: MainWindow, qtbot: QtBot) -> None:
    result = view(window, Part.RESULT)
    narrow = result.scale
    press(window, qtbot, KEY.Key_Y, SHIFT)
    assert result.scale > narrow, "fitted, it takes the room that is there"
    press(window, qtbot, KEY.Key_Y, SHIFT)
    press(window, qtbot, KEY.Key_Y, SHIFT)
    assert result.scale == pytest.approx(narrow)
    press(window, qtbot, KEY.Key_Z)
    press(window, qtbot, KEY.Key_Plus)
    press(window, qtbot, KEY.Key_Plus)
    scale = result.scale
    for _ in range(3):
        press(window, qtbot, KEY.Key_Y, SHIFT)
        assert result.scale == pytest.approx(scale)


# -- eyedropper -------------------------------------------------------------------------------------------------


def measured(window: MainWindow, part: Part, x: float, y: float) -> np.ndarray:
    """Mean Lab of 5 x 5 pixels of a file, read independently of the window."""
    path = compare(window).files()[part]
    pixels = cv2.imread(str(path))[..., ::-1]
    column, row = int(x * EXTENT.width), int(y * EXTENT.height)
    return pixels_to_lab(np.ascontiguousarray(pixels[row - 2 : row + 3, column - 2 : column + 3]), None).mean((0, 1))


def figures(text: str) -> np.ndarray:
    """The three numbers of ``Name   L 1.0   a 2.0   b −3.0``."""
    return np.array([float(word.replace("−", "-")) for word in text.split()[2::2]])


def test_the_eyedropper_reads_original_and_result_under_the_pointer(window: MainWindow, qtbot: QtBot) -> None:
    readout = window.review.viewer.readout
    assert not readout.isVisible()
    press(window, qtbot, KEY.Key_I)
    assert readout.isVisible()
    result = view(window, Part.RESULT)
    qtbot.mouseMove(result, at(result, 0.5, 0.5))
    qtbot.waitUntil(lambda: "ΔE00" in readout.texts()["pointer delta"])
    texts = readout.texts()
    one, two = measured(window, Part.ORIGINAL, 0.5, 0.5), measured(window, Part.RESULT, 0.5, 0.5)
    assert texts["pointer first"].startswith("Original")
    assert texts["pointer second"].startswith("Result")
    # Off by a pixel of rounding in a picture whose noise is 9 code values: far less than the colours are apart.
    assert np.abs(figures(texts["pointer first"]) - one).max() < 1.5
    assert np.abs(figures(texts["pointer second"]) - two).max() < 1.5
    assert float(texts["pointer delta"].split()[1]) == pytest.approx(float(delta_E_2000(one, two)), abs=1)
    assert readout.geometry().top() >= compare(window).geometry().bottom(), "never on top of the pictures"
    press(window, qtbot, KEY.Key_I)
    assert not readout.isVisible()


def test_a_click_pins_on_the_flatlay_and_esc_unpins(window: MainWindow, qtbot: QtBot) -> None:
    readout = window.review.viewer.readout
    press(window, qtbot, KEY.Key_I)
    flatlay, result = view(window, Part.FLATLAY), view(window, Part.RESULT)
    qtbot.mouseClick(flatlay, Qt.MouseButton.LeftButton, pos=at(flatlay, 0.5, 0.5))
    qtbot.mouseMove(result, at(result, 0.1, 0.1))
    qtbot.waitUntil(lambda: "ΔE00" in readout.texts()["between second"])
    pinned = measured(window, Part.FLATLAY, 0.5, 0.5)
    for cell, part in (("between first", Part.ORIGINAL), ("between second", Part.RESULT)):
        expected = float(delta_E_2000(pinned, measured(window, part, 0.1, 0.1)))
        assert float(readout.texts()[cell].split()[-1]) == pytest.approx(expected, abs=1)
    assert flatlay.pin is not None
    assert result.pin is None
    press(window, qtbot, KEY.Key_Escape)
    assert flatlay.pin is None
    assert readout.texts()["pin first"] == "click to pin a point"
    assert not window.actions_table["unpin"].isEnabled()


def test_a_drag_with_the_eyedropper_pans_and_pins_nothing(window: MainWindow, qtbot: QtBot) -> None:
    press(window, qtbot, KEY.Key_Z)
    press(window, qtbot, KEY.Key_I)
    result = view(window, Part.RESULT)
    center = QPointF(compare(window).link.center)
    qtbot.mousePress(result, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    qtbot.mouseMove(result, QPoint(140, 150))
    qtbot.mouseRelease(result, Qt.MouseButton.LeftButton, pos=QPoint(140, 150))
    assert compare(window).eyedropper.pin_place is None
    assert compare(window).link.center != center


def test_going_on_forgets_the_pin(window: MainWindow, qtbot: QtBot) -> None:
    press(window, qtbot, KEY.Key_I)
    result = view(window, Part.RESULT)
    qtbot.mouseClick(result, Qt.MouseButton.LeftButton, pos=at(result, 0.5, 0.5))
    assert view(window, Part.ORIGINAL).pin is not None, "original and result lie on each other"
    press(window, qtbot, KEY.Key_Down)
    assert result.pin is None


def test_esc_in_the_note_ends_writing_and_keeps_the_pin(window: MainWindow, qtbot: QtBot) -> None:
    press(window, qtbot, KEY.Key_I)
    result = view(window, Part.RESULT)
    qtbot.mouseClick(result, Qt.MouseButton.LeftButton, pos=at(result, 0.5, 0.5))
    press(window, qtbot, KEY.Key_N)
    qtbot.waitUntil(window.review.note.hasFocus)
    qtbot.keyClick(window.review.note, KEY.Key_Escape)
    assert not window.review.note.hasFocus()
    assert result.pin is not None


# -- heat map ---------------------------------------------------------------------------------------------------


def test_d_shows_the_map_with_its_legend_at_full_resolution(window: MainWindow, qtbot: QtBot) -> None:
    bar, result = window.review.viewer.bar, view(window, Part.RESULT)
    height = bar.height()
    assert not bar.legend.isVisible()
    press(window, qtbot, KEY.Key_D)
    qtbot.waitUntil(bar.legend.isVisible)
    assert compare(window).panes[Part.RESULT].title == "ΔE map"
    assert bar.texts()["heat"] == f"ΔE00, full resolution, {EXTENT}"
    assert bar.height() == height
    heat = compare(window).heat
    assert result.picture is heat.picture
    assert heat.picture.levels[0].width == EXTENT.width
    # Its colour is the legend's at the difference that two independent reads of the files give.
    files = compare(window).files()
    labs = [
        pixels_to_lab(np.ascontiguousarray(cv2.imread(str(files[p]))[450:451, 300:301, ::-1]), None)
        for p in (Part.ORIGINAL, Part.RESULT)
    ]
    level = min(1.0, float(delta_E_2000(*labs).item()) / heat.full_scale)
    expected = heat.ramp.pixelColor(round(level * 255), 0).getRgb()[:3]
    tile = heat.picture.render_box(0, Box(300, 450, 301, 451))
    drawn = tile.image.pixelColor(0, 0).getRgb()[:3]
    assert np.abs(np.subtract(drawn, expected)).max() <= 4
    press(window, qtbot, KEY.Key_Down)
    assert not bar.legend.isVisible(), "the next result is measured afresh"
    qtbot.waitUntil(bar.legend.isVisible)
    press(window, qtbot, KEY.Key_D)
    assert not bar.legend.isVisible()
    assert compare(window).panes[Part.RESULT].title == "Result"


# -- surround and neighbours ------------------------------------------------------------------------------------


def test_the_surround_moves_in_stops_and_is_remembered(
    window: MainWindow, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    result = view(window, Part.RESULT)
    assert colour_at(result, QPoint(3, 3)) == (118, 118, 118), "18 %"
    press(window, qtbot, KEY.Key_Up, ALT)
    assert colour_at(result, QPoint(3, 3)) == (162, 162, 162), "36 %: 1.055 * 0.36 ** (1 / 2.4) - 0.055 = 0.634"
    press(window, qtbot, KEY.Key_Down, ALT)
    press(window, qtbot, KEY.Key_Down, ALT)
    assert colour_at(result, QPoint(3, 3)) == (85, 85, 85), "9 %"
    second = reviewing(open_window(), qtbot)
    assert colour_at(view(second, Part.RESULT), QPoint(3, 3)) == (85, 85, 85)


def test_three_neighbours_on_either_side_are_read_ahead(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    studio.finish({f"N{i}": float(9 - i) for i in range(9)})
    window = reviewing(open_window(), qtbot)
    for _ in range(4):
        press(window, qtbot, KEY.Key_Down)
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    ids = window.review.results.shown_ids()
    row = ids.index(window.review.current().job.id)
    assert row == 4
    held = compare(window).pictures
    for near in ids[1:8]:
        previews = studio.catalog.review_item(near).outcome.previews
        assert held.has_preview(studio.artifacts.path(previews.matched))
    press(window, qtbot, KEY.Key_Down)
    assert view(window, Part.RESULT).picture is not None, "shown in the same turn of the event loop"


def test_a_repeating_key_does_not_flicker(window: MainWindow) -> None:
    for name in ("compare", "mask", "wipe", "heat_map", "eyedropper"):
        assert not window.actions_table[name].autoRepeat()
    assert window.actions_table["next"].autoRepeat()


# -- colour management ------------------------------------------------------------------------------------------

P3 = [0.680, 0.320, 0.265, 0.690, 0.150, 0.060]
"""Primaries of SMPTE RP 431-2, with D65 and the curve of sRGB the colour space of Display P3 screens."""


@pytest.fixture
def p3(tmp_path: Path) -> Path:
    import imagecodecs

    code = np.linspace(0, 1, 1024)
    curve = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)
    path = tmp_path / "screen.icc"
    path.write_bytes(
        imagecodecs.cms_profile("rgb", whitepoint=[0.3127, 0.3290, 1.0], primaries=P3, transferfunction=curve)
    )
    return path


def test_srgb_green_has_its_published_values_on_a_p3_screen(p3: Path) -> None:
    """CSS Color 4 converts color(srgb 0 1 0) to color(display-p3 0.4584 0.9853 0.2983)."""
    green = np.full((3, 5, 3), (0, 255, 0), np.uint8)
    shown = to_display8(green, None, p3.read_bytes())
    assert np.abs(shown.astype(int) - (117, 251, 76)).max() <= 1
    assert to_display8(green, None, None) is green, "an unknown screen is shown sRGB as it is"


def test_a_wide_file_keeps_its_colours_on_a_wide_screen_unless_it_is_proofed(p3: Path) -> None:
    profile = p3.read_bytes()
    wide = np.full((3, 5, 3), (0, 255, 0), np.uint8)
    assert np.abs(to_display8(wide, profile, profile).astype(int) - wide).max() <= 1
    proofed = to_display8(wide, profile, profile, soft_proof=True)
    assert np.abs(proofed.astype(int) - (117, 251, 76)).max() <= 2, "P3's green is outside sRGB and clips to sRGB's"
    deep = to_display8(wide.astype(np.uint16) * 257, profile, profile)
    assert np.abs(deep.astype(int) - wide).max() <= 1


def test_an_unknown_screen_is_marked_and_a_chosen_profile_converts_every_picture(
    window: MainWindow, p3: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar, result = window.review.viewer.bar, view(window, Part.RESULT)
    assert "display profile unknown: shown as sRGB" in bar.texts()["display"]
    assert bar._mark.isVisible()
    before = result.picture.levels[0].pixels[..., 2::-1].copy()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(p3), ""))
    window.actions_table["display_profile"].trigger()
    qtbot.waitUntil(lambda: not bar._mark.isVisible())
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    assert "unknown" not in bar.texts()["display"]
    expected = to_display8(before, None, p3.read_bytes())
    np.testing.assert_array_equal(result.picture.levels[0].pixels[..., 2::-1], expected)
    assert np.abs(expected.astype(int) - before).max() > 5
    press(window, qtbot, KEY.Key_S)
    assert "sRGB soft proof" in bar.texts()["display"]
    assert result.picture is not None, "the last picture stays until the next is read"
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    press(window, qtbot, KEY.Key_S)
    assert "soft proof" not in bar.texts()["display"]
    window.actions_table["forget_display_profile"].trigger()
    qtbot.waitUntil(bar._mark.isVisible)
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    np.testing.assert_array_equal(result.picture.levels[0].pixels[..., 2::-1], before)


def test_another_screen_is_asked_for_its_own_profile(window: MainWindow, p3: Path, qtbot: QtBot) -> None:
    viewer_settings.set_display_profile(window.screen().name(), p3)
    window.windowHandle().screenChanged.emit(window.screen())
    qtbot.waitUntil(lambda: not window.review.viewer.bar._mark.isVisible())


def test_a_file_that_is_no_screen_profile_is_refused(
    window: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.icc").write_bytes(b"no profile")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "notes.icc"), ""))
    window.actions_table["display_profile"].trigger()
    qtbot.waitUntil(window.banner.isVisible)
    assert "notes.icc: it is not the ICC profile of an RGB screen." in window.banner.text()
    assert "unknown" in window.review.viewer.bar.texts()["display"]
