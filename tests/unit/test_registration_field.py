"""Displacement fields against the maps they stand for."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.domain.geometry import Extent
from engine.imaging.registration.field import DisplacementField, covered, from_affine, hat_weights, moved, still

EXTENT = Extent(90, 60)
MATRIX = np.array([[1.04, 0.02, -3.0], [-0.01, 0.97, 2.5]])


def mapped(points: np.ndarray) -> np.ndarray:
    return points @ MATRIX[:, :2].T + MATRIX[:, 2]


def test_a_field_holds_an_affine_map_exactly_at_every_pixel():
    field = from_affine(MATRIX, EXTENT, (5, 7))
    y, x = np.mgrid[0:60, 0:90] + 0.5
    points = np.dstack([x, y])
    assert np.abs(points + field.at_pixels() - mapped(points)).max() < 1e-4


def test_a_field_means_the_same_at_another_size():
    large = from_affine(MATRIX, EXTENT, (5, 7)).scaled(Extent(180, 240)).at_pixels()
    points = np.array([50.5, 130.5]) * (90 / 180, 60 / 240)
    assert large[130, 50] == pytest.approx((mapped(points) - points) * (2, 4), abs=1e-4)


def test_rows_of_a_field_are_rows_of_the_whole():
    nodes = np.random.default_rng(0).normal(0, 1, (4, 6, 2)).astype(np.float32)
    field = DisplacementField(nodes, EXTENT)
    assert np.allclose(field.at_pixels(slice(10, 20)), field.at_pixels()[10:20])


@pytest.mark.parametrize("ends", [False, True])
def test_weights_add_up_to_one_and_reproduce_a_slope(ends):
    weights = hat_weights(37, 6, ends=ends).toarray()
    wanted = np.linspace(0, 1, 37) if ends else (np.arange(37) + 0.5) / 37
    assert weights.sum(axis=1) == pytest.approx(1)
    assert weights.min() >= 0
    assert weights @ np.linspace(0, 1, 6) == pytest.approx(wanted, abs=1e-6)


def test_a_picture_is_read_where_the_field_points():
    picture = np.random.default_rng(1).integers(0, 256, (60, 90, 3)).astype(np.uint8)
    right = np.zeros((60, 90, 2), np.float32)
    right[..., 0] = 5
    assert np.array_equal(moved(picture, right)[:, :85], picture[:, 5:])
    assert np.array_equal(moved(picture, still(EXTENT, (3, 3)).at_pixels()), picture)
    inside = covered(right)
    assert inside[:, :85].all()
    assert not inside[:, 85:].any()
    assert np.array_equal(moved(picture, right, cv2.INTER_NEAREST)[:, 85:], np.repeat(picture[:, -1:], 5, 1))
