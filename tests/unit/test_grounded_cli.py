"""Labels, availability and garments.json, and the commands that use them, on tiny random weights."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.cli.app import run
from engine.domain.errors import KnownError, UsageError
from engine.domain.geometry import Extent
from engine.domain.requests import ColorMatchRequest, DetectionLabel, DetectionSettings, EngineName, uses_networks
from engine.imaging.drawn import write_demo_set
from engine.imaging.masks.garments import garment_of
from engine.services.detection import grounded_status, load_detection, require_grounded
from engine.services.doctor import Health, _grounded
from engine.services.garment_labels import garment_keys, read_garments, with_garments, write_garments
from engine.services.intake import scan
from engine.services.plan import (
    EngineChoice,
    MaskSource,
    choose_detection,
    choose_engine,
    color_request,
    garment_mask_request,
)

MAIN = Path(__file__).resolve().parents[2] / "main.py"
DETECTION = DetectionSettings("detector", "segmenter", (DetectionLabel("shirt", "shirt"),))


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory) -> Path:
    """A models folder with a detector and a segmenter under their own names, and a list that finds something."""
    from tests.tiny_grounded import build_tiny_detector, build_tiny_segmenter

    folder = tmp_path_factory.mktemp("models")
    build_tiny_detector(folder / "grounding-dino-tiny")
    build_tiny_segmenter(folder / "sam2.1-hiera-small")
    (folder / "detection.toml").write_text(
        "box_threshold = 0.0\ntext_threshold = 0.0\n"
        '[[label]]\nprompt = "shirt"\ngarment = "shirt"\npieces = 1\n'
        '[[label]]\nprompt = "trousers"\ngarment = "pants"\npieces = 1\n'
    )
    return folder


@pytest.fixture
def models(tiny_models, monkeypatch) -> Path:
    monkeypatch.setenv("CHROMASK_MODELS", str(tiny_models))
    return tiny_models


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "pictures"
    write_demo_set(folder, 2, extent=Extent(320, 400))
    return folder


@pytest.fixture
def chromask(tmp_path, monkeypatch):
    """Run a command in this process; commands that need no catalog need no composition either."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run([str(argument) for argument in arguments], None)  # pyright: ignore


# -- the list ------------------------------------------------------------------------------------------------------


def test_the_shipped_list_holds_the_published_labels_and_only_known_garments() -> None:
    registry = load_detection()
    assert [label.prompt for label in registry.labels][:6] == ["shirt", "trousers", "dress", "jacket", "gilet", "pants"]
    for label in registry.labels:
        kind = garment_of(label.garment)
        assert kind is not None
        assert kind.label == label.garment
    assert (registry.box_threshold, registry.text_threshold) == (0.35, 0.25)
    assert {model.licence for model in (*registry.detectors, *registry.segmenters)} == {"Apache-2.0"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("box_treshold = 0.3\n", "the key 'box_treshold' is unknown"),
        ("box_threshold = 1.5\n", "'box_threshold' is 1.5"),
        ("label = []\n", "'label' is no list of tables"),
        ('[[label]]\nprompt = "shirt"\n', "number 1 has the keys prompt"),
        ('[[label]]\nprompt = "shirt"\ngarment = "shirt"\npieces = "two"\n', "'pieces' of .* is 'two'"),
        ('[[label]]\nprompt = "A shirt."\ngarment = "shirt"\npieces = 1\n', "lower case, without full stops"),
        ('[[label]]\nprompt = "shirt"\ngarment = "shirt"\npieces = 0\n', "pieces must be 1 or more"),
        (2 * '[[label]]\nprompt = "shirt"\ngarment = "shirt"\npieces = 1\n', "listed twice"),
    ],
)
def test_an_operators_list_with_a_mistake_is_refused_by_file_and_key(tmp_path, text: str, sentence: str) -> None:
    own = tmp_path / "detection.toml"
    own.write_text(text)
    with pytest.raises(KnownError, match=sentence) as caught:
        load_detection(own)
    assert caught.value.path == own


def test_an_operators_key_takes_the_place_of_the_shipped_one_and_the_others_stay(models: Path) -> None:
    registry = load_detection()
    assert [label.prompt for label in registry.labels] == ["shirt", "trousers"]
    assert registry.box_threshold == 0.0
    assert registry.detectors[0].model_id == "IDEA-Research/grounding-dino-base"


# -- availability --------------------------------------------------------------------------------------------------


def test_the_first_complete_models_of_the_list_are_used(models: Path) -> None:
    settings = require_grounded()
    assert Path(settings.detector) == models / "grounding-dino-tiny"
    assert Path(settings.segmenter) == models / "sam2.1-hiera-small"
    assert [label.garment for label in settings.labels] == ["shirt", "pants"]
    assert _grounded().health is Health.OK


