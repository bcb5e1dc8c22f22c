"""Demo pictures with exact truth: a dressed figure in a studio and the same garment spread flat, from one seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import UsageError
from engine.domain.geometry import Extent
from engine.imaging.drawn.body import Body, Build, flat_frame, posed
from engine.imaging.drawn.fabric import random_colour
from engine.imaging.drawn.figure import GARMENT, HEAD, OTHER, SHOES, paint_figure, paint_flatlay, region_planes
from engine.imaging.drawn.garments import CATEGORIES, Garment, random_garment
from engine.imaging.drawn.head import Looks
from engine.imaging.drawn.painter import Canvas, Light, Painter
from engine.imaging.drawn.shapes import Field, ellipse, generator, smooth_noise, smoothstep
from engine.imaging.drawn.tone import ColorCast, encode

REGIONS = ("hat", "glasses", "socks", "sweatshirt")
"""Absent objects a scene has exact masks for."""

_LABELS = (GARMENT, OTHER, SHOES, HEAD)


class Framing(StrEnum):
    """How much of the figure is in the picture."""

    FULL = "full"
    UPPER = "upper"
    LOWER = "lower"
    PORTRAIT = "portrait"


@dataclass(frozen=True, slots=True, eq=False)
class DrawnScene:
    """A drawn on-model picture, its flatlay and the exact truth.

    Attributes
    ----------
    on_model : ndarray
        ``(H, W, 3)`` uint8 sRGB; the garment carries the cast.
    truth : ndarray
        The same with the right garment colour; equal to ``on_model`` wherever ``garment_mask`` is 0.
    garment_mask : ndarray
        ``(H, W)`` uint8, 255 = garment: the garment's visible share of every pixel, after the lens's blur.
    flatlay, flatlay_mask : ndarray
        ``(h, w, 3)`` uint8 sRGB and ``(h, w)`` uint8.
    garment, category : str
        For example ``shirt`` and ``top``.
    cast : ColorCast or None
        None: ``on_model`` equals ``truth``.
    region_masks : mapping of str to ndarray
        ``(H, W)`` uint8 masks of absent objects by the names in `REGIONS`; all zero where the body part is out of frame
        or covered.
    framing : Framing
        How much of the figure is in the picture.
    """

    on_model: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    garment_mask: NDArray[np.uint8]
    flatlay: NDArray[np.uint8]
    flatlay_mask: NDArray[np.uint8]
    garment: str
    category: str
    cast: ColorCast | None
    framing: Framing
    region_masks: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)


def draw_scene(
    seed: int,
    extent: Extent = Extent(896, 1120),
    garment: str | None = None,
    cast: ColorCast | None = None,
    *,
    framing: Framing | None = None,
    pose: int = 0,
) -> DrawnScene:
    """Draw one scene; the same arguments give the same bytes on every run (and on every platform up to the last bit of
    its floating-point functions).

    Parameters
    ----------
    seed : int
        Garment, person, studio and pose.
    extent : Extent
        Size of the on-model picture in source pixels; the flatlay has the same height and four fifths of it as width.
    garment : str, optional
        A key of `CATEGORIES`; drawn from the seed where None.
    cast : ColorCast, optional
        The wrong colour that ``on_model`` shows.
    framing : Framing, optional
        Drawn from the seed where None, so that the garment is always in the picture.
    pose : int
        Another view of the same person in the same garment and studio.

    Raises
    ------
    UsageError
        The garment cannot be drawn, or the picture is smaller than 32 pixels.
    """
    if garment is not None and garment not in CATEGORIES:
        raise UsageError(f"no garment {garment!r} can be drawn", remedy=f"Choose one of: {', '.join(CATEGORIES)}.")
    if min(extent.width, extent.height) < 32:
        raise UsageError(f"{extent} pixels are too few to draw a figure", remedy="Ask for 32 pixels or more.")
    staged = stage(seed, extent, garment, framing=framing, pose=pose)
    sold, labels = staged.sold, staged.canvas.labels
    cut = random_garment(generator(seed, 6), "sweatshirt").scaled(staged.body.unit)
    regions = region_planes(staged.canvas, staged.body, staged.looks, cut)
    truth, planes = expose(generator(seed, 200 + pose), staged.linear, {GARMENT: labels[GARMENT], **regions}, extent)
    mask = planes.pop(GARMENT)
    right = _to_uint8(truth)
    wrong = right if cast is None else _with_cast(truth, right, mask, cast)
    flatlay, flatlay_mask = _flatlay(seed, extent, staged.body.build, sold, staged.studio)
    return DrawnScene(wrong, right, mask, flatlay, flatlay_mask, sold.kind, sold.category, cast, staged.framing, planes)


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A painted figure before the lens, with what it was painted from.

    Attributes
    ----------
    canvas : Canvas
        The figure, with its coverage by label.
    linear : ndarray
        ``(H, W, 3)`` float32, the figure on its backdrop in linear light.
    """

    canvas: Canvas
    linear: Field
    body: Body
    looks: Looks
    sold: Garment
    studio: _Studio
    framing: Framing


