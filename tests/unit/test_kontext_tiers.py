"""VRAM tiers: figures that follow from FLUX.1 Kontext's configuration, and what happens when memory runs out."""

from __future__ import annotations

import weakref
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from engine.domain.errors import KnownError, UsageError
from engine.domain.geometry import Extent
from engine.domain.picture import PaintedMask
from engine.domain.requests import ColorMatchRequest, EngineName, MaskRequest
from engine.inference.kontext.architecture import (
    CLIP_L_WEIGHTS,
    KONTEXT,
    T5_XXL_WEIGHTS,
    VAE_WEIGHTS,
    Transformer,
)
from engine.inference.kontext.tiers import (
    GIB,
    TIERS,
    Offload,
    Weights,
    tier_below,
    tier_for_card,
    tier_of,
    wanted_tier,
)
from tests.kontext_jobs import CANVAS, Reports, lora_of, photograph, run_sample, settings_of

Q4_K, Q8_0 = 6_930_000_000, 12_660_000_000  # bytes of FLUX.1's transformer at 4.66 and 8.5 bits a weight


def weights_of(model) -> int:
    return sum({id(weight): weight.numel() for weight in model.parameters()}.values())


def test_the_weights_are_counted_exactly():
    """Against the real classes, built without data from the published configurations."""
    import torch
    from diffusers import AutoencoderKL, FluxTransformer2DModel
    from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

    with torch.device("meta"):
        transformer = FluxTransformer2DModel(**KONTEXT.config())
        small = Transformer(16, 2, 3, 16, 2, 48, 24, guidance_embeds=False)
        other = FluxTransformer2DModel(**small.config(), axes_dims_rope=(4, 6, 6))
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            latent_channels=16,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            use_quant_conv=False,
            use_post_quant_conv=False,
        )
        t5 = T5EncoderModel(
            T5Config(d_model=4096, d_ff=10240, num_layers=24, num_heads=64, feed_forward_proj="gated-gelu")
        )
        clip = CLIPTextModel(CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
                                            num_attention_heads=12, vocab_size=49408))  # fmt: skip
    assert KONTEXT.weights() == weights_of(transformer) == 11_901_408_320
    assert small.weights() == weights_of(other)
    assert KONTEXT.double_block() == weights_of(transformer.transformer_blocks[0])
    assert KONTEXT.single_block() == weights_of(transformer.single_transformer_blocks[0])
    assert len(transformer.transformer_blocks) + len(transformer.single_transformer_blocks) == 57
    assert weights_of(vae) == VAE_WEIGHTS
    assert weights_of(t5) == T5_XXL_WEIGHTS
    assert weights_of(clip) == CLIP_L_WEIGHTS


def test_a_lora_is_counted_exactly():
    import torch
    from diffusers import FluxTransformer2DModel

    from engine.inference.kontext.lora import linear_shapes

    with torch.device("meta"):
        shapes = linear_shapes(FluxTransformer2DModel(**KONTEXT.config()))
    inside = [shape for name, shape in shapes.items() if "transformer_blocks." in name]
    assert KONTEXT.lora(64) == 64 * sum(inputs + outputs for inputs, outputs in inside)
    assert KONTEXT.block_matrices() == sum(inputs * outputs for inputs, outputs in inside)


@pytest.mark.parametrize("gguf_bytes", [None, Q4_K, Q8_0])
@pytest.mark.parametrize("gib", TIERS)
def test_every_tier_fits_its_card(gib, gguf_bytes):
    tier = tier_of(gib, gguf_bytes)
    assert tier.peak_bytes < 0.9 * gib * GIB
    assert (tier.weights is Weights.GGUF) == (gguf_bytes is not None)
    # The sequence of 1024 × 1024: 4,096 tokens each of picture and conditioning, 512 of text.
    assert KONTEXT.tokens(1024 * 1024) == 8704


def test_larger_cards_run_it_with_less_compromise():
    assert [(tier.weights, tier.offload, tier.vae_tiling) for tier in map(tier_of, TIERS)] == [
        (Weights.FP8, Offload.BLOCKS, True),
        (Weights.FP8, Offload.BLOCKS, True),
        (Weights.FP8, Offload.NONE, True),
        (Weights.FP8, Offload.NONE, False),
        (Weights.BF16, Offload.NONE, False),
        (Weights.BF16, Offload.NONE, False),
    ]
    assert tier_of(12, Q4_K).offload is Offload.NONE


