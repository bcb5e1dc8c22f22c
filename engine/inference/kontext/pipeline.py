"""Loads the FLUX.1 Kontext pipeline from local files onto the device that is there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.loaders.single_file_utils import SingleFileComponentError
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.pipelines.flux.pipeline_flux_kontext import FluxKontextPipeline
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from engine.domain.errors import KnownError
from engine.domain.requests import LoraRef
from engine.inference.kontext.lora import CheckedLora, check_lora, load_lora
from engine.inference.kontext.source import ModelSource

# Activations, the VAE's decoder and the LoRA at one megapixel, on top of the weights.
_WORKING_BYTES = 6 * 2**30


@dataclass(frozen=True, slots=True)
class Placing:
    """Where the weights go.

    Attributes
    ----------
    device : torch.device
        Where the model computes.
    dtype : torch.dtype
        bfloat16 on CUDA, as FLUX.1 was released; float32 on a CPU, whose 16-bit arithmetic is several times slower.
    offload : bool
        Keep one component at a time on the device.
    """

    device: torch.device
    dtype: torch.dtype
    offload: bool


def choose_placing(source: ModelSource) -> Placing:
    """The device, precision and offloading with which this model fits the machine.

    Raises
    ------
    KnownError
        It does not fit.
    """
    if torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        if free >= source.size_bytes + _WORKING_BYTES:
            return Placing(torch.device("cuda"), torch.bfloat16, offload=False)
        if free >= source.largest_bytes + _WORKING_BYTES:
            return Placing(torch.device("cuda"), torch.bfloat16, offload=True)
        raise _too_little("graphics memory", free, source.largest_bytes + _WORKING_BYTES)
    import psutil

    # The files hold bfloat16; float32 takes twice their size.
    needed, free = 2 * source.size_bytes, psutil.virtual_memory().available
    if free < needed:
        raise _too_little("memory", free, needed)
    return Placing(torch.device("cpu"), torch.float32, offload=False)


def _too_little(kind: str, free: int, needed: int) -> KnownError:
    return KnownError(
        f"the Kontext model needs {needed / 2**30:.0f} GiB of {kind} and {free / 2**30:.0f} GiB are free",
        remedy="Close other programs that use it and retry, or use --engine classical.",
        retryable=True,
    )


class LoadedModel:
    """The pipeline in memory, with one LoRA at a time. Not safe for more than one thread."""

    def __init__(self, source: ModelSource, placing: Placing | None = None) -> None:
        self.source = source
        self.placing = placing if placing is not None else choose_placing(source)
        self.pipeline = _load(source, self.placing)
        self._lora: LoraRef | None = None
        self._checked: CheckedLora | None = None
        self._loads = 0

    def use(self, lora: LoraRef | None) -> CheckedLora | None:
        """Make ``lora`` the only active one; None runs the bare model.

        A LoRA that is refused leaves the model bare.

        Raises
        ------
        KnownError
            The file is missing, changed, or not for this model.
        """
        if lora == self._lora:
            return self._checked
        if self._lora is not None:
            self.pipeline.unload_lora_weights()
            self._lora = self._checked = None
        if lora is None:
            return None
        checked = check_lora(lora, self.pipeline.transformer)
        self._loads += 1
        load_lora(self.pipeline, lora, checked, adapter=f"lora_{self._loads}")
        self._lora, self._checked = lora, checked
        return checked


def _load(source: ModelSource, placing: Placing) -> FluxKontextPipeline:
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    components: dict[str, torch.nn.Module] = {}
    try:
        if source.transformer_file is not None:
            components["transformer"] = FluxTransformer2DModel.from_single_file(
                source.transformer_file.as_posix(),
                config=source.folder.as_posix(),
                subfolder="transformer",
                dtype=placing.dtype,
                local_files_only=True,
            )
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
    if placing.offload:
        pipeline.enable_model_cpu_offload(device=placing.device)
    else:
        pipeline.to(placing.device)
    return pipeline


def _not_this_model(source: ModelSource, reason: str) -> KnownError:
    return KnownError(
        f"the model could not be loaded ({reason})",
        remedy="Copy the model again; docs/models.md lists its files.",
        path=source.transformer_file if source.transformer_file is not None else source.folder,
    )


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0][:160] if text else type(error).__name__
