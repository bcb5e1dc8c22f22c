"""Main colours of drawn cloth whose colours and shares are known."""

from __future__ import annotations

import numpy as np
import pytest

from engine.domain.requests import Tolerance
from engine.domain.results import Verdict
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.palette_report import counterparts, main_colors, palette_lines
from engine.imaging.color.samples import robust_mean
from engine.imaging.color.spaces import lab_to_xyz, xyz_to_lab

NAVY, WHITE, RED, GREEN, BLACK = (
    (22.0, 6.0, -24.0),
    (93.0, 0.0, 2.0),
    (42.0, 55.0, 30.0),
    (52.0, -38.0, 22.0),
    (16.0, 0, 0),
)
TOLERANCE = Tolerance()


def cloth(
    *areas: tuple[tuple[float, float, float], float],
    n: int = 20_000,
    shade: float = 0.35,
    noise: float = 1.0,
    seed: int = 0,
) -> np.ndarray:
    """Samples of cloth: each area's colour on its share of ``n`` pixels, under folds whose light varies by ``shade``
    (standard deviation of the logarithm), with noise; ``(n, 3)`` Lab.
    """
    random = np.random.default_rng(seed)
    colors = np.concatenate([np.tile(color, (round(share * n), 1)) for color, share in areas]).astype(np.float32)
    light = np.exp(shade * random.standard_normal((len(colors), 1))).clip(0.3, 1.6).astype(np.float32)
    lab = xyz_to_lab(lab_to_xyz(colors) * light)
    return lab + noise * random.standard_normal(lab.shape).astype(np.float32)


def nearest(found: np.ndarray, color: tuple[float, float, float]) -> float:
    return float(delta_E_2000(found, np.array(color)).min())


@pytest.mark.parametrize("color", [NAVY, WHITE, RED, GREEN, BLACK, (50.0, 0.0, 0.0), (60.0, 20.0, 60.0)])
@pytest.mark.parametrize("shade", [0.05, 0.2, 0.5])
def test_plain_cloth_is_one_colour_under_any_folds(color: tuple[float, float, float], shade: float) -> None:
    lab = cloth((color, 1.0), shade=shade)
    found = main_colors(lab)
    np.testing.assert_array_equal(found.shares, [1.0])
    np.testing.assert_array_equal(found.lab[0], robust_mean(lab))


def test_one_side_in_the_light_and_one_in_shade_is_still_one_colour() -> None:
    """Light from the side halves the luminance of the other half."""
    lit = cloth((RED, 1.0), shade=0.15, n=10_000)
    dark = xyz_to_lab(lab_to_xyz(cloth((RED, 1.0), shade=0.15, n=10_000, seed=1)) * np.float32(0.5))
    assert len(main_colors(np.concatenate([lit, dark])).shares) == 1


@pytest.mark.parametrize("colors", [(NAVY, WHITE), (RED, WHITE), (RED, GREEN), (BLACK, WHITE), (RED, NAVY)])
@pytest.mark.parametrize("share", [0.5, 0.1, 0.04])
def test_two_tones_are_told_apart_with_their_shares(colors: tuple, share: float) -> None:
    found = main_colors(cloth((colors[0], 1 - share), (colors[1], share), shade=0.15))
    assert len(found.shares) == 2
    if share < 0.5:
        assert found.shares == pytest.approx([1 - share, share], abs=0.01)
    for color in colors:
        assert nearest(found.lab, color) < 2


def test_the_blends_at_the_edges_of_stripes_are_no_colours_of_their_own() -> None:
    """A tenth of the pixels lies across an edge, evenly between black and white in linear light."""
    mix = np.random.default_rng(3).uniform(0, 1, (2000, 1)).astype(np.float32)
    ends = lab_to_xyz(np.array([BLACK, WHITE], np.float32))
    edges = xyz_to_lab(mix * ends[0] + (1 - mix) * ends[1])
    found = main_colors(np.concatenate([cloth((BLACK, 0.5), (WHITE, 0.5), n=18_000, shade=0.1), edges]))
    assert len(found.shares) == 2
    assert nearest(found.lab, BLACK) < 3
    assert nearest(found.lab, WHITE) < 3


def test_a_button_is_no_line_and_few_samples_make_no_palette() -> None:
    buttoned, plain = cloth((NAVY, 0.99), (WHITE, 0.01), shade=0.1), cloth((NAVY, 1.0), shade=0.1, seed=1)
    for worn, flat in ((buttoned, plain), (plain, buttoned), (buttoned, buttoned)):
        (line,) = palette_lines(main_colors(worn), main_colors(flat), TOLERANCE)
        assert line.delta_E == pytest.approx(float(delta_E_2000(robust_mean(worn), robust_mean(flat))))
    assert len(main_colors(cloth((NAVY, 0.5), (WHITE, 0.5), n=100)).shares) == 1
    assert len(main_colors(np.array([[50.0, 0.0, 0.0]])).shares) == 1