def test_the_card_decides_by_what_it_has_and_what_is_free():
    def chosen(total: float, free: float, gguf_bytes=None) -> int:
        return tier_for_card(int(total * GIB), int(free * GIB), gguf_bytes).gib

    # What cards sold as 80, 48 (with error correction), 24, 16 and 8 GB report.
    assert [chosen(total, total - 0.5) for total in (79.1, 44.5, 23.6, 15.6, 7.6)] == [80, 48, 24, 16, 8]
    assert chosen(79.1, 20) == 24
    assert chosen(23.6, 14) == 16
    assert chosen(23.6, 9) == 12
    with pytest.raises(KnownError, match=r"1\.0 of 23\.6 GiB are free") as refused:
        chosen(23.6, 1)
    assert refused.value.retryable


def test_the_operator_sees_the_tier_of_the_machine(monkeypatch):
    from engine.services.doctor import GraphicsCard, Health, _tier
    from engine.services.model_tiers import tier_here

    monkeypatch.delenv("CHROMASK_VRAM_TIER", raising=False)
    card = _tier(GraphicsCard("NVIDIA Test 24GB", 23 * GIB, 24 * GIB), None)
    assert (card.health, card.remedy) == (Health.OK, "")
    assert "24 GB tier: fp8 weights, 14.7 GiB at most" in card.what
    busy = _tier(GraphicsCard("NVIDIA Test 24GB", GIB, 24 * GIB), None)
    assert busy.health is Health.NOTE
    assert "Close other programs" in busy.remedy
    monkeypatch.setenv("CHROMASK_VRAM_TIER", "12")
    assert tier_here(24 * GIB, 23 * GIB).gib == 12


def test_every_step_down_takes_less_memory():
    tier, seen = tier_of(80), []
    while tier is not None:
        seen.append(tier)
        tier = tier_below(tier)
    assert [tier.gib for tier in seen] == [80, 24, 16, 12]
    assert all(later.peak_bytes < earlier.peak_bytes for earlier, later in pairwise(seen))


def test_the_environment_may_name_the_tier(monkeypatch):
    monkeypatch.delenv("CHROMASK_VRAM_TIER", raising=False)
    assert wanted_tier() == 0
    monkeypatch.setenv("CHROMASK_VRAM_TIER", "16")
    assert wanted_tier() == 16
    for wrong in ("20", "sixteen", "16 GB"):
        monkeypatch.setenv("CHROMASK_VRAM_TIER", wrong)
        with pytest.raises(UsageError, match="8, 12, 16, 24, 48, 80"):
            wanted_tier()


# -- on the tiny model, through the real classes -----------------------------------------------------------------


def test_eight_bit_weights_come_close_and_take_half(new_backend, backend, tiny, lora_file):
    import torch

    from engine.inference.kontext.float8 import Float8Linear
    from engine.inference.kontext.lora import check_lora

    tiered = new_backend()
    settings = settings_of(tiny, lora_of(lora_file))
    exact = run_sample(backend, settings, CANVAS).astype(int)
    close = run_sample(tiered, replace(settings, vram_tier=16), CANVAS).astype(int)
    transformer = tiered.residence.model.pipeline.transformer
    stored = [module for module in transformer.modules() if isinstance(module, Float8Linear)]
    assert len(stored) == 14 + 6  # every linear layer of the one double and the one single block
    assert all(module.weight.dtype is torch.float8_e4m3fn for module in stored)
    assert transformer.proj_out.weight.dtype is torch.float32
    assert tiered.residence.model.pipeline.vae.use_tiling
    # The LoRA keeps its own precision: PEFT would store it as the layer around it is stored.
    checked = check_lora(settings.lora, transformer)
    slot = transformer.transformer_blocks[0].attn.to_q.lora_A["slot"].weight
    assert slot.dtype is torch.float32
    assert torch.equal(slot[:4], checked.tensors["transformer.transformer_blocks.0.attn.to_q.lora_A.weight"])
    bare = run_sample(backend, settings_of(tiny), CANVAS).astype(int)
    error, effect = np.abs(close - exact).mean(), np.abs(bare - exact).mean()
    assert 0 < error < effect / 4


