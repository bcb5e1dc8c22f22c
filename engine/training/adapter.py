"""The transformer with a LoRA that learns, and nothing else that does."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from peft import LoraConfig
from peft.utils.save_and_load import get_peft_model_state_dict
from torch import Tensor, nn

from engine.domain.errors import KnownError, UsageError
from engine.domain.training import BaseWeights, LoraLayers, Optimiser, TrainingPlan, TrainingSettings
from engine.inference.kontext.exhaustion import memory_errors
from engine.inference.kontext.float8 import store_in_float8
from engine.inference.kontext.source import ModelSource
from engine.training.noise import NoiseRule
from engine.training.run import Course, adamw

BLOCKS = ("transformer_blocks", "single_transformer_blocks")
"""Where the layers are that learn, and that are stored in fewer bits; those outside are few and the most sensitive."""

_ATTENTION = r"attn\.(to_[qkv]|to_out\.0|add_[qkv]_proj|to_add_out)"
_FEED_FORWARD = r"ff(_context)?\.net\.(0\.proj|2)|proj_mlp|proj_out"
_MODULATION = r"norm(1|1_context)?\.linear"
_PATTERNS = {
    LoraLayers.ATTENTION: _ATTENTION,
    LoraLayers.BLOCKS: f"{_ATTENTION}|{_FEED_FORWARD}",
    LoraLayers.ALL: f"{_ATTENTION}|{_FEED_FORWARD}|{_MODULATION}",
}


def target_modules(layers: LoraLayers) -> str:
    """The regular expression of the layers' whole names, as PEFT takes it."""
    return rf"({'|'.join(BLOCKS)})\.\d+\.({_PATTERNS[layers]})"


def has_bitsandbytes() -> bool:
    """Whether four-bit weights and the eight-bit optimiser are there."""
    return find_spec("bitsandbytes") is not None


def load_transformer(source: ModelSource, plan: TrainingPlan) -> FluxTransformer2DModel:
    """The transformer on the plan's device, in the plan's storage; nothing of it learns yet.

    Raises
    ------
    UsageError
        The model or the plan cannot be trained with here; says what can.
    OutOfMemory
        It does not fit.
    KnownError
        A file holds something else.
    """
    if source.gguf_bytes is not None:
        raise UsageError(
            "a GGUF file cannot be trained on",
            remedy="Give the diffusers folder or a .safetensors file; it is stored in fewer bits while it trains.",
            path=source.transformer_file,
        )
    four_bits = plan.base_weights is BaseWeights.NF4
    if (four_bits or plan.optimiser is Optimiser.ADAMW_8BIT) and not (plan.device == "cuda" and has_bitsandbytes()):
        raise UsageError(
            "four-bit weights and the eight-bit optimiser need a CUDA card and the package bitsandbytes",
            remedy="Install bitsandbytes, or train with base weights fp8 and the optimiser adamw.",
        )
    dtype = torch.bfloat16 if plan.compute == "bfloat16" else torch.float32
    try:
        with memory_errors("while loading the model"):
            transformer = _loaded(source, dtype)
            transformer.requires_grad_(False)
            if plan.base_weights is BaseWeights.FP8:
                store_in_float8(transformer, BLOCKS)
            if four_bits:
                from engine.training.four_bits import store_in_four_bits

                store_in_four_bits(transformer, BLOCKS, plan.device, dtype)
            _moved(transformer, plan.device)
    except (OSError, ValueError, LookupError, RuntimeError) as error:
        detail = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise KnownError(
            f"the model could not be loaded ({detail})",
            remedy="Copy the model again; docs/models.md lists its files.",
            path=source.transformer_file if source.transformer_file is not None else source.folder,
        ) from error
    return transformer


def _loaded(source: ModelSource, dtype: torch.dtype) -> FluxTransformer2DModel:
    if source.transformer_file is not None:
        return FluxTransformer2DModel.from_single_file(
            source.transformer_file.as_posix(),
            config=source.folder.as_posix(),
            subfolder="transformer",
            dtype=dtype,
            local_files_only=True,
        )
    return FluxTransformer2DModel.from_pretrained(
        source.folder / "transformer",
        dtype=dtype,
        local_files_only=True,
        use_safetensors=True,
    )


def _moved(module: Any, device: str) -> None:
    module.to(device)  # diffusers' own, whose annotations lost their self


def add_lora(transformer: FluxTransformer2DModel, settings: TrainingSettings) -> int:
    """Put a LoRA that changes nothing yet on the transformer; how many numbers of it learn.

    The first factor is drawn from the seed, on the CPU, so that it is the same on every device; the second one is zero
    (Hu et al. 2021). Both are float32, whatever the layer around them is stored in.

    Parameters
    ----------
    transformer : FluxTransformer2DModel
        Without LoRA.
    """
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.rank if settings.alpha is None else settings.alpha,
        target_modules=target_modules(settings.layers),
    )
    transformer.add_adapter(config)
    random = torch.Generator("cpu").manual_seed(settings.seed)
    learning = 0
    for name, parameter in transformer.named_parameters():
        if not parameter.requires_grad:
            continue
        learning += parameter.numel()
        if parameter.is_meta:
            continue
        first = torch.empty(parameter.shape)
        nn.init.kaiming_uniform_(first, a=5**0.5, generator=random)
        parameter.data = (first if ".lora_A." in name else torch.zeros_like(first)).to(parameter.device)
    if settings.gradient_checkpointing:
        transformer.enable_gradient_checkpointing()
    return learning


def lora_weights(transformer: FluxTransformer2DModel, settings: TrainingSettings) -> dict[str, Tensor]:
    """The LoRA as it is now: ``transformer.<layer>.lora_A.weight`` and ``….lora_B.weight``, float32, on the CPU.

    Another alpha than the rank is multiplied into the second factor: the file is at full strength without one.
    """
    learnt: Mapping[str, Tensor] = get_peft_model_state_dict(transformer)
    return {
        f"transformer.{name}": tensor.detach().float().cpu().clone() * (settings.strength if ".lora_B." in name else 1)
        for name, tensor in learnt.items()
    }


def course_of(settings: TrainingSettings, plan: TrainingPlan) -> Course:
    """The settings as the loop knows them: a constant learning rate."""
    return Course(
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        warmup=max(1, settings.warmup),
        final_share=1.0,
        weight_decay=settings.weight_decay,
        accumulation=settings.accumulation,
        ema=settings.ema,
        seed=settings.seed,
        noise=NoiseRule(
            mean=settings.time_mean,
            deviation=settings.time_deviation,
            pure=settings.pure_noise,
            guidance=(settings.guidance, settings.guidance),
        ),
        precision=plan.compute,
    )


def optimiser_of(plan: TrainingPlan, parameters: list[nn.Parameter], course: Course) -> torch.optim.Optimizer:
    """The plan's optimiser (Dettmers et al. 2022 for the one with moments of eight bits)."""
    if plan.optimiser is not Optimiser.ADAMW_8BIT:
        return adamw(parameters, course)
    import bitsandbytes  # pyright: ignore[reportMissingImports] - optional, CUDA only

    return bitsandbytes.optim.AdamW8bit(
        parameters, course.learning_rate, betas=course.betas, weight_decay=course.weight_decay
    )
