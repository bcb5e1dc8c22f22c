"""Training sets in other trainers' layouts, and back; the commands around them."""

from __future__ import annotations

import json
import tomllib
import unicodedata
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from engine.cli.app import run
from engine.domain.datasets import DatasetKind, Example, Split
from engine.domain.errors import KnownError
from engine.domain.files import file_sha256
from engine.domain.training import COLOR_SETTINGS, MASK_SETTINGS
from engine.imaging.datasets.green import paint_green
from engine.services.datasets.layouts.ai_toolkit import read_config
from engine.services.datasets.layouts.export import Layout, export_dataset
from engine.services.datasets.layouts.imported import import_ai_toolkit
from engine.services.datasets.manifest import read_manifest
from engine.services.datasets.writing import Pictures, SetWriter

CAPTION = "chromiq Change the “jacket” color on the right to match the left"


def pictures(n: int) -> Pictures:
    random = np.random.default_rng(n)
    photo = cv2.resize(random.integers(0, 200, (8, 6, 3), np.uint8), (96, 128), interpolation=cv2.INTER_CUBIC)
    photo[..., 1] //= 2
    alpha = np.zeros((128, 96), np.uint8)
    cv2.rectangle(alpha, (20, 30), (70, 100), 255, -1)
    return Pictures(photo, paint_green(photo, alpha), alpha)


@pytest.fixture(scope="module")
def masks(tmp_path_factory) -> Path:
    """Ten mask pairs, two of them held out; nobody writes to it."""
    folder = tmp_path_factory.mktemp("sets") / "socks"
    writer = SetWriter(folder)
    for n in range(10):
        writer.add(Example(writer.free_name(f"CM{n}"), f"CM{n}", "", "", "put a green mask for socks on the person"),
                   pictures(n))  # fmt: skip
    writer.finish(DatasetKind.MASK, {"object": "socks"}, held_out=0.2, seed=0)
    return folder


