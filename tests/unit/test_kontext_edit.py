"""Masked edits through diffusers' own inpainting pipeline, on a model of a few thousand random weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.domain.errors import Cancelled, KnownError
from engine.domain.geometry import Box, Extent
from engine.domain.picture import Picture
from engine.domain.requests import EditTurn, InputFile, Sampling
from tests.kontext_jobs import CANVAS, Reports, lora_of, photograph, run_sample, settings_of

PHOTO = photograph(Extent(160, 220))
NOWHERE = InputFile(Path("mask.png"), "0" * 64)


def mask_of(box: Box, extent: Extent = PHOTO.extent) -> np.ndarray:
    mask = np.zeros((extent.height, extent.width), np.uint8)
    mask[box.top : box.bottom, box.left : box.right] = 255
    return mask


MASK = mask_of(Box(53, 60, 106, 120))


def turn_of(tiny, strength=1.0, lora=None, **sampling) -> EditTurn:
    return EditTurn(NOWHERE, None, settings_of(tiny, lora, **sampling), strength)


@pytest.fixture
def calls(monkeypatch):
    """What goes into the pipeline and comes out of it."""
    from engine.inference.kontext import backend as module

    seen = []

    def noting(pipeline, canvas, mask, reference, *args, **kwargs):
        output = inpaint(pipeline, canvas, mask, reference, *args, **kwargs)
        seen.append((canvas, mask, reference, output))
        return output

    inpaint = module.inpaint
    monkeypatch.setattr(module, "inpaint", noting)
    return seen


def test_an_edit_is_painted_on_a_crop_around_the_mask(backend, tiny, lora_file, calls):
    reports = Reports()
    lora = lora_of(lora_file)
    painted = backend.paint_edit(PHOTO, MASK, None, turn_of(tiny, lora=lora, num_inference_steps=3), reports)
    assert painted.pixels.shape == (128, 96, 3)
    assert painted.pixels.dtype == np.uint8
    crop = painted.placement.crop
    assert (crop.left, crop.top) > (0, 0)
    assert crop.extent.width < 160
    assert [step for step, _, _ in reports.seen] == [0, 1, 2, 3, 4]
    assert {total for _, total, _ in reports.seen} == {4}
    made = painted.provenance
    assert (made["prompt"], made["seed"], made["steps"]) == (settings_of(tiny).prompt, 3, 3)
    assert made["lora_sha256"] == lora.sha256
    assert made["crop"] == f"{crop.extent.width}x{crop.extent.height}+{crop.left}+{crop.top}"
    assert all(isinstance(value, str | int | float) for value in made.values())


def test_the_same_request_gives_the_same_pixels_and_another_seed_others(backend, new_backend, tiny):
    first = backend.paint_edit(PHOTO, MASK, None, turn_of(tiny), Reports()).pixels
    assert np.array_equal(first, backend.paint_edit(PHOTO, MASK, None, turn_of(tiny), Reports()).pixels)
    assert np.array_equal(first, new_backend().paint_edit(PHOTO, MASK, None, turn_of(tiny), Reports()).pixels)
    assert not np.array_equal(first, backend.paint_edit(PHOTO, MASK, None, turn_of(tiny, seed=4), Reports()).pixels)


def test_the_model_keeps_what_the_mask_does_not_cover(backend, tiny, calls):
    import torch

    backend.paint_edit(PHOTO, MASK, None, turn_of(tiny), Reports())
    canvas, mask, _, output = calls[0]
    model, _, _ = backend.residence.settle(settings_of(tiny))
    # Where the model keeps everything, its picture is the VAE's copy of the canvas; the tiny VAE's copy is poor, but
    # the same in every call.
    with torch.no_grad():
        pixels = torch.from_numpy(canvas).permute(2, 0, 1)[None].float() / 127.5 - 1
        copy = model.pipeline.vae.decode(model.pipeline.vae.encode(pixels).latent_dist.mode(), return_dict=False)[0]
    copy = ((copy[0].permute(1, 2, 0).numpy() / 2 + 0.5) * 255).clip(0, 255)
    difference = np.abs(output.astype(float) - copy).mean(axis=2)
    corner = difference[: canvas.shape[0] // 8, : canvas.shape[1] // 8]
    assert mask[: canvas.shape[0] // 8, : canvas.shape[1] // 8].max() == 0
    assert corner.mean() < 0.5 * difference[mask == 255].mean()


def test_the_reference_takes_the_photographs_place_before_the_model(backend, tiny, calls, monkeypatch):
    model, _, _ = backend.residence.settle(settings_of(tiny))
    forward, tokens = model.pipeline.transformer.forward, []

    def counting(*args, **kwargs):
        tokens.append(kwargs["hidden_states"].shape[1])
        return forward(*args, **kwargs)

    monkeypatch.setattr(model.pipeline.transformer, "forward", counting)
    banner = photograph(Extent(200, 100), 5)
    plain = backend.paint_edit(PHOTO, MASK, None, turn_of(tiny), Reports()).pixels
    referenced = backend.paint_edit(PHOTO, MASK, banner, turn_of(tiny), Reports()).pixels
    assert calls[1][2].shape == (96, 128, 3)  # a bucket of its own
    assert calls[1][0].shape == (128, 96, 3)
    assert not np.array_equal(plain, referenced)
    # Painted tokens and as many of context, both times.
    assert tokens == [2 * 6 * 8] * 4
    other = backend.paint_edit(PHOTO, MASK, photograph(Extent(200, 100), 6), turn_of(tiny), Reports()).pixels
    assert not np.array_equal(other, referenced)


def test_a_cut_out_reference_is_shown_on_white(backend, tiny, calls):
    cut_out = np.zeros((100, 100, 3), np.uint8)
    alpha = np.zeros((100, 100), np.uint8)
    alpha[40:60, 40:60] = 255
    backend.paint_edit(PHOTO, MASK, Picture(cut_out, alpha=alpha), turn_of(tiny), Reports())
    shown = calls[0][2]
    assert (shown[0] == 255).all()
    assert shown[shown.shape[0] // 2, shown.shape[1] // 2].max() == 0


def test_strength_leaves_steps_out_and_keeps_more(backend, tiny):
    reports = Reports()
    weak = backend.paint_edit(PHOTO, MASK, None, turn_of(tiny, 0.25, num_inference_steps=8), reports).pixels
    assert [step for step, _, _ in reports.seen] == [0, 1, 2, 3]
    assert {total for _, total, _ in reports.seen} == {3}
    weakest = Reports()
    backend.paint_edit(PHOTO, MASK, None, turn_of(tiny, 0.01, num_inference_steps=8), weakest)
    assert [step for step, _, _ in weakest.seen] == [0, 1, 2]
    full = backend.paint_edit(PHOTO, MASK, None, turn_of(tiny, num_inference_steps=8), Reports()).pixels
    assert not np.array_equal(weak, full)


def test_no_second_model_is_loaded_and_masks_are_painted_as_before(backend, tiny, lora_file):
    settings = settings_of(tiny, lora_of(lora_file))
    before = run_sample(backend, settings, CANVAS)
    loads = backend.residence.loads
    transformer = backend.residence.model.pipeline.transformer
    types = {parameter.dtype for parameter in transformer.parameters()}
    backend.paint_edit(PHOTO, MASK, None, EditTurn(NOWHERE, None, settings), Reports())
    assert backend.residence.loads == loads
    assert backend.residence.model.pipeline.transformer is transformer
    assert {parameter.dtype for parameter in transformer.parameters()} == types
    assert np.array_equal(run_sample(backend, settings, CANVAS), before)


def test_the_tiers_ways_of_running_the_model_hold_for_edits(new_backend, backend, tiny, lora_file):
    """Blocks that come and go (between the CPU and itself) compute the same; 8-bit weights come close."""
    import torch

    from engine.inference.kontext.pipeline import offload_blocks

    turn = turn_of(tiny, lora=lora_of(lora_file))
    exact = backend.paint_edit(PHOTO, MASK, None, turn, Reports()).pixels
    streamed = new_backend()
    model, _, _ = streamed.residence.settle(settings_of(tiny))
    offload_blocks(model.pipeline, torch.device("cpu"))
    assert np.array_equal(streamed.paint_edit(PHOTO, MASK, None, turn, Reports()).pixels, exact)
    bare = backend.paint_edit(PHOTO, MASK, None, turn_of(tiny), Reports()).pixels
    small = replace(turn, diffusion=replace(turn.diffusion, vram_tier=16))
    painted = new_backend().paint_edit(PHOTO, MASK, None, small, Reports())
    assert painted.provenance["weights"] == "fp8"
    error = np.abs(painted.pixels.astype(int) - exact).mean()
    assert 0 < error < np.abs(bare.astype(int) - exact).mean() / 4


def test_cancelling_stops_within_the_step(backend, tiny):
    before = backend.paint_edit(PHOTO, MASK, None, turn_of(tiny), Reports()).pixels
    reports = Reports(cancel_at=3)
    with pytest.raises(Cancelled):
        backend.paint_edit(PHOTO, MASK, None, turn_of(tiny, num_inference_steps=8), reports)
    assert [step for step, _, _ in reports.seen] == [0, 1, 2, 3]
    assert np.array_equal(backend.paint_edit(PHOTO, MASK, None, turn_of(tiny), Reports()).pixels, before)


def test_out_of_memory_steps_down_and_is_tried_again_once(new_backend, tiny, monkeypatch):
    import torch

    backend = new_backend()
    first = backend.paint_edit(PHOTO, MASK, None, turn_of(tiny), Reports()).pixels
    tier = backend.residence.model.placing.tier.gib
    model = backend.residence.model

    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model.pipeline.transformer, "forward", full)
    reports = Reports()
    painted = backend.paint_edit(PHOTO, MASK, None, turn_of(tiny), reports)
    assert painted.provenance["vram_tier"] < tier
    assert any("memory ran out" in notice for notice in painted.notices)
    assert "loading the model with less memory" in [label for _, _, label in reports.seen]
    assert painted.pixels.shape == first.shape


def test_numbers_that_are_none_are_refused(backend, tiny, monkeypatch):
    import torch

    model, _, _ = backend.residence.settle(settings_of(tiny))
    decode = model.pipeline.vae.decode
    monkeypatch.setattr(model.pipeline.vae, "decode", lambda *a, **k: (decode(*a, **k)[0] * torch.nan,))
    with pytest.raises(KnownError, match="not numbers"):
        backend.paint_edit(PHOTO, MASK, None, turn_of(tiny), Reports())


@pytest.mark.parametrize("strength", [0.001, 0.1, 1 / 3, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 28])
def test_the_progress_counts_the_steps_that_the_pipeline_takes(backend, tiny, strength, steps):
    from engine.inference.kontext.inpainting import inpainting_steps

    model, _, _ = backend.residence.settle(settings_of(tiny))
    from diffusers.pipelines.flux.pipeline_flux_kontext_inpaint import FluxKontextInpaintPipeline

    pipeline = FluxKontextInpaintPipeline(**model.pipeline.components)
    sigmas = np.linspace(1.0, 1 / steps, steps)
    pipeline.scheduler.set_timesteps(sigmas=sigmas, mu=1.0)
    timesteps, count = pipeline.get_timesteps(steps, max(strength, 1 / steps), "cpu")
    assert inpainting_steps(replace(Sampling(), num_inference_steps=steps), strength) == len(timesteps) == count
