"""What a painted colour guide says about the garment, and how far it is believed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.errors import BugError
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.light import at_lightness
from engine.imaging.color.samples import GarmentSamples, grown, inner_region, resized, robust_mean
from engine.imaging.color.spaces import pixels_to_lab

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.geometry import Box, Extent
    from engine.domain.picture import Alpha, ColorGuide, Picture
    from engine.imaging.color.icc import Floats
    from engine.imaging.color.transfer import Transfer

_MOST_WEIGHT = 0.5
"""A guide at best counts as much as the flatlay: it knows the model's light, but it is painted, not measured."""

_MEASURED_ERROR = 3.7
"""Lab units that a match without a guide is off, in the mean colour: on 51 published pairs the root mean square is 3.4
in L and 1.7 (ΔE00) beside it. A guide that keeps everything else exactly is taken for as good."""

_REPAINTED = 1.5
"""How much farther off a garment is that a model has repainted than what it was to leave alone: 11.7 to 7.9 Lab units
on drawn garments."""

_AGREES, _CONTRADICTS = 2.5, 6.5
"""ΔE00 at equal lightness between the garment's mean after either transfer: below the first both are within a careful
eye's tolerance of each other, above the second they name different colours and the measured one counts."""

_SAME_LIGHT, _OTHER_LIGHT = 4.0, 10.0
"""The same for L: one and two and a half standard deviations of what light makes of it, see
`engine.imaging.color.light`. A guide may know the model's light better than the flatlay does, but not without limit."""

_HALF_HEARTED, _DOUBTFUL = 0.6, 4.0
"""Kontext often stops on the way: a guide that went less than 60 % of the way and ends ΔE00 4 off did."""

_NEGLIGIBLE = 0.05
"""A smaller share moves no garment by a visible step, whatever the guide asks for: it is left out."""

_SIDE = 256
"""Longest side of the garment while guide and photograph are compared: broad colours and folds are wanted, not threads,
which a model draws anew."""

_MARGIN, _EDGE = 0.25, 0.02
"""Of the garment's longer side: how far around it the guide is looked at, and how far from it its new colour may
show."""

_BROAD, _FOLD = 1 / 16, 1 / 32
"""Blur, of the garment's longer side: over the first, noise and a registration that is some pixels off leave nothing;
the second, that of a fold, is still wider than any such shift."""

_LEAST_AROUND = 0.05
"""Share of what is looked at that must lie around the garment to say anything, as for registering a guide."""


@dataclass(frozen=True, slots=True, eq=False)
class GuideReading:
    """What a guide shows of the garment, and how faithful it is to the photograph where that can be seen.

    Attributes
    ----------
    lab : ndarray
        ``(N, 3)`` float32 CIELAB D65 of the guide at the sampled garment pixels.
    provenance : mapping
        The guide's.
    stray : float
        Root mean square of the broad differences to the photograph around the garment, where a model was to change
        nothing, in Lab units (ΔE*ab). 0 where nothing around it is shown.
    likeness : float
        Correlation of L with the photograph's over the garment, at the width of a fold, -1 to 1: recolouring leaves the
        folds where they are.
    set_aside : str
        Why it has no say; empty where that is not known beforehand.
    """

    lab: Floats
    provenance: Mapping[str, str | float | int]
    stray: float = 0.0
    likeness: float = 1.0
    set_aside: str = ""

    @property
    def faith(self) -> dict[str, float]:
        """How far the guide is believed before it is asked, 0 to 1, by what would speak against it."""
        known, guessed = _MEASURED_ERROR**2, (_REPAINTED * self.stray) ** 2
        return {
            # The weight of one of two measurements, one of which has the additional variance, over its weight without.
            f"it changes what lies around the garment (ΔE*ab {self.stray:.1f})": 2 * known / (2 * known + guessed),
            "its garment does not have the photograph's folds": max(0.0, self.likeness) ** 2,
        }

    @property
    def figures(self) -> dict[str, str | float | int]:
        """For the provenance."""
        figures: dict[str, str | float | int] = {f"guide_{name}": value for name, value in self.provenance.items()}
        if len(self.lab):
            figures |= {"guide_stray": round(self.stray, 4), "guide_likeness": round(self.likeness, 4)}
        return figures


def read_guide(guide: ColorGuide, on_model: Picture, alpha: Alpha, worn: GarmentSamples) -> GuideReading:
    """Measure a guide against the photograph that it was painted from.

    Parameters
    ----------
    guide : ColorGuide
        Lies over the whole photograph.
    on_model : Picture
        Any RGB profile.
    alpha : ndarray
        ``(H, W)`` uint8, 255 = garment.
    worn : GarmentSamples
        Of ``alpha`` on ``on_model``.
    """
    lab = guide_samples(guide, on_model.extent, worn)
    if lab is None:
        return GuideReading(np.empty((0, 3), np.float32), guide.provenance, set_aside="it does not show the garment")
    longer = max(worn.box.extent.width, worn.box.extent.height)
    box = grown(worn.box, math.ceil(_MARGIN * longer), on_model.extent)
    scale = min(1.0, _SIDE / longer)
    size = max(1, round(box.extent.width * scale)), max(1, round(box.extent.height * scale))
    longer *= scale
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    photo = pixels_to_lab(resized(on_model.pixels[rows, columns], size), on_model.icc, on_model.path)
    painted = pixels_to_lab(_cut(guide.pixels, box, on_model.extent, size), None)
    small = resized(alpha[rows, columns], size)
    shown = np.ones(small.shape, np.bool_)
    if guide.covered is not None:
        shown = _cut(guide.covered.astype(np.uint8) * 255, box, on_model.extent, size) == 255
    inner = inner_region(small) & shown
    radius = max(2, math.ceil(_EDGE * longer))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    around = (cv2.dilate(small, kernel) == 0) & shown
    stray = 0.0
    if around.mean() >= _LEAST_AROUND:
        broad = _blurred(painted - photo, around, _BROAD * longer)
        stray = float(np.sqrt((broad**2).sum(axis=-1).mean()))
    folds = [_blurred(lab[..., :1], inner, _FOLD * longer)[:, 0] for lab in (photo, painted)]
    reading = GuideReading(lab, guide.provenance, stray, _correlation(*folds))
    return replace(reading, set_aside=_weighed(reading.faith)[1])


