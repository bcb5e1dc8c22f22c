"""RGB ICC profiles as arithmetic: encoded pixels <-> XYZ relative to the profile's white, adapted to D65.

Matrix/TRC profiles are read here (ICC.1:2022, 8.3.3 and 10.6, 10.18), because a garment must come back to the very code
values it came from, which the 8-bit interface of Pillow and the tabulated inverse curves of a colour engine do not
give. Profiles with look-up tables (scanners, some cameras) go through LittleCMS into 16-bit ROMM RGB and from there
through the same arithmetic.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import KnownError

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.domain.picture import Pixels

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

D65_XY = (0.3127, 0.3290)
"""CIE 1931 2° chromaticity of D65 as IEC 61966-2-1 and ITU-R BT.709 state it."""

_ENCODE_STEPS = 1 << 16
_BRADFORD: Doubles = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]], dtype=np.float64
)


def white_point(xy: tuple[float, float]) -> Doubles:
    """XYZ of a chromaticity at Y = 1, ``(3,)`` float64."""
    x, y = xy
    return np.array([x / y, 1.0, (1 - x - y) / y])


D65 = white_point(D65_XY)


def transformed(colors: Floats, matrix: Doubles) -> Floats:
    """``colors @ matrix.T`` for ``(..., 3)`` float32 colours and a matrix of up to four rows.

    BLAS splits so thin a product over its own threads, which wait for each other in a busy loop: beside another busy
    process that took up to fifty times as long as OpenCV's plain loop.
    """
    if colors.size == 0:
        return np.empty((*colors.shape[:-1], len(matrix)), np.float32)
    flat = cv2.transform(np.ascontiguousarray(colors, np.float32).reshape(1, -1, 3), matrix.astype(np.float32))
    return np.asarray(flat, np.float32).reshape(*colors.shape[:-1], len(matrix))


def bradford(source_white: Doubles, target_white: Doubles) -> Doubles:
    """The linear Bradford adaptation ``(3, 3)`` of XYZ from one white to another (ICC.1:2022, annex E)."""
    gain = (_BRADFORD @ target_white) / (_BRADFORD @ source_white)
    return np.linalg.inv(_BRADFORD) @ (gain[:, None] * _BRADFORD)


@dataclass(frozen=True, slots=True, eq=False)
class RgbSpace:
    """An RGB colour space that a photograph is encoded in.

    Attributes
    ----------
    to_xyz : ndarray
        ``(3, 3)`` float64, linear RGB (columns) to XYZ under D65, Y of white = 1.
    curves : tuple of ndarray
        Per channel ``(65536,)`` float64: linear light of every 16-bit code value, ascending, 0 to 1.
    device_link : bytes or None
        The profile of a LUT space, whose pixels LittleCMS first turns into this (matrix) space; None otherwise.
    path : Path or None
        The photograph, for error sentences.
    """

    to_xyz: Doubles
    curves: tuple[Doubles, Doubles, Doubles]
    device_link: bytes | None = None
    path: Path | None = None
    _decode_8: tuple[Floats, ...] = field(init=False, repr=False)
    _decode_16: tuple[Floats, ...] = field(init=False, repr=False)
    _encode: tuple[Floats, ...] = field(init=False, repr=False)
    _from_xyz: Doubles = field(init=False, repr=False)

    def __post_init__(self) -> None:
        codes = np.linspace(0, 1, 65536)
        # The inverse curve is tabulated over sqrt(light): close to an encoded axis for every usual gamma, so that
        # linear interpolation stays below half a 16-bit step down to the shadows, and one square root per value.
        light = np.linspace(0, 1, _ENCODE_STEPS + 1) ** 2
        object.__setattr__(self, "_decode_16", tuple(c.astype(np.float32) for c in self.curves))
        object.__setattr__(self, "_decode_8", tuple(c[::257].astype(np.float32) for c in self.curves))
        object.__setattr__(self, "_encode", tuple(np.interp(light, c, codes).astype(np.float32) for c in self.curves))
        object.__setattr__(self, "_from_xyz", np.linalg.inv(self.to_xyz))

    def decode(self, pixels: Pixels) -> Floats:
        """Pixels ``(..., 3)`` uint8 or uint16 to linear RGB ``(..., 3)`` float32, 0 to 1."""
        if self.device_link is not None:
            pixels = _through_lcms(pixels, self.device_link, rommrgb_profile(), self.path)
        tables = self._decode_8 if pixels.dtype == np.uint8 else self._decode_16
        return np.stack([np.take(tables[c], pixels[..., c]) for c in range(3)], axis=-1)

    def encode(self, linear: Floats, dtype: np.dtype) -> Pixels:
        """Linear RGB ``(..., 3)`` float32 to pixels of ``dtype``, clipped per channel and rounded."""
        full = np.float32(255 if dtype == np.uint8 and self.device_link is None else 65535)
        out: Pixels = np.empty(linear.shape, np.uint8) if full == 255 else np.empty(linear.shape, np.uint16)
        for c in range(3):
            position = np.sqrt(np.clip(linear[..., c], 0, 1)) * np.float32(_ENCODE_STEPS)
            lower = np.minimum(position.astype(np.int32), _ENCODE_STEPS - 1)
            table = self._encode[c]
            value = np.take(table, lower)
            value += (np.take(table, lower + 1) - value) * (position - lower)
            out[..., c] = np.rint(value * full)
        if self.device_link is None:
            return out
        back = _through_lcms(out, rommrgb_profile(), self.device_link, self.path)
        return np.rint(back / 257.0).astype(np.uint8) if dtype == np.uint8 else back

    def linear_to_xyz(self, linear: Floats) -> Floats:
        """Linear RGB ``(..., 3)`` to XYZ under D65 ``(..., 3)`` float32."""
        return transformed(linear, self.to_xyz)

    def xyz_to_linear(self, xyz: Floats) -> Floats:
        """XYZ under D65 ``(..., 3)`` to linear RGB ``(..., 3)`` float32; outside 0 to 1 where out of gamut."""
        return transformed(xyz, self._from_xyz)


def rgb_space(icc: bytes | None, path: Path | None = None) -> RgbSpace:
    """The colour space of an embedded profile; None means sRGB.

    Parameters
    ----------
    icc : bytes or None
        An ICC profile of class input, display or colour space with RGB device values, version 2 or 4.
    path : Path, optional
        The photograph, for error sentences.

    Raises
    ------
    KnownError
        The profile is damaged, is not an RGB profile, or cannot be used in both directions.
    """
    if icc is None:
        return _srgb()
    return _parsed(icc, path)


@lru_cache(maxsize=1)
def _srgb() -> RgbSpace:
    code = np.linspace(0, 1, 65536)
    curve = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    # IEC 61966-2-1 prints the matrix with four decimals, and every reader of sRGB uses it as printed.
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    return RgbSpace(to_xyz, (curve, curve, curve))


@lru_cache(maxsize=8)
def _parsed(icc: bytes, path: Path | None) -> RgbSpace:
    try:
        tags = _tags(icc)
        if icc[16:20] != b"RGB ":
            kind = icc[16:20].decode("ascii", "replace").strip() or "unknown"
            raise KnownError(
                f"its ICC profile is for {kind} colours, but its pixels are RGB",
                remedy="Convert the photograph to sRGB or another RGB profile and save it again.",
                path=path,
            )
        if tags.keys() & {b"A2B0", b"A2B1"} or b"rXYZ" not in tags:
            return _lut_space(icc, path)
        colorants = np.stack([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=1)
        curves = (_curve(tags[b"rTRC"]), _curve(tags[b"gTRC"]), _curve(tags[b"bTRC"]))
        white = colorants.sum(axis=1)
        if not (np.all(np.isfinite(colorants)) and white.min() > 0.1 and abs(np.linalg.det(colorants)) > 1e-4):
            raise ValueError("colorants span no colour space")
    except (KeyError, struct.error, ValueError, IndexError) as error:
        raise KnownError(
            "its ICC profile is damaged",
            remedy="Open the photograph in an editor, assign the right profile and save it again.",
            path=path,
        ) from error
    # Relative colorimetry: the white of the profile (D50, but for rounding) becomes D65, so that neutrals are neutral.
    return RgbSpace(bradford(white, D65 * white[1]) @ colorants / white[1], curves, path=path)


def _lut_space(icc: bytes, path: Path | None) -> RgbSpace:
    probe = np.full((1, 1, 3), 32768, np.uint16)
    _through_lcms(_through_lcms(probe, icc, rommrgb_profile(), path), rommrgb_profile(), icc, path)
    romm = _parsed(rommrgb_profile(), None)
    return RgbSpace(romm.to_xyz, romm.curves, device_link=icc, path=path)


def _through_lcms(pixels: Pixels, source: bytes, target: bytes, path: Path | None) -> NDArray[np.uint16]:
    import imagecodecs

    wide = pixels.astype(np.uint16) * 257 if pixels.dtype == np.uint8 else pixels
    rows = np.ascontiguousarray(wide.reshape(1, -1, 3))
    try:
        out = imagecodecs.cms_transform(
            rows,
            source,
            target,
            colorspace="rgb",
            outcolorspace="rgb",
            outdtype=np.uint16,
            intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
            # Optimising resamples the chain of curves and tables to a 33-point grid: 13 of 255 steps off in the dark.
            flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,
        )
    except (imagecodecs.CmsError, ValueError) as error:
        raise KnownError(
            "its ICC profile cannot be converted from and to",
            remedy="Convert the photograph to sRGB or Adobe RGB and save it again.",
            path=path,
        ) from error
    return np.asarray(out, np.uint16).reshape(pixels.shape)


@lru_cache(maxsize=1)
def rommrgb_profile() -> bytes:
    """An ICC profile of ROMM RGB (ISO 22028-2 primaries, gamma 1.8), wide enough for every photograph."""
    import imagecodecs

    return bytes(
        imagecodecs.cms_profile(
            "rgb",
            whitepoint=[0.3457, 0.3585, 1.0],
            primaries=[0.734699, 0.265301, 1.0, 0.159597, 0.840403, 1.0, 0.036598, 0.000105, 1.0],
            gamma=1.8,
        )
    )


def _tags(icc: bytes) -> dict[bytes, bytes]:
    """The tag table's data by signature; raises ValueError when a size or offset leaves the profile."""
    if len(icc) < 132 or icc[36:40] != b"acsp":
        raise ValueError("no profile header")
    (count,) = struct.unpack_from(">I", icc, 128)
    if count > 200:
        raise ValueError("implausible tag count")
    tags: dict[bytes, bytes] = {}
    for index in range(count):
        signature, offset, size = struct.unpack_from(">4sII", icc, 132 + 12 * index)
        if offset + size > len(icc):
            raise ValueError("a tag lies outside the profile")
        tags[signature] = icc[offset : offset + size]
    return tags


