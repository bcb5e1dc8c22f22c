"""The weave of a drawn cloth, known by construction, under other folds, light, sizes and lenses."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.domain.geometry import Extent
from engine.domain.picture import Picture
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.samples import GarmentSamples, garment_samples
from engine.imaging.color.spaces import lab_to_pixels
from engine.imaging.color.transfer import fit_transfer
from engine.imaging.color.weave import WeavePair, measure_weaves

Photograph = tuple[Picture, np.ndarray]
"""With its garment mask, ``(H, W)`` uint8."""

SIZE = Extent(480, 640)


def cloth_lightness(
    weave: float, folds: float, *, lightness: float = 50, seed: int = 1, fold_seed: int = 2
) -> np.ndarray:
    """``(640, 480)`` L of a cloth: threads of about a pixel and folds of about twelve, as standard deviations."""

    def noise(sigma: float, number: int) -> np.ndarray:
        field = np.random.default_rng(number).standard_normal((SIZE.height, SIZE.width))
        field = cv2.GaussianBlur(field, (0, 0), sigma)
        return field / field.std()

    return np.clip(lightness + weave * noise(0.8, seed) + folds * noise(12, fold_seed), 2, 98)


def garment(lightness: np.ndarray, *, a: float = 4, b: float = -6, blur: float = 0) -> Photograph:
    """A photograph of the cloth, cut as an ellipse, on white."""
    alpha = np.zeros((SIZE.height, SIZE.width), np.uint8)
    cv2.ellipse(alpha, (SIZE.width // 2, SIZE.height // 2), (190, 280), 0, 0, 360, 255, -1)
    scale = (lightness + 16) / (lightness.mean() + 16)
    lab = np.where(alpha[..., None] > 0, np.stack([lightness, a * scale, b * scale], axis=-1), (97.0, 0.0, 0.0))
    pixels = lab_to_pixels(lab.astype(np.float32), None, np.uint8)
    return Picture(np.asarray(cv2.GaussianBlur(pixels, (0, 0), blur) if blur else pixels)), alpha


def samples(photograph: Photograph) -> GarmentSamples:
    return garment_samples(*photograph, "garment")


def weaves(worn: Photograph, flat: Photograph) -> WeavePair | None:
    return measure_weaves(*worn, samples(worn).box, *flat, samples(flat).box)


def measured(worn: Photograph, flat: Photograph) -> WeavePair:
    pair = weaves(worn, flat)
    assert pair is not None
    return pair


FLATLAY = garment(cloth_lightness(5, 2))


def test_one_cloth_under_other_folds_and_light_has_one_weave() -> None:
    pair = measured(garment(cloth_lightness(5, 8, lightness=35, seed=5, fold_seed=6), a=40, b=30), FLATLAY)
    assert pair.gain == pytest.approx(1, abs=0.08)
    assert pair.disagreement < 1.2
    assert pair.credibility == pytest.approx(0.7)


def test_the_size_of_the_photograph_does_not_count() -> None:
    """Twice the pixels show finer threads; at one size of the garment the weaves compare."""
    picture, alpha = FLATLAY
    larger = Picture(cv2.resize(picture.pixels, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
    pair = measured((larger, cv2.resize(alpha, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)), FLATLAY)
    assert pair.gain == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("factor", [0.5, 0.33])
def test_a_coat_of_colour_that_flattens_the_cloth_gives_the_gain_and_no_doubt(factor: float) -> None:
    pair = measured(garment(50 + factor * (cloth_lightness(5, 8, fold_seed=6) - 50)), FLATLAY)
    assert pair.gain == pytest.approx(1 / factor, rel=0.1)
    assert pair.disagreement < 2.5


def test_harder_light_on_the_folds_gives_no_doubt() -> None:
    assert measured(garment(cloth_lightness(5, 16, fold_seed=6)), FLATLAY).disagreement < 1.2


@pytest.mark.parametrize("smooth_is_worn", [True, False])
def test_another_cloth_is_told_whichever_photograph_shows_it(smooth_is_worn: bool) -> None:
    tweed, shirting = garment(cloth_lightness(8, 3)), garment(cloth_lightness(0.3, 3, fold_seed=6))
    pair = measured(shirting, tweed) if smooth_is_worn else measured(tweed, shirting)
    assert pair.disagreement > 5
    assert pair.credibility == 0


def test_a_photograph_out_of_focus_says_nothing_about_the_cloth() -> None:
    pair = measured(garment(cloth_lightness(8, 3), blur=2), garment(cloth_lightness(8, 3)))
    assert not pair.worn.is_sharp
    assert pair.flat.is_sharp
    assert pair.disagreement == 1
    assert pair.credibility == 0


def test_a_smooth_cloth_has_no_say_in_the_contrast() -> None:
    assert measured(garment(cloth_lightness(0.4, 6)), garment(cloth_lightness(0.4, 2))).credibility == 0


def test_a_garment_of_a_few_pixels_shows_no_weave() -> None:
    picture, alpha = FLATLAY
    small = Picture(cv2.resize(picture.pixels, (60, 80), interpolation=cv2.INTER_AREA))
    assert weaves((small, cv2.resize(alpha, (60, 80), interpolation=cv2.INTER_NEAREST)), FLATLAY) is None


def test_a_close_up_is_not_compared() -> None:
    picture, alpha = FLATLAY
    near = (slice(200, 440), slice(120, 360))
    assert weaves((Picture(picture.pixels[near].copy()), alpha[near].copy()), FLATLAY) is None


def test_the_weave_sets_the_contrast_that_folds_would_get_wrong() -> None:
    """On a body the cloth lies in deep folds and, as in published pairs, as light as the flatlay at its lightest."""
    truth = cloth_lightness(5, 8, lightness=47, seed=5, fold_seed=6)
    worn = garment(50 + 0.5 * (truth - 47), a=20, b=10)
    pair = measured(worn, FLATLAY)
    source, flat, right = (samples(photograph).lab for photograph in (worn, FLATLAY, garment(truth)))
    folds, woven = fit_transfer(source, flat), fit_transfer(source, flat, weaves=pair)
    assert abs(woven.lightness.gain - 2) < 0.5 * abs(folds.lightness.gain - 2)
    assert delta_E_2000(woven(source), right).mean() < 0.8 * delta_E_2000(folds(source), right).mean()
