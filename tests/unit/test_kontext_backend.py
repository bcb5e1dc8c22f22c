"""The Kontext backend end to end through diffusers' own classes, on a model of a few thousand random weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.domain.errors import BugError, Cancelled, KnownError
from engine.domain.geometry import Extent
from engine.domain.picture import PaintedMask
from engine.domain.requests import BodyRegion, ColorMatchRequest, Draft, EngineName, MaskRequest
from engine.imaging.person_crop import shown_part
from engine.imaging.placement import place
from tests.kontext_jobs import CANVAS, PROMPT, Reports, lora_of, photograph, run_sample, settings_of
from tests.tiny_kontext import CANVASES


@pytest.mark.parametrize("fills", [True, False], ids=["whole", "crop"])
def test_a_mask_comes_back_where_the_model_painted_it(backend, tiny, painted_green, fills):
    on_model = photograph(Extent(300, 350))
    if fills:  # the figure reaches from side to side: the model sees all of it
        on_model.pixels[40:, 8:-8] = on_model.pixels[150:151, 150:151] - 12
    request = MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings_of(tiny))
    mask = backend.make_mask(on_model, None, request, Reports())
    assert mask.alpha.shape == (350, 300)
    assert mask.alpha.dtype == np.uint8
    crop = shown_part(on_model.pixels, BodyRegion.WHOLE, CANVASES).crop
    assert (crop is None) == fills
    # The patch that was painted on the canvas of 96 × 128.
    placement = place(Extent(300, 350), crop, CANVASES)
    shown = placement.crop
    assert mask.provenance["crop"] == f"{shown.extent.width}x{shown.extent.height}+{shown.left}+{shown.top}"
    (left, top), (right, bottom) = placement.to_source(24, 32), placement.to_source(72, 64)
    truth = np.zeros((350, 300), np.uint8)
    truth[round(top) : round(bottom), round(left) : round(right)] = 255
    both = (mask.alpha >= 128) & (truth == 255)
    either = (mask.alpha >= 128) | (truth == 255)
    assert both.sum() / either.sum() > 0.96
    assert mask.confidence > 0.5
    assert painted_green[0].shape == (128, 96, 3)


def test_progress_counts_up_to_the_total(backend, tiny, painted_green):
    reports = Reports()
    request = MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings_of(tiny, num_inference_steps=3))
    backend.make_mask(photograph(Extent(96, 128)), None, request, reports)
    steps = [step for step, _, _ in reports.seen]
    assert steps == sorted(steps)
    assert {total for _, total, _ in reports.seen} == {5}
    assert set(steps) == set(range(6))
    assert all(label for _, _, label in reports.seen)


def test_the_mask_says_how_it_was_made(backend, tiny, lora_file, painted_green):
    lora = lora_of(lora_file, scale=0.8)
    request = MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings_of(tiny, lora))
    made = backend.make_mask(photograph(Extent(96, 128)), None, request, Reports()).provenance
    assert made["engine"] == "kontext"
    assert made["lora_sha256"] == lora.sha256
    assert made["lora_scale"] == 0.8
    assert made["lora_ranks"] == "4"
    assert made["lora_layers"] == 7  # q, k, v, out of the double block, q, k, v of the single one
    assert (made["prompt"], made["seed"], made["steps"], made["canvas"]) == (PROMPT, 3, 2, "96x128")
    assert made["green"] == "#00FF00"
    assert len(str(made["model_fingerprint"])) == 64
    assert all(isinstance(value, str | int | float) for value in made.values())


def test_sampling_twice_gives_the_same_pixels(backend, tiny):
    settings = settings_of(tiny)
    first = run_sample(backend, settings, CANVAS)
    assert first.shape == CANVAS.shape
    assert np.array_equal(first, run_sample(backend, settings, CANVAS))
    assert not np.array_equal(first, run_sample(backend, settings_of(tiny, seed=4), CANVAS))


def test_a_model_loaded_anew_gives_the_same_pixels(backend, new_backend, tiny, lora_file):
    settings = settings_of(tiny, lora_of(lora_file))
    run_sample(backend, settings_of(tiny), CANVAS)  # another LoRA state before
    assert np.array_equal(run_sample(backend, settings, CANVAS), run_sample(new_backend(), settings, CANVAS))


@pytest.mark.parametrize(("width", "height"), [(96, 128), (128, 96), (64, 160), (176, 48)])
def test_picture_and_conditioning_both_have_the_canvases_size(backend, tiny, monkeypatch, width, height):
    # With its own resizing diffusers conditions on another size than it paints in, and masks come out displaced.
    model, _, _ = backend.residence.settle(settings_of(tiny))
    forward, tokens = model.pipeline.transformer.forward, []

    def counting(*args, **kwargs):
        tokens.append(kwargs["hidden_states"].shape[1])
        return forward(*args, **kwargs)

    monkeypatch.setattr(model.pipeline.transformer, "forward", counting)
    canvas = photograph(Extent(width, height)).pixels
    assert run_sample(backend, settings_of(tiny), canvas).shape == (height, width, 3)
    assert tokens == [2 * (width // 16) * (height // 16)] * 2


def test_cancelling_stops_within_the_step(backend, tiny):
    before = run_sample(backend, settings_of(tiny), CANVAS)
    reports = Reports(cancel_at=2)
    with pytest.raises(Cancelled):
        run_sample(backend, settings_of(tiny, num_inference_steps=8), CANVAS, reports)
    assert [step for step, _, _ in reports.seen] == [1, 2]
    assert np.array_equal(run_sample(backend, settings_of(tiny), CANVAS), before)  # the model works on


def test_the_colour_guide_covers_the_photograph(backend, tiny, lora_file):
    on_model, flatlay = photograph(Extent(160, 220)), replace(photograph(Extent(120, 100), 1), path=Path("flat.jpg"))
    alpha = np.zeros((220, 160), np.uint8)
    alpha[55:165, 53:106] = 255
    request = ColorMatchRequest(
        EngineName.KONTEXT,
        MaskRequest(EngineName.CLASSICAL),
        diffusion=settings_of(tiny, lora_of(lora_file)),
    )
    reports = Reports()
    guide = backend.color_guide(on_model, flatlay, PaintedMask(alpha, 1.0, {}), request, reports)
    assert guide is not None
    assert guide.pixels.shape == (220, 160, 3)
    assert guide.pixels.dtype == np.uint8
    # The garment's box with its margin is the model's picture, the rest the photograph.
    assert np.array_equal(guide.pixels[:40], on_model.pixels[:40])
    assert not np.array_equal(guide.pixels[55:165, 53:106], on_model.pixels[55:165, 53:106])
    assert guide.covered is not None
    assert not guide.covered[:40].any()
    assert guide.covered[55:165, 53:106].all()
    assert guide.provenance["canvas"] == "128x80"
    assert guide.provenance["registration"] in ("identity", "affine", "flow")
    assert reports.seen[-1][:2] == (3, 3)
    again = backend.color_guide(on_model, flatlay, PaintedMask(alpha, 1.0, {}), request, Reports())
    assert again is not None
    assert np.array_equal(again.pixels, guide.pixels)


def test_without_settings_there_is_no_guide_and_no_mask(backend):
    on_model = photograph(Extent(96, 128))
    request = ColorMatchRequest(EngineName.KONTEXT, MaskRequest(EngineName.CLASSICAL))
    mask = PaintedMask(np.zeros((128, 96), np.uint8), 1.0, {})
    assert backend.color_guide(on_model, on_model, mask, request, Reports()) is None
    with pytest.raises(BugError, match="hat"):
        backend.make_mask(on_model, None, MaskRequest(EngineName.KONTEXT, "hat"), Reports())


def test_a_picture_without_paint_is_refused_by_the_photographs_name(backend, tiny, monkeypatch):
    from engine.inference.kontext import backend as module

    monkeypatch.setattr(module, "sample", lambda pipeline, canvas, *args, **kwargs: canvas)
    request = MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings_of(tiny))
    with pytest.raises(KnownError, match=r"^on-model\.jpg: the model painted no green"):
        backend.make_mask(photograph(Extent(96, 128)), None, request, Reports())


def test_running_out_of_memory_is_retryable(backend, tiny, monkeypatch):
    import torch

    model, _, _ = backend.residence.settle(settings_of(tiny))

    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model.pipeline.transformer, "forward", full)
    with pytest.raises(KnownError, match="memory ran out") as refused:
        run_sample(backend, settings_of(tiny), CANVAS)
    assert refused.value.retryable


def test_numbers_that_are_none_are_refused(backend, tiny, lora_file, monkeypatch):
    import torch

    model, _, _ = backend.residence.settle(settings_of(tiny))
    decode = model.pipeline.vae.decode
    monkeypatch.setattr(model.pipeline.vae, "decode", lambda *a, **k: (decode(*a, **k)[0] * torch.nan,))
    with pytest.raises(KnownError, match="not numbers"):
        run_sample(backend, settings_of(tiny), CANVAS)


def test_the_transformer_may_come_from_a_single_file(backend, new_backend, tiny, tmp_path):
    # As the model is published: the file lies in the root of its own diffusers folder.
    folder = shutil.copytree(tiny, tmp_path / "model")
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    file = shutil.move(weights, folder / "flux1-kontext-dev.safetensors")
    alone = run_sample(new_backend(), settings_of(Path(file)), CANVAS)
    assert np.array_equal(alone, run_sample(backend, settings_of(tiny), CANVAS))


@pytest.mark.parametrize("change", ["a layer is missing", "foreign layers", "another width"])
@pytest.mark.parametrize("single_file", [False, True])
def test_weights_of_another_model_are_refused(new_backend, tiny, lora_file, tmp_path, change, single_file):
    import torch
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny, tmp_path / "model")
    file = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    if change == "a layer is missing":
        del tensors["norm_out.linear.weight"]
    elif change == "foreign layers":
        tensors = load_file(lora_file)
    else:
        tensors["norm_out.linear.weight"] = torch.zeros(3, 3)
    target = folder / "flux1-kontext-dev.safetensors" if single_file else file
    save_file(tensors, target)
    with pytest.raises(KnownError, match="could not be loaded") as refused:
        new_backend().residence.settle(settings_of(target if single_file else folder))
    assert refused.value.path == (target if single_file else folder)


# -- several seeds, and drafts -----------------------------------------------------------------------------------


@pytest.fixture
def patches(monkeypatch):
    """Paints the patch that a seed means; collects canvas size, seed and steps of each call."""
    from engine.inference.kontext import backend as module

    calls: list[tuple[int, int, int, int]] = []

    def painting(_, canvas, prompt, sampling, report, *, done, total):
        height, width = canvas.shape[:2]
        calls.append((width, height, sampling.seed, sampling.num_inference_steps))
        for step in range(sampling.num_inference_steps):
            report(done + step + 1, total, "denoising")
        painted = canvas.copy()
        right = 3 * width // 4 if sampling.seed % 2 else width // 2
        painted[height // 4 : height // 2, width // 4 : right] = (0, 255, 0)
        return painted

    monkeypatch.setattr(module, "sample", painting)
    return calls


def test_several_seeds_are_averaged_and_their_agreement_counts(backend, tiny, patches):
    on_model = photograph(Extent(96, 128))
    settings = replace(settings_of(tiny, seed=3), seeds=3)  # 3 and 5 paint the wide patch, 4 the narrow one
    reports = Reports()
    request = MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings)
    mask = backend.make_mask(on_model, None, request, reports)
    assert [seed for _, _, seed, _ in patches] == [3, 4, 5]
    assert mask.alpha[48, 36] > 250
    assert 150 < mask.alpha[48, 60] < 190  # two of three
    assert mask.disagreement is not None
    assert mask.disagreement[48, 60] > 200
    assert mask.disagreement[48, 36] < 10
    # Overlap of the wide and the narrow patch is a half, of the two wide ones all: 2/3 in the mean.
    assert 0.6 < mask.provenance["agreement"] < 0.75
    once = backend.make_mask(on_model, None, replace(request, diffusion=replace(settings, seeds=1)), Reports())
    assert mask.confidence < 0.75 * once.confidence
    assert once.disagreement is None
    steps = [step for step, _, _ in reports.seen]
    assert steps == sorted(steps)
    assert {total for _, total, _ in reports.seen} == {1 + 3 * 3}
    assert steps[-1] == 10


@pytest.mark.parametrize(("confidence", "kept"), [(0.01, True), (0.999999, False)])
def test_a_draft_is_kept_where_it_is_sure(backend, tiny, patches, confidence, kept):
    draft = Draft(num_inference_steps=1, side=64, confidence=confidence)
    request = MaskRequest(EngineName.KONTEXT, "hat", diffusion=replace(settings_of(tiny), draft=draft))
    reports = Reports()
    mask = backend.make_mask(photograph(Extent(300, 400)), None, request, reports)
    # 96 × 128 at the area of 64 × 64, in multiples of 16.
    assert patches == [(48, 80, 3, 1)] if kept else patches == [(48, 80, 3, 1), (96, 128, 3, 2)]
    assert mask.provenance["draft"] == ("kept" if kept else "painted again")
    assert mask.provenance["canvas"] == ("48x80" if kept else "96x128")
    assert mask.alpha.shape == (400, 300)
    assert reports.seen[-1][:2] == (1 + 2 + 3, 1 + 2 + 3)


def test_drafts_keep_the_buckets_proportions():
    from engine.imaging.placement import KONTEXT_BUCKETS
    from engine.inference.kontext.seeds import draft_buckets

    for small in draft_buckets(Draft(), KONTEXT_BUCKETS):
        assert small.width % 16 == small.height % 16 == 0
        assert 0.85 < small.pixels / 512**2 < 1.15
        assert min(abs(small.width / small.height / (b.width / b.height) - 1) for b in KONTEXT_BUCKETS) < 0.05
