"""What the small model is taught about two pictures side by side: a drawn garment, worn and spread flat, in arrays on
the disk. Every lesson changes the left picture; a colour LoRA is for the right one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.domain.geometry import Extent
from engine.imaging.color.spaces import lab_to_pixels, pixels_to_lab
from engine.imaging.datasets.degrade import Shift, covered_by
from engine.imaging.drawn.scene import Framing, draw_scene
from engine.imaging.placement import draw_on
from engine.imaging.side_by_side import compose, garment_crop, place_side_by_side

CANVASES = (
    Extent(128, 112), Extent(144, 96), Extent(144, 112), Extent(160, 96), Extent(176, 80), Extent(176, 96),
    Extent(192, 80),
)  # fmt: skip
"""Sizes of the small model's canvases for two pictures."""

MATCH_LEFT = "change the color of the garment on the left to match the right"
_FIGURE = Extent(320, 400)
_REPAINTED = 0.7  # share of the lessons whose garment has another colour than it was drawn in
_LEAST_STRENGTH = 0.15
_MOST_CLIPPED = 0.1
# Share of the garment's pixels that a shift may drive to the end of a channel, where folds and pattern are lost.

_DRAWS = 4


@dataclass(frozen=True, slots=True, eq=False)
class PairSet:
    """Garments on one canvas, in the same colour on both halves.

    Attributes
    ----------
    pictures : ndarray
        ``(N, H, W, 3)`` uint8 sRGB: flatlay on the left, figure on the right.
    garments : ndarray
        ``(N, H, W)`` uint8, 255 = the garment, on either half.
    """

    pictures: NDArray[np.uint8]
    garments: NDArray[np.uint8]

    def lesson(self, random: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Control and target picture for `MATCH_LEFT`: the left garment in a wrong colour, and in the right one's.

        The figure stands on the left as often as the flatlay does.
        """
        picture, garments = self.shown(random)
        half = picture.shape[1] // 2
        left = garments.copy()
        left[:, half:] = 0
        return recolored_by_chance(picture, left, random), picture

    def shown(self, random: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """A picture and its garments, mirrored and coloured anew by chance."""
        at = int(random.integers(len(self.pictures)))
        picture, garments = np.asarray(self.pictures[at]), np.asarray(self.garments[at])
        if random.random() < 0.5:
            picture, garments = (np.ascontiguousarray(plane[:, ::-1]) for plane in (picture, garments))
        if random.random() < _REPAINTED:
            picture = recolored_by_chance(picture, garments, random)
        return picture, garments


def recolored_by_chance(
    picture: NDArray[np.uint8], mask: NDArray[np.uint8], random: np.random.Generator
) -> NDArray[np.uint8]:
    """The picture with what is in the mask in a colour shifted in CIELAB, folds and pattern kept."""
    touched = mask > 0
    lab = pixels_to_lab(picture[touched][None], None)
    for _ in range(_DRAWS):
        shift = Shift.drawn(random).scaled(random.uniform(_LEAST_STRENGTH, 1))
        wrong = lab_to_pixels(shift.applied(lab), None, np.uint8)[0]
        if np.isin(wrong, (0, 255)).any(-1).mean() < _MOST_CLIPPED:
            break
    out = picture.copy()
    out[touched] = covered_by(picture[touched], wrong, mask[touched])
    return out


def pair_of(seed: int) -> tuple[int, NDArray[np.uint8], NDArray[np.uint8]]:
    """A drawn garment as a colour LoRA is shown it: canvas's index, picture and garments."""
    scene = draw_scene(seed, _FIGURE, framing=(Framing.FULL, Framing.UPPER)[seed % 2])
    flatlay, on_model = (Extent(rgb.shape[1], rgb.shape[0]) for rgb in (scene.flatlay, scene.truth))
    crops = garment_crop(scene.flatlay_mask), garment_crop(scene.garment_mask)
    pair = place_side_by_side(flatlay, on_model, *crops, CANVASES)
    picture = compose(scene.flatlay, scene.truth, pair)
    planes = np.zeros_like(picture)
    for mask, placement in ((scene.flatlay_mask, pair.flatlay), (scene.garment_mask, pair.on_model)):
        draw_on(planes, np.repeat(mask[..., None], 3, axis=2), placement)
    return CANVASES.index(pair.canvas), picture, np.ascontiguousarray(planes[..., 0])


def write_pairs(folder: Path, figures: int, first_seed: int) -> None:
    """Draw garments with the seeds from ``first_seed`` on and write them; a folder that is complete is left."""
    done = folder / "set.json"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    lists: list[tuple[list[Any], list[Any]]] = [([], []) for _ in CANVASES]
    for seed in range(first_seed, first_seed + figures):
        canvas, picture, garments = pair_of(seed)
        if garments.any():
            lists[canvas][0].append(picture)
            lists[canvas][1].append(garments)
    drawn = [index for index, (pictures, _) in enumerate(lists) if pictures]
    for index in drawn:
        np.save(folder / f"pairs-{index}.npy", np.stack(lists[index][0]))
        np.save(folder / f"garments-{index}.npy", np.stack(lists[index][1]))
    done.write_text(json.dumps({"figures": figures, "first_seed": first_seed, "canvases": drawn}), encoding="utf-8")


def read_pairs(folder: Path) -> tuple[PairSet, ...]:
    """The sets of a folder, one for each canvas that a pair was drawn on."""
    drawn = json.loads((folder / "set.json").read_text(encoding="utf-8"))["canvases"]
    return tuple(
        PairSet(np.load(folder / f"pairs-{index}.npy"), np.load(folder / f"garments-{index}.npy")) for index in drawn
    )
