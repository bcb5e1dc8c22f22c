"""Figures with masks of many things, in the picture or not: what a small model is taught on before it meets a LoRA.

None of these things is one of `engine.imaging.drawn.scene.REGIONS`: what a LoRA shall teach is never taught before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.domain.geometry import Extent
from engine.imaging.drawn.body import CHEST, HIP, SHOULDER, WAIST, Body, Limb
from engine.imaging.drawn.figure import GARMENT, HEAD, OTHER, SHOES
from engine.imaging.drawn.head import Head
from engine.imaging.drawn.scene import Framing, Stage, expose, stage
from engine.imaging.drawn.shapes import Points, Tube, cover, ellipse, generator, mirrored, ribbon, spline

_IN_THE_PICTURE = {"the garment": GARMENT, "the other clothes": OTHER, "shoes": SHOES, "head and hair": HEAD}


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A drawn figure and where things are on it, or would be.

    Attributes
    ----------
    picture : ndarray
        ``(H, W, 3)`` uint8 sRGB.
    masks : mapping of str to ndarray
        ``(H, W)`` uint8 by the thing's name, as a prompt names it; only those that show.
    """

    picture: NDArray[np.uint8]
    masks: Mapping[str, NDArray[np.uint8]]


def draw_lesson(seed: int, extent: Extent, framing: Framing) -> Lesson:
    """Draw a figure and every thing of `THINGS` that its framing shows.

    The figures are those of `engine.imaging.drawn.scene.draw_scene` with the same seed and framing.
    """
    staged = stage(seed, extent, framing=framing)
    planes = {name: staged.canvas.labels[label] for name, label in _IN_THE_PICTURE.items()}
    planes["the person"] = staged.canvas.coverage
    in_front = 1 - np.clip(staged.canvas.labels[HEAD], 0, 1)
    for name, outlines in _WORN.items():
        patch = cover(outlines(staged), extent)
        if patch is None:
            continue
        plane = np.zeros((extent.height, extent.width), np.float32)
        plane[patch.window] = patch.alpha
        planes[name] = plane * in_front if name in _UNDER_THE_HEAD else plane
    picture, masks = expose(generator(seed, 200), staged.linear, planes, extent)
    shown = {name: mask for name, mask in masks.items() if mask.max() > 127}
    return Lesson((picture * 255 + 0.5).astype(np.uint8), shown)


def _band(tube: Tube, start: float, end: float, scale: float) -> Points:
    """A piece of a limb, from the share ``start`` to the share ``end`` of its length, thicker by ``scale``."""
    count = len(tube.centre)
    piece = slice(round(start * (count - 1)), max(round(end * (count - 1)) + 1, round(start * (count - 1)) + 2))
    return ribbon(tube.centre[piece], tube.half_width[piece] * scale)


def _hand(body: Body, arm: Limb) -> Points:
    return ellipse((arm.end * 0.45 + arm.tip * 0.55), 0.14 * body.unit, 0.34 * body.unit, _angle(arm))


def _angle(arm: Limb) -> float:
    along = arm.tip - arm.end
    return float(np.arctan2(along[1], along[0]) - np.pi / 2)


def _arms(part: Callable[[Body, Limb], list[Points]]) -> Callable[[Stage], list[Points]]:
    return lambda staged: [o for arm in staged.body.arms if not arm.behind for o in part(staged.body, arm)]


def _legs(part: Callable[[Body, Limb], list[Points]]) -> Callable[[Stage], list[Points]]:
    return lambda staged: [o for leg in staged.body.legs for o in part(staged.body, leg)]


def _torso(points: Callable[[Body], list[tuple[float, float]]]) -> Callable[[Stage], list[Points]]:
    """A symmetric outline from its right half, ``(x, y)`` in heads, from the top's middle to the foot's middle."""

    def outline(staged: Stage) -> list[Points]:
        right = points(staged.body)
        return [spline(staged.body.run([*right, *mirrored(right[1:-1])]), closed=True)]

    return outline


