"""The examples of a data set as batches: on Kontext's canvases, encoded once, drawn by the seed and the step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.domain.datasets import DatasetKind, Example, Split
from engine.domain.errors import KnownError
from engine.domain.files import file_sha256
from engine.domain.geometry import Extent
from engine.domain.training import TrainingJob
from engine.imaging.placement import KONTEXT_BUCKETS, SIZE_MULTIPLE, border_color, covered, place, to_canvas
from engine.imaging.raster.decode import read_srgb8
from engine.imaging.raster.headers import read_header
from engine.inference.kontext.prompts import PromptCache, PromptEmbeddings
from engine.inference.kontext.source import ModelSource
from engine.training.cache import Canvas, LatentCache, Latents, Tell
from engine.training.flow import Batch, black_mask, token_weights
from engine.training.noise import Draws, generator
from engine.training.variants import varied_pair

_NATIVE_SIDE = 1024
"""Side of the square of which each of Kontext's canvases has about the area."""

_HELD_OUT_TIMES = (0.2, 0.4, 0.6, 0.8)
_HELD_OUT_STREAM = 1_000_003
"""Far from every stream that training draws from."""


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """An example on one canvas, ready for the transformer."""

    name: str
    caption: str
    latents: Latents
    weights: Tensor


def canvases_at(side: int) -> tuple[Extent, ...]:
    """Kontext's canvas shapes with the area of a square of that side, in whole tokens."""
    scale = side / _NATIVE_SIDE
    sizes = dict.fromkeys((_whole(b.width * scale), _whole(b.height * scale)) for b in KONTEXT_BUCKETS)
    return tuple(Extent(width, height) for width, height in sizes)


def _whole(size: float) -> int:
    return max(1, round(size / SIZE_MULTIPLE)) * SIZE_MULTIPLE


class TrainingExamples:
    """A data set in memory, as latents. `engine.training.run.Examples` for its training half.

    Parameters
    ----------
    training, held_out : sequence of Encoded
    prompts : dict
        Embeddings by caption, the empty one included.
    batch_size : int
    caption_dropout : float
        Share of the examples that get the empty caption.
    """

    def __init__(
        self,
        training: Sequence[Encoded],
        held_out: Sequence[Encoded],
        prompts: dict[str, PromptEmbeddings],
        batch_size: int,
        caption_dropout: float,
    ) -> None:
        self._prompts, self._size, self._dropout = prompts, batch_size, caption_dropout
        self.held_out = tuple(held_out)
        self._shapes: dict[tuple[int, ...], list[Encoded]] = {}
        for example in training:
            self._shapes.setdefault(tuple(example.latents.target.shape), []).append(example)
        self._odds = torch.tensor([float(len(group)) for group in self._shapes.values()])

    def batch(self, random: torch.Generator) -> Batch:
        """Examples of one size, drawn with equal chances for every example."""
        group = list(self._shapes.values())[int(torch.multinomial(self._odds, 1, generator=random))]
        picked = torch.randint(len(group), (self._size,), generator=random).tolist()
        dropped = (torch.rand(self._size, generator=random) < self._dropout).tolist()
        examples = [group[number] for number in picked]
        captions = [
            "" if is_dropped else example.caption for example, is_dropped in zip(examples, dropped, strict=True)
        ]
        return self._joined(examples, captions)

    def evaluation(self, seed: int, guidance: float) -> Iterator[tuple[Batch, Draws]]:
        """Each held-out example at fixed times with noise of its own; the same at every call."""
        for number, example in enumerate(self.held_out):
            batch = self._joined([example], [example.caption])
            for place_of, time in enumerate(_HELD_OUT_TIMES):
                random = generator(seed, number * len(_HELD_OUT_TIMES) + place_of, _HELD_OUT_STREAM)
                noise = torch.randn(batch.target.shape, generator=random)
                yield batch, Draws(noise, torch.tensor([time]), torch.tensor([guidance]), torch.ones(1))

    def prompt(self, caption: str) -> PromptEmbeddings:
        return self._prompts[caption]

    def _joined(self, examples: Sequence[Encoded], captions: Sequence[str]) -> Batch:
        prompts = [self._prompts[caption] for caption in captions]
        return Batch(
            torch.stack([example.latents.control for example in examples]),
            torch.stack([example.latents.target for example in examples]),
            torch.cat([prompt.sequence.float() for prompt in prompts]),
            torch.cat([prompt.pooled.float() for prompt in prompts]),
            torch.cat([example.weights for example in examples]),
        )


