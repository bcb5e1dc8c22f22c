"""Hair of the drawn figure: what falls behind the neck, and what frames the face."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from engine.imaging.drawn.head import Head
from engine.imaging.drawn.painter import RGB, Painter
from engine.imaging.drawn.shapes import (
    Field,
    Form,
    Points,
    Tube,
    cornered,
    ellipse,
    generator,
    mirrored,
    smooth_noise,
    spline,
)


@dataclass(frozen=True, slots=True)
class _Strands:
    """Hair as a material: streaks along the lock and a band of light across it."""

    colour: RGB
    seed: int
    curl: float
    gloss: float = 0.03
    sharpness: float = 9.0
    subsurface: bool = False

    def albedo(self, form: Form, alpha: Field) -> Field:
        rng = generator(self.seed, 11)
        h, w = alpha.shape
        size = max(h, w) / 60
        if self.curl:
            streaks = smooth_noise(rng, (h, w), max(size * 1.2, 2), max(size * 1.2, 2)) + smooth_noise(
                rng, (h, w), 1.5, 1.5
            )
        else:
            # Streaks follow the lock: noise over (u, t), not over the picture.
            table = smooth_noise(rng, (64, 512), 5.0, 40.0) + 0.8 * smooth_noise(rng, (64, 512), 2.0, 50.0)
            streaks = cv2.remap(
                table,
                (form.u + 1.05) * np.float32(243),
                form.t * np.float32(63),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REFLECT,
            )
        base = np.array(self.colour, np.float32)
        return base * np.clip(1 + np.float32(0.3) * streaks, 0.35, 2.0)[..., None]

    def relief(self, form: Form, unit: float) -> Field | None:
        if not self.curl:
            return None
        shape = (form.u.shape[0], form.u.shape[1])
        return np.float32(0.028 * unit) * smooth_noise(generator(self.seed, 12), shape, unit * 0.055, unit * 0.055)


def _hair_volume(head: Head, length: float) -> Tube:
    ys = np.linspace(-0.12, length, 10)
    w = np.interp(ys, [-0.12, 0.05, 0.35, 0.8, 2.5], [0.2, 0.34, 0.46, 0.5, 0.62]) * head.body.unit
    return Tube(head.run([(0.0, float(y)) for y in ys]), w, flatness=1.2, bulge=0.9)


def _material(head: Head) -> _Strands:
    return _Strands(head.looks.hair, head.looks.seed, 1.0 if head.looks.style == "curly" else 0.0)


def paint_hair_back(painter: Painter, head: Head) -> None:
    """What falls behind the neck."""
    style = head.looks.style
    if style in ("cropped", "short", "bun"):
        return
    rng = generator(head.looks.seed, 1)
    if style == "curly":
        outline = _curls(head, rng, 0.50, 0.56 if not head.body.build.feminine else 0.72)
        if not head.body.build.feminine:
            outline = _curls(head, rng, 0.40, 0.42)
        painter.surface([outline], _hair_volume(head, 1.2), _material(head), label="head")
        return
    length = 1.12 if style == "bob" else float(rng.uniform(1.55, 2.0))
    wide = 0.43 if style == "bob" else 0.46
    right = [
        (0.0, -0.07),
        (0.22, -0.03),
        (0.37, 0.16),
        (0.42, 0.45),
        (wide, 0.85),
        (wide + 0.01, length - 0.15),
        (wide * 0.75, length),
    ]
    outline = spline(head.run([*right, *mirrored(right[1:])]), closed=True)
    dark = _Strands(
        (head.looks.hair[0] * 0.6, head.looks.hair[1] * 0.6, head.looks.hair[2] * 0.6), head.looks.seed, 0.0
    )
    painter.surface([outline], _hair_volume(head, length), dark, label="head")


def _curls(head: Head, rng: np.random.Generator, wide: float, low: float) -> Points:
    angle = np.linspace(0, 2 * np.pi, 46, endpoint=False)
    bump = 1 + 0.035 * rng.standard_normal(46) + 0.02 * np.sin(9 * angle)
    x = wide * np.cos(angle) * bump
    y = 0.36 + np.where(np.sin(angle) > 0, low, 0.46) * np.sin(angle) * bump
    return spline(head.run(list(zip(x.tolist(), y.tolist(), strict=True))), closed=True)


def _frayed(
    head: Head, cap: list[tuple[float, float]], line: list[tuple[float, float]], amount: float, rng: np.random.Generator
) -> Points:
    """Outline of a cap of hair whose edge is made of tufts."""
    curve = np.vstack([spline(cap, 12), spline(line, 12)])
    curve = curve + amount * rng.standard_normal(curve.shape) * (0.6, 1.0)
    return head.run([(float(x), float(y)) for x, y in curve])


def paint_hair_front(painter: Painter, head: Head) -> None:
    """Fringe, parting, the cap of hair and the strands before the shoulders."""
    style, u = head.looks.style, head.body.unit
    rng = generator(head.looks.seed, 2)
    material = _material(head)
    part = float(rng.uniform(-0.16, 0.16))
    if style == "cropped":
        cap = [(-0.33, 0.42), (-0.34, 0.22), (-0.2, 0.03), (0, -0.005), (0.2, 0.03), (0.34, 0.22), (0.33, 0.42)]
        line = [
            (0.33, 0.42),
            (0.28, 0.31),
            (0.22, 0.24),
            (0.1, 0.225),
            (-0.1, 0.225),
            (-0.22, 0.24),
            (-0.28, 0.31),
            (-0.33, 0.42),
        ]
    elif style == "short":
        lift = float(rng.uniform(-0.09, -0.03))
        cap = [(-0.335, 0.52), (-0.365, 0.25), (-0.25, 0.0), (part, lift), (0.25, 0.0), (0.365, 0.25), (0.335, 0.52)]
        line = [
            (0.335, 0.52),
            (0.3, 0.36),
            (0.24, 0.25),
            (0.1, 0.19),
            (part, 0.22),
            (-0.12, 0.21),
            (-0.24, 0.26),
            (-0.3, 0.36),
            (-0.335, 0.52),
        ]
    elif style == "curly":
        wide = 0.42 if head.body.build.feminine else 0.37
        cap = [
            (-wide + 0.06, 0.5),
            (-wide, 0.25),
            (-0.28, -0.03),
            (0, -0.09),
            (0.28, -0.03),
            (wide, 0.25),
            (wide - 0.06, 0.5),
        ]
        line = [
            (wide - 0.06, 0.5),
            (0.3, 0.4),
            (0.25, 0.27),
            (0.12, 0.22),
            (0, 0.24),
            (-0.12, 0.22),
            (-0.25, 0.27),
            (-0.3, 0.4),
            (-wide + 0.06, 0.5),
        ]
    else:  # bob, long and bun: combed from a parting
        cap = [(-0.335, 0.6), (-0.38, 0.3), (-0.25, 0.01), (part, -0.065), (0.25, 0.01), (0.38, 0.3), (0.335, 0.6)]
        line = [
            (0.335, 0.6),
            (0.31, 0.4),
            (0.24, 0.27),
            (part + 0.06, 0.15),
            (part, 0.12),
            (part - 0.06, 0.15),
            (-0.24, 0.27),
            (-0.31, 0.4),
            (-0.335, 0.6),
        ]
    ragged = {"cropped": 0.004, "short": 0.013, "curly": 0.016}.get(style, 0.003)
    outlines = [_frayed(head, cap, line, ragged, rng)]
    if style == "bun":
        (bx, by) = head.run([(0.02, -0.1)])[0]
        knot = ellipse((bx, by), 0.19 * u, 0.15 * u)
        painter.surface(
            [knot],
            Tube(np.array([[bx - 0.19 * u, by], [bx + 0.19 * u, by]]), np.full(2, 0.16 * u)),
            material,
            label="head",
        )
    painter.surface(outlines, _hair_volume(head, 0.7), material, label="head", shadow=0.45, reach=0.04)
    if style in ("bob", "long"):
        end = 1.13 if style == "bob" else float(rng.uniform(1.9, 2.3))
        for s in (-1, 1):
            drop = end + float(rng.uniform(-0.08, 0.08))
            if style == "long" and rng.random() < 0.35:
                drop = 1.3  # this side is combed behind the shoulder
            outer = 0.43 if style == "bob" else 0.455
            lock = cornered(
                head.run(
                    [
                        (s * 0.02, -0.03),
                        (s * 0.24, 0.03),
                        (s * 0.37, 0.25),
                        (s * 0.4, 0.55),
                        (s * outer, 0.9),
                        (s * (outer + 0.01), drop - 0.25),
                        (s * 0.36, drop),
                    ]
                ),
                head.run(
                    [
                        (s * 0.36, drop),
                        (s * 0.235, drop - 0.22),
                        (s * 0.25, 1.02),
                        (s * 0.3, 0.72),
                        (s * 0.3, 0.5),
                        (s * 0.235, 0.3),
                        (s * 0.02, 0.13),
                        (s * 0.02, -0.03),
                    ]
                ),
            )
            ys = np.linspace(0, 1, 9)
            curve = spline(
                head.run([(s * 0.02, 0.05), (s * 0.22, 0.13), (s * 0.335, 0.42), (s * 0.35, 0.9), (s * 0.345, drop)]), 4
            )
            width = np.interp(np.linspace(0, 1, len(curve)), ys, 0.08 + 0.035 * np.sin(ys * 3.0)) * u
            painter.surface(
                [lock], Tube(curve, width, flatness=1.3, bulge=0.9), material, label="head", shadow=0.35, reach=0.05
            )
