"""Training the tiny real pipeline on a drawn data set: from the folder to the LoRA file, through cuts and refusals."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from engine.domain.datasets import DatasetKind
from engine.domain.errors import KnownError, UsageError
from engine.domain.geometry import Extent
from engine.domain.training import (
    BaseWeights,
    Evaluated,
    Finished,
    Paused,
    Sampled,
    Saved,
    StepDone,
    TrainingEvent,
    TrainingSettings,
)
from engine.imaging.raster.headers import read_header
from engine.inference.kontext.lora import configured_shapes, inspect_lora
from engine.inference.kontext.prompts import PromptCache, PromptEmbeddings
from engine.inference.kontext.slot import probe
from engine.inference.kontext.source import find_source
from engine.services.registries import load_registry
from engine.services.training import TrainingProcess, begin, go_on, new_job, register_run, trained_file
from engine.training.adapter import add_lora, load_transformer
from engine.training.cache import LatentCache, Latents
from engine.training.examples import Encoded, TrainingExamples, canvases_at, load_examples
from engine.training.flow import token_weights
from engine.training.job import EVENTS, read_events, read_job, saved_files
from engine.training.memory import plan_for
from engine.training.run import Run
from engine.training.session import Caches, course_of, train
from tests.tiny_kontext import build_tiny_kontext
from tests.tiny_training import build_tiny_set

MAIN = Path(__file__).resolve().parents[2] / "main.py"
SETTINGS = TrainingSettings(
    rank=4,
    alpha=8,
    learning_rate=1e-2,
    steps=8,
    batch=2,
    accumulation=2,
    resolutions=(64, 32),
    ema=0.8,
    variants=1,
    caption_dropout=0.3,
    sample_every=4,
    samples=1,
    sample_steps=1,
    evaluate_every=4,
    save_every=4,
    checkpoint_every=3,
    seed=7,
)
PLAN = plan_for(SETTINGS, None, has_bitsandbytes=False)


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


def ran(
    folder: Path,
    caches: Caches,
    *,
    wants_pause: Callable[[], bool] = lambda: False,
) -> list[TrainingEvent]:
    told: list[TrainingEvent] = []
    train(folder, told.append, wants_pause, caches)
    return told


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
    assert list(saved_files(whole)) == [4, 8]
    strips = [whole / event.path for event in events if isinstance(event, Sampled)]
    assert [read_header(path).extent for path in strips] == [Extent(3 * 64, 64)] * 2  # control, target, painted
    rows = (whole / "loss.csv").read_text().splitlines()
    assert rows[0] == "step,loss,learning_rate,seconds,held_out_loss"
    assert len(rows) == 1 + 8 + 2
    losses = [event.loss for event in events if isinstance(event, Evaluated)]
    assert losses[1] < losses[0], "it learns what it was not shown"


def test_a_run_that_was_killed_comes_to_the_same_weights(tmp_path, model, bars, caches, whole, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # its own process encodes everything itself
    begin(new_job(DatasetKind.MASK, bars, model, SETTINGS), tmp_path / "run")
    process = TrainingProcess([sys.executable, str(MAIN), "trainer", str(tmp_path / "run")])
    with pytest.raises(KnownError, match="killed by SIGKILL"):
        for event in process.events():
            if isinstance(event, StepDone) and event.step == 5:
                os.kill(process.pid, signal.SIGKILL)
    with open(tmp_path / "run" / EVENTS, "a") as log:
        log.write('{"step": 6, "lo')  # as if it had been killed in mid-line
    told = ran(tmp_path / "run", caches)
    assert [event.step for event in told if isinstance(event, StepDone)] == [4, 5, 6, 7, 8], (
        "from the checkpoint of step 3"
    )
    assert same_weights(trained_file(tmp_path / "run"), trained_file(whole))
    for step in (4, 8):
        assert same_weights(saved_files(tmp_path / "run")[step], saved_files(whole)[step])
    again, once = (
        [replace(event, seconds=0, remaining=0) for event in read_events(folder) if isinstance(event, StepDone)]
        for folder in (tmp_path / "run", whole)
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


def test_a_run_stops_when_the_held_out_loss_no_longer_falls(tmp_path, model, bars, caches):
    # A learning rate at which it gets worse and worse.
    settings = replace(SETTINGS, learning_rate=0.9, ema=0.0, evaluate_every=1, patience=2, steps=40, sample_every=0)
    begin(new_job(DatasetKind.MASK, bars, model, settings), tmp_path)
    told = ran(tmp_path, caches)
    end = told[-1]
    assert isinstance(end, Finished)
    assert end.is_early
    evaluations = [event for event in told if isinstance(event, Evaluated)]
    assert evaluations[-1].stalled == 2
    assert end.step == end.from_step + 2
    assert evaluations[-1].best_loss == min(event.loss for event in evaluations)
    with safe_open(trained_file(tmp_path), framework="pt") as file:
        assert file.metadata()["ss_steps"] == str(end.from_step)
    assert not [event for event in told if isinstance(event, Saved) and event.step > end.step]


def test_training_works_around_a_model_stored_in_eight_bits(tmp_path, model, bars, caches):
    settings = replace(SETTINGS, base_weights=BaseWeights.FP8, steps=2, sample_every=0, evaluate_every=0, ema=0.0)
    begin(new_job(DatasetKind.MASK, bars, model, settings), tmp_path)
    ran(tmp_path, caches)
    weights = load_file(trained_file(tmp_path))
    assert all(bool(tensor.any()) for name, tensor in weights.items() if ".lora_B." in name)


def encoded(seed: int, outside: float, inside: float) -> Encoded:
    """Latents of 32 × 32 pixels whose left half counts; something is added to the target in each half."""
    random = torch.Generator().manual_seed(seed)
    control, target = torch.randn(2, 4, 4, 4, generator=random).unbind(0)
    target[..., :2] += inside
    target[..., 2:] += outside
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., :16] = 1
    coverage = torch.nn.functional.avg_pool2d(mask, 16)[0]
    return Encoded(str(seed), "caption", Latents(control, target, coverage), token_weights(mask, 0.0))


def lora_trained_on(examples: list[Encoded], folder: Path, model: Path) -> dict[str, torch.Tensor]:
    prompt = PromptEmbeddings(torch.ones(1, 5, 16), torch.ones(1, 16))
    # Only noise is shown: between noise and picture the model would be shown the target itself.
    settings = replace(SETTINGS, pure_noise=1.0, steps=4, ema=0.0, caption_dropout=0.0)
    transformer = load_transformer(find_source(model), PLAN)
    add_lora(transformer, settings)
    run = Run(
        transformer,
        TrainingExamples(examples, [], {"caption": prompt, "": prompt}, 2, 0.0),
        course_of(settings, PLAN),
        folder,
    )
    for _ in range(4):
        run.advance()
    return {name: parameter.detach() for name, parameter in run.trained.items()}


def test_what_the_loss_mask_leaves_out_changes_no_bit_of_the_lora(tmp_path, model):
    known, outside, inside = (
        lora_trained_on([encoded(seed, *added) for seed in range(3)], tmp_path / str(added), model)
        for added in ((0.0, 0.0), (9.0, 0.0), (0.0, 9.0))
    )
    assert all(torch.equal(known[name], outside[name]) for name in known)
    assert not any(torch.equal(known[name], inside[name]) for name in known if ".lora_B." in name)


def test_the_vae_and_the_text_encoders_are_loaded_once(tmp_path, model, bars):
    job = new_job(DatasetKind.MASK, bars, model, SETTINGS)
    for encodings in (1, 0):
        latents, prompts = LatentCache(tmp_path / "latents"), PromptCache(tmp_path / "prompts")
        examples = load_examples(
            job,
            find_source(model),
            latents=latents,
            prompts=prompts,
            device="cpu",
            dtype=torch.float32,
            tell=lambda *_: None,
        )
        assert prompts.encodings == encodings
        # Four pairs and a variant of each, at two resolutions, and the one held out.
        assert latents.encoded == encodings * (4 * 2 * 2 + 1)
        assert len(examples.held_out) == 1


def test_an_all_black_loss_mask_is_refused_by_name(tmp_path, model, caches):
    folder = build_tiny_set(tmp_path / "set", loss_mask=True)
    Image.new("L", (64, 64)).save(folder / "mask" / "bar-2.png")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["examples"][2]["loss_mask"] == "mask/bar-2.png"
    begin(new_job(DatasetKind.MASK, folder, model, replace(SETTINGS, mask_min_value=0.0)), tmp_path / "run")
    with pytest.raises(KnownError, match=r"mask/bar-2\.png: a loss mask is all black"):
        ran(tmp_path / "run", caches)


def test_a_file_that_changed_since_the_set_was_built_is_refused(tmp_path, model, caches):
    import hashlib

    from engine.domain.datasets import FileHash, Manifest
    from engine.services.datasets.manifest import read_manifest, write_manifest

    folder = build_tiny_set(tmp_path / "set")
    manifest = read_manifest(folder)
    first = manifest.examples[0]
    digest = hashlib.sha256((folder / first.target).read_bytes()).hexdigest()
    first = replace(first, files=(FileHash(first.target, digest),))
    write_manifest(Manifest(manifest.kind, (first, *manifest.examples[1:])), folder)
    begin(new_job(DatasetKind.MASK, folder, model, SETTINGS), tmp_path / "run")
    Image.new("RGB", (64, 64)).save(folder / first.target)
    with pytest.raises(KnownError, match="has changed since"):
        ran(tmp_path / "run", caches)


def test_a_set_of_the_other_kind_is_refused(bars, model):
    with pytest.raises(UsageError, match="this is a mask set"):
        new_job(DatasetKind.COLOR, bars, model, SETTINGS)


def test_canvases_have_kontexts_shapes_and_the_wanted_area():
    for side in (512, 768, 1024):
        for canvas in canvases_at(side):
            assert canvas.width % 16 == canvas.height % 16 == 0
            assert canvas.pixels == pytest.approx(side**2, rel=0.06)
    from engine.imaging.placement import KONTEXT_BUCKETS

    assert canvases_at(1024) == KONTEXT_BUCKETS
