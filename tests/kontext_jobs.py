"""Small jobs for the tiny Kontext model: requests, photographs, progress."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from engine.domain.errors import Cancelled
from engine.domain.geometry import Extent
from engine.domain.picture import Picture
from engine.domain.requests import DiffusionSettings, LoraRef, Sampling

PROMPT = "put a green mask for a hat on the person"
SLOWLY = "slowly"
"""A prompt that the tiny worker takes two seconds for, each step."""


def lora_of(file: Path, scale: float = 1.0) -> LoraRef:
    return LoraRef(
        name="tiny",
        path=str(file),
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        base_model="FLUX.1-Kontext-dev",
        rank=4,
        scale=scale,
        trigger="",
    )


def settings_of(model: Path, lora: LoraRef | None = None, **sampling) -> DiffusionSettings:
    chosen = {"num_inference_steps": 2, "seed": 3} | sampling
    return DiffusionSettings(model=str(model), prompt=PROMPT, lora=lora, sampling=Sampling(**chosen))


def photograph(extent: Extent, seed: int = 0) -> Picture:
    """A wall with a plain figure before it."""
    rng = np.random.default_rng(seed)
    pixels = np.full((extent.height, extent.width, 3), (226, 224, 220), np.uint8)
    top, left = extent.height // 4, extent.width // 3
    pixels[top : 3 * top, left : 2 * left] = (90, 60, 120)
    return Picture((pixels + rng.integers(0, 8, pixels.shape, np.uint8)).astype(np.uint8), path=Path("on-model.jpg"))


def with_green_patch(canvas: np.ndarray, offset: int = 0) -> np.ndarray:
    """The picture that a mask LoRA would make of the canvas, ``offset`` model pixels farther to the right.

    The tiny model paints random colours, of which no mask can be read.
    """
    painted = canvas.copy()
    height, width = painted.shape[:2]
    painted[height // 4 : height // 2, width // 4 + offset : 3 * width // 4 + offset] = (0, 255, 0)
    return painted


class Reports:
    """Collects progress; raises `Cancelled` when it is told ``cancel_at`` finished steps."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.seen: list[tuple[int, int, str]] = []
        self._cancel_at = cancel_at

    def __call__(self, step: int, total: int, label: str) -> None:
        self.seen.append((step, total, label))
        if step == self._cancel_at:
            raise Cancelled


def run_sample(backend, settings: DiffusionSettings, canvas: np.ndarray, report=None) -> np.ndarray:
    from engine.inference.kontext.sampling import sample

    model, _, prompt = backend.residence.settle(settings)
    steps = settings.sampling.num_inference_steps
    report = report or Reports()
    return sample(model.pipeline, canvas, prompt, settings.sampling, report, done=0, total=steps)


CANVAS = photograph(Extent(96, 128)).pixels
