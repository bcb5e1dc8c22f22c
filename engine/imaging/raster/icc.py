"""ICC profiles: what they are called, whether they can be used, and the way from them to sRGB.

All transforms use the relative colorimetric intent with black point compensation. It leaves every colour that sRGB can
show where it is and only clips the rest, which is what a colour comparison needs and what Photoshop does by default.
The perceptual intent would be the same for matrix profiles (they have no perceptual table) and would shift in-gamut
colours for table profiles.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import cv2
import imagecodecs
import numpy as np
from PIL import ImageCms

from engine.domain.errors import BugError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Pixels

_RELATIVE_COLORIMETRIC = 1
_BLACK_POINT_COMPENSATION = 0x2000
_HIGH_RESOLUTION_TABLES = 0x0400
_NO_OPTIMIZATION = 0x0100
_SPACES = {"RGB": "rgb", "CMYK": "cmyk", "GRAY": "gray"}

_STRIP_PIXELS = 4_000_000
"""LittleCMS works through strips of this size, so that a transform needs no third full-size copy."""


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """The sRGB profile (IEC 61966-2-1) that Chromask embeds; the same bytes in every run.

    LittleCMS stamps the current time into the header; bytes 24 to 35 (ICC.1:2022, 7.2.8) get a fixed date, so that
    equal pictures give equal files.
    """
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    date = np.array([2000, 1, 1, 0, 0, 0], dtype=">u2").tobytes()
    return profile[:24] + date + profile[36:]


@lru_cache(maxsize=32)
def profile_color_space(icc: bytes) -> str | None:
    """``RGB``, ``CMYK``, ``GRAY``, ``Lab`` ... as the header says; None where LittleCMS cannot open the profile."""
    return icc[16:20].decode("ascii", "replace").strip() if _opened(icc) is not None else None


@lru_cache(maxsize=32)
def profile_description(icc: bytes) -> str | None:
    """The profile's own description, one line; None where the profile cannot be read."""
    profile = _opened(icc)
    if profile is None:
        return None
    try:
        name = profile.profile_description or ""
    except ValueError:  # Pillow: a damaged description holds code points beyond Unicode
        name = ""
    text = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    return text or f"unnamed {profile_color_space(icc)} profile"


def is_usable_rgb_profile(icc: bytes) -> bool:
    """Whether pixels of an RGB picture can be brought from this profile to sRGB."""
    return is_usable_profile(icc, "RGB")


@lru_cache(maxsize=32)
def is_usable_profile(icc: bytes, space: str) -> bool:
    """Whether the profile is of this space (``RGB``, ``CMYK``, ``GRAY``) and a transform to sRGB can be built."""
    if profile_color_space(icc) != space:
        return False
    channels = {"RGB": (1, 1, 3), "CMYK": (1, 1, 4), "GRAY": (1, 1)}[space]
    try:
        _transform(np.zeros(channels, np.uint8), icc, space, np.dtype(np.uint8))
    except imagecodecs.CmsError:
        return False
    return True


@lru_cache(maxsize=32)
def is_srgb(icc: bytes) -> bool:
    """Whether the transform to sRGB changes no 8-bit value by more than one step, on a 9 × 9 × 9 lattice and the greys.

    A comparison of values, because the world's sRGB profiles differ in name, version, size and rounding.
    """
    if not is_usable_rgb_profile(icc):
        return False
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    greys = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    colors = np.concatenate([lattice, greys], axis=1)
    moved = _transform(colors, icc, "RGB", np.dtype(np.uint8))
    return bool(np.abs(moved.astype(np.int16) - colors).max() <= 1)