def stage(
    seed: int, extent: Extent, garment: str | None = None, *, framing: Framing | None = None, pose: int = 0
) -> Stage:
    """Pose and paint the figure of a scene; the arguments are those of `draw_scene`."""
    rng = generator(seed, 0)
    kinds = tuple(CATEGORIES)
    kind = garment or kinds[int(rng.integers(len(kinds)))]
    sold = random_garment(generator(seed, 1), kind)
    feminine = kind in ("dress", "skirt") or bool(rng.random() < 0.5)
    build, looks = Build.random(rng, feminine), Looks.random(rng, feminine)
    chosen = framing or _random_framing(generator(seed, 100 + pose), sold)
    studio = _Studio.random(generator(seed, 2))
    canvas, linear, body = _on_model(seed, pose, extent, chosen, build, looks, sold, studio)
    return Stage(canvas, linear, body, looks, sold, studio, chosen)


@dataclass(frozen=True, slots=True)
class _Studio:
    """Background, light and lens of a shooting day."""

    light: Light
    backdrop: tuple[float, float, float]
    falloff: float
    glow: float
    floor: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> _Studio:
        kind = str(rng.choice(["white", "grey", "graded"], p=[0.4, 0.35, 0.25]))
        level = {"white": rng.uniform(0.86, 0.95), "grey": rng.uniform(0.58, 0.78), "graded": rng.uniform(0.32, 0.62)}[
            kind
        ]
        warm = rng.uniform(-0.012, 0.012)
        side = float(rng.choice([-1, 1]))
        return cls(
            Light(
                side * float(rng.uniform(0.25, 0.58)), -float(rng.uniform(0.25, 0.45)), float(rng.uniform(0.38, 0.55))
            ),
            (level * (1 + warm), level, level * (1 - warm)),
            falloff=float({"white": 0.05, "grey": 0.16, "graded": 0.38}[kind]),
            glow=float({"white": 0.02, "grey": 0.08, "graded": 0.25}[kind]),
            floor=float(rng.uniform(0.94, 1.05)),
        )

    def paper(self, extent: Extent, horizon: float, rng: np.random.Generator) -> Field:
        """The empty backdrop, ``(H, W, 3)`` linear light: a paper roll with a soft bend at ``horizon`` (pixels)."""
        h, w = extent.height, extent.width
        x = ((np.arange(w, dtype=np.float32) + 0.5) / w - 0.5)[None, :]
        y = ((np.arange(h, dtype=np.float32) + 0.5) / h - 0.5)[:, None]
        halo = np.exp(-(np.square(x - 0.12 * self.light.x) * 5 + np.square(y + 0.08) * 4))
        level = 1 - self.falloff * (np.square(x) * 1.3 + np.square(y) * 0.9) * 2 + self.glow * (halo - 0.5)
        level = level * (1 + 0.10 * self.light.x * x)
        bend = smoothstep(horizon - 0.05 * h, horizon + 0.05 * h, (y + 0.5) * h)
        level = level * (1 + bend * (self.floor - 1))
        level = level + np.float32(0.004) * smooth_noise(rng, (h, w), w / 6, h / 6)
        return np.clip(level[..., None] * np.array(self.backdrop, np.float32), 0, 0.985)


def _random_framing(rng: np.random.Generator, sold: Garment) -> Framing:
    odds = {
        "top": (0.35, 0.55, 0.0, 0.1),
        "outerwear": (0.35, 0.6, 0.0, 0.05),
        "dress": (1.0, 0.0, 0.0, 0.0),
        "bottom": (0.55, 0.0, 0.45, 0.0),
    }[sold.category]
    return tuple(Framing)[int(rng.choice(4, p=odds))]


