"""Decoding for the screen, and the linked views."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from engine.domain.errors import KnownError
from engine.domain.geometry import Box, Extent
from gui.pictures.pixels import Pyramid, read_mask_preview, read_preview, read_thumbnail
from gui.pictures.tiled_picture import read_full, read_mask_full
from gui.viewer.picture_pane import PicturePane
from gui.viewer.picture_view import PictureView
from gui.viewer.view_geometry import ViewLink

SOURCE = Extent(2400, 3600)


@pytest.fixture
def preview_file(tmp_path: Path) -> Path:
    """The preview of a 2,400 x 3,600 photograph at a quarter: left half blue, right half orange."""
    pixels = np.zeros((900, 600, 3), np.uint8)
    pixels[:, :300], pixels[:, 300:] = (30, 60, 200), (240, 130, 20)
    path = tmp_path / "preview.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def preview(preview_file: Path) -> Pyramid:
    return read_preview(preview_file, SOURCE)


def test_a_preview_keeps_its_colours_and_knows_its_scale(preview: Pyramid) -> None:
    assert [level.image.width() for level in preview.levels] == [600, 300, 150]
    assert preview.levels[0].scale == 0.25
    for level in preview.levels:
        left, right = level.image.pixelColor(2, 2), level.image.pixelColor(level.image.width() - 3, 2)
        assert left.getRgb()[:3] == (30, 60, 200)
        assert right.getRgb()[:3] == (240, 130, 20)


@pytest.mark.parametrize(("scale", "width"), [(0.01, 150), (0.0625, 150), (0.063, 300), (0.25, 600), (2.0, 600)])
def test_the_smallest_level_that_is_sharp_enough_is_drawn(preview: Pyramid, scale: float, width: int) -> None:
    assert preview.level_for(scale).image.width() == width


def test_a_preview_is_sharp_up_to_its_own_resolution(preview: Pyramid) -> None:
    assert preview.is_sharp_at(0.25)
    assert not preview.is_sharp_at(0.26)


def test_full_size_is_brought_from_the_photographs_profile_to_srgb(tmp_path: Path) -> None:
    from PIL import ImageCms

    adobe_like = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = tmp_path / "photo.png"
    Image.new("RGB", (40, 30), (10, 200, 90)).save(path, icc_profile=adobe_like)
    full = read_full(path)
    assert full.extent == Extent(40, 30)
    tile = full.render_box(0, Box.whole(full.extent))
    assert tile.image.pixelColor(5, 5).getRgb()[:3] == (10, 200, 90)
    assert full.is_sharp_at(8.0), "there is nothing beyond the photograph's own pixels"


def test_a_mask_is_a_tint_that_is_clear_outside(tmp_path: Path) -> None:
    alpha = np.zeros((60, 40), np.uint8)
    alpha[:30] = 255
    data = cv2.imencode(".png", alpha)[1].tobytes()
    (tmp_path / "mask.png").write_bytes(data)
    full, preview = read_mask_full(data), read_mask_preview(tmp_path / "mask.png", Extent(40, 60))
    for drawn in (full.render_box(0, Box.whole(full.extent)), preview.levels[0]):
        inside, outside = drawn.image.pixelColor(5, 5), drawn.image.pixelColor(5, 50)
        assert outside.alpha() == 0
        assert 100 < inside.alpha() < 200, "the cloth stays visible under the mask"


def test_a_missing_preview_is_named(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match=r"gone\.jpg.*not there"):
        read_preview(tmp_path / "gone.jpg", SOURCE)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(KnownError, match=r"broken\.jpg.*cannot be read"):
        read_preview(tmp_path / "broken.jpg", SOURCE)


def test_thumbnails_stand_upright_and_read_what_qt_cannot(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 100), (200, 10, 10)).save(tmp_path / "lying.jpg", exif=exif)
    thumbnail = read_thumbnail(tmp_path / "lying.jpg", 64)
    assert (thumbnail.width(), thumbnail.height()) == (32, 64)
    tifffile.imwrite(tmp_path / "deep.tif", np.full((90, 60, 3), 40000, np.uint16), photometric="rgb")
    deep = read_thumbnail(tmp_path / "deep.tif", 64)
    assert max(deep.width(), deep.height()) <= 96
    assert abs(deep.pixelColor(5, 5).red() - 156) <= 1


# -- views ------------------------------------------------------------------------------------------------------


@pytest.fixture
def view(qtbot: QtBot, preview: Pyramid) -> PictureView:
    view = PictureView(ViewLink())
    view._link.setParent(view)
    qtbot.addWidget(view)
    view.resize(424, 624)
    view.show()
    view.show_picture(preview)
    return view


def share(view: PictureView, at: QPointF) -> QPointF:
    """The point of the picture under a view pixel, 0 to 1 along each side."""
    point, extent = view.to_picture(at), view.picture.extent
    return QPointF(point.x() / extent.width, point.y() / extent.height)


def test_a_picture_is_fitted_inside_its_margin_on_18_percent_grey(view: PictureView) -> None:
    assert view.scale == pytest.approx(400 / 2400)
    shown = view.grab().toImage()
    assert shown.pixelColor(3, 300).getRgb()[:3] == (118, 118, 118)
    assert shown.pixelColor(100, 300).getRgb()[:3] == (30, 60, 200)
    assert shown.pixelColor(320, 300).getRgb()[:3] == (240, 130, 20)


def test_the_wheel_keeps_what_is_under_the_pointer(view: PictureView) -> None:
    pointer = QPointF(300, 200)
    before = share(view, pointer)
    for _ in range(6):
        wheel = QWheelEvent(
            pointer, view.mapToGlobal(pointer), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(view, wheel)
    after = share(view, pointer)
    assert view._link.zoom == pytest.approx(1.25**6)
    assert (after.x(), after.y()) == pytest.approx((before.x(), before.y()), abs=1e-6)


def test_dragging_moves_the_picture_with_the_pointer(view: PictureView, qtbot: QtBot) -> None:
    view._link.set(4.0, QPointF(0.5, 0.5))
    before = share(view, QPointF(200, 300))
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 300))
    qtbot.mouseMove(view, QPoint(230, 320))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(230, 320))
    after = share(view, QPointF(230, 320))
    assert (after.x(), after.y()) == pytest.approx((before.x(), before.y()), abs=1e-6)


def test_no_edge_of_a_magnified_picture_comes_further_in_than_the_margin(view: PictureView) -> None:
    view._link.set(3.0, QPointF(0.0, 1.0))
    top_left, bottom_right = share(view, QPointF(12, 12)), share(view, QPointF(412, 612))
    assert top_left.x() == pytest.approx(0)
    assert bottom_right.y() == pytest.approx(1)


def test_double_click_is_one_picture_pixel_on_one_screen_pixel(view: PictureView, qtbot: QtBot) -> None:
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert view.scale == pytest.approx(1.0)
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert view._link.zoom == 1.0


def test_detail_is_asked_for_only_beyond_the_previews_resolution(view: PictureView) -> None:
    asked: list[float] = []
    view.asked_for_detail = lambda: asked.append(view.scale)
    view.zoom_at(1.4)
    assert not asked
    view.zoom_at(1.4)
    assert asked
    assert asked[0] > 0.25


def test_linked_panes_show_the_same_place_of_pictures_of_different_size(
    qtbot: QtBot, preview: Pyramid, preview_file: Path
) -> None:
    link = ViewLink()
    panes = [PicturePane("a", link), PicturePane("b", link)]
    for pane, picture in zip(panes, (preview, read_preview(preview_file, Extent(1000, 1500))), strict=True):
        qtbot.addWidget(pane)
        pane.resize(424, 650)
        pane.show()
        pane.view.show_picture(picture)
    panes[0].view.zoom_at(3.0, QPointF(100, 150))
    first, second = (share(pane.view, QPointF(80, 90)) for pane in panes)
    assert (first.x(), first.y()) == pytest.approx((second.x(), second.y()), abs=2e-3)
    assert panes[0].facts.startswith("2400 × 3600 · ")
    link.setParent(panes[0])


def test_set_text_20000_times_does_not_abort(qtbot: QtBot) -> None:
    """PySide6 6.12.0 on Python 3.11 drops a reference to None in each setText and aborts after some 5,000."""
    label = QLabel()
    qtbot.addWidget(label)
    for number in range(20_000):
        label.setText(str(number))
    assert label.text() == "19999"