def test_what_is_missing_and_where_to_put_it_is_said(tiny_models: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("CHROMASK_MODELS", str(tmp_path))
    status = grounded_status()
    assert status.settings is None
    assert "grounding-dino-base" in status.reason
    assert "IDEA-Research/grounding-dino-base (Apache-2.0, 0.94 GB)" in status.remedy
    with pytest.raises(UsageError, match="grounding-dino-base"):
        require_grounded()
    assert _grounded().health is Health.NOTE
    shutil.copytree(tiny_models / "grounding-dino-tiny", tmp_path / "grounding-dino-tiny")
    assert "sam2.1-hiera-large" in grounded_status().reason
    (tmp_path / "grounding-dino-tiny" / "model.safetensors").write_bytes(b"version https://git-lfs")
    assert "LFS pointer" in grounded_status().reason
    (tmp_path / "detection.toml").write_text("label = 3\n")
    assert _grounded().health is Health.BROKEN


# -- which source masks what ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("garment", "source", "detection", "engine"),
    [
        ("shirt", MaskSource.AUTO, DETECTION, EngineName.CLASSICAL),
        ("", MaskSource.AUTO, DETECTION, EngineName.CLASSICAL),
        ("baseball cap", MaskSource.AUTO, DETECTION, EngineName.GROUNDED),
        ("tote", MaskSource.AUTO, DETECTION, EngineName.GROUNDED),
        ("tote", MaskSource.AUTO, None, EngineName.CLASSICAL),
        ("shirt", MaskSource.GROUNDED, DETECTION, EngineName.GROUNDED),
        ("tote", MaskSource.CLASSICAL, None, EngineName.CLASSICAL),
    ],
)
def test_auto_detects_only_what_the_classical_engine_has_no_zone_for(garment, source, detection, engine) -> None:
    request = garment_mask_request(garment, source, detection)
    assert request.engine is engine
    assert (request.detection is not None) == (engine is EngineName.GROUNDED)
    match = color_request(request, EngineChoice(EngineName.CLASSICAL, None))
    assert match == ColorMatchRequest(EngineName.CLASSICAL, request)
    assert uses_networks(match) == (engine is EngineName.GROUNDED)


