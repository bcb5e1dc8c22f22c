"""Cloth: yarn, weave and print as functions of the cloth's own coordinates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np

from engine.imaging.drawn.painter import RGB
from engine.imaging.drawn.shapes import Field, Form, generator, smooth_noise
from engine.imaging.drawn.tone import from_lab


class Weave(StrEnum):
    """How the yarn lies."""

    JERSEY = "jersey"
    KNIT = "knit"
    PLAIN = "plain"
    DENIM = "denim"
    WOOL = "wool"
    SATIN = "satin"


class Print(StrEnum):
    """What is printed or woven into the cloth."""

    NONE = "none"
    STRIPES = "stripes"
    PINSTRIPES = "pinstripes"
    CHECKS = "checks"


@dataclass(frozen=True, slots=True)
class Cloth:
    """A fabric; also the material a garment's pieces are painted with.

    Attributes
    ----------
    colour, second : tuple of float
        Linear-light sRGB of the base and of the print.
    period : float
        Repeat of the print, in heads.
    """

    colour: RGB
    second: RGB
    weave: Weave
    print: Print = Print.NONE
    period: float = 0.2
    seed: int = 0
    unit: float = 100.0
    gloss: float = 0.0
    sharpness: float = 14.0
    subsurface: bool = False

    def plain(self, colour: RGB | None = None) -> Cloth:
        """The same yarn without a print: cuffs, collars, facings."""
        return replace(self, print=Print.NONE, colour=colour or self.colour)

    def albedo(self, form: Form, alpha: Field) -> Field:
        rng = generator(self.seed, 71)
        share = self._print_share(form)
        base, second = np.array(self.colour, np.float32), np.array(self.second, np.float32)
        colour = base + share[..., None] * (second - base)
        return colour * self._yarn(rng, alpha.shape)[..., None]

    def _print_share(self, form: Form) -> Field:
        p = max(self.period * self.unit, 3.0)
        if self.print is Print.NONE:
            return np.zeros_like(form.u)
        if self.print is Print.STRIPES:
            return _bands(form.along, p, 0.38)
        if self.print is Print.PINSTRIPES:
            return _bands(form.across, p * 0.5, 0.12) * np.float32(0.75)
        warp, weft = _bands(form.across, p, 0.45), _bands(form.along, p, 0.45)
        thin = np.maximum(_bands(form.across + p * 0.27, p, 0.05), _bands(form.along + p * 0.27, p, 0.05))
        return np.clip(0.5 * warp + 0.5 * weft + 0.35 * thin, 0, 1)

    def _yarn(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Field:
        """Uneven dye and yarn: a factor near 1 per pixel."""
        h, w = shape[:2]
        fine = max(self.unit * 0.012, 1.0)
        if self.weave is Weave.DENIM:
            slub = smooth_noise(rng, (h, w), fine, fine * 9) + 0.5 * smooth_noise(rng, (h, w), fine * 5, fine)
            return 1 + np.float32(0.085) * slub
        if self.weave is Weave.WOOL:
            return 1 + np.float32(0.09) * smooth_noise(rng, (h, w), fine * 1.4, fine * 1.4)
        if self.weave is Weave.PLAIN:
            threads = smooth_noise(rng, (h, w), fine, fine * 7) + smooth_noise(rng, (h, w), fine * 7, fine)
            return 1 + np.float32(0.022) * threads
        strength = 0.012 if self.weave is Weave.SATIN else 0.028
        return 1 + np.float32(strength) * smooth_noise(rng, (h, w), fine, fine * 1.5)

    def relief(self, form: Form, unit: float) -> Field | None:
        """Ribs of a knit and the twill line of denim, in pixels; none where a rib is finer than 2.5 px."""
        if self.weave is Weave.KNIT:
            period = unit * 0.042
            if period < 2.5:
                return None
            phase = form.across * np.float32(2 * np.pi / period)
            stitch = np.sin(form.along * np.float32(2 * np.pi / (period * 0.8)) + 1.6 * np.abs(np.sin(phase / 2)))
            return np.float32(0.045 * period) * (np.sin(phase) + np.float32(0.35) * stitch)
        if self.weave is Weave.DENIM:
            period = unit * 0.025
            if period < 2.5:
                return None
            return np.float32(0.03 * period) * np.sin((form.across + form.along * 0.7) * np.float32(2 * np.pi / period))
        return None


def _bands(coordinate: Field, period: float, share: float) -> Field:
    """Anti-aliased stripes: 1 within the first ``share`` of every period."""
    phase = np.mod(coordinate / np.float32(period), 1).astype(np.float32)
    edge = np.float32(1.2 / period)
    rise = np.clip(phase / edge + 0.5, 0, 1) * np.clip((np.float32(share) - phase) / edge + 0.5, 0, 1)
    return np.maximum(rise, np.clip((phase - 1) / edge + 0.5, 0, 1))


_NEUTRALS = (
    (13.0, 0.0, -1.0),
    (93.0, 0.0, 2.0),
    (82.0, 1.0, 8.0),
    (55.0, 0.0, 0.0),
    (32.0, 0.0, -1.0),
    (20.0, 3.0, -18.0),
    (70.0, 4.0, 18.0),
    (44.0, 8.0, 20.0),
    (40.0, -8.0, 14.0),
)
"""Black, white, ecru, greys, navy, beige, brown and olive in CIELAB: what shops sell most."""


def random_colour(rng: np.random.Generator, neutral: float) -> RGB:
    """A garment colour: one of the shop's neutrals with probability ``neutral``, else any hue that sRGB can show."""
    if rng.random() < neutral:
        L, a, b = _NEUTRALS[int(rng.integers(len(_NEUTRALS)))]
        return from_lab(L + rng.uniform(-3, 3), a + rng.uniform(-1, 1), b + rng.uniform(-2, 2))
    L, C, h = rng.uniform(28, 78), rng.uniform(22, 62), rng.uniform(0, 2 * np.pi)
    return from_lab(L, C * np.cos(h), C * np.sin(h))


def emblem(rng: np.random.Generator) -> Field:
    """A printed graphic, ``(256, 256)`` float32 coverage: a sun over waves, rings or bars, with a line of lettering."""
    art = np.zeros((256, 256), np.uint8)
    kind = int(rng.integers(3))
    if kind == 0:
        cv2.circle(art, (128, 92), 66, 255, -1, cv2.LINE_AA)
        for k in range(4):
            y = 96 + 17 * k
            cv2.line(art, (40, y), (216, y), 0, 3 + 2 * k, cv2.LINE_AA)
    elif kind == 1:
        for radius, thickness in ((74, 7), (52, 14), (24, -1)):
            cv2.circle(art, (128, 92), radius, 255, thickness, cv2.LINE_AA)
    else:
        peak = np.array([[38, 158], [104, 34], [140, 98], [162, 66], [218, 158]])
        cv2.fillPoly(art, [peak], 255, cv2.LINE_AA)
        cv2.circle(art, (188, 44), 20, 255, -1, cv2.LINE_AA)
    word = ("NORTH", "ATELIER", "STUDIO", "HARBOR")[int(rng.integers(4))]
    (width, _), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_DUPLEX, 1.5, 4)
    cv2.putText(art, word, ((256 - width) // 2, 222), cv2.FONT_HERSHEY_DUPLEX, 1.5, 255, 4, cv2.LINE_AA)
    return art.astype(np.float32) / 255
