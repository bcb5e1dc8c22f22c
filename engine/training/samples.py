"""Pictures that the model paints while it learns: a strip of control, target and what it makes of the control."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.pipelines.flux.pipeline_flux_kontext import FluxKontextPipeline
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from numpy.typing import NDArray

from engine.domain.datasets import Example
from engine.domain.files import complete_file
from engine.domain.requests import Sampling
from engine.domain.training import TrainingJob
from engine.imaging.raster.encode import encode_png
from engine.inference.kontext.exhaustion import free_memory
from engine.inference.kontext.prompts import PromptEmbeddings
from engine.inference.kontext.sampling import painted, reporting
from engine.inference.kontext.source import ModelSource
from engine.training.cache import load_vae
from engine.training.examples import TrainingExamples, placed_control
from engine.training.job import SAMPLES


class Sampler:
    """Paints with the transformer that is being trained; it draws nothing from the training's random numbers.

    Parameters
    ----------
    device : str
    dtype : torch.dtype
        What is computed in.
    """

    def __init__(
        self, source: ModelSource, transformer: FluxTransformer2DModel, device: str, dtype: torch.dtype
    ) -> None:
        self._source, self._transformer, self._device, self._dtype = source, transformer, device, dtype

    def strips(
        self, job: TrainingJob, chosen: Sequence[Example], examples: TrainingExamples, folder: Path, step: int
    ) -> list[tuple[str, Path]]:
        """Paint the chosen examples; the VAE is there for that long.

        Returns
        -------
        list
            Example's name and the file, ``samples/step-000250-<example>.png`` in the run's folder.

        Raises
        ------
        KnownError
            Memory or disk are full.
        """
        vae = load_vae(self._source, self._dtype, self._device)
        written: list[tuple[str, Path]] = []
        try:
            for example in chosen:
                prompt = examples.prompt(example.caption)
                prompt = PromptEmbeddings(prompt.sequence.to(self._dtype), prompt.pooled.to(self._dtype))
                strip = self._strip(vae, job, example, prompt)
                path = folder / SAMPLES / f"step-{step:06}-{example.name}.png"
                with complete_file(path, overwrite=True) as temporary:
                    temporary.write_bytes(encode_png(strip))
                written.append((example.name, path))
        finally:
            del vae
            free_memory()
        return written

    def _strip(
        self, vae: torch.nn.Module, job: TrainingJob, example: Example, prompt: PromptEmbeddings
    ) -> NDArray[np.uint8]:
        side = max(job.settings.resolutions)
        control = placed_control(Path(job.dataset, example.control), side)
        target = placed_control(Path(job.dataset, example.target), side)
        scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(
            self._source.folder / "scheduler", local_files_only=True
        )
        pipeline = FluxKontextPipeline(scheduler, vae, None, None, None, None, self._transformer)  # pyright: ignore[reportArgumentType] - prompts come encoded
        pipeline.set_progress_bar_config(disable=True)
        sampling = Sampling(num_inference_steps=job.settings.sample_steps, seed=job.settings.seed)
        steps = sampling.num_inference_steps
        on_step_end = reporting(lambda *_: None, 0, steps, steps)
        made = painted(pipeline, pipeline, control, prompt, sampling, on_step_end)
        return np.concatenate([control, target, made], axis=1)
