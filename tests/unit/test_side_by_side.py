"""Flatlay and on-model photograph on one canvas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.errors import BugError
from engine.domain.geometry import Box, Extent
from engine.imaging.placement import covered
from engine.imaging.registration import Method
from engine.imaging.side_by_side import (
    LANDSCAPE_BUCKETS,
    PADDING,
    compose,
    garment_crop,
    place_side_by_side,
    register_half,
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


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A photograph with texture everywhere, and the alpha of a garment in its middle."""
    import cv2

    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(0, 60, (640, 480, 3)).astype(np.float32), (0, 0), 2.5)
    photo = np.clip(140 + 4 * noise, 0, 255).astype(np.uint8)
    alpha = np.zeros((640, 480), np.uint8)
    cv2.ellipse(alpha, (240, 320), (110, 170), 0, 0, 360, 255, -1)
    return photo, cv2.GaussianBlur(alpha, (0, 0), 1.5)


def recolored(canvas: np.ndarray, pair, alpha: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """What a model makes of the canvas: the garment redder, and the right half moved."""
    import cv2

    from engine.imaging.placement import draw_on

    mask = np.zeros_like(canvas)
    draw_on(mask, np.repeat(alpha[..., None], 3, axis=2), pair.on_model)
    redder = np.clip(canvas * np.array([1.3, 0.6, 0.6]), 0, 255)
    painted = (canvas + (redder - canvas) * (mask / 255.0)).astype(np.uint8)
    half = covered(pair.on_model)
    inside = slice(half.top, half.bottom), slice(half.left, half.right)
    size = (half.extent.width, half.extent.height)
    painted[inside] = cv2.warpAffine(painted[inside], matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return painted


def test_a_half_that_the_model_moved_is_brought_back():
    photo, alpha = scene()
    extent = Extent(480, 640)
    pair = place_side_by_side(extent, extent, None, garment_crop(alpha))
    canvas = compose(photo, photo, pair)
    still = recolored(canvas, pair, alpha, np.array([[1, 0, 0], [0, 1, 0.0]]))
    shifted = recolored(canvas, pair, alpha, np.array([[1.01, 0, 5.0], [0, 0.995, -4.0]]))
    half = register_half(shifted, canvas, alpha, pair)
    registered, method, shift = half.output, half.method, half.shift
    assert half.residual_after < 0.6 * half.residual_before
    assert method is not Method.IDENTITY
    assert 6 < shift < 13  # 5 and 4 pixels at one corner, 10 and 7 at the other
    box = covered(pair.on_model)
    inner = slice(box.top + 20, box.bottom - 20), slice(box.left + 20, box.right - 20)

    def difference(picture: np.ndarray) -> float:
        return float(np.abs(picture[inner].astype(int) - still[inner]).mean())

    assert difference(registered) < 0.35 * difference(shifted)
    assert np.array_equal(registered[:, : box.left], shifted[:, : box.left])


def test_a_half_that_kept_still_is_left_as_it_is():
    photo, alpha = scene(1)
    extent = Extent(480, 640)
    pair = place_side_by_side(extent, extent, None, garment_crop(alpha))
    canvas = compose(photo, photo, pair)
    still = recolored(canvas, pair, alpha, np.array([[1, 0, 0], [0, 1, 0.0]]))
    half = register_half(still, canvas, alpha, pair)
    registered, method, shift = half.output, half.method, half.shift
    assert np.array_equal(registered, still)
    assert (method, shift) == (Method.IDENTITY, 0.0)
    # Nothing but garment: there is nothing to hold on to.
    everywhere = np.full_like(alpha, 255)
    whole = place_side_by_side(extent, extent)
    moved = recolored(canvas, whole, everywhere, np.array([[1, 0, 9.0], [0, 1, 0]]))
    assert register_half(moved, canvas, everywhere, whole).method is Method.IDENTITY