def _crown_and_unit(framing: Framing, extent: Extent, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """Where the crown of the head lies and how many source pixels a head has."""
    h, w = extent.height, extent.width
    narrow = w / 3.0  # hanging arms need three heads
    if framing is Framing.FULL:
        unit = min(h * float(rng.uniform(0.105, 0.112)), narrow)
        top = h * 0.5 - 4.0 * unit + h * float(rng.uniform(-0.01, 0.02))
    elif framing is Framing.UPPER:
        unit = min(h * float(rng.uniform(0.18, 0.205)), narrow * 1.05)
        top = h * float(rng.uniform(0.05, 0.09))
    elif framing is Framing.PORTRAIT:
        unit = min(h * float(rng.uniform(0.28, 0.34)), narrow * 1.6)
        top = h * float(rng.uniform(0.12, 0.18))
    else:
        unit = min(h * float(rng.uniform(0.165, 0.18)), narrow)
        top = h * 0.965 - 8.05 * unit
    return np.array([w * float(rng.uniform(0.48, 0.52)), top]), unit


def _companions(seed: int, sold: Garment) -> tuple[Garment, ...]:
    """The rest of the outfit, plain and neutral, in the order of dressing."""
    rng = generator(seed, 3)
    if sold.category == "dress":
        return (sold,)
    if sold.category == "bottom":
        return (random_garment(rng, "t-shirt" if rng.random() < 0.7 else "shirt", quiet=True), sold)
    below = random_garment(rng, str(rng.choice(["trousers", "trousers", "shorts"])), quiet=True)
    if sold.category == "outerwear":
        inner = random_garment(rng, "t-shirt", quiet=True)
        return (below, replace(inner, hem=min(inner.hem, sold.hem - 0.25)), sold)
    return (below, sold)


def _on_model(
    seed: int, pose: int, extent: Extent, framing: Framing, build: Build, looks: Looks, sold: Garment, studio: _Studio
) -> tuple[Canvas, Field, Body]:
    """The figure, and its picture in linear light before the lens."""
    rng = generator(seed, 300 + pose)
    crown, unit = _crown_and_unit(framing, extent, rng)
    body = posed(rng, build, unit, crown)
    worn = sold.scaled(unit)
    outfit = tuple(worn if g is sold else g.scaled(unit) for g in _companions(seed, sold))
    canvas = Canvas(extent, _LABELS)
    painter = Painter(canvas, studio.light, unit)
    wardrobe = generator(seed, 4)
    shoe = random_colour(wardrobe, neutral=1.0)
    paint_figure(painter, body, looks, outfit, worn, shoe, sneaker=bool(wardrobe.random() < 0.6))
    ground = float(max(leg.tip[1] for leg in body.legs))
    paper = studio.paper(extent, ground - 0.55 * unit, generator(seed, 5))
    paper = paper * (1 - _ground_shadow(body, extent, studio.light))[..., None]
    linear = canvas.light + paper * (1 - canvas.coverage)[..., None]
    return canvas, linear, body


def _ground_shadow(body: Body, extent: Extent, light: Light) -> Field:
    """Contact shadows under the feet and the long soft one away from the key light, 0 to 1."""
    u = body.unit
    step = 4 if min(extent.width, extent.height) >= 400 else 1
    size = (-(-extent.width // step), -(-extent.height // step))
    total = np.zeros((size[1], size[0]), np.float32)
    feet = np.mean([leg.tip for leg in body.legs], axis=0)
    spots = [(feet + np.array([-light.x * 0.9, -0.02]) * u, 1.5 * u, 0.2 * u, 0.22, 0.2)]
    spots += [(leg.tip + np.array([-light.x * 0.1, 0.01]) * u, 0.28 * u, 0.075 * u, 0.5, 0.05) for leg in body.legs]
    for centre, wide, high, strength, blur in spots:
        layer = np.zeros_like(total)
        outline = np.round(ellipse(centre / step, wide / step, high / step) * 16).astype(np.int32)
        cv2.fillPoly(layer, [outline], strength, cv2.LINE_8, 4)
        total += cv2.GaussianBlur(layer, (0, 0), max(blur * u / step, 0.4))
    full = cv2.resize(total, (size[0] * step, size[1] * step), interpolation=cv2.INTER_LINEAR)
    return np.clip(full[: extent.height, : extent.width], 0, 0.75)


def expose(
    rng: np.random.Generator, linear: Field, planes: Mapping[str, Field], extent: Extent
) -> tuple[Field, dict[str, NDArray[np.uint8]]]:
    """Lens blur and sensor noise; sRGB 0 to 1, and the planes under the same blur as uint8."""
    sigma = max(0.35, extent.height / 1120 * float(rng.uniform(0.4, 0.6)))
    soft = cv2.GaussianBlur(linear, (0, 0), sigma)
    srgb = encode(soft)
    noise = rng.standard_normal(srgb.shape, dtype=np.float32)
    grey = noise[..., :1] + noise[..., 1:2] + noise[..., 2:]
    noise = np.float32(0.6) * noise + np.float32(0.233) * grey
    amount = float(rng.uniform(0.0018, 0.0042))
    srgb = np.clip(srgb + np.float32(amount) * noise * (1.25 - srgb), 0, 1)
    return srgb, {name: _to_uint8(cv2.GaussianBlur(plane, (0, 0), sigma)) for name, plane in planes.items()}


def _to_uint8(values: Field) -> NDArray[np.uint8]:
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def _with_cast(truth: Field, right: NDArray[np.uint8], mask: NDArray[np.uint8], cast: ColorCast) -> NDArray[np.uint8]:
    wrong = right.copy()
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return wrong
    box = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    alpha = (mask[box].astype(np.float32) / 255)[..., None]
    mixed = truth[box] * (1 - alpha) + cast.applied(truth[box]) * alpha
    wrong[box] = np.where(alpha > 0, _to_uint8(mixed), right[box])
    return wrong


def _flatlay(
    seed: int, extent: Extent, build: Build, sold: Garment, studio: _Studio
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    rng = generator(seed, 7)
    size = Extent(max(32, round(extent.height * 0.8)), extent.height)
    angle = float(rng.uniform(0.16, 0.26)) if sold.sleeve > 0.5 else float(rng.uniform(0.45, 0.7))
    top, low = {
        "top": (1.2, sold.hem + 0.1),
        "outerwear": (1.2, sold.hem + 0.1),
        "dress": (1.3, sold.hem + 0.1),
        "bottom": (sold.rise, sold.hem + 0.1 if sold.kind == "skirt" else 4.0 + 3.6 * sold.hem),
    }[sold.category]
    reach = build.shoulder + 2.5 * np.sin(angle) if sold.sleeve > 0.5 else build.shoulder + 0.7
    if sold.category == "bottom":
        reach = build.hip + (0.9 if sold.kind == "skirt" else 0.4)
    unit = float(min(size.height * 0.80 / (low - top), size.width * 0.84 / (2 * reach)))
    crown = np.array([size.width / 2, size.height / 2 - unit * (top + low) / 2])
    body = flat_frame(build, unit, crown, angle)
    canvas = Canvas(size, (GARMENT,))
    # Still life is lit from above with a large, even source.
    light = Light(0.35 * float(np.sign(studio.light.x)), -0.3, 0.6)
    paint_flatlay(Painter(canvas, light, unit), body, sold.scaled(unit))
    paper = np.broadcast_to(np.array((0.88, 0.88, 0.885), np.float32), canvas.light.shape).copy()
    paper *= 1 - 0.05 * np.linspace(-1, 1, size.height, dtype=np.float32)[:, None, None] ** 2
    blur, near = 0.07 * unit, 0.02 * unit
    move = np.array([[1, 0, -light.x * 0.12 * unit], [0, 1, 0.06 * unit]], np.float32)
    shifted = cv2.warpAffine(canvas.coverage, move, (size.width, size.height))
    shadow = 0.22 * cv2.GaussianBlur(shifted, (0, 0), max(blur, 0.5)) + 0.25 * cv2.GaussianBlur(
        shifted, (0, 0), max(near, 0.4)
    )
    linear = canvas.light + paper * (1 - shadow)[..., None] * (1 - canvas.coverage)[..., None]
    srgb, planes = expose(generator(seed, 8), linear.astype(np.float32), {GARMENT: canvas.labels[GARMENT]}, size)
    return _to_uint8(srgb), planes[GARMENT]
