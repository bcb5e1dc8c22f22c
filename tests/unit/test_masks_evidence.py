from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.imaging.masks.background import to_lab
from engine.imaging.masks.evidence import Appearance, appearance_of, likeness

Colour = tuple[int, int, int]


def cloth(
    first: Colour, second: Colour | None = None, *, size: tuple[int, int] = (200, 150), seed: int = 0
) -> Appearance:
    """A rectangle of one cloth with folds, its lower half of a second one where given."""
    height, width = size
    picture = np.empty((300, 240, 3), np.float32)
    picture[:] = first
    if second is not None:
        picture[20 + height // 2 :] = second
    shade = 1.0 + 0.05 * np.sin(np.arange(240) / 9.0 + seed)
    noisy = picture * shade[None, :, None] + np.random.default_rng(seed).normal(0, 1.5, picture.shape)
    mask = np.zeros((300, 240), bool)
    mask[20 : 20 + height, 20 : 20 + width] = True
    return appearance_of(to_lab(np.clip(noisy, 0, 255).astype(np.uint8)), mask)


def test_a_cast_costs_less_than_a_second_cloth() -> None:
    flatlay = cloth((60, 110, 70))
    same, recoloured = cloth((60, 110, 70), seed=1), cloth((95, 105, 70), seed=1)
    with_another = cloth((60, 110, 70), (40, 40, 60), seed=1)
    assert likeness(flatlay, same) > -0.2
    assert likeness(flatlay, with_another) < likeness(flatlay, recoloured) - 1.0 < likeness(flatlay, same) - 1.0


def test_one_cast_explains_both_cloths_of_a_garment_and_not_one_of_them_alone() -> None:
    flatlay = cloth((160, 60, 60), (60, 60, 60))
    whole, half = cloth((160, 60, 90), (60, 60, 85), seed=1), cloth((160, 60, 90), size=(100, 150), seed=1)
    assert likeness(flatlay, whole) > likeness(flatlay, half) + 2.0


@pytest.mark.parametrize("size", [(280, 100), (100, 210)])
def test_proportions_that_the_flatlay_does_not_have_count_against(size: tuple[int, int]) -> None:
    flatlay = cloth((60, 110, 70))
    assert likeness(flatlay, cloth((60, 110, 70), size=size, seed=1)) < likeness(flatlay, cloth((60, 110, 70))) - 1.0


def test_a_shoe_of_the_same_colour_hardly_changes_the_proportions() -> None:
    lab = to_lab(cv2.GaussianBlur(np.full((300, 240, 3), 90, np.uint8), (0, 0), 1.0))
    skirt = np.zeros((300, 240), bool)
    skirt[50:150, 60:180] = True
    with_shoe = skirt.copy()
    with_shoe[280:290, 100:115] = True
    assert appearance_of(lab, with_shoe).fullness == pytest.approx(appearance_of(lab, skirt).fullness, rel=0.1)