def to_srgb8(pixels: Pixels, icc: bytes | None) -> NDArray[np.uint8]:
    """Bring a picture to 8-bit sRGB: for previews, masks and models, which all expect it.

    Parameters
    ----------
    pixels : ndarray
        ``(H, W, 3)`` uint8 or uint16, encoded as ``icc`` says.
    icc : bytes or None
        Profile of the pixels; None means they are sRGB. Must be usable (`is_usable_rgb_profile`).

    Returns
    -------
    ndarray
        ``(H, W, 3)`` uint8 sRGB; the input itself where it is 8-bit sRGB already.

    Notes
    -----
    16-bit pixels of a matrix profile are computed here from the profile's curves and matrix, to half an 8-bit step.
    LittleCMS has no fast exact path for them: its table of colours is off by up to 20 steps near the gamut's borders,
    its exact pipeline takes seven seconds for 24 megapixels. 8-bit pixels go through its own matrix path.
    """
    if icc is None or is_srgb(icc):
        return to_8bit(pixels)
    shaper = matrix_shaper(icc) if pixels.dtype == np.uint16 else None
    if shaper is not None:
        return _shaped(pixels, shaper)
    return cast("NDArray[np.uint8]", convert_to_srgb(pixels, icc, "RGB", np.dtype(np.uint8)))


class MatrixShaper(NamedTuple):
    """RGB to linear sRGB: ``curves`` is ``(3, 65536)``, ``matrix`` ``(3, 3)`` to multiply from the left; float32."""

    curves: NDArray[np.float32]
    matrix: NDArray[np.float32]


@lru_cache(maxsize=8)
def matrix_shaper(icc: bytes) -> MatrixShaper | None:
    """The curves and the matrix from a usable RGB profile to linear sRGB; None where the profile is not made so.

    They are measured: LittleCMS' unbounded float pipeline is asked for each channel's ramp alone, and for 4,096 random
    colours whether the three parts add up to the whole. Table profiles do not add up.
    """
    linear = imagecodecs.cms_profile(
        "rgb", whitepoint=[0.3127, 0.329, 1.0], primaries=[0.64, 0.33, 0.30, 0.60, 0.15, 0.06], gamma=1.0
    )

    def pipeline(colors: NDArray[np.float32]) -> NDArray[np.float32]:
        return imagecodecs.cms_transform(
            colors[None], icc, linear, colorspace="rgb", outcolorspace="rgb", outdtype=np.dtype(np.float32),
            intent=_RELATIVE_COLORIMETRIC, flags=_BLACK_POINT_COMPENSATION,
        )[0]  # fmt: skip

    ramp = np.linspace(0, 1, 65536, dtype=np.float32)
    curves, columns = np.empty((3, 65536), np.float32), np.empty((3, 3), np.float32)
    for channel in range(3):
        alone = np.zeros((65536, 3), np.float32)
        alone[:, channel] = ramp
        found = pipeline(alone)
        column = found[-1]
        norm = float(column @ column)
        if norm < 1e-6:
            return None
        columns[:, channel] = column
        curves[channel] = found @ column / norm
    colors = np.random.default_rng(0).integers(0, 65536, (4096, 3))
    summed = np.stack([curves[channel, colors[:, channel]] for channel in range(3)], axis=1) @ columns.T
    error = np.abs(summed - pipeline((colors / 65535).astype(np.float32))).max()
    return MatrixShaper(curves, columns) if error < 2e-4 else None


