"""Presets: what is saved comes back, what an operator writes stays, and every mistake is named."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain.codec import from_json, to_json
from engine.domain.errors import KnownError, UsageError
from engine.domain.export import Collision, ExportFormat, ExportRecipe, PathUse
from engine.domain.requests import Draft, EngineName
from engine.services.plan import MaskSource
from engine.services.presets import (
    Preset,
    delete_preset,
    find_preset,
    load_presets,
    save_preset,
    user_presets,
)

ACME = Preset(
    name='Acme "Denim" – Été',
    color_match=False,
    dreamed=("hat", "socks"),
    garment="jeans",
    brand="acme",
    engine=EngineName.KONTEXT,
    mask_source=MaskSource.GROUNDED,
    steps=20,
    guidance=3.5,
    seed=11,
    seeds=3,
    draft=True,
    export=ExportRecipe(
        (ExportFormat.JPEG, ExportFormat.TIFF_LAYERS),
        approved_only=False,
        name_pattern="{sku}/{stem}",
        max_side=2000,
        profile="srgb",
        sharpening=0.5,
        jpeg_quality=80,
        path=PathUse.SAVED,
        collision=Collision.NUMBER,
    ),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "studio" / "presets.toml"


def test_a_saved_preset_comes_back_whole(file: Path) -> None:
    save_preset(file, ACME)
    save_preset(file, Preset("Plain"))
    assert load_presets(file) == (ACME, Preset("Plain"))
    assert find_preset(file, " plain ") == Preset("Plain")
    assert from_json(to_json(ACME, Preset), Preset) == ACME, "the window remembers the last choices as JSON"


def test_the_file_is_toml_that_a_person_can_read(file: Path) -> None:
    save_preset(file, ACME)
    row = tomllib.loads(file.read_text(encoding="utf-8"))["preset"][0]
    assert row["tasks"] == ["mask", "hat", "socks"]
    assert row["formats"] == ["jpeg", "tiff-layers"]
    assert (row["file_name"], row["max_side"], row["collision"]) == ("{sku}/{stem}", 2000, "number")
    assert row["approved_only"] is False


def test_a_preset_means_a_plan(tmp_path: Path) -> None:
    plan = ACME.plan(model=tmp_path, vram_tier=24)
    assert (plan.garment_mask, plan.color_match, plan.dreamed) == (True, False, ("hat", "socks"))
    assert (plan.garment, plan.brand, plan.engine) == ("jeans", "acme", EngineName.KONTEXT)
    assert (plan.model, plan.mask_source) == (tmp_path, MaskSource.GROUNDED)
    sampling = plan.painting.sampling
    assert (sampling.num_inference_steps, sampling.guidance_scale, sampling.seed) == (20, 3.5, 11)
    assert (plan.painting.seeds, plan.painting.draft, plan.painting.vram_tier) == (3, Draft(), 24)


def test_saving_again_replaces_in_place_and_keeps_comments_and_order(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('# ours\n[[preset]]\nname = "One"\n# the second\n[[preset]]\nname = "Two"\n', encoding="utf-8")
    save_preset(file, Preset("two", seeds=3))
    assert [(preset.name, preset.seeds) for preset in load_presets(file)] == [("One", 1), ("two", 3)]
    assert file.read_text(encoding="utf-8").startswith('# ours\n[[preset]]\nname = "One"\n# the second\n')


@pytest.mark.parametrize(
    "name", ["a\u2028[[b]]", "a\x85[[preset]]", "[[", "a\rb", "#\t\x7f", "日本 \U0001f455", "=\\u0041"]
)
def test_odd_names_and_a_byte_order_mark_harm_no_other_preset(file: Path, name: str) -> None:
    save_preset(file, ACME)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())  # as some Windows editors save it
    odd = Preset(name, garment=name, dreamed=(name,))
    save_preset(file, odd)
    save_preset(file, Preset("Plain"))
    assert load_presets(file) == (ACME, odd, Preset("Plain"))
    delete_preset(file, name)
    assert load_presets(file) == (ACME, Preset("Plain"))


def test_renaming_keeps_the_place_and_refuses_a_name_that_is_taken(file: Path) -> None:
    for name in ("A", "B"):
        save_preset(file, Preset(name))
    save_preset(file, replace(ACME, name="C"), replaces="a")
    assert [preset.name for preset in load_presets(file)] == ["C", "B"]
    with pytest.raises(UsageError, match="'b' already"):
        save_preset(file, Preset("b"), replaces="C")
    save_preset(file, Preset("c"), replaces="C")
    assert [preset.name for preset in load_presets(file)] == ["c", "B"]


def test_deleting(file: Path) -> None:
    for name in ("A", "B"):
        save_preset(file, Preset(name))
    delete_preset(file, "a")
    delete_preset(file, "nobody")
    assert load_presets(file) == (Preset("B"),)
    with pytest.raises(UsageError, match=r"no preset 'a'.*Choose from: B\."):
        find_preset(file, "a")


def test_a_name_is_needed(file: Path) -> None:
    for name in ("", "  ", "two\nlines"):
        with pytest.raises(UsageError, match="needs a name"):
            save_preset(file, Preset(name))
    assert not file.exists()


def test_without_a_file_there_are_none_and_the_place_is_beside_the_catalog(tmp_path: Path) -> None:
    path = user_presets(tmp_path / "a" / "catalog.db")
    assert path == tmp_path.resolve() / "a" / "presets.toml"
    assert load_presets(path) == ()
    with pytest.raises(UsageError, match="Save one on the Intake page"):
        find_preset(path, "acme")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[[preset]]\n", "a preset has no name"),
        ('[[preset]]\nname = "A"\nsteeps = 3\n', "unknown key 'steeps'"),
        ('[[preset]]\nname = "A"\nseeds = "3"\n', "'seeds' of the preset 'A' is '3'"),
        ('[[preset]]\nname = "A"\nseeds = true\n', "'seeds' of the preset 'A' is True"),
        ('[[preset]]\nname = "A"\nseeds = 99\n', "the preset 'A': 99 seeds are not possible"),
        ('[[preset]]\nname = "A"\nengine = "magic"\n', "Use: auto, classical"),
        ('[[preset]]\nname = "A"\nformats = ["gif"]\n', "'formats' of the preset 'A' is 'gif'"),
        ('[[preset]]\nname = "A"\nfile_name = "{foto}"\n', "the preset 'A': there is no '{foto}' for names"),
        ('[[preset]]\nname = "A"\nmax_side = 3\n', "the preset 'A': a longest side of 3 pixels"),
        ('[[preset]]\nname = "A"\npath = "cut"\n', "Use: none, saved, clipping"),
        ('[[preset]]\nname = "A"\ncollision = "ask"\n', "Use: refuse, skip, number, overwrite"),
        ('[[preset]]\nname = "A"\n[[preset]]\nname = "a"\n', "listed twice"),
        ("[brand]\n", "the table 'brand' is unknown"),
        ("preset = 3\n", "not a list of tables"),
        ("name = \n", "no valid TOML"),
    ],
)
def test_mistakes_are_named_with_the_file_and_never_written_over(file: Path, text: str, what: str) -> None:
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    with pytest.raises(KnownError) as caught:
        load_presets(file)
    assert what in str(caught.value)
    assert "presets.toml" in str(caught.value)
    with pytest.raises(KnownError):
        save_preset(file, ACME)
    assert file.read_text(encoding="utf-8") == text
