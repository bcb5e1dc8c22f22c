"""Reports, verdicts and maps on drawn colours with known differences."""

from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from engine.domain.errors import KnownError
from engine.domain.picture import Picture
from engine.domain.requests import Tolerance
from engine.domain.results import Verdict
from engine.imaging.color.difference import delta_E_2000, lab_differences
from engine.imaging.color.heat_map import heat_map
from engine.imaging.color.palette_report import verdict_for
from engine.imaging.color.quality import (
    compare_pictures,
    delta_E_map,
    garment_map,
    garment_report,
    largest_change_outside,
)
from engine.imaging.color.samples import garment_samples, robust_mean
from engine.imaging.color.spaces import lab_to_pixels

ADOBE = bytes(imagecodecs.cms_profile("adobergb"))
RED, BROWN = (45.0, 50.0, 25.0), (40.0, 35.0, 30.0)


def patch(lab: tuple[float, float, float], noise: float = 0.0, icc: bytes | None = None, seed: int = 0) -> Picture:
    """A garment square of one Lab colour, with noise in L, on white; 16 bit."""
    image = np.empty((120, 100, 3), np.float32)
    image[:] = (97, 0, 0)
    image[20:100, 20:80] = lab
    image[20:100, 20:80, 0] += noise * np.random.default_rng(seed).standard_normal((80, 60))
    return Picture(lab_to_pixels(image, icc, np.uint16), icc=icc, path=Path(f"patch-{seed}.tif"))


def square() -> np.ndarray:
    mask = np.zeros((120, 100), np.uint8)
    mask[20:100, 20:80] = 255
    return mask


def test_a_report_gives_the_known_difference_of_two_garments() -> None:
    report = garment_report(patch(BROWN, 3), square(), patch(RED, 3, ADOBE, seed=1), square(), Tolerance(), "garment")
    expected = float(delta_E_2000(np.array(BROWN), np.array(RED)))
    dL, dC, dH = lab_differences(np.array(BROWN), np.array(RED))
    assert report.delta_E == pytest.approx(expected, abs=0.2)
    assert report.dL == pytest.approx(float(dL), abs=0.2)
    assert report.dC == pytest.approx(float(dC), abs=0.2)
    assert report.dH == pytest.approx(float(dH), abs=0.2)
    assert report.median <= report.mean < report.p95
    assert report.n_pixels == 76 * 56  # two pixels inset on every side
    assert report.region == "garment"
    assert report.verdict is Verdict.FAIL
    assert report.illuminant == "D65"


def test_parametric_factors_reach_the_formula() -> None:
    darker = (RED[0] - 8, *RED[1:])
    strict = garment_report(patch(darker), square(), patch(RED), square(), Tolerance(), "garment")
    textile = garment_report(patch(darker), square(), patch(RED), square(), Tolerance(k_L=2.0), "garment")
    assert textile.delta_E == pytest.approx(strict.delta_E / 2, rel=0.02)
    assert textile.mean == pytest.approx(strict.mean / 2, rel=0.02)


def test_the_robust_mean_ignores_highlights_holes_and_slips_of_the_mask() -> None:
    clean = patch(RED, 2)
    dirty = clean.pixels.copy()
    dirty[30:32, 20:80] = 65535
    dirty[70:72, 20:80] = 0
    report = garment_report(replace(clean, pixels=dirty), square(), clean, square(), Tolerance(), "garment")
    assert report.delta_E < 0.5
    assert report.p95 > report.median


def test_the_robust_mean_weighs_both_tones_of_a_garment() -> None:
    lab = np.array([[30.0, 0, 0]] * 500 + [[70.0, 0, 0]] * 500)
    assert robust_mean(lab)[0] == pytest.approx(50, abs=0.1)


def test_the_garments_edge_is_not_measured() -> None:
    fringed = patch(RED)
    fringed.pixels[20:22, 20:80] = 65535
    np.testing.assert_allclose(garment_samples(fringed, square(), "garment").lab.max(axis=0), RED, atol=0.05)