def _shaped(pixels: Pixels, shaper: MatrixShaper) -> NDArray[np.uint8]:
    """16-bit pixels through curves, matrix and the sRGB encoding of IEC 61966-2-1, rounded to 8 bit."""
    value = np.linspace(0, 1, 65536)
    encoded = np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055)
    encoding = np.rint(255 * encoded).astype(np.uint8)
    out = np.empty(pixels.shape, np.uint8)
    rows = max(1, _STRIP_PIXELS // 8 // max(1, pixels.shape[1]))
    for top in range(0, pixels.shape[0], rows):
        strip = pixels[top : top + rows]
        linear = np.empty(strip.shape, np.float32)
        for channel in range(3):
            linear[..., channel] = shaper.curves[channel].take(strip[..., channel])
        mixed = cv2.transform(linear, shaper.matrix * 65535)
        np.clip(mixed, 0, 65535, out=mixed)
        out[top : top + rows] = encoding.take((mixed + 0.5).astype(np.uint16))
    return out


def to_8bit(pixels: Pixels) -> NDArray[np.uint8]:
    """Round full-range uint16 to uint8 (65,535 becomes 255, ties up); uint8 is handed through."""
    if pixels.dtype == np.uint8:
        return cast("NDArray[np.uint8]", pixels)
    out = np.empty(pixels.shape, np.uint8)
    rows = max(1, _STRIP_PIXELS // max(1, pixels.shape[1]))
    for top in range(0, pixels.shape[0], rows):
        # 65,535 = 255 * 257, so the nearest 8-bit value is the quotient of v + 128 by 257.
        out[top : top + rows] = (pixels[top : top + rows].astype(np.uint32) + 128) // 257
    return out


def convert_to_srgb(samples: Pixels, icc: bytes, space: str, dtype: np.dtype) -> Pixels:
    """Bring RGB, CMYK or grey samples to sRGB, relative colorimetric with black point compensation.

    Parameters
    ----------
    samples : ndarray
        ``(H, W, 3)``, ``(H, W, 4)`` (0 = no ink) or ``(H, W)``, uint8 or uint16.
    icc : bytes
        A profile for which `is_usable_profile` holds.
    space : str
        ``RGB``, ``CMYK`` or ``GRAY``.
    dtype : dtype
        uint8 or uint16 of the result.

    Returns
    -------
    ndarray
        ``(H, W, 3)`` sRGB.
    """
    out = np.empty((*samples.shape[:2], 3), dtype)
    rows = max(1, _STRIP_PIXELS // max(1, samples.shape[1]))
    try:
        for top in range(0, samples.shape[0], rows):
            out[top : top + rows] = _transform(samples[top : top + rows], icc, space, dtype)
    except imagecodecs.CmsError as error:
        raise BugError(f"an unusable {space} profile reached a colour transform: {error}") from error
    return out


def is_target_profile(icc: bytes) -> bool:
    """Whether RGB pictures can be brought into this profile: some are made for reading alone."""
    if not is_usable_rgb_profile(icc):
        return False
    try:
        _convert(np.zeros((1, 1, 3), np.uint8), srgb_profile(), icc)
    except imagecodecs.CmsError:
        return False
    return True


def converted(pixels: Pixels, icc: bytes | None, target: bytes) -> Pixels:
    """Bring a picture into another RGB profile, relative colorimetric with black point compensation.

    Parameters
    ----------
    pixels : ndarray
        ``(H, W, 3)`` uint8 or uint16, encoded as ``icc`` says.
    icc : bytes or None
        None means sRGB. Must be usable (`is_usable_rgb_profile`).
    target : bytes
        A profile for which `is_target_profile` holds.

    Returns
    -------
    ndarray
        Of the same size and type; the input itself where nothing is to be done.
    """
    source = icc if icc is not None else srgb_profile()
    if source == target or (is_srgb(source) and is_srgb(target)):
        return pixels
    out = np.empty_like(pixels)
    rows = max(1, _STRIP_PIXELS // max(1, pixels.shape[1]))
    try:
        for top in range(0, pixels.shape[0], rows):
            out[top : top + rows] = _convert(pixels[top : top + rows], source, target)
    except imagecodecs.CmsError as error:
        raise BugError(f"an unusable profile reached a colour transform: {error}") from error
    return out


def _convert(pixels: Pixels, source: bytes, target: bytes) -> Pixels:
    return imagecodecs.cms_transform(
        np.ascontiguousarray(pixels),
        source,
        target,
        colorspace="rgb",
        outcolorspace="rgb",
        outdtype=pixels.dtype,
        intent=_RELATIVE_COLORIMETRIC,
        # A table of colours would be off by up to 20 8-bit steps near the gamut's borders, see `to_srgb8`.
        flags=_BLACK_POINT_COMPENSATION | (_NO_OPTIMIZATION if pixels.dtype == np.uint16 else 0),
    )


def _transform(samples: Pixels, icc: bytes, space: str, dtype: np.dtype) -> Pixels:
    return imagecodecs.cms_transform(
        np.ascontiguousarray(samples),
        icc,
        srgb_profile(),
        colorspace=_SPACES[space],
        outcolorspace="rgb",
        outdtype=dtype,
        intent=_RELATIVE_COLORIMETRIC,
        flags=_BLACK_POINT_COMPENSATION | (_HIGH_RESOLUTION_TABLES if samples.dtype == np.uint16 else 0),
    )


def _opened(icc: bytes) -> Any:
    """The profile as LittleCMS sees it; None for bytes that are no profile, which is an answer and not a failure."""
    try:
        return ImageCms.core.profile_frombytes(icc)
    except (OSError, ImageCms.PyCMSError):
        return None
