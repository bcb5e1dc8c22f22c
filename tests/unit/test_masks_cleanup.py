from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.errors import BugError
from engine.domain.geometry import Box
from engine.imaging.masks.cleanup import (
    feather,
    fill_holes,
    keep_components,
    keep_touching,
    mask_box,
    mask_coverage,
    remove_specks,
)


def blank(height: int = 40, width: int = 60) -> np.ndarray:
    return np.zeros((height, width), bool)


def test_specks_go_by_area_and_the_limit_itself_stays() -> None:
    mask = blank()
    mask[2:4, 2:4] = True  # 4 px
    mask[10:13, 10:13] = True  # 9 px
    assert remove_specks(mask, 9).sum() == 9
    assert remove_specks(mask, 10).sum() == 0
    assert np.array_equal(remove_specks(mask, 4), mask)


def test_diagonal_pixels_are_one_component() -> None:
    mask = blank()
    for i in range(6):
        mask[5 + i, 5 + i] = True
    assert remove_specks(mask, 6).sum() == 6


def test_holes_go_by_area_and_a_bay_is_no_hole() -> None:
    mask = blank()
    mask[5:35, 5:55] = True
    mask[10:12, 10:12] = False  # 4 px hole
    mask[20:26, 20:26] = False  # 36 px hole
    mask[5:15, 40:44] = False  # open to the outside
    filled = fill_holes(mask, 10)
    assert filled[10:12, 10:12].all()
    assert not filled[20:26, 20:26].any()
    assert not filled[5:15, 40:44].any()
    assert np.array_equal(fill_holes(mask, 0), mask)


def test_a_hole_at_the_frame_is_background() -> None:
    mask = ~blank()
    mask[0:3, 10:13] = False
    assert not fill_holes(mask, 1000)[0:3, 10:13].any()


def test_a_full_mask_has_no_holes() -> None:
    assert fill_holes(~blank(), 10).all()


def test_components_are_kept_by_their_share_of_the_largest() -> None:
    mask = blank()
    mask[0:10, 0:10] = True  # 100
    mask[20:25, 0:10] = True  # 50
    mask[30:31, 0:10] = True  # 10
    assert keep_components(mask, 0.5).sum() == 150
    assert keep_components(mask, 1.0).sum() == 100
    assert keep_components(mask, 0.0).sum() == 160
    assert keep_components(blank(), 0.5).sum() == 0


def test_only_components_with_a_seed_are_kept() -> None:
    mask = blank()
    mask[0:10, 0:10] = True
    mask[20:30, 20:30] = True
    seeds = blank()
    seeds[25, 25] = True
    seeds[15, 15] = True  # on no component
    kept = keep_touching(mask, seeds)
    assert kept[20:30, 20:30].all()
    assert kept.sum() == 100


def test_feather_keeps_mean_and_softens_over_its_sigma() -> None:
    alpha = np.zeros((40, 60), np.uint8)
    alpha[:, 30:] = 255
    soft = feather(alpha, 2.0)
    # A step blurred by a Gaussian is its cumulative distribution: 84.1 % at one sigma beyond the edge.
    assert soft[20, 31] / 255 == pytest.approx(0.773, abs=0.02)  # 1.5 px inside, 0.75 sigma
    assert soft[20, 10] == 0
    assert soft[20, 50] == 255
    assert np.array_equal(feather(alpha, 0.0), alpha)


def test_box_is_half_open_and_coverage_is_the_mean() -> None:
    alpha = np.zeros((40, 60), np.uint8)
    alpha[5:15, 7:27] = 255
    alpha[20, 40] = 1
    assert mask_box(alpha) == Box(7, 5, 41, 21)
    alpha[20, 40] = 0
    assert mask_coverage(alpha) == pytest.approx(200 / 2400)
    with pytest.raises(BugError):
        mask_box(np.zeros((4, 4), np.uint8))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), area=st.integers(0, 60))
def test_specks_and_holes_are_two_sides_of_one_thing(seed: int, area: int) -> None:
    noise = np.random.default_rng(seed).random((30, 30)).astype(np.float32)
    mask = cv2.GaussianBlur(noise, (0, 0), 1.5) > 0.5
    smaller, larger = remove_specks(mask, area), fill_holes(mask, area)
    assert not (smaller & ~mask).any()
    assert not (mask & ~larger).any()
    assert np.array_equal(remove_specks(smaller, area), smaller)
    assert np.array_equal(fill_holes(larger, area), larger)
