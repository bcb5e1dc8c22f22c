"""The dressed figure: limbs, hands, shoes, the order of painting, and where absent objects would be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.domain.geometry import Extent
from engine.imaging.drawn import bottoms, sleeves, tops
from engine.imaging.drawn.body import Body, Limb
from engine.imaging.drawn.garments import Garment
from engine.imaging.drawn.hair import paint_hair_back, paint_hair_front
from engine.imaging.drawn.head import (
    Head,
    Looks,
    glasses_outlines,
    hat_outline,
    paint_head,
    paint_neck,
)
from engine.imaging.drawn.painter import RGB, Canvas, Fold, Painter, Plain
from engine.imaging.drawn.shapes import (
    Field,
    Form,
    Patch,
    Points,
    Tube,
    cover,
    ellipse,
    nearest_form,
    ribbon,
    smoothstep,
    spline,
)

GARMENT, OTHER, SHOES, HEAD = "garment", "other", "shoes", "head"
"""Labels of the canvas: the article for sale, the rest of the outfit, shoes, and head with hair."""


def _hand_frame(arm: Limb) -> tuple[Points, Points]:
    along = (arm.tip - arm.end) / np.linalg.norm(arm.tip - arm.end)
    return along, np.array([-along[1], along[0]]) * -arm.side  # the thumb lies on the body's side


def _hand(body: Body, arm: Limb) -> tuple[list[Points], Tube, list[Fold]]:
    """Outlines, volume and creases of a hand."""
    u = body.unit * (0.9 if body.build.feminine else 1.0)
    along, thumb = _hand_frame(arm)

    def run(points: list[tuple[float, float]]) -> Points:
        return np.array([arm.end + u * (along * a + thumb * t) for a, t in points])

    w = 0.078 * body.build.limb
    # Seen from the thumb's side with the fingers a little curled, as a hand hangs.
    palm = spline(
        run(
            [
                (-0.1, w),
                (0.04, w),
                (0.15, 0.098),
                (0.27, 0.1),
                (0.36, 0.085),
                (0.38, -0.095),
                (0.26, -0.105),
                (0.12, -0.095),
                (0.03, -w),
                (-0.1, -w),
            ]
        ),
        closed=True,
    )
    thumb_shape = spline(
        run(
            [
                (0.04, 0.05),
                (0.11, 0.115),
                (0.21, 0.15),
                (0.31, 0.15),
                (0.37, 0.132),
                (0.37, 0.105),
                (0.3, 0.098),
                (0.2, 0.085),
                (0.1, 0.03),
            ]
        ),
        closed=True,
    )
    shapes = [palm, thumb_shape]
    for k, (offset, length) in enumerate(((0.062, 0.30), (0.018, 0.345), (-0.027, 0.33), (-0.07, 0.27))):
        curl = -0.018 * (k - 1)
        finger = spline(
            run(
                [
                    (0.32, offset),
                    (0.32 + length * 0.55, offset * 0.9 + curl * 0.3),
                    (0.32 + length, offset * 0.62 + curl),
                ]
            ),
            5,
        )
        shapes.append(ribbon(finger, np.linspace(0.027, 0.018, len(finger)) * u))
        shapes.append(ellipse(finger[-1], 0.018 * u, 0.018 * u))
    tube = Tube(run([(-0.1, 0), (0.3, 0), (0.72, 0)]), np.array([0.1, 0.12, 0.08]) * u, bulge=0.75)
    folds = [Fold(run([(0.33, t), (0.46, t * 0.9), (0.6, t * 0.75)]), 0.009 * u, -0.8) for t in (-0.049, -0.005, 0.04)]
    folds.append(Fold(run([(0.12, 0.07), (0.22, 0.085), (0.33, 0.092)]), 0.01 * u, -0.7))
    return shapes, tube, folds


def paint_arm(painter: Painter, body: Body, arm: Limb, looks: Looks, sleeved_by: Garment | None) -> None:
    """Bare arm and hand; the shoulder lies behind the garment that ``sleeved_by`` names."""
    u = body.unit
    tube = body.arm_tube(arm)
    shapes, palm, folds = _hand(body, arm)
    bend = arm.middle + (arm.middle - (arm.root + arm.end) / 2) * 0.1
    folds.append(Fold(bend + np.array([[-0.05, 0.0], [0.0, 0.0], [0.05, 0.01]]) * u, 0.02 * u, -0.25))
    under = [sleeves.armhole(body, sleeved_by, arm.side)] if sleeved_by is not None else []

    def form(patch: Patch) -> Form:
        along, _ = _hand_frame(arm)
        x, y = patch.grid()
        past = ((x - arm.end[0]) * along[0] + (y - arm.end[1]) * along[1]).astype(np.float32)
        return tube.form(patch).mixed(palm.form(patch), smoothstep(-0.06 * u, 0.1 * u, past))

    painter.surface([tube.outline(), tube.cap(), *shapes], form, looks.material(), folds=folds, shadow=0.4, under=under)


def _foot(body: Body, leg: Limb, grow: float) -> Points:
    u = body.unit
    x, y = leg.end
    turn = leg.tip[0] - x
    length = (leg.tip[1] - y) * grow
    w = 0.135 * u * grow
    return spline(
        np.array(
            [
                [x - 0.098 * u * grow, y - 0.05 * u],
                [x - 0.115 * u * grow + turn * 0.2, y + length * 0.35],
                [x - w + turn * 0.65, y + length * 0.7],
                [x - w * 0.95 + turn, y + length * 0.95],
                [x - w * 0.3 + turn * 1.15, y + length * 1.06],
                [x + w * 0.5 + turn * 1.15, y + length * 1.06],
                [x + w * 1.0 + turn, y + length * 0.93],
                [x + w * 0.98 + turn * 0.65, y + length * 0.68],
                [x + 0.115 * u * grow + turn * 0.2, y + length * 0.35],
                [x + 0.098 * u * grow, y - 0.05 * u],
            ]
        ),
        closed=True,
    )


def _foot_tube(body: Body, leg: Limb) -> Tube:
    return Tube(
        np.array([leg.end - [0, 0.12 * body.unit], (leg.end + leg.tip) / 2, leg.tip]),
        np.array([0.12, 0.14, 0.15]) * body.unit,
        bulge=0.75,
    )


def paint_legs(painter: Painter, body: Body, looks: Looks) -> None:
    """Bare legs and feet."""
    tubes = [body.leg_tube(leg) for leg in body.legs]
    u = body.unit
    folds = []
    for leg in body.legs:
        x, y = leg.middle
        folds.append(
            Fold(
                np.array([[x - 0.09 * u, y + 0.1 * u], [x, y + 0.16 * u], [x + 0.09 * u, y + 0.1 * u]]), 0.03 * u, -0.3
            )
        )
        folds.append(
            Fold(np.array([[x - 0.02 * u, y - 0.12 * u], [x, y], [x + 0.02 * u, y + 0.1 * u]]), 0.08 * u, 0.14)
        )
        folds.append(
            Fold(np.array([[x, y + 0.3 * u], (leg.middle + leg.end) / 2, leg.end - [0, 0.1 * u]]), 0.03 * u, 0.14)
        )
        painter.surface([_foot(body, leg, 0.95)], _foot_tube(body, leg), looks.material(0.98))

    def form(patch: Patch) -> Form:
        return nearest_form(tubes, patch)

    painter.surface([tube.outline() for tube in tubes], form, looks.material(), folds=folds)


def paint_shoes(painter: Painter, body: Body, colour: RGB, sneaker: bool) -> None:
    """A pair of plain shoes, seen from the front."""
    u = body.unit
    dark = (colour[0] * 0.35, colour[1] * 0.35, colour[2] * 0.35)
    for leg in body.legs:
        x, y = leg.end
        turn, length = leg.tip[0] - x, leg.tip[1] - y
        toe = np.array([x + turn * 1.1, y + length * 1.05])
        sole = spline(
            np.array(
                [
                    [toe[0] - 0.165 * u, toe[1] - 0.1 * u],
                    [toe[0] - 0.155 * u, toe[1] + 0.02 * u],
                    [toe[0], toe[1] + 0.055 * u],
                    [toe[0] + 0.155 * u, toe[1] + 0.02 * u],
                    [toe[0] + 0.165 * u, toe[1] - 0.1 * u],
                ]
            ),
            closed=True,
        )
        rubber: RGB = (0.78, 0.77, 0.74) if sneaker else (0.02, 0.018, 0.016)
        tube = _foot_tube(body, leg)
        painter.surface([sole], tube, Plain(rubber), label=SHOES)
        upper = _foot(body, leg, 1.14)
        if not sneaker:  # a low shoe leaves the instep free
            upper = upper[upper[:, 1] > y + length * 0.28]
        painter.surface(
            [upper], tube, Plain(colour, gloss=0.02 if sneaker else 0.1, sharpness=25), label=SHOES, shadow=0.3
        )
        across = np.array([0.07 * u, 0.0])
        if sneaker:
            for k in range(4):
                at = np.array([x + turn * (0.2 + 0.13 * k), y + length * (0.22 + 0.13 * k)])
                painter.mark(
                    [ribbon(np.array([at - across, at + across]), max(0.009 * u, 0.5))], (0.75, 0.74, 0.72), 0.8
                )
        cap = spline(
            np.array(
                [
                    [toe[0] - 0.12 * u, toe[1] - 0.12 * u],
                    [toe[0], toe[1] - 0.16 * u],
                    [toe[0] + 0.12 * u, toe[1] - 0.12 * u],
                ]
            )
        )
        painter.mark([ribbon(cap, max(0.005 * u, 0.4))], dark, 0.5)


def paint_figure(
    painter: Painter, body: Body, looks: Looks, outfit: tuple[Garment, ...], sold: Garment, shoe: RGB, sneaker: bool
) -> None:
    """The whole figure from back to front; layers of ``sold`` carry the label `GARMENT`."""
    head = Head(body, looks)
    label = {garment.kind: GARMENT if garment is sold else OTHER for garment in outfit}
    upper = [g for g in outfit if g.category != "bottom"]
    lower = [g for g in outfit if g.category == "bottom"]
    outermost = upper[-1]
    sleeved = outermost if outermost.sleeve > 0 else None
    paint_hair_back(painter, head)
    for arm in body.arms:
        if arm.behind:
            paint_arm(painter, body, arm, looks, sleeved)
            sleeves.paint_sleeve(painter, body, arm, outermost, label[outermost.kind])
    for garment in upper:
        tops.paint_collar_back(painter, body, garment, label[garment.kind])
    paint_legs(painter, body, looks)
    paint_shoes(painter, body, shoe, sneaker)
    paint_neck(painter, head)
    tucked = bool(lower) and lower[0].kind == "skirt" and outermost.kind != "jacket"
    if lower and not tucked:
        bottoms.paint_bottom(painter, body, lower[0], label[lower[0].kind])
    for garment in upper:
        tops.paint_torso(painter, body, garment, label[garment.kind])
    if lower and tucked:
        bottoms.paint_bottom(painter, body, lower[0], label[lower[0].kind])
    for arm in body.arms:
        if not arm.behind:
            paint_arm(painter, body, arm, looks, sleeved)
            sleeves.paint_sleeve(painter, body, arm, outermost, label[outermost.kind])
    for garment in upper:
        tops.paint_collar_front(painter, body, garment, label[garment.kind])
    paint_head(painter, head)
    paint_hair_front(painter, head)


def paint_flatlay(painter: Painter, body: Body, garment: Garment) -> None:
    """One garment spread flat."""
    if garment.category == "bottom":
        bottoms.paint_bottom(painter, body, garment, GARMENT)
        return
    tops.paint_collar_back(painter, body, garment, GARMENT)
    for arm in body.arms:
        sleeves.paint_sleeve(painter, body, arm, garment, GARMENT)
    tops.paint_torso(painter, body, garment, GARMENT)
    tops.paint_collar_front(painter, body, garment, GARMENT)


def _alpha(outlines: list[Points], extent: Extent) -> Field:
    plane = np.zeros((extent.height, extent.width), np.float32)
    patch = cover(outlines, extent)
    if patch is not None:
        plane[patch.window] = patch.alpha
    return plane


def region_planes(canvas: Canvas, body: Body, looks: Looks, cut: Garment) -> dict[str, Field]:
    """Coverage of objects that are not in the picture, where this body would wear them, 0 to 1.

    ``cut`` is a sweatshirt's measures. Socks end below the knee and lie under trousers, skirts and shoes; a
    sweatshirt lies under head and hair.
    """
    head = Head(body, looks)
    hat = _alpha([hat_outline(head)], canvas.extent)
    glasses = _alpha(glasses_outlines(head), canvas.extent)
    calves: list[Points] = []
    for leg in body.legs:
        tube = body.leg_tube(leg, 1.06)
        start = int(len(tube.centre) * 0.60)
        calves += [Tube(tube.centre[start:], tube.half_width[start:]).outline(), _foot(body, leg, 1.0)]
    uncovered = 1 - np.clip(canvas.labels[SHOES] + canvas.labels[OTHER] + canvas.labels[GARMENT], 0, 1)
    socks = _alpha(calves, canvas.extent) * uncovered
    cut = replace(cut, kind="sweatshirt", sleeve=0.98)
    tubes = [sleeves.sleeve_tube(body, arm, cut) for arm in body.arms]
    shapes = [tops.torso_outline(body, cut), *(t.outline() for t in tubes), *(t.cap() for t in tubes)]
    sweatshirt = _alpha(shapes, canvas.extent) * (1 - np.clip(canvas.labels[HEAD], 0, 1))
    return {"hat": hat, "glasses": glasses, "socks": socks, "sweatshirt": sweatshirt}
