"""The command line as a customer types it: the real program in its own process, on drawn pictures."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from psd_tools import PSDImage

from engine.inference.kontext.availability import nano_folder
from tests.system.conftest import Chromask, answer

HEAVY = ("torch", "diffusers", "PySide6", "sqlalchemy", "cv2", "colour", "scipy")


def test_version_and_help_load_nothing_heavy(chromask: Chromask) -> None:
    run = chromask("--version")
    assert (run.returncode, run.stdout) == (0, "chromask 0.1.0\n")
    run = chromask("--help", environment={"PYTHONPROFILEIMPORTTIME": "1"})
    assert run.returncode == 0
    assert "run" in run.stdout
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in run.stderr.splitlines()}
    assert not imported & set(HEAVY)


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("run", "somewhere"),  # no --out
        ("run", ".", "--out", "o", "--tasks", "levitate"),
        ("run", ".", "--out", "o", "--format", "gif"),
        ("color", "match", "a.jpg", "b.jpg", "-o", "c.gif"),
        ("run", ".", "--out", "o", "--engine", "kontext"),  # no weights here
        ("run", ".", "--out", "o", "--tasks", "hat", "--engine", "classical"),
        ("history", "1", "--catalog", "mistyped.db"),
        ("catalog", "check", "--catalog", "mistyped.db"),
        ("--catalog", "mistyped.db", "catalog", "check"),  # where it would mean the account's own
        ("mask", "garment", "a.jpg", "b.jpg", "-o", "m.jpg"),
    ],
)
def test_wrong_usage_is_exit_code_2_with_a_sentence_and_no_traceback(
    chromask: Chromask, drawn_pairs: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    run = chromask(*(str(drawn_pairs) if argument == "." else argument for argument in arguments))
    assert run.returncode == 2, run.stderr
    assert "Traceback" not in run.stderr
    assert run.stderr.strip()
    assert not (tmp_path / "mistyped.db").exists()


def test_a_folder_without_pairs_leaves_an_earlier_table_and_a_pair_list_that_was_named_must_be_there(
    chromask: Chromask, tmp_path: Path
) -> None:
    table = tmp_path / "o" / "delta_e.csv"
    table.parent.mkdir()
    table.write_text("of yesterday\n")
    (tmp_path / "empty").mkdir()
    run = chromask("run", tmp_path / "empty", "--out", tmp_path / "o", "--catalog", "c.db")
    assert run.returncode == 1
    assert "Nothing to do" in run.stderr
    run = chromask(
        "run", tmp_path / "empty", "--out", tmp_path / "o", "--pairs", tmp_path / "mistyped.csv", "--catalog", "c.db"
    )
    assert run.returncode == 1
    assert "mistyped.csv: the file is not there" in run.stderr
    assert table.read_text() == "of yesterday\n"


def test_kontext_without_weights_says_what_is_missing_and_where_to_get_it(
    chromask: Chromask, drawn_pairs: Path
) -> None:
    run = chromask("run", drawn_pairs, "--out", "o", "--engine", "kontext", "--catalog", "c.db")
    assert "FLUX.1-Kontext-dev" in run.stderr
    run = chromask("run", drawn_pairs, "--out", "o", "--tasks", "mask", "--catalog", "c.db", "--json")
    assert "Running on the classical engine" in run.stderr
    assert answer(run)["engine"] == "classical"


def test_run_writes_masks_matches_psds_and_a_table_and_goes_on_where_it_was(
    chromask: Chromask, drawn_pairs: Path, tmp_path: Path
) -> None:
    pictures = tmp_path / "pictures"
    shutil.copytree(drawn_pairs, pictures)
    (pictures / "X9_model.jpg").write_text("not a picture")
    before = {path: path.read_bytes() for path in pictures.iterdir()}
    arguments = ("run", pictures, "--out", "out", "--catalog", "c.db", "--engine", "classical", "--json")
    first = chromask(*arguments, "--format", "psd,tiff,png,jpeg")
    summary = answer(first)
    assert summary["pairs"] == 4
    assert len(summary["problems"]) == 1
    assert "X9_model.jpg" in summary["problems"][0]
    done = summary["jobs"]["succeeded"]
    assert done >= 3, summary["failures"]
    assert first.returncode == (1 if summary["jobs"]["failed"] else 0)
    assert len(summary["written"]) == 5 * done
    assert summary["mean_dE00_after"] < summary["mean_dE00_before"]
    with open(tmp_path / "out" / "delta_e.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert {row["outside_max_change"] for row in rows if row["state"] == "succeeded"} == {"0"}
    assert {path: path.read_bytes() for path in pictures.iterdir()} == before, "originals are never written to"
    for path in (tmp_path / "out").glob("*.psd"):
        assert [layer.name for layer in PSDImage.open(path)] == ["Background", "Matched colour"]
    second = answer(chromask(*arguments, "--format", "psd,tiff,png,jpeg"))
    assert second["written"] == []
    assert len(second["kept"]) == 5 * done

    nothing = answer(chromask("export", "last", "--out", "approved", "--catalog", "c.db", "--json"))
    assert nothing == {"written": [], "kept": [], "failures": [], "skipped": [], "notices": []}
    exported = answer(
        chromask("export", "last", "--out", "all", "--all", "--format", "jpeg", "--catalog", "c.db", "--json")
    )
    assert len(exported["written"]) == 2 * done
    missing = chromask("export", "nowhere", "--out", "x", "--catalog", "c.db")
    assert missing.returncode == 2
    assert "there is no batch 'nowhere'" in missing.stderr

    check = answer(chromask("catalog", "check", "--catalog", "c.db", "--json"))
    assert check["problems"] == []
    assert check["stray_files"] == []
    backup = chromask("catalog", "backup", "copy.db", "--catalog", "c.db")
    assert backup.returncode == 0, backup.stderr
    copy = answer(chromask("catalog", "check", "--catalog", "copy.db", "--json"))
    assert copy["succeeded"] == done
    assert chromask("catalog", "upgrade", "--catalog", "c.db").returncode == 0


@pytest.fixture
def pair(drawn_pairs: Path) -> tuple[Path, Path]:
    """A sweatshirt and its flatlay."""
    return drawn_pairs / "CM1001_detail_on-model_01.jpg", drawn_pairs / "CM1001_flatlay_01.jpg"


def test_color_match_of_one_photograph(chromask: Chromask, pair: tuple[Path, Path], tmp_path: Path) -> None:
    report, mask = tmp_path / "r.json", tmp_path / "m.png"
    run = chromask("color", "match", *pair, "-o", "o.png", "--save-mask", mask, "--report", report, "--json")
    assert run.returncode == 0, run.stderr
    document = answer(run)
    assert document["outside_max_change"] == 0
    assert document["after"]["delta_E"] < document["before"]["delta_E"]
    assert report.exists()
    source, result = (cv2.imread(str(path)) for path in (pair[0], tmp_path / "o.png"))
    alpha = cv2.imread(str(mask), cv2.IMREAD_UNCHANGED)
    assert (source[alpha == 0] == result[alpha == 0]).all()
    assert (source[alpha == 255] != result[alpha == 255]).any()
    refused = chromask("color", "match", *pair, "-o", "o.png")
    assert refused.returncode == 1
    assert "o.png: a file of this name exists already" in refused.stderr
    given = chromask("color", "match", *pair, "-o", "o2.tif", "--mask", mask, "--depth", "16")
    assert given.returncode == 0, given.stderr
    wide = tifffile.imread(tmp_path / "o2.tif")
    assert wide.dtype == np.uint16
    assert (wide[alpha == 0] == source[alpha == 0][:, ::-1].astype(np.uint16) * 257).all()
    assert "a JPEG holds 8 bits" in chromask("color", "match", *pair, "-o", "o.jpg", "--depth", "16").stderr
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "small.png")
    wrong = chromask("color", "match", *pair, "-o", "o3.tif", "--mask", "small.png")
    assert "small.png: the mask is 3 × 3, the photograph 320 × 400 pixels" in wrong.stderr
    assert not (tmp_path / "o3.tif").exists()


def test_mask_garment(chromask: Chromask, pair: tuple[Path, Path], tmp_path: Path) -> None:
    run = chromask("mask", "garment", *pair, "-o", "m.png", "--label", "sweatshirt", "--json")
    assert run.returncode == 0, run.stderr
    assert 0 < answer(run)["coverage"] < 1
    mask = cv2.imread(str(tmp_path / "m.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (400, 320)
    assert mask.max() == 255


def test_mask_extract(chromask: Chromask, pair: tuple[Path, Path], tmp_path: Path) -> None:
    photo = cv2.imread(str(pair[0]))
    truth = np.zeros(photo.shape[:2], np.uint8)
    cv2.circle(truth, (160, 200), 60, 255, -1, cv2.LINE_AA)
    weight = truth[..., None] / 255.0
    painted = np.rint(photo * (1 - weight) + np.array([0, 250, 10]) * weight).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "painted.png"), painted)
    run = chromask("mask", "extract", pair[0], "painted.png", "-o", "m.png", "--report", "r.json", "--json")
    assert run.returncode == 0, run.stderr
    found = cv2.imread(str(tmp_path / "m.png"), cv2.IMREAD_UNCHANGED)
    inside, wanted = found > 127, truth > 127
    assert (inside & wanted).sum() / (inside | wanted).sum() >= 0.97
    nothing = chromask("mask", "extract", pair[0], pair[0], "-o", "n.png")
    assert nothing.returncode == 1
    assert "Traceback" not in nothing.stderr


def test_qc_measures_writes_a_heat_map_and_judges(chromask: Chromask, tmp_path: Path) -> None:
    grey = np.full((20, 30, 3), 128, np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray(grey + 1).save(tmp_path / "b.png")
    Image.fromarray(np.flip(grey * [1, 0, 0], 1).astype(np.uint8)).save(tmp_path / "c.png")
    same = chromask("qc", "a.png", "b.png", "--json", "--heatmap", "h.png")
    assert same.returncode == 0, same.stderr
    assert 0 < answer(same)["mean"] < 1
    assert answer(same)["verdict"] == "pass"
    assert cv2.imread(str(tmp_path / "h.png")).shape[1] >= 30
    other = chromask("qc", "a.png", "c.png")
    assert other.returncode == 1
    assert "fail" in other.stdout
    size = chromask("qc", "a.png", "h.png")
    assert size.returncode == 1
    assert "Traceback" not in size.stderr


def test_photographs_without_flatlays_get_dreamed_masks_and_nothing_else(
    chromask: Chromask, drawn_pairs: Path, tmp_path: Path
) -> None:
    shoot = tmp_path / "shoot"
    shoot.mkdir()
    for number, path in enumerate(sorted(drawn_pairs.glob("*_on-model_*"))[:2]):
        shutil.copy(path, shoot / f"IMG_{number}{path.suffix}")
    arguments = ("run", shoot, "--out", "out", "--catalog", "c.db", "--model", nano_folder())
    refused = chromask(*arguments, "--tasks", "mask,hat")
    assert refused.returncode == 1
    assert "2 of them are photographs without a flatlay" in refused.stderr
    assert "--tasks hat" in refused.stderr
    run = chromask(*arguments, "--tasks", "hat", "--format", "psd,mask", "--json")
    summary = answer(run)
    assert run.returncode == 0, run.stderr
    assert "2 photographs without a flatlay, 0 pictures or folders left out." in run.stderr
    assert summary["jobs"]["succeeded"] == summary["pairs"] == 2
    documents = [PSDImage.open(tmp_path / "out" / f"IMG_{number}.psd") for number in range(2)]
    assert [[layer.name for layer in document] for document in documents] == [["Background"]] * 2
    for number in range(2):
        mask = np.asarray(Image.open(tmp_path / "out" / f"IMG_{number}_hat-mask.png"))
        assert 0 < (mask > 127).mean() < 0.5
    with (tmp_path / "out" / "delta_e.csv").open() as table:
        assert [row["flatlay"] for row in csv.DictReader(table)] == ["", ""]


def test_demo_headless_writes_a_report(chromask: Chromask, tmp_path: Path) -> None:
    run = chromask("demo", "--headless", "--out", "demo", "--count", "2")
    assert run.returncode == 0, run.stderr
    page = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    matched, _, dreamed = page.partition("<h1>Dreamed masks</h1>")
    assert matched.count("<article>") == 2
    assert matched.count("data:image/jpeg;base64,") == 6
    assert "ΔE00 to the truth" in page
    assert "Against the drawn truth" in run.stderr
    assert dreamed.count("<section>") >= 4
    assert dreamed.count("<figcaption>Painted</figcaption>") >= 1
    assert "drawn figures only" in dreamed
    assert "photographs need FLUX.1 Kontext" in run.stderr


def test_second_instance_on_the_same_catalog_is_told_so(chromask: Chromask, drawn_pairs: Path, tmp_path: Path) -> None:
    from storage.location import SqliteLocation

    with SqliteLocation().open(tmp_path / "c.db"):
        run = chromask("run", drawn_pairs, "--out", "o", "--catalog", "c.db")
    assert run.returncode == 1
    assert "another Chromask" in run.stderr or "Another Chromask" in run.stderr
    assert "Traceback" not in run.stderr


def test_doctor_says_what_works_and_what_to_do(chromask: Chromask) -> None:
    run = chromask("doctor", "--json")
    findings = {finding["part"]: finding for finding in answer(run)}
    assert {"Python", "Window", "torch", "GPU", "FLUX.1 Kontext", "Memory", "Disk", "Colour profiles"} <= set(findings)
    assert findings["torch"]["health"] == "ok"
    assert findings["FLUX.1 Kontext"]["remedy"]


def test_read_only_output_is_one_clear_sentence_and_nothing_is_lost(
    chromask: Chromask, drawn_pairs: Path, tmp_path: Path
) -> None:
    """A file where the output folder should be: refused for root as well, unlike permission bits."""
    (tmp_path / "out").write_text("a file, not a folder")
    run = chromask("run", drawn_pairs, "--out", "out", "--catalog", "c.db", "--tasks", "mask")
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1] == (
        f"chromask: {tmp_path / 'out'}: a file of this name exists already. "
        "Choose another folder, or allow overwriting."
    )
    assert "Traceback" not in run.stderr
    assert (tmp_path / "out").read_text() == "a file, not a folder"


@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
def test_full_disk_is_one_clear_sentence_and_leaves_no_half_file(
    chromask: Chromask, drawn_pairs: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("may not mount a small disk here")
    try:
        run = chromask("run", drawn_pairs, "--out", small, "--catalog", "c.db", "--format", "psd,tiff")
        assert run.returncode == 1
        assert "the disk is full" in run.stderr
        assert "Traceback" not in run.stderr
        assert not list(small.glob(".chromask-*"))
        for path in small.glob("*.psd"):
            PSDImage.open(path)
    finally:
        subprocess.run(["umount", str(small)], check=True)
