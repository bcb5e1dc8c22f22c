"""Neck and face of the drawn figure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.imaging.drawn.body import Body
from engine.imaging.drawn.painter import RGB, Fold, Painter, Plain
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
    spindle,
    spline,
)
from engine.imaging.drawn.tone import linear_of

_SKIN = (
    linear_of(244, 214, 194),
    linear_of(232, 190, 162),
    linear_of(214, 166, 132),
    linear_of(186, 132, 96),
    linear_of(142, 94, 66),
    linear_of(98, 64, 46),
)
_HAIR = (
    linear_of(28, 23, 22),
    linear_of(52, 36, 27),
    linear_of(88, 60, 40),
    linear_of(138, 98, 62),
    linear_of(196, 160, 108),
    linear_of(136, 68, 36),
    linear_of(150, 146, 142),
)


@dataclass(frozen=True, slots=True)
class Looks:
    """A person's colouring and hair.

    Attributes
    ----------
    style : str
        ``cropped``, ``short``, ``bob``, ``long``, ``bun`` or ``curly``.
    jaw : float
        Factor on the width of the jaw.
    """

    skin: RGB
    hair: RGB
    style: str
    jaw: float
    beard: bool
    seed: int

    @classmethod
    def random(cls, rng: np.random.Generator, feminine: bool) -> Looks:
        tone = int(rng.integers(len(_SKIN)))
        dark = tone >= 3
        hair = _HAIR[int(rng.integers(2 if dark else len(_HAIR)))]
        styles = ["bob", "long", "long", "bun", "curly"] if feminine else ["cropped", "short", "short", "curly"]
        vary = float(rng.uniform(0.93, 1.05))
        red, green, blue = _SKIN[tone]
        return cls(
            (red * vary, green * vary, blue * vary),
            hair,
            str(rng.choice(styles)),
            float(rng.uniform(0.86, 0.94) if feminine else rng.uniform(0.98, 1.08)),
            beard=not feminine and rng.random() < 0.35,
            seed=int(rng.integers(1 << 30)),
        )

    def material(self, factor: float = 1.0) -> Plain:
        red, green, blue = (factor * c for c in self.skin)
        return Plain((red, green, blue), gloss=0.035, sharpness=10.0, subsurface=True)


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The head's own frame: x to the picture's right, y down, in heads, the crown at (0, 0)."""

    body: Body
    looks: Looks

    def run(self, points: list[tuple[float, float]]) -> Points:
        # A little larger and lower than the canon of eight heads: it reads as a person, not as a fashion plate.
        p = np.array(points, np.float64) * 1.07 + (0.0, 0.03)
        c, s = np.cos(self.body.nod), np.sin(self.body.nod)
        x, y = p[:, 0], p[:, 1] - 1.0  # the head nods about the chin's height
        turned = np.stack([x * c - y * s, x * s + y * c + 1.0], 1)
        return self.body.crown + self.body.unit * turned

    def feature(self, x: float, y: float) -> tuple[float, float]:
        """A point of the face after the head turned by its yaw."""
        turn = float(np.clip(self.body.yaw, -0.6, 0.6))
        return x * np.cos(turn * 0.8) + 0.13 * np.sin(turn) * (1 - (x / 0.4) ** 2), y

    def face_line(self, points: list[tuple[float, float]]) -> Points:
        return self.run([self.feature(x, y) for x, y in points])

    def face(self) -> Points:
        j = self.looks.jaw
        right = [
            (0.0, 0.06),
            (0.17, 0.085),
            (0.285, 0.2),
            (0.325, 0.38),
            (0.322, 0.55),
            (0.3 * j**0.5, 0.7),
            (0.245 * j, 0.83),
            (0.15 * j, 0.94),
            (0.06 * j, 0.985),
        ]
        return spline(self.run([*right, *mirrored(right[1:])]), closed=True)

    def volume(self) -> Tube:
        ys = np.linspace(-0.05, 1.02, 12)
        w = np.interp(ys, [-0.05, 0.1, 0.3, 0.55, 0.75, 0.9, 1.02], [0.2, 0.29, 0.34, 0.345, 0.33, 0.29, 0.24])
        return Tube(self.run([(0.0, float(y)) for y in ys]), w * self.body.unit, flatness=1.35, bulge=0.9)


