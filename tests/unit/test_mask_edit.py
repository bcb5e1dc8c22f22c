"""The mask editor's core: strokes, areas, edges, and undo, against geometry and drawn truth."""

from __future__ import annotations

from itertools import pairwise
from math import cos, hypot, pi, sin

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.geometry import Box, Extent
from engine.imaging.mask_edit.areas import with_polygon, with_similar
from engine.imaging.mask_edit.brush import Brush
from engine.imaging.mask_edit.document import MaskDocument
from engine.imaging.mask_edit.edges import feathered, grown, on_edges
from engine.imaging.mask_edit.history import History, edit_between
from engine.imaging.mask_edit.polygon import polygon_coverage
from engine.imaging.mask_edit.tiles import slices, united

H, W = 600, 520  # three tiles by three, the outer ones cut
HARD = Brush(diameter=41, hardness=1.0)


def soft_disc(radius: float = 140, x: float = 250, y: float = 300) -> np.ndarray:
    rows, columns = np.mgrid[:H, :W] + 0.5
    return np.round(255 * np.clip(radius + 0.5 - np.hypot(columns - x, rows - y), 0, 1)).astype(np.uint8)


def stroke(document: MaskDocument, points: list[tuple[float, ...]], brush: Brush, **how: bool) -> Box | None:
    document.begin_stroke(brush, **how)
    dirty = None
    for point in points:
        dirty = united(dirty, document.draw_to(*point))
    return united(dirty, document.end_stroke("stroke")[1])


def changed_box(before: np.ndarray, after: np.ndarray) -> Box | None:
    rows, columns = np.nonzero(before != after)
    return Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) if rows.size else None


def contains(outer: Box | None, inner: Box | None) -> bool:
    if inner is None:
        return True
    return (
        outer is not None
        and outer.left <= inner.left
        and outer.top <= inner.top
        and outer.right >= inner.right
        and outer.bottom >= inner.bottom
    )


points = st.lists(st.tuples(st.floats(-60, W + 60), st.floats(-60, H + 60), st.floats(0.05, 1)), min_size=1, max_size=6)


