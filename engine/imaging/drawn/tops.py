"""Tops, jackets and dresses: outlines, folds, sleeves, collars and hems."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from engine.imaging.drawn.body import CHEST, HIP, SHOULDER, WAIST, Body
from engine.imaging.drawn.fabric import emblem
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
    ribbon,
    smooth_noise,
    smoothstep,
    spline,
)

_NECK_SIDE = 1.37
"""Where a neckline meets the shoulder seam, in heads below the crown."""


def _widths(body: Body, garment: Garment) -> list[tuple[float, float]]:
    """Half width and height of the side seam from armpit to hem, in heads."""
    b, e = body.build, garment.ease
    spread = 1.1 if body.flat else 1.0  # spread flat, the cloth that went around the body lies to the sides
    loose = 0.55 if garment.kind in ("sweatshirt", "t-shirt", "shirt") else 0.3
    waist = b.waist + e + loose * max(0.0, (b.chest + b.hip) / 2 - b.waist)
    if garment.kind == "dress":
        hip, hem = b.hip + e * 0.8, b.hip + e + garment.flare * (garment.hem - HIP) * 0.3
        return [
            ((b.chest + e) * spread, CHEST),
            ((b.waist + e) * spread, WAIST - 0.1),
            (hip * spread, HIP),
            ((0.4 * hip + 0.6 * hem) * spread, (HIP + garment.hem) / 2 + 0.2),
            (hem * spread, garment.hem),
        ]
    hem = b.hip + e * (0.35 if garment.kind == "sweatshirt" else 0.8)
    return [
        ((b.chest + e) * spread, CHEST),
        (waist * spread, WAIST),
        (hem * spread, garment.hem - 0.25),
        (hem * spread * (0.97 if garment.kind == "sweatshirt" else 1.0), garment.hem),
    ]


def _neck_half(body: Body, garment: Garment) -> float:
    wide = {"dress": 0.14, "t-shirt": 0.07, "sweatshirt": 0.07}.get(garment.kind, 0.03)
    return body.build.neck + wide


def neckline(body: Body, garment: Garment, depth: float) -> Points:
    """The front edge of the neck opening from the picture's left to its right, heads."""
    n = _neck_half(body, garment)
    y = _NECK_SIDE
    if garment.kind == "jacket":
        return np.array([(-n, y), (-0.04, y + depth), (0.04, y + depth), (n, y)])
    if garment.kind == "shirt":
        return np.array([(-n, y), (0.0, y + depth), (n, y)])
    return spline([(-n, y), (-n * 0.72, y + depth * 0.72), (0, y + depth), (n * 0.72, y + depth * 0.72), (n, y)])


def torso_outline(body: Body, garment: Garment) -> Points:
    b, e = body.build, garment.ease
    n = _neck_half(body, garment)
    strap = garment.kind == "dress" and garment.sleeve == 0
    if strap:
        side = [(n + 0.02, _NECK_SIDE + 0.02), (n + 0.09, _NECK_SIDE + 0.06)]
        arm = [(n + 0.09, _NECK_SIDE + 0.06), (b.chest * 0.72, 1.8), (b.chest + e * 0.6, CHEST - 0.08)]
    else:
        tip = b.shoulder + 0.35 * e + (0.03 if garment.kind == "jacket" else 0)
        side = [(n, _NECK_SIDE), ((n + tip) / 2, 1.4 if garment.kind == "jacket" else 1.43), (tip - 0.03, SHOULDER)]
        arm = [(tip - 0.03, SHOULDER), (tip - 0.01, 1.68), (max(b.chest + e, tip - 0.12), CHEST)]
    seam = _widths(body, garment)
    drop = 0.1 if garment.kind == "shirt" else 0.03
    if garment.kind == "dress":
        drop = 0.06
    hem_half, hem_y = seam[-1]
    hem = [(hem_half, hem_y), (hem_half * 0.5, hem_y + drop), (0.0, hem_y + drop * 1.1)]
    hem += mirrored(hem[:-1])
    runs = [side, arm, seam, hem, mirrored(seam), mirrored(arm), mirrored(side)]
    neck = [(float(x), float(y)) for x, y in neckline(body, garment, garment.neckline)]
    if strap and len(neck) > 3:
        neck[0], neck[-1] = mirrored(side[:1])[0], side[0]
    return cornered(*(body.run([(float(x), float(y)) for x, y in run]) for run in [*runs, neck]))


