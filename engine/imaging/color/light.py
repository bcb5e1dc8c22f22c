"""Whether a photograph's own lightness is already right, although its colour is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.samples import robust_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How an undamaged photograph differs from its flatlay, by light alone. Measured on 51 published pairs of true
# photographs: L differs by 0.0 with a standard deviation of 3.9, the logarithm of the contrast ratio by 0.67 with 0.62.
# A little wider and nearer to none, since other studios have other lights.
_LIGHT = 5.0
_CONTRAST, _CONTRAST_DEVIATION = 0.5, 0.55
_CAST = 7.0
"""A wrong white balance or profile leaves a colour off by some ΔE00, a recoloured garment is off by 20 to 50."""

# What a photograph of any other lightness does: everything is equally likely, 100 units of L, contrasts from a fifth to
# five times, 33 units of ΔE00.
_ANY = 0.01 * 0.3 * 0.03
_PRIOR = 0.3
"""Three photographs in ten are off in hue and chroma only; a quarter of the published ones are."""


MOST_KEPT = 0.7
"""Share of a wholly credible lightness that stays. A difference that light explains may still be an error of exposure;
on the published pairs 0.6 and 1.0 come out alike (ΔE00 4.09 and 4.08), so the middle guards against either."""


def lightness_credibility(worn: NDArray[np.floating], flat: NDArray[np.floating]) -> float:
    """The probability that the photograph's lightness needs no correction.

    The flatlay lies under another light than the model stands in, so a small difference in lightness is no error. Where
    lightness and contrast differ by no more than light makes them differ, and hue and chroma are only slightly off, the
    lightness of the photograph says more about the garment on the model than the flatlay's does. Bayes' rule with
    independent normal deviations against a uniform alternative.

    Parameters
    ----------
    worn, flat : ndarray
        ``(N, 3)`` and ``(M, 3)`` CIELAB D65 of garment pixels.

    Returns
    -------
    float
        0 to 1.
    """
    low, anchor, high = np.percentile(worn[:, 0], [10, 85, 90])
    flat_low, flat_anchor, flat_high = np.percentile(flat[:, 0], [10, 85, 90])
    contrast = np.log(max(high - low, 0.5) / max(flat_high - flat_low, 0.5))
    likelihood = (
        _normal(anchor - flat_anchor, _LIGHT)
        * _normal(contrast - _CONTRAST, _CONTRAST_DEVIATION)
        * 2
        * _normal(_cast(robust_mean(worn), robust_mean(flat)), _CAST)
    )
    return float(_PRIOR * likelihood / (_PRIOR * likelihood + (1 - _PRIOR) * _ANY))


def at_lightness(color: NDArray[np.float64], lightness: float) -> NDArray[np.float64]:
    """The colour ``(3,)`` CIELAB at another lightness and equal chromaticity, as a fold shows it."""
    return np.append(lightness, color[1:] * (lightness + 16) / (color[0] + 16))


def _cast(worn: NDArray[np.float64], flat: NDArray[np.float64]) -> float:
    """ΔE00 of two colours when both are brought to their mean lightness."""
    lightness = float(worn[0] + flat[0]) / 2
    return float(delta_E_2000(at_lightness(worn, lightness), at_lightness(flat, lightness)))


def _normal(value: float, deviation: float) -> float:
    return float(np.exp(-0.5 * (value / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi)))
