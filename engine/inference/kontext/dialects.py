"""Brings the key dialects in which LoRAs for FLUX.1 are published to the one that loads completely.

A trainer names a layer either as diffusers does (``transformer_blocks.0.attn.to_q``) or as Black Forest Labs' own code
does (``double_blocks.0.img_attn.qkv``, one layer where diffusers has three), writes dots or underscores, puts one of
several prefixes before it, and calls the factors ``lora_A`` and ``lora_B``, ``lora_down`` and ``lora_up`` or ``down``
and ``up``. Splitting the joint layers is left to diffusers' converters, whose input is brought to the form that each of
them takes without loss; what they drop silently is refused here before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from enum import StrEnum

import torch
from diffusers.loaders.lora_conversion_utils import (
    _convert_kohya_flux_lora_to_diffusers,
    _convert_xlabs_flux_lora_to_diffusers,
)

Tensors = dict[str, torch.Tensor]


class Dialect(StrEnum):
    """Whose spelling of the keys a file uses."""

    PEFT = "diffusers/PEFT"
    AI_TOOLKIT = "AI-Toolkit"
    KOHYA = "kohya"
    COMFYUI = "ComfyUI"
    XLABS = "XLabs"
    FAL = "fal"


class UnknownDialect(ValueError):
    """The keys are no spelling of FLUX.1's layers; the message names one of them."""


_PREFIXES = ("base_model.model.", "model.diffusion_model.", "diffusion_model.", "transformer.")
_FACTORS = (
    # The whole suffix of a factor, and whether it is the first one (A, down).
    (re.compile(r"\.(lora_A|lora_down|lora\.down|lora_linear_layer\.down)(\.default)?\.weight$"), "lora_A"),
    (re.compile(r"\.(lora_B|lora_up|lora\.up|lora_linear_layer\.up)(\.default)?\.weight$"), "lora_B"),
)
_ORIGINAL_BLOCKS = ("double_blocks", "single_blocks")
_UNDERSCORED = ("lora_unet_", "lora_transformer_", "lycoris_")
# Layers outside the blocks, as Black Forest Labs' code names them; diffusers' converter knows them all.
_ORIGINAL_OTHERS = ("img_in", "txt_in", "time_in", "vector_in", "guidance_in", "final_layer")


def to_peft(tensors: Tensors, header: dict[str, str], layers: Collection[str]) -> tuple[Dialect, Tensors]:
    """Rename a LoRA's keys to ``transformer.<layer>.lora_A.weight`` and ``….lora_B.weight``.

    An alpha other than the rank is multiplied into the first factor, so that the result is at its full strength with
    no alpha beside it.

    Parameters
    ----------
    tensors : dict
        As they are in the file; not changed.
    header : dict
        The file's metadata, which names AI-Toolkit, whose keys are PEFT's.
    layers : collection of str
        The linear layers of the transformer in diffusers' names, to read names back whose dots became underscores.

    Raises
    ------
    UnknownDialect
        A key is no LoRA weight of a FLUX.1 layer.
    """
    if any(".processor." in key for key in tensors):
        return Dialect.XLABS, _converted(_convert_xlabs_flux_lora_to_diffusers, _without_prefix(tensors))
    factors, alphas = _taken_apart(tensors)
    names = {layer for layer, _ in factors}
    if all(name.startswith(_ORIGINAL_BLOCKS + _ORIGINAL_OTHERS) for name in names):
        dialect = _dialect_of(tensors, header, original=True)
        return dialect, _split(factors, alphas)
    readable = {layer.replace(".", "_"): layer for layer in layers}
    out: Tensors = {}
    for (name, factor), tensor in factors.items():
        layer = name if "." in name else readable.get(name, name)
        scale = alphas.get(name)
        if factor == "lora_A" and scale is not None and scale != tensor.shape[0]:
            tensor = tensor * (scale / tensor.shape[0])
        out[f"transformer.{layer}.{factor}.weight"] = tensor
    return _dialect_of(tensors, header, original=False), out


def _dialect_of(tensors: Tensors, header: dict[str, str], *, original: bool) -> Dialect:
    key = next(iter(tensors))
    if key.startswith(_UNDERSCORED):
        return Dialect.KOHYA
    if "ai-toolkit" in header.get("software", "").lower():
        return Dialect.AI_TOOLKIT
    if original and key.startswith("base_model.model."):
        return Dialect.FAL
    return Dialect.COMFYUI if original or "diffusion_model." in key else Dialect.PEFT


def _bare(key: str) -> str:
    for prefix in (*_PREFIXES, *_UNDERSCORED):
        key = key.removeprefix(prefix)
    return key


def _without_prefix(tensors: Tensors) -> Tensors:
    out = {_bare(key): tensor for key, tensor in tensors.items()}
    for key in out:
        if not re.match(r"(double|single)_blocks\.\d+\.processor\.(qkv|proj)_lora\d?\.(down|up)\.weight$", key):
            raise UnknownDialect(f"'{key}' is no LoRA weight")
    return out


def _taken_apart(tensors: Tensors) -> tuple[dict[tuple[str, str], torch.Tensor], dict[str, float]]:
    """Each factor by (layer without prefix, ``lora_A`` or ``lora_B``), and each layer's alpha."""
    factors: dict[tuple[str, str], torch.Tensor] = {}
    alphas: dict[str, float] = {}
    for key, tensor in tensors.items():
        if key.endswith(".alpha") and tensor.numel() == 1:
            alphas[_bare(key.removesuffix(".alpha"))] = float(tensor)
            continue
        for pattern, factor in _FACTORS:
            if pattern.search(key):
                name = _bare(pattern.sub("", key)), factor
                if name in factors:
                    raise UnknownDialect(f"'{key}' is there twice under different names")
                factors[name] = tensor
                break
        else:
            raise UnknownDialect(f"'{key}' is no LoRA weight")
    return factors, alphas


def _split(factors: dict[tuple[str, str], torch.Tensor], alphas: dict[str, float]) -> Tensors:
    """Original layer names to diffusers', through the converter for kohya's keys: the one that takes part of the
    layers (fal's demands all 57 blocks) and any alpha.
    """
    kohya: Tensors = {}
    for (name, factor), tensor in factors.items():
        side = "lora_down" if factor == "lora_A" else "lora_up"
        kohya[f"lora_unet_{name.replace('.', '_')}.{side}.weight"] = tensor
    for name, alpha in alphas.items():
        # Only beside its layer, as a number: diffusers refuses integers, and stops at alphas without a layer.
        if (name, "lora_A") in factors:
            kohya[f"lora_unet_{name.replace('.', '_')}.alpha"] = torch.tensor(alpha)
    return _converted(_convert_kohya_flux_lora_to_diffusers, kohya)


def _converted(convert: Callable[[Tensors], Tensors], tensors: Tensors) -> Tensors:
    try:
        out = convert(dict(tensors))
    except (KeyError, ValueError, AttributeError, IndexError, RuntimeError, AssertionError) as error:
        # Whatever a converter stumbles over, its assumptions about FLUX.1 do not hold for the file.
        detail = str(error).strip().splitlines()
        raise UnknownDialect(
            f"its layers are not laid out as FLUX.1's ({detail[0][:120] if detail else ''})"
        ) from error
    # The converter forgets the prefix on the layers outside the blocks, which then would not be loaded.
    return {key if key.startswith("transformer.") else f"transformer.{key}": tensor for key, tensor in out.items()}