def _face(*right: tuple[float, float]) -> Callable[[Stage], list[Points]]:
    """A symmetric outline on the face from its right half, as `_torso`."""
    whole = [*right, *mirrored(right[1:-1])]
    return lambda staged: [spline(Head(staged.body, staged.looks).face_line(whole), closed=True)]


def _spots(x: float, y: float, wide: float, high: float) -> Callable[[Stage], list[Points]]:
    """Ellipses on either side of the face, or one in its middle, in heads."""
    t = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    sides = (-1, 1) if x else (1,)
    runs = [[(s * x + wide * float(np.cos(a)), y + high * float(np.sin(a))) for a in t] for s in sides]
    return lambda staged: [spline(Head(staged.body, staged.looks).face_line(run), closed=True) for run in runs]


def _halo(staged: Stage) -> list[Points]:
    at = Head(staged.body, staged.looks).run([(0.0, -0.3)])[0]
    return [ellipse(at, 0.42 * staged.body.unit, 0.1 * staged.body.unit)]


def _scarf(staged: Stage) -> list[Points]:
    body = staged.body
    around = ribbon(spline(body.run([(-0.42, 1.22), (0, 1.42), (0.42, 1.22)])), 0.17 * body.unit)
    return [around, ribbon(spline(body.run([(0.16, 1.35), (0.2, 1.9), (0.18, 2.5)])), 0.14 * body.unit)]


def _necklace(staged: Stage) -> list[Points]:
    chain = spline(staged.body.run([(-0.3, 1.42), (-0.18, 1.78), (0, 1.9), (0.18, 1.78), (0.3, 1.42)]))
    return [ribbon(chain, 0.05 * staged.body.unit)]


def _ski(body: Body, leg: Limb) -> list[Points]:
    half = np.array([0.5 * body.unit, 0.0])
    return [ribbon(np.array([leg.tip - half, leg.tip + half]), 0.07 * body.unit)]


def _bag(staged: Stage) -> list[Points]:
    body = staged.body
    strap = ribbon(spline(body.run([(-0.5, SHOULDER), (0.05, 2.6), (0.55, 3.5)])), 0.035 * body.unit)
    return [strap, body.run([(0.25, 3.4), (0.95, 3.4), (1.0, 4.15), (0.2, 4.15)])]


def _widths(body: Body) -> tuple[float, float, float, float]:
    build = body.build
    return build.shoulder, build.chest, build.waist, build.hip


def _vest(body: Body) -> list[tuple[float, float]]:
    shoulder, chest, waist, hip = _widths(body)
    rows = [(0.0, 1.62), (0.22, 1.44), (shoulder * 0.82, 1.52), (chest * 0.98, CHEST), (waist * 1.08, WAIST)]
    return [*rows, (hip * 1.02, 3.6), (0.0, 3.7)]


def _poncho(body: Body) -> list[tuple[float, float]]:
    shoulder, _, _, hip = _widths(body)
    return [(0.0, 1.42), (0.2, 1.38), (shoulder * 1.12, 1.6), (shoulder * 1.55, 3.0), (hip * 0.7, 3.55), (0.0, 3.8)]


def _apron(body: Body) -> list[tuple[float, float]]:
    _, chest, waist, hip = _widths(body)
    rows = [(0.0, 1.85), (chest * 0.5, 1.85), (waist * 0.75, 2.7), (hip * 0.95, 3.3), (hip * 0.98, 5.0)]
    return [*rows, (0.0, 5.05)]


def _long_skirt(body: Body) -> list[tuple[float, float]]:
    _, _, waist, hip = _widths(body)
    return [(0.0, 3.1), (waist * 1.03, 3.1), (hip * 1.15, HIP), (hip * 1.5, 5.6), (hip * 1.7, 6.9), (0.0, 7.0)]


def _corset(body: Body) -> list[tuple[float, float]]:
    _, chest, waist, hip = _widths(body)
    return [(0.0, 2.45), (chest * 0.94, 2.4), (waist * 1.02, WAIST), (hip * 0.95, 3.5), (0.0, 3.55)]


