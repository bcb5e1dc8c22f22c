"""Large pictures: tiles, what is drawn of them, and what is forgotten."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from engine.domain.errors import Cancelled, KnownError
from engine.domain.geometry import Box, Extent
from engine.domain.picture import Picture
from engine.imaging.raster.display import to_display8
from engine.imaging.raster.reduced import read_reduced
from engine.imaging.retouch import encode_retouch
from gui.bridge import Bridge
from gui.lane import Errand, Lane
from gui.pictures.decoded import DecodedPictures
from gui.pictures.display import Display
from gui.pictures.tile_store import TileKey, TileStore
from gui.pictures.tiled_picture import TILE, TiledPicture, read_full, tile_picture, tile_plane, tiles_over
from gui.viewer.picture_view import PictureView
from gui.viewer.view_geometry import ViewLink

PROJECT = Path(__file__).resolve().parents[2]


def noise(width: int, height: int, dtype: type = np.uint8) -> np.ndarray:
    rng = np.random.default_rng(width * height)
    return rng.integers(0, np.iinfo(dtype).max, (height, width, 3), dtype)


def as_rgb(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    bridge = Bridge()
    yield bridge
    bridge.close()


def errors() -> list[Exception]:
    return []


@pytest.fixture
def store(bridge: Bridge) -> TileStore:
    def fail(error: Exception) -> None:
        raise error

    return TileStore(bridge, fail)


@pytest.fixture
def view(store: TileStore, qtbot: QtBot) -> PictureView:
    view = PictureView(ViewLink(), store)
    view._link.setParent(view)
    qtbot.addWidget(view)
    view.resize(700, 600)
    with qtbot.waitExposed(view):
        view.show()
    return view


def settle(view: PictureView, bridge: Bridge, qtbot: QtBot) -> QImage:
    """What the view shows once every tile has arrived."""
    view.repaint()
    qtbot.waitUntil(lambda: not bridge.is_busy)
    return view.grab().toImage()


# -- what is drawn ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scale", "at"), [(1, (0.5, 0.5)), (1, (0.31, 0.77)), (2, (0.5, 0.2)), (4, (0.0, 1.0))])
def test_at_whole_magnifications_the_files_own_pixels_are_on_the_screen(
    view: PictureView, bridge: Bridge, qtbot: QtBot, tmp_path: Path, scale: int, at: tuple[float, float]
) -> None:
    pixels = noise(1501, 1283)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    view.show_picture(read_full(tmp_path / "noise.png"))
    view.zoom_at(scale / view.scale)
    view._link.set(view._link.zoom, QPointF(*at))
    assert view.scale == pytest.approx(scale)
    shown = as_rgb(settle(view, bridge, qtbot))
    box = view.visible_box()
    assert box is not None
    expected = np.repeat(np.repeat(pixels[box.top : box.bottom, box.left : box.right], scale, 0), scale, 1)
    corner = view.to_view(QPointF(box.left, box.top))
    assert (corner.x(), corner.y()) == (round(corner.x()), round(corner.y()))
    left, top = round(corner.x()), round(corner.y())
    seen = shown[max(0, top) :, max(0, left) :]
    expected = expected[max(0, -top) :, max(0, -left) :]
    height, width = (min(a, b) for a, b in zip(seen.shape[:2], expected.shape[:2], strict=True))
    assert min(height, width) > 500
    np.testing.assert_array_equal(seen[:height, :width], expected[:height, :width])


@pytest.mark.parametrize("factor", [0.37, 0.5, 0.81])
def test_tiles_have_no_seams_between_whole_magnifications(
    view: PictureView, bridge: Bridge, qtbot: QtBot, factor: float
) -> None:
    """A smooth ramp stays one: at no tile's edge a neighbour differs by more than anywhere else."""
    ramp = np.linspace(20, 235, 2400)[None, :, None] * np.linspace(0.6, 1, 2200)[:, None, None]
    view.show_picture(tile_picture(Picture(np.repeat(ramp, 3, 2).astype(np.uint8)), Display()))
    view.zoom_at(factor / view.scale)
    shown = as_rgb(settle(view, bridge, qtbot))[40:-40, 40:-40, 0].astype(int)
    assert np.abs(np.diff(shown, axis=1)).max() <= 2
    assert np.abs(np.diff(shown, axis=0)).max() <= 2


