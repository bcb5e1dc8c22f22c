"""Flatlay and on-model photograph on one canvas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.errors import BugError
from engine.domain.geometry import Box, Extent
from engine.imaging.placement import covered
from engine.imaging.side_by_side import (
    LANDSCAPE_BUCKETS,
    PADDING,
    compose,
    garment_crop,
    place_side_by_side,
    right_half,
)

sizes = st.builds(Extent, st.integers(30, 300), st.integers(30, 300))
SMALL = (Extent(128, 80), Extent(160, 64))


def plain(extent: Extent, color: tuple[int, int, int]) -> np.ndarray:
    return np.full((extent.height, extent.width, 3), color, np.uint8)


def test_the_canvases_are_landscape_and_hold_the_published_one():
    assert Extent(1328, 800) in LANDSCAPE_BUCKETS
    assert all(bucket.width > bucket.height for bucket in LANDSCAPE_BUCKETS)
    assert len(LANDSCAPE_BUCKETS) == 8


def test_two_halves_of_the_published_shape_go_on_the_published_canvas():
    pair = place_side_by_side(Extent(664, 800), Extent(1328, 1600))
    assert pair.canvas == Extent(1328, 800)
    assert (pair.flatlay.scale, pair.flatlay.left, pair.flatlay.top) == (1.0, 0.0, 0.0)
    assert (pair.on_model.scale, pair.on_model.left, pair.on_model.top) == (0.5, 664.0, 0.0)


@settings(deadline=None, max_examples=50)
@given(sizes, sizes)
def test_each_photograph_keeps_to_its_half(flatlay, on_model):
    pair = place_side_by_side(flatlay, on_model, buckets=SMALL)
    canvas = compose(plain(flatlay, (200, 30, 30)), plain(on_model, (30, 30, 200)), pair)
    half = pair.canvas.width // 2
    left, right = covered(pair.flatlay), covered(pair.on_model)
    assert 0 <= left.left < left.right <= half <= right.left < right.right <= pair.canvas.width
    assert (canvas[left.top : left.bottom, left.left : left.right] == (200, 30, 30)).all()
    assert (canvas[right.top : right.bottom, right.left : right.right] == (30, 30, 200)).all()
    canvas[left.top : left.bottom, left.left : left.right] = PADDING
    canvas[right.top : right.bottom, right.left : right.right] = PADDING
    assert (canvas == PADDING).all()


@settings(deadline=None, max_examples=50)
@given(sizes, sizes)
def test_no_other_canvas_needs_less_padding(flatlay, on_model):
    def shown(buckets):
        pair = place_side_by_side(flatlay, on_model, buckets=buckets)
        return sum(p.crop.extent.pixels * p.scale**2 for p in (pair.flatlay, pair.on_model)) / pair.canvas.pixels

    assert shown(LANDSCAPE_BUCKETS) == max(shown((bucket,)) for bucket in LANDSCAPE_BUCKETS)


def test_the_right_half_comes_back_on_the_photographs_grid():
    on_model, crop = Extent(200, 300), Box(40, 60, 160, 260)
    pair = place_side_by_side(Extent(120, 90), on_model, on_model_crop=crop, buckets=(Extent(512, 320),))
    ramp = np.linspace(20, 235, 200).round().astype(np.uint8)[None, :, None]
    photograph = np.repeat(np.repeat(ramp, 300, 0), 3, 2)
    canvas = compose(plain(Extent(120, 90), (9, 9, 9)), photograph, pair)
    back = right_half(canvas, pair, photograph)
    assert back.shape == photograph.shape
    assert np.abs(back.astype(int) - photograph).max() <= 2
    # The model's picture fills the crop and nothing but the crop.
    repainted = right_half(np.full_like(canvas, 77), pair, photograph)
    assert (repainted[60:260, 40:160] == 77).all()
    assert np.array_equal(repainted[:60], photograph[:60])
    assert np.array_equal(repainted[:, 160:], photograph[:, 160:])


def test_the_garments_crop_is_its_box_with_a_margin():
    alpha = np.zeros((200, 100), np.uint8)
    alpha[50:150, 30:60] = 255
    assert garment_crop(alpha, margin=0.1) == Box(20, 40, 70, 160)
    assert garment_crop(alpha, margin=1.0) == Box(0, 0, 100, 200)
    assert garment_crop(np.zeros((20, 10), np.uint8)) == Box(0, 0, 10, 20)


def test_a_bucket_that_is_no_multiple_of_16_is_a_bug():
    with pytest.raises(BugError, match="16"):
        place_side_by_side(Extent(10, 10), Extent(10, 10), buckets=(Extent(100, 64),))