def _volume(body: Body, garment: Garment) -> Tube:
    """The torso as one flattened tube from the neck to the hem."""
    b, e = body.build, garment.ease
    seam = _widths(body, garment)
    ys = [1.3, 1.7, *(y for _, y in seam)]
    ws = [b.shoulder * 0.9 + e, max(b.shoulder * 0.86, b.chest) + e, *(w + 0.02 for w, _ in seam)]
    heights = np.linspace(ys[0], ys[-1], 14)
    widths = np.interp(heights, ys, ws) * body.unit
    centre = np.array([body.at(0, float(y)) for y in heights])
    if body.flat:
        return Tube(centre, widths, flatness=9.0, bulge=0.45)
    return Tube(centre, widths, flatness=1.9, bulge=0.86)


def _folds(body: Body, garment: Garment) -> list[Fold]:
    rng = generator(garment.seed, 5 if body.flat else 4)
    u, b = body.unit, body.build
    stiff = {"jacket": 0.5, "sweatshirt": 0.9}.get(garment.kind, 1.0) * (0.45 if body.flat else 1.0)
    folds: list[Fold] = []

    def add(points: list[tuple[float, float]], width: float, slope: float) -> None:
        folds.append(Fold(body.run(points), width * u, slope * stiff))

    hem = min(garment.hem, 4.2)
    for side in (-1, 1):
        for _ in range(3):  # from the armpit towards the waist
            x, y = side * (b.chest + garment.ease * 0.4), CHEST - 0.1 + rng.uniform(-0.1, 0.2)
            length = rng.uniform(0.3, 0.6)
            add(
                [(x, y), (x - side * length * 0.5, y + length * 0.45), (x - side * length * 0.75, y + length)],
                rng.uniform(0.025, 0.045),
                -rng.uniform(0.4, 0.75),
            )
        for _ in range(3):  # gathered at the waist
            y = rng.uniform(WAIST - 0.35, hem - 0.35)
            x = side * (b.waist + garment.ease)
            add(
                [(x, y), (x - side * 0.22, y + rng.uniform(0.02, 0.12)), (x - side * rng.uniform(0.4, 0.6), y - 0.03)],
                rng.uniform(0.02, 0.045),
                rng.choice([-1, 1]) * rng.uniform(0.3, 0.6),
            )
        x = side * rng.uniform(0.15, 0.4)
        add(  # a long soft drape
            [(x, CHEST + 0.2), (x + side * 0.06, WAIST), (x + side * 0.1, hem - 0.2)],
            rng.uniform(0.05, 0.09),
            rng.choice([-1, 1]) * rng.uniform(0.15, 0.3),
        )
    if b.feminine and not body.flat:
        for side in (-1, 1):  # the bust: the light catches above, a soft shade lies below
            add([(side * 0.12, 2.32), (side * 0.3, 2.4), (side * 0.47, 2.27)], 0.09, -0.5 / max(stiff, 0.5))
    return folds


def crumple(garment: Garment, body: Body, amount: float) -> Callable[[Form, Patch], Field]:
    """Soft random wrinkles, long in the direction the cloth hangs; a dress's skirt falls in folds."""

    def relief(form: Form, patch: Patch) -> Field:
        rng = generator(garment.seed, 6)
        u = body.unit
        shape = (patch.alpha.shape[0], patch.alpha.shape[1])
        soft = smooth_noise(rng, shape, u * 0.22, u * 0.42) * u * 0.016 + smooth_noise(rng, shape, u * 0.1, u * 0.2) * (
            u * 0.002
        )
        height = np.float32(amount * (0.4 if body.flat else 1.0)) * soft
        if garment.kind == "dress":
            span = (HIP - 1.3) / (garment.hem - 1.3)
            height = height + drape(form, u, rng, garment.flare, smoothstep(span * 0.85, 1.0, form.t), body.flat)
        return height

    return relief


