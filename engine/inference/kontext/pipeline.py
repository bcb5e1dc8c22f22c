"""Loads the FLUX.1 Kontext pipeline from local files onto the device that is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers.loaders.single_file_utils import SingleFileComponentError
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.pipelines.flux.pipeline_flux_kontext import FluxKontextPipeline
from diffusers.quantizers.quantization_config import GGUFQuantizationConfig

from engine.domain.errors import KnownError
from engine.domain.requests import LoraRef
from engine.inference.kontext.exhaustion import memory_errors
from engine.inference.kontext.float8 import store_in_float8
from engine.inference.kontext.lora import CheckedLora, check_lora
from engine.inference.kontext.progress_bars import without_progress_bars
from engine.inference.kontext.slot import LoraSlot
from engine.inference.kontext.source import ModelSource
from engine.inference.kontext.tiers import (
    TIERS,
    NotEnoughMemory,
    Offload,
    VramTier,
    Weights,
    tier_for_card,
    tier_of,
)

_BLOCKS = ("transformer_blocks", "single_transformer_blocks")

_FITS_ANY_CARD = 1 << 28
"""Bytes of weights: a model that is smaller lies whole on any card, and the tiers, which are FLUX.1's, do not apply."""


@dataclass(frozen=True, slots=True)
class Placing:
    """Where the model computes, and how.

    Attributes
    ----------
    device : torch.device
        Where it computes.
    dtype : torch.dtype
        bfloat16 on CUDA, as FLUX.1 was released, unless the model's description says otherwise; float32 on a CPU,
        whose 16-bit arithmetic is several times slower.
    tier : VramTier
        Stored precision, offloading and tiling. A CPU has no other memory to offload to.
    """

    device: torch.device
    dtype: torch.dtype
    tier: VramTier


def choose_placing(source: ModelSource, wanted: int = 0) -> Placing:
    """The device, precision and tier with which this model fits the machine.

    Parameters
    ----------
    source : ModelSource
        The model.
    wanted : int
        A tier that shall be used; 0 takes the largest that fits.

    Raises
    ------
    KnownError
        It does not fit, or there is no such tier.
    """
    if torch.cuda.is_available():
        if source.description is not None and source.size_bytes < _FITS_ANY_CARD:
            return Placing(torch.device("cuda"), _own_precision(source), tier_of(TIERS[-1]))
        if wanted:
            tier = tier_of(wanted, source.gguf_bytes)
        else:
            free, total = torch.cuda.mem_get_info()
            tier = tier_for_card(total, free, source.gguf_bytes)
        return Placing(torch.device("cuda"), _own_precision(source), tier)
    import psutil

    # The files hold bfloat16; float32 takes twice their size. The text encoders are gone when the rest comes.
    needed = 2 * max(source.text_bytes, source.transformer_bytes + source.vae_bytes)
    free = psutil.virtual_memory().available
    if free < needed:
        raise NotEnoughMemory(
            f"the Kontext model needs {needed / 2**30:.0f} GiB of memory and {free / 2**30:.0f} GiB are free"
        )
    return Placing(torch.device("cpu"), torch.float32, tier_of(wanted or TIERS[-1], source.gguf_bytes))


def _own_precision(source: ModelSource) -> torch.dtype:
    wants_float32 = source.description is not None and source.description.precision == "float32"
    return torch.float32 if wants_float32 else torch.bfloat16


