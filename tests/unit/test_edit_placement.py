"""Crops around masks, the model's mask, and pasting that touches nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.errors import BugError
from engine.domain.geometry import Box, Extent
from engine.imaging.edit_placement import covers, paintable, paste, paste_alpha, place_edit, together
from engine.imaging.placement import KONTEXT_BUCKETS, covered
from engine.imaging.raster.icc import to_srgb8
from engine.imaging.untouched import outside_max_change

SMALL = (Extent(96, 128), Extent(128, 96), Extent(112, 112))


def rectangle(width: int, height: int, box: Box) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    mask[box.top : box.bottom, box.left : box.right] = 255
    return mask


@st.composite
def masks(draw) -> np.ndarray:
    """A box of any size and place in a photograph of any size, with a soft corner."""
    width, height = draw(st.integers(9, 400)), draw(st.integers(9, 400))
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    right, bottom = draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height))
    mask = rectangle(width, height, Box(left, top, right, bottom))
    mask[top, left] = draw(st.integers(1, 255))
    return mask


@settings(max_examples=120, deadline=None)
@given(masks(), st.sampled_from([np.uint8, np.uint16]), st.integers(0, 2**32 - 1))
def test_nothing_outside_the_mask_changes_and_the_inside_is_the_painting(mask, dtype, seed) -> None:
    rng = np.random.default_rng(seed)
    top = np.iinfo(dtype).max
    photo: Any = rng.integers(0, top, (*mask.shape, 3), dtype, endpoint=True)
    before = photo.copy()
    placement = place_edit(mask, SMALL)
    crop = placement.crop
    assert 0 <= crop.left < crop.right <= mask.shape[1]
    assert 0 <= crop.top < crop.bottom <= mask.shape[0]
    rows, columns = np.nonzero(mask)
    assert crop.left <= columns.min() <= columns.max() < crop.right
    assert crop.top <= rows.min() <= rows.max() < crop.bottom
    # What lies in the crop lies on the canvas.
    for x, y in ((crop.left, crop.top), (crop.right, crop.bottom)):
        u, v = placement.to_canvas(x, y)
        assert -1e-6 <= u <= placement.canvas.width + 1e-6
        assert -1e-6 <= v <= placement.canvas.height + 1e-6
    painted = np.full((placement.canvas.height, placement.canvas.width, 3), (200, 30, 90), np.uint8)
    alpha = paste_alpha(mask, placement)
    assert np.array_equal(alpha > 0, mask > 0)
    assert (alpha <= mask).all()
    out = paste(photo, None, painted, placement, alpha)
    assert out.dtype == dtype
    assert np.array_equal(photo, before)
    assert np.array_equal(out[mask == 0], photo[mask == 0])
    assert outside_max_change(photo, out, mask) == 0
    # One sRGB colour painted on an sRGB photograph arrives as itself where it shows in full.
    full = alpha == 255
    scale = 257 if dtype == np.uint16 else 1
    error = np.abs(out[full].astype(int) - np.array((200, 30, 90)) * scale)
    assert error.max(initial=0) <= (20 if dtype == np.uint16 else 0)


@settings(max_examples=100, deadline=None)
@given(masks())
def test_the_model_paints_all_that_is_pasted_in_whole_cells(mask) -> None:
    placement = place_edit(mask, SMALL)
    cells = paintable(mask, placement)
    assert set(np.unique(cells)) <= {0, 255}
    height, width = cells.shape
    blocks = cells.reshape(height // 8, 8, width // 8, 8)
    assert np.array_equal(blocks.min(axis=(1, 3)), blocks.max(axis=(1, 3)))
    rows, columns = np.nonzero(mask)
    crop = placement.crop
    # What is pasted there: at the photograph's very edge, the last whole pixel of the canvas.
    pasted = covered(placement)
    x = np.floor((columns + 0.5 - crop.left) * placement.scale + placement.left).clip(pasted.left, pasted.right - 1)
    y = np.floor((rows + 0.5 - crop.top) * placement.scale + placement.top).clip(pasted.top, pasted.bottom - 1)
    for dx in (-8, 0, 8):  # and a cell more on every side
        for dy in (-8, 0, 8):
            at_x, at_y = np.clip(x + dx, 0, width - 1).astype(int), np.clip(y + dy, 0, height - 1).astype(int)
            assert (cells[at_y, at_x] == 255).all()


def test_far_from_the_mask_the_model_keeps_the_photograph() -> None:
    mask = rectangle(1000, 1000, Box(300, 300, 700, 700))
    placement = place_edit(mask)
    cells = paintable(mask, placement)
    # The mask is two thirds of the crop's side, and at most two cells and a bit are added on either side.
    assert 0.4 < cells.mean() / 255 < 0.52
    assert cells[0].max() == cells[-1].max() == cells[:, 0].max() == cells[:, -1].max() == 0


@pytest.mark.parametrize(
    ("box", "canvas"),
    [
        # With a quarter of the longer side around: 1500 × 1500, 2400 × 4500 (0.53) and 3600 × 1700 (2.12).
        (Box(1000, 1000, 2000, 2000), Extent(1024, 1024)),
        (Box(1000, 500, 1900, 3500), Extent(752, 1392)),
        (Box(0, 0, 2400, 500), Extent(1504, 688)),
    ],
)
def test_the_crop_takes_the_buckets_proportions_from_the_photograph(box, canvas) -> None:
    placement = place_edit(rectangle(4000, 6000, box))
    assert placement.canvas == canvas
    # No padding but for the rounding of the crop to whole pixels.
    assert placement.left <= 1
    assert placement.top <= 1
    share = box.extent.width * box.extent.height / placement.crop.extent.pixels
    assert share > 0.18
    assert placement.canvas in KONTEXT_BUCKETS


def test_a_small_mask_is_enlarged_twice_and_no_more() -> None:
    placement = place_edit(rectangle(4000, 6000, Box(2000, 3000, 2040, 3020)))
    assert placement.scale == pytest.approx(2, abs=0.01)
    assert placement.crop.extent.pixels > 500 * 500


def test_at_the_photographs_corner_the_crop_moves_inwards() -> None:
    placement = place_edit(rectangle(3000, 3000, Box(2900, 2900, 3000, 3000)))
    assert (placement.crop.right, placement.crop.bottom) == (3000, 3000)
    assert placement.crop.extent == Extent(512, 512)


def test_what_is_painted_comes_back_where_it_was_painted() -> None:
    # An edge at a known place of the canvas must lie at the mapped place of the photograph, to a fraction of a pixel.
    mask = rectangle(700, 500, Box(100, 80, 500, 400))
    placement = place_edit(mask)
    painted = np.zeros((placement.canvas.height, placement.canvas.width, 3), np.uint8)
    edge = 432
    painted[:, edge:] = 255
    out = paste(np.zeros((500, 700, 3), np.uint8), None, painted, placement, mask)
    row = out[240, :, 0].astype(float) / 255
    found = 500 - row[100:500].sum()
    assert found == pytest.approx(placement.to_source(edge, 0)[0], abs=0.1)


def test_the_soft_edge_lies_inside_and_is_as_wide_as_two_model_pixels() -> None:
    mask = rectangle(4000, 4000, Box(500, 500, 3500, 3500))
    placement = place_edit(mask)
    alpha = paste_alpha(mask, placement)
    line = alpha[2000, 500:600]
    width = int(np.argmax(line == 255))
    assert abs(width * placement.scale - 2) <= 2 * placement.scale
    assert (np.diff(line.astype(int)) >= 0).all()
    assert 0 < line[0] < 64


def test_lettering_is_not_faded() -> None:
    mask = rectangle(4000, 4000, Box(500, 500, 3500, 3500)) * 0
    mask[1000:1006, 500:3500] = 255  # a stroke of six pixels in a crop that is reduced
    placement = place_edit(mask)
    alpha = paste_alpha(mask, placement)
    assert alpha[1002:1004, 2000].min() == 255


def test_the_photographs_border_is_no_edge() -> None:
    whole = np.full((50, 40), 255, np.uint8)
    assert (paste_alpha(whole, place_edit(whole, SMALL)) == 255).all()
    half = rectangle(400, 300, Box(0, 0, 200, 300))
    alpha = paste_alpha(half, place_edit(half, SMALL))
    assert (alpha[:, :150] == 255).all()
    assert alpha[0, 199] < 255


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("gamma", [1.8, 2.2])
def test_only_pasted_pixels_are_converted_to_the_photographs_profile(dtype, gamma) -> None:
    import imagecodecs

    # Wide primaries (Adobe RGB's), so that a wrong conversion shows.
    icc = imagecodecs.cms_profile(
        "rgb", whitepoint=[0.3127, 0.329, 1.0], primaries=[0.64, 0.33, 0.30, 0.21, 0.15, 0.06], gamma=gamma
    )
    rng = np.random.default_rng(1)
    photo: Any = rng.integers(0, np.iinfo(dtype).max, (120, 160, 3), dtype, endpoint=True)
    mask = rectangle(160, 120, Box(30, 30, 90, 80))
    placement = place_edit(mask, SMALL)
    color = np.array((150, 120, 100), np.uint8)
    painted = np.broadcast_to(color, (placement.canvas.height, placement.canvas.width, 3)).copy()
    alpha = paste_alpha(mask, placement)
    out = paste(photo, icc, painted, placement, alpha)
    assert np.array_equal(out[mask == 0], photo[mask == 0])
    # An independent reader, LittleCMS, sees the painted colour through the photograph's profile.
    seen = to_srgb8(out, icc)[alpha == 255].astype(int)
    assert np.abs(seen - color).max() <= 2
    assert np.abs(out[alpha == 255][0].astype(int) // (257 if dtype == np.uint16 else 1) - color).max() > 2


def test_layers_together_show_exactly_where_any_of_them_does() -> None:
    first, second = np.zeros((1, 256), np.uint8), np.arange(256, dtype=np.uint8)[None]
    first[0, :128] = 255
    first[0, 200] = 1
    both = together([first, second])
    assert np.array_equal(both > 0, (first > 0) | (second > 0))
    assert np.array_equal(both[0, 201:], second[0, 201:])
    assert (both[0, :128] == 255).all()
    assert together([second]) is second


def test_a_mask_covers_another_only_where_it_is_as_strong() -> None:
    inner, outer = rectangle(50, 40, Box(10, 10, 20, 20)), rectangle(50, 40, Box(5, 5, 30, 30))
    assert covers(outer, inner)
    assert covers(inner, inner)
    assert not covers(inner, outer)
    outer[12, 12] = 254
    assert not covers(outer, inner)


def test_alpha_beyond_the_crop_is_a_bug() -> None:
    mask = rectangle(400, 300, Box(10, 10, 40, 40))
    placement = place_edit(mask, SMALL)
    beyond = mask.copy()
    beyond[-1, -1] = 9
    painted = np.zeros((placement.canvas.height, placement.canvas.width, 3), np.uint8)
    with pytest.raises(BugError, match="beyond its crop"):
        paste(np.zeros((300, 400, 3), np.uint8), None, painted, placement, beyond)