def _xyz(tag: bytes) -> Doubles:
    if tag[:4] != b"XYZ ":
        raise ValueError("not an XYZ tag")
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536.0


def _curve(tag: bytes) -> Doubles:
    """Linear light of the 65,536 code values, from a ``curv`` or ``para`` tag."""
    x = np.linspace(0, 1, 65536)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            y = x
        elif count == 1:
            y = x ** (struct.unpack_from(">H", tag, 12)[0] / 256.0)
        else:
            samples = np.frombuffer(tag, ">u2", count, 12) / 65535.0
            y = np.interp(x, np.linspace(0, 1, count), samples)
    elif tag[:4] == b"para":
        y = _parametric(tag, x)
    else:
        raise ValueError("unknown curve type")
    y = np.maximum.accumulate(np.clip(np.nan_to_num(y), 0, 1))
    if y[-1] - y[0] < 0.5:
        raise ValueError("a tone curve is flat")
    return y


_PARAMETERS: dict[int, int] = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}


def _parametric(tag: bytes, x: Doubles) -> Doubles:
    """ICC.1:2022, table 68: ``(a x + b)^g (+ e)`` above ``d``, ``c x (+ f)`` below."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    g, *rest = (value / 65536.0 for value in struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12))
    power: Callable[[float, float], Doubles] = lambda a, b: np.maximum(a * x + b, 0) ** g  # noqa: E731
    if kind == 0:
        return power(1, 0)
    a, b, *tail = rest
    if kind in (1, 2):
        offset = tail[0] if tail else 0.0
        return np.where(x >= -b / a, power(a, b), 0) + offset
    c, d = tail[:2]
    e, f = tail[2:] if kind == 4 else (0.0, 0.0)
    return np.where(x >= d, power(a, b) + e, c * x + f)