_WORN: Mapping[str, Callable[[Stage], list[Points]]] = {
    "a scarf": _scarf,
    "a bag": _bag,
    "a halo": _halo,
    "a vest": _torso(_vest),
    "a poncho": _torso(_poncho),
    "an apron": _torso(_apron),
    "a corset": _torso(_corset),
    "a long skirt": _torso(_long_skirt),
    "a belt": _torso(lambda b: [(0, 3.0), (b.build.waist * 1.08, 2.98), (b.build.waist * 1.1, 3.2), (0, 3.23)]),
    "a tie": _torso(lambda _: [(0, 1.45), (0.09, 1.48), (0.06, 1.62), (0.15, 2.75), (0, 2.95)]),
    "a collar": _torso(lambda _: [(0, 1.5), (0.24, 1.24), (0.42, 1.5), (0.16, 1.72), (0, 1.62)]),
    "a necklace": _necklace,
    "a brooch": lambda s: [ellipse(s.body.at(0.34, 1.95), 0.14 * s.body.unit, 0.14 * s.body.unit)],
    "gloves": _arms(lambda body, arm: [_hand(body, arm), _band(body.arm_tube(arm), 0.86, 1.0, 1.15)]),
    "long gloves": _arms(lambda body, arm: [_hand(body, arm), _band(body.arm_tube(arm), 0.5, 1.0, 1.12)]),
    "bracelets": _arms(lambda body, arm: [_band(body.arm_tube(arm), 0.86, 0.95, 1.3)]),
    "elbow pads": _arms(lambda body, arm: [ellipse(arm.middle, 0.2 * body.unit, 0.26 * body.unit)]),
    "arm bands": _arms(lambda body, arm: [_band(body.arm_tube(arm), 0.2, 0.34, 1.1)]),
    "shoulder pads": _arms(lambda body, arm: [ellipse(arm.root, 0.32 * body.unit, 0.3 * body.unit)]),
    "bare arms": _arms(lambda body, arm: [body.arm_tube(arm).outline(), body.arm_tube(arm).cap()]),
    "knee pads": _legs(lambda body, leg: [ellipse(leg.middle, 0.24 * body.unit, 0.3 * body.unit)]),
    "garters": _legs(lambda body, leg: [_band(body.leg_tube(leg), 0.36, 0.44, 1.12)]),
    "leggings": _legs(lambda body, leg: [_band(body.leg_tube(leg), 0.0, 0.93, 1.03)]),
    "ankle bands": _legs(lambda body, leg: [_band(body.leg_tube(leg), 0.88, 0.98, 1.35)]),
    "skis": _legs(_ski),
    "a face mask": _face((0.0, 0.56), (0.17, 0.58), (0.3, 0.6), (0.26, 0.82), (0.12, 0.96), (0.0, 0.98)),
    "a beard": _face((0.0, 0.72), (0.16, 0.74), (0.31, 0.62), (0.27, 0.9), (0.12, 1.08), (0.0, 1.11)),
    "a headband": _face((0.0, 0.22), (0.18, 0.25), (0.35, 0.36), (0.36, 0.46), (0.18, 0.37), (0.0, 0.34)),
    "a moustache": _face((0.0, 0.71), (0.17, 0.76), (0.1, 0.79), (0.0, 0.77)),
    "earrings": _spots(0.36, 0.72, 0.06, 0.1),
    "headphones": _spots(0.36, 0.53, 0.11, 0.19),
    "blush": _spots(0.19, 0.7, 0.08, 0.06),
    "a red nose": _spots(0.0, 0.66, 0.08, 0.08),
    "a forehead jewel": _spots(0.0, 0.36, 0.05, 0.06),
    "a face": lambda staged: [Head(staged.body, staged.looks).face()],
}  # fmt: skip

_UNDER_THE_HEAD = {"a scarf", "a vest", "a poncho", "a collar", "a necklace", "a tie", "an apron", "shoulder pads"}

THINGS = (*_IN_THE_PICTURE, "the person", *_WORN)
"""Everything that a lesson may have a mask of, as a prompt names it."""