def load_examples(
    job: TrainingJob,
    source: ModelSource,
    *,
    latents: LatentCache,
    prompts: PromptCache,
    device: str,
    dtype: torch.dtype,
    tell: Tell,
) -> TrainingExamples:
    """Read, place and encode a job's data set, or take from the caches what was encoded before.

    Parameters
    ----------
    dtype : torch.dtype
        Of the text encoders.

    Raises
    ------
    KnownError
        A file is missing, has changed, or does not fit its pair; a loss mask is all black; there is nothing to train
        on.
    """
    training = job.of(Split.TRAIN)
    if not training:
        raise KnownError("the data set has no examples to train on", remedy="Build it again.", path=Path(job.dataset))
    settings = job.settings
    placed: list[tuple[Example, Canvas]] = []
    for example in training:
        for side in dict.fromkeys(settings.resolutions):
            for variant in range(settings.variants + 1):
                placed.append((example, _canvas(job, example, side, variant)))
    fixed = len(placed)
    placed += [(example, _canvas(job, example, max(settings.resolutions), 0)) for example in job.of(Split.HELD_OUT)]
    found = latents.latents(source, [canvas for _, canvas in placed], device, tell)
    encoded: list[Encoded] = []
    for (example, _), pair in zip(placed, found, strict=True):
        encoded.append(Encoded(example.name, example.caption, pair, _weights(job, example, pair)))
    texts = sorted({example.caption for example, _ in placed} | {""})
    tell("captions", 0, len(texts))
    embeddings = prompts.embeddings_of_all(source, texts, dtype)
    return TrainingExamples(encoded[:fixed], encoded[fixed:], embeddings, settings.batch, settings.caption_dropout)


def _weights(job: TrainingJob, example: Example, pair: Latents) -> Tensor:
    """Token weights of one example; each token of the coverage is 16 × 16 pixels of the mask.

    Raises
    ------
    KnownError
        The mask is all black, also where what is black counts a little: nobody would notice that it counts nowhere.
    """
    if not bool(pair.coverage.any()):
        raise black_mask(Path(job.dataset, example.loss_mask))
    whole = torch.nn.functional.interpolate(pair.coverage[None], scale_factor=16.0, mode="nearest")
    return token_weights(whole, job.settings.mask_min_value)


def _canvas(job: TrainingJob, example: Example, side: int, variant: int) -> Canvas:
    folder = Path(job.dataset)
    control, target = folder / example.control, folder / example.target
    mask = folder / example.loss_mask if example.loss_mask else None
    known = {file.path: file.sha256 for file in example.files}
    hashes = [
        _checked_hash(folder, name, known)
        for name in (example.control, example.target, *([example.loss_mask] if mask is not None else []))
    ]
    seed = job.settings.seed if variant else 0
    mirrors = job.kind is DatasetKind.MASK
    key = chr(0).join([*hashes, str(side), str(variant), str(seed), str(mirrors and bool(variant))])

    def pixels() -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        shown, wanted = read_srgb8(control), read_srgb8(target)
        counts = read_srgb8(mask)[..., 0] if mask is not None else np.full(shown.shape[:2], 255, np.uint8)
        for path, picture in ((target, wanted), (mask, counts)):
            if _extent(picture) != _extent(shown):
                raise KnownError(
                    f"it is {_extent(picture)} and its control picture {_extent(shown)}",
                    remedy="Build the data set again, or take the example out.",
                    path=path,
                )
        if variant:
            shown, wanted, counts = varied_pair(shown, wanted, counts, _seed(key), is_mask_set=mirrors)
        return _placed(shown, wanted, counts, side)

    return Canvas(key, pixels)


def _placed(
    control: NDArray[np.uint8], target: NDArray[np.uint8], counts: NDArray[np.uint8], side: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    placement = place(_extent(control), buckets=canvases_at(side))
    backdrop = border_color(control)  # as masks are asked for
    mask = to_canvas(np.repeat(counts[..., None], 3, axis=2), placement, fill=(0, 0, 0))[..., 0]
    box, inside = covered(placement), np.zeros_like(mask)
    # The padding is nobody's to learn.
    inside[box.top : box.bottom, box.left : box.right] = mask[box.top : box.bottom, box.left : box.right]
    return to_canvas(control, placement, backdrop), to_canvas(target, placement, backdrop), inside


def placed_control(path: Path, side: int) -> NDArray[np.uint8]:
    """A control picture ``(h, w, 3)`` uint8 sRGB on the canvas that it is trained on."""
    pixels = read_srgb8(path)
    return to_canvas(pixels, place(_extent(pixels), buckets=canvases_at(side)), border_color(pixels))


def placed_mask(path: Path, side: int) -> NDArray[np.uint8]:
    """A mask ``(h, w)`` uint8 on the canvas of its control picture, black where that is padded."""
    pixels = read_srgb8(path)
    return to_canvas(pixels, place(_extent(pixels), buckets=canvases_at(side)), (0, 0, 0))[..., 0]


def _extent(pixels: NDArray[np.uint8]) -> Extent:
    return Extent(pixels.shape[1], pixels.shape[0])


def _seed(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")


def _checked_hash(folder: Path, name: str, known: dict[str, str]) -> str:
    path = folder / name
    read_header(path)  # says what is wrong with a file that is absent or no picture
    found = file_sha256(path)
    if known.get(name, found) != found:
        raise KnownError(
            "the file has changed since the data set was built",
            remedy="Put the former file back, or build the data set again and train into a new folder.",
            path=path,
        )
    return found
