"""LoRA files: every dialect loads completely, foreign and damaged files are refused, and none leaves a trace."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.domain.errors import KnownError
from tests.kontext_jobs import CANVAS, lora_of, run_sample, settings_of

DOUBLE, SINGLE = 19, 38  # FLUX.1's blocks
LAYERS = DOUBLE * 14 + SINGLE * 6


# -- the dialects, on all 57 blocks --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published():
    from tests.lora_dialects import PublishedLora

    return PublishedLora(DOUBLE, SINGLE)


@pytest.fixture(scope="module")
def shapes():
    from engine.inference.kontext.lora import reference_shapes

    return reference_shapes()


def differences(checked, expected) -> dict[str, float]:
    """How far each layer is from doing what it must, on one random input, as a share of that."""
    import torch

    out = {}
    for layer, (down, up) in expected.items():
        a, b = (checked.tensors[f"transformer.{layer}.lora_{side}.weight"].float() for side in "AB")
        given = torch.randn(a.shape[1], generator=torch.Generator().manual_seed(1))
        wanted = up.float() @ (down.float() @ given)
        out[layer] = float((b @ (a @ given) - wanted).norm() / wanted.norm())
    return out


AI_TOOLKIT = {"software": json.dumps({"name": "ai-toolkit", "version": "0.3"}), "ss_base_model_version": "flux_kontext"}


@pytest.mark.parametrize(
    ("dialect", "original", "spelling", "header"),
    [
        ("diffusers/PEFT", False, {"prefix": "transformer."}, None),
        ("diffusers/PEFT", False, {"prefix": ""}, None),
        ("diffusers/PEFT", False, {"prefix": "base_model.model."}, None),
        ("diffusers/PEFT", False, {"prefix": "transformer.", "kind": "old"}, None),
        ("AI-Toolkit", False, {"prefix": "transformer."}, AI_TOOLKIT),
        ("kohya", True, {"prefix": "lora_unet_", "kind": "down", "separator": "_", "alpha": 1.0}, None),
        ("kohya", False, {"prefix": "lora_transformer_", "kind": "down", "separator": "_", "alpha": 1.0}, None),
        ("ComfyUI", True, {"prefix": "diffusion_model.", "kind": "down"}, None),
        ("ComfyUI", True, {"prefix": "diffusion_model."}, None),
        ("ComfyUI", False, {"prefix": "diffusion_model.", "kind": "down"}, None),
        ("fal", True, {"prefix": "base_model.model."}, None),
    ],
)
def test_every_dialect_maps_onto_all_57_blocks(tmp_path, published, shapes, dialect, original, spelling, header):
    from engine.inference.kontext.lora import inspect_lora
    from tests.lora_dialects import saved, spelled

    tensors = spelled(published.original if original else published.layers, **spelling)
    checked = inspect_lora(saved(tensors, tmp_path / "lora.safetensors", header), shapes)
    assert checked.dialect == dialect
    assert checked.modules == published.layers.keys()
    assert len(checked.modules) == LAYERS
    assert checked.blocks() == (DOUBLE, SINGLE)
    assert checked.ranks == (1,)
    assert max(differences(checked, published.layers).values()) < 1e-3  # half precision


def test_xlabs_files_map_onto_the_attention_of_all_57_blocks(tmp_path, published, shapes):
    from engine.inference.kontext.lora import inspect_lora
    from tests.lora_dialects import saved

    checked = inspect_lora(saved(published.xlabs(), tmp_path / "lora.safetensors"), shapes)
    assert checked.dialect == "XLabs"
    assert checked.blocks() == (DOUBLE, SINGLE)
    assert checked.modules == published.attention_only().keys()
    assert max(differences(checked, published.attention_only()).values()) < 1e-3


@pytest.mark.parametrize("kind", ["A", "down", "old"])
@pytest.mark.parametrize(("original", "prefix", "separator"), [(True, "lora_unet_", "_"), (False, "transformer.", ".")])
def test_an_alpha_scales_every_layer(tmp_path, shapes, kind, original, prefix, separator):
    from engine.inference.kontext.lora import inspect_lora
    from tests.lora_dialects import PublishedLora, saved, spelled

    lora = PublishedLora(1, 1, rank=4)
    tensors = spelled(lora.original if original else lora.layers, prefix, kind, separator, alpha=2.0)
    checked = inspect_lora(saved(tensors, tmp_path / "lora.safetensors"), shapes)
    halves = {layer: (down * 0.5, up) for layer, (down, up) in lora.layers.items()}
    assert max(differences(checked, halves).values()) < 1e-3


def test_layers_outside_the_blocks_are_taken_along(tmp_path, shapes):
    # diffusers' converter names these without the prefix that its loader looks for, and drops them silently.
    import torch

    from engine.inference.kontext.lora import inspect_lora
    from tests.lora_dialects import PublishedLora, saved, spelled

    outside = {"final_layer.linear": (3072, 64), "time_in.in_layer": (256, 3072), "txt_in": (4096, 3072)}
    factors = {name: (torch.ones(1, i).half(), torch.ones(o, 1).half()) for name, (i, o) in outside.items()}
    tensors = spelled(PublishedLora(1, 1).original | factors, "lora_unet_", "down", "_")
    checked = inspect_lora(saved(tensors, tmp_path / "lora.safetensors"), shapes)
    assert checked.modules >= {"proj_out", "time_text_embed.timestep_embedder.linear_1", "context_embedder"}


def test_peft_takes_all_57_blocks_into_the_real_transformer(tmp_path, published):
    """The whole way into FLUX.1 Kontext's own class at full size, which has no data here."""
    import torch
    from diffusers import FluxTransformer2DModel

    from engine.inference.kontext.architecture import KONTEXT
    from engine.inference.kontext.lora import inspect_lora, linear_shapes
    from tests.lora_dialects import saved, spelled

    with torch.device("meta"):
        transformer = FluxTransformer2DModel(**KONTEXT.config())
    tensors = spelled(published.original, "lora_unet_", "down", "_")
    checked = inspect_lora(saved(tensors, tmp_path / "lora.safetensors"), linear_shapes(transformer))
    weights = {key: tensor.to("meta") for key, tensor in checked.tensors.items()}
    transformer.load_lora_adapter(weights, adapter_name="slot")
    taken = [name for name, module in transformer.named_modules() if "slot" in getattr(module, "lora_B", {})]
    assert len(taken) == LAYERS
    assert linear_shapes(transformer).keys() >= checked.modules  # found again through the LoRA's own layers


