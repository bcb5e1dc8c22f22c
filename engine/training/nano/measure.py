"""What the small model can do, measured on figures that it never saw.

A mask is read from a picture as everywhere: green by more than `GREEN_THRESHOLD` over red and blue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from numpy.typing import NDArray
from torch import Tensor

from engine.domain.geometry import Extent
from engine.imaging.drawn.lessons import THINGS
from engine.imaging.drawn.scene import REGIONS, Framing, draw_scene
from engine.imaging.drawn.shapes import generator as random_of
from engine.imaging.metrics.masks import iou
from engine.training.flow import PATCH, packed, positions
from engine.training.nano.augment import painted
from engine.training.nano.base import Captions, mask_caption
from engine.training.nano.block_code import BlockCode
from engine.training.nano.lessons_set import SHAPES, LessonSet, cropped, window
from engine.training.nano.parts import PROMPT_TOKENS
from engine.training.noise import generator

GREEN_THRESHOLD = 120

BODY = {
    "head": (
        "a beard", "a face", "a face mask", "a forehead jewel", "a halo", "a headband", "a moustache", "a red nose",
        "blush", "earrings", "head and hair", "headphones",
    ),
    "trunk": (
        "a bag", "a belt", "a brooch", "a collar", "a corset", "a necklace", "a poncho", "a scarf", "a tie", "a vest",
        "an apron", "shoulder pads",
    ),
    "arms": ("arm bands", "bare arms", "bracelets", "elbow pads", "gloves", "long gloves"),
    "legs": ("a long skirt", "ankle bands", "garters", "knee pads", "leggings", "shoes", "skis"),
    "whole": ("the garment", "the other clothes", "the person"),
}  # fmt: skip
"""Regions of the body, and what of `THINGS` is worn there."""

_GUIDANCE = 2.5
_AT_ONCE = 16
_STREAM = 9_100  # of a figure's seed: the crops of its regions
_LEAST_SHARE = 0.01
_FIGURE = Extent(320, 400)


def greens(decoded: Tensor) -> NDArray[np.bool_]:
    """``(B, 3, H, W)``, -1 to 1, as masks ``(B, H, W)``."""
    levels = ((decoded.clamp(-1, 1) + 1) * 127.5).permute(0, 2, 3, 1).round().numpy().astype(np.int16)
    return levels[..., 1] - np.maximum(levels[..., 0], levels[..., 2]) > GREEN_THRESHOLD


def region_crops(first_seed: int, figures: int) -> dict[str, list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]]:
    """Pictures and masks of the four things that LoRAs shall teach, by region, on canvases of `SHAPES`.

    Parameters
    ----------
    first_seed, figures : int
        Of the drawn scenes; the framings take turns.
    """
    found: dict[str, list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]] = {region: [] for region in REGIONS}
    for seed in range(first_seed, first_seed + figures):
        random = random_of(seed, _STREAM)
        scene = draw_scene(seed, _FIGURE, framing=list(Framing)[seed % len(Framing)])
        for region in REGIONS:
            shape = SHAPES[int(random.integers(len(SHAPES)))]
            box = window(scene.region_masks[region], shape, random)
            if box is None:
                continue
            mask = cropped(scene.region_masks[region], box, shape)
            if (mask > 127).mean() >= _LEAST_SHARE:
                found[region].append((cropped(scene.on_model, box, shape), mask))
    return found


def decoded_iou(vae: AutoencoderKL, crops: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> float:
    """Mean IoU of masks after a painted picture was encoded and decoded: no dream can come back more exact.

    Parameters
    ----------
    crops : sequence
        Picture and mask, from `region_crops`.
    """
    scores: list[float] = []
    with torch.no_grad():
        for picture, mask in crops:
            target = torch.from_numpy(painted(picture, mask)).permute(2, 0, 1)[None].float() / 127.5 - 1
            latents = vae.encode(target).latent_dist.mode()  # pyright: ignore[reportAttributeAccessIssue]
            found = greens(vae.decode(latents).sample)[0]  # pyright: ignore[reportAttributeAccessIssue]
            scores.append(iou(found, mask > 127))
    return float(np.mean(scores))


def dreamed_iou(
    transformer: FluxTransformer2DModel,
    vae: AutoencoderKL,
    code: BlockCode,
    texts: Captions,
    sets: Sequence[LessonSet],
    seed: int = 0,
) -> dict[str, float]:
    """Mean IoU of each thing's masks, dreamed in one step from noise."""
    scores: dict[str, list[float]] = {}
    transformer.eval()
    with torch.no_grad():
        for lessons, rows in _portions(sets):
            control = code.latents([np.asarray(lessons.pictures[row]) for row in rows])
            captions = [mask_caption(THINGS[int(lessons.things[row])]) for row in rows]
            noise = torch.randn(control.shape, generator=generator(seed, rows[0]))
            latents: Any = _first_step(transformer, control, noise, texts, captions)
            decoded: Any = vae.decode(latents)
            for row, found in zip(rows, greens(decoded.sample), strict=True):
                score = iou(found, np.asarray(lessons.masks[row]) > 127)
                scores.setdefault(THINGS[int(lessons.things[row])], []).append(score)
    return {thing: float(np.mean(values)) for thing, values in sorted(scores.items())}


