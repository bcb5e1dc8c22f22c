"""Noise, times and guidance of a batch: functions of the seed and the step, so that a run that goes on after it was
killed draws what it would have drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class NoiseRule:
    """How times and guidance are drawn.

    Attributes
    ----------
    mean, deviation : float
        Of the normal distribution whose logistic function is the time (Esser et al. 2024, "logit-normal").
    pure : float
        Share of the examples, 0 to 1, that are nothing but noise. A mask is decided in the first step of sampling.
    guidance : tuple of float
        Least and greatest distilled guidance; the same twice for a fixed one.
    weigh_by_time : bool
        Whether an example counts in proportion to its time. An edit is nearly a function of its control picture, so
        that little is learnt from what is nearly finished.
    """

    mean: float = 0.0
    deviation: float = 1.0
    pure: float = 0.0
    guidance: tuple[float, float] = (1.0, 1.0)
    weigh_by_time: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """What is random about a batch.

    Attributes
    ----------
    noise : Tensor
        Like the batch's targets, standard normal.
    times : Tensor
        ``(B,)`` float32, 0 (the picture) to 1 (noise).
    guidance : Tensor
        ``(B,)`` float32.
    importance : Tensor
        ``(B,)`` float32, what each example counts.
    """

    noise: Tensor
    times: Tensor
    guidance: Tensor
    importance: Tensor

    def to(self, device: torch.device) -> Draws:
        """The same on another device; they are drawn on the CPU, so that every device gets the same ones."""
        return Draws(*(tensor.to(device) for tensor in (self.noise, self.times, self.guidance, self.importance)))


def generator(seed: int, step: int, stream: int = 0) -> torch.Generator:
    """The random numbers of a step; those of other seeds, steps and streams are independent of them."""
    mixed = (seed * 1_000_003 + step) * 31 + stream
    return torch.Generator("cpu").manual_seed(mixed & 0x7FFF_FFFF_FFFF_FFFF)


def draw(rule: NoiseRule, like: Tensor, random: torch.Generator) -> Draws:
    """Draw for a batch whose targets are shaped ``like`` this."""
    count = like.shape[0]
    times = torch.sigmoid(torch.randn(count, generator=random) * rule.deviation + rule.mean)
    times = torch.where(torch.rand(count, generator=random) < rule.pure, torch.ones(count), times)
    low, high = rule.guidance
    guidance = low + (high - low) * torch.rand(count, generator=random)
    noise = torch.randn(like.shape, generator=random)
    return Draws(noise, times, guidance, times if rule.weigh_by_time else torch.ones(count))
