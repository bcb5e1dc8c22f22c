"""The place in the live transformer that one LoRA at a time occupies, and the proof that it works there.

LoRAs of one layout (the same layers; ranks up to the same multiple of 64) are exchanged by copying their weights over
one another's: no layer is added or replaced, so a compiled model is not compiled again. The layout follows from the
LoRA alone, whatever was loaded before it, so that the same request gives the same pixels in any order of jobs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers.hooks.group_offloading import _maybe_remove_and_reapply_group_offloading
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.pipelines.flux.pipeline_flux_kontext import FluxKontextPipeline

from engine.domain.errors import KnownError
from engine.domain.requests import LoraRef
from engine.inference.kontext.lora import CheckedLora, Tensors

_ADAPTER = "slot"
_RANK_STEP = 64
"""Ranks are filled up with zeros to a multiple of this, the rank of the published mask LoRAs."""

_REMEDY = "Use a LoRA that was trained on FLUX.1 Kontext, saved as .safetensors."


class LoraSlot:
    """Holds at most one LoRA in a pipeline's transformer. Not safe for more than one thread.

    Parameters
    ----------
    pipeline : FluxKontextPipeline
        Without LoRAs of its own.
    device, dtype
        Where, and with what, the transformer computes; its weights may be stored otherwise.
    """

    def __init__(self, pipeline: FluxKontextPipeline, device: torch.device, dtype: torch.dtype) -> None:
        self._pipeline = pipeline
        self._device = device
        self._dtype = dtype
        self._layout: tuple[frozenset[str], int] | None = None
        self.injections = 0
        """How often layers were added to the transformer; exchanges in place do not count."""

    def load(self, lora: LoraRef, checked: CheckedLora) -> float:
        """Put a LoRA into the slot, in place where the former one has the same layout.

        Parameters
        ----------
        lora : LoraRef
            Its scale is multiplied into its weights, so that another scale is no other layout.
        checked : CheckedLora
            Its weights.

        Returns
        -------
        float
            What it changes in one evaluation of the transformer: the change's norm over the output's.

        Raises
        ------
        KnownError
            Fewer layers took it up than the file has, or the output is the same with it as without; the slot is
            empty then.
        """
        layout = checked.modules, -(-max(checked.ranks) // _RANK_STEP) * _RANK_STEP
        weights = _filled_up(checked.tensors, layout[1], lora.scale, self._dtype)
        if layout != self._layout:
            self.clear()
            self._layout = layout
            self._inject(lora, checked, weights)
        self._copy(weights)
        # Block-wise offloading keeps copies of its own of all weights, which are the former ones now.
        _maybe_remove_and_reapply_group_offloading(self._pipeline.transformer)
        if lora.scale == 0:
            return 0.0
        effect = self._effect()
        if not effect > 0:
            self.clear()
            raise KnownError(
                f"the LoRA was loaded and changes nothing at scale {lora.scale:g}",
                remedy="Use a higher scale, or another training step of it.",
                path=Path(lora.path),
            )
        return effect

    def clear(self) -> None:
        """Take the LoRA and its layers out; the transformer is then bit for bit what it was before the first one."""
        if self._layout is not None:
            self._layout = None
            self._pipeline.unload_lora_weights()

    def _inject(self, lora: LoraRef, checked: CheckedLora, weights: Tensors) -> None:
        pipeline = self._pipeline
        pipeline.load_lora_into_transformer(
            weights, network_alphas=None, transformer=pipeline.transformer, adapter_name=_ADAPTER, _pipeline=pipeline
        )
        self.injections += 1
        taken = {
            name for name, module in pipeline.transformer.named_modules() if _ADAPTER in getattr(module, "lora_B", {})
        }
        if taken != checked.modules:
            self.clear()
            raise KnownError(
                f"only {len(taken & checked.modules)} of its {len(checked.modules)} layers could be loaded",
                remedy=_REMEDY,
                path=Path(lora.path),
            )
        for name, weight in pipeline.transformer.named_parameters():
            if ".lora_" in name:
                # PEFT takes the dtype of the layer around, which may be a storage format that cannot compute.
                weight.data = weight.data.to(self._dtype)

    def _copy(self, weights: Tensors) -> None:
        transformer = self._pipeline.transformer
        with torch.no_grad():
            for key, tensor in weights.items():
                name, _, factor = key.removeprefix("transformer.").removesuffix(".weight").rpartition(".")
                getattr(transformer.get_submodule(name), factor)[_ADAPTER].weight.copy_(tensor)

    def _effect(self) -> float:
        transformer = self._pipeline.transformer
        with_lora = probe(transformer, self._device, self._dtype)
        transformer.disable_adapters()
        try:
            without = probe(transformer, self._device, self._dtype)
        finally:
            transformer.enable_adapters()
        return float((with_lora - without).norm() / without.norm())


def probe(transformer: FluxTransformer2DModel, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """The transformer's output for a fixed small input.

    Parameters
    ----------
    transformer : FluxTransformer2DModel
        With or without LoRA, compiled or not: it runs uncompiled here, because the input has another size than any job.

    Returns
    -------
    Tensor
        ``(1, 16, channels)`` float32 on the CPU.
    """
    config: Any = transformer.config
    noise = torch.Generator("cpu").manual_seed(0)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=noise).to(device, dtype)

    rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
    image_ids = torch.stack([torch.zeros(16), rows.flatten(), columns.flatten()], dim=1).to(device, dtype)
    # No inference mode: weights that offloading moves in it could not be exchanged outside it any more.
    with torch.no_grad(), torch.compiler.set_stance("force_eager"):
        output = transformer(
            hidden_states=random(1, 16, config.in_channels),
            encoder_hidden_states=random(1, 8, config.joint_attention_dim),
            pooled_projections=random(1, config.pooled_projection_dim),
            timestep=torch.tensor([0.5], device=device, dtype=dtype),
            guidance=torch.tensor([2.5], device=device, dtype=torch.float32) if config.guidance_embeds else None,
            img_ids=image_ids,
            txt_ids=torch.zeros(8, 3, device=device, dtype=dtype),
            return_dict=False,
        )[0]
    return output.float().cpu()


def _filled_up(tensors: Tensors, rank: int, scale: float, dtype: torch.dtype) -> Tensors:
    """The factors at one rank, with the scale in the second one."""
    out: Tensors = {}
    for key, tensor in tensors.items():
        if ".lora_A." in key:
            full = torch.zeros(rank, tensor.shape[1], dtype=dtype)
            full[: tensor.shape[0]] = tensor
        else:
            full = torch.zeros(tensor.shape[0], rank, dtype=dtype)
            full[:, : tensor.shape[1]] = tensor.float() * scale
        out[key] = full
    return out
