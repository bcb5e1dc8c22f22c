"""Training the tiny real pipeline on a drawn data set: from the folder to the LoRA file, through cuts and refusals."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from engine.cli.app import run as run_command
from engine.domain.datasets import DatasetKind
from engine.domain.errors import KnownError, UsageError
from engine.domain.geometry import Extent
from engine.domain.requests import Sampling
from engine.domain.training import (
    BaseWeights,
    Evaluated,
    Finished,
    Paused,
    Sampled,
    Saved,
    StepDone,
    TrainingEvent,
)
from engine.imaging.raster.headers import read_header
from engine.inference.kontext.lora import configured_shapes, inspect_lora
from engine.inference.kontext.prompts import PromptCache
from engine.inference.kontext.slot import probe
from engine.inference.kontext.source import find_source
from engine.services.painting import Painting, diffusion_settings_for
from engine.services.registries import load_registry
from engine.services.trained import register_run, trained_file
from engine.services.training import begin, go_on, has_run, new_job
from engine.training.adapter import add_lora, load_transformer
from engine.training.cache import LatentCache
from engine.training.claim import last_error
from engine.training.job import EVENTS, read_events, read_job, saved_files
from engine.training.process import BROKEN, _trained
from engine.training.session import Caches
from tests.kontext_jobs import CANVAS, run_sample
from tests.tiny_kontext import build_tiny_kontext
from tests.tiny_training import PLAN, SETTINGS, build_tiny_set, ran

MAIN = Path(__file__).resolve().parents[2] / "main.py"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return build_tiny_kontext(tmp_path_factory.mktemp("tiny") / "tiny-kontext")


@pytest.fixture(scope="module")
def bars(tmp_path_factory) -> Path:
    return build_tiny_set(tmp_path_factory.mktemp("sets") / "bars")


@pytest.fixture(scope="module")
def caches(tmp_path_factory) -> Caches:
    folder = tmp_path_factory.mktemp("caches")
    return Caches(LatentCache(folder / "Chromask" / "latents"), PromptCache(folder / "Chromask" / "prompts"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory, model, bars, caches) -> Path:
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    begin(new_job(DatasetKind.MASK, bars, model, SETTINGS), folder)
    assert isinstance(ran(folder, caches)[-1], Finished)
    return folder


def same_weights(one: Path, other: Path) -> bool:
    a, b = load_file(one), load_file(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_tells_and_writes_everything(whole):
    events = read_events(whole)
    assert [event.step for event in events if isinstance(event, StepDone)] == list(range(1, 9))
    assert [event.step for event in events if isinstance(event, Evaluated)] == [4, 8]
    remaining = [event.remaining for event in events if isinstance(event, StepDone)]
    assert all(seconds > 0 for seconds in remaining[:-1])
    assert remaining[-1] == 0
    assert list(saved_files(whole)) == [4, 8]
    strips = [whole / event.path for event in events if isinstance(event, Sampled)]
    assert [read_header(path).extent for path in strips] == [Extent(3 * 64, 64)] * 2  # control, target, painted
    rows = (whole / "loss.csv").read_text().splitlines()
    assert rows[0] == "step,loss,learning_rate,seconds,held_out_loss,held_out_iou"
    assert len(rows) == 1 + 8 + 2
    evaluations = [event for event in events if isinstance(event, Evaluated)]
    assert evaluations[1].loss < evaluations[0].loss, "it learns what it was not shown"
    assert all(event.iou is not None and 0 <= event.iou <= 1 for event in evaluations)
    assert rows[-1].split(",")[4:] == [str(evaluations[1].loss), str(evaluations[1].iou)]


OPTIONS = (
    "--rank=4", "--alpha=8", "--lr=0.01", "--steps=8", "--batch=2", "--accumulation=2", "--resolution=64,32",
    "--ema=0.8", "--variants=1", "--caption-dropout=0.3", "--evaluate-every=4", "--iou-steps=1", "--samples=1",
    "--save-every=4", "--checkpoint-every=3", "--seed=7",
)  # fmt: skip
"""`SETTINGS` as they are typed."""


class Command:
    """A ``chromask train mask`` of its own, with everything it says; its cache is its own too."""

    def __init__(self, run: Path, *arguments: object) -> None:
        command = (sys.executable, MAIN, "train", "mask", "--out", run, *arguments)
        environment = os.environ | {"XDG_CACHE_HOME": str(run.parent / "cache"), "OMP_NUM_THREADS": "1"}
        self._run = run
        self.process = subprocess.Popen(
            [str(part) for part in command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def wait_for_step(self, step: int) -> None:
        """Until the run's curve has that step."""
        until = time.monotonic() + 600  # other work may leave it little of the processor
        while time.monotonic() < until and self.process.poll() is None:
            curve = self._run / "loss.csv"
            if curve.is_file() and f"\n{step}," in curve.read_text():
                return
            time.sleep(0.05)
        raise AssertionError(f"step {step} never came: {self.process.communicate()[1]}")

    def ended(self) -> tuple[int, str]:
        """Exit code and what it said on standard error."""
        said = self.process.communicate(timeout=600)[1]
        return self.process.returncode, said


