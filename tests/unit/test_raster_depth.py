"""Changing a picture's bit depth."""

from __future__ import annotations

import numpy as np
import pytest

from engine.domain.picture import Picture
from engine.imaging.raster.depth import with_bit_depth

EVERY = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)


def test_every_value_comes_back_from_16_bits() -> None:
    wide = with_bit_depth(Picture(EVERY), 16)
    assert wide.pixels.dtype == np.uint16
    assert wide.pixels[0, 255, 0] == 65535
    assert np.array_equal(with_bit_depth(wide, 8).pixels, EVERY)


def test_narrowing_rounds_to_the_nearest() -> None:
    values = np.array([0, 128, 129, 385, 386, 65535], np.uint16)
    narrow = with_bit_depth(Picture(np.repeat(values[None, :, None], 3, axis=2)), 8)
    assert narrow.pixels[0, :, 0].tolist() == [round(int(v) / 257) for v in values]


def test_a_picture_that_has_the_depth_is_returned_itself() -> None:
    picture = Picture(EVERY)
    assert with_bit_depth(picture, 8) is picture
    with pytest.raises(ValueError, match="12"):
        with_bit_depth(picture, 12)