def paint_neck(painter: Painter, head: Head) -> None:
    """Neck and the skin of chest and shoulders that a neckline may show."""
    body, looks = head.body, head.looks
    b = body.build
    n = b.neck
    right = [
        (n * 0.98, 0.78),
        (n * 0.95, 1.12),
        (n * 1.12, 1.27),
        (n + 0.14, 1.385),
        ((n + b.shoulder) / 2 + 0.03, 1.455),
        (b.shoulder - 0.07, 1.53),
        (b.shoulder - 0.02, 1.7),
    ]
    side = [
        (b.shoulder - 0.02, 1.7),
        (b.chest + 0.02, 2.1),
        (b.chest * 0.95, 2.4),
        (b.waist, 3.0),
        (b.hip, 3.8),
        (b.hip, 4.1),
    ]
    base = [(b.hip, 4.1), (0, 4.3), (-b.hip, 4.1)]
    outline = cornered(
        body.run(right),
        body.run(side),
        body.run(base),
        body.run(mirrored(side)),
        body.run(mirrored(right)),
        body.run([(-n, 0.78), (n, 0.78)]),
    )
    ys = np.array([0.8, 1.2, 1.36, 1.5, 2.1, 3.0, 4.2])
    ws = np.array([n, n, n + 0.12, b.shoulder * 0.85, b.chest, b.waist, b.hip]) + 0.01
    centre = np.array([body.at(0, float(y)) for y in ys])
    tube = Tube(centre, ws * body.unit, flatness=1.5, bulge=0.85)
    u = body.unit
    folds = []
    for s in (-1, 1):
        folds.append(
            Fold(body.run([(s * 0.05, 1.44), (s * 0.22, 1.42), (s * 0.45, 1.44)]), 0.035 * u, 0.5)
        )  # collar bone
        folds.append(Fold(body.run([(s * n * 0.85, 1.0), (s * n * 0.5, 1.25), (s * 0.04, 1.42)]), 0.03 * u, 0.35))
    painter.surface([outline], tube, looks.material(), folds=folds)


def paint_head(painter: Painter, head: Head) -> None:
    """Ears and face; hair follows."""
    u, looks = head.body.unit, head.looks
    skin = looks.material(1.02)
    for side in (-1, 1):
        x = side * 0.325 + 0.05 * np.sin(-head.body.yaw)
        (cx, cy) = head.run([(x, 0.54)])[0]
        ear = ellipse((cx, cy), 0.045 * u, 0.1 * u, side * 0.12)
        tube = Tube(head.run([(x, 0.4), (x, 0.7)]), np.full(2, 0.06 * u))
        painter.surface([ear], tube, looks.material(0.9), label="head")
    folds = _relief(head)
    cheeks = np.array([1.0, 0.9, 0.88], np.float32)

    def tint(form: Form, patch: Patch) -> Field:
        x, y = patch.grid()
        out = np.ones((*patch.alpha.shape, 3), np.float32)
        for side in (-1, 1):
            cx, cy = head.face_line([(side * 0.19, 0.67)])[0]
            spot = np.exp(-(np.square(x - cx) + np.square(y - cy)) / np.float32((0.1 * u) ** 2))
            out *= 1 + spot[..., None] * (cheeks - 1)
        if looks.beard:
            chin = head.face_line([(0, 0.78)])[0][1]
            low = smoothstep(chin - 0.16 * u, chin + 0.06 * u, np.broadcast_to(y, patch.alpha.shape)) * smoothstep(
                0.1, 0.75, np.abs(form.u) + np.broadcast_to((y - chin) / (0.25 * u), patch.alpha.shape)
            )
            grain = 1 + 0.25 * smooth_noise(generator(looks.seed, 3), patch.alpha.shape, 1.2, 1.6)  # type: ignore[arg-type]
            out *= 1 - (0.62 * low * grain)[..., None] * np.array([0.9, 1, 1.03], np.float32)
        return np.clip(out, 0.1, 1.2)

    painter.surface([head.face()], head.volume(), skin, label="head", folds=folds, tint=tint, shadow=0.5, reach=0.14)
    _features(painter, head)


