"""How far a picture that was edited again and again is from the first one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.benchmark import Drift
from engine.domain.errors import KnownError
from engine.domain.geometry import Box, Extent
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.spaces import pixels_to_lab
from engine.imaging.metrics.structure import LEAST_SIDE, structural_similarity
from engine.imaging.placement import border_color, covered, place_in, to_canvas

if TYPE_CHECKING:
    from engine.domain.picture import Picture
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


class DriftWatch:
    """Measures a task's rounds against the picture as the model was shown it first, without the padding.

    Parameters
    ----------
    picture : Picture
        The task's own, 8-bit sRGB.
    first_round : ndarray
        ``(h, w, 3)`` uint8 sRGB, what the first round made, at the model's size.

    Attributes
    ----------
    canvas : ndarray
        ``(h, w, 3)`` uint8 sRGB: the picture as the model was shown it.

    Raises
    ------
    KnownError
        The picture is too long and thin; names it.
    """

    def __init__(self, picture: Picture, first_round: NDArray[np.uint8]) -> None:
        rgb = np.asarray(picture.pixels, np.uint8)
        canvas = Extent(first_round.shape[1], first_round.shape[0])
        placement = place_in(picture.extent, Box.whole(picture.extent), canvas, Box.whole(canvas))
        box = covered(placement)
        if min(box.extent.width, box.extent.height) < LEAST_SIDE:
            raise KnownError(
                f"its {picture.extent} pixels are too long and thin to be measured",
                remedy="Leave it out.",
                path=picture.path,
            )
        self._shown = np.s_[box.top : box.bottom, box.left : box.right]
        self.canvas = to_canvas(rgb, placement, border_color(rgb))
        self._first = first_picture(self.canvas[self._shown], first_round[self._shown])

    def drift(self, pixels: NDArray[np.uint8]) -> Drift:
        """How far a round's picture ``(h, w, 3)`` uint8 sRGB is from the first one."""
        return drift(self._first, pixels[self._shown])