def test_ctrl_c_and_sigkill_lead_to_the_weights_of_a_run_that_nobody_cut(tmp_path, model, bars, caches, whole):
    run = tmp_path / "run"
    # Pictures change no weight, and take the time in which the run is cut.
    slowly = ("--sample-every=1", "--sample-steps=40")
    begun = Command(run, "--dataset", bars, "--model", model, "--unchecked", *OPTIONS, *slowly)
    begun.wait_for_step(1)
    begun.process.send_signal(signal.SIGINT)
    code, said = begun.ended()
    assert code == 130, said
    assert "Pausing after this step" in said
    paused = read_events(run)[-1]
    assert isinstance(paused, Paused)
    assert paused.step in (1, 2, 3)

    gone_on = Command(run, "--resume", "--sample-steps=160")  # killed between steps 5 and 6
    gone_on.wait_for_step(5)
    (trainer,) = psutil.Process(gone_on.process.pid).children()
    with pytest.raises(KnownError, match=f"process {trainer.pid} has this run at work"):
        go_on(run)
    trainer.kill()
    code, said = gone_on.ended()
    assert code == 1, said
    assert "killed by SIGKILL" in said
    assert "--resume" in said
    broken = last_error(run)
    assert broken is not None
    assert broken.what.startswith("its process ended without a word")
    assert broken.step >= 5

    with open(run / EVENTS, "a") as log:
        log.write('{"step": 6, "lo')  # as if it had been killed in mid-line
    go_on(run, replace(SETTINGS, sample_every=0, iou_steps=1))
    told = ran(run, caches)
    first = next(event.step for event in told if isinstance(event, StepDone))
    assert first == 4, "from the checkpoint of step 3, or of the pause"
    assert same_weights(trained_file(run), trained_file(whole))
    for step in (4, 8):
        assert same_weights(saved_files(run)[step], saved_files(whole)[step])
    again, once = (
        [replace(event, seconds=0, remaining=0) for event in read_events(folder) if isinstance(event, StepDone)]
        for folder in (run, whole)
    )
    assert again == once, "the log has each step once, with the same loss"


def test_a_paused_run_goes_on_to_the_same_weights(tmp_path, model, bars, caches, whole):
    begin(new_job(DatasetKind.MASK, bars, model, SETTINGS), tmp_path)
    steps = itertools.count()
    # Asked at each thing that is prepared, and before each step.
    told = ran(tmp_path, caches, wants_pause=lambda: next(steps) >= 5)
    assert isinstance(told[-1], Paused)
    assert 0 < told[-1].step < 8
    with pytest.raises(KnownError, match="has not finished"):
        trained_file(tmp_path)
    assert isinstance(ran(tmp_path, caches)[-1], Finished)
    assert same_weights(trained_file(tmp_path), trained_file(whole))


def test_a_pause_while_a_run_prepares_keeps_its_step(tmp_path, model, bars, caches):
    begin(new_job(DatasetKind.MASK, bars, model, SETTINGS), tmp_path)
    steps = itertools.count()
    paused = ran(tmp_path, caches, wants_pause=lambda: next(steps) >= 4)[-1]
    assert isinstance(paused, Paused)
    assert paused.step > 0
    assert ran(tmp_path, caches, wants_pause=lambda: True)[-1] == paused
    assert read_events(tmp_path)[-1] == paused


