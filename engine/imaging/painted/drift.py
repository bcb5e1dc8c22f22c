"""The global change of colours that comes with a model's picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

NOISE = 2.0 / 255.0
"""Standard deviation that any channel has at least, chosen: 8-bit rounding and JPEG."""

_PRIOR = 0.1
# Standard deviation of the map's entries around the identity, chosen: on eight published results the largest entry was
# off by 0.07 to 0.25. Holds the fit there where the surroundings are one plain grey and say nothing about other
# colours.

_SAMPLES = 40_000

_HUBER = 1.345  # 95 % efficiency on Gaussian errors


@dataclass(frozen=True, slots=True, eq=False)
class ColorMap:
    """An affine map of encoded sRGB.

    Attributes
    ----------
    matrix : ndarray
        ``(4, 3)`` float64; ``(r, g, b, 1) @ matrix``.
    change : float
        Root mean square change of the colours it was fitted to, full scale 1.
    """

    matrix: NDArray[np.float64]
    change: float

    def __call__(self, rgb: Field) -> Field:
        """Map ``(..., 3)`` float32 colours, clipped to 0..1."""
        matrix = self.matrix.astype(np.float32)
        return np.clip(rgb @ matrix[:3] + matrix[3], 0, 1)


def fit_color_map(source: Field, target: Field) -> ColorMap:
    """The map that brings colours to their counterparts.

    Huber's iteratively re-weighted least squares on a sample, so that details the model redrew do not count, with a
    normal prior around the identity.

    Parameters
    ----------
    source, target : ndarray
        ``(n, 3)`` float32 encoded sRGB, 0 to 1, pixel by pixel.
    """
    x, y = sampled(source, _SAMPLES), sampled(target, _SAMPLES)
    design = np.column_stack([x, np.ones(len(x))]).astype(np.float64)
    identity = np.eye(4, 3)
    fitted = identity
    for _ in range(8):
        error = np.linalg.norm(y - design @ fitted, axis=1)
        spread = max(1.4826 * float(np.median(error)), NOISE)
        weight = np.minimum(1, _HUBER * spread / np.maximum(error, 1e-9))
        ridge = np.eye(4) * (spread / _PRIOR) ** 2
        fitted = np.linalg.solve(
            design.T @ (weight[:, None] * design) + ridge, design.T @ (weight[:, None] * y) + ridge @ identity
        )
    return ColorMap(fitted, float(np.sqrt(np.mean((design @ fitted - x) ** 2))))


def sampled(values: Field, count: int) -> Field:
    """Every n-th value, so that about ``count`` remain; the same ones each time."""
    return values[:: max(1, len(values) // count)]
