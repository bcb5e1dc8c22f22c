"""How often a mask is painted: with several seeds, and first as a draft."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

from engine.domain.geometry import Extent
from engine.domain.requests import DiffusionSettings, Draft, Sampling
from engine.imaging.placement import SIZE_MULTIPLE


@dataclass(frozen=True, slots=True)
class Pass:
    """One round of painting: every seed once, on canvases of one size.

    Attributes
    ----------
    samplings : tuple of Sampling
        One for each seed.
    buckets : tuple of Extent
        The canvases to choose from.
    enough : float
        From this confidence on no further pass is made.
    """

    samplings: tuple[Sampling, ...]
    buckets: tuple[Extent, ...]
    enough: float

    @property
    def steps(self) -> int:
        """Denoising steps of all seeds, and one more each for reading the mask."""
        return sum(sampling.num_inference_steps + 1 for sampling in self.samplings)


def passes(settings: DiffusionSettings, buckets: tuple[Extent, ...]) -> tuple[Pass, ...]:
    """The rounds of painting that the settings mean: the draft, if one is wanted, and the full one."""
    first = settings.sampling
    seeds = tuple(replace(first, seed=first.seed + index) for index in range(max(1, settings.seeds)))
    full = Pass(seeds, buckets, enough=0.0)
    if settings.draft is None:
        return (full,)
    steps = settings.draft.num_inference_steps
    quick = tuple(replace(sampling, num_inference_steps=steps) for sampling in seeds)
    return Pass(quick, draft_buckets(settings.draft, buckets), settings.draft.confidence), full


def draft_buckets(draft: Draft, buckets: tuple[Extent, ...]) -> tuple[Extent, ...]:
    """The canvases at the draft's size, in multiples of 16; those that are no larger stay as they are."""

    def smaller(bucket: Extent) -> Extent:
        scale = min(1.0, draft.side / sqrt(bucket.pixels))
        width, height = (
            max(1, round(size * scale / SIZE_MULTIPLE)) * SIZE_MULTIPLE for size in (bucket.width, bucket.height)
        )
        return Extent(width, height)

    return tuple(dict.fromkeys(smaller(bucket) for bucket in buckets))
