"""Reads and checks LoRA files for FLUX.1 Kontext before the live model sees any of them.

``load_lora_weights`` of diffusers 0.42 reports success with not one layer loaded for several formats
(``diffusion_model.*.lora_A``, bare ``double_blocks.*``, SDXL), loads parts of files that were made for other models,
and unpickles files whatever ``use_safetensors`` says when their name ends in ``.bin``. So every file is opened with
`safetensors.safe_open` alone, its keys are brought to one dialect, and each of its tensors must find its layer, in the
layer's shape, and do something there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.domain.requests import LoraRef
from engine.inference.kontext.architecture import KONTEXT
from engine.inference.kontext.dialects import Dialect, Tensors, UnknownDialect, to_peft
from engine.inference.kontext.source import check_safetensors

Shapes = Mapping[str, tuple[int, int]]
"""``(in_features, out_features)`` of each linear layer of a transformer, by its name in diffusers."""

_REMEDY = "Use a LoRA that was trained on FLUX.1 Kontext, saved as .safetensors."


@dataclass(frozen=True, slots=True, eq=False)
class CheckedLora:
    """A LoRA file whose every tensor fits the transformer.

    Attributes
    ----------
    tensors : dict
        ``transformer.<layer>.lora_A.weight`` and ``….lora_B.weight``, at full strength without an alpha.
    modules : frozenset of str
        The transformer's layers that it changes.
    ranks : tuple of int
        The ranks that occur, ascending.
    dialect : Dialect
        The spelling of the file's own keys.
    sha256 : str
        Of the file.
    size_bytes : int
        Of the file.
    idle : int
        Layers of which one factor is all zero, so that they change nothing.
    notices : tuple of str
        What an operator should know of it, one sentence each.
    """

    tensors: Tensors
    modules: frozenset[str]
    ranks: tuple[int, ...]
    dialect: Dialect
    sha256: str
    size_bytes: int
    idle: int
    notices: tuple[str, ...]

    def blocks(self) -> tuple[int, int]:
        """How many double and single blocks it changes; FLUX.1 has 19 and 38."""
        numbered = {tuple(name.split(".")[:2]) for name in self.modules}
        double = sum(kind == "transformer_blocks" for kind, *_ in numbered)
        return double, sum(kind == "single_transformer_blocks" for kind, *_ in numbered)


def check_lora(lora: LoraRef, transformer: torch.nn.Module) -> CheckedLora:
    """Check the LoRA of a request against a transformer, which is not touched.

    Parameters
    ----------
    lora : LoraRef
        The file, and the SHA-256 it had when the job was planned.
    transformer : torch.nn.Module
        The FLUX transformer it is for; LoRA layers it carries already do not matter.

    Raises
    ------
    KnownError
        As `inspect_lora`, or the file has changed since.
    """
    return inspect_lora(Path(lora.path), linear_shapes(transformer), sha256=lora.sha256)


def inspect_lora(path: Path, shapes: Shapes | None = None, sha256: str | None = None) -> CheckedLora:
    """Read a LoRA file and check everything that can be checked without running the model.

    Parameters
    ----------
    path : Path
        The file.
    shapes : mapping, optional
        The transformer's linear layers; those of FLUX.1 Kontext by default.
    sha256 : str, optional
        What the file's hash must be.

    Raises
    ------
    KnownError
        The file is missing, changed, no safetensors file, of an unknown kind, for another model, not finite, or
        without effect; says which.
    """
    shapes = shapes if shapes is not None else reference_shapes()
    tensors, header, found = _read(path, sha256)
    _refuse_other_kinds(path, tensors)
    notices = _base_model_notices(path, header)
    _restore_alphas(path, tensors, header)
    try:
        dialect, renamed = to_peft(tensors, header, shapes.keys())
    except UnknownDialect as error:
        raise KnownError(f"this is no LoRA for FLUX.1: {error}", remedy=_REMEDY, path=path) from error
    down, up = _paired(path, renamed, shapes)
    idle = sum(not bool(down[name].any()) or not bool(up[name].any()) for name in down)
    if idle == len(down):
        raise KnownError(
            "it changes nothing: one factor of every layer is all zero",
            remedy="Use a later training step of it.",
            path=path,
        )
    return CheckedLora(
        tensors=renamed,
        modules=frozenset(down),
        ranks=tuple(sorted({tensor.shape[0] for tensor in down.values()})),
        dialect=dialect,
        sha256=found,
        size_bytes=path.stat().st_size,
        idle=idle,
        notices=notices,
    )


def linear_shapes(transformer: torch.nn.Module) -> Shapes:
    """The linear layers of a transformer by their names without any LoRA around them."""
    return {
        name.removesuffix(".base_layer"): (module.in_features, module.out_features)
        for name, module in transformer.named_modules()
        if isinstance(module, torch.nn.Linear) and ".lora_A." not in name and ".lora_B." not in name
    }


def reference_shapes() -> Shapes:
    """The linear layers of FLUX.1 Kontext itself, from its configuration: no weights are needed."""
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

    with torch.device("meta"):
        return linear_shapes(FluxTransformer2DModel(**KONTEXT.config()))


def configured_shapes(folder: Path) -> Shapes:
    """The linear layers of the model in a diffusers folder, from its configuration: its weights are not read."""
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

    config: Any = FluxTransformer2DModel.load_config(folder / "transformer", local_files_only=True)
    with torch.device("meta"):
        model: Any = FluxTransformer2DModel.from_config(config)
    return linear_shapes(model)


def _read(path: Path, sha256: str | None) -> tuple[Tensors, dict[str, str], str]:
    try:
        if not path.is_file():
            remedy = "Check the path." if sha256 is None else "Put it back, or plan the job again."
            raise KnownError("the LoRA file is not there", remedy=remedy, path=path)
        if path.suffix.lower() != ".safetensors":
            raise KnownError(
                "only .safetensors LoRAs are loaded, because opening a pickled one can run foreign code",
                remedy=_REMEDY,
                path=path,
            )
        check_safetensors(path)
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 is not None and found != sha256:
            raise KnownError(
                "the LoRA file has changed since the job was planned",
                remedy="Put the former file back, or plan the job again with this one.",
                path=path,
            )
        with safe_open(path, framework="pt", device="cpu") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # safe_open is no mapping
    except SafetensorError as error:
        raise KnownError(f"this is no safetensors file ({error})", remedy=_REMEDY, path=path) from error
    except OSError as error:
        raise known_os_error(error, path) from error
    return tensors, header, found


def _refuse_other_kinds(path: Path, tensors: Tensors) -> None:
    kinds = {
        "a LoKr or LoHa": (".lokr_", ".hada_"),
        "a DoRA, whose magnitudes diffusers would silently drop": ("dora_scale", "magnitude_vector"),
        "a control LoRA, which changes the model's inputs": ("query_norm.scale", "x_embedder"),
        "a LoRA for the text encoder": ("lora_te", "text_encoder"),
        "a LoRA with differences of whole weights or biases, which diffusers would silently drop": (".diff",),
    }
    for kind, marks in kinds.items():
        if any(mark in key for key in tensors for mark in marks):
            raise KnownError(f"this is {kind}", remedy=_REMEDY, path=path)
    if not any("lora" in key for key in tensors):
        raise KnownError("this file holds no LoRA layers", remedy=_REMEDY, path=path)


def _base_model_notices(path: Path, header: dict[str, str]) -> tuple[str, ...]:
    """Refuse a base model that the header names and that is foreign; several share FLUX.1's layers and widths, such as
    Chroma, whose LoRAs would load and paint nonsense.
    """
    named = [
        header[key] for key in ("modelspec.architecture", "ss_base_model_version", "base_model") if header.get(key)
    ]
    if not named:
        return ()
    base = named[0]
    plain = base.lower().replace("-", "").replace(".", "").replace("_", "").replace(" ", "")
    if "kontext" in plain:
        return ()
    if "flux" not in plain or "flux2" in plain:
        raise KnownError(f"its header says that it was made for {base}", remedy=_REMEDY, path=path)
    return (f"Its header says {base}: the layers are the same, but such a LoRA may not have been trained on Kontext.",)


def _restore_alphas(path: Path, tensors: Tensors, header: dict[str, str]) -> None:
    """Put alphas that diffusers wrote into the file's header back beside their layers, in place.

    A dictionary of tensors carries no header; without this an alpha other than the rank would be lost, and the LoRA
    would run at another strength than it was trained at.
    """
    settings = header.get("lora_adapter_metadata")
    if settings is None:
        return
    try:
        config = json.loads(settings)
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


def _paired(path: Path, renamed: Tensors, shapes: Shapes) -> tuple[Tensors, Tensors]:
    """The two factors of each layer, whose shapes, and whose values' being numbers, have been checked."""
    down: Tensors = {}
    up: Tensors = {}
    for key, tensor in renamed.items():
        module, _, part = key.removeprefix("transformer.").partition(".lora_")
        if module not in shapes:
            raise KnownError(
                f"it was made for another model: FLUX.1 Kontext has no layer for '{key}'", remedy=_REMEDY, path=path
            )
        if not bool(torch.isfinite(tensor).all()):
            raise KnownError(f"'{key}' holds values that are not finite", remedy=_REMEDY, path=path)
        (down if part.startswith("A") else up)[module] = tensor
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
    return down, up
