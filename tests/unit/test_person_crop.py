"""When a model sees the whole photograph, and when only the part around the person."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.domain.geometry import Box, Extent
from engine.domain.requests import BodyRegion
from engine.imaging.drawn import write_demo_set
from engine.imaging.painted import extract_painted_mask
from engine.imaging.person_crop import shown_part
from engine.imaging.placement import from_canvas, place, to_canvas


@pytest.fixture(scope="module")
def figure(tmp_path_factory) -> np.ndarray:
    """A drawn person, as high as the photograph, (450, 360, 3)."""
    folder = tmp_path_factory.mktemp("drawn")
    write_demo_set(folder, 1, extent=Extent(360, 450))
    (path,) = [path for path in folder.rglob("*on-model*") if path.suffix == ".jpg"]
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def on_a_wide_wall(figure: np.ndarray, width: int, height: int, left: int) -> np.ndarray:
    """The figure before the same wall, standing on the photograph's lower border."""
    wall = np.full((height, width, 3), np.median(figure[:20], axis=(0, 1)), np.uint8)
    wall = cv2.add(wall, np.random.default_rng(0).integers(0, 3, wall.shape, np.uint8))
    wall[height - figure.shape[0] :, left : left + figure.shape[1]] = figure
    return wall


def person_crop(picture: np.ndarray) -> Box | None:
    part = shown_part(picture, BodyRegion.WHOLE)
    assert (part.region, part.notice) == (BodyRegion.WHOLE, "")
    return part.crop


def test_a_person_who_fills_the_photograph_is_not_cropped(figure) -> None:
    assert person_crop(figure) is None


def test_a_small_person_is_cropped_with_room_around(figure) -> None:
    picture = on_a_wide_wall(figure, 2000, 900, 1100)
    crop = person_crop(picture)
    assert crop is not None
    # All of the figure's columns and rows, and room for a hat above; little else.
    assert 1000 < crop.left < 1150
    assert 1400 < crop.right < 1560
    assert 300 < crop.top < 450
    assert crop.bottom == 900
    assert place(Extent(2000, 900), crop).scale > 1.5 * place(Extent(2000, 900)).scale


def test_without_a_plain_background_or_anybody_on_it_nothing_is_cropped(figure) -> None:
    rng = np.random.default_rng(3)
    busy = cv2.resize(rng.integers(0, 255, (30, 40, 3), np.uint8), (1600, 1200), interpolation=cv2.INTER_CUBIC)
    assert person_crop(busy) is None
    assert person_crop(np.full((600, 900, 3), 220, np.uint8)) is None


def test_a_mask_painted_on_a_crop_comes_back_where_it_belongs(figure) -> None:
    picture = on_a_wide_wall(figure, 2000, 900, 1100)
    placement = place(Extent(2000, 900), person_crop(picture))
    canvas = to_canvas(picture, placement)
    truth = np.zeros((900, 2000), np.uint8)
    truth[600:800, 1200:1350] = 255
    painted = to_canvas(np.dstack([truth] * 3), placement, (0, 0, 0))[..., :1] / 255.0
    green = (1 - painted) * canvas + painted * np.array([0, 255, 0])
    mask = extract_painted_mask(picture, green.round().astype(np.uint8), placement=placement)
    inside, found = truth > 0, mask.alpha > 127
    assert (inside & found).sum() / (inside | found).sum() > 0.97
    assert from_canvas(np.ascontiguousarray(painted[..., 0], np.float32), placement).shape == truth.shape
