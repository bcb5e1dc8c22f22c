"""The LoRA as a file: diffusers' keys, or those of other programs, with a header that says what it is."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from engine.domain.datasets import Split
from engine.domain.errors import KnownError, UsageError
from engine.domain.files import complete_file
from engine.domain.training import TrainingJob
from engine.inference.kontext.dialects import Tensors
from engine.inference.kontext.lora import inspect_lora

_ARCHITECTURE = "flux-1-kontext-dev/lora"
_BLOCK_LAYERS = {
    # Black Forest Labs' layer: the layers of diffusers whose outputs it joins, in order.
    "transformer_blocks": {
        "img_attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
        "img_attn.proj": ("attn.to_out.0",),
        "txt_attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
        "txt_attn.proj": ("attn.to_add_out",),
        "img_mlp.0": ("ff.net.0.proj",),
        "img_mlp.2": ("ff.net.2",),
        "txt_mlp.0": ("ff_context.net.0.proj",),
        "txt_mlp.2": ("ff_context.net.2",),
        "img_mod.lin": ("norm1.linear",),
        "txt_mod.lin": ("norm1_context.linear",),
    },
    "single_transformer_blocks": {
        "linear1": ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"),
        "linear2": ("proj_out",),
        "modulation.lin": ("norm.linear",),
    },
}
_THEIR_BLOCKS = {"transformer_blocks": "double_blocks", "single_transformer_blocks": "single_blocks"}
_FEED_FORWARD_WIDTHS = 4


class LoraForm(StrEnum):
    """Whose keys a file has."""

    DIFFUSERS = "diffusers"
    AI_TOOLKIT = "ai-toolkit"
    COMFYUI = "comfyui"


def write_lora(
    path: Path,
    weights: Tensors,
    header: dict[str, str],
    form: LoraForm = LoraForm.DIFFUSERS,
) -> None:
    """Write a LoRA as safetensors in float16, whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced where it exists.
    weights : dict
        ``transformer.<layer>.lora_A.weight`` and ``….lora_B.weight`` at full strength.
    header : dict
        From `header_of`.
    form : LoraForm
        ComfyUI reads diffusers' keys too; its own have q, k and v in one layer, as the model was published.

    Raises
    ------
    KnownError
        A weight is no number or too large for float16, or the disk is full.
    """
    for name, tensor in weights.items():
        if not bool(torch.isfinite(tensor.half()).all()):
            raise KnownError(
                f"'{name}' holds values that are no numbers", remedy="Train with a lower learning rate.", path=path
            )
    tensors = {name: tensor.half().contiguous() for name, tensor in weights.items()}
    if form is LoraForm.COMFYUI:
        tensors = _joined(tensors)
        header = header | {"modelspec.implementation": "https://github.com/black-forest-labs/flux"}
    elif form is LoraForm.AI_TOOLKIT:
        # AI-Toolkit's keys are diffusers'; readers tell its files by this entry alone.
        header = header | {"software": json.dumps({"name": "chromask", "layout": "ai-toolkit"})}
    header = header | {"modelspec.hash_sha256": f"0x{_tensor_hash(tensors)}"}
    with complete_file(path, overwrite=True) as temporary:
        save_file(tensors, temporary, metadata=header)


def header_of(job: TrainingJob, step: int, started: datetime) -> dict[str, str]:
    """What a file tells of itself: kohya's ``ss_*`` entries and Stability AI's model specification 1.0.

    diffusers' own entry, the whole of PEFT's settings, is left out: the weights are at full strength, and readers take
    rank and layers from them.

    Parameters
    ----------
    step : int
        Whose weights these are.
    started : datetime
        When the run began.
    """
    settings, now = job.settings, datetime.now(UTC)
    alpha = settings.rank if settings.alpha is None else settings.alpha
    side = max(settings.resolutions)
    captions = sorted({example.caption for example in job.of(Split.TRAIN)})
    entries: dict[str, object] = {
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": _ARCHITECTURE,
        "modelspec.implementation": "https://github.com/huggingface/diffusers",
        "modelspec.title": job.name,
        "modelspec.date": now.isoformat(timespec="seconds"),
        "modelspec.resolution": f"{side}x{side}",
        "modelspec.trigger_phrase": job.trigger,
        "modelspec.usage_hint": captions[0],
        "ss_base_model_version": "flux-1-kontext-dev",
        "ss_output_name": job.name,
        "ss_network_module": "networks.lora_flux",
        "ss_network_dim": settings.rank,
        "ss_network_alpha": alpha,
        "ss_learning_rate": settings.learning_rate,
        "ss_max_train_steps": settings.steps,
        "ss_steps": step,
        "ss_batch_size_per_device": settings.batch,
        "ss_gradient_accumulation_steps": settings.accumulation,
        "ss_seed": settings.seed,
        "ss_num_train_images": len(job.of(Split.TRAIN)),
        "ss_guidance_scale": settings.guidance,
        "ss_caption_dropout_rate": settings.caption_dropout,
        "ss_training_started_at": started.timestamp(),
        "ss_training_finished_at": now.timestamp(),
        "chromask.dataset_sha256": job.dataset_hash,
        "chromask.kind": job.kind.value,
        "chromask.captions": json.dumps(captions, ensure_ascii=False),
    }
    return {name: str(value) for name, value in entries.items()}


def convert_lora(source: Path, target: Path, form: LoraForm) -> None:
    """Write a LoRA that was trained here for another program; its header stays.

    Raises
    ------
    KnownError
        The file is no LoRA for FLUX.1 Kontext.
    UsageError
        It is for a smaller model, which has no such form.
    """
    # ComfyUI's form is that of FLUX.1's own layers, in its own widths; smaller models have diffusers' keys alone.
    shapes = None if form is LoraForm.COMFYUI else _shapes_in(source) or None
    checked = inspect_lora(source, shapes)
    with safe_open(source, framework="pt", device="cpu") as file:
        header = dict(file.metadata() or {})
    write_lora(target, {name: tensor.float() for name, tensor in checked.tensors.items()}, header, form)


def _shapes_in(path: Path) -> dict[str, tuple[int, int]]:
    """The widths of the layers that a file of diffusers' keys names; none of another file."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118  # no mapping
    except (OSError, SafetensorError):
        return {}  # what is wrong with it the preflight says
    ours = (name for name in shapes if name.startswith("transformer.") and name.endswith(".lora_A.weight"))
    layers = {name.removesuffix(".lora_A.weight") for name in ours}
    return {
        layer.removeprefix("transformer."): (shapes[f"{layer}.lora_A.weight"][1], shapes[f"{layer}.lora_B.weight"][0])
        for layer in layers
        if f"{layer}.lora_B.weight" in shapes
    }


