"""The small model's colour LoRA on drawn garments that it never saw, through the product's own path.

    python bench/nano_color.py [--model FOLDER] [--lora FILE] [--figures 40] [--first-seed N] [--sheet FILE]

Each garment is photographed in a wrong colour (a cast as in the demo). CIEDE2000 to the drawn truth: of the photograph
as it is, of the model's picture with the LoRA and without, and of the match that the product makes with that picture as
its guide, and without one. "Colour" compares the garments' mean colours, which is what a guide is for; "pixels" is the
mean over the garment's pixels, where the model's small picture also pays for every fold that it cannot show. What the
truth itself would score after the canvas and the autoencoder stands beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.domain.geometry import Extent
from engine.domain.picture import PaintedMask, Picture
from engine.domain.requests import (
    ColorMatchRequest,
    DiffusionSettings,
    EngineName,
    LoraRef,
    MaskRequest,
    Sampling,
    Tolerance,
)
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.spaces import pixels_to_lab
from engine.imaging.drawn import ColorCast, Framing, draw_scene
from engine.imaging.drawn.scene import DrawnScene
from engine.imaging.drawn.shapes import generator
from engine.inference.kontext import backend as kontext
from engine.inference.kontext.availability import nano_folder
from engine.inference.kontext.description import read_description
from engine.services.painting import lora_ref
from engine.services.registries import LoraEntry, LoraKind, registry_for
from engine.worker.matching import match_pair

FIRST_SEED = 93_000_000
COLUMNS = ("photograph", "painted", "painted without LoRA", "limit", "match with guide", "match without")


def quiet(step: int, total: int, label: str) -> None:
    pass


def entry_of(model: Path) -> LoraEntry:
    return next(entry for entry in registry_for(model).loras if entry.kind is LoraKind.COLOR)


def named(entry: LoraEntry, file: Path | None, model: Path) -> LoraRef:
    if file is None:
        return lora_ref(entry, model)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return LoraRef(entry.name, str(file.absolute()), sha256, entry.base_model, entry.rank, entry.scale, entry.trigger)


class Guides:
    """Paints guides, and keeps what the model was shown and what it painted last."""

    def __init__(self, scratch: Path) -> None:
        self.backend = kontext.KontextBackend(scratch / "prompts")
        self.canvas = self.painted = np.zeros((1, 1, 3), np.uint8)
        self._sample = kontext.sample
        kontext.sample = self._recorded  # type: ignore[assignment]

    def _recorded(self, pipeline, canvas, *rest, **more) -> np.ndarray:
        self.canvas, self.painted = canvas, self._sample(pipeline, canvas, *rest, **more)
        return self.painted

    def paint(self, scene: DrawnScene, settings: DiffusionSettings):
        on_model, flatlay = pictures(scene)
        mask = PaintedMask(scene.garment_mask, 1.0, {})
        request = ColorMatchRequest(
            EngineName.KONTEXT, MaskRequest(EngineName.CLASSICAL, "garment"), diffusion=settings
        )
        guide = self.backend.color_guide(on_model, flatlay, mask, request, quiet)
        assert guide is not None
        return guide

    def limit(self, scene: DrawnScene, settings: DiffusionSettings) -> np.ndarray:
        """The truth as it comes back from canvas and autoencoder."""
        import torch

        def decoded(pipeline, canvas, *rest, **more) -> np.ndarray:
            with torch.no_grad():
                pixels = torch.from_numpy(canvas / 127.5 - 1).float().permute(2, 0, 1)[None]
                back = pipeline.vae.decode(pipeline.vae.encode(pixels).latent_dist.mode()).sample[0]
            return ((back.permute(1, 2, 0).numpy() + 1) * 127.5).round().clip(0, 255).astype(np.uint8)

        kontext.sample = decoded  # type: ignore[assignment]
        try:
            return self.paint(replace(scene, on_model=scene.truth), settings).pixels
        finally:
            kontext.sample = self._recorded  # type: ignore[assignment]


def pictures(scene: DrawnScene) -> tuple[Picture, Picture]:
    return (
        Picture(scene.on_model, path=Path("figure.png")),
        Picture(scene.flatlay, alpha=scene.flatlay_mask, path=Path("flatlay.png")),
    )


def distances(pixels: np.ndarray, scene: DrawnScene) -> tuple[float, float]:
    """ΔE00 of the garments' mean colours, and mean ΔE00 of their pixels; a smaller picture lies over the photograph."""
    height, width = scene.truth.shape[:2]
    if pixels.shape[:2] != (height, width):
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    inside = cv2.erode(scene.garment_mask, np.ones((3, 3), np.uint8)) > 127  # no mixed colours of its edge
    labs = [pixels_to_lab(rgb[inside][None], None) for rgb in (pixels, scene.truth)]
    means = [lab.mean(1, keepdims=True) for lab in labs]
    return float(delta_E_2000(*means).mean()), float(delta_E_2000(*labs).mean())


