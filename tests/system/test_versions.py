"""Versions through the real program: corrected and tried again in real worker processes, listed, and exported."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.domain.geometry import Extent
from engine.imaging.drawn import write_demo_set
from tests.system.conftest import Chromask, answer

PAIRS = 4


def versions_of(chromask: Chromask, job: int, catalog: Path) -> list[dict[str, Any]]:
    return answer(chromask("history", str(job), "--catalog", catalog, "--json"))


def test_a_result_is_corrected_tried_again_and_exported(chromask: Chromask, drawn_pairs: Path, tmp_path: Path) -> None:
    catalog, out = tmp_path / "catalog.db", tmp_path / "out"
    assert chromask("run", drawn_pairs, "--out", out, "--format", "png", "--catalog", catalog).returncode == 0
    with open(out / "delta_e.csv", encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    job, name = int(row["job"]), Path(row["on_model"]).stem
    made = np.asarray(Image.open(out / f"{name}_garment-mask.png"))
    rows = np.flatnonzero(made.any(axis=1))
    wanted = np.where(np.arange(len(made))[:, None] < int(rows.mean()), made, 0).astype(np.uint8)
    Image.fromarray(wanted).save(tmp_path / "by hand.png")

    done = chromask("correct", str(job), "--mask", tmp_path / "by hand.png", "--catalog", catalog, "--json")
    assert done.returncode == 0, done.stderr
    corrected = json.loads(done.stdout)
    assert (corrected["version"], corrected["supersedes"], corrected["reason"]) == (2, job, "mask_edited")
    assert corrected["state"] == "succeeded"
    done = chromask("again", str(corrected["job"]), "--reason", "color", "--catalog", catalog)
    assert done.returncode == 0, done.stderr
    assert "Queued again with" in done.stderr
    chain = versions_of(chromask, job, catalog)
    assert [version["version"] for version in chain] == [3, 2, 1]
    assert [version["reason"] for version in chain] == ["color", "mask_edited", None]
    assert {version["state"] for version in chain} == {"succeeded"}

    # The newest is exported, in place of the file that the first one left; the corrected mask is still its mask.
    done = chromask("export", "last", "--out", out, "--format", "png", "--all", "--catalog", catalog)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.asarray(Image.open(out / f"{name}_garment-mask.png")), wanted)
    assert len(list(out.glob("*_matched.png"))) == PAIRS

    # The same folder once more does nothing twice and brings all versions along.
    done = chromask("run", drawn_pairs, "--out", out, "--format", "png", "--catalog", catalog, "--json")
    assert json.loads(done.stdout)["jobs"]["succeeded"] == PAIRS + 2
    assert versions_of(chromask, job, catalog) == chain
    assert chromask("catalog", "check", "--catalog", catalog).returncode == 0

    # What cannot be is said in a sentence.
    Image.new("L", (10, 10), 255).save(tmp_path / "small.png")
    for arguments, code, says in (
        (("history", "4711"), 2, "there is no job 4711"),
        (("correct", str(job), "--mask", tmp_path / "small.png"), 1, "the mask is 10 × 10"),
        (("again", str(job), "--reason", "mask"), 1, "nothing else can be tried for its mask"),
    ):
        done = chromask(*arguments, "--catalog", catalog)
        assert (done.returncode, done.stdout) == (code, "")
        assert says in done.stderr
        assert "Traceback" not in done.stderr


def test_the_mask_of_a_failed_job_is_drawn(chromask: Chromask, tmp_path: Path) -> None:
    pictures, catalog, out = tmp_path / "pictures", tmp_path / "catalog.db", tmp_path / "out"
    write_demo_set(pictures, 1, extent=Extent(320, 400))
    (flatlay,) = pictures.glob("*flat*")
    (model,) = (file for file in pictures.iterdir() if file != flatlay)
    noise = np.random.default_rng(3).integers(0, 6, (400, 320, 3), dtype=np.uint8)
    Image.fromarray(np.array([170, 120, 90], np.uint8) + noise).save(model)  # nobody is to be seen
    done = chromask("run", pictures, "--out", out, "--format", "png", "--catalog", catalog)
    assert done.returncode == 1
    assert "(job 1)" in done.stderr
    assert "chromask correct" in done.stderr

    alpha = np.zeros((400, 320), np.uint8)
    alpha[100:300, 80:240] = 255
    Image.fromarray(alpha).save(tmp_path / "drawn.png")
    done = chromask("correct", "1", "--mask", tmp_path / "drawn.png", "--catalog", catalog, "--json")
    assert done.returncode == 0, done.stderr
    drawn = answer(done)
    assert (drawn["version"], drawn["supersedes"], drawn["state"]) == (2, 1, "succeeded")
    assert [version["state"] for version in versions_of(chromask, 1, catalog)] == ["succeeded", "failed"]
    assert chromask("catalog", "check", "--catalog", catalog).returncode == 0