def _relief(head: Head) -> list[Fold]:
    u = head.body.unit
    line = head.face_line
    folds = [
        Fold(line([(0, 0.46), (0.0, 0.58), (0.0, 0.7)]), 0.035 * u, 0.85),  # bridge of the nose
        Fold(line([(-0.05, 0.685), (0, 0.70), (0.05, 0.685)]), 0.032 * u, 0.9),  # its tip
        Fold(line([(-0.2, 0.93), (0.0, 0.925), (0.2, 0.93)]), 0.04 * u, 0.18),  # chin
        Fold(line([(-0.08, 0.865), (0, 0.872), (0.08, 0.865)]), 0.022 * u, -0.45),  # below the lip
    ]
    for s in (-1, 1):
        folds.append(Fold(line([(s * 0.06, 0.505), (s * 0.15, 0.49), (s * 0.235, 0.525)]), 0.05 * u, -0.35))  # socket
        folds.append(Fold(line([(s * 0.05, 0.42), (s * 0.15, 0.395), (s * 0.25, 0.44)]), 0.03 * u, 0.25))  # brow
        folds.append(Fold(line([(s * 0.13, 0.66), (s * 0.22, 0.63), (s * 0.3, 0.56)]), 0.05 * u, 0.3))  # cheek bone
    return folds


