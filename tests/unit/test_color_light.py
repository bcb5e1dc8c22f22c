"""Whether a photograph's own lightness is believed, on drawn folds with a known light."""

from __future__ import annotations

import numpy as np
import pytest

from engine.imaging.color.light import lightness_credibility


def garment(lightness: float, contrast: float, a: float = 10.0, b: float = -20.0) -> np.ndarray:
    """``(4000, 3)`` Lab of one colour over folds; ``contrast`` is the standard deviation of L."""
    rng = np.random.default_rng(3)
    L = np.clip(lightness + contrast * rng.standard_normal(4000), 1, 99)
    scale = (L + 16) / (lightness + 16)
    return np.stack([L, a * scale, b * scale], axis=1).astype(np.float32)


FLATLAY = garment(50, 4)


def test_the_flatlays_own_garment_under_a_models_light_is_believed() -> None:
    assert lightness_credibility(garment(48, 6.5), FLATLAY) > 0.9


@pytest.mark.parametrize(
    ("worn", "why"),
    [
        (garment(80, 6.5), "far too light"),
        (garment(20, 6.5), "far too dark"),
        (garment(48, 0.8), "its folds were flattened by a coat of colour"),
        (garment(48, 6.5, a=60, b=40), "it was recoloured altogether"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_photograph_that_no_light_explains_is_not_believed(worn: np.ndarray, why: str) -> None:
    assert lightness_credibility(worn, FLATLAY) < 0.1, why


def test_belief_falls_steadily_with_the_distance() -> None:
    beliefs = [lightness_credibility(garment(50 + distance, 6.5), FLATLAY) for distance in (0, 5, 10, 15, 20)]
    assert beliefs == sorted(beliefs, reverse=True)
    assert beliefs[0] - beliefs[-1] > 0.8


def test_a_picture_without_any_contrast_has_an_answer() -> None:
    flat = np.tile(np.float32([50, 0, 0]), (100, 1))
    assert 0 <= lightness_credibility(flat, flat) <= 1