def test_pixelwise_comparison_is_the_mean_of_the_map() -> None:
    a, b = patch(RED, 4, seed=1), patch(RED, 4, ADOBE, seed=2)
    report, values = compare_pictures(a, b), delta_E_map(a, b)
    assert values.shape == (120, 100)
    assert report.delta_E == pytest.approx(values.mean(), rel=1e-5)
    assert report.p95 == pytest.approx(np.percentile(values, 95), rel=1e-5)
    assert report.n_pixels == 12_000
    masked = compare_pictures(a, b, square())
    assert masked.n_pixels == 80 * 60
    assert masked.delta_E == pytest.approx(values[square() > 0].mean(), rel=1e-5)
    assert masked.region != report.region


def test_a_picture_against_itself_is_zero_in_any_encoding() -> None:
    a = patch(RED, 4)
    assert compare_pictures(a, a).p95 == 0
    assert compare_pictures(a, patch(RED, 4, ADOBE)).p95 < 0.05
    eight = replace(a, pixels=(a.pixels // 257).astype(np.uint8))
    assert compare_pictures(a, eight).delta_E < 0.5


def test_signs_are_the_first_minus_the_second() -> None:
    lighter = compare_pictures(patch((60, 20, 10)), patch((50, 20, 10)), square())
    assert lighter.dL == pytest.approx(10, abs=0.05)
    assert lighter.dC == pytest.approx(0, abs=0.05)


def test_unlike_sizes_and_masks_are_refused_by_name() -> None:
    a, b = patch(RED), patch(RED, seed=5)
    small = replace(b, pixels=b.pixels[:-1])
    for call in (compare_pictures, delta_E_map):
        with pytest.raises(KnownError, match="100 × 119") as caught:
            call(a, small)
        assert str(caught.value).startswith("patch-5.tif: ")
    with pytest.raises(KnownError, match="mask is empty"):
        compare_pictures(a, b, np.zeros((120, 100), np.uint8))
    with pytest.raises(KnownError, match="99 × 120"):
        compare_pictures(a, b, np.zeros((120, 99), np.uint8))


@pytest.mark.parametrize(
    ("delta_E", "verdict"),
    [
        (0.0, Verdict.PASS),
        (3.0, Verdict.PASS),
        (3.001, Verdict.WARN),
        (5.0, Verdict.WARN),
        (5.001, Verdict.FAIL),
        (float("nan"), Verdict.FAIL),
    ],
)
def test_verdicts_at_their_limits(delta_E: float, verdict: Verdict) -> None:
    assert verdict_for(delta_E, Tolerance(passes=3.0, warns=5.0)) is verdict


def two_tone(upper: tuple[float, float, float], lower: tuple[float, float, float], seed: int = 0) -> Picture:
    """A garment square of two colours, three quarters and one quarter."""
    image = np.empty((120, 100, 3), np.float32)
    image[:] = (97, 0, 0)
    image[20:80, 20:80], image[80:100, 20:80] = upper, lower
    image[20:100, 20:80, 0] += 2 * np.random.default_rng(seed).standard_normal((80, 60))
    return Picture(lab_to_pixels(image, None, np.uint16), path=Path(f"two-{seed}.tif"))


def test_a_print_is_reported_colour_by_colour_and_does_not_pass_with_one_that_fails() -> None:
    """The body is right and the trim is off by ΔE00 8; by the mean colour alone this garment would pass."""
    navy, white, cream = (25.0, 5.0, -25.0), (92.0, 0.0, 0.0), (92.0, 0.0, 10.0)
    report = garment_report(two_tone(navy, cream), square(), two_tone(navy, white, 1), square(), Tolerance(), "garment")
    assert report.delta_E < 3
    body, trim = report.palette
    assert (body.verdict, trim.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert trim.delta_E == pytest.approx(float(delta_E_2000(np.array(cream), np.array(white))), abs=0.3)
    assert report.verdict is Verdict.WARN


def test_a_plain_garment_has_one_line_which_is_the_reports_own_figure() -> None:
    report = garment_report(patch(BROWN, 3), square(), patch(RED, 3, seed=1), square(), Tolerance(), "garment")
    (line,) = report.palette
    assert line.delta_E == report.delta_E
    assert compare_pictures(patch(RED), patch(RED)).palette == ()


def test_one_pass_gives_report_and_map() -> None:
    a, b = patch(RED, 4, seed=1), patch(BROWN, 4, ADOBE, seed=2)
    out = np.full((120, 100), np.nan, np.float32)
    tolerance = Tolerance(k_L=2.0)
    assert compare_pictures(a, b, square(), tolerance, out=out) == compare_pictures(a, b, square(), tolerance)
    np.testing.assert_array_equal(out, delta_E_map(a, b, tolerance))


def test_the_garments_map_holds_its_distance_to_the_flatlays_nearest_colour() -> None:
    navy, white = (25.0, 5.0, -25.0), (92.0, 0.0, 0.0)
    worn = two_tone(navy, white)
    worn.pixels[30:40, 30:40] = lab_to_pixels(np.full((10, 10, 3), RED), None, np.uint16)
    values = garment_map(worn, square(), two_tone(navy, white, 1), square())
    assert values.shape == (120, 100)
    np.testing.assert_array_equal(np.isnan(values), square() == 0)
    assert np.nanmedian(values) < 3
    assert values[34, 34] == pytest.approx(float(delta_E_2000(np.array(RED), np.array(navy))), abs=1)


def test_a_change_outside_the_mask_is_found_however_small_and_one_inside_is_not() -> None:
    a, b = patch(RED), patch(RED)
    b.pixels[50, 50] = 0
    assert largest_change_outside(a, b, square()) == 0
    b.pixels[119, 99, 2] -= 1
    assert largest_change_outside(a, b, square()) == 1
    soft = square()
    soft[19, 19] = 1
    b.pixels[19, 19] = 0
    assert largest_change_outside(a, b, soft) == 1, "where the mask is not zero a change is meant"
    assert largest_change_outside(a, replace(b, icc=ADOBE), square()) is None
    assert largest_change_outside(a, replace(b, pixels=(b.pixels // 257).astype(np.uint8)), square()) is None


@pytest.mark.parametrize(("pixels", "says"), [(0, "is empty"), (1, "holds only 1 pixel"), (63, "holds only 63 pixels")])
def test_a_mask_of_next_to_nothing_is_refused_by_every_measurement(pixels: int, says: str) -> None:
    a, tiny = patch(RED), np.zeros((120, 100), np.uint8)
    tiny.ravel()[:pixels] = 255
    for call in (
        lambda: compare_pictures(a, a, tiny),
        lambda: largest_change_outside(a, a, tiny),
        lambda: garment_map(a, tiny, a, square()),
        lambda: garment_report(a, tiny, a, square(), Tolerance(), "garment"),
        lambda: garment_report(a, square(), a, tiny, Tolerance(), "garment"),
    ):
        with pytest.raises(KnownError, match=says) as caught:
            call()
        assert str(caught.value).startswith("patch-0.tif: ")
        assert "\n" not in str(caught.value)


def test_the_heat_map_of_24_megapixels_needs_no_second_map() -> None:
    """Beside the map (96 MB) and its picture (72 MB) only a chunk is held."""
    import tracemalloc

    values = np.zeros((4000, 6000), np.float32)
    tracemalloc.start()
    drawn = heat_map(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert drawn.shape == (4000, 6000, 3)
    assert peak < drawn.nbytes + 30e6


def test_the_heat_map_gets_lighter_with_the_difference_and_has_its_own_legend() -> None:
    ramp = np.repeat(np.linspace(0, 12, 600, dtype=np.float32)[None], 400, axis=0)
    bare, drawn = heat_map(ramp, legend=False), heat_map(ramp)
    assert drawn.shape == (400, 600, 3)
    assert drawn.dtype == np.uint8
    light = bare[0].astype(int) @ [299, 587, 114]
    assert light[0] < light[150] < light[300] < light[450]
    assert np.array_equal(bare[0, -1], bare[0, 510])  # beyond full scale
    changed = (bare != drawn).any(axis=-1)
    assert changed[300:, 400:].mean() > 0.3  # the legend lies in the lower right corner
    assert not changed[:300].any()
    assert not changed[:, :400].any()


def test_a_heat_map_too_small_for_a_legend_and_an_undefined_pixel() -> None:
    values = np.full((20, 20), 5.0, np.float32)
    values[3, 4] = np.nan
    drawn = heat_map(values)
    assert (drawn[3, 4] == 0).all()
    assert (drawn == drawn[0, 0]).all(axis=-1).sum() == 399