def _features(painter: Painter, head: Head) -> None:
    u, looks = head.body.unit, head.looks
    line = head.face_line
    skin = np.array(looks.skin)
    lash = tuple(float(c) for c in np.minimum(skin * 0.08, 0.02))
    brow = tuple(float(c) for c in np.array(looks.hair) * 0.45)
    brow_rgb, lash_rgb = (brow[0], brow[1], brow[2]), (lash[0], lash[1], lash[2])
    feminine = head.body.build.feminine
    iris = ((0.04, 0.022, 0.012), (0.05, 0.09, 0.13), (0.05, 0.07, 0.03))[
        looks.seed % (1 if looks.skin[0] < 0.35 else 3)
    ]
    for s in (-1, 1):
        painter.mark(
            [ellipse(line([(s * 0.147, 0.525)])[0], 0.1 * u, 0.055 * u)],
            (skin[0] * 0.45, skin[1] * 0.33, skin[2] * 0.3),
            0.35,
            soft=0.03 * u,
        )
        upper = [(s * 0.085, 0.545), (s * 0.12, 0.517), (s * 0.16, 0.512), (s * 0.212, 0.535)]
        lower = [(s * 0.212, 0.535), (s * 0.17, 0.556), (s * 0.12, 0.56), (s * 0.085, 0.545)]
        eye = cornered(line(upper), line(lower))
        painter.mark([eye], (0.62, 0.58, 0.56), 0.92)
        ex, ey = line([(s * 0.15 + 0.012 * np.sin(head.body.yaw), 0.533)])[0]
        painter.mark([ellipse((ex, ey), 0.026 * u, 0.026 * u)], iris, 0.95)
        painter.mark([ellipse((ex, ey), 0.012 * u, 0.012 * u)], (0.005, 0.005, 0.005), 0.9)
        painter.mark(
            [ellipse((ex + 0.009 * u * np.sign(painter.light.x), ey - 0.01 * u), 0.006 * u, 0.006 * u)],
            (0.9, 0.9, 0.9),
            0.9,
        )
        lid = spline(line(upper))
        painter.mark([spindle(lid, (0.013 if feminine else 0.009) * u)], lash_rgb, 0.9)
        painter.mark(
            [spindle(spline(line([(x, y - 0.025) for x, y in upper])), 0.007 * u)],
            (skin[0] * 0.35, skin[1] * 0.25, skin[2] * 0.22),
            0.5,
        )
        painter.mark([spindle(spline(line(lower)), 0.005 * u)], lash_rgb, 0.4)
        arch = spline(line([(s * 0.07, 0.462), (s * 0.13, 0.436), (s * 0.19, 0.435), (s * 0.25, 0.468)]))
        painter.mark([spindle(arch, (0.014 if feminine else 0.02) * u)], brow_rgb, 0.8, soft=0.006 * u)
        nostril = line([(s * 0.032, 0.712)])[0]
        painter.mark(
            [ellipse(nostril, 0.014 * u, 0.007 * u)],
            (skin[0] * 0.2, skin[1] * 0.1, skin[2] * 0.08),
            0.75,
            soft=0.003 * u,
        )
        wing = spline(line([(s * 0.05, 0.665), (s * 0.066, 0.695), (s * 0.05, 0.717)]))
        painter.mark([spindle(wing, 0.006 * u)], (skin[0] * 0.45, skin[1] * 0.32, skin[2] * 0.28), 0.5)
    under = line([(0.012 * -np.sign(painter.light.x), 0.73)])[0]
    painter.mark(
        [ellipse(under, 0.06 * u, 0.02 * u)], (skin[0] * 0.5, skin[1] * 0.38, skin[2] * 0.34), 0.3, soft=0.015 * u
    )
    full = 0.024 if feminine else 0.017
    lips = (
        (skin[0] * 0.72, skin[1] * 0.42, skin[2] * 0.42)
        if feminine
        else (skin[0] * 0.78, skin[1] * 0.6, skin[2] * 0.58)
    )
    corner, y = 0.105, 0.807
    upper = [(-corner, y), (-0.04, y - full * 1.05), (0, y - full * 0.75), (0.04, y - full * 1.05), (corner, y)]
    lower = [(corner, y), (0.055, y + full * 1.35), (0, y + full * 1.65), (-0.055, y + full * 1.35), (-corner, y)]
    painter.mark([cornered(line(upper), line(lower))], (lips[0], lips[1], lips[2]), 0.8, soft=0.004 * u)
    mouth = spline(line([(-corner, y), (-0.04, y + 0.004), (0, y + 0.001), (0.04, y + 0.004), (corner, y)]))
    painter.mark([spindle(mouth, 0.006 * u)], (skin[0] * 0.18, skin[1] * 0.06, skin[2] * 0.06), 0.85)
    painter.mark(
        [ellipse(line([(0.0, y + full)])[0], 0.045 * u, full * 0.4 * u)],
        (skin[0], skin[1] * 0.8, skin[2] * 0.8),
        0.4,
        soft=0.008 * u,
    )


def hat_outline(head: Head) -> Points:
    """A knitted cap over forehead and crown, where a hat would be."""
    wide = 0.44 if head.looks.style == "curly" else 0.375
    right = [
        (0.0, -0.16),
        (wide * 0.62, -0.11),
        (wide * 0.97, 0.08),
        (wide, 0.3),
        (wide * 0.97, 0.4),
        (wide * 0.5, 0.375),
        (0.0, 0.365),
    ]
    return spline(head.run([*right, *mirrored(right[1:-1])]), closed=True)


def glasses_outlines(head: Head) -> list[Points]:
    """Two lenses with their rims and the bridge, where glasses would be."""
    u = head.body.unit
    outlines = []
    for s in (-1, 1):
        lens = [
            (s * 0.055, 0.49),
            (s * 0.14, 0.468),
            (s * 0.245, 0.48),
            (s * 0.265, 0.53),
            (s * 0.235, 0.605),
            (s * 0.15, 0.63),
            (s * 0.075, 0.6),
            (s * 0.05, 0.54),
        ]
        outlines.append(spline(head.face_line(lens), closed=True))
    bridge = spline(head.face_line([(-0.07, 0.52), (0, 0.503), (0.07, 0.52)]))
    outlines.append(ribbon(bridge, 0.016 * u))
    return outlines
