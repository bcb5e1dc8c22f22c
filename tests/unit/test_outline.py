"""Outlines are judged by Matplotlib's point-in-path test, which shares no code with the tracing or the fitting."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from matplotlib.path import Path as PlotPath

from engine.domain.geometry import Extent
from engine.imaging.drawn.scene import draw_scene
from engine.imaging.outline import outline, simplified, usual_tolerance
from engine.imaging.outline.contour import contours
from engine.imaging.psd.paths import Subpath


def covered(subpaths: tuple[Subpath, ...], extent: Extent) -> np.ndarray:
    """``(H, W)`` bool, the pixels whose centres lie inside by the even-odd rule."""
    y, x = np.mgrid[0 : extent.height, 0 : extent.width]
    centres = np.column_stack([x.ravel(), y.ravel()]) + 0.5
    inside = np.zeros(len(centres), bool)
    for subpath in subpaths:
        knots = subpath.knots * (extent.width, extent.height)
        following = np.roll(knots, -1, axis=0)
        curves = np.stack([knots[:, 2], following[:, 0], following[:, 1]], axis=1).reshape(-1, 2)
        codes = [PlotPath.MOVETO, *[PlotPath.CURVE4] * len(curves)]
        inside ^= PlotPath([knots[0, 1], *curves], codes).contains_points(centres)
    return inside.reshape(y.shape)


def iou(subpaths: tuple[Subpath, ...], alpha: np.ndarray) -> float:
    found, wanted = covered(subpaths, Extent(alpha.shape[1], alpha.shape[0])), alpha > 127
    return float((found & wanted).sum() / (found | wanted).sum())


def soft(distance: np.ndarray) -> np.ndarray:
    """A mask from the signed distance to its edge in pixels, positive inside; the edge is one pixel wide."""
    return np.round(np.clip(distance + 0.5, 0, 1) * 255).astype(np.uint8)


def garment(height: int, width: int) -> np.ndarray:
    """A body with wavy sides, an arm hole, a separate button and a speck, in a picture of odd size."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    unit = height / 8
    body = np.minimum(
        2.2 * unit + 0.2 * unit * np.sin(y / unit * 3) - np.abs(x - width / 2), 3 * unit - np.abs(y - height / 2)
    )
    hole = np.hypot(x - width / 2, (y - height * 0.45) / 1.6) - 0.8 * unit
    button = 0.4 * unit - np.hypot(x - width / 2, y - height * 0.45)
    speck = 0.3 - np.hypot(x - 3.5, y - 3.5)
    return soft(np.maximum.reduce([np.minimum(body, hole), button, speck]))


def knots(subpaths: tuple[Subpath, ...]) -> int:
    return sum(len(subpath.knots) for subpath in subpaths)


def test_contour_lies_where_the_edge_passes_half() -> None:
    """A disc's radius comes back to a fiftieth of a pixel, off any pixel's centre."""
    y, x = np.mgrid[0:61, 0:83] + 0.5
    (ring,) = contours(soft(20.3 - np.hypot(x - 40.7, y - 30.2)))
    radius = np.hypot(ring[:, 0] - 40.7, ring[:, 1] - 30.2)
    assert abs(radius.mean() - 20.3) < 0.02
    assert np.abs(radius - 20.3).max() < 0.1


