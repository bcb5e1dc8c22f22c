"""Accuracy of the colour match on the project's own drawn pairs, whose truth is exact: a loss shows here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.domain.geometry import Extent
from engine.domain.picture import Picture
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.icc import rgb_space
from engine.imaging.color.match import match_garment
from engine.imaging.color.spaces import pixels_to_lab
from engine.imaging.drawn import DemoPair, write_demo_set
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.icc import to_srgb8

COUNT = 12
LIGHTS = (0.82, 1.0, 1.2)
"""Light on the flatlay against the light on the model; at L* 50 a factor of 1.2 is 4 L*, as between published pairs."""


@dataclass(frozen=True)
class Accuracy:
    """Mean ΔE00 over the garment against the drawn truth, and the texture kept."""

    before: float
    after: float
    texture: float


@pytest.fixture(scope="module")
def accuracies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Accuracy]:
    pairs = write_demo_set(tmp_path_factory.mktemp("drawn") / "pictures", COUNT, extent=Extent(480, 600))
    return {pair.on_model.name: measure(pair, LIGHTS[index % len(LIGHTS)]) for index, pair in enumerate(pairs)}


def gray(path: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)


def relit(picture: Picture, light: float) -> Picture:
    """The photograph under more or less light of the same colour."""
    space = rgb_space(picture.icc, picture.path)
    flat = picture.pixels.reshape(-1, 3)
    return replace(picture, pixels=space.encode(space.decode(flat) * light, flat.dtype).reshape(picture.pixels.shape))


def measure(pair: DemoPair, light: float) -> Accuracy:
    photo, mask = read_picture(pair.on_model), gray(pair.garment_mask)
    match = match_garment(photo, mask, relit(read_picture(pair.flatlay), light), gray(pair.flatlay_mask))
    inside = cv2.erode(mask, np.ones((5, 5), np.uint8)) == 255
    right = read_picture(pair.truth)
    goal = pixels_to_lab(to_srgb8(right.pixels, right.icc), None)[inside]
    before, after = (
        float(delta_E_2000(pixels_to_lab(to_srgb8(pixels, photo.icc), None)[inside], goal).mean())
        for pixels in (photo.pixels, match.pixels)
    )
    return Accuracy(before, after, match.texture)


def test_every_drawn_cast_comes_off(accuracies: dict[str, Accuracy]) -> None:
    assert len(accuracies) == COUNT
    degraded = {name: a for name, a in accuracies.items() if a.before > 3}
    assert len(degraded) >= 5
    for name, accuracy in degraded.items():
        assert accuracy.after < 0.6 * accuracy.before, name


def test_the_mean_distance_to_the_truth_is_held(accuracies: dict[str, Accuracy]) -> None:
    """Measured: 6.44 before, 2.24 after; 3.03 with the flatlay's lightness, 2.39 with the photograph's believed."""
    assert np.mean([a.before for a in accuracies.values()]) > 5
    assert np.mean([a.after for a in accuracies.values()]) < 2.4


def test_a_right_photograph_hardly_moves(accuracies: dict[str, Accuracy]) -> None:
    """Another light on the flatlay is up to 4 L*, which is no reason to change the photograph by as much."""
    right = {name: a for name, a in accuracies.items() if a.before < 1}
    assert len(right) >= 3
    for name, accuracy in right.items():
        assert accuracy.after < 1.5, name


def test_the_texture_stays(accuracies: dict[str, Accuracy]) -> None:
    assert min(a.texture for a in accuracies.values()) > 0.98