def test_nothing_of_an_earlier_picture_is_left_at_the_edges(view: PictureView, bridge: Bridge, qtbot: QtBot) -> None:
    """Smoothly scaled, a picture's last column took a share of what had been drawn there before."""
    view.show_picture(tile_picture(Picture(noise(1900, 1700)), Display()))
    settle(view, bridge, qtbot)
    view.show_picture(tile_picture(Picture(np.full((700, 620, 3), (20, 120, 220), np.uint8)), Display()))
    shown = as_rgb(settle(view, bridge, qtbot)).reshape(-1, 3)
    assert {tuple(color) for color in np.unique(shown, axis=0).tolist()} == {(118, 118, 118), (20, 120, 220)}


def test_the_coarse_picture_stands_in_until_tiles_are_there(view: PictureView, bridge: Bridge, qtbot: QtBot) -> None:
    pixels = np.full((2000, 2600, 3), (20, 120, 220), np.uint8)
    view.show_picture(tile_picture(Picture(pixels), Display()))
    view.zoom_at(1 / view.scale)
    before = view.grab().toImage()
    assert before.pixelColor(350, 300).getRgb()[:3] == (20, 120, 220)
    assert settle(view, bridge, qtbot).pixelColor(350, 300).getRgb()[:3] == (20, 120, 220)


_SCALED = """
import sys
import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QWidget
from engine.domain.picture import Picture
from gui.bridge import Bridge
from gui.pictures.display import Display
from gui.pictures.tile_store import TileStore
from gui.pictures.tiled_picture import tile_picture
from gui.viewer.picture_view import PictureView
from gui.viewer.view_geometry import ViewLink

application = QApplication([])
pixels = np.random.default_rng(1).integers(0, 255, (1400, 1700, 3), np.uint8)
bridge, window, link = Bridge(), QWidget(), ViewLink()
view = PictureView(link, TileStore(bridge, print))
layout = QHBoxLayout(window)
layout.setContentsMargins(3, 7, 5, 1)  # so that the view begins between two device pixels
label = QLabel()
label.setFixedWidth(int(sys.argv[1]))
layout.addWidget(label)
layout.addWidget(view)
window.resize(467, 431)
window.show()
picture = tile_picture(Picture(pixels), Display())
view.show_picture(picture)
if sys.argv[2] == "wipe":
    view.show_before(tile_picture(Picture(np.zeros_like(pixels)), Display()))
view.zoom_at(1 / view.scale, QPointF(101, 97))
window.grab()  # asks for the tiles
while bridge.is_busy:
    application.processEvents()
image = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
shown = rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3)
ratio = view.devicePixelRatioF()
place = view.placed()
corner = view.corner() * ratio
middle = view.size() * ratio / 2
x, y = round(corner.x() + middle.width()), round(corner.y() + middle.height())
left, top = corner.x() + place.left * ratio, corner.y() + place.top * ratio
assert abs(left - round(left)) < 1e-6 and abs(top - round(top)) < 1e-6, (left, top)
reach = round(120 * ratio)
seen = shown[y - reach : y + reach, x - reach : x + reach].astype(int)
row, column = y - round(top), x - round(left)
source = pixels[row - reach : row + reach, column - reach : column + reach].astype(int)
if sys.argv[2] == "wipe":
    edge = reach  # the divider stands in the middle of the view
    assert (seen[:, : edge - 4] == 0).all()
    np.testing.assert_array_equal(seen[:, edge + 4 :], source[:, edge + 4 :])
    white = (seen == 255).all((0, 2))
    assert white.sum() == 1, f"the hairline is {white.sum()} device pixels wide"
else:
    np.testing.assert_array_equal(seen, source)
bridge.close()
"""