def test_a_source_asked_for_by_name_must_be_there_and_auto_goes_without(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CHROMASK_MODELS", str(tmp_path))
    assert choose_detection(MaskSource.AUTO) is None
    assert choose_detection(MaskSource.CLASSICAL) is None
    with pytest.raises(UsageError):
        choose_detection(MaskSource.GROUNDED)
    with pytest.raises(UsageError, match="--mask-source"):
        choose_engine(EngineName.GROUNDED, None)


# -- garments.json -------------------------------------------------------------------------------------------------


def test_garments_are_written_by_file_name_and_read_again(tmp_path) -> None:
    one, two = tmp_path / "a" / "flat.jpg", tmp_path / "b" / "flat.jpg"
    assert garment_keys([one, tmp_path / "x.jpg"]) == {one: "flat.jpg", tmp_path / "x.jpg": "x.jpg"}
    assert garment_keys([one, two]) == {one: "a/flat.jpg", two: "b/flat.jpg"}
    path = tmp_path / "garments.json"
    write_garments({"flat.jpg": "jacket"}, path, overwrite=False)
    assert json.loads(path.read_text()) == {"flat.jpg": "jacket"}
    assert read_garments(path) == {"flat.jpg": "jacket"}
    for text in ("[]", '{"a": 1}', "{"):
        path.write_text(text)
        with pytest.raises(KnownError, match=r"garments\.json: this is no"):
            read_garments(path)


def test_pairs_get_their_labels_by_flatlay_and_keep_their_own(pictures: Path) -> None:
    pairs = scan([pictures]).pairs
    assert len(pairs) == 2  # two views of one article, with one flatlay
    (name,) = {pair.flatlay.path.name for pair in pairs if pair.flatlay}
    labelled = with_garments(pairs, {name: "jacket", "another.jpg": "dress"})
    assert [pair.garment for pair in labelled] == ["jacket", "jacket"]
    assert [pair.garment for pair in with_garments(labelled, {name: "shirt"})] == ["jacket", "jacket"]
    longer = with_garments(pairs, {name: "jacket", f"pictures/{name}": "pants", f"elsewhere/{name}": "hat"})
    assert [pair.garment for pair in longer] == ["pants", "pants"]
    assert [pair.garment for pair in with_garments(pairs, {name[1:]: "hat"})] == ["", ""]


# -- commands ------------------------------------------------------------------------------------------------------


def test_detect_names_the_flatlays_of_a_folder(chromask, models, pictures: Path, tmp_path, capsys) -> None:
    shutil.copytree(pictures, tmp_path / "shoot")
    (tmp_path / "shoot" / "broken_flat.jpg").write_text("no picture")
    assert chromask("detect", tmp_path / "shoot", "-o", "garments.json", "--json") == 1
    answer = json.loads(capsys.readouterr().out)
    garments = json.loads((tmp_path / "garments.json").read_text())
    flatlays = {pair.flatlay.path.name for pair in scan([pictures]).pairs if pair.flatlay}
    assert garments == answer["garments"]
    assert garments.keys() == flatlays
    assert set(garments.values()) <= {"shirt", "pants"}
    assert all(len(found["box"]) == 4 and 0 < found["score"] <= 1 for found in answer["detections"].values())
    assert ["broken_flat.jpg" in failure for failure in answer["failures"]] == [True]
    assert chromask("detect", tmp_path / "shoot", "-o", "garments.json") == 1
    assert "exists already" in capsys.readouterr().err


def test_detect_without_weights_is_wrong_usage(chromask, pictures: Path, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("CHROMASK_MODELS", str(tmp_path))
    assert chromask("detect", pictures) == 2
    assert "IDEA-Research/grounding-dino-base" in capsys.readouterr().err
    assert not (tmp_path / "garments.json").exists()


def test_mask_garment_takes_the_grounded_source(chromask, models, pictures: Path, tmp_path, capsys) -> None:
    pair = scan([pictures]).pairs[0]
    assert pair.flatlay is not None
    arguments = ("mask", "garment", pair.on_model.path, pair.flatlay.path, "--mask-source", "grounded", "--json")
    code = chromask(*arguments, "-o", "mask.png", "--label", "shirt")
    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert document["provenance"]["engine"] == "grounded"
    assert document["provenance"]["label"] == "shirt"
    assert (tmp_path / "mask.png").is_file()


def test_color_match_and_qc_take_the_grounded_source_and_a_list_of_labels(
    chromask, models, pictures: Path, tmp_path, capsys
) -> None:
    pair = scan([pictures]).pairs[0]
    assert pair.flatlay is not None
    photo, flatlay = pair.on_model.path, pair.flatlay.path
    # On a ground of its own colours the classical method cannot tell the garment from it; the detector can look for it.
    busy = tmp_path / "busy.png"
    rng = np.random.default_rng(2)
    cv2.imwrite(str(busy), cv2.resize(rng.integers(0, 255, (20, 16, 3), np.uint8), (320, 400)))
    write_garments({flatlay.name: "pants", busy.name: "pants"}, tmp_path / "g.json", overwrite=False)
    source = ("--mask-source", "grounded", "--labels", "g.json", "--json")
    assert chromask("color", "match", photo, flatlay, "-o", "one.png", *source) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["provenance"]["label"], document["provenance"]["label_from"]) == ("pants", "request")
    assert document["outside_max_change"] == 0
    # A label of its own comes before the list.
    assert chromask("color", "match", photo, busy, "-o", "two.png", "--label", "shirt", *source) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["provenance"]["label"] == "shirt"
    assert "The flatlay's background is not plain: its garment was detected." in document["notices"]
    assert chromask("color", "match", photo, busy, "-o", "three.png") == 1
    assert "busy.png: no garment stands out from the background" in capsys.readouterr().err
    assert chromask("qc", photo, busy, "--flatlay", *source) in (0, 1)
    assert json.loads(capsys.readouterr().out)["region"] == "garment / flatlay"
    assert chromask("qc", photo, busy, "--flatlay", "--labels", "none.json") == 1
    assert "none.json" in capsys.readouterr().err
    # The list is read, so it is not written over.
    assert chromask("mask", "garment", photo, flatlay, "-o", "g.json", "--labels", "g.json", "--overwrite") == 2


def test_a_batch_runs_grounded_in_the_worker_process(models, pictures: Path, tmp_path) -> None:
    labels = tmp_path / "garments.json"
    write_garments(
        {pair.flatlay.path.name: "pants" for pair in scan([pictures]).pairs if pair.flatlay}, labels, overwrite=False
    )
    arguments = ["run", pictures, "--out", "out", "--tasks", "mask", "--catalog", "c.db", "--format", "png", "--json"]
    arguments += ["--engine", "classical", "--mask-source", "grounded", "--labels", labels]
    ran = subprocess.run(
        [sys.executable, str(MAIN), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(ran.stdout)
    assert summary["jobs"]["succeeded"] == 2, summary["failures"]
    assert len([path for path in summary["written"] if "mask" in Path(path).name]) == 2
