"""A model folder is checked to the last byte before torch is touched."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from engine.domain.errors import KnownError
from engine.inference.kontext.availability import kontext_status, models_folder, resolve_model
from engine.inference.kontext.source import find_source

WEIGHTS = {
    "text_encoder": "model.safetensors",
    "text_encoder_2": "model.safetensors",
    "transformer": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
}


def safetensors(size: int = 16) -> bytes:
    """A file with one tensor of ``size`` bytes, written by the format's own description."""
    header = json.dumps({"a": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(size)


@pytest.fixture
def model(tmp_path) -> Path:
    folder = tmp_path / "FLUX.1-Kontext-dev"
    for name in ("scheduler", "tokenizer", "tokenizer_2", *WEIGHTS):
        (folder / name).mkdir(parents=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "FluxKontextPipeline"}))
    (folder / "scheduler" / "scheduler_config.json").write_text("{}")
    (folder / "tokenizer" / "vocab.json").write_text("{}")
    (folder / "tokenizer" / "merges.txt").write_text("")
    (folder / "tokenizer_2" / "spiece.model").write_bytes(b"")
    for name, file in WEIGHTS.items():
        (folder / name / "config.json").write_text("{}")
        (folder / name / file).write_bytes(safetensors(100 if name == "transformer" else 16))
    return folder


def refused(path: Path) -> KnownError:
    with pytest.raises(KnownError) as error:
        find_source(path)
    return error.value


def test_a_complete_folder_is_found(model):
    source = find_source(model)
    assert source.folder == model
    assert source.transformer_file is None
    assert len(source.weights) == 4
    assert source.size_bytes == 3 * len(safetensors(16)) + len(safetensors(100))
    assert source.transformer_bytes == len(safetensors(100))
    assert source.text_bytes == 2 * source.vae_bytes == 2 * len(safetensors(16))
    assert source.gguf_bytes is None


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ("scheduler/scheduler_config.json", "scheduler/scheduler_config.json"),
        ("tokenizer/merges.txt", "tokenizer/tokenizer.json"),
        ("tokenizer_2/spiece.model", "tokenizer_2/tokenizer.json"),
        ("text_encoder/config.json", "text_encoder/config.json"),
        ("text_encoder_2/model.safetensors", "text_encoder_2/model.safetensors"),
        ("transformer/diffusion_pytorch_model.safetensors", "transformer/diffusion_pytorch_model.safetensors"),
        ("vae/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"),
    ],
)
def test_a_missing_file_is_named(model, gone, named):
    (model / gone).unlink()
    error = refused(model)
    assert f"{named} missing" in str(error)
    assert "black-forest-labs/FLUX.1-Kontext-dev" in error.remedy
    assert error.path == model


def test_every_missing_file_is_counted(model):
    for name, file in WEIGHTS.items():
        (model / name / file).unlink()
        (model / name / "config.json").unlink()
    assert "and 4 more missing" in str(refused(model))


