"""Adding, checking, listing and removing LoRA files, as the command line and the window do it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from engine.domain.errors import KnownError, UsageError
from engine.services.lora_files import NewLora, add_lora, check_lora_file, lora_states, register_lora, remove_lora
from engine.services.painting import diffusion_settings_for
from engine.services.registries import load_registry


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "models"
    (folder / "FLUX.1-Kontext-dev").mkdir(parents=True)
    monkeypatch.setenv("CHROMASK_MODELS", str(folder))
    return folder


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """A LoRA at FLUX.1's real widths, on one double and one single block."""
    from tests.lora_dialects import PublishedLora, saved, spelled

    folder = tmp_path_factory.mktemp("loras")
    return saved(
        spelled(PublishedLora(1, 1, rank=2).original, "lora_unet_", "down", "_"), folder / "Our Scarf v2.safetensors"
    )


@pytest.fixture(scope="module")
def later(file) -> Path:
    """The same LoRA some steps later."""
    from safetensors.torch import load_file, save_file

    path = file.with_name("later.safetensors")
    save_file({key: tensor * 2 for key, tensor in load_file(file).items()}, path)
    return path


def test_a_file_is_examined_without_any_model(file):
    report = check_lora_file(file)
    assert (report.dialect, report.ranks, report.layers) == ("kohya", (2,), 20)
    assert (report.double_blocks, report.single_blocks, report.idle_layers) == (1, 1, 0)
    assert report.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert report.size_bytes == file.stat().st_size
    assert "20 layers in 1 double and 1 single blocks" in report.sentence()


def test_an_added_file_is_copied_registered_and_used(models, file):
    entry, report = add_lora(file, NewLora("scarf"))
    assert entry.name == "our-scarf-v2"
    assert entry.prompt == "put a green mask for scarf on the person"
    assert (entry.rank, entry.scale, entry.base_model) == (2, 1.0, "FLUX.1-Kontext-dev")
    copy = models / "loras" / entry.file
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == report.sha256 == entry.sha256
    assert load_registry().lora_for("scarf") == entry
    settings = diffusion_settings_for("scarf", "", models / "FLUX.1-Kontext-dev")
    assert settings.lora is not None
    assert (settings.lora.path, settings.lora.sha256) == (str(copy), entry.sha256)


def test_a_known_mask_type_keeps_its_published_prompt(file):
    entry, _ = add_lora(file, NewLora("hat", scale=0.8, licence='ours, "all of it"', note="ä\tb"))
    assert entry.prompt == "put a green mask for a hat on the person"
    assert load_registry().lora_for("hat") == entry
    assert add_lora(file, NewLora("", name="our-color"))[0].prompt.startswith("chromiq Change the {garment} color")
    assert load_registry().lora_for("color").name == "our-color"


def test_a_second_one_for_a_mask_type_must_be_meant(models, file, later):
    own = models / "loras.toml"
    own.write_text("# Our own; mind the winter set.\n")
    first, _ = add_lora(file, NewLora("hat"))
    add_lora(file, NewLora("scarf", name="scarf"))
    with pytest.raises(UsageError, match=r"our-scarf-v2.*--replace"):
        add_lora(later, NewLora("hat", name="newer"))
    second, _ = add_lora(later, NewLora("hat", name="newer"), replace=True)
    assert load_registry().lora_for("hat") == second
    assert load_registry().lora_for("scarf").name == "scarf"
    assert own.read_text().startswith("# Our own; mind the winter set.")
    # Jobs that wait for the former one still find its file.
    assert (models / "loras" / first.file).is_file()


def test_nothing_is_written_for_a_file_that_is_refused(models, tmp_path):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"\x80\x04pickle")
    with pytest.raises(KnownError, match="safetensors"):
        add_lora(bad, NewLora("hat"))
    assert not (models / "loras.toml").exists()
    assert not (models / "loras").exists()


