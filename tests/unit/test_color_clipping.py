"""Overexposed garments are announced, and keep one colour where they hold none."""

from __future__ import annotations

import numpy as np
import pytest

from engine.domain.picture import Picture
from engine.domain.requests import Tolerance
from engine.imaging.color.clipping import clipped_share, clipping_notices
from engine.imaging.color.spaces import pixels_to_lab
from engine.worker.matching import match_pair

SIDE = 200


def garment(color: tuple[float, float, float], dtype: type = np.uint8) -> tuple[Picture, np.ndarray]:
    """A square of cloth under slanting light on grey, sRGB codes 0 to 255 before they are clipped, and its mask."""
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    alpha[20:-20, 20:-20] = 255
    light = np.linspace(0.8, 1.2, SIDE)[None, :, None]
    weave = 1 + 0.02 * np.random.default_rng(0).standard_normal((SIDE, SIDE, 1))
    codes = np.where(alpha[..., None] > 0, np.array(color) * light * weave, [178, 182, 184])
    top = np.iinfo(dtype).max
    return Picture(np.rint(np.clip(codes, 0, 255) / 255 * top).astype(dtype)), alpha


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_share_is_that_of_the_drawn_light(dtype: type) -> None:
    # Light runs from 0.8 to 1.2: 255 / 1.0 is reached half-way, for the red channel alone.
    picture, alpha = garment((255, 120, 90), dtype)
    assert clipped_share(picture, alpha) == pytest.approx(0.5, abs=0.05)
    assert clipped_share(*garment((180, 180, 175), dtype)) == 0
    assert clipped_share(picture, np.zeros_like(alpha)) == 0


def test_each_overexposed_garment_has_its_sentence_and_a_good_one_has_none() -> None:
    good, blown = garment((200, 190, 180)), garment((270, 270, 268))
    assert clipping_notices(*good, *good) == ()
    (worn,) = clipping_notices(*blown, *good)
    assert "of the garment is overexposed" in worn
    (reference,) = clipping_notices(*good, *blown)
    assert "of the garment on the flatlay is overexposed" in reference


@pytest.mark.parametrize("color", [(245, 245, 245), (262, 250, 236)], ids=["neutral", "warm"])
def test_a_blown_out_white_takes_the_flatlays_white_in_one_even_tone(color: tuple[float, float, float]) -> None:
    photo, alpha = garment(color)
    flatlay, flat_alpha = garment((196, 194, 188))
    flatlay = Picture(flatlay.pixels, alpha=flat_alpha)
    matched = match_pair(photo, flatlay, alpha, None, Tolerance()).matched.pixels
    clipped = (photo.pixels == 255).all(axis=-1) & (alpha == 255)
    assert clipped.mean() > 0.1
    # Where the photograph is one code value the result is one: no bands, no noise.
    inner = np.s_[25:-25, 25:-25]  # inside the feathered edge
    assert len(np.unique(matched[inner][clipped[inner]], axis=0)) == 1
    # And no tint: it is as near to neutral as the flatlay's own white.
    chroma = np.hypot(*np.moveaxis(pixels_to_lab(matched, None)[clipped][..., 1:], -1, 0)).max()
    assert chroma < 6
