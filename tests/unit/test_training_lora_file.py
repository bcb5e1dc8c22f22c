"""LoRA files at FLUX.1 Kontext's real widths: who can read them, and how large they and their training are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import FluxKontextPipeline, FluxTransformer2DModel
from safetensors import safe_open
from safetensors.torch import load_file

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


def test_diffusers_own_loader_reads_other_programs_layers_as_what_was_trained(tmp_path, trained):
    ours = inspect_lora(trained).tensors
    for form in (LoraForm.DIFFUSERS, LoraForm.AI_TOOLKIT):
        path = tmp_path / f"{form}.safetensors"
        convert_lora(trained, path, form)
        theirs = FluxKontextPipeline.lora_state_dict(tmp_path, weight_name=path.name, local_files_only=True)
        assert theirs.keys() == ours.keys()
        assert all(torch.equal(theirs[name], ours[name]) for name in ours)
    convert_lora(trained, tmp_path / "comfy.safetensors", LoraForm.COMFYUI)
    # diffusers takes the original layers apart too, where they are spelt as sd-scripts spells them.
    spelt = {
        name.replace("diffusion_model.", "lora_unet_").removesuffix(f".{ours_}.weight").replace(".", "_")
        + f".{theirs_}.weight": tensor
        for name, tensor in load_file(tmp_path / "comfy.safetensors").items()
        for ours_, theirs_ in (("lora_A", "lora_down"), ("lora_B", "lora_up"))
        if ours_ in name
    }
    theirs = FluxKontextPipeline.lora_state_dict(spelt)
    layers = {name.rpartition(".lora_")[0] for name in ours}
    assert {name.rpartition(".lora_")[0] for name in theirs} == layers
    for layer in layers:
        # Every hundredth column of the product is enough.
        one, other = (
            tensors[f"{layer}.lora_B.weight"].float() @ tensors[f"{layer}.lora_A.weight"][:, ::101].float()
            for tensors in (ours, theirs)
        )
        assert torch.allclose(one, other, atol=1e-3), layer


def test_a_file_goes_to_comfyui_and_back_unchanged(tmp_path, trained):
    convert_lora(trained, tmp_path / "there.safetensors", LoraForm.COMFYUI)
    convert_lora(tmp_path / "there.safetensors", tmp_path / "back.safetensors", LoraForm.DIFFUSERS)
    ours, back = load_file(trained), load_file(tmp_path / "back.safetensors")
    assert back.keys() == ours.keys()
    assert all(torch.equal(back[name], ours[name]) for name in ours)


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


@pytest.mark.parametrize("form", [LoraForm.DIFFUSERS, LoraForm.COMFYUI])
def test_what_cannot_be_converted_is_refused_by_name(tmp_path, form):
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"no header at all")
    for path, message in ((tmp_path / "gone.safetensors", "not there"), (damaged, "no safetensors file")):
        with pytest.raises(KnownError, match=message) as refused:
            convert_lora(path, tmp_path / "out.safetensors", form)
        assert refused.value.path == path
    assert not (tmp_path / "out.safetensors").exists()


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
    assert 2 * len(taken) == sum(p.requires_grad for p in transformer.parameters())
    assert transformer.is_gradient_checkpointing


def test_a_lora_of_the_published_rank_has_the_published_keys():
    """FLUX.1's own 304 layers, of which diffusers makes 494: q, k and v, and a single block's feed-forward, apart."""
    with torch.device("meta"):
        transformer = FluxTransformer2DModel(**KONTEXT.config()).requires_grad_(False)
    learning = add_lora(transformer, TrainingSettings(rank=64))
    keys = {name.replace(".default", "") for name, p in transformer.named_parameters() if p.requires_grad}
    factors = PublishedLora(19, 38).layers
    published = {f"{name}.lora_{letter}.weight" for name in factors for letter in "AB"}
    assert keys == published
    assert len(keys) == 2 * (19 * 14 + 38 * 6)
    assert learning == 64 * sum(down.shape[1] + up.shape[0] for down, up in factors.values())
    assert learning == lora_parameters(64, LoraLayers.ALL)


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
    # Without checkpointing what was widened from eight bits stays until it is differentiated: as much as bfloat16.
    kept = replace(settings, gradient_checkpointing=False)
    whole, stored = (memory_of(kept, base, Optimiser.ADAMW).peak for base in (BaseWeights.WHOLE, BaseWeights.FP8))
    assert stored > whole


def test_settings_that_cannot_be_are_refused_by_name():
    with pytest.raises(UsageError, match="'mask min value' is 2"):
        TrainingSettings(mask_min_value=2)
    with pytest.raises(UsageError, match="resolutions"):
        TrainingSettings(resolutions=())