def guessed_iou(taught: Sequence[LessonSet], held_out: Sequence[LessonSet]) -> dict[str, float]:
    """Mean IoU by thing of what needs no model: where the thing lies most often on a canvas of that shape.

    The mean mask of the taught lessons, cut at the level that fits those best.
    """
    scores: dict[str, list[float]] = {}
    for number, lessons in enumerate(held_out):
        known = [other for at, other in enumerate(taught) if at % len(held_out) == number]
        for thing in np.unique(lessons.things):
            shown = [np.asarray(other.masks)[np.flatnonzero(other.things == thing)] > 127 for other in known]
            masks = np.concatenate(shown) if shown else np.zeros((0, 1, 1), bool)
            if not len(masks):
                continue
            mean = masks.mean(0)
            guesses = [mean >= level * mean.max() for level in np.linspace(0.1, 0.9, 9)]
            best = max(guesses, key=lambda guess: float(np.mean([iou(guess, mask) for mask in masks[:100]])))
            true = np.asarray(lessons.masks)[np.flatnonzero(lessons.things == thing)] > 127
            scores.setdefault(THINGS[int(thing)], []).extend(iou(best, mask) for mask in true)
    return {thing: float(np.mean(values)) for thing, values in sorted(scores.items())}


def _portions(sets: Sequence[LessonSet]) -> Iterator[tuple[LessonSet, list[int]]]:
    for lessons in sets:
        for first in range(0, len(lessons.things), _AT_ONCE):
            yield lessons, list(range(first, min(first + _AT_ONCE, len(lessons.things))))


def _first_step(
    transformer: FluxTransformer2DModel, control: Tensor, noise: Tensor, texts: Captions, captions: Sequence[str]
) -> Tensor:
    """The picture that the transformer sees in pure noise, as latents."""
    count, channels, height, width = control.shape
    rows, columns = height // PATCH, width // PATCH
    velocity = transformer(
        hidden_states=torch.cat([packed(noise), packed(control)], 1),
        timestep=torch.ones(count),
        guidance=torch.full((count,), _GUIDANCE),
        pooled_projections=torch.stack([texts.pooled[caption] for caption in captions]),
        encoder_hidden_states=torch.stack([texts.sequence[caption] for caption in captions]),
        txt_ids=torch.zeros(PROMPT_TOKENS, 3),
        img_ids=torch.cat([positions(rows, columns, 0), positions(rows, columns, 1)]),
        return_dict=False,
    )[0][:, : rows * columns]
    tiles = (packed(noise) - velocity.float()).view(count, rows, columns, channels, PATCH, PATCH)
    return tiles.permute(0, 3, 1, 4, 2, 5).reshape(control.shape)


def worse_than_a_guess(dreamed: Mapping[str, float], guessed: Mapping[str, float]) -> list[str]:
    """Regions of the body whose things the model dreams no better, in the mean, than `guessed_iou` guesses them.

    Regions and not things: of a thing there are a handful of masks among the figures that measure.
    """
    worse: list[str] = []
    for region, things in BODY.items():
        known = [thing for thing in things if thing in guessed]
        if known and sum(dreamed.get(thing, 0.0) for thing in known) <= sum(guessed[thing] for thing in known):
            worse.append(region)
    return worse