# -- LoRA files that must not run --------------------------------------------------------------------------------


def rewritten(file: Path, folder: Path, change, metadata=None, name: str = "changed.safetensors") -> Path:
    from safetensors.torch import load_file, save_file

    tensors = change(load_file(file))
    save_file(tensors, folder / name, metadata=metadata)
    return folder / name


def refusal(backend, tiny, file: Path) -> str:
    with pytest.raises(KnownError) as refused:
        backend.residence.settle(settings_of(tiny, lora_of(file)))
    assert refused.value.path == file
    assert not getattr(backend.residence.model.pipeline.transformer, "peft_config", {})
    return str(refused.value)


def renamed(old: str, new: str):
    return lambda tensors: {key.replace(old, new): tensor for key, tensor in tensors.items()}


def scaled(value: float):
    return lambda tensors: {key: tensor * value for key, tensor in tensors.items()}


def without(part: str):
    return lambda tensors: {key: tensor for key, tensor in tensors.items() if part not in key}


def with_dora_scale(tensors):
    return tensors | {"transformer.transformer_blocks.0.attn.to_q.dora_scale": next(iter(tensors.values())).clone()}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (scaled(float("nan")), "not finite"),
        (without("transformer_blocks.0.attn.to_q.lora_B"), "half of the layer"),
        (renamed("blocks.0.", "blocks.7."), "another model"),
        (renamed("transformer.", "unet.down_blocks."), "LoRA for FLUX.1|another model"),
        (renamed(".lora_A.weight", ".lokr_w1"), "LoKr"),
        (with_dora_scale, "DoRA"),
        (lambda tensors: {key: tensor[..., :-1].contiguous() for key, tensor in tensors.items()}, "another model"),
        (without("lora"), "no LoRA layers"),
        (renamed("transformer.", "text_encoder."), "text encoder"),
    ],
    ids=["nan", "half", "deeper-model", "sdxl", "lokr", "dora", "narrower", "empty", "text-encoder"],
)
def test_a_lora_that_does_not_fit_is_refused(backend, tiny, lora_file, tmp_path, change, says):
    import re

    assert re.search(says, refusal(backend, tiny, rewritten(lora_file, tmp_path, change)))


