"""How FLUX.1 Kontext is run on graphics cards of 8, 12, 16, 24, 48 and 80 GB. No torch in here.

Every figure follows from the model's configuration (`engine.inference.kontext.architecture`); the weights are exact,
what a run needs beside them is an estimate. None of it was measured on a card. The text encoders are in no tier:
prompts are encoded on the CPU and kept on disk (`engine.inference.kontext.prompts`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum

from engine.domain.errors import KnownError, UsageError
from engine.inference.kontext.architecture import BYTES_BF16, KONTEXT, VAE_WEIGHTS, Transformer, vae_bytes

GIB = 2**30
TIERS: tuple[int, ...] = (8, 12, 16, 24, 48, 80)
"""The cards' nominal memory in GiB."""

FREE_MEMORY = "Close other programs that use the memory or the graphics card, and retry."

TIER_VARIABLE = "CHROMASK_VRAM_TIER"
"""Environment variable that names the tier for every job that does not; by default the card decides."""

LORA_RANK = 64
"""Of the published mask LoRAs."""

_MEGAPIXEL = 2**20
_TILE_PIXELS = 512**2
"""Size of the VAE's tiles in pixels, where it decodes in tiles."""

_CONTEXT_BYTES = GIB * 3 // 4
"""The CUDA context with its libraries' workspaces, a typical size: memory that no tensor accounts for."""

_NOMINAL = 0.9
"""Share of its nominal memory that a card really offers: 44.5 of 48 with error correction, 79.1 of 80."""


class NotEnoughMemory(KnownError):
    """The model does not fit into what is free, on the graphics card or in main memory.

    What else can be done about it depends on the job, not on the memory: a colour match can do without the model,
    dreamed masks and edits cannot.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what, remedy=FREE_MEMORY, retryable=True)


class Weights(StrEnum):
    """How the transformer's weights are stored."""

    BF16 = "bf16"
    FP8 = "fp8"
    GGUF = "gguf"


class Offload(StrEnum):
    """What of the model waits in main memory."""

    NONE = "none"
    COMPONENTS = "components"  # all but the component that computes
    BLOCKS = "blocks"  # all but the transformer's block that computes and the next one


@dataclass(frozen=True, slots=True)
class VramTier:
    """How the model is run on a card, and what that takes.

    Attributes
    ----------
    gib : int
        The card's nominal memory.
    weights : Weights
        How the transformer is stored; GGUF only where the operator's file is one.
    offload : Offload
        What waits in main memory.
    vae_tiling : bool
        Decode in tiles of 512 × 512.
    transformer_bytes, lora_bytes, activation_bytes, vae_bytes : int
        Of what is on the card at some time: the transformer's resident part, a LoRA of rank 64 on every layer, one
        step at one megapixel, and decoding.
    peak_bytes : int
        The most that is on the card at one time.
    """

    gib: int
    weights: Weights
    offload: Offload
    vae_tiling: bool
    transformer_bytes: int
    lora_bytes: int
    activation_bytes: int
    vae_bytes: int
    peak_bytes: int

    def sentence(self) -> str:
        """What an operator sees of it."""
        parts = [f"{self.weights.value} weights"]
        if self.offload is not Offload.NONE:
            parts.append(f"{self.offload.value} offloaded")
        if self.vae_tiling:
            parts.append("VAE in tiles")
        return f"{self.gib} GB tier: {', '.join(parts)}, {self.peak_bytes / GIB:.1f} GiB at most"


def tier_of(gib: int, gguf_bytes: int | None = None, model: Transformer = KONTEXT) -> VramTier:
    """The best way to run the model on a card of that size.

    Taken is the first that fits of: bfloat16 weights, then eight-bit ones, all on the card; with the VAE decoding in
    tiles; with the component that computes alone on the card; and last, block by block. Whole-precision weights that do
    not fit are stored in eight bits before anything is moved to and fro. A GGUF file keeps its own precision.

    Parameters
    ----------
    gib : int
        One of `TIERS`.
    gguf_bytes : int, optional
        Size of the transformer's GGUF file, where the model is one.
    model : Transformer
        The transformer's configuration.

    Raises
    ------
    UsageError
        There is no such tier.
    """
    if gib not in TIERS:
        raise UsageError(f"there is no {gib} GB tier", remedy=f"Choose from: {', '.join(map(str, TIERS))}.")
    stored = [Weights.GGUF] if gguf_bytes is not None else [Weights.BF16, Weights.FP8]
    ways = [(weights, Offload.NONE, False) for weights in stored]
    ways += [(stored[-1], offload, True) for offload in Offload]
    tiers = [_computed(gib, *way, gguf_bytes, model) for way in ways]
    return next((tier for tier in tiers if tier.peak_bytes <= _NOMINAL * gib * GIB), tiers[-1])


