"""The closed loop around the colour match: measure, try again, never let out what measures worse."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.domain.picture import Picture
from engine.domain.requests import Tolerance
from engine.imaging.color.spaces import lab_to_pixels
from engine.worker.matching import match_pair

ALPHA = np.zeros((160, 120), np.uint8)
ALPHA[20:140, 20:100] = 255
BLUE = (46.0, 4.0, -32.0)


def garment(color: tuple[float, float, float], seed: int, folds: float) -> Picture:
    """A garment of one colour over soft folds on a light background; folds are the standard deviation of L."""
    shade = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((160, 120)), (0, 0), 6)
    L = color[0] + folds * shade / shade.std()
    scale = (L + 16) / (color[0] + 16)
    lab = np.stack([L, color[1] * scale, color[2] * scale], axis=-1)
    lab[ALPHA == 0] = (95, 0, 0)
    return Picture(lab_to_pixels(lab.astype(np.float32), None, np.dtype(np.uint8)))


FLATLAY = replace(garment(BLUE, 2, 3.0), alpha=ALPHA)


def test_lightness_that_light_explains_stays_where_the_tolerance_allows_it() -> None:
    result = match_pair(garment((41.0, 12.0, -30.0), 1, 5.0), FLATLAY, ALPHA, None, Tolerance())
    assert result.matched.lightness_kept > 0.3
    assert result.after.delta_E < result.before.delta_E
    assert result.after.dL == pytest.approx(result.before.dL, abs=3.0)
    assert result.after.dL < -1.0


def test_a_match_that_fails_is_made_again_with_the_flatlays_lightness() -> None:
    strict = Tolerance(passes=0.5, warns=0.8)
    result = match_pair(garment((41.0, 12.0, -30.0), 1, 5.0), FLATLAY, ALPHA, None, strict)
    kept = match_pair(garment((41.0, 12.0, -30.0), 1, 5.0), FLATLAY, ALPHA, None, Tolerance())
    assert result.matched.lightness_kept == 0
    assert result.after.delta_E < kept.after.delta_E
    assert result.after.tolerance == strict


def test_a_photograph_that_is_right_already_is_never_made_worse() -> None:
    photo = replace(FLATLAY, alpha=None)
    result = match_pair(photo, FLATLAY, ALPHA, None, Tolerance())
    assert result.after.delta_E <= result.before.delta_E
    assert np.array_equal(result.matched.pixels, photo.pixels)
    assert any("left unchanged" in notice for notice in result.matched.notices)
