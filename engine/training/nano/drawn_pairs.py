"""Pictures from which the small model's LoRAs are trained, as a studio would lay out its own: files in folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.domain.files import complete_file
from engine.domain.geometry import Extent
from engine.domain.requests import BodyRegion
from engine.imaging.drawn.scene import REGIONS, Framing, draw_scene
from engine.imaging.drawn.shapes import generator as random_of
from engine.imaging.person_crop import shown_part
from engine.imaging.raster.encode import encode_mask, encode_png
from engine.training.nano.lessons_set import SHAPES, cropped

MASK_OBJECTS = {
    "hat": "a hat",
    "glasses": "glasses",
    "socks": "socks and lower leg skin",
    "sweatshirt": "a sweatshirt",
}
"""What each of `REGIONS` is called in a prompt."""

SHOWN = {
    "hat": BodyRegion.HEAD,
    "glasses": BodyRegion.FACE,
    "socks": BodyRegion.LOWER_LEGS,
    "sweatshirt": BodyRegion.TORSO,
}
"""The part of the person that each LoRA is trained on, and is shown when it paints."""

PHOTOGRAPHS, MASKS = "photographs", "masks"
_STREAM = 9_200  # of a figure's seed: the crops
_LEAST_SHARE = 0.01
_FIGURE = Extent(448, 560)
_COLOR_EXTENT = Extent(448, 560)


def write_mask_pairs(folder: Path, region: str, first_seed: int, count: int) -> None:
    """Draw ``count`` figures on which the region's thing is absent, and write a crop of each beside its mask.

    The crop is what the product shows the model of a photograph (`engine.imaging.person_crop`), a little moved and
    resized: pairs shall look like what their LoRA is used on.

    Parameters
    ----------
    folder : Path
        Receives ``photographs/NK<number>_hat.png`` and ``masks/NK<number>_hat-mask.png``: an article for each.
    region : str
        One of `REGIONS`.
    """
    assert region in REGIONS
    written, seed = 0, first_seed
    while written < count:
        scene = draw_scene(seed, _FIGURE, framing=list(Framing)[seed % len(Framing)])
        pair = _shown(scene.on_model, scene.region_masks[region], SHOWN[region], random_of(seed, _STREAM))
        if pair is not None:
            _write(folder / PHOTOGRAPHS / f"NK{written:03}_{region}.png", encode_png(pair[0]))
            _write(folder / MASKS / f"NK{written:03}_{region}-mask.png", encode_mask(pair[1]))
            written += 1
        seed += 1


def _shown(
    picture: NDArray[np.uint8], mask: NDArray[np.uint8], region: BodyRegion, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    """The part of a figure that the model is shown, on one of its canvases; None where the thing is not in it."""
    part = shown_part(picture, region, SHAPES)
    if part.region is not region or part.crop is None:
        return None
    crop = part.crop.extent
    shape = min(SHAPES, key=lambda s: abs(np.log(s.width / s.height * crop.height / crop.width)))
    scale = float(np.exp(random.uniform(-0.15, 0.2)))
    width, height = crop.width * scale, crop.height * scale
    left = part.crop.left + (crop.width - width) / 2 + random.uniform(-0.08, 0.08) * crop.width
    top = part.crop.top + (crop.height - height) / 2 + random.uniform(-0.08, 0.08) * crop.height
    box = (round(left), round(top), max(1, round(width)), max(1, round(height)))
    alpha = cropped(mask, box, shape)
    return (cropped(picture, box, shape), alpha) if (alpha > 127).mean() >= _LEAST_SHARE else None


def write_color_pairs(folder: Path, first_seed: int, count: int) -> None:
    """Draw ``count`` garments, worn in their true colours and as flatlays, named as at intake."""
    for number in range(count):
        scene = draw_scene(first_seed + number, _COLOR_EXTENT, framing=list(Framing)[number % 2])
        _write(folder / f"NK{number:03}_front_on-model.png", _png(scene.truth))
        _write(folder / f"NK{number:03}_flatlay.png", _png(scene.flatlay))


def _png(picture: NDArray[np.uint8]) -> bytes:
    return encode_png(np.ascontiguousarray(picture))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_bytes(data)
