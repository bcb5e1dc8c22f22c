"""One call of the Kontext pipeline: a picture on the canvas in, the model's picture of the same size out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from diffusers.pipelines.flux.pipeline_flux_kontext import FluxKontextPipeline
from numpy.typing import NDArray
from PIL import Image

from engine.domain.errors import BugError, KnownError
from engine.domain.requests import Sampling
from engine.inference.kontext.exhaustion import memory_errors
from engine.inference.kontext.prompts import PromptEmbeddings
from engine.ports import ReportStep

StepEnd = Callable[[object, int, object, dict[str, Any]], dict[str, Any]]
"""``callback_on_step_end`` of diffusers' pipelines."""


def sample(
    pipeline: FluxKontextPipeline,
    canvas: NDArray[np.uint8],
    prompt: PromptEmbeddings,
    sampling: Sampling,
    report: ReportStep,
    *,
    done: int,
    total: int,
) -> NDArray[np.uint8]:
    """Denoise once.

    The same arguments on the same device give the same pixels: the noise comes from a CPU generator, whatever the
    model runs on.

    Parameters
    ----------
    pipeline : FluxKontextPipeline
        Loaded, with its LoRA active; it needs no text encoders.
    canvas : ndarray
        ``(h, w, 3)`` uint8 sRGB, sides multiples of 16: the conditioning image.
    prompt : PromptEmbeddings
        The complete prompt.
    sampling : Sampling
        Steps, guidance, seed.
    report : ReportStep
        Called after each step; what it raises ends the sampling at once.
    done, total : int
        The job's steps that came before, and all of them.

    Returns
    -------
    ndarray
        ``(h, w, 3)`` uint8 sRGB of the canvas's size.

    Raises
    ------
    OutOfMemory
        Memory ran out.
    KnownError
        The model computed no numbers.
    Cancelled
        From ``report``.
    """
    steps = sampling.num_inference_steps
    return painted(pipeline, pipeline, canvas, prompt, sampling, reporting(report, done, steps, total))


def painted(
    call: Callable[..., Any],
    pipeline: FluxKontextPipeline,
    canvas: NDArray[np.uint8],
    prompt: PromptEmbeddings,
    sampling: Sampling,
    on_step_end: StepEnd,
) -> NDArray[np.uint8]:
    """Call a pipeline of the Kontext family with all that is alike for each of them.

    Parameters
    ----------
    call : callable
        The pipeline, with the arguments of its own bound to it.
    pipeline : FluxKontextPipeline
        The loaded one, whose parts ``call`` uses; the hooks that offload them are its own.
    on_step_end : callable
        From `reporting`.

    Raises
    ------
    OutOfMemory
        Memory ran out.
    KnownError
        The model computed no numbers.
    """
    height, width = canvas.shape[:2]
    device = pipeline._execution_device
    with memory_errors("while denoising"):
        try:
            # width, height and max_area together: height and width alone only set the aspect ratio. The picture is
            # placed already, so the pipeline must not pick a size for it by its own rule.
            output = call(
                image=Image.fromarray(canvas),
                prompt_embeds=prompt.sequence.to(device),
                pooled_prompt_embeds=prompt.pooled.to(device),
                width=width,
                height=height,
                max_area=width * height,
                _auto_resize=False,
                num_inference_steps=sampling.num_inference_steps,
                guidance_scale=sampling.guidance_scale,
                generator=torch.Generator("cpu").manual_seed(sampling.seed),
                callback_on_step_end=on_step_end,
                output_type="np",
            )
        finally:
            # The pipeline itself frees its offloaded components only where it comes to its end.
            pipeline.maybe_free_model_hooks()
    return _finished_picture(output, canvas)


def reporting(report: ReportStep, done: int, steps: int, total: int) -> StepEnd:
    """A pipeline's ``callback_on_step_end`` that reports each step.

    Parameters
    ----------
    done, total : int
        The job's steps that came before, and all of them.
    steps : int
        Denoising steps of this call.
    """

    def on_step_end(_: object, step: int, __: object, tensors: dict[str, Any]) -> dict[str, Any]:
        # Raising is the one way out: `pipeline._interrupt` skips the remaining steps, decodes the half-denoised
        # latents and returns them as if all were well.
        finished = step + 1
        report(done + finished, total, "denoising" if finished < steps else "decoding")
        return tensors

    return on_step_end


def _finished_picture(output: Any, canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture of a pipeline's output as ``(h, w, 3)`` uint8 of the canvas's size.

    Raises
    ------
    KnownError
        It holds values that are not numbers.
    """
    picture = np.asarray(output.images[0])
    if picture.shape != canvas.shape:
        raise BugError(f"the pipeline returned {picture.shape} for a canvas of {canvas.shape}")
    if not np.isfinite(picture).all():
        raise KnownError(
            "the model computed values that are not numbers",
            remedy="Use a lower LoRA scale, or another LoRA or seed.",
        )
    return np.round(picture * 255).clip(0, 255).astype(np.uint8)
