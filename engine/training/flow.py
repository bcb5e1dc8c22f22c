"""The loss: flow matching on packed latents, weighted token by token.

A picture ``x0`` and noise ``n`` are mixed to ``xt = (1 - t) x0 + t n``; the transformer sees ``xt`` and, behind it,
the latents of the control picture, and learns the velocity ``n - x0`` (Lipman et al. 2023; FLUX.1 Kontext, Black Forest
Labs 2025, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from torch import Tensor

from engine.domain.errors import KnownError
from engine.training.noise import Draws

PATCH = 2
"""Latent pixels on a side of one token."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Examples of one size.

    Attributes
    ----------
    control, target : Tensor
        ``(B, C, h, w)`` float32, scaled latents; h and w are even.
    sequence : Tensor
        ``(B, T, D)`` float32, T5's embeddings of the captions.
    pooled : Tensor
        ``(B, P)`` float32, CLIP's.
    weights : Tensor
        ``(B, h / 2 * w / 2, 1)`` float32 from `token_weights`.
    """

    control: Tensor
    target: Tensor
    sequence: Tensor
    pooled: Tensor
    weights: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        tensors = (self.control, self.target, self.sequence, self.pooled, self.weights)
        return Batch(*(tensor.to(device) for tensor in tensors))


def packed(latents: Tensor) -> Tensor:
    """Latents ``(B, C, h, w)`` as tokens ``(B, h / 2 * w / 2, 4 C)``, in the order of FluxKontextPipeline."""
    count, channels, height, width = latents.shape
    tiles = latents.view(count, channels, height // PATCH, PATCH, width // PATCH, PATCH)
    return tiles.permute(0, 2, 4, 1, 3, 5).reshape(count, -1, channels * PATCH * PATCH)


def positions(height: int, width: int, picture: int) -> Tensor:
    """Rotary positions ``(height * width, 3)`` of a grid of tokens; ``picture`` is 0 for the one that is painted and 1
    for the control picture.
    """
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    index = torch.full_like(rows, picture)
    return torch.stack([index, rows, columns], -1).reshape(-1, 3).float()


def token_weights(mask: Tensor, min_value: float) -> Tensor:
    """How much each token counts: its share of the mask, at least ``min_value``, with a mean of 1 per example.

    Parameters
    ----------
    mask : Tensor
        ``(B, 1, H, W)`` float32, 1 = counts fully; H and W are multiples of 16.
    min_value : float
        0 to 1, what counts where the mask is black (AI-Toolkit's ``mask_min_value``).

    Raises
    ------
    KnownError
        A mask is black and nothing counts outside it: there would be nothing to learn from, and a mean of nothing.
    """
    tokens = F.avg_pool2d(mask.clamp(0, 1), 16).flatten(2).transpose(1, 2)
    weights = tokens.clamp(min=min_value)
    mean = weights.mean(1, keepdim=True)
    if bool((mean <= 0).any()):
        raise black_mask()
    return weights / mean


def black_mask(path: Path | None = None) -> KnownError:
    """That a loss mask is all black."""
    return KnownError(
        "a loss mask is all black, so there is nothing to learn from it",
        remedy="Paint the mask of that example, or take the example out.",
        path=path,
    )


def flow_loss(transformer: FluxTransformer2DModel, batch: Batch, draws: Draws) -> Tensor:
    """Weighted mean squared error of the velocity, one figure.

    Parameters
    ----------
    transformer : FluxTransformer2DModel
        With guidance embeddings, or without.
    draws : Draws
        Noise, times and guidance of this batch.
    """
    height, width = (side // PATCH for side in batch.target.shape[-2:])
    target, control, noise = packed(batch.target), packed(batch.control), packed(draws.noise)
    time = draws.times.view(-1, 1, 1)
    mixed = (1 - time) * target + time * noise
    tokens, device = target.shape[1], target.device
    predicted = transformer(
        hidden_states=torch.cat([mixed, control], 1),
        timestep=draws.times,
        guidance=draws.guidance if transformer.config["guidance_embeds"] else None,
        pooled_projections=batch.pooled,
        encoder_hidden_states=batch.sequence,
        txt_ids=torch.zeros(batch.sequence.shape[1], 3, device=device),
        img_ids=torch.cat([positions(height, width, 0), positions(height, width, 1)]).to(device),
        return_dict=False,
    )[0][:, :tokens]
    return ((predicted.float() - (noise - target)).square() * batch.weights * draws.importance.view(-1, 1, 1)).mean()