def test_a_trigger_must_be_in_the_prompt(models, file):
    with pytest.raises(KnownError, match="lacks the trigger"):
        add_lora(file, NewLora("scarf", prompt="a scarf", trigger="zzscarf"))
    assert "zzscarf" in add_lora(file, NewLora("scarf", trigger="zzscarf"))[0].prompt


def test_a_removed_one_leaves_the_others_and_the_shipped_one_comes_back(models, file):
    add_lora(file, NewLora("hat"))
    add_lora(file, NewLora("scarf", name="scarf"))
    remove_lora("our-scarf-v2")
    assert load_registry().lora_for("hat").name == "kontext-mask-hat"
    assert load_registry().lora_for("scarf").name == "scarf"
    with pytest.raises(UsageError, match="no LoRA 'kontext-mask-hat'"):
        remove_lora("kontext-mask-hat")


def test_the_list_says_what_is_there_what_is_missing_and_what_changed(models, file):
    entry, _ = add_lora(file, NewLora("scarf"))
    model = models / "FLUX.1-Kontext-dev"

    def state(name: str):
        return next(state for state in lora_states(model) if state.entry.name == name)

    assert (state(entry.name).problem, state(entry.name).own) == ("", True)
    assert state(entry.name).file == models / "loras" / entry.file
    shipped = state("kontext-mask-hat")
    assert (shipped.file, shipped.own) == (None, False)
    assert "kontext-mask-hat.safetensors" in shipped.problem
    (models / "loras" / entry.file).write_bytes(b"something else")
    assert "not the file that was registered" in state(entry.name).problem


def test_a_shipped_one_whose_copy_broke_off_is_not_called_ready(models, file):
    (models / "loras").mkdir()
    cut = models / "loras" / "kontext-mask-hat.safetensors"
    cut.write_bytes(file.read_bytes()[:-1])
    state = next(state for state in lora_states(models / "FLUX.1-Kontext-dev") if state.file == cut)
    assert "cut short" in state.problem
    assert state.remedy


def test_a_file_that_changed_after_its_check_is_not_registered(models, file, tmp_path):
    path = tmp_path / "scarf.safetensors"
    path.write_bytes(file.read_bytes())
    report = check_lora_file(path)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(KnownError, match="has changed since it was checked"):
        register_lora(report, NewLora("scarf"))
    assert not (models / "loras.toml").exists()
    assert not any((models / "loras").iterdir())


def test_a_broken_registry_is_named_and_left_alone(models, file):
    own = models / "loras.toml"
    own.write_text("[[lora]]\nname = 3\n")
    with pytest.raises(KnownError) as error:
        add_lora(file, NewLora("hat"))
    assert error.value.path == own
    assert own.read_text() == "[[lora]]\nname = 3\n"


# -- the commands ------------------------------------------------------------------------------------------------


def chromask(*arguments: str) -> int:
    from main import main

    return main(list(arguments))


def test_the_commands_do_the_same(models, file, capsys):
    assert chromask("lora", "check", str(file), "--json") == 0
    assert json.loads(capsys.readouterr().out)["layers"] == 20
    assert chromask("lora", "add", str(file)) == 2
    assert "--mask-type" in capsys.readouterr().err
    assert chromask("lora", "add", str(file), "--mask-type", "Scarf", "--scale", "0.9") == 0
    assert "put a green mask for scarf" in capsys.readouterr().out
    assert chromask("lora", "add", str(file), "--mask-type", "scarf") == 2
    assert chromask("lora", "list") == 0
    listed = capsys.readouterr().out
    assert "own" in listed
    assert "no file kontext-mask-hat.safetensors" in listed
    assert chromask("lora", "remove", "our-scarf-v2") == 0
    assert chromask("lora", "check", str(models / "none.safetensors")) == 1
    assert "not there" in capsys.readouterr().err


def test_the_tiers_are_shown(capsys):
    assert chromask("models", "tiers") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["8", "12", "16", "24", "48", "80"]
    assert chromask("models", "tiers", "--json") == 0
    table = json.loads(capsys.readouterr().out)
    assert table[4]["weights"] == "bf16"
    assert table[4]["transformer_bytes"] == 2 * 11_901_408_320