class TestStroke:
    def test_a_dab_is_a_disc(self) -> None:
        document = MaskDocument(np.zeros((H, W), np.uint8))
        stroke(document, [(200.25, 310.5)], HARD)
        rows, columns = np.mgrid[:H, :W] + 0.5
        distance = np.hypot(columns - 200.25, rows - 310.5)
        assert (document.alpha[distance < 19.9] == 255).all()
        assert (document.alpha[distance > 21.1] == 0).all()
        assert document.alpha.sum() / 255 == pytest.approx(pi * 20.5**2, rel=0.003)

    def test_a_soft_dab_falls_off_from_its_hard_core(self) -> None:
        document = MaskDocument(np.zeros((H, W), np.uint8))
        stroke(document, [(250.5, 300.5)], Brush(diameter=200, hardness=0.4))
        line = document.alpha[300, 250:360].astype(int)
        assert (line[:39] == 255).all()
        assert (np.diff(line) <= 0).all()
        assert line[70] == pytest.approx(128, abs=6)  # half-way between 40 % and 100 % of the radius
        assert (line[102:] == 0).all()

    @pytest.mark.parametrize("erases", [False, True])
    def test_a_line_has_the_brush_s_width_and_round_ends(self, erases: bool) -> None:
        document = MaskDocument(np.full((H, W), 255 * erases, np.uint8))
        stroke(document, [(100, 300), (400, 300)], HARD, erases=erases)
        covered = np.abs(document.alpha.astype(float) - 255 * erases)
        assert covered.sum() / 255 == pytest.approx(300 * 41 + pi * 20.5**2, rel=0.003)

    @pytest.mark.parametrize("hardness", [0.0, 0.5, 1.0])
    def test_it_never_exceeds_its_opacity_however_often_it_crosses_itself(self, hardness: float) -> None:
        document = MaskDocument(np.zeros((H, W), np.uint8))
        zigzag = [(100.0 + 200 * (i % 2), 200.0 + i) for i in range(40)]
        stroke(document, zigzag, Brush(diameter=60, hardness=hardness, opacity=0.5))
        assert document.alpha.max() == 128

    def test_a_second_stroke_adds_to_the_first(self) -> None:
        document = MaskDocument(np.zeros((H, W), np.uint8))
        for _ in range(2):
            stroke(document, [(200, 200), (300, 200)], Brush(diameter=60, hardness=1, opacity=0.5))
        assert document.alpha.max() == 128 + round(127 * 128 / 255)

    def test_erasing_at_half_leaves_half(self) -> None:
        document = MaskDocument(np.full((H, W), 200, np.uint8))
        stroke(document, [(200, 200), (300, 200), (200, 200)], Brush(diameter=60, hardness=1, opacity=0.5), erases=True)
        assert document.alpha.min() == 100

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.floats(0.01, 0.99), max_size=12), st.floats(0.3, 1), st.floats(0.3, 1))
    def test_it_does_not_depend_on_how_the_pointer_s_way_is_reported(
        self, cuts: list[float], first: float, last: float
    ) -> None:
        start, end = (80.0, 120.0, first), (430.0, 470.0, last)
        brush = Brush(diameter=70, hardness=0.5, opacity_by_pressure=True)
        way = [tuple(a + (b - a) * t for a, b in zip(start, end, strict=True)) for t in sorted(cuts)]
        whole, pieces = (MaskDocument(np.zeros((H, W), np.uint8)) for _ in range(2))
        stroke(whole, [start, end], brush)
        stroke(pieces, [start, *way, end], brush)
        difference = np.abs(whole.alpha.astype(int) - pieces.alpha)
        # a dab lies on a quarter of a pixel, so that rounding may put it on the neighbouring one
        assert difference.max() <= 12
        assert difference.mean() < 0.05

    @settings(max_examples=25, deadline=None)
    @given(points, st.floats(1, 300), st.floats(0, 1), st.booleans())
    def test_its_boxes_hold_every_change(
        self, way: list[tuple[float, ...]], diameter: float, hardness: float, erases: bool
    ) -> None:
        document = MaskDocument(soft_disc())
        before = document.alpha.copy()
        dirty = stroke(document, way, Brush(diameter, hardness), erases=erases)
        changed = changed_box(before, document.alpha)
        assert contains(dirty, changed)
        edit = document.history.undoable
        assert (edit.box if edit else None) == changed

    def test_pressure_scales_size_and_opacity(self) -> None:
        document = MaskDocument(np.zeros((H, W), np.uint8))
        stroke(document, [(250, 300, 0.5)], Brush(100, 1, size_by_pressure=True, opacity_by_pressure=True))
        assert document.alpha.sum() / 255 == pytest.approx(pi * 25**2 / 2, rel=0.05)
        assert document.alpha.max() == pytest.approx(128, abs=1)

    def test_dropped_it_leaves_no_trace(self) -> None:
        document = MaskDocument(soft_disc())
        before = document.alpha.copy()
        document.begin_stroke(HARD, erases=True)
        document.draw_to(250, 300)
        document.draw_to(250, 500)
        assert contains(document.drop_stroke(), Box(240, 300, 260, 500))
        assert np.array_equal(document.alpha, before)
        assert document.history.undoable is None
        stroke(document, [(10, 10)], HARD)
        assert document.alpha[300, 250] == 255

    def test_one_that_only_marks_leaves_the_mask(self) -> None:
        document = MaskDocument(np.zeros((H, W), np.uint8))
        document.begin_stroke(HARD, marks_only=True)
        document.draw_to(250, 300)
        marked = document.end_marking()
        assert marked is not None
        assert not document.alpha.any()
        assert marked[0].sum() / 255 == pytest.approx(pi * 20.5**2, rel=0.01)
        assert document.history.undoable is None