def row_of(
    guides: Guides, scene: DrawnScene, settings: DiffusionSettings, tiles: list[np.ndarray]
) -> list[tuple[float, float]]:
    on_model, flatlay = pictures(scene)
    bare = guides.paint(scene, replace(settings, lora=None)).pixels
    guide = guides.paint(scene, settings)
    tiles.append(tile(guides, scene))

    def matched(with_guide: bool) -> tuple[float, float]:
        pair = match_pair(on_model, flatlay, scene.garment_mask, guide if with_guide else None, Tolerance())
        return distances(pair.matched.pixels, scene)

    return [
        distances(scene.on_model, scene),
        distances(guide.pixels, scene),
        distances(bare, scene),
        distances(guides.limit(scene, settings), scene),
        matched(True),
        matched(False),
    ]


def tile(guides: Guides, scene: DrawnScene) -> np.ndarray:
    """What was shown and what was painted, and the photograph's truth."""
    height = 220
    strip = [guides.canvas, guides.painted, scene.truth]
    return np.hstack([cv2.resize(rgb, (round(rgb.shape[1] * height / rgb.shape[0]), height)) for rgb in strip])


def sheet(tiles: list[np.ndarray]) -> np.ndarray:
    width = max(tile.shape[1] for tile in tiles)
    return np.vstack([np.pad(t, ((0, 4), (0, width - t.shape[1]), (0, 0)), constant_values=110) for t in tiles])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=nano_folder(), help="diffusers folder; by default resources/nano")
    parser.add_argument("--lora", type=Path, help="by default the registry's")
    parser.add_argument("--figures", type=int, default=24)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--side", type=int, default=800, help="height of the drawn photographs, in pixels")
    parser.add_argument("--sheet", type=Path, help="picture of what was shown and painted")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    extent = Extent(round(arguments.side * 0.8), arguments.side)
    entry = entry_of(arguments.model)
    description = read_description(arguments.model)
    assert description is not None
    rows: list[list[tuple[float, float]]] = []
    tiles: list[np.ndarray] = []
    with tempfile.TemporaryDirectory() as scratch:
        guides = Guides(Path(scratch))
        settings = DiffusionSettings(
            str(arguments.model),
            entry.prompt.replace("{garment}", "garment"),
            named(entry, arguments.lora, arguments.model),
            Sampling(arguments.steps, description.guidance_scale, 0),
        )
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.figures):
            framing = (Framing.FULL, Framing.UPPER)[seed % 2]
            scene = draw_scene(seed, extent, cast=ColorCast.random(generator(seed, 900)), framing=framing)
            rows.append(row_of(guides, scene, settings, tiles))
    found = np.array(rows)
    print(f"| ΔE00 to the truth, {len(rows)} garments | " + " | ".join(COLUMNS) + " |")
    print("| --- |" + " --- |" * len(COLUMNS))
    for measure, values in zip(("colour", "pixels"), np.moveaxis(found, 2, 0), strict=True):
        for name, row in (("mean", values.mean(0)), ("median", np.median(values, 0)), ("worst", values.max(0))):
            print(f"| {measure}, {name} | " + " | ".join(f"{value:.2f}" for value in row) + " |")
    nearer = int((found[:, 1, 0] < found[:, 0, 0]).sum())
    print(f"painted nearer to the true colour than it was photographed: {nearer} of {len(rows)}")
    if arguments.sheet:
        cv2.imwrite(str(arguments.sheet), sheet(tiles)[..., ::-1])


if __name__ == "__main__":
    main()
