"""Colour for the drawn pictures: linear light to sRGB and back, and a colour cast in CIELAB (D65)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.imaging.drawn.shapes import Field

_TABLE_SIZE = 1 << 16


def _encode_exactly(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    # IEC 61966-2-1
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


_ENCODE = _encode_exactly(np.linspace(0, 1, _TABLE_SIZE)).astype(np.float32)


def encode(linear: Field) -> Field:
    """Linear-light RGB, 0 to 1 (clipped), to sRGB, 0 to 1; through a table, because powers are slow."""
    return _ENCODE[(np.clip(linear, 0, 1) * (_TABLE_SIZE - 1) + 0.5).astype(np.uint16)]


def from_lab(L: float, a: float, b: float) -> tuple[float, float, float]:
    """CIELAB (D65) to linear-light sRGB, clipped to 0.004 to 0.9: no cloth is blacker or whiter."""
    lab = np.array([[[L, a, b]]], np.float32)
    rgb = np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2LRGB), 0.004, 0.9)[0, 0]
    return float(rgb[0]), float(rgb[1]), float(rgb[2])


def linear_of(red: int, green: int, blue: int) -> tuple[float, float, float]:
    """An 8-bit sRGB colour in linear light."""
    v = np.array([red, green, blue]) / 255
    out = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    return float(out[0]), float(out[1]), float(out[2])


@dataclass(frozen=True, slots=True)
class ColorCast:
    """A wrong garment colour: a shift in CIELAB (D65) that every garment pixel gets, clipped to sRGB afterwards.

    Attributes
    ----------
    dL : float
        Added to L*.
    chroma : float
        Factor on C*ab.
    dh : float
        Added to h_ab, degrees.
    da, db : float
        Added to a* and b*, so that greys get a colour too.
    """

    dL: float = 0.0
    chroma: float = 1.0
    dh: float = 0.0
    da: float = 0.0
    db: float = 0.0

    @classmethod
    def random(cls, rng: np.random.Generator) -> ColorCast:
        """A cast an operator sees at once: some 6 to 25 ΔE."""
        angle = rng.uniform(0, 2 * np.pi)
        tint = rng.uniform(6, 14)
        return cls(
            dL=float(rng.uniform(-8, 8)),
            chroma=float(rng.uniform(0.75, 1.25)),
            dh=float(rng.uniform(-25, 25)),
            da=float(tint * np.cos(angle)),
            db=float(tint * np.sin(angle)),
        )

    def applied(self, srgb: Field) -> Field:
        """The cast colour of ``(h, w, 3)`` float32 sRGB, 0 to 1; the same shape and range."""
        lab = cv2.cvtColor(np.ascontiguousarray(srgb), cv2.COLOR_RGB2Lab)
        L, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
        cos, sin = self.chroma * np.cos(np.radians(self.dh)), self.chroma * np.sin(np.radians(self.dh))
        shifted = np.stack([np.clip(L + self.dL, 0, 100), a * cos - b * sin + self.da, a * sin + b * cos + self.db], -1)
        return np.clip(cv2.cvtColor(shifted.astype(np.float32), cv2.COLOR_Lab2RGB), 0, 1)
