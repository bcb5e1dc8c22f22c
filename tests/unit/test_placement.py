"""Placement on the model's canvas, against drawn pictures whose geometry is known."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.errors import BugError
from engine.domain.geometry import Box, Extent
from engine.imaging.placement import KONTEXT_BUCKETS, covered, from_canvas, place, to_canvas

SMALL = (Extent(96, 128), Extent(128, 96), Extent(112, 112))

sizes = st.builds(Extent, st.integers(20, 400), st.integers(20, 400))


@st.composite
def crops(draw: st.DrawFn) -> tuple[Extent, Box]:
    extent = draw(sizes)
    left, top = draw(st.integers(0, extent.width - 8)), draw(st.integers(0, extent.height - 8))
    return extent, Box(left, top, draw(st.integers(left + 8, extent.width)), draw(st.integers(top + 8, extent.height)))


def gaussian(extent: Extent, x: float, y: float, sigma: float) -> np.ndarray:
    """A white blob on black whose centre is (x, y), pixel centres at half integers."""
    columns = np.exp(-(((np.arange(extent.width) + 0.5 - x) / sigma) ** 2) / 2)
    rows = np.exp(-(((np.arange(extent.height) + 0.5 - y) / sigma) ** 2) / 2)
    plane = np.round(255 * rows[:, None] * columns[None, :]).astype(np.uint8)
    return np.repeat(plane[..., None], 3, axis=2)


def centroid(rgb: np.ndarray) -> tuple[float, float]:
    plane = rgb[..., 0].astype(float)
    return (
        float((plane.sum(0) * (np.arange(plane.shape[1]) + 0.5)).sum() / plane.sum()),
        float((plane.sum(1) * (np.arange(plane.shape[0]) + 0.5)).sum() / plane.sum()),
    )


def test_the_buckets_are_the_ones_diffusers_was_given():
    # Read from the source text: importing the pipeline takes ten seconds.
    spec = importlib.util.find_spec("diffusers")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).parent / "pipelines" / "flux" / "pipeline_flux_kontext.py"
    listed = next(
        node.value
        for node in ast.parse(source.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PREFERRED_KONTEXT_RESOLUTIONS"
    )
    assert {(b.width, b.height) for b in KONTEXT_BUCKETS} == set(ast.literal_eval(listed))
    assert len(KONTEXT_BUCKETS) == 17


@pytest.mark.parametrize("bucket", KONTEXT_BUCKETS, ids=str)
def test_a_photograph_of_a_buckets_size_is_not_touched(bucket):
    placement = place(bucket)
    assert (placement.canvas, placement.scale, placement.left, placement.top) == (bucket, 1.0, 0.0, 0.0)
    picture = np.random.default_rng(0).integers(0, 256, (bucket.height, bucket.width, 3), np.uint8)
    assert np.array_equal(to_canvas(picture, placement), picture)
    assert np.array_equal(from_canvas(picture, placement), picture)


@given(sizes)
def test_no_other_bucket_needs_less_padding(extent):
    chosen = place(extent)
    used = chosen.scale**2 * extent.pixels / chosen.canvas.pixels
    for canvas in KONTEXT_BUCKETS:
        scale = min(canvas.width / extent.width, canvas.height / extent.height)
        assert used >= scale**2 * extent.pixels / canvas.pixels - 1e-12


@given(crops(), st.floats(-50, 500), st.floats(-50, 500))
def test_points_map_there_and_back(case, x, y):
    extent, crop = case
    placement = place(extent, crop, SMALL)
    assert placement.to_source(*placement.to_canvas(x, y)) == pytest.approx((x, y), abs=1e-9)


@given(crops())
def test_the_crop_is_centred_and_fills_one_axis(case):
    extent, crop = case
    placement = place(extent, crop, SMALL)
    x0, y0 = placement.to_canvas(crop.left, crop.top)
    x1, y1 = placement.to_canvas(crop.right, crop.bottom)
    canvas = placement.canvas
    assert (x0 + x1, y0 + y1) == pytest.approx((canvas.width, canvas.height))
    assert min(x0, y0) == pytest.approx(0, abs=1e-9)
    assert x1 - x0 <= canvas.width + 1e-9
    assert y1 - y0 <= canvas.height + 1e-9


@settings(deadline=None, max_examples=60)
@given(crops(), st.floats(0.25, 0.75), st.floats(0.25, 0.75))
def test_a_drawn_blob_lands_where_the_placement_says_and_comes_back(case, u, v):
    extent, crop = case
    placement = place(extent, crop, SMALL)
    x, y = crop.left + u * crop.extent.width, crop.top + v * crop.extent.height
    # A blob that both grids resolve and that does not touch the crop's border.
    sigma = max(1.0, 1.2 / placement.scale)
    room = min(u, 1 - u) * crop.extent.width, min(v, 1 - v) * crop.extent.height
    if min(room) < 4 * sigma:
        return
    placed = to_canvas(gaussian(extent, x, y, sigma), placement, fill=(0, 0, 0))
    assert centroid(placed) == pytest.approx(placement.to_canvas(x, y), abs=0.1)
    back = from_canvas(gaussian(placement.canvas, *placement.to_canvas(x, y), sigma * placement.scale), placement)
    assert back.shape[:2] == (extent.height, extent.width)
    assert centroid(back) == pytest.approx((x, y), abs=0.1 * max(1.0, 1 / placement.scale))


@settings(deadline=None, max_examples=60)
@given(crops())
def test_padding_never_bleeds_into_the_picture(case):
    extent, crop = case
    placement = place(extent, crop, SMALL)
    grey = np.full((extent.height, extent.width, 3), 90, np.uint8)
    placed = to_canvas(grey, placement, fill=(255, 0, 0))
    inner = covered(placement)
    inside = np.zeros(placed.shape[:2], bool)
    inside[inner.top : inner.bottom, inner.left : inner.right] = True
    assert (placed[inside] == 90).all()
    assert (placed[~inside] == (255, 0, 0)).all()
    back = from_canvas(placed, placement)
    assert (back[crop.top : crop.bottom, crop.left : crop.right] == 90).all()
    back[crop.top : crop.bottom, crop.left : crop.right] = 0
    assert not back.any()


def test_a_fine_pattern_does_not_alias():
    # One-pixel stripes, reduced eleven times, must turn grey; picked pixels would show stripes.
    stripes = np.zeros((1056, 1056, 3), np.uint8)
    stripes[:, ::2] = 255
    placed = to_canvas(stripes, place(Extent(1056, 1056), buckets=(Extent(96, 96),)))
    assert np.abs(placed[4:-4, 4:-4].astype(int) - 127.5).max() < 2


def test_outside_the_crop_shows_what_is_asked_for():
    extent, crop = Extent(60, 40), Box(10, 5, 40, 35)
    placement = place(extent, crop, SMALL)
    around = np.full((40, 60, 3), 7, np.uint8)
    out = from_canvas(np.full((placement.canvas.height, placement.canvas.width, 3), 200, np.uint8), placement, around)
    assert (out[5:35, 10:40] == 200).all()
    out[5:35, 10:40] = 7
    assert np.array_equal(out, around)
    assert (around == 7).all()


def test_a_float_plane_keeps_its_type():
    placement = place(Extent(50, 70), buckets=SMALL)
    plane = np.full((placement.canvas.height, placement.canvas.width), 0.25, np.float32)
    back = from_canvas(plane, placement)
    assert back.dtype == np.float32
    assert back == pytest.approx(np.full((70, 50), 0.25), abs=1e-6)


@pytest.mark.parametrize("crop", [Box(0, 0, 0, 5), Box(0, 0, 101, 5), Box(-1, 0, 5, 5), Box(5, 5, 4, 9)])
def test_a_crop_outside_the_photograph_is_a_bug(crop):
    with pytest.raises(BugError):
        place(Extent(100, 50), crop)


def test_a_bucket_that_is_no_multiple_of_16_is_a_bug():
    with pytest.raises(BugError, match="16"):
        place(Extent(100, 50), buckets=(Extent(100, 96),))


def test_a_picture_of_another_size_is_a_bug():
    placement = place(Extent(100, 50), buckets=SMALL)
    with pytest.raises(BugError, match="100"):
        to_canvas(np.zeros((100, 50, 3), np.uint8), placement)
    with pytest.raises(BugError):
        from_canvas(np.zeros((50, 100), np.uint8), placement)


def test_a_one_pixel_line_can_be_placed():
    line = np.full((1, 3000, 3), 40, np.uint8)
    placement = place(Extent(3000, 1))
    assert (from_canvas(to_canvas(line, placement), placement) == 40).all()