def test_a_trim_that_turns_away_on_the_body_is_still_found() -> None:
    brown = (55.0, 18.0, 28.0)
    flat = main_colors(cloth((WHITE, 0.91), (brown, 0.09), shade=0.1))
    worn = main_colors(cloth((WHITE, 0.99), (brown, 0.01), shade=0.1, seed=1))
    body, trim = palette_lines(worn, flat, TOLERANCE)
    assert body.share == pytest.approx(0.99, abs=0.005)
    assert trim.share == pytest.approx(0.01, abs=0.002)
    assert trim.delta_E is not None
    assert trim.delta_E < 2


def test_the_same_samples_give_the_same_palette_in_any_order() -> None:
    lab = cloth((RED, 0.5), (GREEN, 0.3), (WHITE, 0.2), shade=0.1)
    one, two = main_colors(lab), main_colors(np.random.default_rng(5).permutation(lab))
    np.testing.assert_array_equal(one.shares, two.shares)
    np.testing.assert_allclose(one.lab, two.lab, atol=1e-4)


def test_single_colour_garments_have_one_line_however_far_apart() -> None:
    worn, flat = cloth((GREEN, 1.0)), cloth((RED, 1.0), seed=1)
    (line,) = palette_lines(main_colors(worn), main_colors(flat), TOLERANCE)
    assert line.delta_E == pytest.approx(float(delta_E_2000(robust_mean(worn), robust_mean(flat))))
    assert (line.share, line.reference_share, line.verdict) == (1.0, 1.0, Verdict.FAIL)


def shifted(color: tuple[float, float, float], *by: float) -> tuple[float, float, float]:
    return color[0] + by[0], color[1] + by[1], color[2] + by[2]


def test_a_print_has_a_line_for_each_colour_with_its_own_difference() -> None:
    flat = main_colors(cloth((NAVY, 0.7), (WHITE, 0.3), shade=0.1))
    worn = main_colors(cloth((shifted(NAVY, 0, 0, 12), 0.6), (WHITE, 0.4), shade=0.1, seed=1))
    navy, white = palette_lines(worn, flat, TOLERANCE)
    assert navy.delta_E == pytest.approx(
        float(delta_E_2000(np.array(shifted(NAVY, 0, 0, 12)), np.array(NAVY))), abs=0.7
    )
    assert navy.verdict is Verdict.FAIL
    assert (navy.reference_share, navy.share) == pytest.approx((0.7, 0.6), abs=0.01)
    assert white.delta_E == pytest.approx(0, abs=0.7)
    assert white.verdict is Verdict.PASS


def test_a_hidden_logo_and_a_leaking_arm_are_said_to_be_without_counterpart() -> None:
    flat = main_colors(cloth((NAVY, 0.9), (WHITE, 0.1), shade=0.1))
    skin = (65.0, 17.0, 19.0)
    worn = main_colors(cloth((NAVY, 0.92), (skin, 0.08), shade=0.1, seed=1))
    body, logo, arm = palette_lines(worn, flat, TOLERANCE)
    assert body.delta_E is not None
    assert body.delta_E < 1
    assert (logo.color, logo.share, logo.delta_E, logo.verdict) == (None, 0.0, None, None)
    assert logo.reference_share == pytest.approx(0.1, abs=0.01)
    assert (arm.reference_color, arm.reference_share, arm.delta_E, arm.verdict) == (None, 0.0, None, None)
    assert arm.share == pytest.approx(0.08, abs=0.01)


def test_a_cast_over_the_whole_garment_does_not_part_its_colours() -> None:
    """25 units of b on everything: each colour is far from its own and near to none, yet their order is clear."""
    areas = ((RED, 0.6), (GREEN, 0.25), (BLACK, 0.15))
    flat = main_colors(cloth(*areas, shade=0.1))
    worn = main_colors(cloth(*((shifted(color, 0, 0, -25), share) for color, share in areas), shade=0.1, seed=1))
    assert counterparts(worn, flat, TOLERANCE) == [(0, 0), (1, 1), (2, 2)]


def test_the_parametric_factors_reach_every_line() -> None:
    flat = main_colors(cloth((RED, 0.6), (WHITE, 0.4), shade=0.05))
    worn = main_colors(cloth((shifted(RED, -8, 0, 0), 0.6), (WHITE, 0.4), shade=0.05, seed=1))
    strict, textile = (palette_lines(worn, flat, Tolerance(k_L=k))[0].delta_E for k in (1.0, 2.0))
    assert strict is not None
    assert textile is not None
    assert textile == pytest.approx(strict / 2, rel=0.05)