class TestUndo:
    @settings(max_examples=20, deadline=None)
    @given(st.lists(st.tuples(points, st.booleans()), min_size=1, max_size=5), st.integers(0, 5))
    def test_there_and_back_is_bit_exact(self, strokes: list[tuple[list[tuple[float, ...]], bool]], steps: int) -> None:
        document = MaskDocument(soft_disc())
        states = [document.alpha.copy()]
        for way, erases in strokes:
            stroke(document, way, Brush(80, 0.3, 0.7), erases=erases)
            if not np.array_equal(states[-1], document.alpha):
                states.append(document.alpha.copy())
        taken = [document.undo() for _ in range(min(steps, len(states) - 1))]
        assert np.array_equal(document.alpha, states[len(states) - 1 - len(taken)])
        for _ in taken:
            assert document.redo() is not None
        assert np.array_equal(document.alpha, states[-1])
        assert document.redo() is None
        while document.undo() is not None:
            pass
        assert np.array_equal(document.alpha, states[0])

    def test_a_new_edit_ends_what_could_be_given_again(self) -> None:
        document = MaskDocument(soft_disc())
        document.apply("inverted", 255 - document.alpha)
        document.undo()
        document.apply("cleared", np.zeros((H, W), np.uint8))
        assert document.redo() is None
        edit = document.history.undoable
        assert edit is not None
        assert edit.name == "cleared"

    def test_memory_stays_within_its_budget(self) -> None:
        rng = np.random.default_rng(3)
        history = History(budget_bytes=400_000)
        noise = [rng.integers(0, 256, (H, W), dtype=np.uint8) for _ in range(6)]
        for before, after in pairwise(noise):
            edit = edit_between("noise", before, after)
            assert edit is not None
            history.push(edit)
        assert history.size_bytes <= 400_000
        assert history.undoable is not None

    def test_a_large_stroke_is_packed_later(self) -> None:
        document = MaskDocument(np.zeros((2000, 2000), np.uint8))
        stroke(document, [(0, 0), (2000, 2000), (2000, 0)], Brush(400, 1))
        painted, edit = document.alpha.copy(), document.history.undoable
        assert edit is not None
        assert not edit.is_packed
        document.undo()
        assert not document.alpha.any()
        document.history.exchange(edit, edit.packed())
        assert document.history.size_bytes < edit.size_bytes / 20
        document.redo()
        assert np.array_equal(document.alpha, painted)

    def test_the_newest_edit_can_be_undone_whatever_its_size(self) -> None:
        rng = np.random.default_rng(3)
        document = MaskDocument(np.zeros((H, W), np.uint8), budget_bytes=10)
        document.apply("noise", rng.integers(0, 256, (H, W), dtype=np.uint8))
        assert document.undo() is not None
        assert not document.alpha.any()

    def test_nothing_changed_is_nothing_to_undo(self) -> None:
        document = MaskDocument(soft_disc())
        assert document.apply("filled", document.alpha.copy()) is None
        stroke(document, [(250, 300)], Brush(20))
        assert document.history.undoable is None


class TestPolygon:
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.tuples(st.floats(0.2, 1), st.floats(0, 1)), min_size=3, max_size=40),
        st.floats(160, 340),
        st.floats(200, 400),
    )
    def test_its_coverage_is_the_polygon_s_area(self, spokes: list[tuple[float, float]], x: float, y: float) -> None:
        # star-shaped about its centre, and so without crossings
        angles = np.cumsum([share + 0.05 for _, share in spokes])
        angles *= 2 * pi / (angles[-1] + 0.01)
        corners = [(x + 150 * r * cos(a), y + 150 * r * sin(a)) for (r, _), a in zip(spokes, angles, strict=True)]
        if max(np.diff([*angles, angles[0] + 2 * pi])) >= pi:
            return  # the centre lies outside
        x0, y0 = np.array(corners).T
        area = abs(np.dot(x0, np.roll(y0, -1)) - np.dot(y0, np.roll(x0, -1))) / 2
        found = polygon_coverage(corners, Extent(W, H))
        length = sum(hypot(a[0] - b[0], a[1] - b[1]) for a, b in pairwise([*corners, corners[0]]))
        total = found[1].sum() / 255 if found else 0
        assert abs(total - area) <= 0.5 + 0.004 * length  # each pixel of the edge is rounded to a 255th

    def test_every_pixel_against_a_sixteenfold_drawing(self) -> None:
        corners = [(20.3, 31.7), (88.9, 12.2), (95.1, 90.4), (60.0, 60.0), (31.5, 99.0)]
        found = polygon_coverage(corners, Extent(120, 110))
        assert found is not None
        box, coverage = found
        ours = np.zeros((110, 120), np.uint8)
        ours[slices(box)] = coverage
        y, x = (np.mgrid[: 110 * 16, : 120 * 16] + 0.5) / 16
        inside = np.zeros(y.shape, bool)
        for (x0, y0), (x1, y1) in pairwise([*corners, corners[0]]):
            crosses = (y0 <= y) != (y1 <= y)
            inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
        truth = inside.reshape(110, 16, 120, 16).mean(axis=(1, 3)) * 255
        assert np.abs(ours - truth).max() < 6

    def test_what_lies_outside_is_cut_off(self) -> None:
        found = polygon_coverage([(-50, -50), (W + 50, -50), (W + 50, H + 50), (-50, H + 50)], Extent(W, H))
        assert found is not None
        assert found[0] == Box(0, 0, W, H)
        assert (found[1] == 255).all()
        found = polygon_coverage([(-100, 50), (100.5, 50), (100.5, 60), (-100, 60)], Extent(W, H))
        assert found is not None
        assert found[1].sum() / 255 == pytest.approx(1005, abs=0.1)
        assert polygon_coverage([(-9, -9), (-1, -9), (-1, -1)], Extent(W, H)) is None
        assert polygon_coverage([(9, 9), (20, 20)], Extent(W, H)) is None

    def test_a_lasso_adds_and_takes_away(self) -> None:
        square = [(100.0, 100.0), (200.0, 100.0), (200.0, 200.0), (100.0, 200.0)]
        added = with_polygon(np.zeros((H, W), np.uint8), square, subtract=False)
        assert added is not None
        assert added[0].sum() == 255 * 10_000
        taken = with_polygon(added[0], [(150.0, 0.0), (500.0, 0.0), (500.0, 500.0), (150.0, 500.0)], subtract=True)
        assert taken is not None
        assert taken[0].sum() == 255 * 5_000
        assert added[0].sum() == 255 * 10_000


