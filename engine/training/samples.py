"""Pictures that the model paints while it learns: strips of control, target and what it makes of the control, and masks
that are measured against the truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.pipelines.flux.pipeline_flux_kontext import FluxKontextPipeline
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from numpy.typing import NDArray

from engine.domain.datasets import Example
from engine.domain.errors import KnownError
from engine.domain.files import complete_file
from engine.domain.requests import Sampling
from engine.domain.training import TrainingJob
from engine.imaging.metrics.masks import iou
from engine.imaging.painted import extract_painted_mask
from engine.imaging.raster.encode import encode_png
from engine.inference.kontext.exhaustion import free_memory
from engine.inference.kontext.prompts import PromptEmbeddings
from engine.inference.kontext.sampling import painted, reporting
from engine.inference.kontext.source import ModelSource
from engine.training.cache import load_vae
from engine.training.examples import TrainingExamples, placed_control, placed_mask
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
        written: list[tuple[str, Path]] = []
        side = max(job.settings.resolutions)
        for example, control, made in self._painted(job, chosen, examples, job.settings.sample_steps):
            target = placed_control(Path(job.dataset, example.target), side)
            path = folder / SAMPLES / f"step-{step:06}-{example.name}.png"
            with complete_file(path, overwrite=True) as temporary:
                temporary.write_bytes(encode_png(np.concatenate([control, target, made], axis=1)))
            written.append((example.name, path))
        return written

    def iou(self, job: TrainingJob, chosen: Sequence[Example], examples: TrainingExamples) -> float:
        """Paint the masks of the chosen examples, which have one, in few steps; how far they are the true ones.

        Returns
        -------
        float
            Mean intersection over union on the canvas, 0 to 1; where nothing green was painted it is 0.

        Raises
        ------
        KnownError
            Memory is full.
        """
        side = max(job.settings.resolutions)
        overlaps: list[float] = []
        for example, control, made in self._painted(job, chosen, examples, job.settings.iou_steps):
            truth = placed_mask(Path(job.dataset, example.mask), side)
            overlaps.append(_overlap(control, made, truth))
        return sum(overlaps) / len(overlaps)

    def _painted(
        self, job: TrainingJob, chosen: Sequence[Example], examples: TrainingExamples, steps: int
    ) -> Iterator[tuple[Example, NDArray[np.uint8], NDArray[np.uint8]]]:
        """Each example with its control picture on the canvas, and what the model makes of it."""
        scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(
            self._source.folder / "scheduler", local_files_only=True
        )
        vae = load_vae(self._source, self._dtype, self._device)
        pipeline = FluxKontextPipeline(scheduler, vae, None, None, None, None, self._transformer)  # pyright: ignore[reportArgumentType] - prompts come encoded
        pipeline.set_progress_bar_config(disable=True)
        sampling = Sampling(num_inference_steps=steps, seed=job.settings.seed)
        on_step_end = reporting(lambda *_: None, 0, steps, steps)
        try:
            for example in chosen:
                control = placed_control(Path(job.dataset, example.control), max(job.settings.resolutions))
                prompt = examples.prompt(example.caption)
                prompt = PromptEmbeddings(prompt.sequence.to(self._dtype), prompt.pooled.to(self._dtype))
                yield example, control, painted(pipeline, pipeline, control, prompt, sampling, on_step_end)
        finally:
            del pipeline, vae
            free_memory()


def _overlap(control: NDArray[np.uint8], made: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    try:
        alpha = extract_painted_mask(control, made).alpha
    except KnownError:  # nothing green was painted, or all of it was
        return 0.0
    return float(iou(alpha > 127, truth > 127))
