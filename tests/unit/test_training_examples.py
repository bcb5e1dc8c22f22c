"""Examples of a data set as the transformer gets them: canvases, caches, loss masks, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.domain.datasets import DatasetKind
from engine.domain.errors import KnownError
from engine.inference.kontext.prompts import PromptCache, PromptEmbeddings
from engine.inference.kontext.source import find_source
from engine.services.training import begin, new_job
from engine.training.adapter import add_lora, course_of, load_transformer
from engine.training.cache import LatentCache, Latents
from engine.training.examples import Encoded, TrainingExamples, canvases_at, load_examples, placed_control, placed_mask
from engine.training.flow import token_weights
from engine.training.run import Run
from engine.training.samples import _overlap
from engine.training.session import Caches
from engine.training.variants import varied_pair
from tests.tiny_kontext import build_tiny_kontext
from tests.tiny_training import PLAN, SETTINGS, build_tiny_set, ran


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


def test_canvases_have_kontexts_shapes_and_the_wanted_area():
    for side in (512, 768, 1024):
        for canvas in canvases_at(side):
            assert canvas.width % 16 == canvas.height % 16 == 0
            assert canvas.pixels == pytest.approx(side**2, rel=0.06)
    from engine.imaging.placement import KONTEXT_BUCKETS

    assert canvases_at(1024) == KONTEXT_BUCKETS


def test_a_mask_painted_as_it_should_be_overlaps_the_truth_whole(bars):
    control, target = (placed_control(bars / kind / "bar-0.png", 64) for kind in ("control", "target"))
    truth = placed_mask(bars / "mask" / "bar-0.png", 64)
    assert _overlap(control, target, truth) > 0.9
    assert _overlap(control, control, truth) == 0
    assert _overlap(control, target, np.roll(truth, 32, axis=0)) == 0


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


@pytest.mark.parametrize("least", [0.0, 0.1])
def test_an_all_black_loss_mask_is_refused_by_name(tmp_path, model, caches, least):
    folder = build_tiny_set(tmp_path / "set", loss_mask=True)
    Image.new("L", (64, 64)).save(folder / "loss_mask" / "bar-2.png")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["examples"][2]["loss_mask"] == "loss_mask/bar-2.png"
    begin(new_job(DatasetKind.MASK, folder, model, replace(SETTINGS, mask_min_value=least)), tmp_path / "run")
    with pytest.raises(KnownError, match=r"loss_mask/bar-2\.png: a loss mask is all black"):
        ran(tmp_path / "run", caches)


def test_a_variant_never_cuts_off_all_that_counts():
    pixels, counts = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.uint8)
    counts[0, 0] = 255
    made = [varied_pair(pixels, pixels, counts, seed, is_mask_set=True)[2] for seed in range(40)]
    assert all(mask.any() for mask in made)
    assert len({mask.shape for mask in made}) > 1, "others are cropped"


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


def test_as_many_captions_are_left_out_as_are_asked_for():
    def share(dropout: float) -> float:
        prompts = {
            "caption": PromptEmbeddings(torch.ones(1, 1, 1), torch.ones(1, 1)),
            "": PromptEmbeddings(torch.zeros(1, 1, 1), torch.zeros(1, 1)),
        }
        examples = TrainingExamples([encoded(0, 0, 0)], [], prompts, 4, dropout)
        batches = [examples.batch(torch.Generator().manual_seed(seed)) for seed in range(200)]
        pooled, sequence = (torch.cat([getattr(b, part).flatten() for b in batches]) for part in ("pooled", "sequence"))
        assert torch.equal(pooled, sequence), "both of one caption"
        return 1 - float(pooled.mean())

    assert share(0.3) == pytest.approx(0.3, abs=0.05)
    assert share(0.0) == 0