class TestFill:
    @pytest.fixture
    def photograph(self) -> np.ndarray:
        """A red coat with a nap, on grey, and a second coat that it does not touch."""
        rng = np.random.default_rng(1)
        rgb = np.full((H, W, 3), 150, np.int16)
        rgb[100:500, 100:240] = rgb[100:500, 300:400] = (170, 40, 50)
        return np.clip(rgb + rng.integers(-4, 5, rgb.shape), 0, 255).astype(np.uint8)

    def test_it_takes_the_piece_that_was_clicked_on(self, photograph: np.ndarray) -> None:
        found = with_similar(np.zeros((H, W), np.uint8), photograph, (150, 300), 15, subtract=False)
        assert found is not None
        assert (found[0][104:496, 104:236] == 255).all()
        assert not found[0][:, 244:].any()
        assert found[0].sum() / 255 == pytest.approx(400 * 140, rel=0.01)

    def test_a_wide_tolerance_takes_everything(self, photograph: np.ndarray) -> None:
        found = with_similar(np.zeros((H, W), np.uint8), photograph, (150, 300), 150, subtract=False)
        assert found is not None
        assert (found[0] == 255).all()

    def test_it_takes_away(self, photograph: np.ndarray) -> None:
        found = with_similar(np.full((H, W), 255, np.uint8), photograph, (350, 300), 15, subtract=True)
        assert found is not None
        assert not found[0][104:496, 304:396].any()
        assert (found[0][:, :290] == 255).all()

    def test_it_follows_a_region_beyond_the_first_window(self) -> None:
        rgb = np.full((300, 3000, 3), 200, np.uint8)
        rgb[100:120] = 30
        found = with_similar(np.zeros((300, 3000), np.uint8), rgb, (20, 110), 10, subtract=False)
        assert found is not None
        assert (found[0][104:116] == 255).all()
        assert not found[0][:90].any()

    def test_outside_the_picture_nothing_is_filled(self, photograph: np.ndarray) -> None:
        assert with_similar(np.zeros((H, W), np.uint8), photograph, (-3, 10), 15, subtract=False) is None


