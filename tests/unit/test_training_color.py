"""A colour LoRA from drawn photographs to the registry: the set without a hand, the masked loss, the tiny pipeline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from engine.cli.app import run
from engine.domain.datasets import DatasetKind, Split
from engine.domain.geometry import Extent
from engine.domain.training import StepDone, TrainingJob, TrainingSettings
from engine.imaging.drawn import write_demo_set
from engine.imaging.drawn.demo import truth_folder
from engine.inference.kontext.prompts import PromptCache
from engine.inference.kontext.source import find_source
from engine.services.registries import LoraKind, load_registry
from engine.services.trained import register_run, trained_file
from engine.services.training import new_job
from engine.training.cache import LatentCache
from engine.training.examples import Encoded, load_examples
from engine.training.job import read_events, read_job
from engine.training.session import Caches
from tests.tiny_kontext import build_tiny_kontext

MAIN = Path(__file__).resolve().parents[2] / "main.py"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return build_tiny_kontext(tmp_path_factory.mktemp("tiny") / "tiny-kontext")


@pytest.fixture(scope="module")
def caches(tmp_path_factory) -> Caches:
    folder = tmp_path_factory.mktemp("caches")
    return Caches(LatentCache(folder / "latents"), PromptCache(folder / "prompts"))


@pytest.fixture(scope="module")
def colors(tmp_path_factory) -> Path:
    """The set that the command builds of three drawn photographs of two articles in their true colours."""
    folder = tmp_path_factory.mktemp("drawn") / "pictures"
    write_demo_set(folder, 3, extent=Extent(240, 300))
    truth = truth_folder(folder)
    for row in json.loads((truth / "truth.json").read_text())["pairs"]:
        cv2.imwrite(str(truth.parent / row["on_model"]), cv2.imread(str(truth.parent / row["truth"])))
    out = folder.parent / "colours"
    options = ("--mask-source", "classical", "--held-out", "0.34", "--delta-e-from", "10", "--delta-e-to", "20")
    assert run(["dataset", "build", "color", str(folder), "-o", str(out), *options], None) == 0  # pyright: ignore
    return out


def encoded(job: TrainingJob, model: Path, caches: Caches) -> list[Encoded]:
    """The training examples as the transformer gets them."""
    examples = load_examples(
        job, find_source(model), latents=caches.latents, prompts=caches.prompts, device="cpu", dtype=torch.float32,
        tell=lambda *_: None,
    )  # fmt: skip
    return [example for group in examples._shapes.values() for example in group]


def grid(example: Encoded) -> np.ndarray:
    """Token weights as rows and columns, with the greatest one 1."""
    _, height, width = example.latents.target.shape
    weights = example.weights.reshape(height // 2, width // 2).numpy()
    return weights / weights.max()


def test_the_loss_counts_on_the_right_half_or_on_the_garment(colors, model, caches):
    job = new_job(DatasetKind.COLOR, colors, model, TrainingSettings(resolutions=(256,), mask_min_value=0.1))
    for example in encoded(job, model, caches):
        weights = grid(example)
        middle = weights.shape[1] // 2
        np.testing.assert_allclose(weights[:, :middle], 0.1, atol=0.01)
        # The canvas of training may pad the last pixels, which count as black.
        np.testing.assert_allclose(weights[1:-1, -middle:-1], 1, atol=0.02)
        assert float(example.weights.mean()) == pytest.approx(1, abs=1e-5)
    on_garment = replace(job, examples=tuple(replace(e, loss_mask=e.mask) for e in job.examples))
    masks = {e.name: cv2.imread(str(colors / e.mask), cv2.IMREAD_GRAYSCALE) for e in job.of(Split.TRAIN)}
    for example in encoded(on_garment, model, caches):
        weights = grid(example)
        share = cv2.resize(masks[example.name], weights.shape[::-1], interpolation=cv2.INTER_AREA) / 255
        expected = np.maximum(share, 0.1)
        # The canvases of the set and of training differ in proportion by a few per cent.
        assert np.abs(weights - expected).mean() < 0.05
        assert np.corrcoef(weights.ravel(), expected.ravel())[0, 1] > 0.95


def test_a_colour_set_is_trained_on_by_the_command_and_its_lora_registered(colors, model, tmp_path, monkeypatch):
    monkeypatch.setenv("CHROMASK_MODELS", str(tmp_path / "models"))
    options = (
        "--unchecked", "--rank=4", "--lr=0.01", "--steps=6", "--batch=2", "--resolution=64", "--sample-every=6",
        "--samples=1", "--sample-steps=1", "--evaluate-every=3", "--save-every=0",
    )  # fmt: skip
    command = (sys.executable, MAIN, "train", "color", "--dataset", colors, "--model", model, "--out", tmp_path / "run")
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [str(part) for part in (*command, *options)], env=environment, capture_output=True, text=True, timeout=500
    )
    assert ran.returncode == 0, ran.stderr
    path = trained_file(tmp_path / "run")
    assert ran.stdout == f"{path}\n"
    assert "Step 3: held-out loss" in ran.stderr
    assert "Finished at step 6" in ran.stderr
    events = read_events(tmp_path / "run")
    assert [event.step for event in events if isinstance(event, StepDone)] == list(range(1, 7))
    job = read_job(tmp_path / "run")
    # What was not typed is the published colour LoRA's.
    assert (job.kind, job.settings.mask_min_value, job.settings.weight_decay) == (DatasetKind.COLOR, 0.1, 0.0)
    assert all(bool(tensor.any()) for name, tensor in load_file(path).items() if ".lora_B." in name)
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    assert (header["modelspec.trigger_phrase"], header["chromask.kind"]) == ("chromiq", "color")
    assert header["chromask.dataset_sha256"] == json.loads((colors / "manifest.json").read_text())["sha256"]
    entry = register_run(tmp_path / "run", name="our-colours", replace=True)
    assert (entry.kind, entry.mask_type, entry.trigger) == (LoraKind.COLOR, "", "chromiq")
    assert entry.prompt == "chromiq Change the {garment} color on the right to match the left"
    assert load_registry().lora_for("color") == entry
