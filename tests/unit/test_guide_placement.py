"""A model's picture is laid over its photograph, whatever part of it it shows."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.imaging.drawn import write_demo_set
from engine.imaging.guide_placement import place_guide


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """A drawn figure, (750, 600, 3) uint8 sRGB."""
    folder = tmp_path_factory.mktemp("figure")
    write_demo_set(folder / "pictures", 1, extent=Extent(600, 750))
    file: Path = next((folder / "pictures").rglob("*on-model*"))
    return np.ascontiguousarray(cv2.imread(str(file), cv2.IMREAD_COLOR)[..., ::-1])


def tinted(rgb: np.ndarray) -> np.ndarray:
    """As a model returns it: another colour in the middle, a little softer."""
    out = rgb.copy()
    middle = out[250:500, 200:400]
    middle[:] = np.clip(middle * np.array([0.6, 1.1, 0.8]), 0, 255).astype(np.uint8)
    return cv2.GaussianBlur(out, (0, 0), 0.7)


def crop(rgb: np.ndarray, scale: float, left: int, top: int, size: tuple[int, int]) -> np.ndarray:
    matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    return cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def check(pixels: np.ndarray, covered: np.ndarray, wanted: np.ndarray, share: tuple[float, float]) -> None:
    assert pixels.shape == wanted.shape
    assert share[0] < covered.mean() < share[1]
    difference = cv2.GaussianBlur(cv2.absdiff(pixels, wanted), (0, 0), 2.0)
    assert difference[covered].mean() < 2.0


def test_the_right_part_of_a_side_by_side_picture(photo: np.ndarray) -> None:
    painted = tinted(photo)
    flatlay = np.full((800, 664, 3), 235, np.uint8)
    flatlay[150:650, 100:560] = (60, 120, 90)
    both = np.hstack([flatlay, crop(painted, 1.25, 40, 60, (664, 800))])
    pixels, covered = place_guide(both, photo)
    check(pixels, covered, painted, (0.7, 0.98))
    assert not covered[:50].any(), "the crop begins 60 pixels below the photograph's upper edge"


def test_the_on_model_part_alone(photo: np.ndarray) -> None:
    painted = tinted(photo)
    pixels, covered = place_guide(crop(painted, 1.1, 30, 80, (560, 640)), photo)
    check(pixels, covered, painted, (0.55, 0.95))


def test_the_whole_photograph_at_another_size(photo: np.ndarray) -> None:
    painted = tinted(photo)
    pixels, covered = place_guide(cv2.resize(painted, (480, 600), interpolation=cv2.INTER_AREA), photo)
    check(pixels, covered, painted, (0.97, 1.01))


def test_a_picture_without_features_lies_over_the_photograph_as_it_is(photo: np.ndarray) -> None:
    plain = np.full((300, 240, 3), (10, 120, 200), np.uint8)
    pixels, covered = place_guide(plain, photo)
    assert covered[4:-4, 4:-4].all()
    assert (pixels == (10, 120, 200)).all()


def test_another_photographs_side_by_side_is_refused(photo: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (400, 800, 3), np.uint8)
    with pytest.raises(KnownError, match="the photograph was not found in it"):
        place_guide(cv2.GaussianBlur(noise, (0, 0), 3), photo)