class TestEdges:
    @pytest.mark.parametrize("pixels", [1, 7, 30])
    def test_a_disc_grows_and_shrinks_by_so_many_pixels(self, pixels: int) -> None:
        bigger, smaller = grown(soft_disc(), pixels), grown(soft_disc(), -pixels)
        for alpha, radius in ((bigger, 140 + pixels), (smaller, 140 - pixels)):
            assert alpha.sum() / 255 == pytest.approx(pi * radius**2, rel=0.006)

    @settings(max_examples=15, deadline=None)
    @given(st.integers(1, 12), st.integers(0, 2**32 - 1))
    def test_growing_and_shrinking_enclose_the_mask(self, pixels: int, seed: int) -> None:
        noise = np.random.default_rng(seed).integers(0, 256, (H // 8, W // 8), dtype=np.uint8)
        alpha = np.asarray(cv2.resize(noise, (W, H), interpolation=cv2.INTER_CUBIC), np.uint8)
        # closing is extensive, opening anti-extensive (Serra 1982)
        assert (grown(grown(alpha, pixels), -pixels) >= alpha).all()
        assert (grown(grown(alpha, -pixels), pixels) <= alpha).all()

    def test_soft_edges_stay_soft(self) -> None:
        soft = feathered(soft_disc(), 6)
        assert np.abs(np.diff(grown(soft, 20)[300].astype(int))).max() <= np.abs(np.diff(soft[300].astype(int))).max()

    @pytest.mark.parametrize("sigma", [2.0, 5.0, 24.0])
    def test_a_straight_edge_is_feathered_to_the_normal_distribution(self, sigma: float) -> None:
        from math import erf

        alpha = np.zeros((H, W), np.uint8)
        alpha[:, 260:] = 255
        line = feathered(alpha, sigma)[300]
        truth = [255 * (1 + erf((x + 0.5 - 260) / sigma / 2**0.5)) / 2 for x in range(W)]
        assert np.abs(line - np.array(truth)).max() < 2.6

    @pytest.mark.parametrize("sigma", [3, 40])
    def test_tiles_leave_no_seams(self, sigma: int) -> None:
        alpha = soft_disc()
        whole = cv2.GaussianBlur(alpha, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        assert np.abs(feathered(alpha, sigma).astype(int) - whole).max() <= 1

    @pytest.mark.parametrize("pixels", [2, 17, 60])
    def test_growing_is_opencv_s_dilation_with_a_disc(self, pixels: int) -> None:
        alpha = np.maximum(soft_disc(100), soft_disc(20, 30, 40))
        steps = np.arange(-pixels, pixels + 1) ** 2
        disc = (np.add.outer(steps, steps) <= pixels**2).astype(np.uint8)
        assert np.array_equal(grown(alpha, pixels), cv2.dilate(alpha, disc, borderType=cv2.BORDER_REPLICATE))
        assert np.array_equal(grown(alpha, -pixels), cv2.erode(alpha, disc, borderType=cv2.BORDER_REPLICATE))

    def test_the_mask_s_edge_moves_to_the_photograph_s(self) -> None:
        truth = soft_disc()
        rgb = np.where(truth[..., None] > 127, (170, 40, 50), (90, 110, 160)).astype(np.uint8)
        rgb = cv2.add(rgb, np.random.default_rng(0).integers(0, 6, rgb.shape, dtype=np.uint8))
        off = soft_disc(radius=134, x=254, y=297)
        better = on_edges(off, rgb, 16)
        before, after = (np.abs(alpha.astype(float) - truth).mean() for alpha in (off, better))
        assert after < before / 4
        far = np.hypot(*(np.mgrid[:H, :W] - np.array([300, 250])[:, None, None])) - 140
        assert np.array_equal(better[np.abs(far) > 60], off[np.abs(far) > 60])

    def test_where_the_photograph_says_nothing_the_mask_stays(self) -> None:
        alpha = feathered(soft_disc(), 4)
        plain = np.full((H, W, 3), 128, np.uint8)
        changed = on_edges(alpha, plain, 8)
        assert ((changed > 127) != (alpha > 127)).mean() < 0.002

    def test_a_brush_says_where(self) -> None:
        truth = soft_disc()
        rgb = np.where(truth[..., None] > 127, (170, 40, 50), (90, 110, 160)).astype(np.uint8)
        off = soft_disc(radius=132)
        weight = np.zeros((H, W), np.uint8)
        weight[:300] = 255
        better = on_edges(off, rgb, 16, weight, Box(0, 0, W, 300))
        assert np.array_equal(better[300:], off[300:])
        assert (
            np.abs(better[:290].astype(float) - truth[:290]).mean()
            < np.abs(off[:290].astype(float) - truth[:290]).mean() / 3
        )