@pytest.mark.parametrize("scaling", ["1.25", "1.5", "2", "2.5"])
def test_on_scaled_displays_one_picture_pixel_is_one_device_pixel(scaling: str) -> None:
    for gap, what in (("11", "plain"), ("12", "wipe")):
        environment = {
            **os.environ,
            "QT_SCALE_FACTOR": scaling,
            "QT_QPA_PLATFORM": "offscreen",
            "PYTHONPATH": str(PROJECT),
        }
        done = subprocess.run(
            [sys.executable, "-c", _SCALED, gap, what], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


# -- conversion -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wide() -> bytes:
    return imagecodecs.cms_profile(
        "rgb", whitepoint=[0.3127, 0.329, 1.0], primaries=[0.68, 0.32, 0.265, 0.69, 0.15, 0.06], gamma=2.2
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("soft_proof", [False, True])
@pytest.mark.parametrize("is_known", [False, True])
def test_tiles_are_what_the_whole_picture_would_be(wide: bytes, dtype: type, soft_proof: bool, is_known: bool) -> None:
    pixels, source = noise(1100, 700, dtype), imagecodecs.cms_profile("adobergb")
    display = Display(wide if is_known else None, "wide", soft_proof)
    picture = tile_picture(Picture(pixels, icc=source), display)
    whole = to_display8(pixels, source, display.profile, soft_proof=soft_proof)
    assert picture.levels[0].pixels is pixels, "the decoded samples are held once"
    covered = 0
    for column, row in tiles_over(Box.whole(picture.extent)):
        box = picture.box(0, column, row)
        tile = picture.render_box(0, box)
        np.testing.assert_array_equal(tile.pixels[..., 2::-1], whole[box.top : box.bottom, box.left : box.right])
        covered += box.extent.pixels
    assert covered == picture.extent.pixels


def test_every_level_is_half_of_the_one_before_and_odd_sizes_keep_their_edge() -> None:
    picture = tile_picture(Picture(noise(1301, 777)), Display())
    assert [(level.width, level.height) for level in picture.levels] == [(1301, 777), (650, 388), (325, 194), (162, 97)]
    assert picture.level_for(1.0) == 0
    assert picture.level_for(0.5) == 0, "650 of 1301 is less than half"
    assert picture.level_for(0.49) == 1
    assert picture.level_for(8.0) == 0


def test_a_plane_is_looked_up_in_its_table() -> None:
    table = np.zeros((256, 4), np.uint8)
    table[:, 3] = np.arange(256)
    plane = np.arange(256, dtype=np.uint8).reshape(16, 16)
    tile = tile_plane(plane, table, is_opaque=False).render_box(0, Box(0, 0, 16, 16))
    np.testing.assert_array_equal(tile.pixels[..., 3], plane)
    assert tile.image.pixelColor(3, 2).alpha() == 35


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (30_000, 40)])
def test_the_smallest_and_the_longest_are_drawn(
    view: PictureView, bridge: Bridge, qtbot: QtBot, tmp_path: Path, size: tuple[int, int]
) -> None:
    Image.new("RGB", size, (200, 30, 90)).save(tmp_path / "odd.png")
    view.show_picture(read_full(tmp_path / "odd.png"))
    view.zoom_at(1 / view.scale)
    place = view.placed()
    assert place.visible_box(view.size().toSizeF()) is not None
    shown = settle(view, bridge, qtbot)
    assert (200, 30, 90) in {shown.pixelColor(350 + d, 300 + d).getRgb()[:3] for d in (-1, 0, 1)}


# -- the store --------------------------------------------------------------------------------------------------


def keys_of(picture: TiledPicture) -> list[TileKey]:
    return [TileKey(picture, 0, c, r) for c, r in tiles_over(Box.whole(picture.extent))]


def test_tiles_stay_within_their_budget_but_for_what_is_on_screen(bridge: Bridge, qtbot: QtBot) -> None:
    one = TILE * TILE * 4
    store = TileStore(bridge, errors().append, budget=3 * one)
    picture = tile_picture(Picture(noise(TILE * 4, TILE * 2)), Display())
    keys = keys_of(picture)
    for first, second in pairwise(keys):
        store.want("view", [first, second])
        qtbot.waitUntil(lambda: not bridge.is_busy)
        assert store.bytes <= 3 * one
        assert store.tile(first) is not None
        assert store.tile(second) is not None
    store.want("view", keys)
    qtbot.waitUntil(lambda: not bridge.is_busy)
    assert all(store.tile(key) is not None for key in keys), "what is shown is kept whatever it takes"
    store.forget([picture])
    assert store.bytes == 0


def test_what_no_view_wants_any_more_is_not_made(bridge: Bridge, qtbot: QtBot) -> None:
    store = TileStore(bridge, errors().append)
    picture = tile_picture(Picture(noise(TILE * 5, TILE * 4)), Display())
    keys = keys_of(picture)
    store.want("view", keys)
    store.want("view", keys[:1])
    qtbot.waitUntil(lambda: not bridge.is_busy)
    made = [key for key in keys if store.tile(key) is not None]
    assert keys[0] in made
    assert len(made) <= 2, "one was on its way"


def test_a_tile_that_cannot_be_made_is_told_once(bridge: Bridge, qtbot: QtBot) -> None:
    def broken(_: np.ndarray) -> np.ndarray:
        raise KnownError("no colours", remedy="None.")

    told: list[Exception] = []
    store = TileStore(bridge, told.append)
    sound = tile_picture(Picture(noise(TILE, TILE)), Display())
    picture = TiledPicture(sound.extent, sound.levels, broken, sound.coarse, is_opaque=True)
    for _ in range(3):
        store.want("view", keys_of(picture))
        qtbot.waitUntil(lambda: not bridge.is_busy)
        store.want("view", [])
    assert len(told) == 1