def drape(form: Form, unit: float, rng: np.random.Generator, flare: float, weight: Field, flat: bool) -> Field:
    """Folds of a hanging skirt: pleats that open towards the hem."""
    count = 3.0 + 5.0 * flare
    phase = rng.uniform(0, 2 * np.pi, 3)
    w = form.u + np.float32(0.05) * np.sin(form.t * np.float32(5) + np.float32(phase[2]))
    waves = np.sin(w * np.float32(count) + np.float32(phase[0])) + np.float32(0.5) * np.sin(
        w * np.float32(count * 1.9) + np.float32(phase[1])
    )
    return waves * weight * np.float32(unit * (0.045 + 0.045 * flare) * (0.35 if flat else 1.0))


def _rows(points: Points, garment: Garment) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in points]


def paint_torso(painter: Painter, body: Body, garment: Garment, label: str) -> None:
    """The torso piece with its hem, neckline, front and print."""
    u = body.unit
    art = emblem(generator(garment.seed, 9)) if garment.emblem else None
    two_tone = garment.contrast is not garment.cloth and garment.sleeve == 0
    cut = (WAIST if garment.kind == "dress" else CHEST + 0.2) - 1.3

    def tint(form: Form, patch: Patch) -> Field:
        factor = np.ones((*patch.alpha.shape, 3), np.float32)
        base = np.array(garment.cloth.colour, np.float32)
        if art is not None:
            side = 0.78 * u
            mx = ((form.across / side + 0.5) * 255).astype(np.float32)
            my = (((form.along - 0.72 * u) / side) * 255).astype(np.float32)
            ink = cv2.remap(art, mx, my, cv2.INTER_AREA, borderMode=cv2.BORDER_CONSTANT, borderValue=0)[..., None]
            factor += ink * 0.94 * (np.array(garment.trim, np.float32) / base - 1)
        if two_tone:
            lower = smoothstep(cut * u - 1, cut * u + 1, form.along)[..., None]
            factor *= 1 + lower * (np.array(garment.contrast.colour, np.float32) / base - 1)
        return factor

    painter.surface(
        [torso_outline(body, garment)],
        _volume(body, garment),
        garment.cloth,
        label=label,
        folds=_folds(body, garment),
        relief=crumple(garment, body, 0.55 if garment.kind == "jacket" else 1.0),
        tint=tint,
        shadow=0.45,
    )
    _paint_hem(painter, body, garment, label)
    if garment.kind in ("t-shirt", "sweatshirt", "dress"):
        _paint_neckband(painter, body, garment, label)
    elif garment.kind == "shirt":
        _paint_placket(painter, body, garment, label)
    else:
        _paint_lapels(painter, body, garment, label)


def _paint_hem(painter: Painter, body: Body, garment: Garment, label: str) -> None:
    u = body.unit
    half, hem = _widths(body, garment)[-1]
    rise = 0.24 if garment.kind == "sweatshirt" else 0.07
    line = spline(body.run([(-half, hem - rise), (0, hem - rise + 0.05), (half, hem - rise)]))
    if garment.kind == "sweatshirt":
        low = spline(
            body.run(
                [(half, hem + 0.0), (half * 0.5, hem + 0.03), (0, hem + 0.035), (-half * 0.5, hem + 0.03), (-half, hem)]
            )
        )
        painter.surface(
            [np.vstack([line, low])],
            _volume(body, garment),
            garment.contrast.plain(),
            label=label,
            relief=rib(u, 0.05),
        )
    dark = tuple(0.45 * c for c in garment.cloth.colour)
    painter.mark([ribbon(line, max(0.006 * u, 0.5))], (dark[0], dark[1], dark[2]), 0.55)


def rib(unit: float, period_heads: float) -> Callable[[Form, Patch], Field]:
    """The vertical ribs of a cuff or waistband."""

    def relief(form: Form, patch: Patch) -> Field:
        period = max(unit * period_heads, 3.0)
        return np.float32(0.10 * period) * np.sin(form.across * np.float32(2 * np.pi / period))

    return relief


