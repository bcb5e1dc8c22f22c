"""Reads, checks and loads LoRA files for FLUX.1 Kontext.

``load_lora_weights`` of diffusers 0.42 reports success with not one layer loaded for several formats
(``diffusion_model.*.lora_A``, bare ``double_blocks.*``, SDXL), loads parts of files that were made for other models,
and unpickles files whatever ``use_safetensors`` says when their name ends in ``.bin``. So every file is opened with
`safetensors.safe_open` alone, its keys are brought to a form that is known to load, and each of its tensors must
find its layer, in the layer's shape, before the pipeline sees any of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.flux.pipeline_flux_kontext import FluxKontextPipeline
from safetensors import SafetensorError, safe_open

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.domain.requests import LoraRef
from engine.inference.kontext.source import check_safetensors

Tensors = dict[str, torch.Tensor]

_REMEDY = "Use a LoRA that was trained on FLUX.1 Kontext, saved as .safetensors."
_DIFFUSERS_BLOCKS = ("transformer_blocks.", "single_transformer_blocks.")
_BFL_BLOCKS = ("double_blocks.", "single_blocks.")


@dataclass(frozen=True, slots=True, eq=False)
class CheckedLora:
    """A LoRA file whose every tensor fits the transformer.

    Attributes
    ----------
    tensors : dict
        In a form that ``load_lora_weights`` loads completely.
    modules : frozenset of str
        The transformer's layers that it changes.
    ranks : tuple of int
        The ranks that occur, ascending.
    """

    tensors: Tensors
    modules: frozenset[str]
    ranks: tuple[int, ...]


def check_lora(lora: LoraRef, transformer: torch.nn.Module) -> CheckedLora:
    """Read a LoRA file and check it against the transformer, which is not touched.

    Parameters
    ----------
    lora : LoraRef
        The file, and the SHA-256 it had when the job was planned.
    transformer : torch.nn.Module
        The FLUX transformer it is for; LoRA layers it carries already do not matter.

    Raises
    ------
    KnownError
        The file is missing, changed, no safetensors file, of an unknown kind, for another model, or not finite.
    """
    path = Path(lora.path)
    tensors, metadata = _read(path, lora.sha256)
    _refuse_other_kinds(path, tensors)
    tensors = _renamed(tensors)
    _restore_alphas(path, tensors, metadata)
    try:
        # What diffusers will make of these keys. It raises KeyError, ValueError or AttributeError on formats it
        # half-recognises; whichever it is, the file is not one for this model.
        converted, _ = FluxKontextPipeline.lora_state_dict(dict(tensors), return_alphas=True)
    except (KeyError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        raise KnownError(f"this is no LoRA for FLUX.1 ({error})", remedy=_REMEDY, path=path) from error
    modules, ranks = _matched(path, converted, _linear_shapes(transformer))
    return CheckedLora(tensors=tensors, modules=modules, ranks=ranks)


def load_lora(pipeline: FluxKontextPipeline, lora: LoraRef, checked: CheckedLora, adapter: str) -> None:
    """Load a checked LoRA into the pipeline under a name, at its scale, as the only active one.

    Raises
    ------
    KnownError
        Fewer layers took it up than the file has; the pipeline is left without it.
    """
    pipeline.load_lora_weights(dict(checked.tensors), adapter_name=adapter)
    taken = {
        name
        for name, module in pipeline.transformer.named_modules()
        if adapter in getattr(module, "lora_A", {}) and adapter in getattr(module, "lora_B", {})
    }
    if taken != checked.modules:
        pipeline.delete_adapters(adapter)
        raise KnownError(
            f"only {len(taken & checked.modules)} of its {len(checked.modules)} layers could be loaded",
            remedy=_REMEDY,
            path=Path(lora.path),
        )
    pipeline.set_adapters([adapter], [lora.scale])


def _read(path: Path, sha256: str) -> tuple[Tensors, dict[str, str]]:
    try:
        if not path.is_file():
            raise KnownError("the LoRA file is not there", remedy="Put it back, or plan the job again.", path=path)
        if path.suffix.lower() != ".safetensors":
            raise KnownError(
                "only .safetensors LoRAs are loaded, because opening a pickled one can run foreign code",
                remedy=_REMEDY,
                path=path,
            )
        check_safetensors(path)
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            raise KnownError(
                "the LoRA file has changed since the job was planned",
                remedy="Put the former file back, or plan the job again with this one.",
                path=path,
            )
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # safe_open is no mapping
    except SafetensorError as error:
        raise KnownError(f"this is no safetensors file ({error})", remedy=_REMEDY, path=path) from error
    except OSError as error:
        raise known_os_error(error, path) from error
    return tensors, metadata


def _refuse_other_kinds(path: Path, tensors: Tensors) -> None:
    kinds = {
        "a LoKr or LoHa": (".lokr_", ".hada_"),
        "a DoRA, whose magnitudes diffusers would silently drop": ("dora_scale", "magnitude_vector"),
        "a control LoRA, which changes the model's inputs": ("query_norm.scale", "x_embedder"),
        "a LoRA for the text encoder": ("lora_te", "text_encoder"),
    }
    for kind, marks in kinds.items():
        if any(mark in key for key in tensors for mark in marks):
            raise KnownError(f"this is {kind}", remedy=_REMEDY, path=path)
    if not any("lora" in key for key in tensors):
        raise KnownError("this file holds no LoRA layers", remedy=_REMEDY, path=path)


def _renamed(tensors: Tensors) -> Tensors:
    """Bring recoverable spellings of the keys to those that diffusers loads."""

    def bare(key: str) -> str:
        return key.removeprefix("base_model.model.").removeprefix("diffusion_model.")

    out = dict(tensors)
    peft_names = any(".lora_A." in key or ".lora_B." in key for key in tensors)
    if all(bare(key).startswith(_DIFFUSERS_BLOCKS) for key in tensors):
        out = {f"transformer.{bare(key)}": tensor for key, tensor in tensors.items()}
    elif peft_names and all(bare(key).startswith(_BFL_BLOCKS) for key in tensors):
        out = {
            "diffusion_model." + bare(key).replace(".lora_A.", ".lora_down.").replace(".lora_B.", ".lora_up."): tensor
            for key, tensor in tensors.items()
        }
    # diffusers refuses integer alphas, which some trainers write.
    return {
        key: tensor.float() if key.endswith("alpha") and not tensor.is_floating_point() else tensor
        for key, tensor in out.items()
    }


def _restore_alphas(path: Path, tensors: Tensors, metadata: dict[str, str]) -> None:
    """Put alphas that diffusers wrote into the file's header back beside their layers, in place.

    A dictionary of tensors carries no header; without this an alpha other than the rank would be lost, and the LoRA
    would run at another strength than it was trained at.
    """
    header = metadata.get("lora_adapter_metadata")
    if header is None:
        return
    try:
        config = json.loads(header)
        alpha = config.get("transformer.lora_alpha")
        patterns = config.get("transformer.alpha_pattern") or {}
        rslora = config.get("transformer.use_rslora")
        dora = config.get("transformer.use_dora")
    except (ValueError, AttributeError) as error:
        raise KnownError("the file's header is damaged", remedy=_REMEDY, path=path) from error
    if rslora or dora or patterns:
        raise KnownError(
            "the file's header asks for rank-stabilised scaling, DoRA or an alpha per layer, which is not supported",
            remedy=_REMEDY,
            path=path,
        )
    if not isinstance(alpha, int | float):
        return
    for key in [key for key in tensors if key.endswith(".lora_A.weight")]:
        tensors.setdefault(key.replace(".lora_A.weight", ".alpha"), torch.tensor(float(alpha)))


def _linear_shapes(transformer: torch.nn.Module) -> dict[str, tuple[int, int]]:
    """``(in_features, out_features)`` of each linear layer by its name without any LoRA around it."""
    return {
        name.removesuffix(".base_layer"): (module.in_features, module.out_features)
        for name, module in transformer.named_modules()
        if isinstance(module, torch.nn.Linear) and ".lora_A." not in name and ".lora_B." not in name
    }


def _matched(
    path: Path, converted: dict[str, Any], shapes: dict[str, tuple[int, int]]
) -> tuple[frozenset[str], tuple[int, ...]]:
    down: Tensors = {}
    up: Tensors = {}
    for key, tensor in converted.items():
        module, found, part = key.removeprefix("transformer.").partition(".lora_")
        if not key.startswith("transformer.") or not found or module not in shapes:
            raise KnownError(
                f"it was made for another model: FLUX.1 Kontext has no layer for '{key}'", remedy=_REMEDY, path=path
            )
        if not bool(torch.isfinite(tensor).all()):
            raise KnownError(f"'{key}' holds values that are not finite", remedy=_REMEDY, path=path)
        (down if part.startswith("A") else up)[module] = tensor
    if not down:
        raise KnownError("this file holds no layers of FLUX.1", remedy=_REMEDY, path=path)
    for module in down.keys() | up.keys():
        if module not in down or module not in up:
            raise KnownError(f"half of the layer '{module}' is missing", remedy=_REMEDY, path=path)
        inputs, outputs = shapes[module]
        a, b = down[module], up[module]
        if a.ndim != 2 or b.ndim != 2 or (a.shape[1], b.shape[0]) != (inputs, outputs) or a.shape[0] != b.shape[1]:
            raise KnownError(
                f"it was made for another model: '{module}' is {tuple(a.shape)} × {tuple(b.shape)} here, "
                f"and must go from {inputs} to {outputs}",
                remedy=_REMEDY,
                path=path,
            )
    return frozenset(down), tuple(sorted({tensor.shape[0] for tensor in down.values()}))
