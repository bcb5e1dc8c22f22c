"""One call of the Kontext inpainting pipeline: repaint what a mask covers, keep the latents of everything else."""

from __future__ import annotations

from functools import partial

import numpy as np
from diffusers.pipelines.flux.pipeline_flux_kontext import FluxKontextPipeline
from diffusers.pipelines.flux.pipeline_flux_kontext_inpaint import FluxKontextInpaintPipeline
from numpy.typing import NDArray
from PIL import Image

from engine.domain.requests import Sampling
from engine.inference.kontext.prompts import PromptEmbeddings
from engine.inference.kontext.sampling import painted, reporting
from engine.ports import ReportStep


def inpainting_steps(sampling: Sampling, strength: float) -> int:
    """Denoising steps that are left at a strength: the pipeline's own formula, with one step at least."""
    steps = sampling.num_inference_steps
    return max(1, steps - int(max(steps - min(steps * strength, steps), 0)))


def inpaint(
    pipeline: FluxKontextPipeline,
    canvas: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    reference: NDArray[np.uint8] | None,
    prompt: PromptEmbeddings,
    sampling: Sampling,
    report: ReportStep,
    *,
    strength: float = 1.0,
    done: int,
    total: int,
) -> NDArray[np.uint8]:
    """Denoise once inside a mask.

    The same arguments on the same device give the same pixels. The inpainting pipeline is built around the parts that
    the loaded one holds: nothing is loaded, copied or converted (``from_pipe`` would turn the shared model into
    float32), and its LoRA, stored precision and offloading are the loaded model's.

    Parameters
    ----------
    pipeline : FluxKontextPipeline
        Loaded, with its LoRA active; it needs no text encoders.
    canvas : ndarray
        ``(h, w, 3)`` uint8 sRGB, sides multiples of 16: what is repainted.
    mask : ndarray
        ``(h, w)`` uint8, 255 = paint, 0 = keep, in whole latent cells (`engine.imaging.edit_placement.paintable`).
    reference : ndarray or None
        ``(h', w', 3)`` uint8 sRGB, sides multiples of 16: what the model looks at in place of the canvas, which it
        then knows only by the latents around the mask. None lets it look at the canvas.
    prompt : PromptEmbeddings
        The complete prompt.
    sampling : Sampling
        Steps, guidance, seed.
    report : ReportStep
        Called after each step; what it raises ends the sampling at once.
    strength : float
        Above 0, to 1; below 1 the first steps are left out and what lies under the mask shines through.
    done, total : int
        The job's steps that came before, and all of them.

    Returns
    -------
    ndarray
        ``(h, w, 3)`` uint8 sRGB of the canvas's size. Outside the mask it is the VAE's copy of the canvas, no more.

    Raises
    ------
    OutOfMemory
        Memory ran out.
    KnownError
        The model computed no numbers.
    Cancelled
        From ``report``.
    """
    inpainting = FluxKontextInpaintPipeline(**pipeline.components)
    inpainting.set_progress_bar_config(disable=True)
    # Under 1 / steps the pipeline would have no step left, and refuses.
    strength = max(strength, 1 / sampling.num_inference_steps)
    # Never padding_mask_crop: it crops the wrong box, and the reference too.
    call = partial(
        inpainting,
        image_reference=Image.fromarray(reference) if reference is not None else None,
        mask_image=Image.fromarray(mask),
        strength=strength,
    )
    steps = inpainting_steps(sampling, strength)
    return painted(call, pipeline, canvas, prompt, sampling, reporting(report, done, steps, total))