def _computed(
    gib: int, weights: Weights, offload: Offload, tiling: bool, gguf_bytes: int | None, model: Transformer
) -> VramTier:
    matrices, everything = model.block_matrices(), model.weights()
    whole = gguf_bytes if gguf_bytes is not None else _stored_bytes(matrices, everything, weights)
    transformer, lora = whole, model.lora(LORA_RANK) * BYTES_BF16
    if offload is Offload.BLOCKS:
        # The block that computes and the one that is being brought; the layers outside the blocks stay.
        blocks = model.num_layers * model.double_block() + model.num_single_layers * model.single_block()
        two = 2 * model.double_block() / everything
        transformer = round(whole * two) + (everything - blocks) * BYTES_BF16
        lora = round(lora * 2 / (model.num_layers + model.num_single_layers))
    activations = model.activation_bytes(_MEGAPIXEL)
    decoding = vae_bytes(_TILE_PIXELS if tiling else _MEGAPIXEL)
    vae = VAE_WEIGHTS * BYTES_BF16
    denoising = transformer + lora + activations
    if offload is Offload.NONE:
        peak = transformer + lora + vae + max(activations, decoding)
    else:
        peak = max(denoising, vae + decoding)
    return VramTier(
        gib=gib,
        weights=weights,
        offload=offload,
        vae_tiling=tiling,
        transformer_bytes=transformer,
        lora_bytes=lora,
        activation_bytes=activations,
        vae_bytes=vae + decoding,
        peak_bytes=peak + _CONTEXT_BYTES,
    )


def _stored_bytes(matrices: int, everything: int, weights: Weights) -> int:
    if weights is Weights.FP8:
        return matrices + (everything - matrices) * BYTES_BF16
    return everything * BYTES_BF16


def tier_below(tier: VramTier, gguf_bytes: int | None = None, model: Transformer = KONTEXT) -> VramTier | None:
    """The next smaller tier that takes less memory than this one, or None where there is none."""
    smaller = (tier_of(gib, gguf_bytes, model) for gib in reversed(TIERS) if gib < tier.gib)
    return next((below for below in smaller if below.peak_bytes < tier.peak_bytes), None)


def tier_for_card(total_bytes: int, free_bytes: int, gguf_bytes: int | None = None) -> VramTier:
    """The largest tier that a card is of and that what is free on it allows.

    Parameters
    ----------
    total_bytes, free_bytes : int
        The card's memory, and what other programs have left of it.
    gguf_bytes : int, optional
        As in `tier_of`.

    Raises
    ------
    NotEnoughMemory
        Not even the smallest tier fits.
    """
    smallest = tier_of(TIERS[0], gguf_bytes)
    for gib in reversed(TIERS):
        tier = tier_of(gib, gguf_bytes)
        if total_bytes >= _NOMINAL * gib * GIB and free_bytes >= tier.peak_bytes:
            return tier
    raise NotEnoughMemory(
        f"FLUX.1 Kontext needs {smallest.peak_bytes / GIB:.1f} GiB of graphics memory at least, and "
        f"{free_bytes / GIB:.1f} of {total_bytes / GIB:.1f} GiB are free"
    )


def wanted_tier() -> int:
    """The tier that the environment names; 0 leaves it to the card.

    Raises
    ------
    UsageError
        The variable holds something else.
    """
    text = os.environ.get(TIER_VARIABLE, "").strip()
    if not text:
        return 0
    if not text.isdecimal() or int(text) not in TIERS:
        raise UsageError(
            f"{TIER_VARIABLE} is '{text}'", remedy=f"Set it to one of {', '.join(map(str, TIERS))}, or not at all."
        )
    return int(text)
