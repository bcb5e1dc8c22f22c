"""The LoRA and model registries: what ships, what an operator adds, and what a typo does."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from engine.domain.errors import KnownError, UsageError
from engine.domain.requests import Draft, Sampling
from engine.services.painting import Painting, diffusion_settings_for, find_lora, lora_ref
from engine.services.registries import LoraKind, load_registry

OWN = """
[[lora]]
name = "our-scarf"
kind = "mask"
mask_type = "scarf"
file = "scarf.safetensors"
sha256 = ""
base_model = "FLUX.1-Kontext-dev"
trigger = ""
prompt = "put a green mask for a scarf on the person"
rank = 16
scale = 1
licence = "ours"
note = ""
"""


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "models"
    (folder / "FLUX.1-Kontext-dev").mkdir(parents=True)
    monkeypatch.setenv("CHROMASK_MODELS", str(folder))
    return folder


@pytest.mark.parametrize(
    ("mask_type", "prompt"),
    [
        # "Dreaming Masks with FLUX.1 Kontext", which leaves the hat's open.
        ("socks", "put a green mask for socks and lower leg skin on the person"),
        ("hat", "put a green mask for a hat on the person"),
        ("glasses", "put a green mask for glasses on the person"),
        ("sweatshirt", "put a green mask for a sweatshirt on the person"),
    ],
)
def test_the_published_mask_loras_have_their_published_prompts(mask_type, prompt):
    entry = load_registry().lora_for(mask_type)
    assert (entry.kind, entry.prompt, entry.trigger, entry.rank) == (LoraKind.MASK, prompt, "", 64)
    assert entry.base_model == "FLUX.1-Kontext-dev"


def test_only_published_types_ship():
    registry = load_registry()
    assert registry.mask_types() == ("socks", "hat", "glasses", "sweatshirt")
    assert [model.model_id for model in registry.models] == ["black-forest-labs/FLUX.1-Kontext-dev"]
    assert not registry.models[0].commercial_use
    assert "model_index.json" in registry.models[0].files


def test_the_colour_prompt_names_the_garment_after_its_trigger(models):
    file = models / "loras" / "kontext-color-chromiq.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"weights")
    settings = diffusion_settings_for(
        "color", "jacket", models / "FLUX.1-Kontext-dev", painting=Painting(Sampling(seed=5), 3, Draft(), 24)
    )
    assert settings.prompt == "chromiq Change the jacket color on the right to match the left"
    assert settings.model == str(models / "FLUX.1-Kontext-dev")
    assert settings.sampling.seed == 5
    # Several seeds and drafts are for masks, which say how sure they are.
    assert (settings.seeds, settings.draft, settings.vram_tier) == (1, None, 24)
    assert settings.lora is not None
    assert settings.lora.sha256 == hashlib.sha256(b"weights").hexdigest()
    assert (settings.lora.trigger, settings.lora.path) == ("chromiq", str(file))


@pytest.mark.parametrize("place", ["loras", "FLUX.1-Kontext-dev/loras", "FLUX.1-Kontext-dev", "."])
def test_a_lora_is_found_in_the_models_folder_or_beside_the_model(models, place):
    entry = load_registry().lora_for("hat")
    assert find_lora(entry, models / "FLUX.1-Kontext-dev") is None
    (models / place).mkdir(exist_ok=True)
    (models / place / entry.file).write_bytes(b"x")
    assert find_lora(entry, models / "FLUX.1-Kontext-dev") == models / place / entry.file


def test_a_lora_that_changes_gets_another_hash(models):
    entry = load_registry().lora_for("hat")
    file = models / entry.file
    file.write_bytes(b"one")
    first = lora_ref(entry, models / "FLUX.1-Kontext-dev").sha256
    file.write_bytes(b"three")
    assert lora_ref(entry, models / "FLUX.1-Kontext-dev").sha256 == hashlib.sha256(b"three").hexdigest() != first


def test_a_missing_lora_is_named_with_the_place_it_goes_to(models):
    with pytest.raises(KnownError) as error:
        diffusion_settings_for("glasses", "", models / "FLUX.1-Kontext-dev")
    assert "kontext-mask-glasses.safetensors" in error.value.what
    assert (models / "loras").as_posix() in error.value.remedy


def test_an_unknown_task_lists_the_known_ones():
    with pytest.raises(UsageError, match="socks, hat, glasses, sweatshirt, color"):
        diffusion_settings_for("shoes", "")


def test_an_operators_own_lora_is_added_and_replaces_the_shipped_one(models):
    own = models / "loras.toml"
    own.write_text(OWN)
    assert load_registry().mask_types() == ("socks", "hat", "glasses", "sweatshirt", "scarf")
    assert load_registry().lora_for("scarf").scale == 1.0
    own.write_text(OWN.replace('"scarf"', '"hat"'))
    registry = load_registry()
    assert sorted(registry.mask_types()) == ["glasses", "hat", "socks", "sweatshirt"]
    assert registry.lora_for("hat").name == "our-scarf"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("rank = 16", "rank = 16\nstrength = 2", "unknown key 'strength'"),
        ("rank = 16", "", "lacks 'rank'"),
        ("rank = 16", 'rank = "16"', "a whole number"),
        ("rank = 16", "rank = true", "a number"),
        ("rank = 16", "rank = 0", "rank must be 1 or more"),
        ('sha256 = ""', 'sha256 = "abc"', "64 hexadecimal digits"),
        ("scale = 1", 'scale = "1"', "a number"),
        ('"mask"', '"masks"', "'mask' or 'color'"),
        ('"mask"', '"color"', "mask_type"),
        ('"scarf.safetensors"', '"scarf.bin"', ".safetensors"),
        ('"scarf.safetensors"', '"../scarf.safetensors"', "plain name"),
        ('trigger = ""', 'trigger = "zzscarf"', "lacks the trigger 'zzscarf'"),
        ("a scarf on", "a {item} on", "placeholder"),
        ("[[lora]]", "[[loras]]", "table 'loras' is unknown"),
        ("[[lora]]", "[lora]", "list of tables"),
        ("[[lora]]", "[[lora", "no valid TOML"),
        (OWN, OWN + OWN, "listed twice"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path, old, new, says):
    assert old in OWN
    own = tmp_path / "own.toml"
    own.write_text(OWN.replace(old, new, 1))
    with pytest.raises(KnownError) as error:
        load_registry(own)
    assert error.value.path == own
    assert says in str(error.value)


def test_a_named_registry_must_exist(tmp_path):
    with pytest.raises(KnownError, match="not there"):
        load_registry(tmp_path / "none.toml")


def test_how_it_is_painted_reaches_the_request(models):
    (models / "kontext-mask-hat.safetensors").write_bytes(b"weights")
    painting = Painting(Sampling(num_inference_steps=12), 3, Draft(confidence=0.7), 16)
    settings = diffusion_settings_for("hat", "", models / "FLUX.1-Kontext-dev", painting=painting)
    assert (settings.sampling.num_inference_steps, settings.seeds, settings.vram_tier) == (12, 3, 16)
    assert settings.draft == Draft(confidence=0.7)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"vram_tier": 20}, "8, 12, 16, 24, 48, 80"),
        ({"seeds": 0}, "1 to 16"),
        ({"seeds": 99}, "1 to 16"),
        ({"sampling": Sampling(num_inference_steps=0)}, "one step"),
    ],
)
def test_what_cannot_be_painted_is_refused(wrong, says):
    with pytest.raises(UsageError, match=says):
        Painting(**wrong)


def test_a_file_other_than_the_registered_one_is_refused(models):
    own = models / "loras.toml"
    own.write_text(OWN.replace('sha256 = ""', f'sha256 = "{hashlib.sha256(b"ours").hexdigest()}"'))
    file = models / "scarf.safetensors"
    file.write_bytes(b"ours")
    assert lora_ref(load_registry().lora_for("scarf"), models / "FLUX.1-Kontext-dev").path == str(file)
    file.write_bytes(b"theirs")
    with pytest.raises(KnownError, match="not the file that was registered"):
        lora_ref(load_registry().lora_for("scarf"), models / "FLUX.1-Kontext-dev")


def test_a_plans_painting_reaches_its_requests(models):
    from engine.domain.requests import EngineName, MaskRequest
    from engine.services.plan import EngineChoice, color_request, dreamed_request

    for name in ("kontext-mask-hat", "kontext-color-chromiq"):
        (models / f"{name}.safetensors").write_bytes(b"weights")
    engine = EngineChoice(EngineName.KONTEXT, models / "FLUX.1-Kontext-dev")
    painting = Painting(Sampling(seed=9), seeds=2, vram_tier=12)
    dreamed = dreamed_request("hat", "", engine, painting).diffusion
    assert dreamed is not None
    assert (dreamed.sampling.seed, dreamed.seeds, dreamed.vram_tier) == (9, 2, 12)
    guided = color_request(MaskRequest(EngineName.CLASSICAL, garment="shirt"), engine, painting).diffusion
    assert guided is not None
    assert (guided.sampling.seed, guided.seeds, guided.vram_tier) == (9, 1, 12)
    assert "shirt" in guided.prompt
