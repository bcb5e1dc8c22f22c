"""A colour guide is judged before and after it sways a match; drawn garments, whose true colour is known."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.domain.geometry import Extent
from engine.domain.picture import ColorGuide, Picture
from engine.domain.requests import Tolerance
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.match import MatchedPicture, match_garment
from engine.imaging.color.spaces import lab_to_pixels, pixels_to_lab
from engine.imaging.drawn import ColorCast, Framing, draw_scene
from engine.imaging.drawn.scene import DrawnScene
from engine.worker.matching import MatchedPair, match_pair

Rgb = NDArray[np.uint8]

# A garment whose light the flatlay does not tell: the match without a guide leaves it too dark.
SEED, CAST = 93_000_017, ColorCast(dL=-5, chroma=0.9, dh=10, da=6, db=-5)
EXTENT = Extent(320, 400)


@cache
def drawn(seed: int = SEED) -> DrawnScene:
    return draw_scene(seed, EXTENT, cast=CAST, framing=Framing.UPPER)


def match(guide: Rgb | None, *, covered: NDArray[np.bool_] | None = None) -> MatchedPicture:
    scene = drawn()
    return match_garment(
        Picture(scene.on_model, path=Path("figure.png")),
        scene.garment_mask,
        Picture(scene.flatlay, path=Path("flatlay.png")),
        scene.flatlay_mask,
        None if guide is None else ColorGuide(guide, {"seed": 7}, covered),
    )


def error(pixels: Rgb | NDArray[np.uint16]) -> float:
    """Mean ΔE00 of the garment's pixels to the truth."""
    scene = drawn()
    inside = cv2.erode(scene.garment_mask, np.ones((3, 3), np.uint8)) > 127
    one, two = (pixels_to_lab(rgb[inside][None], None)[0] for rgb in (pixels, scene.truth))
    return float(delta_E_2000(one, two).mean())


def in_garment(painted: Rgb) -> Rgb:
    """``painted`` where the garment is, everything else as it was photographed."""
    scene = drawn()
    share = scene.garment_mask[..., None] / 255
    return np.rint(scene.on_model * (1 - share) + painted * share).astype(np.uint8)


