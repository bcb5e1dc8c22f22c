"""Views of one article take one colour, and come nearer to the truth by it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from engine.domain.geometry import Extent
from engine.domain.picture import Picture
from engine.domain.requests import Tolerance
from engine.imaging.color.correction import Correction, fit_correction, held_back
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.icc import Floats, rgb_space
from engine.imaging.color.light import lightness_credibility
from engine.imaging.color.samples import garment_samples, robust_mean
from engine.imaging.color.views import ViewColors, same_article, solve_views, spread
from engine.imaging.drawn import ColorCast, Framing, draw_scene
from engine.imaging.drawn.shapes import generator

JUDGE = Tolerance(k_L=2.0)
FRAMINGS = (Framing.FULL, Framing.UPPER, Framing.FULL)
EXPOSURES = (1.0, 0.88, 1.1)


@dataclass(frozen=True)
class DrawnView:
    colors: ViewColors
    truth: Floats


def relit(pixels: np.ndarray, light: float) -> Picture:
    space = rgb_space(None, None)
    flat = pixels.reshape(-1, 3)
    return Picture(space.encode(space.decode(flat) * light, flat.dtype).reshape(pixels.shape))


def drawn_article(seed: int, garment: str) -> list[DrawnView]:
    """Three poses, each with a cast and an exposure of its own."""
    views: list[DrawnView] = []
    for pose, (framing, light) in enumerate(zip(FRAMINGS, EXPOSURES, strict=True)):
        cast = ColorCast.random(generator(seed, pose))
        scene = draw_scene(seed, Extent(400, 500), garment, cast, framing=framing, pose=pose)
        worn = garment_samples(relit(scene.on_model, light), scene.garment_mask, "garment").lab
        truth = garment_samples(Picture(scene.truth), scene.garment_mask, "garment").lab
        flat = garment_samples(Picture(scene.flatlay), scene.flatlay_mask, "flatlay").lab
        views.append(DrawnView(ViewColors(worn, flat), truth))
    return views


@pytest.fixture(scope="module")
def article() -> list[DrawnView]:
    return drawn_article(7103, "jacket")


def alone(view: DrawnView) -> Correction:
    worn, flat = view.colors.worn, view.colors.flat
    return held_back(fit_correction(worn, flat, lightness_credibility(worn, flat)), worn, flat)


def together(views: list[DrawnView]) -> list[Correction]:
    agreement = solve_views([view.colors for view in views], JUDGE)
    assert agreement is not None
    return [
        held_back(
            agreement.joined(fit_correction(v.colors.worn, v.colors.flat, agreement.credibility), v.colors.worn),
            v.colors.worn,
            v.colors.flat,
        )
        for v in views
    ]


def to_truth(view: DrawnView, correction: Correction) -> float:
    return float(delta_E_2000(correction(view.colors.worn), view.truth).mean())


def test_the_views_agree_and_are_no_farther_from_the_truth(article: list[DrawnView]) -> None:
    photographed = spread([robust_mean(view.colors.worn) for view in article])
    by_themselves = spread([robust_mean(alone(view)(view.colors.worn)) for view in article])
    agreed = spread([robust_mean(c(v.colors.worn)) for c, v in zip(together(article), article, strict=True)])
    assert photographed > by_themselves > 1
    assert agreed < 0.2
    distances = [to_truth(view, correction) for view, correction in zip(article, together(article), strict=True)]
    assert np.mean(distances) < np.mean([to_truth(view, alone(view)) for view in article]) + 0.1


def test_two_tones_agree_as_well() -> None:
    article = drawn_article(7102, "shirt")
    agreement = solve_views([view.colors for view in article], JUDGE)
    assert agreement is not None
    assert len(agreement.palette) == 2
    assert agreement.spread_after < 1 < 10 < agreement.spread_before
    for view, correction in zip(article, together(article), strict=True):
        assert to_truth(view, correction) < 1.5


def test_the_reported_spread_is_the_measured_one(article: list[DrawnView]) -> None:
    agreement = solve_views([view.colors for view in article], JUDGE)
    assert agreement is not None
    assert agreement.views == 3
    assert agreement.spread_before == pytest.approx(spread([robust_mean(v.colors.worn) for v in article]))
    measured = spread([robust_mean(c(v.colors.worn)) for c, v in zip(together(article), article, strict=True)])
    assert agreement.spread_after == pytest.approx(measured, abs=0.05)


def test_every_views_own_job_finds_the_same_solution(article: list[DrawnView]) -> None:
    colors = [view.colors for view in article]
    one, two = solve_views(colors, JUDGE), solve_views(colors[1:] + colors[:1], JUDGE)
    assert one is not None
    assert two is not None
    assert one.credibility == pytest.approx(two.credibility, abs=1e-12)
    np.testing.assert_allclose(one.goals, two.goals, atol=1e-9)


def test_a_print_agrees_in_the_colours_its_views_share() -> None:
    """A white print on red: the back shows red alone."""
    rng = np.random.default_rng(0)

    def cloth(color: tuple[float, float, float], count: int, shift: tuple[float, float, float]) -> Floats:
        L = rng.normal(0, 3, (count, 1))
        lab = np.array(color) + np.array(shift) + L * np.array([1.0, 0, 0])
        return lab.astype(np.float32)

    red, white = (45.0, 55.0, 30.0), (90.0, 0.0, 2.0)
    flat = np.concatenate([cloth(red, 6000, (0, 0, 0)), cloth(white, 3000, (0, 0, 0))])
    front = np.concatenate([cloth(red, 6000, (-5, -8, 6)), cloth(white, 3000, (-5, -8, 6))])
    back = cloth(red, 9000, (3, 4, -9))
    agreement = solve_views([ViewColors(front, flat), ViewColors(back, flat)], JUDGE)
    assert agreement is not None
    assert len(agreement.palette) == 2
    shared = ~np.isnan(agreement.goals[:, 0])
    assert shared.sum() == 1
    assert agreement.palette[shared][0] == pytest.approx(red, abs=2)
    reds = []
    for worn in (front, back):
        correction = agreement.joined(fit_correction(worn, flat, agreement.credibility), worn)
        matched = correction(worn)
        reds.append(robust_mean(matched[matched[:, 1] > 30]))
    assert delta_E_2000(reds[0], reds[1]) < 1


def test_a_view_of_another_garment_is_not_dragged_along(article: list[DrawnView]) -> None:
    stranger = drawn_article(7104, "shirt")[0]
    colors = [view.colors for view in article]
    wrong = replace(colors[0], worn=stranger.colors.worn, flat=stranger.colors.flat)
    assert not same_article(wrong.flat, colors[0].flat)
    agreement = solve_views(colors, JUDGE)
    assert agreement is not None
    correction = fit_correction(wrong.worn, wrong.flat, agreement.credibility)
    assert agreement.joined(correction, wrong.worn) is correction


def test_one_view_has_nobody_to_agree_with(article: list[DrawnView]) -> None:
    assert solve_views([article[0].colors], JUDGE) is None


def test_an_offset_never_leaves_the_scale() -> None:
    worn = np.array([[0.0, 0, 0], [0.5, 0, 0], [50, 10, 10], [99.5, 0, 0], [100, 0, 0]], np.float32)
    identity = fit_correction(worn, worn, 0.0)
    moved = replace(identity, offset=np.array([6.0, 0, 0]))(worn)
    down = replace(identity, offset=np.array([-6.0, 0, 0]))(worn)
    assert moved[:, 0].max() <= 100.5
    assert down[:, 0].min() >= -0.5
    assert np.all(np.diff(moved[:, 0]) > 0)
