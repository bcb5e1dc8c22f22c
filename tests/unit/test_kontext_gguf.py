"""GGUF files: checked without torch, and run by the real quantised layers of diffusers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.domain.errors import KnownError
from engine.inference.kontext.gguf_file import gguf_type
from engine.inference.kontext.source import find_source
from tests.kontext_jobs import CANVAS, lora_of, run_sample, settings_of


@pytest.fixture(scope="module")
def quantised(tiny, tmp_path_factory):
    """A GGUF file of each type beside a diffusers folder without transformer weights."""
    from tests.tiny_kontext import build_tiny_gguf

    folder = shutil.copytree(tiny, tmp_path_factory.mktemp("gguf") / "FLUX.1-Kontext-dev")
    files = {kind: build_tiny_gguf(folder.parent / f"kontext-{kind}.gguf", folder, kind) for kind in ("Q4_0", "Q8_0")}
    (folder / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    return files


def refused(file: Path) -> str:
    with pytest.raises(KnownError) as error:
        find_source(file)
    assert error.value.path == file
    return str(error.value)


def test_the_file_is_a_source_with_its_own_size(quantised):
    source = find_source(quantised["Q8_0"])
    assert source.transformer_file == quantised["Q8_0"]
    assert source.gguf_bytes == quantised["Q8_0"].stat().st_size == source.transformer_bytes
    assert {kind: gguf_type(file) for kind, file in quantised.items()} == {"Q4_0": "Q4_0", "Q8_0": "Q8_0"}
    assert find_source(quantised["Q4_0"]).fingerprint() != source.fingerprint()


def test_it_paints_nearly_what_the_whole_precision_paints(backend, new_backend, tiny, quantised):
    from diffusers.quantizers.gguf.utils import GGUFLinear

    exact = run_sample(backend, settings_of(tiny), CANVAS).astype(int)
    errors = {}
    for kind, file in quantised.items():
        own = new_backend()
        errors[kind] = np.abs(run_sample(own, settings_of(file), CANVAS).astype(int) - exact).mean()
        transformer = own.residence.model.pipeline.transformer
        assert isinstance(transformer.transformer_blocks[0].attn.to_q, GGUFLinear)
    assert 0 < errors["Q8_0"] < errors["Q4_0"] < 8


def test_a_lora_runs_on_it_and_leaves_no_trace(new_backend, tiny, lora_file, quantised):
    own = new_backend()
    bare = run_sample(own, settings_of(quantised["Q8_0"]), CANVAS)
    painted = run_sample(own, settings_of(quantised["Q8_0"], lora_of(lora_file)), CANVAS)
    assert np.abs(painted.astype(int) - bare).mean() > 0.3
    assert np.array_equal(run_sample(own, settings_of(quantised["Q8_0"]), CANVAS), bare)


def test_it_runs_block_by_block(new_backend, lora_file, quantised):
    """Block-wise offloading between the CPU and itself, as on a small card."""
    import torch

    from engine.inference.kontext.pipeline import offload_blocks

    settings = settings_of(quantised["Q4_0"], lora_of(lora_file))
    streamed = new_backend()
    offload_blocks(streamed.residence.settle(settings_of(quantised["Q4_0"]))[0].pipeline, torch.device("cpu"))
    assert np.array_equal(run_sample(streamed, settings, CANVAS), run_sample(new_backend(), settings, CANVAS))


@pytest.mark.parametrize("keep", [3, 10, 400, -1])
def test_a_download_that_broke_off_is_noticed(quantised, tmp_path, keep):
    shutil.copytree(quantised["Q8_0"].parent / "FLUX.1-Kontext-dev", tmp_path / "FLUX.1-Kontext-dev")
    file = tmp_path / "kontext.gguf"
    file.write_bytes(quantised["Q8_0"].read_bytes()[:keep])
    assert "cut short" in refused(file) or "no GGUF file" in refused(file)


def test_other_models_and_other_types_are_refused_by_name(tiny, quantised, tmp_path):
    from tests.tiny_kontext import build_tiny_gguf

    shutil.copytree(tiny, tmp_path / "FLUX.1-Kontext-dev")
    assert "'sdxl'" in refused(build_tiny_gguf(tmp_path / "other.gguf", tiny, architecture="sdxl"))
    assert "TQ1_0" in refused(build_coarse(tmp_path / "coarse.gguf"))
    (tmp_path / "empty.gguf").touch()
    assert "no GGUF file" in refused(tmp_path / "empty.gguf")


def build_coarse(file: Path) -> Path:
    import gguf

    writer = gguf.GGUFWriter(file, "flux")
    values = np.ones((4, 256), np.float32)
    kind = gguf.GGMLQuantizationType.TQ1_0
    writer.add_tensor("transformer_blocks.0.attn.to_q.weight", gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def test_the_published_layer_names_become_all_of_diffusers_layers():
    """Published GGUF files and single files have Black Forest Labs' names; every layer at full size, without data."""
    import torch
    from diffusers import FluxTransformer2DModel
    from diffusers.loaders.single_file_utils import convert_flux_transformer_checkpoint_to_diffusers

    from engine.inference.kontext.architecture import KONTEXT
    from tests.lora_dialects import DOUBLE, SINGLE

    def empty(*shape: int) -> torch.Tensor:
        return torch.empty(shape, device="meta")

    published: dict[str, torch.Tensor] = {}
    for blocks, count, layout in (("double_blocks", 19, DOUBLE), ("single_blocks", 38, SINGLE)):
        for number in range(count):
            for layer, (inputs, parts) in layout.items():
                outputs = sum(width for _, width in parts)
                published[f"{blocks}.{number}.{layer}.weight"] = empty(outputs, inputs)
                published[f"{blocks}.{number}.{layer}.bias"] = empty(outputs)
            norms = ("img_attn.norm", "txt_attn.norm") if blocks == "double_blocks" else ("norm",)
            for norm in norms:
                for part in ("query_norm", "key_norm"):
                    published[f"{blocks}.{number}.{norm}.{part}.scale"] = empty(128)
    outside = {
        "img_in": (64, 3072), "txt_in": (4096, 3072), "final_layer.linear": (3072, 64),
        "final_layer.adaLN_modulation.1": (3072, 6144), "time_in.in_layer": (256, 3072),
        "time_in.out_layer": (3072, 3072), "vector_in.in_layer": (768, 3072), "vector_in.out_layer": (3072, 3072),
        "guidance_in.in_layer": (256, 3072), "guidance_in.out_layer": (3072, 3072),
    }  # fmt: skip
    for layer, (inputs, outputs) in outside.items():
        published[f"{layer}.weight"], published[f"{layer}.bias"] = empty(outputs, inputs), empty(outputs)
    assert sum(tensor.numel() for tensor in published.values()) == KONTEXT.weights()
    converted = convert_flux_transformer_checkpoint_to_diffusers(published)
    with torch.device("meta"):
        expected = FluxTransformer2DModel(**KONTEXT.config()).state_dict()
    assert {name: tensor.shape for name, tensor in converted.items()} == {n: t.shape for n, t in expected.items()}
