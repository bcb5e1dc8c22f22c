"""How far a picture that was edited again and again is from the first one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.benchmark import Drift
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.spaces import pixels_to_lab
from engine.imaging.metrics.structure import structural_similarity

if TYPE_CHECKING:
    from engine.imaging.color.icc import Floats

UNTOUCHED = 5.0
"""ΔE00 up to which a place counts as left alone by the first round: a model's picture has been through its VAE, whose
copy of a photograph is some two ΔE00 off; a recoloured or replaced thing is ten and more."""

_BLUR = 2.0
"""Pixels: the VAE's redrawn threads and noise must not speak for what was meant."""

_LEAST = 0.01
"""Share of the picture below which nothing counts as left alone."""


@dataclass(frozen=True, slots=True, eq=False)
class FirstPicture:
    """The picture before the first round, and where that left it alone.

    Attributes
    ----------
    lab : ndarray
        ``(H, W, 3)`` float32 CIELAB.
    untouched : ndarray or None
        ``(H, W)`` bool; None where next to nothing was left alone.
    """

    lab: Floats
    untouched: NDArray[np.bool_] | None


def first_picture(rgb: NDArray[np.uint8], first_round: NDArray[np.uint8]) -> FirstPicture:
    """Note what the first round left alone: where both pictures, blurred, are within `UNTOUCHED`.

    Parameters
    ----------
    rgb, first_round : ndarray
        ``(H, W, 3)`` uint8 sRGB of one size.
    """
    one, two = (pixels_to_lab(np.asarray(cv2.GaussianBlur(picture, (0, 0), _BLUR), np.uint8), None)
                for picture in (rgb, first_round))  # fmt: skip
    untouched = delta_E_2000(one, two) <= UNTOUCHED
    return FirstPicture(pixels_to_lab(rgb, None), untouched if untouched.mean() >= _LEAST else None)


def drift(first: FirstPicture, rgb: NDArray[np.uint8]) -> Drift:
    """Measure a round's picture ``(H, W, 3)`` uint8 sRGB against the first one, pixel by pixel at its place."""
    lab = pixels_to_lab(rgb, None)
    apart = delta_E_2000(first.lab, lab)
    return Drift(
        delta_E=float(apart.mean(dtype=np.float64)),
        untouched=None if first.untouched is None else float(apart[first.untouched].mean(dtype=np.float64)),
        structure=structural_similarity(first.lab[..., 0], lab[..., 0]),
    )
