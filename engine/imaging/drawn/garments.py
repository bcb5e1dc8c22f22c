"""Garments that are cut once and worn twice: on a posed body and spread flat, from the same cloth and measures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.imaging.drawn.fabric import Cloth, Print, Weave, random_colour
from engine.imaging.drawn.painter import RGB

CATEGORIES = {
    "t-shirt": "top",
    "sweatshirt": "top",
    "shirt": "top",
    "jacket": "outerwear",
    "dress": "dress",
    "skirt": "bottom",
    "trousers": "bottom",
    "shorts": "bottom",
}
"""Every garment that can be drawn, with its category."""


@dataclass(frozen=True, slots=True)
class Garment:
    """One article: its cloth and its cut. Lengths and widths in heads.

    Attributes
    ----------
    cloth, contrast : Cloth
        The main cloth, and the one of sleeves or yoke of a two-tone garment (the main one again otherwise).
    trim : tuple of float
        Linear-light colour of buttons, drawstring and print.
    ease : float
        How far the cloth stands off the body.
    hem : float
        Height of the hem below the crown.
    sleeve : float
        Share of the arm that the sleeve covers; 0 for none.
    neckline : float
        Depth of the neckline below the base of the neck.
    flare : float
        How much wider a skirt's hem is than the hip.
    emblem : bool
        Whether a graphic is printed on the chest.
    rise : float
        Height of a waistband below the crown.
    seed : int
        Of folds and print.
    """

    kind: str
    cloth: Cloth
    contrast: Cloth
    trim: RGB
    ease: float
    hem: float
    sleeve: float
    neckline: float
    flare: float = 0.1
    emblem: bool = False
    rise: float = 3.3
    seed: int = 0

    @property
    def category(self) -> str:
        return CATEGORIES[self.kind]

    def scaled(self, unit: float) -> Garment:
        """The same article drawn with another head height, in source pixels."""
        return replace(self, cloth=replace(self.cloth, unit=unit), contrast=replace(self.contrast, unit=unit))


_WEAVES: dict[str, tuple[Weave, ...]] = {
    "t-shirt": (Weave.JERSEY, Weave.JERSEY, Weave.KNIT),
    "sweatshirt": (Weave.JERSEY, Weave.KNIT),
    "shirt": (Weave.PLAIN, Weave.PLAIN, Weave.DENIM),
    "jacket": (Weave.WOOL, Weave.PLAIN, Weave.DENIM),
    "dress": (Weave.SATIN, Weave.PLAIN, Weave.JERSEY),
    "skirt": (Weave.PLAIN, Weave.SATIN, Weave.WOOL),
    "trousers": (Weave.DENIM, Weave.PLAIN, Weave.WOOL),
    "shorts": (Weave.PLAIN, Weave.DENIM, Weave.JERSEY),
}

_PRINTS: dict[str, tuple[Print, ...]] = {
    "t-shirt": (Print.STRIPES,),
    "sweatshirt": (Print.STRIPES,),
    "shirt": (Print.CHECKS, Print.PINSTRIPES),
    "jacket": (Print.CHECKS, Print.PINSTRIPES),
    "dress": (Print.STRIPES, Print.CHECKS),
    "skirt": (Print.CHECKS, Print.PINSTRIPES),
    "trousers": (Print.PINSTRIPES, Print.CHECKS),
    "shorts": (Print.STRIPES, Print.CHECKS),
}


def random_garment(rng: np.random.Generator, kind: str, *, quiet: bool = False) -> Garment:
    """A garment of a kind; ``quiet`` gives the plain neutral that stylists put beside the article they sell."""
    weave = _WEAVES[kind][int(rng.integers(len(_WEAVES[kind])))]
    colour = random_colour(rng, neutral=1.0 if quiet else 0.3)
    if weave is Weave.DENIM and not quiet and rng.random() < 0.6:
        from engine.imaging.drawn.tone import from_lab

        colour = from_lab(rng.uniform(24, 55), rng.uniform(-3, 2), rng.uniform(-30, -14))
    style = "plain" if quiet else str(rng.choice(["plain", "print", "two-tone", "emblem"], p=[0.45, 0.25, 0.12, 0.18]))
    second = random_colour(rng, neutral=0.75)
    if sum(abs(a - b) for a, b in zip(colour, second, strict=True)) < 0.25:
        bright = sum(colour) > 0.9
        second = (0.02, 0.025, 0.04) if bright else (0.8, 0.79, 0.75)
    prints = _PRINTS[kind]
    printed = prints[int(rng.integers(len(prints)))] if style == "print" and weave is not Weave.DENIM else Print.NONE
    cloth = Cloth(
        colour,
        second,
        weave,
        printed,
        period=float(rng.uniform(0.1, 0.3)) * (1.5 if printed is Print.CHECKS else 1.0),
        seed=int(rng.integers(1 << 30)),
        gloss=0.10 if weave is Weave.SATIN else 0.012,
        sharpness=22.0 if weave is Weave.SATIN else 8.0,
    )
    contrast = cloth.plain(second) if style == "two-tone" else cloth
    cut = {
        "t-shirt": (0.09, rng.uniform(3.9, 4.2), rng.uniform(0.24, 0.34), rng.uniform(0.14, 0.24)),
        "sweatshirt": (0.15, rng.uniform(3.9, 4.15), 0.98, 0.15),
        "shirt": (0.10, rng.uniform(4.05, 4.3), 1.0, 0.2),
        "jacket": (0.15, rng.uniform(3.95, 4.4), 1.0, rng.uniform(0.9, 1.35)),
        "dress": (0.05, rng.uniform(5.3, 6.6), rng.choice([0.0, 0.22, 0.95], p=[0.4, 0.4, 0.2]), rng.uniform(0.3, 0.5)),
        "skirt": (0.05, rng.uniform(5.1, 6.7), 0.0, 0.0),
        "trousers": (rng.choice([0.03, 0.07, 0.13]), rng.uniform(0.96, 1.02), 0.0, 0.0),
        "shorts": (rng.uniform(0.08, 0.14), rng.uniform(0.27, 0.48), 0.0, 0.0),
    }[kind]
    ease, hem, sleeve, neckline = (float(v) for v in cut)
    return Garment(
        kind,
        cloth,
        contrast,
        trim=second if style != "plain" else ((0.75, 0.73, 0.68) if sum(colour) < 1.2 else (0.25, 0.24, 0.22)),
        ease=ease,
        hem=hem,
        sleeve=sleeve,
        neckline=neckline,
        flare=float(rng.uniform(0.05, 0.75)),
        emblem=style == "emblem" and kind in ("t-shirt", "sweatshirt"),
        rise=float(rng.uniform(3.1, 3.4)) if kind == "skirt" else float(rng.uniform(3.25, 3.5)),
        seed=int(rng.integers(1 << 30)),
    )
