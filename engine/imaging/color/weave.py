"""How strongly a cloth's weave shows in two photographs of one garment, at the same size of the garment.

Folds and light differ between a flatlay and a body; the cloth does not. On 24 published pairs of a textured garment the
weave of the true photograph is as strong as the flatlay's (the logarithm of the ratio is -0.02 on average, its standard
deviation 0.26); the contrast of L as a whole differs by 0.39.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.imaging.color.samples import resized
from engine.imaging.color.spaces import pixels_to_lab

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.geometry import Box
    from engine.domain.picture import Alpha, Picture
    from engine.imaging.color.icc import Floats

_SIDE = 320.0
"""Square root of the garment's area in pixels while its weave is measured: a coarse knit and a herringbone are still
drawn, and photographs of half a megapixel reach it. Between 200 and 450 the outcome is alike."""

_SMALLEST_SIDE = 100.0
"""Below this even a cable knit is lost, and there is nothing to compare."""

_CUT = 1.0
"""Length along which the frame cuts the garment, in square roots of its area: at the waist it is 0.5 to 0.8. A close-up
cut by more shows its cloth larger than the flatlay does."""

_FLOOR = 0.3
"""L that rounding to 8 bit and the JPEG code leave of a smooth cloth; added before a ratio is taken."""

_SHARP = 0.65
"""Contrast of the outline within one pixel against that within two to four. Sharp photographs measure 0.7 to 1.6; one
blurred by a pixel 0.57, and what it shows of a weave says nothing about the cloth."""

_FAINT, _PLAIN_TO_SEE = 1.0, 2.0
"""Fine contrast of L on the flatlay: below the first it is folds and noise as much as weave, from the second on the
weave speaks."""

_MOST_CREDIBLE = 0.7
"""The weave's share of the evidence, by inverse variances: deviations of 0.26 for it and 0.39 for all contrast of L."""

DIFFERENT_CLOTH = 2.5
"""Factor between two weaves that no published pair reaches (the most is 2.2, recoloured photographs included)."""


@dataclass(frozen=True, slots=True)
class Weave:
    """Contrast of L inside a garment, at two scales.

    Attributes
    ----------
    fine : float
        Robust standard deviation of L against its surroundings of one pixel: the weave.
    coarse : float
        The same between surroundings of four and eight pixels: folds, and the light on them.
    sharpness : float
        Contrast of the garment's outline within one pixel against that within two to four.
    """

    fine: float
    coarse: float
    sharpness: float

    @property
    def is_sharp(self) -> bool:
        """Whether a missing weave is the cloth's, not the lens's."""
        return self.sharpness >= _SHARP


@dataclass(frozen=True, slots=True)
class WeavePair:
    """The weave on the model and on the flatlay, measured at the same size of the garment."""

    worn: Weave
    flat: Weave

    @property
    def gain(self) -> float:
        """Contrast of L that gives the garment on the model the flatlay's weave."""
        return self.flat.fine / max(self.worn.fine, 1e-3)

    @property
    def credibility(self) -> float:
        """The weave's share, 0 to 1, of what is known about the contrast of L; 0 where nothing is woven visibly."""
        if not (self.worn.is_sharp and self.flat.is_sharp) or self.disagreement > DIFFERENT_CLOTH:
            return 0.0
        seen = (self.flat.fine - _FAINT) / (_PLAIN_TO_SEE - _FAINT)
        return _MOST_CREDIBLE * float(np.clip(seen, 0, 1))

    @property
    def disagreement(self) -> float:
        """Factor >= 1 by which the weaves differ, whatever was done to the contrast of either photograph.

        The smaller one of two: the weave's ratio, and the ratio of weave to folds. A coat of colour that flattens both
        moves the first only, harder light on the folds the second only. 1 where one of them points the other way, or
        where the smoother photograph is not sharp.
        """
        fine, coarse = (
            float(np.log((worn + _FLOOR) / (flat + _FLOOR)))
            for worn, flat in ((self.worn.fine, self.flat.fine), (self.worn.coarse, self.flat.coarse))
        )
        relative = fine - coarse
        if fine * relative <= 0 or not (self.flat if fine > 0 else self.worn).is_sharp:
            return 1.0
        return float(np.exp(min(abs(fine), abs(relative))))