class LoadedModel:
    """The pipeline in memory, without text encoders, and with one LoRA at a time. Not safe for more than one thread.

    Raises
    ------
    OutOfMemory
        It does not fit.
    KnownError
        A file holds something else.
    """

    def __init__(self, source: ModelSource, placing: Placing) -> None:
        self.source = source
        self.placing = placing
        self.pipeline = _load(source, placing)
        self.slot = LoraSlot(self.pipeline, placing.device, placing.dtype)
        self._lora: LoraRef | None = None
        self._checked: CheckedLora | None = None
        self.lora_effect = 0.0
        """What the LoRA in use changes in the transformer's output, as a share of it; measured when it was loaded."""

    def use(self, lora: LoraRef | None) -> CheckedLora | None:
        """Make ``lora`` the only active one; None runs the bare model.

        A LoRA that is refused leaves the model bare. What is returned holds no weights any more.

        Raises
        ------
        KnownError
            The file is missing, changed, not for this model, or changes nothing.
        """
        if lora == self._lora:
            return self._checked
        self._lora, self._checked, self.lora_effect = None, None, 0.0
        if lora is None:
            self.slot.clear()
            return None
        try:
            checked = check_lora(lora, self.pipeline.transformer)
        except KnownError:
            self.slot.clear()
            raise
        with memory_errors("while loading the LoRA"):
            self.lora_effect = self.slot.load(lora, checked)
        # Its weights are in the model now; in main memory they would only be half a gigabyte.
        self._lora, self._checked = lora, replace(checked, tensors={})
        return self._checked


def _load(source: ModelSource, placing: Placing) -> FluxKontextPipeline:
    without_progress_bars()
    # Prompts come encoded (engine.inference.kontext.prompts).
    components: dict[str, Any] = dict.fromkeys(("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"))
    try:
        with memory_errors("while loading the model"):
            if source.transformer_file is not None:
                components["transformer"] = _transformer_of(source, placing.dtype)
            pipeline = FluxKontextPipeline.from_pretrained(
                source.folder, dtype=placing.dtype, local_files_only=True, use_safetensors=True, **components
            )
    except (OSError, ValueError, LookupError, RuntimeError, SingleFileComponentError) as error:
        # A file that is whole and still not this model: wrong shapes, foreign keys (an IndexError in the conversion),
        # another library's configuration.
        raise _not_this_model(source, _first_line(error)) from error
    # Weights that no file held are left without data, with a mere log line.
    empty = [name for name, weight in pipeline.transformer.named_parameters() if weight.is_meta]
    empty += [name for name, weight in pipeline.vae.named_parameters() if weight.is_meta]
    if empty:
        raise _not_this_model(source, f"no file holds the weights '{empty[0]}', {len(empty)} are missing in all")
    pipeline.set_progress_bar_config(disable=True)
    with memory_errors("while loading the model"):
        place_pipeline(pipeline, placing)
    return pipeline


def _transformer_of(source: ModelSource, dtype: torch.dtype) -> FluxTransformer2DModel:
    """The transformer of a single file, in Black Forest Labs' layer names or in diffusers'."""
    assert source.transformer_file is not None
    return FluxTransformer2DModel.from_single_file(
        source.transformer_file.as_posix(),
        config=source.folder.as_posix(),
        subfolder="transformer",
        dtype=dtype,
        local_files_only=True,
        quantization_config=GGUFQuantizationConfig(compute_dtype=dtype) if source.gguf_bytes is not None else None,
    )


def place_pipeline(pipeline: FluxKontextPipeline, placing: Placing) -> None:
    """Store, tile and offload a pipeline that lies in main memory as its tier says."""
    tier, device = placing.tier, placing.device
    if tier.weights is Weights.FP8:
        store_in_float8(pipeline.transformer, _BLOCKS)
    if tier.vae_tiling:
        pipeline.vae.enable_tiling()
    if device.type == "cpu" or tier.offload is Offload.NONE:
        pipeline.to(device)
    elif tier.offload is Offload.COMPONENTS:
        pipeline.enable_model_cpu_offload(device=device)
    else:
        offload_blocks(pipeline, device)


def offload_blocks(pipeline: FluxKontextPipeline, device: torch.device) -> None:
    """Keep the transformer in main memory and bring its blocks to the device one after the other, the next while one
    computes; the VAE stays on the device.
    """
    pipeline.transformer.enable_group_offload(
        onload_device=device,
        offload_device=torch.device("cpu"),
        offload_type="block_level",
        num_blocks_per_group=1,
        use_stream=device.type == "cuda",
    )
    pipeline.vae.to(device)


def _not_this_model(source: ModelSource, reason: str) -> KnownError:
    return KnownError(
        f"the model could not be loaded ({reason})",
        remedy="Copy the model again; docs/models.md lists its files.",
        path=source.transformer_file if source.transformer_file is not None else source.folder,
    )


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0][:160] if text else type(error).__name__
