"""Downloading a model: from a server of the test's own, with huggingface_hub's real requests."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain.errors import Cancelled, KnownError, UsageError
from engine.services.model_download import ACCEPTANCE, download_model, licence_terms
from engine.services.registries import load_registry
from tests.model_hub import TOKEN, serve

NAME = "FLUX.1-Kontext-dev"


@pytest.fixture
def hub(tiny):
    with serve(tiny, f"black-forest-labs/{NAME}") as hub:
        yield hub


@pytest.fixture
def model(tiny):
    """The registry's own entry, with the files of the tiny model."""
    files = tuple(sorted(path.relative_to(tiny).as_posix() for path in tiny.rglob("*") if path.is_file()))
    return replace(load_registry().model(NAME), files=files)


def download(model, hub, folder: Path, report=lambda done, total, name: None, **options) -> Path:
    chosen = {"accepted": True, "token": TOKEN, "endpoint": hub.url} | options
    return download_model(model, report, folder=folder, **chosen)


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ACCEPTANCE)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_complete_model_arrives_and_is_never_asked_for_again(tiny, hub, model, tmp_path):
    seen = []
    path = download(model, hub, tmp_path, lambda done, total, name: seen.append((done, total)))
    assert path == tmp_path / NAME
    assert digests(path) == digests(tiny)
    total = sum((tiny / name).stat().st_size for name in model.files)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {whole for _, whole in seen} == {total}
    assert seen[-1] == (total, total)
    assert json.loads((path / ACCEPTANCE).read_text())["licence"] == model.licence
    asked = len(hub.requests)
    download(model, hub, tmp_path, accepted=False)
    assert len(hub.requests) == asked


def test_nothing_is_asked_before_the_licence_is_accepted(hub, model, tmp_path):
    with pytest.raises(UsageError, match=r"FLUX.1 \[dev\] Non-Commercial License was not accepted") as refused:
        download(model, hub, tmp_path, accepted=False)
    assert "--accept-license" in refused.value.remedy
    assert "Commercial use needs another licence" in licence_terms(model)
    assert hub.requests == []
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_broke_off_is_continued(tiny, hub, model, tmp_path, monkeypatch):
    from huggingface_hub import constants

    name = "transformer/diffusion_pytorch_model.safetensors"
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 4096)
    size = (tiny / name).stat().st_size
    assert size > 3 * 4096

    def leave(done: int, total: int, file: str) -> None:
        if file == name:
            raise Cancelled

    with pytest.raises(Cancelled):
        download(model, hub, tmp_path, leave)
    assert not (tmp_path / NAME / name).exists()
    (part,) = (tmp_path / NAME / "transformer").glob("*.part")
    part.write_bytes((tiny / name).read_bytes()[: 2 * 4096])  # what the disk had when the power failed
    whole = [path for method, path, _ in hub.requests if method == "GET" and "/resolve/" in path]
    hub.requests.clear()
    download(model, hub, tmp_path)
    assert digests(tmp_path / NAME) == digests(tiny)
    asked = [(path, begin) for method, path, begin in hub.requests if method == "GET" and "/resolve/" in path]
    assert [begin for path, begin in asked if path.endswith(name)] == [2 * 4096]
    assert not set(whole[:-1]) & {path for path, _ in asked}  # what was whole is not fetched twice


def test_a_wrong_checksum_is_noticed_and_the_file_does_not_appear(hub, model, tmp_path):
    for name in ("vae/diffusion_pytorch_model.safetensors", "model_index.json"):
        hub.spoilt = {name}
        folder = tmp_path / Path(name).stem
        with pytest.raises(KnownError, match="checksum") as error:
            download(model, hub, folder)
        assert error.value.path == folder / NAME / name
        assert error.value.retryable
        assert not (folder / NAME / name).exists()
        hub.spoilt = set()
        download(model, hub, folder)


def test_a_token_without_permission_is_told_what_to_do(hub, model, tmp_path):
    with pytest.raises(KnownError, match="does not let this account") as error:
        download(model, hub, tmp_path, token="hf_someoneElse")
    assert "Accept the licence" in error.value.remedy
    assert not (tmp_path / NAME / ACCEPTANCE).exists()


def test_a_server_that_is_not_there_is_a_sentence(hub, model, tmp_path):
    with pytest.raises(KnownError, match="broke off") as error:
        download(model, hub, tmp_path, endpoint="http://127.0.0.1:9")
    assert error.value.retryable


def test_a_full_disk_is_noticed_before(hub, model, tmp_path, monkeypatch):
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(KnownError, match="are free"):
        download(model, hub, tmp_path)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_file_that_the_server_lacks_is_named(hub, model, tmp_path):
    with pytest.raises(KnownError, match=r"has no transformer/weights\.safetensors"):
        download(replace(model, files=(*model.files, "transformer/weights.safetensors")), hub, tmp_path)


def test_the_library_is_offline_before_and_after(hub, model, tmp_path):
    from huggingface_hub import HfApi, is_offline_mode
    from huggingface_hub.errors import OfflineModeIsEnabled

    assert is_offline_mode()
    download(model, hub, tmp_path)
    assert is_offline_mode()
    with pytest.raises(OfflineModeIsEnabled):
        HfApi(endpoint=hub.url, token=TOKEN).model_info(model.model_id)


def test_the_command_shows_the_licence_and_asks_for_agreement(hub, tmp_path, monkeypatch, capsys):
    from main import main

    monkeypatch.setenv("CHROMASK_MODELS", str(tmp_path))
    assert main(["models", "download", "--endpoint", hub.url]) == 2
    said = capsys.readouterr().err
    assert "Non-Commercial" in said
    assert "--accept-license" in said
    assert hub.requests == []
    assert main(["models", "download", "FLUX.1-none"]) == 2
