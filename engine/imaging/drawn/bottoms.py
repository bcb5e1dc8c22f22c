"""Trousers, shorts and skirts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.imaging.drawn.body import CROTCH, HIP, KNEE, Body, Limb
from engine.imaging.drawn.garments import Garment
from engine.imaging.drawn.painter import Fold, Painter, Plain
from engine.imaging.drawn.shapes import (
    Field,
    Form,
    Patch,
    Points,
    Tube,
    cornered,
    ellipse,
    generator,
    mirrored,
    nearest_form,
    ribbon,
    smooth_noise,
    smoothstep,
    spline,
)
from engine.imaging.drawn.tops import drape


def _waist_half(body: Body, garment: Garment) -> float:
    b = body.build
    t = (garment.rise - 3.05) / (HIP - 3.05)
    return (b.waist + (b.hip - b.waist) * max(t, 0.0) ** 0.8 + 0.02) * (1.06 if body.flat else 1.0)


def _hip_half(body: Body, garment: Garment) -> float:
    return (body.build.hip + garment.ease * 0.6 + 0.02) * (1.08 if body.flat else 1.0)


def leg_cloth(body: Body, leg: Limb, garment: Garment) -> Tube:
    """One trouser leg from the hip to its hem."""
    k, e, u = body.build.limb, garment.ease, body.unit
    line = leg.line(min(garment.hem, 1.0))
    if garment.kind == "trousers" and not body.flat:  # the hem rests on the shoe
        line[-1] += (line[-1] - line[-2]) / np.linalg.norm(line[-1] - line[-2]) * (garment.hem - 0.9) * u
    if garment.kind == "shorts":
        widths = [0.35 * k + e * 0.3, 0.355 * k + e * 0.7, 0.345 * k + e]
    else:
        widths = [
            0.34 * k + e * 0.4,
            0.345 * k + e * 0.6,
            0.3 * k + e * 0.85,
            0.25 * k + e * 0.9,
            0.225 * k + e,
            0.2 * k + e * 1.1,
            0.165 * k + e * 1.25,
        ]
    tube = Tube.through(line, [w * u for w in widths])
    # Below the crotch the legs part: each keeps to its side of the middle as far as its foot allows.
    middle, level = (float(v) for v in body.at(0, CROTCH))
    gap = 0.015 * u + (0.12 * np.maximum(tube.centre[:, 1] - level, 0) if body.flat else 0.0)
    lacking = tube.half_width + gap - leg.side * (tube.centre[:, 0] - middle)
    parted = np.clip((tube.centre[:, 1] - level + 0.1 * u) / (0.35 * u), 0, 1) * np.maximum(lacking, 0)
    share = 1.0 if garment.kind == "shorts" or body.flat else 0.5
    centre = tube.centre + np.stack([leg.side * share * parted, np.zeros(len(parted))], 1)
    if body.flat:
        return Tube(centre, tube.half_width * 1.03, flatness=8.0, bulge=0.45)
    return Tube(centre, tube.half_width, flatness=1.15, bulge=0.88)


def _pelvis(body: Body, garment: Garment) -> Tube:
    ys = np.array([garment.rise - 0.1, garment.rise, HIP, CROTCH + 0.4])
    ws = np.array(
        [_waist_half(body, garment), _waist_half(body, garment), _hip_half(body, garment), _hip_half(body, garment)]
    )
    heights = np.linspace(ys[0], ys[-1], 8)
    centre = np.array([body.at(0, float(y)) for y in heights])
    widths = (np.interp(heights, ys, ws) + 0.03) * body.unit
    return Tube(centre, widths, 8.0 if body.flat else 1.7, 0.45 if body.flat else 0.86)


def paint_bottom(painter: Painter, body: Body, garment: Garment, label: str) -> None:
    """A skirt, trousers or shorts."""
    if garment.kind == "skirt":
        _paint_skirt(painter, body, garment, label)
    else:
        _paint_trousers(painter, body, garment, label)
    _paint_waistband(painter, body, garment, label)


def _outer_seam(leg: Tube, side: int) -> Points:
    """The outer edge of a leg's upper part, from the crotch's height downwards."""
    outline = leg.outline()
    n = len(leg.centre)
    edges = outline[:n], outline[n:][::-1]
    outer = max(edges, key=lambda edge: side * float(edge[:, 0].mean()))
    depth = outer[:, 1] - outer[0, 1]
    picked = [int(np.searchsorted(depth, float(np.median(leg.half_width)) * share)) for share in (1.0, 1.8)]
    return outer[[min(i, n - 1) for i in picked]]


def _wrinkles(garment: Garment, body: Body) -> Callable[[Form, Patch], Field]:
    def relief(form: Form, patch: Patch) -> Field:
        rng = generator(garment.seed, 31)
        u = body.unit
        shape = (patch.alpha.shape[0], patch.alpha.shape[1])
        soft = smooth_noise(rng, shape, u * 0.16, u * 0.4) * u * 0.011 + smooth_noise(
            rng, shape, u * 0.09, u * 0.13
        ) * (u * 0.003)
        return np.float32(0.4 if body.flat else 1.0) * soft

    return relief


def _paint_trousers(painter: Painter, body: Body, garment: Garment, label: str) -> None:
    u = body.unit
    w, h = _waist_half(body, garment), _hip_half(body, garment)
    legs = [leg_cloth(body, leg, garment) for leg in body.legs]
    pelvis = _pelvis(body, garment)
    side = [(w, garment.rise), (h * 0.97, (garment.rise + HIP) / 2), (h, HIP)]
    # The side seam runs on into the outer edge of each leg.
    left, right = (_outer_seam(cloth, leg.side) for cloth, leg in zip(legs, body.legs, strict=True))
    block = cornered(
        np.vstack([body.run(side), right]),
        np.array([right[-1], body.at(0, CROTCH + 0.08), left[-1]]),
        np.vstack([left[::-1], body.run(mirrored(side))]),
        body.run([(-w, garment.rise), (0, garment.rise + 0.03), (w, garment.rise)]),
    )

    def form(patch: Patch) -> Form:
        _, y = patch.grid()
        level = float(body.at(0, CROTCH)[1])
        weight = 1 - smoothstep(
            level - 0.5 * u, level + 0.35 * u, np.broadcast_to(y, patch.alpha.shape).astype(np.float32)
        )
        return nearest_form(legs, patch).mixed(pelvis.form(patch), weight)

    faded = garment.cloth.weave.value == "denim"
    fade = 0.5 * max(0.0, 0.8 - max(garment.cloth.colour))  # pale denim has nothing left to lose

    def tint(form: Form, patch: Patch) -> Field:
        out = np.ones(patch.alpha.shape, np.float32)
        if faded:  # denim is worn pale on the thighs
            out += np.float32(fade) * np.exp(-((form.u / 0.55) ** 2) - ((form.t - 0.22) / 0.2) ** 2).astype(np.float32)
        return out

    painter.surface(
        [block, *(leg.outline() for leg in legs)],
        form,
        garment.cloth,
        label=label,
        folds=_trouser_folds(body, garment, legs),
        relief=_wrinkles(garment, body),
        tint=tint,
        shadow=0.4,
    )
    dark = tuple(0.35 * c for c in garment.cloth.colour)
    shade = (dark[0], dark[1], dark[2])
    fly = spline(body.run([(0, garment.rise), (0.0, HIP), (0, CROTCH + 0.06)]))
    painter.mark([ribbon(fly, max(0.006 * u, 0.5))], shade, 0.6)
    stitch = spline(body.run([(0.12, garment.rise + 0.12), (0.12, HIP - 0.1), (0.02, CROTCH - 0.12)]))
    painter.mark([ribbon(stitch, max(0.004 * u, 0.4))], shade, 0.4)
    for s in (-1, 1):
        pocket = spline(
            body.run(
                [
                    (s * w * 0.55, garment.rise + 0.12),
                    (s * w * 0.72, garment.rise + 0.3),
                    (s * h * 0.97, garment.rise + 0.42),
                ]
            )
        )
        painter.mark([ribbon(pocket, max(0.008 * u, 0.5))], shade, 0.6, soft=0.4)
    # Below the crotch the two legs shade each other.
    gap = (legs[0].centre[3] + legs[1].centre[3]) / 2
    inner = np.array([body.at(0, CROTCH + 0.05), body.at(0, CROTCH + 0.4), [gap[0], body.at(0, CROTCH + 1.0)[1]]])
    painter.mark([ribbon(spline(inner), np.linspace(0.02, 0.05, 17) * u)], shade, 0.45, soft=0.03 * u)
    for leg in legs:
        d = leg.centre[-1] - leg.centre[-2]
        d /= np.linalg.norm(d)
        across = np.array([-d[1], d[0]]) * leg.half_width[-1]
        at = leg.centre[-1] - d * u * 0.06
        painter.mark(
            [ribbon(np.array([at - across, at + d * 0.02 * u, at + across]), max(0.005 * u, 0.45))], shade, 0.45
        )


def _trouser_folds(body: Body, garment: Garment, legs: list[Tube]) -> list[Fold]:
    rng = generator(garment.seed, 32)
    u = body.unit
    calm = 0.45 if body.flat else 1.0
    folds = []
    for side in (-1, 1):
        for _ in range(4):  # whiskers that radiate from the crotch
            y = CROTCH - rng.uniform(-0.05, 0.25)
            x = side * body.build.hip * rng.uniform(0.65, 0.95)
            line = body.run(
                [
                    (side * 0.04, CROTCH + rng.uniform(-0.12, 0.1)),
                    (x * 0.55, y - 0.02),
                    (x, y - rng.uniform(-0.12, 0.2)),
                ]
            )
            folds.append(
                Fold(line, rng.uniform(0.02, 0.035) * u, float(rng.choice([-1, 1]) * rng.uniform(0.3, 0.6) * calm))
            )
    if garment.kind == "trousers":
        for tube in legs:
            n = len(tube.centre) - 1
            spots = [*rng.uniform(0.48, 0.62, 4), *rng.uniform(0.86, 0.985, 5)]
            for k, spot in enumerate(spots):  # behind the knee and where the hem rests on the shoe
                c, half = tube.centre[int(spot * n)], tube.half_width[int(spot * n)]
                way = 1 if k % 2 else -1
                tilt = rng.uniform(0.02, 0.14) * u
                line = np.array(
                    [
                        c + np.array([way * half, -tilt * 0.3]),
                        c + np.array([way * half * 0.2, tilt * 0.6]),
                        c + np.array([-way * half * rng.uniform(0.1, 0.7), tilt]),
                    ]
                )
                folds.append(
                    Fold(
                        line, rng.uniform(0.016, 0.032) * u, float(rng.choice([-1, 1]) * rng.uniform(0.35, 0.7) * calm)
                    )
                )
            if garment.cloth.weave.value != "denim":  # the pressed crease
                folds.append(Fold(tube.centre[2:-2:4], 0.018 * u, 0.28))
    return folds


def _paint_skirt(painter: Painter, body: Body, garment: Garment, label: str) -> None:
    u = body.unit
    w, h = _waist_half(body, garment), _hip_half(body, garment)
    hem_half = h + garment.flare * (garment.hem - HIP) * 0.42
    knees = max(abs(float(leg.middle[0] - body.at(0, KNEE)[0])) for leg in body.legs) / u
    hem_half = max(hem_half, knees + 0.28) if garment.hem > 5.4 else hem_half
    seam = [
        (w, garment.rise),
        (h * 0.97, HIP - 0.15),
        (0.6 * h + 0.4 * hem_half, (HIP + garment.hem) / 2),
        (hem_half, garment.hem),
    ]
    rng = generator(garment.seed, 33)
    wave = 0.018 + 0.05 * garment.flare
    xs = np.linspace(hem_half, -hem_half, 9)
    hem = [
        (
            float(x),
            garment.hem
            + 0.05 * (1 - (x / hem_half) ** 2)
            + float(rng.uniform(-wave, wave)) * (0.3 if body.flat else 1),
        )
        for x in xs
    ]
    hem[0], hem[-1] = seam[-1], mirrored(seam[-1:])[0]
    outline = cornered(
        body.run(seam),
        body.run(hem),
        body.run(mirrored(seam)),
        body.run([(-w, garment.rise), (0, garment.rise + 0.03), (w, garment.rise)]),
    )
    heights = np.linspace(garment.rise, garment.hem, 12)
    widths = np.interp(heights, [y for _, y in seam], [x for x, _ in seam]) * u
    tube = Tube(
        np.array([body.at(0, float(y)) for y in heights]),
        widths,
        8.0 if body.flat else 1.5,
        0.45 if body.flat else 0.88,
    )
    wrinkles = _wrinkles(garment, body)

    def relief(form: Form, patch: Patch) -> Field:
        gathered = np.clip(form.t, 0.1, 1) ** 0.8
        return wrinkles(form, patch) + drape(form, u, generator(garment.seed, 34), garment.flare, gathered, body.flat)

    painter.surface([outline], tube, garment.cloth, label=label, relief=relief, shadow=0.5, reach=0.1)
    dark = tuple(0.45 * c for c in garment.cloth.colour)
    line = spline(body.run([(x * 0.995, y - 0.07) for x, y in hem]))
    painter.mark([ribbon(line, max(0.005 * u, 0.45))], (dark[0], dark[1], dark[2]), 0.5)


def _paint_waistband(painter: Painter, body: Body, garment: Garment, label: str) -> None:
    u = body.unit
    w = _waist_half(body, garment)
    top, low = garment.rise, garment.rise + 0.12
    band = np.vstack(
        [
            spline(body.run([(-w, top), (0, top + 0.03), (w, top)])),
            spline(body.run([(w + 0.025, low), (0, low + 0.03), (-w - 0.025, low)])),
        ]
    )
    painter.surface(
        [band],
        _pelvis(body, garment),
        garment.contrast.plain() if garment.kind == "skirt" else garment.contrast,
        label=label,
    )
    dark = tuple(0.4 * c for c in garment.cloth.colour)
    line: Points = spline(body.run([(w + 0.025, low), (0, low + 0.03), (-w - 0.025, low)]))
    painter.mark([ribbon(line, max(0.006 * u, 0.5))], (dark[0], dark[1], dark[2]), 0.7, soft=0.4)
    if garment.kind == "skirt":
        return
    x, y = body.at(0.0, top + 0.09)
    painter.surface(
        [ellipse((float(x), float(y)), 0.03 * u, 0.03 * u)],
        _pelvis(body, garment),
        Plain((0.3, 0.28, 0.25), gloss=0.2),
        label=label,
        shadow=0.4,
        reach=0.015,
    )
    for s in (-0.75, -0.35, 0.35, 0.75):  # belt loops
        loop = body.run(
            [
                (s * w - 0.02, top - 0.005),
                (s * w + 0.02, top - 0.005),
                (s * w + 0.02, low + 0.03),
                (s * w - 0.02, low + 0.03),
            ]
        )
        painter.surface([loop], _pelvis(body, garment), garment.cloth.plain(), label=label, shadow=0.4, reach=0.012)
