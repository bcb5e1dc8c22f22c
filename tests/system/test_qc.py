"""`chromask qc` and the studio's tolerances, as a customer types them."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.system.conftest import Chromask, answer

FACTORS = ("k_L", "k_C", "k_H")


def read(path: Path) -> np.ndarray:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return np.asarray(pixels)


@pytest.fixture
def pair(drawn_pairs: Path) -> tuple[Path, Path]:
    """A sweatshirt and its flatlay."""
    return drawn_pairs / "CM1001_detail_on-model_01.jpg", drawn_pairs / "CM1001_flatlay_01.jpg"


@pytest.fixture
def versions(tmp_path: Path) -> tuple[str, str, str]:
    """A photograph, a version of it that differs in one square, and the square as a mask."""
    random = np.random.default_rng(0)
    a = random.integers(60, 200, (60, 90, 3), np.uint8)
    b = a.copy()
    b[20:40, 30:60] = np.clip(b[20:40, 30:60].astype(int) + 6, 0, 255)
    mask = np.zeros((60, 90), np.uint8)
    mask[20:40, 30:60] = 255
    for name, pixels in (("a.png", a), ("b.png", b), ("m.png", mask)):
        Image.fromarray(pixels).save(tmp_path / name)
    return "a.png", "b.png", "m.png"


def test_two_versions_are_compared_inside_the_mask_and_proven_equal_outside(
    chromask: Chromask, versions: tuple[str, str, str], tmp_path: Path
) -> None:
    a, b, mask = versions
    run = chromask("qc", a, b, "--mask", mask, "--heatmap", "h.png", "--json")
    document = answer(run)
    assert document["outside_max_change"] == 0
    assert document["n_pixels"] == 600
    assert 0 < document["mean"] < 5
    assert document["tolerance"] == {"passes": 3.0, "warns": 5.0, "k_L": 1.0, "k_C": 1.0, "k_H": 1.0}
    heat = read(tmp_path / "h.png")
    assert heat.shape == (60, 90, 3), "the picture's own size"
    black = cv2.applyColorMap(np.zeros((1, 1), np.uint8), cv2.COLORMAP_VIRIDIS)[0, 0]
    assert (heat[:20] == black).all(), "no difference is the ramp's dark end"
    assert (heat[20:40, 30:60] != black).any(axis=-1).all()
    other = np.array(Image.open(tmp_path / b))
    other[0, 0, 1] += 5
    Image.fromarray(other).save(tmp_path / "b2.png")
    text = chromask("qc", a, "b2.png", "--mask", mask)
    assert "Largest change of a channel value outside the mask: 5." in text.stdout
    assert "pass up to 3, warn up to 5, k_L 1, k_C 1, k_H 1" in text.stdout


def test_a_garment_is_judged_against_its_flatlay_before_and_after_the_match(
    chromask: Chromask, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    before = answer(chromask("qc", *pair, "--flatlay", "--json"))  # finds the mask that the match finds
    matched = answer(chromask("color", "match", *pair, "-o", "o.png", "--save-mask", "m.png", "--json"))
    assert before["delta_E"] == pytest.approx(matched["before"]["delta_E"])
    run = chromask("qc", "o.png", pair[1], "--flatlay", "--mask", "m.png", "--heatmap", "h.png", "--json")
    after = answer(run)
    assert after["region"] == "garment / flatlay"
    assert after["delta_E"] == pytest.approx(matched["after"]["delta_E"])
    assert after["palette"] == matched["after"]["palette"]
    assert after["delta_E"] < before["delta_E"]
    assert {"color", "share", "reference_color", "reference_share", "delta_E", "verdict"} == set(after["palette"][0])
    heat, mask = read(tmp_path / "h.png"), read(tmp_path / "m.png")
    assert heat.shape == read(pair[0]).shape
    legend = np.zeros(mask.shape, bool)
    legend[-56:, -160:] = True
    assert (heat[(mask <= 127) & ~legend] == 0).all(), "only the garment is drawn"


def test_the_studios_tolerances_reach_every_report(
    chromask: Chromask, drawn_pairs: Path, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    account = tmp_path / "data" / "Chromask"
    account.mkdir(parents=True)
    (account / "tolerances.toml").write_text("[default]\nk_L = 2.0\n")
    (tmp_path / "own.toml").write_text("[brand.acme]\npass = 60\nwarn = 70\n[garment.hoodie]\nk_C = 1.5\n")
    versions = ("qc", pair[0], pair[0], "--json")
    assert answer(chromask(*versions))["tolerance"]["k_L"] == 2.0
    own = ("--tolerances", "own.toml", "--brand", "ACME", "--label", "hoodie")
    wanted = {"passes": 60.0, "warns": 70.0, "k_L": 1.0, "k_C": 1.5, "k_H": 1.0}
    assert answer(chromask(*versions, *own))["tolerance"] == wanted
    assert answer(chromask(*versions, *own, "--pass", "1.5"))["tolerance"] == wanted | {"passes": 1.5}
    # Without a label the rule of the body zone counts that the mask was found in.
    (tmp_path / "zones.toml").write_text("[category.upper]\npass = 50\nwarn = 55\n[category.lower]\npass = 1\n")
    found = answer(chromask("qc", *pair, "--flatlay", "--tolerances", "zones.toml", "--json"))
    assert (found["tolerance"]["passes"], found["tolerance"]["warns"]) == (50, 55)
    chest = np.zeros((400, 320), np.uint8)
    chest[180:240, 130:190] = 255
    Image.fromarray(chest).save(tmp_path / "chest.png")
    matched = chromask("color", "match", *pair, "-o", "o.png", "--mask", "chest.png", *own, "--report", "r.json")
    assert matched.returncode == 0, matched.stderr
    assert "pass up to 60, warn up to 70, k_L 1, k_C 1.5, k_H 1" in matched.stderr
    assert '"warns": 70.0' in (tmp_path / "r.json").read_text(encoding="utf-8")
    summary = answer(
        chromask("run", *pair, "--out", "out", "--catalog", "c.db", "--engine", "classical", "--json", *own)
    )
    assert summary["tolerances"] == [wanted]
    assert summary["verdicts"] == {"pass": 1}
    with open(tmp_path / "out" / "delta_e.csv", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert [row[key] for key in ("pass", "warn", *FACTORS)] == ["60", "70", "1", "1.5", "1"]
    assert row["palette"]


def test_a_second_catalog_is_judged_by_the_file_beside_it_and_not_by_the_accounts(
    chromask: Chromask, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    account = tmp_path / "data" / "Chromask"
    account.mkdir(parents=True)
    (account / "tolerances.toml").write_text("[default]\npass = 'broken'\n")
    catalog = tmp_path / "second" / "c.db"
    catalog.parent.mkdir()
    (catalog.parent / "tolerances.toml").write_text("[default]\npass = 61\nwarn = 62\n")
    run = chromask("run", *pair, "--out", "out", "--catalog", catalog, "--engine", "classical", "--json")
    assert run.returncode == 0, run.stderr
    assert [(limits["passes"], limits["warns"]) for limits in answer(run)["tolerances"]] == [(61, 62)]
    own = chromask("run", *pair, "--out", "out", "--engine", "classical")
    assert (run.returncode, own.returncode) == (0, 1)
    assert "tolerances.toml: [default]: 'pass' is 'broken'." in own.stderr


def test_wrong_tolerances_are_one_sentence_before_any_work_is_done(
    chromask: Chromask, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "own.toml").write_text("[garment.hoodie]\npasses = 2\n")
    expected = "chromask: own.toml: [garment.hoodie] has an unknown key 'passes'. Use: pass, warn, k_L, k_C, k_H.\n"
    own = ("--tolerances", "own.toml")
    for arguments in (
        ("qc", *pair, "--flatlay"),
        ("color", "match", *pair, "-o", "o.png"),
        ("run", *pair, "--out", "out", "--catalog", "c.db"),
    ):
        run = chromask(*arguments, *own)
        assert (run.returncode, run.stderr) == (1, expected)
    assert not (tmp_path / "o.png").exists()
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "c.db").exists()
    unknown = chromask("qc", *pair, "--flatlay", "--brand", "acme")
    assert unknown.returncode == 2
    assert unknown.stderr == (
        "chromask: no tolerances are known for the brand 'acme'. Add [brand.acme] to a file of your own.\n"
    )


def test_bad_input_of_a_measurement_is_one_clear_sentence(
    chromask: Chromask, pair: tuple[Path, Path], versions: tuple[str, str, str], tmp_path: Path
) -> None:
    a, b, _ = versions
    dot = np.zeros((60, 90), np.uint8)
    Image.fromarray(dot).save(tmp_path / "empty.png")
    dot[5, 5] = 255
    Image.fromarray(dot).save(tmp_path / "dot.png")
    Image.fromarray(dot[:-1]).save(tmp_path / "short.png")
    Image.open(pair[0]).convert("L").save(tmp_path / "grey.png", icc_profile=None)
    undefined = np.full((60, 90, 3), 0.5, np.float32)
    undefined[3, 3] = np.nan
    tifffile.imwrite(tmp_path / "nan.tif", undefined, photometric="rgb")
    cases = {
        ("qc", a, b, "--mask", "empty.png"): "empty.png: the mask is empty.",
        ("qc", a, b, "--mask", "dot.png"): "dot.png: the mask is white on only 1 pixel.",
        ("qc", a, b, "--mask", "short.png"): "short.png: the mask is 90 × 59, the photograph 90 × 60 pixels.",
        ("qc", a, pair[0]): "it is 320 × 400 pixels, the picture it is compared with is 90 × 60.",
        ("qc", a, "nan.tif"): "nan.tif: ",
        ("qc", a, b, "--mask", "nan.tif"): "nan.tif: ",
        ("qc", "grey.png", pair[1], "--flatlay"): "grey.png: the on-model photograph is greyscale",
        ("qc", pair[0], "grey.png", "--flatlay"): "grey.png: the flatlay photograph is greyscale",
        ("qc", a, b, "--pass", "nan"): "the pass limit is nan.",
        ("qc", a, b, "--pass", "4", "--warn", "2"): "the warn limit 2 lies below the pass limit 4.",
    }
    for arguments, says in cases.items():
        run = chromask(*arguments, "--heatmap", "h.png")
        assert run.returncode in (1, 2), arguments
        assert run.stdout == ""
        assert says in run.stderr, arguments
        assert run.stderr.count("\n") == 1, run.stderr
    assert not (tmp_path / "h.png").exists()
