"""A small data set of drawn shapes, for training the tiny pipeline: a bright bar whose middle is painted green."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from engine.domain.datasets import DatasetKind, Example, Manifest, Split
from engine.services.datasets.manifest import write_manifest

SIDE = 64


def build_tiny_set(folder: Path, *, count: int = 4, held_out: int = 1, loss_mask: bool = False) -> Path:
    """``count`` training pairs of `SIDE` pixels and some held out; with masks of their left halves where asked for."""
    examples: list[Example] = []
    for number in range(count + held_out):
        random = np.random.Generator(np.random.PCG64(number))
        control = random.integers(90, 170, (SIDE, SIDE, 3)).astype(np.uint8)
        top = 8 + 4 * number
        control[top : top + 24, 16:48] = 230
        target, mask = control.copy(), np.zeros((SIDE, SIDE), np.uint8)
        target[top + 8 : top + 16, 16:48] = (0, 255, 0)
        mask[:, : SIDE // 2] = 255
        name = f"bar-{number}"
        for kind, pixels in (("control", control), ("target", target), ("mask", mask)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / kind / f"{name}.png")
        examples.append(
            Example(
                name=name,
                sku=name,
                control=f"control/{name}.png",
                target=f"target/{name}.png",
                caption="put a green mask for bar",
                loss_mask=f"mask/{name}.png" if loss_mask else "",
                split=Split.TRAIN if number < count else Split.HELD_OUT,
            )
        )
    write_manifest(Manifest(DatasetKind.MASK, tuple(examples)), folder)
    return folder
