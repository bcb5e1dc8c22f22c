"""The loop of training closes on a CPU: drawn pictures, a data set, a LoRA, the registry, a batch, masks, figures.

The base is the small model that ships. It was never taught hats, and neither is its own LoRA for hats used here.
"""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.domain.geometry import Extent
from engine.imaging.drawn.scene import Framing, draw_scene
from engine.inference.kontext.availability import nano_folder
from engine.training.nano.drawn_pairs import MASKS, PHOTOGRAPHS, write_mask_pairs
from tests.system.conftest import Chromask, answer

TAUGHT, SHOWN = 60_000_000, 93_000_000
"""First seeds: neither the small model nor its LoRAs learnt from these figures."""

FIGURES = 4


def figures(folder: Path) -> dict[str, np.ndarray]:
    """Portraits without hats, and where a hat would be on each."""
    truth: dict[str, np.ndarray] = {}
    folder.mkdir()
    for number in range(FIGURES):
        scene = draw_scene(SHOWN + number, Extent(320, 400), framing=Framing.PORTRAIT)
        cv2.imwrite(str(folder / f"CM{number}_front_on-model.png"), scene.on_model[..., ::-1])
        cv2.imwrite(str(folder / f"CM{number}_flatlay.png"), scene.flatlay[..., ::-1])
        truth[f"CM{number}_front_on-model"] = scene.region_masks["hat"] > 127
    return truth


def overlap(found: np.ndarray, true: np.ndarray) -> float:
    return float((found & true).sum() / max(1, (found | true).sum()))


@pytest.mark.slow
def test_what_was_trained_here_dreams_hats_that_the_base_does_not(tmp_path: Path, chromask: Chromask) -> None:
    base = nano_folder()
    drawn, run = tmp_path / "drawn", tmp_path / "caps-training"
    write_mask_pairs(drawn, "hat", TAUGHT, 16)
    built = chromask(
        "dataset", "build", "mask", "-o", tmp_path / "caps", "--object", "a hat", "--held-out", "0.25",
        "--photographs", drawn / PHOTOGRAPHS, "--masks", drawn / MASKS,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    trained = chromask(
        "train", "mask", "--dataset", tmp_path / "caps", "--model", base, "--out", run, "--name", "caps",
        "--rank", "16", "--lr", "0.002", "--warmup", "10", "--steps", "80", "--batch", "12", "--resolution", "128",
        "--time-mean", "0.6", "--pure-noise", "0.2", "--guidance", "2.5", "--variants", "6", "--ema", "0.9",
        "--caption-dropout", "0", "--no-checkpointing", "--evaluate-every", "40", "--save-every", "80",
        "--sample-every", "80", "--samples", "1", "--sample-steps", "1",
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    curve = csv.DictReader((run / "loss.csv").read_text(encoding="utf-8").splitlines())
    losses = [float(row["loss"]) for row in curve if row["loss"]]
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])

    measured = answer(
        chromask("eval", "masks", "--checkpoints", run, "--steps", "1", "-o", tmp_path / "figures", "--json")
    )
    scores: dict[str, list[float]] = {}
    for row in measured["measured"]:
        scores.setdefault(row["contender"], []).append(row["figures"]["iou"])
    assert list(scores) == ["base", "step 80"]
    assert np.mean(scores["step 80"]) > np.mean(scores["base"]) + 0.4, scores

    registered = chromask("train", "register", run, "--mask-type", "cap", "--region", "head")
    assert registered.returncode == 0, registered.stderr
    truth = figures(tmp_path / "shoot")
    ran = chromask(
        "run", tmp_path / "shoot", "--tasks", "cap", "--engine", "kontext", "--model", base, "--steps", "1",
        "--format", "mask", "--out", tmp_path / "out", "--json",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    dreamed: list[float] = []
    for stem, true in truth.items():
        (path,) = (tmp_path / "out").rglob(f"{stem}*mask*.png")
        dreamed.append(overlap(np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)) > 127, true))
    assert np.mean(dreamed) > 0.5, dreamed
