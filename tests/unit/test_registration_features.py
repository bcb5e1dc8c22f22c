"""Maps found by features, against maps that were drawn; and what is only chance."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.imaging.registration import MapKind, Matches, agreed_map, matched_features

SIZE = (400, 320)


def blobs(seed: int) -> np.ndarray:
    """Blots of many sizes, ``(H, W)`` uint8."""
    rng = np.random.default_rng(seed)
    picture = np.full((SIZE[1], SIZE[0]), 128, np.uint8)
    for _ in range(250):
        center = (int(rng.integers(0, SIZE[0])), int(rng.integers(0, SIZE[1])))
        axes = (int(rng.integers(3, 16)), int(rng.integers(3, 16)))
        cv2.ellipse(picture, center, axes, float(rng.uniform(0, 180)), 0, 360, int(rng.integers(0, 256)), -1)
    return cv2.GaussianBlur(picture, (0, 0), 1.0)


MAPS = {
    MapKind.AFFINE: np.array([[1.04, 0.02, -6.3], [-0.01, 0.98, 4.6]]),
    MapKind.SIMILARITY: np.array([[0.8, -0.05, 20.5], [0.05, 0.8, 12.25]]),
}


@pytest.mark.parametrize("kind", MAPS)
def test_a_map_is_found_to_a_fraction_of_a_pixel(kind):
    photo, matrix = blobs(0), MAPS[kind]
    centers = np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ [0.5, 0.5] - 0.5])
    painted = cv2.warpAffine(photo, centers, SIZE, borderValue=128)
    free = np.ones(painted.shape, bool)
    matches = matched_features(photo, painted, free)
    found = agreed_map(matches, kind, 2.0)
    assert found is not None
    assert found.inliers.sum() > 50
    corners = np.array([[0, 0, 1], [*SIZE, 1], [0, SIZE[1], 1]], float)
    assert np.abs(corners @ (found.matrix - matrix).T).max() < 0.5
    middle = np.array([[SIZE[0] / 2, SIZE[1] / 2]])
    assert found.leverage(matches, middle) < 0.1


def test_paint_is_not_looked_at():
    photo = blobs(0)
    free = np.ones(photo.shape, bool)
    free[:, :200] = False
    matches = matched_features(photo, photo, free)
    assert len(matches.painted) > 20
    assert matches.painted[:, 0].min() > 195


@pytest.mark.parametrize("kind", MapKind)
def test_two_unrelated_pictures_agree_on_nothing(kind):
    for seed in range(1, 5):
        matches = matched_features(blobs(0), blobs(seed), np.ones((SIZE[1], SIZE[0]), bool))
        assert agreed_map(matches, kind, 2.0) is None


@pytest.mark.parametrize("kind", MapKind)
def test_random_points_agree_on_nothing_however_many_there_are(kind):
    rng = np.random.default_rng(3)
    for count in (0, 3, 10, 300):
        here, there = (rng.uniform((0, 0), SIZE, (count, 2)) for _ in range(2))
        assert agreed_map(Matches(here, there, SIZE), kind, 2.0) is None


def test_a_map_is_not_known_far_from_its_features():
    here = np.random.default_rng(4).uniform((20, 20), (60, 60), (30, 2))
    matches = Matches(here, here + 1.0, SIZE)
    found = agreed_map(matches, MapKind.AFFINE, 2.0)
    assert found is not None
    assert found.leverage(matches, np.array([[40.0, 40.0]])) < 0.1
    assert found.leverage(matches, np.array([[380.0, 300.0]])) > 1


def test_a_picture_without_features_has_no_matches():
    plain = np.full((64, 64), 90, np.uint8)
    assert len(matched_features(plain, plain, np.ones((64, 64), bool)).photo) == 0