def test_contours_enclose_on_the_right_hand() -> None:
    alpha = np.zeros((9, 11), np.uint8)
    alpha[1:8, 2:9] = 255
    alpha[3:5, 4:6] = 0
    outer, hole = contours(alpha)
    for ring, area in ((outer, 49 - 0.5), (hole, -(4 - 0.5))):  # marching squares cuts every corner by 1/8
        x, y = ring.T
        assert (x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2 == pytest.approx(area)
    np.testing.assert_allclose(outer.min(axis=0), (2, 1))
    np.testing.assert_allclose(outer.max(axis=0), (9, 8))


def test_contours_cover_what_the_mask_covers_whatever_it_looks_like() -> None:
    """Noise has every configuration of four pixels, both kinds of saddles, and touches all sides of the picture."""
    alpha = np.random.default_rng(1).integers(0, 256, (37, 41), dtype=np.uint8)
    y, x = np.mgrid[0:37, 0:41] + 0.5
    centres = np.column_stack([x.ravel(), y.ravel()])
    inside = np.zeros(len(centres), bool)
    for ring in contours(alpha):
        inside ^= PlotPath(np.concatenate([ring, ring[:1]])).contains_points(centres)
    np.testing.assert_array_equal(inside.reshape(alpha.shape), alpha > 127)


@pytest.mark.parametrize(("height", "width"), [(301, 223), (151, 113), (1001, 777)])
def test_garment_with_hole_and_island_is_met(height: int, width: int) -> None:
    alpha = garment(height, width)
    path = outline(alpha)
    assert len(path) == 3  # body, hole, button; the speck is left out
    assert iou(path, alpha) >= 0.995
    assert knots(path) <= 40


def test_mask_on_the_edges_of_the_picture() -> None:
    assert iou(outline(np.full((31, 17), 255, np.uint8)), np.full((31, 17), 255, np.uint8)) == 1.0
    half = np.zeros((100, 61), np.uint8)
    half[40:] = 255
    (path,) = outline(half)
    assert iou((path,), half) == 1.0
    np.testing.assert_allclose(path.knots[:, 1].min(axis=0), (0, 0.4), atol=1e-3)
    np.testing.assert_allclose(path.knots[:, 1].max(axis=0), (1, 1), atol=1e-3)


def test_corners_stay_sharp() -> None:
    alpha = np.zeros((200, 300), np.uint8)
    alpha[50:150, 60:240] = 255
    (path,) = outline(alpha)
    anchors = path.knots[:, 1] * (300, 200)
    for corner in ((60, 50), (240, 50), (240, 150), (60, 150)):
        assert np.hypot(*(anchors - corner).T).min() < 0.75  # half a pixel's diagonal is cut off by marching squares
    assert iou((path,), alpha) > 0.999


def test_hard_mask_does_not_become_stairs() -> None:
    """A disc without soft edge: some thousand stairs, and a curve through them of few knots."""
    y, x = np.mgrid[0:1000, 0:1000] + 0.5
    alpha = np.where(np.hypot(x - 500, y - 500) < 400, 255, 0).astype(np.uint8)
    path = outline(alpha)
    assert knots(path) < 60
    assert iou(path, alpha) > 0.998


def test_drawn_garments_are_met_with_few_knots() -> None:
    for seed in (3, 6):
        scene = draw_scene(seed, Extent(601, 799))
        for alpha in (scene.garment_mask, scene.flatlay_mask):
            path = outline(alpha)
            assert iou(path, alpha) >= 0.995
            assert knots(path) < 150


def test_large_picture_has_hundreds_of_knots_at_most() -> None:
    """Enlarged by five, a mask keeps the stairs of its small self, which is the harder case."""
    small = draw_scene(6, Extent(600, 800)).garment_mask
    alpha = np.asarray(cv2.resize(small, (3000, 4000), interpolation=cv2.INTER_CUBIC), np.uint8)
    path = outline(alpha)
    assert knots(path) < 500
    fine = outline(alpha, 0.25)
    assert knots(path) < knots(fine)
    np.testing.assert_allclose(path[0].knots.min(axis=(0, 1)), fine[0].knots.min(axis=(0, 1)), atol=2 / 3000)


def test_tolerance_is_kept() -> None:
    """No point of a disc's outline lies farther from the path than the tolerance."""
    y, x = np.mgrid[0:801, 0:801] + 0.5
    for tolerance in (0.5, 2.0, 8.0):
        (path,) = outline(soft(300 - np.hypot(x - 400.5, y - 400.5)), tolerance)
        flat = path.knots * 801
        following = np.roll(flat, -1, axis=0)
        t = np.linspace(0, 1, 200)[:, None]
        for knot, after in zip(flat, following, strict=True):
            curve = (1 - t) ** 3 * knot[1] + 3 * t * (1 - t) ** 2 * knot[2] + 3 * t**2 * (1 - t) * after[0]
            curve = curve + t**3 * after[1]
            assert np.abs(np.hypot(*(curve - 400.5).T) - 300).max() < tolerance + 0.1
    assert usual_tolerance(Extent(6000, 8000)) == 1.0
    assert usual_tolerance(Extent(600, 800)) == 0.5


def test_simplified_paths_have_fewer_knots_and_the_same_shape() -> None:
    alpha = garment(1001, 777)
    fine = outline(np.where(alpha > 127, 255, 0).astype(np.uint8), 0.3)
    coarse = simplified(fine, Extent(777, 1001), 3.0)
    assert len(coarse) == 3
    assert knots(coarse) < knots(fine) / 4
    assert iou(coarse, alpha) > 0.985


def test_nothing_inside_has_no_outline() -> None:
    assert outline(np.zeros((20, 30), np.uint8)) == ()
    assert outline(np.full((20, 30), 127, np.uint8)) == ()
    lone = np.zeros((2000, 2000), np.uint8)
    lone[5, 5] = 255
    assert outline(lone) == ()
