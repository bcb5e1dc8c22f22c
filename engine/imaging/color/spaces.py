"""Pixels in any RGB profile <-> CIELAB under D65 and the 2° observer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.imaging.color.icc import D65, Floats, RgbSpace, rgb_space, transformed

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
    f = _compressed(xyz / _WHITE)
    lab = np.empty_like(f)
    lab[..., 0] = 116 * f[..., 1] - 16
    lab[..., 1] = 500 * (f[..., 0] - f[..., 1])
    lab[..., 2] = 200 * (f[..., 1] - f[..., 2])
    return lab


def _compressed(ratio: Floats) -> Floats:
    """The function f of CIE 015:2018, 8.2.1.1: a cube root, and a straight line near black."""
    f = np.cbrt(ratio)
    # Matrices of real profiles give XYZ a hair below zero; the linear branch carries it through and back unharmed.
    dark = ratio <= _EPSILON
    if dark.any():
        np.copyto(f, ratio * _SLOPE + _OFFSET, where=dark)
    return f


def lab_to_xyz(lab: Floats) -> Floats:
    """CIELAB ``(..., 3)`` to XYZ under D65 ``(..., 3)`` float32, white at Y = 1."""
    f = np.empty_like(lab)
    f[..., 1] = (lab[..., 0] + 16) / 116
    f[..., 0] = f[..., 1] + lab[..., 1] / 500
    f[..., 2] = f[..., 1] - lab[..., 2] / 200
    return _expanded(f) * _WHITE


def _expanded(f: NDArray[np.floating]) -> NDArray[np.floating]:
    """The inverse of `_compressed`."""
    ratio = f * f
    ratio *= f
    dark = f <= np.float32(6 / 29)
    if dark.any():
        np.copyto(ratio, (f - _OFFSET) / _SLOPE, where=dark)
    return ratio


def lab_to_linear(lab: Floats, space: RgbSpace) -> Floats:
    """CIELAB ``(..., 3)`` float32 to linear RGB inside the gamut of ``space``, ``(..., 3)`` float32, 0 to 1."""
    linear = space.xyz_to_linear(lab_to_xyz(lab))
    # Two reductions tell most garments from those with colours outside; written so that not-a-number counts as outside.
    if linear.size and not (linear.min() >= -_GAMUT_TOLERANCE and linear.max() <= 1 + _GAMUT_TOLERANCE):
        outside = ~_in_gamut(linear)
        linear[outside] = _less_chroma(lab[outside], space)
    return np.clip(linear, 0, 1, out=linear)


def _in_gamut(linear: Floats) -> NDArray[np.bool_]:
    """Which of ``(..., 3)`` colours lie inside the gamut; three columns are compared faster than rows of three."""
    red, green, blue = linear[..., 0], linear[..., 1], linear[..., 2]
    least, most = np.minimum(np.minimum(red, green), blue), np.maximum(np.maximum(red, green), blue)
    return ~((least < -_GAMUT_TOLERANCE) | (most > 1 + _GAMUT_TOLERANCE))


def _less_chroma(lab: Floats, space: RgbSpace) -> Floats:
    """Linear RGB of ``(N, 3)`` colours whose a and b are scaled down, by bisection, to the gamut's surface."""
    f_y = (np.clip(lab[:, 0], 0, 100) + 16) / 116
    toward_x, toward_z = lab[:, 1] / 500, lab[:, 2] / 200
    xyz = np.empty_like(lab)
    xyz[:, 1] = _expanded(f_y) * _WHITE[1]

    def at(chroma: NDArray[np.floating]) -> Floats:
        xyz[:, 0] = _expanded(f_y + chroma * toward_x) * _WHITE[0]
        xyz[:, 2] = _expanded(f_y - chroma * toward_z) * _WHITE[2]
        return space.xyz_to_linear(xyz)

    low, high = np.zeros(len(lab), np.float32), np.ones(len(lab), np.float32)
    for _ in range(12):  # 2^-12 of a chroma below 150 is under 0.04
        middle = (low + high) / 2
        fits = _in_gamut(at(middle))
        np.copyto(low, middle, where=fits)
        np.copyto(high, middle, where=~fits)
    return at(low)


def lightness_of(pixels: Pixels, space: RgbSpace) -> Floats:
    """L* ``(...)`` float32 of encoded pixels ``(..., 3)``."""
    luminance = transformed(space.decode(pixels), space.to_xyz[1:2])[..., 0]
    return 116 * _compressed(luminance) - 16
