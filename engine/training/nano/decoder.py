"""The VAE's decoder, fitted to read the block code back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor

from engine.training.nano.augment import painted, varied
from engine.training.nano.block_code import BlockCode, as_pixels
from engine.training.nano.lessons_set import LessonSet
from engine.training.noise import generator

_CROP = 64  # pixels: the decoder sees no further than about as much around a block
_PAINTED = 0.7
# Share of the pictures that carry a green mask: to read masks is what the decoder is for.
_LATENT_NOISE = 0.06
# Greatest deviation of what is added to the latents, whose variance is 1: a denoised latent is never exact.


def greenness(pixels: Tensor) -> Tensor:
    """Green less the mean of red and blue, ``(B, 1, H, W)``."""
    return pixels[:, 1:2] - 0.5 * (pixels[:, 0:1] + pixels[:, 2:3])


def _edges(pixels: Tensor) -> tuple[Tensor, Tensor]:
    return pixels[..., :, 1:] - pixels[..., :, :-1], pixels[..., 1:, :] - pixels[..., :-1, :]


def reconstruction_loss(decoded: Tensor, wanted: Tensor) -> Tensor:
    """Absolute and squared error, of the pixels, of their edges, and of their greenness once more."""
    loss = F.l1_loss(decoded, wanted) + 2 * F.mse_loss(decoded, wanted)
    for found, true in zip(_edges(decoded), _edges(wanted), strict=True):
        loss = loss + 0.5 * F.l1_loss(found, true)
    return loss + F.l1_loss(greenness(decoded), greenness(wanted))


def fit_decoder(
    vae: AutoencoderKL,
    code: BlockCode,
    sets: Sequence[LessonSet],
    steps: int,
    *,
    seed: int = 0,
    batch: int = 12,
    rate: float = 2e-3,
    report: Callable[[int, float], None] | None = None,
) -> None:
    """Train the decoder alone; the encoder stays the code.

    Parameters
    ----------
    report : callable, optional
        ``report(step, loss)`` after each step.
    """
    parameters = list(vae.decoder.parameters())
    optimiser = torch.optim.AdamW(parameters, rate, betas=(0.9, 0.98), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.05)
    vae.decoder.train()
    for step in range(steps):
        random = generator(seed, step)
        pictures = _pictures(sets, batch, int(torch.randint(0, 2**62, (1,), generator=random)))
        latents = code.latents(pictures)
        noise = torch.rand(1, generator=random) * _LATENT_NOISE * torch.randn(latents.shape, generator=random)
        wanted = as_pixels(pictures)
        loss = reconstruction_loss(vae.decoder(latents + noise), wanted)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 0.5)
        optimiser.step()
        schedule.step()
        if report is not None:
            report(step + 1, float(loss.detach()))
    vae.decoder.eval()


def _pictures(sets: Sequence[LessonSet], count: int, seed: int) -> list[np.ndarray]:
    choice = np.random.Generator(np.random.PCG64(seed))
    found: list[np.ndarray] = []
    for _ in range(count):
        lessons = sets[int(choice.integers(len(sets)))]
        at = int(choice.integers(len(lessons.things)))
        picture, mask = varied(np.asarray(lessons.pictures[at]), np.asarray(lessons.masks[at]), choice, move=0.2)
        if choice.random() < _PAINTED:
            picture = painted(picture, mask)
        height, width = mask.shape
        top = int(choice.integers((height - _CROP) // 8 + 1)) * 8
        left = int(choice.integers((width - _CROP) // 8 + 1)) * 8
        found.append(picture[top : top + _CROP, left : left + _CROP])
    return found