@pytest.fixture(scope="module")
def colors(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "colours"
    writer = SetWriter(folder)
    for n in range(10):
        made = pictures(n)
        wrong = replace(made, target=made.control, control=255 - made.control, loss_mask=made.mask)
        writer.add(Example(writer.free_name(f"pair {n}"), f"CM{n}", "", "", CAPTION, trigger="chromiq"), wrong)
    writer.finish(DatasetKind.COLOR, {}, held_out=0.2, seed=0)
    return folder


def test_ai_toolkit_gets_its_keys_folders_and_captions(colors, tmp_path) -> None:
    exported = export_dataset(colors, tmp_path / "out", Layout.AI_TOOLKIT)
    config = yaml.safe_load(exported.config.read_text(encoding="utf-8"))
    (process,) = config["config"]["process"]
    assert config["job"] == "extension"
    assert process["type"] == "sd_trainer"
    assert process["network"] == {"type": "lora", "linear": 32, "linear_alpha": 32}
    assert process["trigger_word"] == "chromiq"
    assert process["train"]["lr"] == 1e-4
    assert process["train"]["steps"] == 5200
    assert process["train"]["optimizer_params"] == {"weight_decay": 0.0}
    assert process["train"]["timestep_type"] == "sigmoid"
    assert process["model"]["arch"] == "flux_kontext"
    (dataset,) = process["datasets"]
    assert dataset["mask_min_value"] == COLOR_SETTINGS.mask_min_value
    assert dataset["resolution"] == [1024]
    manifest = read_manifest(colors)
    names = {example.name for example in manifest.of(Split.TRAIN)}
    for key in ("folder_path", "control_path", "mask_path"):
        assert {path.stem for path in Path(dataset[key]).glob("*.png")} == names
    for example in manifest.of(Split.TRAIN):
        target = Path(dataset["folder_path"], f"{example.name}.png")
        assert target.samefile(colors / example.target)  # a second name, not a second copy
        assert target.with_suffix(".txt").read_text(encoding="utf-8") == CAPTION
    for prompt in process["sample"]["prompts"]:
        shown = Path(prompt.partition(" --ctrl_img ")[2])
        assert shown.is_file()
        assert shown.stem not in names


def test_a_mask_set_has_no_loss_mask_nor_trigger_there(masks, tmp_path) -> None:
    exported = export_dataset(masks, tmp_path / "out", Layout.AI_TOOLKIT, name="kontext-socks")
    config = yaml.safe_load(exported.config.read_text())["config"]
    (process,) = config["process"]
    assert config["name"] == "kontext-socks"
    assert "trigger_word" not in process
    assert not {"mask_path", "mask_min_value"} & set(process["datasets"][0])
    assert process["datasets"][0]["resolution"] == [512, 768, 1024]
    assert process["network"]["linear"] == 64
    assert exported.pairs == 8


@pytest.mark.parametrize("kind", list(DatasetKind))
def test_there_and_back_keeps_pictures_captions_masks_and_settings(kind, masks, colors, tmp_path) -> None:
    source = masks if kind is DatasetKind.MASK else colors
    wanted = replace(MASK_SETTINGS, rank=16, alpha=8, learning_rate=3e-5, steps=77, ema=0.99, resolutions=(640,),
                     gradient_checkpointing=False)  # fmt: skip
    if kind is DatasetKind.MASK:
        wanted = replace(wanted, mask_min_value=0.0)
    exported = export_dataset(source, tmp_path / "out", Layout.AI_TOOLKIT, settings=wanted)
    imported = import_ai_toolkit(exported.config, tmp_path / "back", held_out=0)
    assert imported.settings == wanted
    assert imported.unknown == ()
    assert not imported.built.findings
    assert imported.built.manifest.kind is kind
    before = {example.name: example for example in read_manifest(source).of(Split.TRAIN)}
    after = imported.built.manifest.examples
    assert {example.name for example in after} == set(before)
    for example in after:
        was = before[example.name]
        assert (example.caption, example.trigger) == (was.caption, was.trigger)
        for new, old in ((example.control, was.control), (example.target, was.target)):
            assert file_sha256(tmp_path / "back" / new) == file_sha256(source / old)
        assert bool(example.loss_mask) == bool(was.loss_mask)
        if kind is DatasetKind.MASK:
            found, drawn = (cv2.imread(str(path), 0) > 127 for path in (
                tmp_path / "back" / example.mask, source / was.mask))  # fmt: skip
            assert (found & drawn).sum() / (found | drawn).sum() > 0.95


def test_names_with_spaces_and_accents_come_over_with_masks_and_sizes(tmp_path) -> None:
    home = tmp_path / "Été 2026, Köln"
    for folder in ("les images", "témoins", "masques"):
        (home / folder).mkdir(parents=True)
    for n in range(3):
        made, name = pictures(n), f"Pull côtelé n° {n} (dos)"
        cv2.imwrite(str(home / "les images" / f"{name}.png"), made.target[..., ::-1])
        # As a Mac writes names into an archive: the accent by itself, behind its letter.
        cv2.imwrite(str(home / "témoins" / f"{unicodedata.normalize('NFD', name)}.png"), made.control[..., ::-1])
        cv2.imwrite(str(home / "masques" / f"{name}.png"), made.mask)
        (home / "les images" / f"{name}.txt").write_text(f"mets un masque vert, côté {n}", encoding="utf-8")
    entry = {"folder_path": "les images", "control_path": "témoins", "mask_path": "masques", "mask_min_value": 0.2,
             "resolution": [512, 640, 1024]}  # fmt: skip
    config = {"config": {"process": [{"network": {"linear": 8}, "train": {"lr": 2e-4}, "datasets": [entry]}]}}
    (home / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    imported = import_ai_toolkit(home, tmp_path / "the set", held_out=0)
    assert not imported.built.findings
    assert imported.settings is not None
    assert (imported.settings.resolutions, imported.settings.mask_min_value) == ((512, 640, 1024), 0.2)
    examples = imported.built.manifest.examples
    assert [example.name for example in examples] == [f"Pull-côtelé-n-{n}-dos" for n in range(3)]
    for n, example in enumerate(examples):
        control, target = (cv2.imread(str(tmp_path / "the set" / path)) for path in (example.control, example.target))
        np.testing.assert_array_equal(control[..., ::-1], pictures(n).control)
        np.testing.assert_array_equal(target[..., ::-1], pictures(n).target)
        assert example.caption == f"mets un masque vert, côté {n}"
        loss = cv2.imread(str(tmp_path / "the set" / example.loss_mask), cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(loss, pictures(n).mask)
    out = tmp_path / "pour l'atelier"
    exported = export_dataset(tmp_path / "the set", out, Layout.AI_TOOLKIT, settings=imported.settings)
    back = import_ai_toolkit(exported.config, tmp_path / "back", held_out=0)
    assert back.settings == imported.settings
    assert [e.files for e in back.built.manifest.examples] == [e.files for e in examples]


def test_a_configuration_as_people_write_it_is_read(masks, tmp_path) -> None:
    out = export_dataset(masks, tmp_path / "out", Layout.AI_TOOLKIT).config.parent
    for caption in (out / "target").glob("*.txt"):
        caption.write_text("[trigger] a green mask", encoding="utf-8")
    (out / "mine.yaml").write_text(
        "config:\n  process:\n    - trigger_word: sockiq\n      network: {linear: 4, linear_alpha: 4}\n"
        "      train: {lr: 1e-4, steps: 10, optimizer: prodigy, timestep_type: weighted, lr_scheduler: cosine}\n"
        "      datasets:\n        - {folder_path: target, control_path: control, resolution: 512}\n"
    )
    sets, settings, unknown = read_config(out / "mine.yaml")
    assert sets[0].targets == out / "target"
    assert settings.learning_rate == 1e-4  # YAML 1.1 takes 1e-4 for a text
    assert settings.resolutions == (512,)
    assert set(unknown) == {"train.lr_scheduler", "train.timestep_type = weighted", "train.optimizer = prodigy"}
    built = import_ai_toolkit(out / "mine.yaml", tmp_path / "back").built
    assert {example.caption for example in built.manifest.examples} == {"sockiq a green mask"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "no valid YAML"),
        ("model: flux", "'config' holds no keys"),
        ("config: {process: [{datasets: []}]}", "names no datasets"),
        ("config: {process: [{datasets: [{folder_path: a}]}]}", "lacks folder_path or control_path"),
        (
            "config: {process: [{train: {steps: many}, datasets: [{folder_path: a, control_path: b}]}]}",
            "'train.steps' is 'many'",
        ),
        (
            "config: {process: [{network: {linear: 0}, datasets: [{folder_path: a, control_path: b}]}]}",
            "a value cannot be used",
        ),
        ("!!python/object/apply:os.system ['true']", "no valid YAML"),
    ],
)
def test_a_configuration_that_is_none_is_refused_by_name(text, message, tmp_path) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(KnownError, match=message) as refused:
        import_ai_toolkit(tmp_path, tmp_path / "set")
    assert refused.value.path == tmp_path / "config.yaml"


def test_musubi_tuner_gets_its_dataset_and_command(masks, colors, tmp_path) -> None:
    exported = export_dataset(masks, tmp_path / "out", Layout.MUSUBI)
    config = tomllib.loads(exported.config.read_text(encoding="utf-8"))
    assert [entry["resolution"] for entry in config["datasets"]] == [[512, 512], [768, 768], [1024, 1024]]
    assert len({entry["cache_directory"] for entry in config["datasets"]}) == 3
    for entry in config["datasets"]:
        images, controls = (Path(entry[key]) for key in ("image_directory", "control_directory"))
        assert {path.name for path in images.glob("*.png")} == {path.name for path in controls.glob("*.png")}
        assert len(list(images.glob("*.txt"))) == 8
    command = (exported.config.parent / "train.txt").read_text()
    assert "--network_dim 64" in command
    assert "--network_module networks.lora_flux" in command
    assert not any("without masks" in notice for notice in exported.notices)
    masked = export_dataset(colors, tmp_path / "colour-out", Layout.MUSUBI)
    assert any("without masks" in notice for notice in masked.notices)


def test_one_trainer_gets_conditions_masks_and_concepts(colors, tmp_path) -> None:
    exported = export_dataset(colors, tmp_path / "out", Layout.ONE_TRAINER)
    preset = json.loads(exported.config.read_text())
    assert (preset["masked_training"], preset["unmasked_weight"]) == (True, COLOR_SETTINGS.mask_min_value)
    assert preset["custom_conditioning_image"]
    (concept,) = json.loads(Path(preset["concept_file_name"]).read_text())
    folder = Path(concept["path"])
    stems = {path.stem for path in folder.glob("*.txt")}
    assert len(stems) == 8
    for suffix in ("", "-condlabel", "-masklabel"):
        assert all((folder / f"{stem}{suffix}.png").is_file() for stem in stems)


def test_exports_are_refused_where_something_is_in_the_way(masks, tmp_path) -> None:
    export_dataset(masks, tmp_path / "out", Layout.AI_TOOLKIT)
    with pytest.raises(KnownError, match="exists already"):
        export_dataset(masks, tmp_path / "out", Layout.AI_TOOLKIT)
    export_dataset(masks, tmp_path / "out", Layout.AI_TOOLKIT, overwrite=True)
    with pytest.raises(KnownError, match="the set itself"):
        export_dataset(masks, masks, Layout.MUSUBI)
    assert read_manifest(masks)


def test_the_commands_build_check_export_and_import(masks, tmp_path, capsys) -> None:
    photos, drawn = tmp_path / "photos", tmp_path / "drawn"
    photos.mkdir()
    drawn.mkdir()
    for n in range(11):
        made = pictures(n)
        cv2.imwrite(str(photos / f"CM{n}.png"), made.control[..., ::-1])
        cv2.imwrite(str(drawn / f"CM{n}.png"), made.mask)

    def chromask(*arguments: object) -> int:
        return run([str(argument) for argument in ("dataset", *arguments)], None)  # pyright: ignore

    new = tmp_path / "new"
    paths = ("--photographs", photos, "--masks", drawn)
    assert chromask("build", "mask", "-o", new, "--object", "a hat", *paths, "--json") == 0
    built = json.loads(capsys.readouterr().out)
    assert (built["pairs"], built["held_out"], built["parameters"]["object"]) == (11, 2, "a hat")
    assert chromask("check", new) == 0
    assert "can be trained on" in capsys.readouterr().out
    assert chromask("export", new, "-o", tmp_path / "toolkit") == 0
    assert chromask("import", tmp_path / "toolkit", "-o", tmp_path / "back", "--json") == 0
    out = json.loads(capsys.readouterr().out.split("config.yaml\n")[1])
    assert out["settings"]["rank"] == 64
    assert chromask("check", tmp_path / "back") == 1  # nine pairs are left
    assert chromask("build", "mask", "-o", new, "--object", "a hat", *paths) == 1
    assert "holds a data set already" in capsys.readouterr().err
    assert chromask("build", "mask", "-o", new, "--object", "a hat", "--masks", drawn) == 2
