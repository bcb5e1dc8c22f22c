"""Four-bit weights and the eight-bit optimiser; skipped where bitsandbytes, which is optional, is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import FluxTransformer2DModel
from torch import nn

from engine.domain.training import BaseWeights, Optimiser, TrainingPlan, TrainingSettings
from engine.inference.kontext.slot import probe
from engine.training.adapter import add_lora, lora_weights, optimiser_of
from engine.training.flow import Batch
from engine.training.run import Course, Run

bnb = pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
CPU = torch.device("cpu")
BLOCKS = ("transformer_blocks", "single_transformer_blocks")
PLAN = TrainingPlan("cpu", "float32", BaseWeights.NF4, Optimiser.ADAMW_8BIT)
COURSE = Course(steps=4, learning_rate=1e-3, warmup=1)


def transformer() -> FluxTransformer2DModel:
    """Widths of whole blocks of 64 weights, which share a scale."""
    torch.manual_seed(0)
    return FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=64, num_attention_heads=2,
        joint_attention_dim=16, pooled_projection_dim=16, guidance_embeds=True, axes_dims_rope=(16, 24, 24),
    ).requires_grad_(False)  # fmt: skip


class Drawn:
    def batch(self, random: torch.Generator) -> Batch:
        def normal(*shape: int) -> torch.Tensor:
            return torch.randn(shape, generator=random)

        return Batch(normal(1, 4, 4, 4), normal(1, 4, 4, 4), normal(1, 5, 16), normal(1, 16), torch.ones(1, 4, 1))


def stored() -> FluxTransformer2DModel:
    from engine.training.four_bits import store_in_four_bits

    model = transformer()
    store_in_four_bits(model, BLOCKS, "cpu", torch.float32)
    return model


def test_the_blocks_layers_are_in_four_bits_and_the_others_exact():
    model, exact = stored(), transformer()
    for name, layer in exact.named_modules():
        if isinstance(layer, nn.Linear):
            is_inside = name.startswith(BLOCKS)
            assert isinstance(model.get_submodule(name), bnb.nn.Linear4bit) == is_inside, name
            weight = model.get_submodule(name).weight
            assert weight.numel() * weight.element_size() == layer.weight.numel() * (0.5 if is_inside else 4)
    one, other = (probe(each, CPU, torch.float32) for each in (exact, model))
    assert 0 < float((one - other).norm() / one.norm()) < 0.2


def test_a_lora_around_them_learns_in_eight_bit_moments_and_goes_on_bit_for_bit(tmp_path: Path):
    def run(folder: Path) -> Run:
        model = stored()
        add_lora(model, TrainingSettings(rank=64))  # factors of 4,096 numbers and more have moments of eight bits
        return Run(model, Drawn(), COURSE, folder, lambda parameters, course: optimiser_of(PLAN, parameters, course))

    whole, cut = run(tmp_path / "whole"), run(tmp_path / "cut")
    losses = [whole.advance() for _ in range(4)]
    for _ in range(2):
        cut.advance()
    cut.save()
    again = run(tmp_path / "cut")
    assert [again.advance() for _ in range(2)] == losses[2:]
    assert all(torch.equal(a, b) for a, b in zip(whole.trained.values(), again.trained.values(), strict=True))
    kinds = {entry["state1"].dtype for entry in whole._optimiser.state.values()}
    assert torch.uint8 in kinds
    weights = lora_weights(whole.transformer, TrainingSettings(rank=64))
    assert all(bool(tensor.any()) for name, tensor in weights.items() if ".lora_B." in name)


def test_under_autocast_the_result_has_autocasts_precision():
    layer = stored().get_submodule("transformer_blocks.0.attn.to_q")
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.ones(2, 128)).dtype is torch.bfloat16
    assert layer(torch.ones(2, 128)).dtype is torch.float32
