"""LoRA files at FLUX.1 Kontext's real widths: who can read them, and how large they and their training are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import FluxTransformer2DModel
from safetensors import safe_open

from engine.domain.errors import KnownError, UsageError
from engine.domain.training import BaseWeights, LoraLayers, Optimiser, TrainingSettings
from engine.inference.kontext.architecture import KONTEXT
from engine.inference.kontext.dialects import Dialect
from engine.inference.kontext.lora import inspect_lora, linear_shapes
from engine.inference.kontext.tiers import GIB
from engine.training.adapter import add_lora
from engine.training.lora_file import LoraForm, convert_lora, write_lora
from engine.training.memory import lora_parameters, memory_of, nominal_gib, plan_for
from tests.lora_dialects import PublishedLora

LAYERS = {LoraLayers.ATTENTION: (8, 3), LoraLayers.BLOCKS: (12, 5), LoraLayers.ALL: (14, 6)}
"""Linear layers of a double and of a single block that each choice means, counted in FLUX.1's own diagram."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """One double and one single block, rank 2, every layer of them."""
    path = tmp_path_factory.mktemp("loras") / "ours.safetensors"
    factors = PublishedLora(1, 1, rank=2).layers
    weights = {
        f"transformer.{name}.lora_{letter}.weight": tensor.float()
        for name, pair in factors.items()
        for letter, tensor in zip("AB", pair, strict=True)
    }
    write_lora(path, weights, {"ss_network_dim": "2", "modelspec.architecture": "flux-1-kontext-dev/lora"})
    return path


@pytest.mark.parametrize(
    ("form", "dialect", "key"),
    [
        (LoraForm.COMFYUI, Dialect.COMFYUI, "diffusion_model.double_blocks.0.img_attn.qkv.lora_A.weight"),
        (LoraForm.AI_TOOLKIT, Dialect.AI_TOOLKIT, "transformer.transformer_blocks.0.attn.to_q.lora_A.weight"),
        (LoraForm.DIFFUSERS, Dialect.PEFT, "transformer.single_transformer_blocks.0.proj_mlp.lora_B.weight"),
    ],
)
def test_other_programs_keys_are_read_back_as_what_was_trained(tmp_path, trained, form, dialect, key):
    path = tmp_path / "theirs.safetensors"
    convert_lora(trained, path, form)
    with safe_open(path, framework="pt") as file:
        assert key in file.keys()  # noqa: SIM118
        assert file.metadata()["ss_network_dim"] == "2"
    ours, theirs = inspect_lora(trained), inspect_lora(path)
    assert theirs.dialect is dialect
    assert theirs.modules == ours.modules
    assert all(torch.equal(ours.tensors[name], theirs.tensors[name]) for name in ours.tensors)


def test_a_joint_layer_of_which_a_part_was_trained_changes_that_part_alone(tmp_path, trained):
    weights = inspect_lora(trained).tensors
    attention = {name: tensor for name, tensor in weights.items() if ".attn." in name}
    write_lora(tmp_path / "theirs.safetensors", attention, {}, LoraForm.COMFYUI)
    theirs = inspect_lora(tmp_path / "theirs.safetensors").tensors
    for name, tensor in theirs.items():
        if name in attention:
            assert torch.equal(tensor, attention[name])
        else:
            assert name.startswith("transformer.single_transformer_blocks.0.proj_mlp")
            assert not tensor.any()


def test_weights_that_are_no_numbers_are_never_written(tmp_path):
    weights = {"transformer.proj_out.lora_A.weight": torch.tensor([[1e6]])}
    with pytest.raises(KnownError, match="no numbers"):
        write_lora(tmp_path / "x.safetensors", weights, {})
    assert not (tmp_path / "x.safetensors").exists()


@pytest.mark.parametrize("layers", LoraLayers)
def test_the_lora_of_flux_has_the_layers_and_the_size_that_are_foretold(layers):
    with torch.device("meta"):
        transformer = FluxTransformer2DModel(**KONTEXT.config())
        shapes = linear_shapes(transformer)
        transformer.requires_grad_(False)
        learning = add_lora(transformer, TrainingSettings(rank=16, layers=layers))
    assert learning == lora_parameters(16, layers)
    if layers is LoraLayers.ALL:
        assert learning == KONTEXT.lora(16)
    taken = {name.removesuffix(".lora_A") for name, _ in transformer.named_modules() if name.endswith(".lora_A")}
    double, single = LAYERS[layers]
    assert len(taken) == 19 * double + 38 * single
    assert taken <= shapes.keys()
    assert all(p.requires_grad == (".lora_" in name) for name, p in transformer.named_parameters())
    assert transformer.is_gradient_checkpointing


def test_the_most_exact_weights_that_fit_are_taken():
    settings = TrainingSettings()
    plans = {gib: plan_for(settings, gib, has_bitsandbytes=True) for gib in (24, 48, 80)}
    assert plans[80].base_weights is plans[48].base_weights is BaseWeights.WHOLE
    assert all(plan.peak_bytes <= 0.9 * gib * GIB for gib, plan in plans.items())
    assert plans[24].optimiser is Optimiser.ADAMW_8BIT
    assert plan_for(settings, 48, has_bitsandbytes=False).optimiser is Optimiser.ADAMW
    assert plan_for(TrainingSettings(rank=16), 16, has_bitsandbytes=True).base_weights is BaseWeights.NF4
    with pytest.raises(KnownError, match="bitsandbytes"):
        plan_for(settings, 12, has_bitsandbytes=False)
    peaks = [
        memory_of(settings, base, Optimiser.ADAMW).peak
        for base in (BaseWeights.NF4, BaseWeights.FP8, BaseWeights.WHOLE)
    ]
    assert peaks == sorted(peaks)
    assert nominal_gib(round(23.6 * GIB)) == 24


def test_settings_that_cannot_be_are_refused_by_name():
    with pytest.raises(UsageError, match="mask_min_value is 2"):
        TrainingSettings(mask_min_value=2)
    with pytest.raises(UsageError, match="resolutions"):
        TrainingSettings(resolutions=())