def measure_weaves(
    on_model: Picture, alpha: Alpha, box: Box, flatlay: Picture, flatlay_alpha: Alpha, flatlay_box: Box
) -> WeavePair | None:
    """Compare the weave of the garment in two photographs.

    Parameters
    ----------
    on_model, flatlay : Picture
        Any RGB profile.
    alpha, flatlay_alpha : ndarray
        ``(H, W)`` uint8, 255 = garment, of the photographs' sizes.
    box, flatlay_box : Box
        Around either garment with a small margin, see `engine.imaging.color.samples.GarmentSamples`.

    Returns
    -------
    WeavePair or None
        None where either garment is too small or too narrow to show a weave, or is a close-up.

    References
    ----------
    P. J. Burt, E. H. Adelson, "The Laplacian pyramid as a compact image code", IEEE Transactions on Communications
    31(4), 1983.
    """
    sides = [_side(alpha, box), _side(flatlay_alpha, flatlay_box)]
    side = min(_SIDE, *sides)
    if side < _SMALLEST_SIDE or _cut(alpha) > _CUT * sides[0] or _cut(flatlay_alpha) > _CUT * sides[1]:
        return None
    worn = _measure(on_model, alpha, box, side / sides[0])
    flat = _measure(flatlay, flatlay_alpha, flatlay_box, side / sides[1])
    return WeavePair(worn, flat) if worn is not None and flat is not None else None


def _side(alpha: Alpha, box: Box) -> float:
    return float(np.sqrt(np.count_nonzero(alpha[box.top : box.bottom, box.left : box.right] > 127)))


def _cut(alpha: Alpha) -> int:
    """Pixels of the garment at the frame."""
    return sum(int(np.count_nonzero(edge > 127)) for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]))


def _measure(picture: Picture, alpha: Alpha, box: Box, scale: float) -> Weave | None:
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    size = (max(1, round(box.extent.width * scale)), max(1, round(box.extent.height * scale)))
    pixels, small = resized(picture.pixels[rows, columns], size), resized(alpha[rows, columns], size)
    lightness = np.ascontiguousarray(pixels_to_lab(pixels, picture.icc, picture.path)[..., 0])
    solid = cv2.erode((small >= 250).astype(np.uint8), np.ones((3, 3), np.uint8))
    inside = solid > 0
    if np.count_nonzero(inside) < 0.25 * size[0] * size[1] * float((small > 127).mean()):
        return None  # lace, straps, fringes: all edge
    weight = solid.astype(np.float32)
    one, four, eight = (_blurred(lightness, weight, sigma) for sigma in (1, 4, 8))
    return Weave(_spread((lightness - one)[inside]), _spread((four - eight)[inside]), _sharpness(lightness, small))


def _blurred(lightness: Floats, weight: Floats, sigma: float) -> Floats:
    """Mean around each pixel over the garment only (normalised convolution)."""
    total = cv2.GaussianBlur(lightness * weight, (0, 0), sigma)
    return np.asarray(total / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3), np.float32)


def _spread(values: NDArray[np.floating]) -> float:
    """A standard deviation from the 5th and 95th percentiles: seams and buttons are few."""
    low, high = np.percentile(values, [5, 95])
    return float(high - low) / 3.29


def _sharpness(lightness: Floats, alpha: Alpha) -> float:
    garment = (alpha > 127).astype(np.uint8)
    around = np.ones((7, 7), np.uint8)
    outline = cv2.dilate(garment, around) > cv2.erode(garment, around)
    if not outline.any():
        return 0.0  # the garment fills the frame
    one, two, four = (cv2.GaussianBlur(lightness, (0, 0), sigma) for sigma in (1, 2, 4))
    fine, coarse = (float(np.percentile(np.abs(d)[outline], 95)) for d in (lightness - one, two - four))
    return fine / max(coarse, 0.5)