def test_eight_bit_rows_keep_their_own_scale():
    import torch

    from engine.inference.kontext.float8 import Float8Linear

    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 8)
    with torch.no_grad():
        layer.weight *= torch.logspace(-6, 3, 8)[:, None]  # some rows far below what the type itself can hold
        layer.weight[3] = 0
    stored = Float8Linear(layer)
    weight = stored.weight.float() * stored.scale
    # Three bits of mantissa: half a unit in the last place is 1/16 at most; below 2^-6 of the range steps are even.
    allowed = layer.weight.abs() / 16 + layer.weight.abs().amax(dim=1, keepdim=True) / 448 * 2**-10
    assert bool(((weight - layer.weight).abs() <= allowed).all())
    given = torch.randn(5, 64)
    torch.testing.assert_close(stored(given), torch.nn.functional.linear(given, weight, layer.bias))
    assert bool((stored(given)[:, 3] == layer.bias[3]).all())


def test_blocks_that_come_and_go_compute_the_same(new_backend, backend, tiny, lora_file):
    """Block-wise offloading between the CPU and itself: the hooks are the real ones, the graphics card is missing."""
    import torch

    from engine.inference.kontext.pipeline import offload_blocks

    settings = settings_of(tiny, lora_of(lora_file))
    streamed = new_backend()
    model, _, _ = streamed.residence.settle(settings_of(tiny))
    offload_blocks(model.pipeline, torch.device("cpu"))
    assert np.array_equal(run_sample(streamed, settings, CANVAS), run_sample(backend, settings, CANVAS))
    bare = settings_of(tiny)
    assert np.array_equal(run_sample(streamed, bare, CANVAS), run_sample(backend, bare, CANVAS))


def test_a_second_job_of_the_same_kind_loads_nothing(new_backend, tiny, lora_file, painted_green, tmp_path):
    from engine.inference.kontext.backend import KontextBackend

    backend = KontextBackend(tmp_path)
    request = MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings_of(tiny, lora_of(lora_file)))
    for _ in range(2):
        backend.make_mask(photograph(Extent(96, 128)), None, request, Reports())
    residence = backend.residence
    assert (residence.loads, residence._prompts.encodings, residence.model.slot.injections) == (1, 1, 1)
    # Another process, another day: T5 is not loaded for a prompt that is known.
    later = KontextBackend(tmp_path)
    later.make_mask(photograph(Extent(96, 128)), None, request, Reports())
    assert (later.residence.loads, later.residence._prompts.encodings) == (1, 0)


def test_the_pipeline_holds_no_text_encoder(backend, tiny):
    pipeline = backend.residence.settle(settings_of(tiny))[0].pipeline
    assert pipeline.text_encoder is None
    assert pipeline.text_encoder_2 is None


def test_a_prompt_from_disk_gives_the_same_pixels_as_the_pipelines_own(backend, tiny):
    """The oracle is the complete pipeline of diffusers, called as its documentation does."""
    import torch
    from diffusers import FluxKontextPipeline
    from PIL import Image

    settings = settings_of(tiny)
    whole = FluxKontextPipeline.from_pretrained(tiny, local_files_only=True)
    whole.set_progress_bar_config(disable=True)
    height, width = CANVAS.shape[:2]
    expected = whole(
        image=Image.fromarray(CANVAS), prompt=settings.prompt, width=width, height=height, max_area=width * height,
        _auto_resize=False, num_inference_steps=2, guidance_scale=2.5, max_sequence_length=32,
        generator=torch.Generator("cpu").manual_seed(3), output_type="np",
    ).images[0]  # fmt: skip
    assert np.array_equal(run_sample(backend, settings, CANVAS), np.round(expected * 255).astype(np.uint8))


def test_a_damaged_prompt_is_encoded_again_and_an_unwritable_folder_is_named(tiny, tmp_path):
    import torch

    from engine.inference.kontext.prompts import PromptCache
    from engine.inference.kontext.source import find_source

    source, cache = find_source(tiny), PromptCache(tmp_path / "prompts")
    first = cache.embeddings(source, "a hat", torch.float32)
    (file,) = (tmp_path / "prompts").iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    again = cache.embeddings(source, "a hat", torch.float32)
    assert cache.encodings == 2
    assert torch.equal(first.sequence, again.sequence)
    assert torch.equal(first.pooled, cache.embeddings(source, "a hat", torch.float32).pooled)
    assert cache.encodings == 2
    other = cache.embeddings(source, "a scarf", torch.float32)
    assert not torch.equal(first.sequence, other.sequence)
    assert not cache.notice
    (tmp_path / "a file").touch()
    blocked = PromptCache(tmp_path / "a file")
    assert torch.equal(blocked.embeddings(source, "a hat", torch.float32).sequence, first.sequence)
    assert "could not be kept" in blocked.notice


