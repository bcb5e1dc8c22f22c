"""Sleeves, cuffs and armholes."""

from __future__ import annotations

import numpy as np

from engine.imaging.drawn.body import CHEST, SHOULDER, Body, Limb
from engine.imaging.drawn.garments import Garment
from engine.imaging.drawn.painter import Fold, Painter
from engine.imaging.drawn.shapes import Points, Tube, generator, ribbon, spline
from engine.imaging.drawn.tops import crumple, rib


def sleeve_tube(body: Body, arm: Limb, garment: Garment) -> Tube:
    """The sleeve around an arm."""
    k, e, u = body.build.limb, garment.ease, body.unit
    line = arm.line(garment.sleeve)
    extra = 0.22 if body.flat else 0.0
    if garment.sleeve < 0.5:
        widths = [0.17 * k + e * 0.45, 0.2 * k + e * (0.5 + extra), 0.195 * k + e * (0.75 + extra)]
    else:
        wrist = 0.1 * k + e * {"sweatshirt": 0.3, "shirt": 0.4}.get(garment.kind, 0.45)
        widths = [
            0.17 * k + e * 0.45,
            0.195 * k + e * 0.5,
            0.165 * k + e * 0.6,
            0.15 * k + e * 0.62,
            0.125 * k + e * 0.6,
            wrist,
        ]
    if body.flat:
        widths[0] *= 0.8  # nothing fills the shoulder of a flat garment
        return Tube.through(line, [w * u * 1.12 for w in widths], flatness=8.0, bulge=0.42)
    return Tube.through(line, [w * u for w in widths], bulge=0.88)


def armhole(body: Body, garment: Garment, side: int) -> Points:
    """The part of the torso piece that a set-in sleeve is sewn behind: neck, shoulder, armhole, armpit."""
    b, e = body.build, garment.ease
    tip = b.shoulder + 0.35 * e + (0.03 if garment.kind == "jacket" else 0)
    pit = max(b.chest + e, tip - 0.2)
    edge = [
        (tip - 0.045, 1.1),
        (tip - 0.045, SHOULDER),
        (tip - 0.07, 1.68),
        (pit - 0.07, CHEST - 0.22),
        (pit - 0.16, CHEST - 0.05),
        (pit - 0.3, CHEST + 0.02),
    ]
    inner = [(0.15, CHEST + 0.02), (0.15, 1.1)]
    return np.vstack(
        [
            spline(body.run([(side * x, y) for x, y in edge[1:]])),
            body.run([(side * x, y) for x, y in [*inner, edge[0]]]),
        ]
    )


def _sleeve_folds(body: Body, arm: Limb, garment: Garment, tube: Tube) -> list[Fold]:
    rng = generator(garment.seed, 20 + arm.side)
    u = body.unit
    stiff = {"jacket": 0.65}.get(garment.kind, 1.0) * (0.45 if body.flat else 1.0)
    folds = []
    long = garment.sleeve > 0.5
    spots = (
        [*rng.uniform(0.42, 0.62, 5), *rng.uniform(0.75, 0.95, 3), *rng.uniform(0.1, 0.3, 2)]
        if long
        else rng.uniform(0.2, 0.9, 3)
    )
    normal = np.gradient(tube.centre, axis=0)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    for k, spot in enumerate(spots):
        i = int(spot * (len(tube.centre) - 1))
        across = np.array([-normal[i, 1], normal[i, 0]]) * tube.half_width[i]
        way = 1 if k % 2 else -1
        start = tube.centre[i] + across * way * 0.95
        slant = normal[i] * u * rng.uniform(-0.16, 0.16)
        middle = tube.centre[i] + slant * 0.7
        folds.append(
            Fold(
                np.array([start, middle, tube.centre[i] - across * way * rng.uniform(-0.2, 0.5) + slant * 1.6]),
                rng.uniform(0.018, 0.036) * u,
                float(rng.choice([-1, 1]) * rng.uniform(0.4, 0.8) * stiff),
            )
        )
    return folds


def paint_sleeve(painter: Painter, body: Body, arm: Limb, garment: Garment, label: str) -> None:
    """One sleeve with its cuff."""
    if garment.sleeve <= 0:
        return
    u = body.unit
    tube = sleeve_tube(body, arm, garment)
    painter.surface(
        [tube.outline(), tube.cap()],
        tube,
        garment.contrast,
        label=label,
        folds=_sleeve_folds(body, arm, garment, tube),
        relief=crumple(garment, body, 0.6) if garment.kind != "dress" else None,
        shadow=0.4 if not body.flat else 0.22,
        reach=0.06,
        under=[armhole(body, garment, arm.side)],
    )
    seam = armhole(body, garment, arm.side)[2:26]
    dark = tuple(0.45 * c for c in garment.contrast.colour)
    cuff = {"sweatshirt": 0.17, "shirt": 0.15}.get(garment.kind, 0.0) if garment.sleeve > 0.5 else 0.0
    steps = np.linalg.norm(np.diff(tube.centre, axis=0), axis=1)
    travelled = np.concatenate([[0], np.cumsum(steps)])
    where = int(np.searchsorted(travelled, travelled[-1] - (cuff or 0.06) * u))
    if cuff:
        end = Tube(
            tube.centre[where - 1 :],
            tube.half_width[where - 1 :] * (0.92 if garment.kind == "sweatshirt" else 1.02),
            tube.flatness,
            tube.bulge,
        )
        painter.surface(
            [end.outline()],
            end,
            garment.contrast.plain() if garment.kind == "sweatshirt" else garment.contrast,
            label=label,
            relief=rib(u, 0.045) if garment.kind == "sweatshirt" else None,
        )
    where = min(max(where, 1), len(tube.centre) - 1)
    across = tube.centre[where] - tube.centre[where - 1]
    across = np.array([-across[1], across[0]]) / max(float(np.linalg.norm(across)), 1e-6) * tube.half_width[where]
    painter.mark([ribbon(seam, max(0.007 * u, 0.5))], (dark[0], dark[1], dark[2]), 0.55, soft=0.5)
    hem = np.array([tube.centre[where] - across, tube.centre[where], tube.centre[where] + across])
    painter.mark([ribbon(hem, max(0.006 * u, 0.5))], (dark[0], dark[1], dark[2]), 0.5)
