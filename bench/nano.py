"""The small model on drawn figures that it never saw, through the product's own path: crop, paint, register, extract.

    python bench/nano.py [--model FOLDER] [--loras FOLDER] [--figures 24] [--steps 1] [--guidance 2.5] [--sheet FILE]

For each mask type: IoU with the drawn truth at half alpha, with its LoRA and without, and what the autoencoder would
leave of a perfect painting (the truth painted green on the crop, encoded, decoded, and read like a dream). A figure
counts where the truth is a part of it that can be seen; a picture of which no mask can be read counts 0.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.domain.picture import Picture
from engine.domain.requests import DiffusionSettings, EngineName, LoraRef, MaskRequest, Sampling
from engine.imaging.drawn import draw_scene
from engine.imaging.drawn.scene import REGIONS, DrawnScene
from engine.imaging.metrics.masks import iou
from engine.imaging.painted import Reading, extract_painted_mask
from engine.imaging.person_crop import shown_part
from engine.imaging.placement import border_color, place, to_canvas
from engine.inference.kontext import backend as kontext
from engine.inference.kontext.availability import nano_folder
from engine.inference.kontext.description import DESCRIPTION
from engine.services.painting import lora_ref
from engine.services.registries import USER_REGISTRY, LoraEntry, registry_for

FIRST_SEED = 92_000_000
"""No figure of a training set has a seed from 90,000,000 on."""

LEAST_SHARE = 0.0005
"""Of the picture: a smaller truth is a sliver at the frame."""


@dataclass(frozen=True)
class Case:
    seed: int
    scene: DrawnScene

    def truth(self, region: str) -> np.ndarray | None:
        mask = self.scene.region_masks[region] > 127
        return mask if mask.mean() >= LEAST_SHARE else None


@dataclass
class Tally:
    """IoU, confidence and seconds of each figure; confidence is -1 where no mask was read."""

    scores: list[float]
    confidences: list[float]
    seconds: list[float]

    @property
    def unread(self) -> int:
        return sum(confidence < 0 for confidence in self.confidences)


def quiet(step: int, total: int, label: str) -> None:
    pass


class Recorder:
    """Keeps what the model was shown and what it painted last."""

    def __init__(self) -> None:
        self.canvas = self.painted = np.zeros((1, 1, 3), np.uint8)
        self._sample = kontext.sample
        kontext.sample = self  # type: ignore[assignment]

    def __call__(self, pipeline, canvas, *rest, **more) -> np.ndarray:
        self.canvas, self.painted = canvas, self._sample(pipeline, canvas, *rest, **more)
        return self.painted


def settings_of(
    model: Path, entry: LoraEntry, lora: LoraRef | None, arguments: argparse.Namespace
) -> DiffusionSettings:
    sampling = Sampling(arguments.steps, arguments.guidance, arguments.noise)
    return DiffusionSettings(str(model), entry.prompt, lora, sampling, arguments.seeds, region=entry.region)


def dreamed(
    backend: kontext.KontextBackend,
    recorder: Recorder,
    cases: list[Case],
    region: str,
    settings: DiffusionSettings,
    tiles: list[np.ndarray] | None = None,
) -> Tally:
    tally = Tally([], [], [])
    for case in cases:
        truth = case.truth(region)
        if truth is None:
            continue
        began = time.perf_counter()
        picture = Picture(case.scene.on_model, path=Path(f"figure {case.seed}"))
        try:
            mask = backend.make_mask(picture, None, MaskRequest(EngineName.KONTEXT, region, diffusion=settings), quiet)
            alpha, confidence = mask.alpha, mask.confidence
        except KnownError:
            alpha, confidence = np.zeros(truth.shape, np.uint8), -1.0
        tally.seconds.append(time.perf_counter() - began)
        tally.scores.append(iou(alpha > 127, truth))
        tally.confidences.append(confidence)
        if tiles is not None:
            tiles.append(tile(case, recorder, alpha, truth))
    return tally


def through_autoencoder(
    backend: kontext.KontextBackend, cases: list[Case], region: str, settings: DiffusionSettings
) -> list[float]:
    """What a perfect painting would score."""
    import torch

    model, _, _ = backend.residence.settle(replace(settings, lora=None))
    vae, description = model.pipeline.vae, backend.residence.source(settings).description
    assert description is not None
    reading = Reading(in_place=description.paints_in_place)
    scores: list[float] = []
    for case in cases:
        truth = case.truth(region)
        if truth is None:
            continue
        rgb = case.scene.on_model
        part = shown_part(rgb, settings.region, description.canvases)
        placement = place(Extent(rgb.shape[1], rgb.shape[0]), part.crop, description.canvases)
        shown = placement.crop
        canvas = to_canvas(rgb, placement, border_color(rgb[shown.top : shown.bottom, shown.left : shown.right]))
        mask = np.repeat(case.scene.region_masks[region][..., None], 3, axis=2)
        share = to_canvas(mask, placement, (0, 0, 0))[..., :1].astype(np.float32) / 255
        green = canvas * (1 - share) + np.array([0, 255, 0], np.float32) * share
        with torch.no_grad():
            pixels = torch.from_numpy(green / 127.5 - 1).float().permute(2, 0, 1)[None]
            decoded = vae.decode(vae.encode(pixels.to(vae.device)).latent_dist.mode()).sample[0]
        painted = ((decoded.permute(1, 2, 0).cpu().numpy() + 1) * 127.5).round().clip(0, 255).astype(np.uint8)
        try:
            alpha = extract_painted_mask(rgb, painted, reading, placement).alpha
        except KnownError:
            alpha = np.zeros(truth.shape, np.uint8)
        scores.append(iou(alpha > 127, truth))
    return scores


def tile(case: Case, recorder: Recorder, alpha: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """What was shown, what was painted, the mask over the figure in red with the truth's outline in white."""
    photo = case.scene.on_model
    share = 0.6 * alpha[..., None] / 255
    over = (photo * (1 - share) + np.array([255, 0, 0]) * share).astype(np.uint8)
    edge = truth ^ (cv2.erode(truth.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    over[edge] = 255
    side = 260
    strip = np.full((side, 3 * side, 3), 110, np.uint8)
    for place_of, picture in enumerate((recorder.canvas, recorder.painted, over)):
        scale = side / max(picture.shape[:2])
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        strip[: small.shape[0], place_of * side : place_of * side + small.shape[1]] = small
    return strip


def described(model: Path, folder: Path) -> Path:
    """The model with the description and the registry that ship, where it has none: a copy."""
    if (model / DESCRIPTION).is_file() and (model / USER_REGISTRY).is_file():
        return model
    copy = Path(shutil.copytree(model, folder / "nano"))
    for name in (DESCRIPTION, USER_REGISTRY):
        if not (copy / name).is_file():
            shutil.copyfile(nano_folder() / name, copy / name)
    return copy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=nano_folder(), help="diffusers folder; by default resources/nano")
    parser.add_argument("--loras", type=Path, help="folder with hat.safetensors …; by default 'loras' in the model")
    parser.add_argument("--regions", default=",".join(REGIONS), help="mask types, with commas")
    parser.add_argument("--figures", type=int, default=24)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--side", type=int, default=1120, help="height of the drawn figures' pictures, in pixels")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--guidance", type=float, default=2.5)
    parser.add_argument("--noise", type=int, default=0, help="seed of the first painting's noise")
    parser.add_argument("--seeds", type=int, default=1, help="paint so many times and average")
    parser.add_argument("--scale", type=float, help="strength of the LoRAs; by default the registry's")
    parser.add_argument("--no-base", action="store_true", help="leave out the paintings without LoRA")
    parser.add_argument("--no-limit", action="store_true", help="leave out what the autoencoder would keep")
    parser.add_argument("--sheet", type=Path, help="picture of the paintings with LoRA")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    extent = Extent(round(arguments.side * 0.8), arguments.side)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.figures)
    cases = [Case(seed, draw_scene(seed, extent)) for seed in seeds]
    tiles: list[np.ndarray] = []
    rows: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        model = described(arguments.model, Path(scratch))
        registry = registry_for(model)
        backend, recorder = kontext.KontextBackend(Path(scratch) / "prompts"), Recorder()
        for region in arguments.regions.split(","):
            entry = registry.lora_for(region)
            bare = settings_of(model, entry, None, arguments)
            cells = [region, str(sum(case.truth(region) is not None for case in cases))]
            lora = with_lora(entry, model, arguments)
            for ref in (lora, None):
                if (ref is None and arguments.no_base) or (ref is lora and lora is None):
                    cells += ["", "", ""]
                    continue
                shown = tiles if ref is not None else None
                tally = dreamed(backend, recorder, cases, region, replace(bare, lora=ref), shown)
                cells += [f"{np.mean(tally.scores):.3f}", f"{np.median(tally.scores):.3f}", str(tally.unread)]
                seconds = np.median(tally.seconds)
                print(region, "with LoRA" if ref else "without", f"{seconds:.2f} s each", file=sys.stderr)
            limit = None if arguments.no_limit else through_autoencoder(backend, cases, region, bare)
            cells.append("" if limit is None else f"{np.mean(limit):.3f}")
            rows.append(f"| {' | '.join(cells)} |")
    print(
        "| mask | figures | IoU with LoRA | median | no mask | IoU without | median | no mask | autoencoder's limit |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    print("\n".join(rows))
    if arguments.sheet and tiles:
        columns = 3
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
        strips = [np.hstack(tiles[at : at + columns]) for at in range(0, len(tiles), columns)]
        cv2.imwrite(str(arguments.sheet), np.vstack(strips)[..., ::-1])


def with_lora(entry: LoraEntry, model: Path, arguments: argparse.Namespace) -> LoraRef | None:
    """The LoRA of the registry, from another folder where one was named; None where its file is not there."""
    import hashlib

    scale = arguments.scale if arguments.scale is not None else entry.scale
    if arguments.loras is not None:
        file = arguments.loras / entry.file
        if not file.is_file():
            return None
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        return LoraRef(entry.name, str(file.absolute()), sha256, entry.base_model, entry.rank, scale, entry.trigger)
    try:
        return replace(lora_ref(entry, model), scale=scale)
    except KnownError as error:
        print(f"{entry.mask_type}: {error.what}", file=sys.stderr)
        return None


if __name__ == "__main__":
    main()
