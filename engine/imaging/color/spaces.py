"""Pixels in any RGB profile <-> CIELAB under D65 and the 2° observer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.imaging.color.icc import D65, Floats, RgbSpace, rgb_space

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from engine.domain.picture import Pixels

_EPSILON = np.float32((6 / 29) ** 3)
_SLOPE = np.float32((29 / 6) ** 2 / 3)
_OFFSET = np.float32(4 / 29)
_WHITE = D65.astype(np.float32)

CHUNK_PIXELS = 1 << 18
"""Pixels that are worked on at once: a quarter million float32 triplets (3 MB each) stay near the cache."""

_GAMUT_TOLERANCE = 1e-4
"""Linear light outside 0..1 that counts as rounding: below a fifth of the smallest 8-bit step at white."""


def row_chunks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices of whole rows, about `CHUNK_PIXELS` pixels each, that cover an ``(H, W, ...)`` array."""
    rows = max(1, CHUNK_PIXELS // max(1, shape[1]))
    for top in range(0, shape[0], rows):
        yield slice(top, min(top + rows, shape[0]))


def pixels_to_lab(pixels: Pixels, icc: bytes | None, path: Path | None = None) -> Floats:
    """CIELAB of encoded pixels (CIE 015:2018), under D65 and the 2° observer.

    The profile's connection space is D50; XYZ is adapted to D65 with the linear Bradford transform, relative to the
    profile's white, so that its white is L = 100, a = b = 0.

    Parameters
    ----------
    pixels : ndarray
        ``(H, W, 3)`` uint8 or uint16, R G B, encoded as the profile says.
    icc : bytes or None
        RGB ICC profile; None means sRGB.
    path : Path, optional
        The photograph, for error sentences.

    Returns
    -------
    ndarray
        ``(H, W, 3)`` float32, L 0 to 100, a and b about -128 to 128.

    Raises
    ------
    KnownError
        The profile is damaged or not an RGB profile.
    """
    space = rgb_space(icc, path)
    lab = np.empty(pixels.shape, np.float32)
    for rows in row_chunks(pixels.shape):
        lab[rows] = xyz_to_lab(space.linear_to_xyz(space.decode(pixels[rows])))
    return lab


def lab_to_pixels(lab: NDArray[np.floating], icc: bytes | None, dtype: DTypeLike, path: Path | None = None) -> Pixels:
    """Encoded pixels of CIELAB colours, the inverse of `pixels_to_lab`.

    Colours outside the profile's gamut keep lightness and hue and lose chroma until they fit.

    Parameters
    ----------
    lab : ndarray
        ``(H, W, 3)`` float, D65.
    icc : bytes or None
        RGB ICC profile; None means sRGB.
    dtype : dtype
        uint8 or uint16.

    Returns
    -------
    ndarray
        ``(H, W, 3)`` of ``dtype``, rounded to the nearest code value.

    Raises
    ------
    KnownError
        The profile is damaged, not an RGB profile or cannot be written to.
    """
    space = rgb_space(icc, path)
    pixels = np.empty(lab.shape, dtype)
    for rows in row_chunks(lab.shape):
        linear = lab_to_linear(np.asarray(lab[rows], np.float32), space)
        pixels[rows] = space.encode(linear, pixels.dtype)
    return pixels


def xyz_to_lab(xyz: Floats) -> Floats:
    """XYZ under D65 ``(..., 3)``, white at Y = 1, to CIELAB ``(..., 3)`` float32 (CIE 015:2018, 8.2.1)."""
    ratio = xyz / _WHITE
    # Matrices of real profiles give XYZ a hair below zero; the linear branch carries it through and back unharmed.
    f = np.where(ratio > _EPSILON, np.cbrt(ratio), ratio * _SLOPE + _OFFSET)
    lab = np.empty_like(f)
    lab[..., 0] = 116 * f[..., 1] - 16
    lab[..., 1] = 500 * (f[..., 0] - f[..., 1])
    lab[..., 2] = 200 * (f[..., 1] - f[..., 2])
    return lab


def lab_to_xyz(lab: Floats) -> Floats:
    """CIELAB ``(..., 3)`` to XYZ under D65 ``(..., 3)`` float32, white at Y = 1."""
    f = np.empty_like(lab)
    f[..., 1] = (lab[..., 0] + 16) / 116
    f[..., 0] = f[..., 1] + lab[..., 1] / 500
    f[..., 2] = f[..., 1] - lab[..., 2] / 200
    return np.where(f > np.float32(6 / 29), f * f * f, (f - _OFFSET) / _SLOPE) * _WHITE


def lab_to_linear(lab: Floats, space: RgbSpace) -> Floats:
    """CIELAB ``(..., 3)`` float32 to linear RGB inside the gamut of ``space``, ``(..., 3)`` float32, 0 to 1."""
    linear = space.xyz_to_linear(lab_to_xyz(lab))
    outside = (linear.min(axis=-1) < -_GAMUT_TOLERANCE) | (linear.max(axis=-1) > 1 + _GAMUT_TOLERANCE)
    if outside.any():
        linear[outside] = _less_chroma(lab[outside], space)
    return np.clip(linear, 0, 1)


def _less_chroma(lab: Floats, space: RgbSpace) -> Floats:
    """Linear RGB of ``(N, 3)`` colours whose a and b are scaled down, by bisection, to the gamut's surface."""
    lab = lab.copy()
    lab[:, 0] = np.clip(lab[:, 0], 0, 100)
    low, high = np.zeros(len(lab), np.float32), np.ones(len(lab), np.float32)
    trial = lab.copy()
    for _ in range(12):  # 2^-12 of a chroma below 150 is under 0.04
        middle = (low + high) / 2
        trial[:, 1:] = lab[:, 1:] * middle[:, None]
        linear = space.xyz_to_linear(lab_to_xyz(trial))
        fits = (linear.min(axis=-1) >= -_GAMUT_TOLERANCE) & (linear.max(axis=-1) <= 1 + _GAMUT_TOLERANCE)
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    trial[:, 1:] = lab[:, 1:] * low[:, None]
    return space.xyz_to_linear(lab_to_xyz(trial))


def lightness_of(pixels: Pixels, space: RgbSpace) -> Floats:
    """L* ``(...)`` float32 of encoded pixels ``(..., 3)``."""
    luminance = space.decode(pixels) @ space.to_xyz[1].astype(np.float32)
    return 116 * np.where(luminance > _EPSILON, np.cbrt(luminance), luminance * _SLOPE + _OFFSET) - 16
