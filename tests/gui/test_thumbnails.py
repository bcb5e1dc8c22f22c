"""Thumbnails: where they come from, in which order, and what is dropped. Pictures on disk and a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from engine.imaging.raster.embedded import read_embedded_thumbnail
from gui.bridge import Bridge
from gui.pictures.thumbnail_files import ThumbnailSource, find_thumbnail, make_thumbnail
from gui.pictures.thumbnails import Thumbnails
from storage.thumbnails import SqliteThumbnails

RED, BLUE = (200, 30, 30), (30, 30, 200)


@pytest.fixture
def bridge(qapp: object) -> Iterator[Bridge]:
    bridge = Bridge()
    yield bridge
    bridge.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteThumbnails]:
    store = SqliteThumbnails(tmp_path / "thumbs.db")
    yield store
    store.close()


def exif_block(jpeg: bytes, orientation: int) -> bytes:
    """A TIFF structure by the letter of CIPA DC-008: IFD0 with the orientation, IFD1 with the thumbnail."""
    import struct

    first = struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 26)
    second = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(jpeg), 0)
    assert 8 + len(first) == 26
    assert 26 + len(second) == 56
    return b"Exif\0\0" + b"II*\0\x08\0\0\0" + first + second + jpeg


def photograph(
    path: Path, size: tuple[int, int] = (600, 400), thumbnail: tuple[int, int] | None = None, orientation: int = 1
) -> Path:
    """A blue photograph whose camera's thumbnail, where it has one, is red with a green left half."""
    block = b""
    if thumbnail is not None:
        small = np.full((thumbnail[1], thumbnail[0], 3), RED, np.uint8)
        small[:, : thumbnail[0] // 2] = (30, 200, 30)
        block = exif_block(cv2.imencode(".jpg", small[..., ::-1])[1].tobytes(), orientation)
    Image.new("RGB", size, BLUE).save(path, quality=90, exif=block)
    return path


def color(image: object, x: float = 0.5, y: float = 0.5) -> str:
    picture = image.toImage() if hasattr(image, "toImage") else image
    pixel = picture.pixelColor(int(x * (picture.width() - 1)), int(y * (picture.height() - 1)))
    return max((pixel.red(), "red"), (pixel.green(), "green"), (pixel.blue(), "blue"))[1]


def test_the_cameras_thumbnail_is_read_upright(tmp_path: Path) -> None:
    pixels = read_embedded_thumbnail(photograph(tmp_path / "a.jpg", thumbnail=(150, 100), orientation=6))
    assert pixels is not None
    assert pixels.shape == (150, 100, 3)
    # Orientation 6: the stored left edge is the upper edge.
    assert np.abs(pixels[20, 50].astype(int) - (30, 200, 30)).max() < 12
    assert np.abs(pixels[130, 50].astype(int) - RED).max() < 12


@pytest.mark.parametrize("thumbnail", [None, (160, 120), (100, 150)])
def test_a_thumbnail_of_another_shape_is_refused(tmp_path: Path, thumbnail: tuple[int, int] | None) -> None:
    assert read_embedded_thumbnail(photograph(tmp_path / "a.jpg", thumbnail=thumbnail)) is None


def test_a_damaged_thumbnail_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (600, 400), BLUE).save(path, exif=exif_block(b"\xff\xd8 no picture", 1))
    assert read_embedded_thumbnail(path) is None


def test_a_large_enough_thumbnail_is_the_end_and_a_small_one_the_beginning(tmp_path: Path) -> None:
    source = ThumbnailSource(photograph(tmp_path / "a.jpg", thumbnail=(150, 100)))
    small, large = find_thumbnail(source, 64, None), find_thumbnail(source, 256, None)
    assert (small.is_final, large.is_final) == (True, False)
    assert small.image is not None
    assert (small.image.width(), small.image.height()) in ((64, 42), (64, 43))
    assert color(small.image, 0.9) == "red"
    assert large.image is not None
    assert large.image.width() == 150
    assert find_thumbnail(ThumbnailSource(photograph(tmp_path / "b.jpg")), 64, None).image is None


def test_what_was_decoded_is_stored_by_content_and_by_time(tmp_path: Path, store: SqliteThumbnails) -> None:
    path = photograph(tmp_path / "a.jpg")
    source, hashed = ThumbnailSource(path), ThumbnailSource(path, "cafe")
    made = make_thumbnail(source, 100, store)
    make_thumbnail(hashed, 100, store)
    found = find_thumbnail(source, 100, store)
    assert found.is_final
    assert found.image is not None
    assert found.image.size() == made.size()
    assert not find_thumbnail(source, 64, store).is_final, "another size is another thumbnail"
    photograph(path, (400, 600))
    assert not find_thumbnail(source, 100, store).is_final, "the file has changed"
    path.unlink()
    assert find_thumbnail(hashed, 100, store).is_final, "known by its content"


def test_the_rough_picture_is_replaced_by_the_decoded_one(tmp_path: Path, bridge: Bridge, qtbot: QtBot) -> None:
    path = photograph(tmp_path / "a.jpg", thumbnail=(150, 100))
    seen: list[str] = []
    thumbnails = Thumbnails(bridge, 256, lambda arrived: seen.append(color(thumbnails.pixmap(arrived), 0.9)))
    assert thumbnails.pixmap(path) is None
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert seen == ["red", "blue"]
    assert not bridge.is_busy


def test_requests_run_from_the_first_and_stale_ones_are_dropped(tmp_path: Path, bridge: Bridge, qtbot: QtBot) -> None:
    paths = [photograph(tmp_path / f"{number}.jpg", (60, 40)) for number in range(40)]
    order: list[Path] = []
    thumbnails = Thumbnails(bridge, 32, order.append)
    thumbnails.want([ThumbnailSource(path) for path in paths[:20]])
    assert thumbnails.waiting == paths[:20]
    thumbnails.want([ThumbnailSource(path) for path in paths[30:]])
    assert thumbnails.waiting == paths[30:], "what scrolled away is not made"
    qtbot.waitUntil(lambda: not thumbnails.waiting and not bridge.is_busy)
    assert sorted(order) == sorted(paths[30:])
    late = [order.index(path) for path in paths[30:]]
    assert sum(late[:5]) < sum(late[5:]), "on two threads nearly in order"


def test_a_picture_that_cannot_be_read_is_asked_for_once(tmp_path: Path, bridge: Bridge, qtbot: QtBot) -> None:
    thumbnails = Thumbnails(bridge, 32, lambda path: None)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    for _ in range(3):
        assert thumbnails.pixmap(broken) is None
        qtbot.waitUntil(lambda: not bridge.is_busy)
    assert thumbnails.waiting == []


def test_decoded_pixels_are_bounded(
    tmp_path: Path, bridge: Bridge, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gui.pictures.thumbnails._BYTES", 60 * 40 * 4 * 5)
    paths = [photograph(tmp_path / f"{number}.jpg", (600, 400)) for number in range(9)]
    thumbnails = Thumbnails(bridge, 60, lambda path: None)
    thumbnails.want([ThumbnailSource(path) for path in paths])
    qtbot.waitUntil(lambda: not thumbnails.waiting and not bridge.is_busy)
    assert sum(path in thumbnails._pixmaps for path in paths) == 5
