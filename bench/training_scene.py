"""What the picture of the Training page shows: drawn figures with hats to be masked, and a small model to learn it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from engine.domain.geometry import Extent  # noqa: E402
from engine.domain.training import TrainingSettings  # noqa: E402
from engine.imaging.drawn.scene import Framing, draw_scene  # noqa: E402
from engine.imaging.raster.encode import encode_mask, encode_png  # noqa: E402
from engine.inference.kontext.availability import nano_model  # noqa: E402
from engine.services.datasets.mask_sets import MaskRecipe, mask_set_from_folders  # noqa: E402

EXTENT = Extent(336, 432)
SEEDS = (*range(6), 7, 8, *range(10, 20))
"""Figures without green clothes; each is an article of its own, so that some can be held out."""

SETTINGS = TrainingSettings(
    rank=32, steps=210, batch=4, resolutions=(128,), learning_rate=1e-3, warmup=10, variants=4,
    time_mean=0.6, time_deviation=1.1, pure_noise=0.12, guidance=2.5, gradient_checkpointing=False,
    sample_every=35, samples=4, sample_steps=4, evaluate_every=35, iou_steps=0, save_every=70, checkpoint_every=70,
)  # fmt: skip
"""As the small model's own LoRAs (`engine.services.nano`), with fewer and smaller steps."""


def draw_training_set(folder: Path) -> Path:
    """A mask set of drawn portraits, whose hats are not in the picture."""
    photographs, masks = (folder.parent / f"{folder.name}-{name}" for name in ("photographs", "masks"))
    for place in (photographs, masks):
        place.mkdir(parents=True)
    for seed in SEEDS:
        scene = draw_scene(seed, EXTENT, framing=Framing.PORTRAIT)
        (photographs / f"CM10{seed:02}_front.png").write_bytes(encode_png(scene.on_model))
        (masks / f"CM10{seed:02}_front.png").write_bytes(encode_mask(scene.region_masks["hat"]))
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
