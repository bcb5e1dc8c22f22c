"""The base model's training: edits of every kind but those that its LoRAs shall teach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from diffusers.pipelines.flux.pipeline_flux_kontext import FluxKontextPipeline
from numpy.typing import NDArray
from torch import Tensor

from engine.imaging.drawn.lessons import THINGS
from engine.training.flow import Batch, token_weights
from engine.training.nano.augment import painted, recolored, varied
from engine.training.nano.block_code import BlockCode
from engine.training.nano.lessons_set import LessonSet
from engine.training.nano.pair_lessons import MATCH_LEFT, PairSet
from engine.training.nano.parts import PROMPT_TOKENS
from engine.training.noise import NoiseRule
from engine.training.run import Course

COLORS = {
    "red": (210, 40, 40), "blue": (45, 75, 200), "yellow": (235, 205, 45), "black": (35, 35, 38),
    "white": (238, 238, 235), "purple": (130, 55, 165), "pink": (240, 150, 185), "orange": (235, 135, 45),
    "brown": (115, 75, 45), "grey": (135, 135, 135), "turquoise": (45, 165, 175),
}  # fmt: skip
KEEP = "keep the photo unchanged"
_SHARE_OF_MASKS, _SHARE_OF_COLORS = 0.9, 0.06
_SHARE_OF_PAIRS = 0.25  # batches of two pictures side by side
_SHARE_OF_MATCHES = 0.85  # of those; the others ask for a colour by its name
_CLOTHES = ("the garment", "the other clothes")
_HALVES = ("the garment on the left", "the garment on the right")
_CLOTHES_NUMBERS = tuple(THINGS.index(thing) for thing in _CLOTHES)
_CHANGED_COUNTS = 5.0
# Times as much as what stays: most tokens of a target are those of its control picture.


def mask_caption(thing: str) -> str:
    return f"put a green mask for {thing} on the person"


def color_caption(thing: str, color: str) -> str:
    return f"change the color of {thing} to {color}"


def captions() -> list[str]:
    """Every caption of the base training, in a fixed order."""
    colors = [color_caption(thing, color) for thing in (*_CLOTHES, *_HALVES) for color in COLORS]
    return [*(mask_caption(thing) for thing in THINGS), *colors, KEEP, MATCH_LEFT]


def course(steps: int, seed: int = 0) -> Course:
    """Times lie near the noise: what an edit shall be is decided there, and the rest is nearly copied."""
    return Course(
        steps=steps,
        learning_rate=1.5e-3,
        warmup=100,
        final_share=0.01,
        betas=(0.9, 0.98),
        ema=0.995,
        seed=seed,
        noise=NoiseRule(mean=0.6, deviation=1.1, pure=0.12, guidance=(1.0, 5.0), weigh_by_time=True),
        precision="bfloat16",  # 1.6 times as fast as float32 on a processor that knows it
    )


@dataclass(frozen=True, slots=True, eq=False)
class Captions:
    """Embeddings by caption: ``(T, D)`` of T5 and ``(P,)`` of CLIP."""

    sequence: dict[str, Tensor]
    pooled: dict[str, Tensor]

    @classmethod
    def of(cls, pipeline: FluxKontextPipeline, texts: Sequence[str]) -> Captions:
        with torch.no_grad():
            found: Any = pipeline.encode_prompt(list(texts), max_sequence_length=PROMPT_TOKENS)
        return cls(dict(zip(texts, found[0], strict=True)), dict(zip(texts, found[1], strict=True)))


def changed_weights(control: Tensor, target: Tensor) -> Tensor:
    """Token weights that count what changes `_CHANGED_COUNTS` times."""
    changed = ((control - target).abs().mean(1, keepdim=True) > 0.1).float()
    mask = torch.nn.functional.interpolate(changed, scale_factor=8.0, mode="nearest")
    return token_weights(mask, 1 / _CHANGED_COUNTS)


_Set = TypeVar("_Set")
Lesson = tuple[NDArray[np.uint8], NDArray[np.uint8], str]
"""Control picture, target picture and caption."""


class BaseExamples:
    """Batches of one shape each, from the lessons of all shapes.

    Parameters
    ----------
    size : int
        Lessons in a batch.
    """

    def __init__(
        self, sets: Sequence[LessonSet], pairs: Sequence[PairSet], code: BlockCode, texts: Captions, size: int
    ) -> None:
        self._sets, self._pairs, self._code, self._texts, self._size = sets, pairs, code, texts, size

    def batch(self, random: torch.Generator) -> Batch:
        seed = int(torch.randint(0, 2**62, (1,), generator=random))
        choice = np.random.Generator(np.random.PCG64(seed))
        if choice.random() < _SHARE_OF_PAIRS:
            pairs = _drawn(self._pairs, [len(some.pictures) for some in self._pairs], choice)
            examples = [_pair_lesson(pairs, choice) for _ in range(self._size)]
        else:
            lessons = _drawn(self._sets, [len(some.things) for some in self._sets], choice)
            examples = [_lesson(lessons, choice) for _ in range(self._size)]
        controls, targets, texts = zip(*examples, strict=True)
        control, target = self._code.latents(controls), self._code.latents(targets)
        return Batch(
            control,
            target,
            torch.stack([self._texts.sequence[text] for text in texts]),
            torch.stack([self._texts.pooled[text] for text in texts]),
            changed_weights(control, target),
        )


def _drawn(sets: Sequence[_Set], sizes: Sequence[int], choice: np.random.Generator) -> _Set:
    """One of the sets, the larger ones more often."""
    odds = np.array(sizes, float)
    return sets[int(choice.choice(len(sets), p=odds / odds.sum()))]


def _lesson(lessons: LessonSet, choice: np.random.Generator) -> Lesson:
    kind = float(choice.random())
    is_recolored = _SHARE_OF_MASKS <= kind < _SHARE_OF_MASKS + _SHARE_OF_COLORS
    if is_recolored and not np.isin(lessons.things, _CLOTHES_NUMBERS).any():
        kind, is_recolored = 0.0, False
    while True:
        at = int(choice.integers(len(lessons.things)))
        thing = THINGS[int(lessons.things[at])]
        if is_recolored and thing not in _CLOTHES:
            continue
        picture, mask = varied(np.asarray(lessons.pictures[at]), np.asarray(lessons.masks[at]), choice)
        if kind < _SHARE_OF_MASKS:
            return picture, painted(picture, mask), mask_caption(thing)
        if is_recolored:
            name = _color_name(choice)
            return picture, recolored(picture, mask, COLORS[name]), color_caption(thing, name)
        return picture, picture, KEEP


def _pair_lesson(pairs: PairSet, choice: np.random.Generator) -> Lesson:
    if choice.random() < _SHARE_OF_MATCHES:
        return (*pairs.lesson(choice), MATCH_LEFT)
    picture, garments = pairs.shown(choice)
    side, name = int(choice.integers(2)), _color_name(choice)
    half = picture.shape[1] // 2
    garments = garments.copy()
    garments[:, slice(half, None) if side == 0 else slice(half)] = 0
    return picture, recolored(picture, garments, COLORS[name]), color_caption(_HALVES[side], name)


def _color_name(choice: np.random.Generator) -> str:
    return list(COLORS)[int(choice.integers(len(COLORS)))]
