"""Dreamed masks brought back to their photographs: registration and extraction, on real and on drawn cases.

    python bench/dreams.py ../shared/data/dreaming-masks [--drawn 24] [--sheet FILE]

Real cases are outputs of a published project (FLUX.1 Kontext with mask LoRAs) beside its own extraction; drawn cases
have exact truth: figures that the project draws, painted in a known green with a known alpha, through a known drift of
colours and a known displacement, and kept as a JPEG. Residuals are mean absolute differences to the photograph in 8-bit
levels outside the paint, measured here without the program's own idea of what is paint.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.domain.geometry import Extent
from engine.imaging.drawn import draw_scene
from engine.imaging.metrics.masks import iou
from engine.imaging.painted import Extraction, Reading, extract

GREENS = ((0, 255, 0), (94, 240, 96), (43, 211, 60), (56, 223, 37))
"""Greens that published LoRAs were seen to paint."""

MOVES = ("still", "stretched", "bent", "both")


def read(path: Path) -> np.ndarray:
    return np.ascontiguousarray(cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1])


def unpainted(*pictures: np.ndarray) -> np.ndarray:
    """Where none of the pictures is green, or near it."""
    free = np.ones(pictures[0].shape[:2], bool)
    for picture in pictures:
        channels = picture.astype(int)
        greenish = channels[..., 1] - np.maximum(channels[..., 0], channels[..., 2]) > 20
        free &= cv2.dilate(greenish.astype(np.uint8), np.ones((25, 25))) == 0
    return free


def residual(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other)[where].mean())


def real(folder: Path) -> list[np.ndarray]:
    print("| case | IoU with the published mask | registration | shift at the edge, px | residual before | after | s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    tiles = []
    for case in sorted(p for p in folder.iterdir() if (p / "extracted.png").exists()):
        photo, painted, published = (read(case / f"{name}.png") for name in ("original", "painted", "extracted"))
        began = time.perf_counter()
        found = extract(photo, painted)
        seconds = time.perf_counter() - began
        mask, registered = found.mask, found.registered()
        overlap = iou(mask.alpha > 127, published[..., 1] > 127)
        free = unpainted(painted, registered)
        before, after = (residual(picture, photo, free) for picture in (painted, registered))
        share = f"{after:.1f} ({after / before:.0%})" if mask.shift else f"{after:.1f}"
        print(
            f"| {case.name} | {overlap:.3f} | {mask.registration} | {mask.shift:.1f} | {before:.1f} | {share} "
            f"| {seconds:.1f} |"
        )
        tiles.append(row(photo, painted, registered, mask.alpha, published))
    return tiles


def displacement(kind: str, extent: Extent, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """How far from its place each pixel of the painted picture was read, in pixels."""
    y, x = np.mgrid[0 : extent.height, 0 : extent.width].astype(np.float32)
    fields = []
    stretch, offset = rng.uniform(-0.035, 0.035, (2, 2)), rng.uniform(-12, 12, 2)
    for axis in range(2):
        field = np.zeros_like(x)
        if kind in ("stretched", "both"):
            field += stretch[axis, 0] * (x - extent.width / 2) + stretch[axis, 1] * (y - extent.height / 2)
            field += offset[axis]
        if kind in ("bent", "both"):
            smooth = cv2.GaussianBlur(rng.normal(0, 1, x.shape).astype(np.float32), (0, 0), 90)
            field += smooth / np.abs(smooth).max() * rng.uniform(4, 12)
        fields.append(field.astype(np.float32))
    return fields[0], fields[1]


def with_green_clothes(photo: np.ndarray, garment: np.ndarray, green: tuple[int, int, int]) -> np.ndarray:
    """The garment dyed: its own light and folds in another colour."""
    light = photo.mean(axis=2, keepdims=True)
    share = garment[..., None] / 255
    level = (light * share).sum() / max(float(share.sum()), 1)
    return photo * (1 - share) + np.clip(light / max(level, 1) * np.array(green), 0, 255) * share


def drawn(count: int) -> list[np.ndarray]:
    figures: dict[str, list[tuple[float, ...]]] = {}
    tiles = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        kind = MOVES[seed % len(MOVES)]
        scene = draw_scene(1000 + seed)
        photo = scene.on_model.astype(np.float64)
        if seed % 3 == 0:
            photo = with_green_clothes(photo, scene.garment_mask, ((40, 120, 50), (110, 180, 90))[seed % 2])
        truth = max(scene.region_masks.values(), key=lambda mask: int(mask.sum())) / 255.0
        truth = cv2.GaussianBlur(truth, (0, 0), rng.uniform(0.8, 3.0))
        green = np.array(GREENS[rng.integers(len(GREENS))], float)
        drift, offset = np.eye(3) + rng.normal(0, 0.015, (3, 3)), rng.uniform(-6, 6, 3)
        mixed = (1 - truth[..., None]) * (photo @ drift.T + offset) + truth[..., None] * green
        extent = Extent(photo.shape[1], photo.shape[0])
        dx, dy = displacement(kind, extent, rng)
        y, x = np.mgrid[0 : extent.height, 0 : extent.width].astype(np.float32)
        read_at = x + dx, y + dy
        moved = cv2.remap(mixed.astype(np.float32), *read_at, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        noisy = cv2.GaussianBlur(moved, (0, 0), 0.6) + rng.normal(0, 2, moved.shape)
        pixels = np.clip(noisy, 0, 255).round().astype(np.uint8)[..., ::-1]
        stored = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        painted = np.ascontiguousarray(cv2.imdecode(stored, cv2.IMREAD_COLOR)[..., ::-1])
        original = np.round(np.clip(photo, 0, 255)).astype(np.uint8)
        found: Extraction = extract(original, painted, Reading())
        alpha, mask = found.mask.alpha / 255, found.mask
        figures.setdefault(kind, []).append(
            (
                iou(alpha >= 0.5, truth >= 0.5),
                float(np.abs(alpha - truth).mean()),
                mask.shift,
                mask.residual_before,
                mask.residual_after,
            )
        )
        print(seed, kind, mask.registration, " ".join(f"{x:.4f}" for x in figures[kind][-1]), file=sys.stderr)
        tiles.append(row(original, painted, found.registered(), mask.alpha, np.repeat(truth[..., None] * 255, 3, 2)))
    print("\n| drawn | cases | IoU, mean | least | mean alpha error, largest | shift, largest | residual | after |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for kind in MOVES:
        values = np.array(figures.get(kind, np.zeros((0, 5))))
        if len(values):
            overlap, error, shift, before, after = values.T
            print(
                f"| {kind} | {len(values)} | {overlap.mean():.3f} | {overlap.min():.3f} | {error.max():.4f} "
                f"| {shift.max():.1f} | {before.mean():.1f} | {after.mean():.1f} |"
            )
    return tiles


def row(
    photo: np.ndarray, painted: np.ndarray, registered: np.ndarray, alpha: np.ndarray, truth: np.ndarray
) -> np.ndarray:
    """Photograph, painted, registered, mask, the mask over the photograph, and what it is compared with."""
    share = 0.6 * alpha[..., None] / 255
    over = photo * (1 - share) + np.array([255, 0, 0]) * share
    pictures = (photo, painted, registered, np.repeat(alpha[..., None], 3, 2), over, truth)
    tile = np.full((300, 6 * 300, 3), 128, np.uint8)
    for index, picture in enumerate(pictures):
        scale = 300 / max(picture.shape[:2])
        small = cv2.resize(picture.astype(np.float32), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        tile[: small.shape[0], 300 * index : 300 * index + small.shape[1]] = np.clip(small, 0, 255)
    return tile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("masks", type=Path, nargs="?", help="dreaming-masks; left out, only drawn cases are measured")
    parser.add_argument("--drawn", type=int, default=24, help="number of drawn cases")
    parser.add_argument("--sheet", type=Path, help="contact sheet of all cases")
    arguments = parser.parse_args()
    tiles = real(arguments.masks) if arguments.masks else []
    tiles += drawn(arguments.drawn)
    if arguments.sheet:
        cv2.imwrite(str(arguments.sheet), np.vstack(tiles)[..., ::-1].astype(np.uint8))


if __name__ == "__main__":
    main()