def test_what_the_trainer_breaks_off_on_is_left_in_the_folder(tmp_path, model, bars, monkeypatch):
    from engine.training import session

    gone = shutil.copytree(model, tmp_path / "gone")
    begin(new_job(DatasetKind.MASK, bars, gone, SETTINGS), tmp_path / "run")
    (gone / "model_index.json").unlink()
    told: list[TrainingEvent] = []
    assert _trained(tmp_path / "run", told.append, lambda: False) == BROKEN
    broken = last_error(tmp_path / "run")
    assert broken == told[-1]
    assert Path(broken.path).is_relative_to(gone)

    def confused(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(session, "train", confused)
    assert _trained(tmp_path / "run", told.append, lambda: False) == BROKEN
    assert told[-1].what == "an error inside Chromask (ZeroDivisionError: by zero)"
    assert "error.txt" in told[-1].remedy
    assert "in confused" in (tmp_path / "run" / "error.txt").read_text()
    assert last_error(tmp_path / "run") == told[-1]


def test_only_the_steps_of_a_run_may_change(whole, tmp_path, model, bars):
    with pytest.raises(UsageError, match="another rank"):
        go_on(whole, replace(SETTINGS, rank=8))
    with pytest.raises(UsageError, match="holds a training run already"):
        begin(new_job(DatasetKind.MASK, bars, model, SETTINGS), whole)
    begin(new_job(DatasetKind.MASK, bars, model, SETTINGS), tmp_path)
    assert go_on(tmp_path, replace(SETTINGS, steps=50)) == read_job(tmp_path)
    assert read_job(tmp_path).settings.steps == 50


def test_the_file_says_what_it_is(whole):
    with safe_open(trained_file(whole), framework="pt") as file:
        header = file.metadata()
    job = read_job(whole)
    assert header["ss_network_dim"] == "4"
    assert header["ss_network_alpha"] == "8"
    assert header["ss_steps"] == "8"
    assert header["modelspec.architecture"] == "flux-1-kontext-dev/lora"
    assert (
        header["chromask.dataset_sha256"]
        == job.dataset_hash
        == json.loads((Path(job.dataset) / "manifest.json").read_text())["sha256"]
    )
    assert header["modelspec.usage_hint"] == "put a green mask for bar"


def test_the_saved_lora_passes_the_preflight_and_loads_in_diffusers(whole, model):
    """What the trained transformer computes, diffusers computes from the file: alpha is in the weights."""
    from diffusers import FluxKontextPipeline

    path, source = trained_file(whole), find_source(model)
    checked = inspect_lora(path, configured_shapes(model))
    assert checked.ranks == (4,)
    assert not checked.notices
    assert checked.modules == {name for name in configured_shapes(model) if "transformer_blocks" in name}
    pipeline = FluxKontextPipeline.from_pretrained(model, local_files_only=True)
    bare = probe(pipeline.transformer, torch.device("cpu"), torch.float32)
    pipeline.load_lora_weights(path.parent, weight_name=path.name, adapter_name="mine")
    loaded = probe(pipeline.transformer, torch.device("cpu"), torch.float32)
    trained = load_transformer(source, PLAN)
    add_lora(trained, SETTINGS)
    state = torch.load(whole / "checkpoint.pt", weights_only=True)
    with torch.no_grad():
        for mean, parameter in zip(state["average"], (p for p in trained.parameters() if p.requires_grad), strict=True):
            parameter.copy_(mean)
    expected = probe(trained, torch.device("cpu"), torch.float32)
    assert float((loaded - bare).norm() / bare.norm()) > 0.01
    assert torch.allclose(loaded, expected, atol=2e-3 * float(expected.abs().max()))  # the file is float16


def test_a_trained_lora_is_registered_with_its_own_caption(whole, tmp_path, monkeypatch):
    monkeypatch.setenv("CHROMASK_MODELS", str(tmp_path))
    entry = register_run(whole, mask_type="bar")
    assert load_registry().lora_for("bar") == entry
    assert (entry.prompt, entry.rank, entry.base_model) == ("put a green mask for bar", 4, "tiny-kontext")
    assert (tmp_path / "loras" / entry.file).read_bytes() == trained_file(whole).read_bytes()
    with pytest.raises(UsageError, match="for that already"):
        register_run(whole, mask_type="bar", step=4)
    assert register_run(whole, mask_type="bar", step=4, replace=True).sha256 != entry.sha256
    with pytest.raises(UsageError, match="It has: 4, 8"):
        register_run(whole, step=3)


@pytest.mark.parametrize("iou_steps", [0, 1])
def test_a_run_stops_when_the_held_out_examples_no_longer_get_better(tmp_path, model, bars, caches, iou_steps):
    # A learning rate at which it gets worse and worse.
    settings = replace(
        SETTINGS, learning_rate=0.9, ema=0.0, evaluate_every=1, patience=2, steps=40, sample_every=0,
        iou_steps=iou_steps,
    )  # fmt: skip
    begin(new_job(DatasetKind.MASK, bars, model, settings), tmp_path)
    told = ran(tmp_path, caches)
    end = told[-1]
    assert isinstance(end, Finished)
    assert end.is_early
    evaluations = [event for event in told if isinstance(event, Evaluated)]
    assert evaluations[-1].stalled == 2
    assert end.step == end.from_step + 2
    best = evaluations[end.from_step - 1]
    if iou_steps:
        assert best.iou == evaluations[-1].best_iou == max(event.iou for event in evaluations) > 0
    else:
        assert evaluations[-1].best_loss == best.loss == min(event.loss for event in evaluations)
        assert {event.iou for event in evaluations} == {None}
    with safe_open(trained_file(tmp_path), framework="pt") as file:
        assert file.metadata()["ss_steps"] == str(end.from_step)
    assert not [event for event in told if isinstance(event, Saved) and event.step > end.step]


def test_the_workers_backend_loads_what_was_registered_and_paints_otherwise(
    whole, model, tmp_path, monkeypatch, new_backend
):
    monkeypatch.setenv("CHROMASK_MODELS", str(tmp_path))
    entry = register_run(whole, mask_type="bar")
    painting = Painting(sampling=Sampling(num_inference_steps=1))
    settings = diffusion_settings_for("bar", "", model, painting=painting)
    assert (settings.prompt, settings.lora.sha256) == (entry.prompt, entry.sha256)
    backend = new_backend()
    _, checked, _ = backend.residence.settle(settings)  # its own test that the LoRA changes the output is in here
    assert checked.ranks == (4,)
    trained = run_sample(backend, settings, CANVAS)
    assert not np.array_equal(trained, run_sample(backend, replace(settings, lora=None), CANVAS))


def test_what_is_not_painted_yet_is_judged_by_its_loss():
    first = Evaluated(1, 0.5, 1, 0.5, 0, 0.0, 0.0)
    better = first.next(2, 0.4, 0.0)
    assert (better.best_step, better.stalled) == (2, 0)
    painted = better.next(3, 0.6, 0.3)
    assert (painted.best_step, painted.best_iou, painted.best_loss) == (3, 0.3, 0.6)
    assert painted.next(4, 0.1, 0.2) == Evaluated(4, 0.1, 3, 0.6, 1, 0.2, 0.3)


def test_training_works_around_a_model_stored_in_eight_bits(tmp_path, model, bars, caches):
    settings = replace(SETTINGS, base_weights=BaseWeights.FP8, steps=2, sample_every=0, evaluate_every=0, ema=0.0)
    begin(new_job(DatasetKind.MASK, bars, model, settings), tmp_path)
    ran(tmp_path, caches)
    weights = load_file(trained_file(tmp_path))
    assert all(bool(tensor.any()) for name, tensor in weights.items() if ".lora_B." in name)


def test_a_set_that_the_check_refuses_is_not_trained_on(bars, model, tmp_path, capsys):
    arguments = ("train", "mask", "--dataset", bars, "--model", model, "--out", tmp_path / "run")
    assert run_command([str(argument) for argument in arguments], None) == 1  # pyright: ignore
    said = capsys.readouterr().err
    assert "the set has 5 pairs, and 10 are the least" in said
    assert "--unchecked" in said
    assert not has_run(tmp_path / "run")


def test_a_set_of_the_other_kind_is_refused(bars, model):
    with pytest.raises(UsageError, match="this is a mask set"):
        new_job(DatasetKind.COLOR, bars, model, SETTINGS)
