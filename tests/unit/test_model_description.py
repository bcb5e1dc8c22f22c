"""A model's own description: read, checked, and what follows from it for requests and registries. No torch."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.domain.requests import BodyRegion, Draft, Sampling
from engine.imaging.drawn.scene import REGIONS
from engine.inference.kontext.availability import NANO_NAME, nano_folder, nano_model
from engine.inference.kontext.description import DESCRIPTION, ModelDescription, read_description
from engine.services.painting import Painting, diffusion_settings_for
from engine.services.registries import load_registry, registry_for
from engine.training.nano.lessons_set import SHAPES

MOST = 25_000_000
"""Bytes of weights that may ship."""


@pytest.fixture
def nano(tmp_path, monkeypatch) -> Path:
    """The small model's folder without its weights, but with files for its LoRAs; and a models folder."""
    monkeypatch.setenv("CHROMASK_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    folder = tmp_path / "nano"
    (folder / "loras").mkdir(parents=True)
    for name in (DESCRIPTION, "loras.toml"):
        (folder / name).write_bytes((nano_folder() / name).read_bytes())
    for lora in registry_for(folder).loras:
        (folder / "loras" / lora.file).write_bytes(b"weights")
    return folder


def test_a_folder_without_a_description_is_flux(tmp_path):
    assert read_description(tmp_path) is None
    assert registry_for(tmp_path) == load_registry()


def test_the_small_model_describes_what_it_was_taught_on():
    shipped = read_description(nano_folder())
    assert shipped is not None
    assert (shipped.name, shipped.canvases, shipped.drawn_only) == (NANO_NAME, SHAPES, True)
    assert shipped.paints_in_place
    assert (shipped.prompt_tokens, shipped.precision) == (32, "float32")
    assert "photograph" in shipped.warning
    assert "FLUX.1 Kontext" in shipped.warning


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('name = "n"', "'canvases' is missing"),
        ("canvases = [[64, 64]]", "'name' is missing"),
        ('name = "n"\ncanvases = [[64, 60]]', "multiples of 16"),
        ('name = "n"\ncanvases = [[64]]', "multiples of 16"),
        ('name = "n"\ncanvases = [[64, 64]]\nsteps = 0', "'steps' is 0"),
        ('name = "n"\ncanvases = [[64, 64]]\nprompt_tokens = true', "'prompt_tokens' is True"),
        ('name = "n"\ncanvases = [[64, 64]]\nprecision = "float8"', "'precision'"),
        ('name = "n"\ncanvases = [[64, 64]]\nguidence = 2', "'guidence' is unknown"),
        ("name = ", "no valid TOML"),
    ],
)
def test_a_wrong_description_is_refused_by_file_and_key(tmp_path, text, named):
    (tmp_path / DESCRIPTION).write_text(text, encoding="utf-8")
    with pytest.raises(KnownError, match=named) as refused:
        read_description(tmp_path)
    assert refused.value.path == tmp_path / DESCRIPTION


def test_no_more_is_asked_of_a_model_than_it_has_use_for():
    few = ModelDescription("few", (Extent(128, 128),), steps=4, guidance_scale=1.5)
    assert few.sampling(Sampling(seed=7)) == Sampling(4, 1.5, 7)
    assert few.sampling(Sampling(2, 3.5)) == Sampling(2, 3.5)
    assert few.draft(Draft()) is None
    assert ModelDescription("large", (Extent(1024, 1024),)).draft(Draft()) == Draft()
    assert few.guide_canvases == few.canvases
    assert few.warning == ""


def test_the_small_models_loras_are_its_own_and_nobody_elses(nano):
    registry = registry_for(nano)
    assert set(registry.mask_types()) == set(REGIONS)
    assert {lora.base_model for lora in registry.loras} == {NANO_NAME}
    assert registry.lora_for("color").prompt.startswith("chromiq ")
    assert not {lora.name for lora in load_registry().loras} & {lora.name for lora in registry.loras}
    assert all(lora.region is BodyRegion.WHOLE for lora in load_registry().loras)
    for lora in registry.loras:
        published = load_registry().lora_for(lora.mask_type or "color")
        assert lora.prompt == published.prompt


def test_an_own_lora_for_the_small_model_takes_no_place_of_one_for_flux(nano, tmp_path):
    own = (nano / "loras.toml").read_text(encoding="utf-8").split("[[lora]]")[1].replace("nano-mask-hat", "our-hat")
    (tmp_path / "models" / "loras.toml").write_text(f"[[lora]]{own}", encoding="utf-8")
    assert load_registry().lora_for("hat").name == "kontext-mask-hat"
    assert registry_for(nano).lora_for("hat").name == "our-hat"
    assert len(registry_for(nano).loras) == 5


@pytest.mark.parametrize(
    ("mask_type", "region"),
    [
        ("hat", BodyRegion.HEAD),
        ("glasses", BodyRegion.FACE),
        ("socks", BodyRegion.LOWER_LEGS),
        ("sweatshirt", BodyRegion.TORSO),
    ],
)
def test_a_request_carries_the_models_own_steps_and_the_loras_region(nano, mask_type, region):
    settings = diffusion_settings_for(mask_type, "", nano, painting=Painting(Sampling(seed=3), draft=Draft()))
    assert settings.region is region
    assert (settings.sampling.num_inference_steps, settings.sampling.seed, settings.draft) == (1, 3, None)
    assert settings.lora is not None
    assert Path(settings.lora.path).parent == nano / "loras"


@pytest.mark.parametrize(("key", "value"), [("region", '"elbow"'), ("region", "3")])
def test_an_unknown_region_is_refused_by_name(nano, key, value):
    path = nano / "loras.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('region = "torso"', f"{key} = {value}"), encoding="utf-8")
    with pytest.raises(KnownError, match="one of whole, head, face, torso, legs, lower-legs"):
        registry_for(nano)


def test_a_small_model_ships():
    assert nano_model() is not None
    weights = [path for path in nano_folder().rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in weights) <= MOST
