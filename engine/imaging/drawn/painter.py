"""A canvas in linear light that keeps the books: how much of every pixel each part of the picture covers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from engine.domain.geometry import Extent
from engine.imaging.drawn.shapes import Field, Form, Patch, Points, Tube, cover, spindle, spline

RGB = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Light:
    """One large soft key light and an even fill.

    Attributes
    ----------
    x, y : float
        Direction to the key light in the picture plane (-1 to 1, y negative from above); the rest points to the camera.
    fill : float
        Share of the light that comes from everywhere, 0 to 1.
    """

    x: float
    y: float
    fill: float

    def shading(self, nx: Field, ny: Field, nz: Field) -> Field:
        """Light that reaches a surface; 1 for one that faces the camera, so that it shows its own colour."""
        lz = np.sqrt(1 - self.x**2 - self.y**2)
        wrap = 0.35  # a softbox reaches around the edge
        key = np.maximum((nx * self.x + ny * self.y + nz * lz + wrap) / (lz + wrap), 0)
        ambient = 0.72 + 0.28 * nz - 0.12 * ny
        return (self.fill * ambient + (1 - self.fill) * key).astype(np.float32)

    def highlight(self, nx: Field, ny: Field, nz: Field, sharpness: float) -> Field:
        """Blinn's highlight, 0 to 1."""
        lz = np.sqrt(1 - self.x**2 - self.y**2)
        half = np.array([self.x, self.y, lz + 1])
        half /= np.linalg.norm(half)
        return np.maximum(nx * half[0] + ny * half[1] + nz * half[2], 0).astype(np.float32) ** np.float32(sharpness)