def _paint_neckband(painter: Painter, body: Body, garment: Garment, label: str) -> None:
    if garment.kind == "dress" and garment.sleeve == 0:
        return
    wide = {"t-shirt": 0.06, "sweatshirt": 0.085, "dress": 0.03}[garment.kind]
    inner = neckline(body, garment, garment.neckline)
    outer = inner.copy()
    outer[:, 1] += wide * np.linspace(-1, 1, len(inner)) ** 2 * 0.35 + wide * (1 - np.linspace(-1, 1, len(inner)) ** 2)
    outer[:, 0] *= 1 + wide * 1.6
    low, high = body.run(_rows(outer, garment)), body.run(_rows(inner, garment))
    material = garment.contrast.plain()
    painter.surface(
        [np.vstack([high, low[::-1]])], _volume(body, garment), material, label=label, relief=rib(body.unit, 0.035)
    )
    dark = tuple(0.4 * c for c in garment.cloth.colour)
    painter.mark([ribbon(low, max(0.006 * body.unit, 0.5))], (dark[0], dark[1], dark[2]), 0.6, soft=0.5)


def paint_collar_back(painter: Painter, body: Body, garment: Garment, label: str) -> None:
    """The inside of the neck opening's back, which shows behind the neck or in a flatlay."""
    n = _neck_half(body, garment)
    y = _NECK_SIDE
    lift = {"shirt": 0.14, "jacket": 0.1}.get(garment.kind, 0.02)
    front = neckline(body, garment, garment.neckline)
    back = [(n, y), (n * 0.7, y - lift), (0, y - lift * 1.1), (-n * 0.7, y - lift), (-n, y)]
    if garment.kind not in ("shirt", "jacket"):
        back = [(n, y), (n * 0.6, y - 0.015), (0, y - 0.02), (-n * 0.6, y - 0.015), (-n, y)]
    outline = np.vstack([body.run(_rows(front, garment)), spline(body.run(back))])
    painter.surface(
        [outline],
        _volume(body, garment),
        garment.contrast.plain(),
        label=label,
        tint=lambda form, patch: np.full(patch.alpha.shape, 0.5, np.float32),
    )
    if body.flat:  # the brand's label, sewn in
        y0 = y + (0.06 if lift < 0.1 else 0.0)
        quad = body.run([(-0.09, y0), (0.09, y0), (0.09, y0 + 0.09), (-0.09, y0 + 0.09)])
        painter.surface([quad], _volume(body, garment), Plain((0.7, 0.69, 0.66)), label=label)


def _buttons(
    painter: Painter, body: Body, garment: Garment, spots: list[tuple[float, float]], radius: float, label: str
) -> None:
    u = body.unit
    for x, y in spots:
        cx, cy = body.at(x, y)
        disc = ellipse((float(cx), float(cy)), radius * u, radius * u)
        painter.surface(
            [disc], _volume(body, garment), Plain(garment.trim, gloss=0.05), label=label, shadow=0.5, reach=0.015
        )
        painter.mark([ellipse((float(cx), float(cy)), radius * u * 0.35, radius * u * 0.35)], (0.02, 0.02, 0.02), 0.5)


def _paint_placket(painter: Painter, body: Body, garment: Garment, label: str) -> None:
    u = body.unit
    top, hem = _NECK_SIDE + garment.neckline - 0.03, garment.hem + 0.09
    rows = np.linspace(top, hem, 12)
    left, right = (body.run([(x, float(y)) for y in rows]) for x in (-0.065, 0.065))
    material = garment.contrast
    painter.surface(
        [np.vstack([left, right[::-1]])],
        _volume(body, garment),
        material,
        label=label,
        folds=_folds(body, garment),
        shadow=0.35,
        reach=0.02,
    )
    dark = tuple(0.5 * c for c in garment.cloth.colour)
    for line in (left, right):
        painter.mark([ribbon(line, max(0.005 * u, 0.45))], (dark[0], dark[1], dark[2]), 0.5)
    spots = [(0.0, float(y)) for y in np.arange(top + 0.16, hem - 0.2, 0.42)]
    _buttons(painter, body, garment, spots, 0.026, label)
    if body.build.shoulder > 0.85:  # a chest pocket
        x0, x1, y0, y1 = 0.2, 0.52, 2.1, 2.5
        pocket = body.run([(x0, y0), (x1, y0), (x1, y1 - 0.06), ((x0 + x1) / 2, y1), (x0, y1 - 0.06), (x0, y0)])
        painter.mark([ribbon(pocket, max(0.006 * u, 0.5))], (dark[0], dark[1], dark[2]), 0.5)