def test_a_folder_of_parts_needs_every_part(model):
    folder = model / "transformer"
    (folder / WEIGHTS["transformer"]).unlink()
    parts = [f"diffusion_pytorch_model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
    index = {"weight_map": {f"layer.{n}": part for n, part in enumerate(parts)}}
    (folder / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    for part in parts[:2]:
        (folder / part).write_bytes(safetensors())
    assert f"transformer/{parts[2]} missing" in str(refused(model))
    (folder / parts[2]).write_bytes(safetensors())
    assert len(find_source(model).weights) == 6


def test_an_index_may_not_point_outside_its_folder(model):
    (model / "vae" / WEIGHTS["vae"]).unlink()
    index = {"weight_map": {"layer": "../../elsewhere.safetensors"}}
    (model / "vae" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    assert "lists no weight files" in str(refused(model))


@pytest.mark.parametrize("keep", [0, 5, 20, -1])
def test_a_download_that_broke_off_is_noticed(model, keep):
    file = model / "transformer" / WEIGHTS["transformer"]
    file.write_bytes(file.read_bytes()[:keep])
    error = refused(model)
    assert error.path == file
    assert "cut short" in str(error)


def test_a_git_lfs_pointer_is_called_by_its_name(model):
    file = model / "vae" / WEIGHTS["vae"]
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 167666902\n")
    assert "git LFS pointer" in str(refused(model))


def test_pickled_weights_are_refused(model):
    (model / "vae" / WEIGHTS["vae"]).rename(model / "vae" / "diffusion_pytorch_model.bin")
    error = refused(model)
    assert "pickled" in str(error)
    assert error.path == model / "vae" / "diffusion_pytorch_model.bin"


def test_another_pipeline_is_refused_by_its_name(model):
    (model / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionXLPipeline"}))
    assert "StableDiffusionXLPipeline" in str(refused(model))


def test_a_damaged_index_is_refused(model):
    (model / "model_index.json").write_text("{")
    assert "damaged" in str(refused(model))


def test_nothing_and_something_else_are_refused(tmp_path):
    assert "no such model" in str(refused(tmp_path / "nowhere"))
    assert "model_index.json" in str(refused(tmp_path))
    (tmp_path / "model.ckpt").write_bytes(b"PK")
    assert ".ckpt" in str(refused(tmp_path / "model.ckpt"))


def test_a_single_file_takes_the_rest_from_the_folder_around_or_beside_it(model):
    inside, beside = model / "flux1-kontext-dev.safetensors", model.parent / "flux1-kontext-dev.safetensors"
    for file in (inside, beside):
        file.write_bytes(safetensors(50))
    (model / "transformer" / WEIGHTS["transformer"]).unlink()
    for file in (inside, beside):
        source = find_source(file)
        assert (source.folder, source.transformer_file) == (model, file)
        assert file in source.weights
    (model / "vae" / WEIGHTS["vae"]).unlink()
    assert "vae/" in str(refused(inside))


def test_a_single_file_alone_is_refused(tmp_path):
    file = tmp_path / "flux1-kontext-dev.safetensors"
    file.write_bytes(safetensors())
    assert "text encoders" in str(refused(file))


def test_the_fingerprint_tells_other_weights_apart_and_not_other_places(model, tmp_path):
    import shutil

    first = find_source(model).fingerprint()
    copy = shutil.copytree(model, tmp_path / "copy")
    assert find_source(copy).fingerprint() == first
    file = copy / "transformer" / WEIGHTS["transformer"]
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    assert find_source(copy).fingerprint() != first


def test_the_status_says_what_is_there_or_what_is_missing(model, monkeypatch, tmp_path):
    status = kontext_status(model)
    assert status.available
    assert status.model == model
    (model / "vae" / "config.json").unlink()
    status = kontext_status(model)
    assert not status.available
    assert "vae/config.json" in status.reason
    assert status.remedy
    monkeypatch.setenv("CHROMASK_MODELS", str(tmp_path / "empty"))
    status = kontext_status()
    assert not status.available
    assert "empty/FLUX.1-Kontext-dev" in status.reason
    assert "CHROMASK_MODELS" in status.remedy


def test_the_models_folder_comes_from_the_environment_or_the_users_data(monkeypatch, tmp_path, model):
    monkeypatch.setenv("CHROMASK_MODELS", str(tmp_path))
    assert models_folder() == tmp_path
    assert kontext_status().available
    assert resolve_model(tmp_path) == model
    monkeypatch.delenv("CHROMASK_MODELS")
    assert models_folder().name == "models"
    assert "Chromask" in models_folder().parts


def test_nothing_here_imports_torch():
    code = (
        "import sys; import engine.inference.kontext.availability as a, engine.services.registries as r;"
        "a.kontext_status(); r.load_registry();"
        "sys.exit(any(m in sys.modules for m in ('torch', 'diffusers', 'transformers')))"
    )
    project = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=project, check=False).returncode == 0