def _tensor_hash(tensors: Tensors) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()


def _joined(tensors: Tensors) -> Tensors:
    """Black Forest Labs' layers: where one joins several, first factors one below the other, second ones along a
    diagonal of blocks. The product is exactly that of the separate layers.
    """
    blocks = dict.fromkeys(tuple(name.split(".")[1:3]) for name in tensors)
    out: Tensors = {}
    left = dict(tensors)
    for kind, number in blocks:
        for theirs, ours in _BLOCK_LAYERS.get(kind, {}).items():
            prefix = f"transformer.{kind}.{number}."
            pairs = [
                (left.pop(f"{prefix}{layer}.lora_A.weight", None), left.pop(f"{prefix}{layer}.lora_B.weight", None))
                for layer in ours
            ]
            known = [(a, b) for a, b in pairs if a is not None and b is not None]
            if not known:
                continue
            name = f"diffusion_model.{_THEIR_BLOCKS[kind]}.{number}.{theirs}"
            firsts, seconds = _filled(known[0], pairs)
            out[f"{name}.lora_A.weight"] = torch.cat(firsts)
            out[f"{name}.lora_B.weight"] = torch.block_diag(*seconds)
    if left:
        raise UsageError(f"ComfyUI's form has no layer for '{next(iter(left))}'", remedy="Write it in diffusers' form.")
    return out


def _filled(
    known: tuple[Tensor, Tensor], pairs: list[tuple[Tensor | None, Tensor | None]]
) -> tuple[list[Tensor], list[Tensor]]:
    """Layers of a joint one that the LoRA leaves alone are zero: its outputs have to be as many as the model's."""
    a, b = known
    firsts, seconds = [], []
    for place, (first, second) in enumerate(pairs):
        # Only the fourth part of `linear1`, the feed-forward, is wider than the model.
        wide = _FEED_FORWARD_WIDTHS if place == 3 else 1
        firsts.append(first if first is not None else torch.zeros_like(a))
        seconds.append(second if second is not None else torch.zeros(wide * b.shape[0], b.shape[1], dtype=b.dtype))
    return firsts, seconds
