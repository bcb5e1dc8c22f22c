"""A small data set of drawn shapes, for training the tiny pipeline: a bright bar whose middle is painted green."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from engine.domain.datasets import DatasetKind, Example, Manifest, Split
from engine.domain.training import TrainingEvent, TrainingSettings
from engine.services.datasets.manifest import write_manifest
from engine.training.memory import plan_for

SIDE = 64
SETTINGS = TrainingSettings(
    rank=4,
    alpha=8,
    learning_rate=1e-2,
    steps=8,
    batch=2,
    accumulation=2,
    resolutions=(64, 32),
    ema=0.8,
    variants=1,
    caption_dropout=0.3,
    sample_every=4,
    samples=1,
    sample_steps=1,
    evaluate_every=4,
    iou_steps=1,
    save_every=4,
    checkpoint_every=3,
    seed=7,
)
PLAN = plan_for(SETTINGS, None, has_bitsandbytes=False)


def build_tiny_set(folder: Path, *, count: int = 4, held_out: int = 1, loss_mask: bool = False) -> Path:
    """``count`` training pairs of `SIDE` pixels and some held out; with masks of their left halves where asked for."""
    examples: list[Example] = []
    for number in range(count + held_out):
        random = np.random.Generator(np.random.PCG64(number))
        control = random.integers(90, 170, (SIDE, SIDE, 3)).astype(np.uint8)
        top = 8 + 4 * number
        control[top : top + 24, 16:48] = 230
        target, mask, left = control.copy(), np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE), np.uint8)
        target[top + 8 : top + 16, 16:48] = (0, 255, 0)
        mask[top + 8 : top + 16, 16:48] = 255
        left[:, : SIDE // 2] = 255
        name = f"bar-{number}"
        for kind, pixels in (("control", control), ("target", target), ("mask", mask), ("loss_mask", left)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / kind / f"{name}.png")
        examples.append(
            Example(
                name=name,
                sku=name,
                control=f"control/{name}.png",
                target=f"target/{name}.png",
                caption="put a green mask for bar",
                mask=f"mask/{name}.png",
                loss_mask=f"loss_mask/{name}.png" if loss_mask else "",
                split=Split.TRAIN if number < count else Split.HELD_OUT,
            )
        )
    write_manifest(Manifest(DatasetKind.MASK, tuple(examples)), folder)
    return folder


def ran(folder: Path, caches: object, *, wants_pause: Callable[[], bool] = lambda: False) -> list[TrainingEvent]:
    """Train what a folder says, in this process, with the caches (`engine.training.session.Caches`) of the test."""
    from engine.training.session import train

    told: list[TrainingEvent] = []
    train(folder, told.append, wants_pause, caches)  # pyright: ignore[reportArgumentType]
    return told