def guide_samples(guide: ColorGuide, extent: Extent, worn: GarmentSamples) -> Floats | None:
    """The guide's colours ``(N, 3)`` CIELAB D65 at the sampled garment pixels, None where it shows less than half.

    Parameters
    ----------
    guide : ColorGuide
        Lies over the whole photograph.
    extent : Extent
        Of the photograph, in source pixels.
    worn : GarmentSamples
        Of the photograph's garment.
    """
    if guide.pixels.ndim != 3 or guide.pixels.shape[2] != 3 or guide.pixels.dtype != np.uint8:
        raise BugError(f"a guide is (h, w, 3) uint8, got {guide.pixels.shape} {guide.pixels.dtype}")
    size = worn.inner.shape[1], worn.inner.shape[0]
    chosen = _cut(guide.pixels, worn.box, extent, size)[worn.inner][worn.chosen]
    if guide.covered is not None:
        shown = _cut(guide.covered.astype(np.uint8) * 255, worn.box, extent, size)[worn.inner][worn.chosen]
        if (shown == 255).mean() < 0.5:
            return None
        chosen = chosen[shown == 255]
    return pixels_to_lab(chosen[None], None)[0]


def guide_weight(
    reading: GuideReading, samples: Floats, flat: Floats, measured: Transfer, guided: Transfer
) -> tuple[float, str]:
    """The guide's share of the correction, 0 to 0.5, and why it has none: empty where it has a share.

    Guide and flatlay are two measurements of one colour, weighed by the inverse of their variances. What the guide
    changed around the garment, where it was to change nothing, tells how exactly it paints; the share of its folds that
    are the photograph's (the square of `GuideReading.likeness`), how much of its light is the model's. Of two
    measurements that contradict each other the painted one is wrong, the more surely the farther they are apart.

    Parameters
    ----------
    reading : GuideReading
    samples, flat : ndarray
        ``(N, 3)`` and ``(M, 3)`` CIELAB D65 of the garment on the model and on the flatlay.
    measured, guided : callable
        The transfers fitted to the flatlay and to the guide.
    """
    ours, painted = robust_mean(measured(samples)), robust_mean(guided(samples))
    begin, goal = at_lightness(robust_mean(samples), painted[0]), at_lightness(robust_mean(flat), painted[0])
    difference = float(delta_E_2000(at_lightness(ours, painted[0]), painted))
    way = (goal - begin)[1:]
    completion = float((painted - begin)[1:] @ way / max(float(way @ way), 1e-9))
    if completion < _HALF_HEARTED and difference > _DOUBTFUL:
        return 0.0, "it stopped half-way to the flatlay's colour"
    lighter = float(painted[0] - ours[0])
    other_light = (
        f"it paints the garment {abs(lighter):.0f} L {'lighter' if lighter > 0 else 'darker'} than was measured"
    )
    return _weighed(
        reading.faith
        | {
            "it contradicts the flatlay": _falling(difference, _AGREES, _CONTRADICTS),
            other_light: _falling(abs(lighter), _SAME_LIGHT, _OTHER_LIGHT),
        }
    )


def _weighed(shares: Mapping[str, float]) -> tuple[float, str]:
    """The weight that is left of the most, or 0 and what took most of it."""
    weight = _MOST_WEIGHT * math.prod(shares.values())
    return (weight, "") if weight >= _NEGLIGIBLE else (0.0, min(shares, key=lambda why: shares[why]))


def _falling(value: float, begin: float, end: float) -> float:
    """1 up to ``begin``, 0 from ``end`` on."""
    return float(np.clip((end - value) / (end - begin), 0, 1))


def _cut(plane: NDArray[np.uint8], box: Box, extent: Extent, size: tuple[int, int]) -> NDArray[np.uint8]:
    """What lies under ``box`` of the photograph, at ``size``."""
    height, width = plane.shape[:2]
    across, down = width / extent.width, height / extent.height
    left, top = int(box.left * across), int(box.top * down)
    right, bottom = max(left + 1, round(box.right * across)), max(top + 1, round(box.bottom * down))
    return np.asarray(resized(plane[top:bottom, left:right], size), np.uint8)


def _blurred(values: Floats, where: NDArray[np.bool_], sigma: float) -> Floats:
    """``(N, C)``: the values at ``where``, each the mean of its surroundings there."""
    weight = where.astype(np.float32)
    sums = cv2.GaussianBlur(values * weight[..., None], (0, 0), sigma).reshape(*where.shape, -1)
    return np.asarray(sums[where] / cv2.GaussianBlur(weight, (0, 0), sigma)[where][:, None], np.float32)


def _correlation(one: Floats, two: Floats) -> float:
    """Pearson's, 0 where either is constant or there is nothing to correlate."""
    if not len(one):
        return 0.0
    one, two = one - one.mean(), two - two.mean()
    both = float(np.sqrt((one @ one) * (two @ two)))
    return float(one @ two) / both if both > 0 else 0.0
