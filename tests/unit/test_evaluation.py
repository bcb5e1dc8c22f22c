"""`chromask eval masks|color`: folders, sets and checkpoints, on drawn pictures and the tiny real pipeline."""

from __future__ import annotations

import csv
import json
import re
import shutil
import unicodedata
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.domain.datasets import DatasetKind, Example, Manifest, Split
from engine.domain.errors import KnownError, UsageError
from engine.domain.evaluation import (
    ColorFigures,
    ColorFolders,
    Contender,
    Crop,
    Evaluation,
    MaskFigures,
    MaskFolders,
    Measured,
)
from engine.domain.geometry import Box, Extent
from engine.domain.requests import Sampling
from engine.domain.training import TrainingJob
from engine.imaging.contact_sheet import draw_contact_sheet
from engine.imaging.datasets.green import paint_green
from engine.imaging.drawn import ColorCast, draw_scene
from engine.imaging.raster.headers import read_header
from engine.services.datasets.manifest import read_manifest, write_manifest
from engine.services.evaluation.crops import parse_crop
from engine.services.evaluation.evaluate import evaluate, file_stems
from engine.services.evaluation.records import best_of, read_evaluation, run_folder, summaries
from engine.services.evaluation.requests import (
    base_contender,
    lora_contender,
    run_contenders,
    set_evaluation,
)
from engine.training.job import CHECKPOINTS, write_job
from main import main
from tests.kontext_jobs import with_green_patch

ONE_STEP = Sampling(num_inference_steps=1)


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)
    return path


