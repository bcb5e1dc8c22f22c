"""`chromask export` with every option of a recipe, and with a brand's preset: the command as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.cli.app import run
from engine.cli.composition import Composition
from engine.domain.export import Collision, ExportFormat, ExportRecipe, PathUse
from engine.services.presets import Preset, save_preset, user_presets
from storage.location import SqliteLocation
from tests.unit.export_studio import ExportStudio, changed_inside, drawn_alpha

Chromask = Callable[..., int]


@pytest.fixture
def chromask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chromask:
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        studio = ExportStudio(tmp_path, stack)
        alpha = drawn_alpha(10, 30)
        studio.approve(studio.match(changed_inside(studio.original, alpha, 9_000), alpha))

    def call(*words: object) -> int:
        composition = Composition("0", SqliteLocation(), lambda catalog: [str(catalog)], lambda _: [], lambda *_: 1)
        return run(["export", "last", "--out", "out", *map(str, words), "--catalog", "catalog.db"], composition)

    return call


def answered(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_every_option_of_a_recipe(chromask: Chromask, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--format", "jpg,tiff-layers", "--name", "{sku}/{stem}_{verdict}", "--max-side", 20, "--profile", "srgb")
    more = ("--sharpen", 0.5, "--quality", 80, "--path", "saved", "--collision", "number", "--json")
    assert chromask(*options, *more) == 0
    report = answered(capsys)
    written = {Path(path).relative_to(Path("out").absolute()).as_posix(): path for path in report["written"]}
    stem = "A1/A1_model_pass"
    assert set(written) == {f"{stem}_matched.jpg", f"{stem}_layers.tif", f"{stem}_garment-mask.png"}
    with Image.open(written[f"{stem}_matched.jpg"]) as picture:
        assert picture.size == (15, 20)
    assert len(report["notices"]) == 1, "16 bits were rounded to 8"
    assert chromask(*options, *more) == 0
    assert set(answered(capsys)["kept"]) == set(written.values())


def test_a_brands_recipe_and_what_is_typed_over_it(chromask: Chromask, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = ExportRecipe(
        (ExportFormat.PNG,), name_pattern="acme_{sku}", max_side=16, path=PathUse.NONE, collision=Collision.SKIP
    )
    save_preset(user_presets(Path("catalog.db")), Preset("Acme", export=recipe))
    assert chromask("--preset", "acme", "--json") == 0
    (path,) = map(Path, answered(capsys)["written"])
    assert path.name == "acme_A1_matched.png"
    with Image.open(path) as picture:
        assert picture.size == (12, 16)
    path.write_bytes(b"somebody's work")
    assert chromask("--preset", "Acme", "--json") == 0
    assert answered(capsys)["skipped"] == [str(path)]
    assert chromask("--preset", "Acme", "--collision", "refuse") == 1
    assert "was changed since Chromask wrote it" in capsys.readouterr().err
    assert chromask("--preset", "Acme", "--max-side", "0", "--name", "{stem}", "--json") == 0
    (path,) = map(Path, answered(capsys)["written"])
    with Image.open(path) as picture:
        assert (path.name, picture.size) == ("A1_model_matched.png", (30, 40))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (("--name", "{foto}"), "there is no '{foto}' for names. Use any of: {sku},"),
        (("--name", "../{sku}"), "leads out of the folder"),
        (("--max-side", 3), "a longest side of 3 pixels is not possible"),
        (("--sharpen", 9), "a sharpening of 9 is not possible"),
        (("--quality", 0), "a JPEG quality of 0 is not possible"),
        (("--profile", "no.icc"), "no.icc: the file is not there. Give 'srgb', or the path of an ICC profile."),
        (("--preset", "nobody"), "there is no preset 'nobody'"),
        (("--format", "gif"), "there is no format 'gif'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    chromask: Chromask, capsys: pytest.CaptureFixture[str], wrong: tuple[object, ...], sentence: str
) -> None:
    assert chromask(*wrong) == 2
    assert sentence in capsys.readouterr().err
    assert not Path("out").exists()
