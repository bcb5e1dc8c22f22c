"""What the operator sees of the VRAM tiers."""

from __future__ import annotations

from pathlib import Path

from engine.inference.kontext.availability import resolve_model
from engine.inference.kontext.source import find_source
from engine.inference.kontext.tiers import TIERS, VramTier, tier_for_card, tier_of, wanted_tier


def tier_table(model: Path | None = None) -> list[VramTier]:
    """Each tier for a model; for FLUX.1 Kontext as a diffusers folder where none is there.

    Raises
    ------
    KnownError
        The model that was named is not complete.
    """
    gguf_bytes = _gguf_bytes(model)
    return [tier_of(gib, gguf_bytes) for gib in TIERS]


def tier_here(total_bytes: int, free_bytes: int, model: Path | None = None) -> VramTier:
    """The tier that a job would get on this machine's graphics card.

    Raises
    ------
    KnownError
        None fits, the model is not complete, or the environment names a tier that does not exist.
    """
    wanted, gguf_bytes = wanted_tier(), _gguf_bytes(model)
    return tier_of(wanted, gguf_bytes) if wanted else tier_for_card(total_bytes, free_bytes, gguf_bytes)


def _gguf_bytes(model: Path | None) -> int | None:
    return find_source(resolve_model(model)).gguf_bytes if model is not None else None
