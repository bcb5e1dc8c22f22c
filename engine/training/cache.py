"""Pictures as latents, kept on disk by their content: the VAE is loaded once, and is gone when training begins."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from engine.domain.files import complete_file
from engine.inference.kontext.exhaustion import free_memory, memory_errors
from engine.inference.kontext.source import ModelSource

_FORMAT = "1"

Tell = Callable[[str, int, int], None]
"""``tell(what, done, total)``."""


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """A pair on one of the model's canvases, and everything it was made from.

    Attributes
    ----------
    key : str
        SHA-256 of what its pixels depend on; the same key is the same pixels.
    pixels : callable
        Makes control, target ``(h, w, 3)`` uint8 sRGB and loss mask ``(h, w)`` uint8, 255 = counts fully.
    """

    key: str
    pixels: Callable[[], tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]]


@dataclass(frozen=True, slots=True, eq=False)
class Latents:
    """An encoded pair.

    Attributes
    ----------
    control, target : Tensor
        ``(C, h / 8, w / 8)`` float32, scaled as the transformer takes them.
    coverage : Tensor
        ``(1, h / 16, w / 16)`` float32, each token's share of the loss mask, 0 to 1.
    """

    control: Tensor
    target: Tensor
    coverage: Tensor


class LatentCache:
    """Latents in one folder; several processes may share it.

    Parameters
    ----------
    folder : Path
        Created when the first pair is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.encoded = 0
        """How many pairs the VAE had to encode."""

    def latents(self, source: ModelSource, canvases: Sequence[Canvas], device: str, tell: Tell) -> list[Latents]:
        """Every pair, from disk where it was encoded before.

        Raises
        ------
        KnownError
            A picture cannot be read, or the disk is full.
        """
        model = source.vae_fingerprint()
        paths = [self._path(model, canvas) for canvas in canvases]
        absent = [number for number, path in enumerate(paths) if _read(path) is None]
        if absent:
            vae = load_vae(source, torch.float32, device)
            try:
                for done, number in enumerate(absent):
                    tell("pictures", done, len(absent))
                    _write(paths[number], _encoded(vae, canvases[number], device))
                    self.encoded += 1
            finally:
                del vae
                free_memory()
        found = [_read(path) for path in paths]
        return [latents for latents in found if latents is not None]

    def _path(self, model: str, canvas: Canvas) -> Path:
        digest = hashlib.sha256(chr(0).join((_FORMAT, model, canvas.key)).encode()).hexdigest()
        return self._folder / f"{digest}.safetensors"


def default_latent_folder() -> Path:
    """``latents`` in the user's cache folder; it may be emptied at any time."""
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("Chromask", appauthor=False)) / "latents"


def load_vae(source: ModelSource, dtype: torch.dtype, device: str) -> AutoencoderKL:
    """The model's VAE alone."""
    with memory_errors("while loading the VAE"):
        vae: Any = AutoencoderKL.from_pretrained(
            source.folder / "vae", torch_dtype=dtype, local_files_only=True, use_safetensors=True
        )
        return vae.eval().requires_grad_(False).to(device)


def _encoded(vae: AutoencoderKL, canvas: Canvas, device: str) -> Latents:
    control, target, mask = canvas.pixels()
    counts = torch.from_numpy(mask).float()[None, None] / 255
    coverage = torch.nn.functional.avg_pool2d(counts, 16)[0]
    return Latents(_latents(vae, control, device), _latents(vae, target, device), coverage)


def _latents(vae: AutoencoderKL, pixels: NDArray[np.uint8], device: str) -> Tensor:
    config: Any = vae.config
    image = torch.from_numpy(pixels).to(device).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad(), memory_errors("while encoding a picture"):
        encoded: Any = vae.encode(image)
    # The mode, as FluxKontextPipeline takes it of its control picture: nothing random, and the same every time.
    latents = (encoded.latent_dist.mode() - config.shift_factor) * config.scaling_factor
    return latents[0].float().cpu()


def _read(path: Path) -> Latents | None:
    """None where there is no whole file: it is made again then."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return Latents(*(file.get_tensor(name) for name in ("control", "target", "coverage")))
    except (OSError, SafetensorError):
        return None


def _write(path: Path, latents: Latents) -> None:
    tensors = {"control": latents.control, "target": latents.target, "coverage": latents.coverage}
    with complete_file(path, overwrite=True) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)