def shifted(rgb: Rgb, across: float, down: float) -> Rgb:
    matrix = np.array([[1, 0, across], [0, 1, down]], np.float64)
    size = EXTENT.width, EXTENT.height
    return np.asarray(cv2.warpAffine(rgb, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def recoloured(dL: float, turn: float = 0.0) -> Rgb:
    """The truth with its garment lighter, and its hue turned by degrees."""
    lab = pixels_to_lab(drawn().truth, None)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    L, a, b = np.moveaxis(lab, -1, 0)
    moved = np.stack([L + dL, a * cos - b * sin, a * sin + b * cos], axis=-1)
    return in_garment(np.asarray(lab_to_pixels(moved.astype(np.float32), None, np.uint8), np.uint8))


def noisy(deviation: float) -> Rgb:
    random = np.random.default_rng(1)
    return np.clip(drawn().truth + random.normal(0, deviation, drawn().truth.shape), 0, 255).astype(np.uint8)


def roughly_painted() -> Rgb:
    """The truth as a small model paints it: broad fields of wrong colour, in the garment and around it."""
    random = np.random.default_rng(2)
    height, width = drawn().truth.shape[:2]
    field = cv2.GaussianBlur(random.standard_normal((height, width, 3)), (0, 0), 40)
    field *= 7 / field.std(axis=(0, 1))
    lab = pixels_to_lab(drawn().truth, None) + field
    return np.asarray(lab_to_pixels(lab.astype(np.float32), None, np.uint8), np.uint8)


def compressed() -> Rgb:
    done, code = cv2.imencode(".jpg", drawn().truth, [cv2.IMWRITE_JPEG_QUALITY, 75])
    assert done
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)


GOOD = {
    "the truth": lambda: drawn().truth,
    "noisy": lambda: noisy(5),
    "a pixel off": lambda: shifted(drawn().truth, 1, -1),
    "compressed": compressed,
    "half as large": lambda: np.asarray(cv2.resize(drawn().truth, (160, 200), interpolation=cv2.INTER_AREA), np.uint8),
}

BAD = {
    "another garment": (lambda: in_garment(drawn(SEED + 2).truth), ""),
    "elsewhere": (lambda: shifted(drawn().truth, 45, 20), ""),
    "blurred": (lambda: np.asarray(cv2.GaussianBlur(drawn().truth, (0, 0), 25), np.uint8), ""),
    "painted roughly": (roughly_painted, ""),
    "filled with one colour": (
        lambda: in_garment(
            np.broadcast_to(np.median(drawn().truth[drawn().garment_mask > 250], 0), drawn().truth.shape)
        ),
        "folds",
    ),
    "much too light": (lambda: recoloured(20), "L lighter than was measured"),
    "much too dark": (lambda: recoloured(-20), "L darker than was measured"),
    "of another hue": (lambda: recoloured(0, 60), "flatlay"),
    "of noise": (
        lambda: np.random.default_rng(3).integers(0, 256, drawn().truth.shape).astype(np.uint8),
        "",
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_guide_is_kept_and_helps(name: str) -> None:
    plain, guided = match(None), match(GOOD[name]())
    assert guided.guided
    assert guided.strategy == "transport + guide"
    assert "guide_set_aside" not in guided.provenance
    assert error(plain.pixels) > 2.5
    assert error(guided.pixels) < 0.8 * error(plain.pixels)
    assert not any("guide" in notice for notice in guided.notices)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_guide_is_set_aside_and_costs_nothing(name: str) -> None:
    painted, why = BAD[name]
    result = match(painted())
    assert not result.guided
    assert result.strategy == "transport"
    assert np.array_equal(result.pixels, match(None).pixels)
    assert why in str(result.provenance["guide_set_aside"])
    assert result.notices.count(f"The colour guide was set aside: {result.provenance['guide_set_aside']}.") == 1
    assert result.provenance["guide_seed"] == 7


def test_the_rougher_the_painting_around_the_garment_the_less_it_counts() -> None:
    scene = drawn()
    outside = scene.garment_mask == 0
    weights = []
    for dL in (0.0, 2.0, 4.0):
        lab = pixels_to_lab(scene.truth, None)
        lab[outside, 0] -= dL
        figures = match(np.asarray(lab_to_pixels(lab, None, np.uint8), np.uint8)).provenance
        assert float(figures["guide_stray"]) == pytest.approx(dL, abs=0.6)
        weights.append(float(figures["guide_weight"]))
    assert 0.5 >= weights[0] > 1.1 * weights[1] > 1.1 * weights[2] > 0


def test_a_guide_that_shows_the_garment_alone_is_judged_by_its_folds() -> None:
    covered = cv2.dilate(drawn().garment_mask, np.ones((3, 3), np.uint8)) > 0
    figures = match(roughly_painted(), covered=covered).provenance
    assert figures["guide_stray"] == 0
    assert float(figures["guide_likeness"]) < 0.9
    assert match(drawn().truth, covered=covered).guided


def test_a_guide_with_which_the_match_overshoots_is_left_out() -> None:
    """A photograph that is nearly right already: half of what the guide is off is more than all that was wrong."""
    scene = drawn()
    lab = pixels_to_lab(scene.truth, None)
    lab[..., 1] += np.float32(0.8)
    nearly = in_garment(np.asarray(lab_to_pixels(lab, None, np.uint8), np.uint8))
    photo = Picture(nearly, path=Path("figure.png"))
    flat = scene.truth  # lit as the photograph, so that nothing but the cast is wrong
    guide = ColorGuide(recoloured(4), {})

    def matched(guide: ColorGuide | None) -> MatchedPicture:
        return match_garment(photo, scene.garment_mask, Picture(flat), scene.garment_mask, guide)

    plain, guided = matched(None), matched(guide)
    assert plain.strength == 1
    assert guided.provenance["guide_set_aside"] == "with it the correction overshoots"
    assert np.array_equal(guided.pixels, plain.pixels)


def test_a_guided_match_that_does_not_pass_yields_to_an_unguided_one_that_does() -> None:
    scene = drawn()
    on_model = Picture(scene.on_model, path=Path("figure.png"))
    flatlay = Picture(scene.flatlay, alpha=scene.flatlay_mask, path=Path("flatlay.png"))
    guide = ColorGuide(recoloured(-8), {})  # darker than the flatlay, within what another light makes of it

    def matched(guide: ColorGuide | None, tolerance: Tolerance) -> MatchedPair:
        return match_pair(on_model, flatlay, scene.garment_mask, guide, tolerance)

    # The loop judges lightness at half the weight of the reports: these are the figures that it goes by.
    wide = Tolerance(passes=20, warns=30, k_L=2.0)
    kept, plain = matched(guide, wide), matched(None, wide)
    assert kept.matched.guided
    assert kept.after.delta_E > plain.after.delta_E + 0.2
    between = (kept.after.delta_E + plain.after.delta_E) / 2
    strict = matched(guide, Tolerance(passes=between, warns=between + 5))
    assert not strict.matched.guided
    assert strict.matched.provenance["guide_set_aside"] == "without it the match measures better against the flatlay"
    assert np.array_equal(strict.matched.pixels, plain.matched.pixels)