class Material(Protocol):
    """What a surface is made of."""

    @property
    def gloss(self) -> float: ...

    @property
    def sharpness(self) -> float: ...

    @property
    def subsurface(self) -> bool: ...

    def albedo(self, form: Form, alpha: Field) -> Field:
        """Linear-light RGB ``(h, w, 3)``."""
        ...

    def relief(self, form: Form, unit: float) -> Field | None:
        """Fine height field in pixels, or None for a smooth surface."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """A surface of one colour: skin (``subsurface``), leather, metal."""

    colour: RGB
    gloss: float = 0.0
    sharpness: float = 12.0
    subsurface: bool = False

    def albedo(self, form: Form, alpha: Field) -> Field:
        return np.broadcast_to(np.array(self.colour, np.float32), (*alpha.shape, 3))

    def relief(self, form: Form, unit: float) -> Field | None:
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """A crease or a ridge: a tapering line whose two flanks lean by ``slope`` (negative: a valley)."""

    line: Points
    half_width: float
    slope: float


class Canvas:
    """Premultiplied linear light plus one coverage plane per label; used by one thread while one picture is drawn."""

    def __init__(self, extent: Extent, labels: Iterable[str]) -> None:
        self.extent = extent
        shape = (extent.height, extent.width)
        self.light = np.zeros((*shape, 3), np.float32)
        self.coverage = np.zeros(shape, np.float32)
        self.labels = {label: np.zeros(shape, np.float32) for label in labels}

    def lay(self, patch: Patch, colour: Field, label: str = "") -> None:
        """Paint ``colour``, ``(h, w, 3)`` linear light, over everything below."""
        rows, columns = patch.window
        keep = 1 - patch.alpha
        self.light[rows, columns] = self.light[rows, columns] * keep[..., None] + colour * patch.alpha[..., None]
        self.coverage[rows, columns] = self.coverage[rows, columns] * keep + patch.alpha
        for plane in self.labels.values():
            plane[rows, columns] *= keep
        if label in self.labels:
            self.labels[label][rows, columns] += patch.alpha

    def dim(self, patch: Patch, dx: float, dy: float, sigma: float, strength: float) -> None:
        """The soft shadow that a shape throws on what is painted already; an empty background stays untouched."""
        step = 4 if min(self.extent.width, self.extent.height) >= 400 else 1
        pad = int(3 * sigma + abs(dx) + abs(dy)) // step * step + step
        height, width = patch.alpha.shape
        small = cv2.resize(
            np.pad(patch.alpha, pad),
            ((width + 2 * pad) // step, (height + 2 * pad) // step),
            interpolation=cv2.INTER_AREA,
        )
        small = cv2.GaussianBlur(small, (0, 0), max(sigma / step, 0.3))
        soft = cv2.resize(small, (width + 2 * pad, height + 2 * pad), interpolation=cv2.INTER_LINEAR)
        left, top = patch.left - pad + round(dx), patch.top - pad + round(dy)
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(self.extent.width, left + soft.shape[1]), min(self.extent.height, top + soft.shape[0])
        if x1 > x0 and y1 > y0:
            self.light[y0:y1, x0:x1] *= (1 - np.float32(strength) * soft[y0 - top : y1 - top, x0 - left : x1 - left])[
                ..., None
            ]


class Painter:
    """Paints lit surfaces on a canvas; sizes are given in heads, the unit of a drawn figure."""

    def __init__(self, canvas: Canvas, light: Light, unit: float) -> None:
        self.canvas = canvas
        self.light = light
        self.unit = unit

    def surface(
        self,
        outlines: Sequence[Points],
        volume: Tube | Callable[[Patch], Form],
        material: Material,
        *,
        label: str = "",
        folds: Sequence[Fold] = (),
        relief: Callable[[Form, Patch], Field] | None = None,
        tint: Callable[[Form, Patch], Field] | None = None,
        shadow: float = 0.0,
        reach: float = 0.07,
        under: Sequence[Points] = (),
    ) -> None:
        """Paint one lit shape.

        Parameters
        ----------
        relief : callable, optional
            Extra height in pixels, per pixel of the patch.
        tint : callable, optional
            Factor on the colour, ``(h, w)`` or ``(h, w, 3)``: seams, make-up.
        shadow : float
            How dark the shape's own shadow on what lies below is, 0 to 1.
        reach : float
            How far that shadow reaches, in heads.
        under : sequence of outlines
            What lies in front of this shape although it was painted before.
        """
        patch = cover(outlines, self.canvas.extent)
        if patch is None:
            return
        for outline in under:
            front = cover([outline - (patch.left, patch.top)], Extent(patch.alpha.shape[1], patch.alpha.shape[0]))
            if front is not None:
                patch.alpha[front.window] *= 1 - front.alpha
        form = volume.form(patch) if isinstance(volume, Tube) else volume(patch)
        height = fold_relief(folds, patch)
        for part in (material.relief(form, self.unit), relief(form, patch) if relief else None):
            if part is not None:
                height = part if height is None else height + part
        nx, ny = form.nx, form.ny
        if height is not None:
            height = height.astype(np.float32, copy=False)
            # Sobel's weights sum to 8 per pixel of distance.
            nx = nx - cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
            ny = ny - cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
        planar = np.sqrt(nx * nx + ny * ny)
        limit = np.minimum(1, 0.97 / np.maximum(planar, 1e-6))
        nx, ny = nx * limit, ny * limit
        nz = np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0.0025))
        shade = self.light.shading(nx, ny, nz)
        if material.subsurface:  # red light wanders further below the skin: shadows turn warm
            lit = np.stack([shade ** np.float32(0.82), shade, shade ** np.float32(1.1)], -1)
        else:
            lit = shade[..., None]
        colour = material.albedo(form, patch.alpha) * lit
        if tint is not None:
            factor = tint(form, patch)
            colour = colour * (factor if factor.ndim == 3 else factor[..., None])
        if material.gloss:
            colour = colour + material.gloss * self.light.highlight(nx, ny, nz, material.sharpness)[..., None]
        if shadow:
            distance = reach * self.unit
            self.canvas.dim(patch, -self.light.x * distance, distance * 0.5, distance, shadow)
        self.canvas.lay(patch, colour.astype(np.float32), label)

    def mark(self, outlines: Sequence[Points], colour: RGB, opacity: float = 1.0, soft: float = 0.0) -> None:
        """Tint what lies below without covering it: make-up, seams, buttons' holes. Coverage and labels stay."""
        patch = cover(outlines, self.canvas.extent, margin=1 + int(3 * soft))
        if patch is None:
            return
        alpha = cv2.GaussianBlur(patch.alpha, (0, 0), soft) if soft >= 0.3 else patch.alpha
        rows, columns = patch.window
        weight = (alpha * np.float32(opacity))[..., None]
        under = self.canvas.coverage[rows, columns, None]
        self.canvas.light[rows, columns] = (
            self.canvas.light[rows, columns] * (1 - weight) + np.array(colour, np.float32) * weight * under
        )


def fold_relief(folds: Sequence[Fold], patch: Patch) -> Field | None:
    """Height field of the folds over a patch, in pixels."""
    if not folds:
        return None
    height, width = patch.alpha.shape
    step = 2 if min(height, width) >= 32 else 1
    total = np.zeros((-(-height // step), -(-width // step)), np.float32)
    # Folds of about the same width are blurred together.
    groups: dict[int, list[Fold]] = {}
    for fold in folds:
        groups.setdefault(round(2 * np.log2(max(fold.half_width, 0.5))), []).append(fold)
    for members in groups.values():
        mean = float(np.mean([f.half_width for f in members])) / step
        layer = np.zeros_like(total)
        for fold in members:
            line = (np.asarray(fold.line) - (patch.left, patch.top)) / step
            polygon = np.round(spindle(spline(line, 6), fold.half_width / step) * 16).astype(np.int32)
            cv2.fillPoly(layer, [polygon], float(fold.slope * fold.half_width), cv2.LINE_8, 4)
        total += cv2.GaussianBlur(layer, (0, 0), max(mean * 0.75, 0.5))
    full = cv2.resize(total, (total.shape[1] * step, total.shape[0] * step), interpolation=cv2.INTER_LINEAR)
    return full[:height, :width]