def test_a_lane_runs_the_newest_wishes_and_forgets_the_rest(bridge: Bridge, qtbot: QtBot) -> None:
    gate, ran, done = threading.Event(), [], []

    def errand(name: str) -> Errand:
        def work() -> str:
            gate.wait(5)
            ran.append(name)
            return name

        return Errand(name, work, done.append, done.append)

    lane = Lane(bridge, 1)
    for first in range(50):
        lane.want([errand(f"{first}"), errand(f"{first + 1}")])
    assert lane.waiting == 2
    gate.set()
    qtbot.waitUntil(lambda: not bridge.is_busy)
    assert ran == ["0", "49", "50"]
    assert done == ran


def test_one_file_is_decoded_once_for_all_and_dropped_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.imaging.raster import decode

    path = tmp_path / "a.png"
    Image.new("RGB", (60, 40)).save(path)
    reads: list[Path] = []
    read = decode.read_picture
    monkeypatch.setattr(decode, "read_picture", lambda path: (reads.append(path), read(path))[1])
    decoded = DecodedPictures()
    with pytest.raises(Cancelled):
        decoded.read(path)
    decoded.keep([path])
    found: list[Picture] = []
    threads = [threading.Thread(target=lambda: found.append(decoded.read(path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reads == [path]
    assert len(found) == 4
    assert all(picture is found[0] for picture in found)
    decoded.keep([])
    with pytest.raises(Cancelled):
        decoded.read(path)


def test_what_a_retoucher_painted_is_laid_over_the_picture_it_belongs_to(tmp_path: Path) -> None:
    path, retouch = tmp_path / "a.png", tmp_path / "retouch.png"
    Image.new("RGB", (60, 40), (10, 20, 30)).save(path)
    painted = np.zeros((40, 60, 4), np.uint8)
    painted[5:10, 5:10] = (200, 0, 0, 255)
    retouch.write_bytes(encode_retouch(painted))
    decoded = DecodedPictures()
    decoded.keep([path])
    assert tuple(decoded.read(path).pixels[7, 7]) == (10, 20, 30)
    # Another version has the very same match, and paint over it.
    decoded.keep([path], {path: retouch})
    pixels = decoded.read(path).pixels
    assert tuple(pixels[7, 7]) == (200, 0, 0)
    assert tuple(pixels[20, 20]) == (10, 20, 30)
    decoded.keep([path])
    assert tuple(decoded.read(path).pixels[7, 7]) == (10, 20, 30)


# -- reduced ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_jpeg_is_reduced_while_it_is_decoded_and_stands_upright(tmp_path: Path, orientation: int) -> None:
    rng = np.random.default_rng(0)
    pixels = cv2.resize(rng.integers(0, 255, (12, 16, 3)).astype(np.uint8), (3200, 2400), interpolation=cv2.INTER_CUBIC)
    exif = Image.Exif()
    exif[0x0112] = orientation
    profile = imagecodecs.cms_profile("adobergb")
    path = tmp_path / "big.jpg"
    Image.fromarray(pixels).save(path, quality=95, exif=exif, icc_profile=profile)
    small = read_reduced(path, 700)
    upright = np.rot90(pixels, {1: 0, 3: 2, 6: 3, 8: 1}[orientation])
    assert small.extent == Extent(upright.shape[1], upright.shape[0])
    assert small.icc == profile
    assert small.pixels.shape == (upright.shape[0] // 4, upright.shape[1] // 4, 3)
    expected = cv2.resize(upright, small.pixels.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small.pixels.astype(int) - expected).mean() < 2


def test_what_cannot_be_reduced_while_decoding_is_reduced_afterwards(tmp_path: Path) -> None:
    Image.fromarray(noise(1600, 1200)).save(tmp_path / "a.png")
    small = read_reduced(tmp_path / "a.png", 400)
    assert small.pixels.shape == (300, 400, 3)
    assert small.extent == Extent(1600, 1200)
    Image.new("RGB", (30, 20), (1, 2, 3)).save(tmp_path / "tiny.jpg")
    assert read_reduced(tmp_path / "tiny.jpg", 400).pixels.shape == (20, 30, 3)
    with pytest.raises(KnownError, match="gone"):
        read_reduced(tmp_path / "gone.jpg", 400)
