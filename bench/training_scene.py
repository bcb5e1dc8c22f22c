"""What the picture of the Training page shows: drawn figures with hats to be masked, and a small model to learn it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

import numpy as np  # noqa: E402

from engine.domain.geometry import Box, Extent  # noqa: E402
from engine.domain.requests import BodyRegion  # noqa: E402
from engine.domain.training import TrainingSettings  # noqa: E402
from engine.imaging.drawn.scene import Framing, draw_scene  # noqa: E402
from engine.imaging.person_crop import shown_part  # noqa: E402
from engine.imaging.raster.encode import encode_mask, encode_png  # noqa: E402
from engine.inference.kontext.availability import nano_model  # noqa: E402
from engine.services.datasets.mask_sets import MaskRecipe, mask_set_from_folders  # noqa: E402
from engine.training.nano.lessons_set import SHAPES  # noqa: E402

EXTENT = Extent(336, 432)
SEEDS = (*range(6), 7, 8, *range(10, 20))
"""Figures without green clothes; each is an article of its own, so that some can be held out."""

SETTINGS = TrainingSettings(
    rank=32, steps=300, batch=8, resolutions=(128,), learning_rate=1e-3, warmup=20, variants=15, caption_dropout=0.0,
    time_mean=0.6, time_deviation=1.1, pure_noise=0.12, guidance=2.5, gradient_checkpointing=False, ema=0.98,
    sample_every=50, samples=4, sample_steps=1, evaluate_every=50, iou_steps=1, save_every=100, checkpoint_every=100,
)  # fmt: skip
"""As the small model's own LoRAs (`engine.services.nano`), with fewer and smaller steps."""


def draw_training_set(folder: Path) -> Path:
    """A mask set of drawn heads, cropped as the product crops them; their hats are not in the picture."""
    photographs, masks = (folder.parent / f"{folder.name}-{name}" for name in ("photographs", "masks"))
    for place in (photographs, masks):
        place.mkdir(parents=True)
    for seed in SEEDS:
        scene = draw_scene(seed, EXTENT, framing=Framing.PORTRAIT)
        crop = shown_part(scene.on_model, BodyRegion.HEAD, SHAPES).crop or Box.whole(EXTENT)
        window = np.s_[crop.top : crop.bottom, crop.left : crop.right]
        (photographs / f"CM10{seed:02}_front.png").write_bytes(encode_png(np.ascontiguousarray(scene.on_model[window])))
        mask = np.ascontiguousarray(scene.region_masks["hat"][window])
        (masks / f"CM10{seed:02}_front.png").write_bytes(encode_mask(mask))
    mask_set_from_folders(photographs, masks, folder, MaskRecipe("a hat"))
    return folder


def base_model(folder: Path) -> Path:
    """A copy of the small model that ships with Chromask, or one of random weights where this checkout has none.

    A copy because the picture shows where it lies.
    """
    found = nano_model()
    if found is not None:
        return Path(shutil.copytree(found, folder))
    from tests.tiny_kontext import build_tiny_kontext

    return build_tiny_kontext(folder)