# -- memory that runs out ----------------------------------------------------------------------------------------


@pytest.fixture
def exhausted(monkeypatch):
    """Makes the transformer run out of CUDA memory a number of times; what it was asked for is counted."""
    import torch
    from diffusers import FluxTransformer2DModel

    forward, left = FluxTransformer2DModel.forward, [0]

    def failing(self, *args, **kwargs):
        # Not in the LoRA's self-test, whose sixteen tokens fit anywhere.
        if left[0] > 0 and kwargs["hidden_states"].shape[1] > 16:
            left[0] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(FluxTransformer2DModel, "forward", failing)
    return left


def test_memory_that_runs_out_once_steps_down_one_tier(new_backend, tiny, lora_file, painted_green, exhausted):
    backend = new_backend()
    settings = replace(settings_of(tiny, lora_of(lora_file)), vram_tier=48)
    request = MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings)
    exhausted[0] = 1
    former = weakref.ref(backend.residence.settle(settings)[0].pipeline.transformer)
    freed = []

    def report(step: int, total: int, label: str) -> None:
        if "less memory" in label:
            freed.append(former() is None)

    mask = backend.make_mask(photograph(Extent(96, 128)), None, request, report)
    # Gone before the next one is loaded: both would not fit.
    assert freed == [True]
    assert mask.provenance["vram_tier"] == 24
    assert mask.provenance["weights"] == "fp8"
    assert any("24 GB" in notice for notice in mask.notices)
    assert backend.residence.loads == 2
    # The next job begins there, without running out first.
    again = backend.make_mask(photograph(Extent(96, 128)), None, request, Reports())
    assert again.provenance["vram_tier"] == 24
    assert backend.residence.loads == 2


def test_memory_that_runs_out_twice_fails_that_job_only(new_backend, tiny, lora_file, exhausted):
    backend = new_backend()
    on_model, flatlay = photograph(Extent(160, 220)), photograph(Extent(120, 100), 1)
    settings = replace(settings_of(tiny, lora_of(lora_file)), vram_tier=48)
    request = ColorMatchRequest(EngineName.KONTEXT, MaskRequest(EngineName.CLASSICAL), diffusion=settings)
    mask = PaintedMask(np.full((220, 160), 255, np.uint8), 1.0, {})
    exhausted[0] = 2
    with pytest.raises(KnownError, match="memory ran out while denoising") as refused:
        backend.color_guide(on_model, flatlay, mask, request, Reports())
    assert refused.value.retryable
    assert exhausted[0] == 0  # tried twice, not more
    assert backend.color_guide(on_model, flatlay, mask, request, Reports()) is not None


def test_memory_that_runs_out_while_loading_steps_down_too(new_backend, tiny, painted_green, monkeypatch):
    import torch

    from engine.inference.kontext import pipeline as module

    place, tiers = module.place_pipeline, []

    def placing_once(pipeline, placing):
        tiers.append(placing.tier.gib)
        if len(tiers) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        place(pipeline, placing)

    monkeypatch.setattr(module, "place_pipeline", placing_once)
    request = MaskRequest(EngineName.KONTEXT, "hat", diffusion=replace(settings_of(tiny), vram_tier=80))
    mask = new_backend().make_mask(photograph(Extent(96, 128)), None, request, Reports())
    assert tiers == [80, 24]
    assert mask.provenance["vram_tier"] == 24


def test_the_last_tier_has_none_below(new_backend, tiny, exhausted):
    backend = new_backend()
    request = ColorMatchRequest(
        EngineName.KONTEXT, MaskRequest(EngineName.CLASSICAL), diffusion=replace(settings_of(tiny), vram_tier=8)
    )
    exhausted[0] = 9
    picture = photograph(Extent(96, 128))
    with pytest.raises(KnownError, match="memory ran out"):
        backend.color_guide(picture, picture, PaintedMask(np.zeros((128, 96), np.uint8), 1, {}), request, Reports())
    assert exhausted[0] == 8