def paint_collar_front(painter: Painter, body: Body, garment: Garment, label: str) -> None:
    """The two leaves of a shirt collar; other garments have none."""
    if garment.kind != "shirt":
        return
    n, y = body.build.neck + 0.02, _NECK_SIDE
    open_ = garment.neckline
    for side in (-1, 1):
        leaf = [
            (side * 0.015, y + open_ - 0.02),
            (side * (n * 0.75), y + 0.02),
            (side * n, y - 0.13),
            (side * (n + 0.075), y - 0.02),
            (side * (n + 0.14), y + 0.09),
            (side * (0.24), y + open_ + 0.11),
        ]
        top = [leaf[0], leaf[1], leaf[2]]
        outer = [leaf[2], leaf[3], leaf[4]]
        outline = cornered(body.run(top), body.run(outer), body.run([leaf[4], leaf[5]]), body.run([leaf[5], leaf[0]]))
        painter.surface([outline], _volume(body, garment), garment.contrast, label=label, shadow=0.55, reach=0.035)
        edge = body.run([(x * 0.94, v - 0.02) for x, v in (leaf[4], leaf[5], leaf[0])])
        dark = tuple(0.55 * c for c in garment.cloth.colour)
        painter.mark([ribbon(edge, max(0.004 * body.unit, 0.4))], (dark[0], dark[1], dark[2]), 0.4)


def _paint_lapels(painter: Painter, body: Body, garment: Garment, label: str) -> None:
    u = body.unit
    n, y = _neck_half(body, garment), _NECK_SIDE
    close = y + garment.neckline
    dark = tuple(0.35 * c for c in garment.cloth.colour)
    shade = (dark[0], dark[1], dark[2])
    edge = spline(body.run([(0.05, close), (0.06, (close + garment.hem) / 2), (0.04, garment.hem)]))
    painter.mark([ribbon(edge, max(0.009 * u, 0.6))], shade, 0.8, soft=0.6)
    for side in (-1, 1):
        notch = y + 0.36 * garment.neckline + 0.05
        lapel = cornered(
            body.run([(side * (n - 0.03), y + 0.0), (side * 0.05, close + 0.02)]),
            body.run(
                [
                    (side * 0.05, close + 0.02),
                    (side * 0.25, close - 0.45 * garment.neckline),
                    (side * (n + 0.27), notch),
                ]
            ),
            body.run([(side * (n + 0.27), notch), (side * (n + 0.1), notch - 0.03)]),
            body.run([(side * (n + 0.1), notch - 0.03), (side * (n - 0.03), y)]),
        )
        painter.surface([lapel], _volume(body, garment), garment.contrast, label=label, shadow=0.5, reach=0.04)
        collar = cornered(
            body.run([(side * (n - 0.04), y - 0.13), (side * (n - 0.02), y + 0.1), (side * (n + 0.09), notch - 0.03)]),
            body.run([(side * (n + 0.09), notch - 0.03), (side * (n + 0.22), notch - 0.1)]),
            body.run([(side * (n + 0.22), notch - 0.1), (side * (n + 0.12), y), (side * (n - 0.04), y - 0.13)]),
        )
        painter.surface([collar], _volume(body, garment), garment.contrast, label=label, shadow=0.45, reach=0.03)
        px = side * body.build.chest * 0.62
        flap = body.run([(px - 0.2, 3.45), (px + 0.2, 3.45), (px + 0.2, 3.57), (px - 0.2, 3.57)])
        painter.surface([flap], _volume(body, garment), garment.cloth, label=label, shadow=0.5, reach=0.025)
        painter.mark([ribbon(flap[:2], max(0.006 * u, 0.5))], shade, 0.6)
    spots = [(0.0, close + 0.04 + k * 0.38) for k in range(2 if garment.neckline > 1.1 else 3)]
    _buttons(painter, body, garment, [s for s in spots if s[1] < garment.hem - 0.2], 0.04, label)