def test_a_pickle_is_never_opened(backend, tiny, lora_file, tmp_path):
    import torch

    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    for name in ("lora.bin", "lora.safetensors"):
        torch.save({"transformer.x.lora_A.weight": Trap()}, tmp_path / name)
        assert "safetensors" in refusal(backend, tiny, tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_a_lora_cut_short_or_changed_or_gone_is_refused(backend, tiny, lora_file, tmp_path):
    short = tmp_path / "short.safetensors"
    short.write_bytes(lora_file.read_bytes()[:-10])
    assert "cut short" in refusal(backend, tiny, short)
    lora = lora_of(lora_file)
    with pytest.raises(KnownError, match="has changed since the job was planned"):
        backend.residence.settle(settings_of(tiny, replace(lora, sha256="0" * 64)))
    with pytest.raises(KnownError, match="not there"):
        backend.residence.settle(settings_of(tiny, replace(lora, path=str(tmp_path / "gone.safetensors"))))


@pytest.mark.parametrize("prefix", ["", "base_model.model.", "diffusion_model."])
def test_other_spellings_of_the_same_lora_give_the_same_picture(backend, tiny, lora_file, tmp_path, prefix):
    # diffusers loads none of these three: it reports success with no layer changed.
    file = rewritten(
        lora_file, tmp_path, lambda t: {prefix + key.removeprefix("transformer."): v for key, v in t.items()}
    )
    expected = run_sample(backend, settings_of(tiny, lora_of(lora_file)), CANVAS)
    assert np.array_equal(run_sample(backend, settings_of(tiny, lora_of(file)), CANVAS), expected)


def test_an_alpha_in_the_header_or_beside_the_layers_scales_the_lora(backend, tiny, lora_file, tmp_path):
    import torch

    header = {"lora_adapter_metadata": json.dumps({"transformer.r": 4, "transformer.lora_alpha": 2})}
    in_header = rewritten(lora_file, tmp_path, dict, {"format": "pt", **header}, "header.safetensors")

    def with_alphas(tensors):
        alphas = {k.replace("lora_A.weight", "alpha"): torch.tensor(2) for k in tensors if "lora_A" in k}
        return tensors | alphas

    beside = rewritten(lora_file, tmp_path, with_alphas, name="beside.safetensors")
    half = run_sample(backend, settings_of(tiny, lora_of(lora_file, scale=0.5)), CANVAS)
    for file in (in_header, beside):
        assert np.array_equal(run_sample(backend, settings_of(tiny, lora_of(file)), CANVAS), half)


# -- what is refused, and why ------------------------------------------------------------------------------------


def header_says(base: str) -> dict[str, str]:
    return {"modelspec.architecture": base}


@pytest.mark.parametrize("base", ["chroma/lora", "stable-diffusion-xl-v1-base/lora", "flux2-klein/lora", "qwen-image"])
def test_a_base_model_named_in_the_header_is_refused(backend, tiny, lora_file, tmp_path, base):
    # Chroma has FLUX.1's very layers: only the header tells.
    file = rewritten(lora_file, tmp_path, dict, header_says(base))
    assert f"made for {base}" in refusal(backend, tiny, file)


def test_a_lora_of_plain_flux_is_taken_with_a_notice(lora_file, tmp_path, tiny, backend):
    from engine.inference.kontext.lora import check_lora

    transformer = backend.residence.settle(settings_of(tiny))[0].pipeline.transformer
    plain = rewritten(lora_file, tmp_path, dict, header_says("flux-1-dev/lora"))
    assert "flux-1-dev/lora" in check_lora(lora_of(plain), transformer).notices[0]
    kontext = rewritten(lora_file, tmp_path, dict, header_says("Flux.1-Kontext-dev/lora"), "kontext.safetensors")
    assert not check_lora(lora_of(kontext), transformer).notices


@pytest.mark.parametrize("side", ["lora_A", "lora_B"])
def test_a_lora_without_effect_is_refused(backend, tiny, lora_file, tmp_path, side):
    def idle(tensors):
        return {key: tensor * 0 if side in key else tensor for key, tensor in tensors.items()}

    assert "changes nothing" in refusal(backend, tiny, rewritten(lora_file, tmp_path, idle))


def test_a_lora_that_the_transformer_ignores_is_refused(backend, tiny, lora_file, monkeypatch):
    """The classic failure: everything loads, and the picture is the bare model's."""
    model, _, _ = backend.residence.settle(settings_of(tiny))
    model.use(None)
    before = state_hash(model.pipeline.transformer)
    monkeypatch.setattr(model.pipeline.transformer, "enable_adapters", lambda: None)
    loading = model.slot._inject

    def and_forget(*args):
        loading(*args)
        model.pipeline.transformer.disable_adapters()

    monkeypatch.setattr(model.slot, "_inject", and_forget)
    with pytest.raises(KnownError, match="was loaded and changes nothing"):
        model.use(lora_of(lora_file, scale=0.7))
    assert state_hash(model.pipeline.transformer) == before


# -- exchange ----------------------------------------------------------------------------------------------------


def state_hash(transformer) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(transformer.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def test_a_lora_changes_the_picture_with_its_scale_and_leaves_no_trace(backend, tiny, lora_file):
    bare = run_sample(backend, settings_of(tiny), CANVAS)
    full = run_sample(backend, settings_of(tiny, lora_of(lora_file)), CANVAS)
    half = run_sample(backend, settings_of(tiny, lora_of(lora_file, scale=0.5)), CANVAS)
    none = run_sample(backend, settings_of(tiny, lora_of(lora_file, scale=0.0)), CANVAS)
    assert not np.array_equal(full, bare)
    assert not np.array_equal(half, bare)
    assert not np.array_equal(half, full)
    assert np.array_equal(none, bare)
    assert np.array_equal(run_sample(backend, settings_of(tiny), CANVAS), bare)


def test_unloading_leaves_the_transformer_bit_for_bit(backend, tiny, lora_file):
    model, _, _ = backend.residence.settle(settings_of(tiny))
    before = state_hash(model.pipeline.transformer)
    names = [name for name, _ in model.pipeline.transformer.named_modules()]
    for scale in (1.0, 0.3):
        model.use(lora_of(lora_file, scale=scale))
        assert state_hash(model.pipeline.transformer) != before
    model.use(None)
    assert state_hash(model.pipeline.transformer) == before
    assert [name for name, _ in model.pipeline.transformer.named_modules()] == names


def other_lora(tiny: Path, folder: Path, rank: int, seed: int = 2) -> Path:
    from tests.tiny_kontext import build_tiny_lora

    return build_tiny_lora(folder, tiny, name=f"other-{rank}.safetensors", rank=rank, seed=seed)


def test_loras_of_one_layout_are_exchanged_in_place(backend, new_backend, tiny, lora_file, tmp_path):
    other = settings_of(tiny, lora_of(other_lora(tiny, tmp_path, rank=16)))  # another rank, up to the same 64
    alone = run_sample(new_backend(), other, CANVAS)
    run_sample(backend, settings_of(tiny, lora_of(lora_file)), CANVAS)
    slot = backend.residence.model.slot
    injections = slot.injections
    exchanged = run_sample(backend, other, CANVAS)
    assert slot.injections == injections
    # Whatever was there before: the same request gives the same pixels.
    assert np.array_equal(exchanged, alone)


def test_an_exchange_compiles_nothing_again(new_backend, tiny, lora_file, tmp_path):
    backend = new_backend()
    first = settings_of(tiny, lora_of(lora_file))
    model, _, _ = backend.residence.settle(first)
    plain = run_sample(backend, first, CANVAS)
    compilations = []

    def counting(graph, _):
        compilations.append(graph)
        return graph.forward

    model.pipeline.transformer.compile(backend=counting, dynamic=False)
    assert np.array_equal(run_sample(backend, first, CANVAS), plain)
    count = len(compilations)
    assert count > 0
    swapped = run_sample(backend, settings_of(tiny, lora_of(other_lora(tiny, tmp_path, rank=4))), CANVAS)
    half = run_sample(backend, settings_of(tiny, lora_of(lora_file, scale=0.5)), CANVAS)
    assert len(compilations) == count
    assert not np.array_equal(swapped, plain)
    assert not np.array_equal(half, plain)
    assert np.array_equal(run_sample(backend, first, CANVAS), plain)
