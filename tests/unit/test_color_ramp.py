"""No banding: a garment that is one smooth gradient of light stays one, in 16 bit and in 8."""

from __future__ import annotations

import numpy as np
import pytest

from engine.domain.picture import Picture
from engine.domain.requests import Tolerance
from engine.imaging.color.icc import rommrgb_profile
from engine.imaging.color.spaces import lab_to_pixels
from engine.imaging.raster.depth import with_bit_depth
from engine.worker.matching import match_pair

HEIGHT, WIDTH, MARGIN = 96, 1100, 50
LINE = np.s_[HEIGHT // 2, MARGIN + 4 : WIDTH - MARGIN - 4]
"""One row of the garment, inside its feathered edge."""

Tint = tuple[float, float]
CASTS: list[tuple[Tint, Tint, Tint]] = [
    ((12, 6), (22, -8), (25, 75)),
    ((0.5, 0), (5, -8), (20, 88)),
    ((25, 15), (8, 5), (20, 70)),
    ((3, -22), (-10, -8), (20, 75)),
]
"""a and b at L = 50 of the worn garment and of the flatlay's, and the range of L; all inside sRGB."""


def ramp(tint: Tint, bounds: Tint, dtype: type, icc: bytes | None = None) -> tuple[Picture, np.ndarray]:
    """Cloth of one chromaticity under light that rises evenly in L from left to right, and its mask."""
    lightness = np.linspace(*bounds, WIDTH - 2 * MARGIN, dtype=np.float32)
    shade = (lightness + 16) / 66
    lab = np.empty((HEIGHT, WIDTH, 3), np.float32)
    lab[:] = (92, -1, -3)
    lab[12:-12, MARGIN:-MARGIN] = np.stack([lightness, tint[0] * shade, tint[1] * shade], axis=-1)
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[12:-12, MARGIN:-MARGIN] = 255
    return Picture(lab_to_pixels(lab, icc, dtype), icc=icc), alpha


def matched(photo: Picture, alpha: np.ndarray, flatlay: tuple[Picture, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """One line of the garment before and after the match, ``(n, 3)`` int64."""
    reference = Picture(flatlay[0].pixels, icc=flatlay[0].icc, alpha=flatlay[1])
    result = match_pair(photo, reference, alpha, None, Tolerance())
    assert result.after.delta_E < result.before.delta_E, "nothing was done"
    pixels = result.matched.pixels
    assert pixels.dtype == photo.pixels.dtype
    return photo.pixels[LINE].astype(int), pixels[LINE].astype(int)


def local_median(steps: np.ndarray, reach: int = 15) -> np.ndarray:
    return np.array([np.median(steps[max(0, at - reach) : at + reach + 1]) for at in range(len(steps))])


@pytest.mark.parametrize("icc", [None, rommrgb_profile()], ids=["srgb", "prophoto"])
@pytest.mark.parametrize(("worn", "wanted", "bounds"), CASTS)
def test_sixteen_bits_keep_every_level_and_rise_evenly(
    worn: Tint, wanted: Tint, bounds: Tint, icc: bytes | None
) -> None:
    photo, alpha = ramp(worn, bounds, np.uint16, icc)
    before, after = matched(photo, alpha, ramp(wanted, bounds, np.uint16, icc))
    for channel in range(3):
        levels = len(np.unique(before[:, channel]))
        assert levels == len(before), "the drawn ramp itself has a step for every pixel"
        steps = np.diff(after[:, channel])
        assert steps.min() > 0, "every level is kept, in its order"
        # A band is a run of small steps and then a large one; the slope itself changes over dozens of pixels.
        trend = local_median(steps)
        assert (np.abs(steps - trend) <= 0.5 * trend).all()


@pytest.mark.parametrize(("worn", "wanted", "bounds"), CASTS)
def test_eight_bits_make_no_step_larger_than_their_slope(worn: Tint, wanted: Tint, bounds: Tint) -> None:
    photo, alpha = ramp(worn, bounds, np.uint8)
    before, after = matched(photo, alpha, ramp(wanted, bounds, np.uint8))
    for channel in range(3):
        kept = len(np.unique(after[:, channel]))
        stretched = np.ptp(after[:, channel]) / np.ptp(before[:, channel])
        # A channel that is compressed can hold no more levels than its new range has.
        assert kept >= 0.95 * min(1.0, stretched) * len(np.unique(before[:, channel]))
        steps = np.diff(after[:, channel])
        assert steps.max() <= np.ceil(stretched) + 1
        # A channel answers to all three; where another one steps first, it may fall back by a rounding.
        assert steps.min() >= -1


@pytest.mark.parametrize(("worn", "wanted", "bounds"), CASTS[:2])
def test_eight_bits_written_at_sixteen_are_not_rounded_back(worn: Tint, wanted: Tint, bounds: Tint) -> None:
    photo, alpha = ramp(worn, bounds, np.uint8)
    flatlay = ramp(wanted, bounds, np.uint8)
    _, coarse = matched(photo, alpha, flatlay)
    before, fine = matched(with_bit_depth(photo, 16), alpha, flatlay)
    colors = len(np.unique(before, axis=0))
    for channel in range(3):
        levels = len(np.unique(fine[:, channel]))
        assert levels > len(np.unique(coarse[:, channel]))
        assert levels >= 0.9 * colors, "nearly every colour of the photograph has a value of its own"
