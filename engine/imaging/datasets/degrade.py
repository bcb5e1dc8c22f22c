"""Wrong colours for a garment, as far from the true ones as is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BugError, KnownError
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.spaces import lab_to_pixels, pixels_to_lab

PUBLISHED_DELTA_E = (7.0, 30.0)
"""ΔE00 of the eight published test photographs against their truth, from the least (6.97) to the most (29.91)."""

_MOST_LIGHTNESS = 45.0
_MOST_TINT = 40.0
# CIELAB units that a shift may reach before its strength is set: half of what lies between black and white cloth, and a
# clearly coloured cast on a grey garment, whose hue cannot be turned.

_MOST_CHROMA = math.log(2.5)
# Chroma is multiplied by at most this factor, or divided.

_SAMPLES = 20_000
"""Pixels by which the strength is found; the ΔE00 that is reported is of all of them."""

_DRAWS = 24
"""Shifts that are drawn at most: white cloth gets no lighter and grey cloth turns no hue, so that some are weak."""

_CLOSE = 0.05
"""ΔE00 to which the strength is found."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A change of colour in CIELAB, the same for every pixel.

    Attributes
    ----------
    lightness : float
        Added to L.
    hue : float
        Turn in the a*b* plane, radians.
    chroma : float
        Natural logarithm of the factor on chroma.
    tint : tuple of float
        Added to a and b.
    """

    lightness: float
    hue: float
    chroma: float
    tint: tuple[float, float]

    @classmethod
    def drawn(cls, random: np.random.Generator) -> Shift:
        """A shift by chance, up to the strongest there is."""
        angle, radius = random.uniform(0, 2 * math.pi), random.uniform(0, _MOST_TINT)
        return cls(
            lightness=float(random.uniform(-_MOST_LIGHTNESS, _MOST_LIGHTNESS)),
            hue=float(random.uniform(-math.pi, math.pi)),
            chroma=float(random.uniform(-_MOST_CHROMA, _MOST_CHROMA)),
            tint=(radius * math.cos(angle), radius * math.sin(angle)),
        )

    def scaled(self, by: float) -> Shift:
        """The shift at a part of its strength; 0 changes nothing."""
        a, b = self.tint
        return Shift(self.lightness * by, self.hue * by, self.chroma * by, (a * by, b * by))

    def applied(self, lab: NDArray[np.floating]) -> NDArray[np.float32]:
        """CIELAB ``(..., 3)`` after the shift; lightness stays within 0 to 100."""
        cosine, sine = math.cos(self.hue), math.sin(self.hue)
        factor = math.exp(self.chroma)
        out = np.empty(lab.shape, np.float32)
        out[..., 0] = np.clip(lab[..., 0] + self.lightness, 0, 100)
        out[..., 1] = factor * (cosine * lab[..., 1] - sine * lab[..., 2]) + self.tint[0]
        out[..., 2] = factor * (sine * lab[..., 1] + cosine * lab[..., 2]) + self.tint[1]
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Degraded:
    """A photograph whose garment has a wrong colour.

    Attributes
    ----------
    pixels : ndarray
        ``(H, W, 3)`` uint8 sRGB; where the mask is 0 the photograph's own values.
    shift : Shift
        What was done.
    delta_E : float
        Mean CIEDE2000 over the pixels at least half inside the mask, after rounding to 8 bits.
    """

    pixels: NDArray[np.uint8]
    shift: Shift
    delta_E: float


def degrade(
    rgb: NDArray[np.uint8],
    alpha: NDArray[np.uint8],
    random: np.random.Generator,
    between: tuple[float, float] = PUBLISHED_DELTA_E,
) -> Degraded:
    """Give a garment a wrong colour whose mean ΔE00 to the true one lies in a range.

    The distance is drawn evenly from the range, then a shift of lightness, hue and chroma; its strength is found by
    bisection, so that texture and folds stay and the distance is met. Everything is drawn from ``random`` alone.

    Parameters
    ----------
    rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB.
    alpha : ndarray
        ``(H, W)`` uint8, 255 = garment; soft edges are mixed in encoded sRGB.
    random : numpy.random.Generator
    between : tuple of float
        The least and the greatest mean ΔE00.

    Raises
    ------
    KnownError
        The mask is empty, or no shift reaches the range. Carries no path.
    BugError
        The range is none.
    """
    least, most = between
    if not 0 < least <= most:
        raise BugError(f"ΔE00 from {least} to {most} is no range")
    inside = alpha >= 128
    if not inside.any():
        raise KnownError("the mask of the garment is empty", remedy="Correct the mask, or leave this pair out.")
    wanted = float(random.uniform(least, most))
    pixels = rgb[inside]
    chosen = random.permutation(len(pixels))[:_SAMPLES]
    sample = _Sample(pixels[chosen], alpha[inside][chosen])
    best: tuple[float, Shift] | None = None
    for _ in range(_DRAWS):
        shift = Shift.drawn(random)
        reached = sample.distance(shift)
        if reached >= wanted:
            best = (0.0, sample.at_distance(shift, wanted))
            break
        if best is None or wanted - reached < best[0]:
            best = (wanted - reached, shift)
    assert best is not None
    shift = best[1]
    touched = alpha > 0
    out = rgb.copy()
    out[touched] = _mixed(rgb[touched], alpha[touched], shift)
    found = float(delta_E_2000(pixels_to_lab(pixels[None], None), pixels_to_lab(out[inside][None], None)).mean())
    if found < least - 10 * _CLOSE:  # the sample's own error is far below that
        raise KnownError(
            f"the garment's colour could be changed by ΔE00 {found:.1f} only, and {least:g} was asked for",
            remedy="Ask for a smaller change, or leave this pair out.",
        )
    return Degraded(out, shift, found)


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """Pixels of the garment by which a shift's strength is found: ``(N, 3)`` uint8 sRGB and their ``(N,)`` alpha."""

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8]

    def distance(self, shift: Shift) -> float:
        """Mean ΔE00 that the shift makes."""
        mixed = _mixed(self.pixels, self.alpha, shift)
        return float(delta_E_2000(pixels_to_lab(self.pixels[None], None), pixels_to_lab(mixed[None], None)).mean())

    def at_distance(self, shift: Shift, wanted: float) -> Shift:
        """The shift at the strength that gives the distance; at full strength it gives at least as much."""
        low, high = 0.0, 1.0
        for _ in range(20):
            middle = (low + high) / 2
            reached = self.distance(shift.scaled(middle))
            if abs(reached - wanted) < _CLOSE:
                return shift.scaled(middle)
            low, high = (middle, high) if reached < wanted else (low, middle)
        return shift.scaled(high)


def _mixed(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8], shift: Shift) -> NDArray[np.uint8]:
    """``(N, 3)`` uint8 sRGB shifted as far as their ``(N,)`` alpha covers them."""
    return covered_by(pixels, lab_to_pixels(shift.applied(pixels_to_lab(pixels[None], None)), None, np.uint8)[0], alpha)


def covered_by(pixels: NDArray[np.uint8], others: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``(N, 3)`` uint8 sRGB with others over them as far as their ``(N,)`` alpha says, mixed in encoded sRGB."""
    share = alpha.astype(np.uint16)[:, None]
    return ((pixels * (255 - share) + others * share + 127) // 255).astype(np.uint8)