@pytest.fixture(autouse=True)
def _own_prompts(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def masks(tmp_path) -> Path:
    """Drawn garments: exact masks, and predictions of which one is right, one moved, one empty and one not there."""
    for number, name in enumerate("abcd"):
        scene = draw_scene(number, Extent(96, 128))
        save(tmp_path / "photos" / f"{name}.png", scene.on_model)
        save(tmp_path / "truth" / f"{name}-mask.png", scene.garment_mask)
        made = {"a": scene.garment_mask, "b": np.roll(scene.garment_mask, 6, axis=1), "c": scene.garment_mask * 0}
        if name in made:
            save(tmp_path / "made" / f"{name}.png", made[name])
    return tmp_path


def test_masks_in_folders_are_matched_by_name_and_measured(masks, capsys):
    words = ["eval", "masks", masks / "made", masks / "truth", "--photographs", masks / "photos", "-o", masks / "out"]
    save(masks / "made" / "0.png", np.zeros((128, 96), np.uint8))
    assert main([str(word) for word in words]) == 1  # two could not be measured
    shown = capsys.readouterr()
    assert "no picture of the name '0' is in this folder" in shown.err
    assert "no picture of the name 'd' is in this folder" in shown.err
    assert re.search(r"a +1\.000 +1\.000 +0\.0000", shown.out)
    found = {row.example: row for row in read_evaluation(masks / "out").measured}
    truth = cv2.imread(str(masks / "truth" / "b-mask.png"), 0) > 127
    moved = np.roll(truth, 6, axis=1)
    assert found["b"].figures.iou == pytest.approx((truth & moved).sum() / (truth | moved).sum())
    assert found["c"].figures.iou == found["c"].figures.boundary_f == 0
    assert found["d"].figures is None
    with (masks / "out" / "evaluation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["example"] for row in rows] == ["0", "a", "b", "c", "d", "MEAN"]
    assert float(rows[-1]["iou"]) == pytest.approx(sum(float(row["iou"]) for row in rows[1:4]) / 3, abs=1e-6)


def test_the_contact_sheet_holds_its_pictures_worst_first(masks):
    (masks / "truth" / "d-mask.png").unlink()
    evaluate(MaskFolders(masks / "made", masks / "truth", masks / "photos"), masks / "out")
    page = (masks / "out" / "contact-sheet.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 3 * 4
    assert not re.search("https?:", page)
    assert re.findall(r"<h2>(\w)", page) == ["c", "b", "a"]
    extent = read_header(masks / "out" / "contact-sheet.png").extent
    assert extent.width > extent.height / 3


def test_masks_of_another_size_are_named_with_what_to_do(masks):
    save(masks / "made" / "b.png", np.zeros((30, 30), np.uint8))
    found = {row.example: row for row in evaluate(MaskFolders(masks / "made", masks / "truth"), masks / "o").measured}
    assert found["b"].figures is None
    assert "b.png: it is 30 × 30 pixels, the true one 96 × 128. Bring both to one size" in found["b"].problem
    with pytest.raises(KnownError, match="no picture has the name of one in"):
        evaluate(
            MaskFolders(save(masks / "other" / "z.png", np.zeros((9, 9), np.uint8)).parent, masks / "truth"),
            masks / "o",
        )


def test_names_are_shown_as_they_are_written_and_found_whatever_form_their_accents_have(tmp_path):
    mask = draw_scene(0, Extent(96, 128)).garment_mask
    save(tmp_path / "made" / (unicodedata.normalize("NFD", "Blüse 1 #a") + ".png"), mask)  # as from a Mac
    save(tmp_path / "truth" / (unicodedata.normalize("NFC", "blüse 1 #A") + "-Mask.png"), mask)
    (row,) = evaluate(MaskFolders(tmp_path / "made", tmp_path / "truth"), tmp_path / "out").measured
    assert (row.example, row.figures) == ("Blüse 1 #a", MaskFigures(1, 1, 0))
    page = (tmp_path / "out" / "contact-sheet.html").read_text(encoding="utf-8")
    assert re.search("<h2>Blüse 1 #a", page)
    assert not re.search(r"(src|href)=.?(?!data:|.data:)", page), "it needs no other file"


def test_the_page_names_what_could_not_be_measured(masks):
    for number in range(6):
        save(masks / "made" / f"spare <{number}>.png", np.zeros((9, 9), np.uint8))
    evaluate(MaskFolders(masks / "made", masks / "truth"), masks / "out")
    page = (masks / "out" / "contact-sheet.html").read_text(encoding="utf-8")
    assert page.count("Not measured: ") == 5
    assert "2 more were not measured; evaluation.csv has their reasons." in page
    assert "spare &lt;0&gt;" in page
    assert "10 examples, 3 of them measured." in page


def test_empty_truths_are_measured_and_one_picture_is_enough(tmp_path):
    empty = np.zeros((128, 96), np.uint8)
    for name, mask in (("a", empty), ("b", block := np.pad(empty[:28, :16] + 255, ((50, 50), (40, 40))))):
        save(tmp_path / "truth" / f"{name}.png", empty)
        save(tmp_path / "made" / f"{name}.png", mask)
    one, two = evaluate(MaskFolders(tmp_path / "made", tmp_path / "truth"), tmp_path / "out").measured
    assert one.figures == MaskFigures(1, 1, 0)
    assert two.figures == MaskFigures(0, 0, pytest.approx((block > 0).mean()))


def contender_rows(name: str, overlaps: list[float | None]) -> tuple[Contender, list[Measured]]:
    figures = [None if overlap is None else MaskFigures(overlap, 0.5, 0.1) for overlap in overlaps]
    return Contender(name), [Measured(name, f"look {n}", found) for n, found in enumerate(figures)]


@pytest.mark.parametrize(
    ("overlaps", "best"),
    [
        ({"base": [0.2, 0.2], "step 1": [0.5, 0.7], "step 2": [0.6, 0.6]}, "step 1"),  # equal means: the earlier one
        ({"base": [0.2, 0.2], "step 1": [0.9, None]}, "base"),  # stopped or failed: a mean of fewer examples
        ({"base": [0.2, 0.3], "step 1": [float("nan"), 0.9]}, "base"),
        ({"base": [0.4]}, "base"),
        ({"base": [None], "step 1": []}, None),
    ],
)
def test_the_best_is_the_greatest_mean_over_as_many_examples_as_the_others(overlaps, best):
    contenders, rows = zip(*(contender_rows(name, values) for name, values in overlaps.items()), strict=True)
    found = summaries(Evaluation(DatasetKind.MASK, "a", contenders, tuple(row for part in rows for row in part)))
    index = best_of(found)
    assert (None if index is None else found[index].contender.name) == best


def test_no_two_names_become_one_file():
    assert file_stems(["step 250", "a b", "a-b", "A b", "??", "example"]) == {
        "step 250": "step-250", "a b": "a-b", "a-b": "a-b-2", "A b": "A-b-3", "??": "example", "example": "example-2"
    }  # fmt: skip


@pytest.fixture
def colors(tmp_path) -> Path:
    """Drawn garments in a wrong colour, and made half and wholly right."""
    for number, share in enumerate((0.5, 1.0)):
        scene = draw_scene(number, Extent(96, 128), cast=ColorCast(dh=60, da=20))
        mixed = scene.on_model * (1 - share) + scene.truth * share
        pictures = {"control": scene.on_model, "made": mixed.astype(np.uint8), "truth": scene.truth}
        for kind, pixels in (pictures | {"masks": scene.garment_mask}).items():
            save(tmp_path / kind / f"look{number}.png", pixels)
    return tmp_path


def test_colours_in_folders(colors, capsys):
    words = ["eval", "color", *(colors / name for name in ("control", "made", "truth")), "--masks", colors / "masks"]
    assert main([str(word) for word in [*words, "-o", colors / "out", "--json"]]) == 0
    document = json.loads(capsys.readouterr().out)
    half, right = (row["figures"] for row in document["measured"])
    assert half["control_garment"] > half["result_garment"] > 1
    assert right["result_crop"] == right["result_garment"] == 0
    assert right["texture"] > 0.9
    assert (half["outside_max"], right["outside_max"]) == (0, 0)


def test_crops_of_single_pictures(colors):
    listed = colors / "crops.csv"
    listed.write_text("name,x,y,w,h\nlook1.png,40,60,8,6\n")
    request = ColorFolders(
        colors / "control", colors / "made", colors / "truth", crop=parse_crop("50,64,10,10", listed)
    )
    one, two = (row.figures for row in evaluate(request, colors / "out").measured)

    def cut(name: str, kind: str, box: Box) -> np.ndarray:
        return cv2.imread(str(colors / kind / name))[box.top : box.bottom, box.left : box.right, ::-1]

    from tests.unit.test_metrics import reference_delta_e

    for figures, name, box in ((one, "look0.png", Box(50, 64, 60, 74)), (two, "look1.png", Box(40, 60, 48, 66))):
        wanted = reference_delta_e(cut(name, "control", box), cut(name, "truth", box))
        assert figures.control_crop == pytest.approx(wanted, abs=5e-4)
    assert parse_crop("25%") == Crop(0.25)
    with pytest.raises(UsageError, match="'1,2,3' is no crop"):
        parse_crop("1,2,3")
    listed.write_text("name,x,y,w,h\na,1,2,x,4\n")
    with pytest.raises(KnownError, match=r"crops\.csv: line 2 holds no crop \(1,2,x,4\)"):
        parse_crop("1", listed)


@pytest.fixture
def hats(tmp_path) -> Path:
    """A set of three photographs, two of them held out, whose masks lie where `painted_green` paints."""
    folder, examples = tmp_path / "hats", []
    for number in range(3):
        # No plain wall, so that no part around a figure is cut out of it.
        control = cv2.resize(np.random.default_rng(number).integers(40, 200, (8, 6, 3), np.uint8), (96, 128))
        mask = (with_green_patch(np.zeros_like(control))[..., 1] > 0).astype(np.uint8) * 255
        name = f"hat-{number}"
        paths = {
            "control": save(folder / "control" / f"{name}.png", control),
            "target": save(folder / "target" / f"{name}.png", paint_green(control, mask)),
            "mask": save(folder / "mask" / f"{name}.png", mask),
        }
        files = {kind: path.relative_to(folder).as_posix() for kind, path in paths.items()}
        files["mask"] = "" if number == 2 else files["mask"]  # as in a set that was imported: read from its target
        examples.append(Example(name, name, caption="a hat", split=Split.HELD_OUT if number else Split.TRAIN, **files))
    write_manifest(Manifest(DatasetKind.MASK, tuple(examples)), folder)
    return folder


def test_a_model_that_paints_no_mask_has_an_iou_of_nothing(hats, tiny, capsys, monkeypatch):
    from engine.inference.kontext import backend as module

    monkeypatch.setattr(module, "sample", lambda *arguments, **_: arguments[1])  # the picture as it was
    words = ["eval", "masks", "--dataset", hats, "--model", tiny, "--steps", 1, "--limit", 1]
    assert main([str(word) for word in words]) == 0
    assert "no mask on 1" in capsys.readouterr().out
    (row,) = read_evaluation(hats.with_name("hats-evaluation")).measured
    assert row.figures.iou == row.figures.boundary_f == 0
    assert row.problem == "no mask was painted"


def test_every_checkpoint_of_a_run_is_measured(hats, tiny, lora_file, painted_green, tmp_path, capsys):
    run = tmp_path / "run"
    write_job(run, TrainingJob("hat", DatasetKind.MASK, str(tiny), str(hats), "", ()))
    (run / CHECKPOINTS).mkdir()
    for step in (250, 1000):
        shutil.copy(lora_file, run / CHECKPOINTS / f"hat-{step:06}.safetensors")
    # The run knows its set and its model, and keeps what is found out about it.
    assert main(["eval", "masks", "--checkpoints", str(run), "--steps", "1"]) == 0
    shown = capsys.readouterr().out
    names = [re.split(r"  +", line)[:2] for line in shown.splitlines()[1:4]]
    # All of them paint the same; of equal ones the first is the best.
    assert names == [["base · best", "2"], ["step 250", "2"], ["step 1000", "2"]]
    assert "base · best" in (run_folder(run) / "contact-sheet.html").read_text(encoding="utf-8")
    evaluation = read_evaluation(run_folder(run))
    assert [contender.step for contender in evaluation.contenders] == [0, 250, 1000]
    assert evaluation.facts["steps"] == 1
    for row in evaluation.measured:
        assert row.figures.iou > 0.96
        kept = cv2.imread(str(run_folder(run) / row.result), cv2.IMREAD_UNCHANGED)
        assert kept.shape == (128, 96)
    sheets = sorted(path.name for path in run_folder(run).glob("*.html"))
    assert len(sheets) == 3
    assert "contact-sheet.html" in sheets
    assert len(painted_green) == 6


def test_what_was_measured_before_a_stop_is_kept(hats, tiny, painted_green, tmp_path):
    request = set_evaluation(hats, tiny, (base_contender(),), kind=DatasetKind.MASK, split=None, sampling=ONE_STEP)
    told: list[Measured] = []
    evaluation = evaluate(request, tmp_path / "out", measured=told.append, stop=lambda: len(told) == 2)
    assert not evaluation.is_complete
    kept = read_evaluation(tmp_path / "out")
    assert [row.example for row in kept.measured] == ["hat-0", "hat-1"]
    assert not kept.is_complete
    assert summaries(kept)[0].count == 2
    assert (tmp_path / "out" / "contact-sheet.png").is_file()


def test_a_lora_that_does_not_fit_is_told_once_and_the_others_are_measured(hats, tiny, tmp_path, painted_green, capsys):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no tensors")
    pair = (lora_contender(broken), base_contender())
    request = set_evaluation(hats, tiny, pair, kind=DatasetKind.MASK, sampling=ONE_STEP)
    first, second = summaries(evaluate(request, tmp_path / "out"))
    assert (first.count, first.failed) == (0, 2)
    words = ["eval", "masks", "--dataset", hats, "--model", tiny, "--steps", 1, "--lora", broken, "--base"]
    assert main([str(word) for word in [*words, "-o", tmp_path / "out"]]) == 1
    assert capsys.readouterr().err.count("broken.safetensors: ") == 1
    assert (second.count, second.failed) == (2, 0)
    alone = set_evaluation(hats, tiny, pair[:1], kind=DatasetKind.MASK, sampling=ONE_STEP)
    with pytest.raises(KnownError, match="broken"):
        evaluate(alone, tmp_path / "alone")


def test_requests_that_cannot_be_carried_out_are_refused(hats, tiny, tmp_path):
    with pytest.raises(UsageError, match="this is a mask set"):
        set_evaluation(hats, tiny, (base_contender(),), kind=DatasetKind.COLOR)
    with pytest.raises(UsageError, match="'base' is given twice"):
        set_evaluation(hats, tiny, (base_contender(), base_contender()), kind=DatasetKind.MASK)
    with pytest.raises(KnownError, match="there is no training run here"):
        run_contenders(tmp_path)
    with pytest.raises(KnownError, match="there is no evaluation here"):
        read_evaluation(tmp_path)
    assert main(["eval", "masks", "--dataset", str(hats), str(tmp_path)]) == 2
    manifest = read_manifest(hats)
    write_manifest(Manifest(manifest.kind, tuple(replace(e, split=Split.TRAIN) for e in manifest.examples)), hats)
    with pytest.raises(KnownError, match=r"hats: nothing of this set is held out\. Build it again.*--split all"):
        set_evaluation(hats, tiny, (base_contender(),), kind=DatasetKind.MASK)


@pytest.fixture
def coats(tmp_path) -> Path:
    """A colour set of one pair: flatlay on the left, the photograph in a wrong colour on the right."""
    folder = tmp_path / "coats"
    scene = draw_scene(5, Extent(64, 80), cast=ColorCast(dh=90, da=25))
    flatlay = cv2.resize(scene.flatlay, (64, 80), interpolation=cv2.INTER_AREA)
    pictures = {
        "control": np.hstack([flatlay, scene.on_model]),
        "target": np.hstack([flatlay, scene.truth]),
        "mask": np.hstack([np.zeros((80, 64), np.uint8), scene.garment_mask]),
    }
    for kind, pixels in pictures.items():
        save(folder / kind / "coat.png", pixels)
    files = {kind: f"{kind}/coat.png" for kind in pictures}
    example = Example("coat", "coat", caption="chromiq coat", trigger="chromiq", split=Split.HELD_OUT, **files)
    write_manifest(Manifest(DatasetKind.COLOR, (example,)), folder)
    return folder


def test_a_colour_set_is_measured_on_the_photograph(coats, tiny, lora_file, tmp_path, capsys):
    words = ["eval", "color", "--dataset", coats, "--model", tiny, "--base", "--lora", lora_file, "--steps", 1]
    assert main([str(word) for word in [*words, "-o", tmp_path / "out"]]) == 0
    assert "crop before" in capsys.readouterr().out
    evaluation = read_evaluation(tmp_path / "out")
    assert [contender.name for contender in evaluation.contenders] == ["base", "mask"]
    base, lora = (row.figures for row in evaluation.measured)
    assert isinstance(base, ColorFigures)
    assert base.control_garment == lora.control_garment
    assert base.control_garment > 10
    assert base.result_garment != lora.result_garment
    assert base.outside_max is not None
    made = cv2.imread(str(tmp_path / "out" / evaluation.measured[0].result))
    assert made.shape == (80, 64, 3)


def test_a_model_that_paints_the_truth_is_measured_as_true(coats, tiny, tmp_path, monkeypatch):
    from engine.inference.kontext import backend as module

    target = cv2.imread(str(coats / "target" / "coat.png"))[..., ::-1]
    monkeypatch.setattr(module, "sample", lambda *_, **__: np.ascontiguousarray(target))
    request = set_evaluation(coats, tiny, (base_contender(),), kind=DatasetKind.COLOR, sampling=ONE_STEP)
    (row,) = evaluate(request, tmp_path / "out").measured
    assert row.figures.result_crop == pytest.approx(0, abs=0.2)
    assert row.figures.result_garment < 0.5
    assert row.figures.texture > 0.9


def test_fifty_rows_stand_side_by_side_and_three_below_each_other(masks):
    from engine.imaging.contact_sheet import Cell, ContactSheet, Row, thumbnail

    cells = tuple(Cell(thumbnail(np.full((80, 60, 3), 90, np.uint8)), ("IoU 0.500",)) for _ in range(4))

    def drawn(count: int) -> np.ndarray:
        rows = tuple(Row(f"look {number}", cells) for number in range(count))
        return draw_contact_sheet(ContactSheet("Title", ("A line.",), ("A", "B", "C", "D"), rows))

    few, many = drawn(3), drawn(50)
    assert few.shape[0] > few.shape[1]
    assert many.shape[1] > 1.5 * few.shape[1]
    assert many.shape[0] < 17 * 280 + 400
    assert drawn(0).shape[1] >= 700
    for sheet in (few, many):
        assert tuple(sheet[0, 0]) == tuple(sheet[-1, -1]) == (118, 118, 118)


def test_a_record_of_a_newer_version_is_refused(tmp_path):
    from engine.services.evaluation.records import write_records

    empty = Evaluation(DatasetKind.MASK, "a", (base_contender(),), (Measured("base", "x", MaskFigures(1, 1, 0)),))
    write_records(empty, tmp_path)
    assert read_evaluation(tmp_path) == empty
    content = json.loads((tmp_path / "evaluation.json").read_text())
    (tmp_path / "evaluation.json").write_text(json.dumps(content | {"version": 2}))
    with pytest.raises(KnownError, match="a newer Chromask"):
        read_evaluation(tmp_path)
