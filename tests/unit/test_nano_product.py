"""The small model through the product: its canvases, its precision, its regions, its warning, and the demo's dreams.

Its weights are random here; what it paints is replaced by a green patch where a mask has to be read.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.domain.picture import Picture
from engine.domain.requests import BodyRegion, EngineName, MaskRequest
from engine.imaging.drawn import write_demo_set
from engine.imaging.drawn.scene import REGIONS, Framing, draw_scene
from engine.inference.kontext.availability import kontext_status, nano_folder
from engine.inference.kontext.backend import KontextBackend
from engine.inference.kontext.description import DESCRIPTION
from engine.services import doctor
from engine.services.demo import DemoSet, TruthOf, write_demo_report
from engine.services.demo_dreams import dream_requests, dreams_sentence, measure_dreams
from engine.services.painting import diffusion_settings_for
from engine.services.plan import choose_engine
from engine.services.registries import registry_for
from engine.services.review import items_of
from engine.training.nano import base, parts
from tests.kontext_jobs import Reports, with_green_patch
from tests.tiny_kontext import build_tiny_lora
from tests.unit.studio import open_studio


@pytest.fixture(scope="module")
def nano(tmp_path_factory) -> Path:
    """A small model of random weights, in half precision as it ships."""
    folder = tmp_path_factory.mktemp("models") / "nano"
    captions = [*base.captions(), *(lora.prompt for lora in registry_for(nano_folder()).loras)]
    pipeline = parts.assembled(captions, 0)
    pipeline.to(torch.float16)
    pipeline.save_pretrained(folder)
    for name in (DESCRIPTION, "loras.toml"):
        (folder / name).write_bytes((nano_folder() / name).read_bytes())
    build_tiny_lora(folder / "loras", folder, name="hat.safetensors")
    for name in ("socks", "glasses", "sweatshirt", "color"):
        (folder / "loras" / f"{name}.safetensors").write_bytes((folder / "loras" / "hat.safetensors").read_bytes())
    return folder


@pytest.fixture(scope="module")
def backend(tmp_path_factory) -> KontextBackend:
    return KontextBackend(tmp_path_factory.mktemp("prompts"))


@pytest.fixture
def canvases(monkeypatch) -> list[tuple[int, int]]:
    """Sizes of what the model was shown; each gets a green patch, after the real model has painted it."""
    from engine.inference.kontext import backend as module

    seen: list[tuple[int, int]] = []
    sample = module.sample

    def with_green(pipeline, canvas, *rest, **more):
        output = sample(pipeline, canvas, *rest, **more)
        assert output.shape == canvas.shape
        seen.append((canvas.shape[1], canvas.shape[0]))
        return with_green_patch(canvas)

    monkeypatch.setattr(module, "sample", with_green)
    return seen


def test_masks_are_painted_on_its_own_canvases_inside_the_crop_and_with_a_warning(nano, backend, canvases):
    rgb = draw_scene(95_000_000, Extent(320, 400), framing=Framing.FULL).on_model
    for mask_type in REGIONS:
        settings = diffusion_settings_for(mask_type, "", nano)
        request = MaskRequest(EngineName.KONTEXT, mask_type, diffusion=settings)
        mask = backend.make_mask(Picture(rgb, path=Path("figure.png")), None, request, Reports())
        assert canvases[-1] in {(128, 128), (112, 144), (96, 160)}
        assert mask.provenance["registration"] == "identity"
        assert mask.provenance["region"] == settings.region.value != "whole"
        size, left, top = str(mask.provenance["crop"]).split("+")
        width, height = map(int, size.split("x"))
        outside = np.ones(rgb.shape[:2], bool)
        outside[int(top) : int(top) + height, int(left) : int(left) + width] = False
        assert mask.alpha.shape == rgb.shape[:2]
        assert not mask.alpha[outside].any()
        assert mask.alpha[~outside].max() > 250
        assert any("Photographs need FLUX.1 Kontext" in notice for notice in mask.notices)
        assert mask.painted is not None
        assert mask.painted.shape[1::-1] == canvases[-1]
    model, _, prompt = backend.residence.settle(diffusion_settings_for("hat", "", nano))
    assert {weight.dtype for weight in model.pipeline.transformer.parameters()} == {torch.float32}
    assert {weight.dtype for weight in model.pipeline.vae.parameters()} == {torch.float32}
    assert prompt.sequence.shape[1] == 32
    assert mask.provenance["steps"] == 1


def test_a_region_that_is_not_in_the_picture_falls_back_with_a_notice(nano, backend, canvases):
    rgb = draw_scene(95_000_000, Extent(320, 400), framing=Framing.PORTRAIT).on_model
    request = MaskRequest(EngineName.KONTEXT, "socks", diffusion=diffusion_settings_for("socks", "", nano))
    mask = backend.make_mask(Picture(rgb, path=Path("figure.png")), None, request, Reports())
    assert mask.provenance["region"] == BodyRegion.WHOLE.value
    assert any("it is not found in this framing" in notice for notice in mask.notices)


def test_it_is_warned_of_before_a_batch_and_named_by_the_doctor(nano, monkeypatch):
    choice = choose_engine(EngineName.AUTO, nano)
    assert choice.name is EngineName.KONTEXT
    assert "Photographs need FLUX.1 Kontext" in choice.notice
    assert "MB of weights" in kontext_status(nano).reason
    monkeypatch.setattr("engine.inference.kontext.availability.nano_model", lambda: nano)
    assert "drawn figures only" in doctor._nano().what
    named = doctor._kontext(nano)
    assert named.health is doctor.Health.NOTE
    assert "Photographs need FLUX.1 Kontext" in named.what


def test_without_a_name_it_is_never_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("CHROMASK_MODELS", str(tmp_path))
    assert choose_engine(EngineName.AUTO, None).name is EngineName.CLASSICAL


def test_the_demo_dreams_what_is_not_there_and_measures_it(nano, backend, canvases, monkeypatch, tmp_path):
    monkeypatch.setattr("engine.services.demo_dreams.nano_model", lambda: nano)
    with open_studio(tmp_path) as studio:
        items = studio.submit(pairs=2, color=False)
        pairs = write_demo_set(tmp_path / "pictures", 2, extent=Extent(240, 300))
        truth = {p.on_model.name: TruthOf(p.truth, p.garment_mask, p.region_masks) for p in pairs}
        demo = DemoSet(tmp_path / "pictures", truth)
        batch = studio.catalog.create_batch("Dreamed masks")
        studio.catalog.add_jobs(batch.id, dream_requests([item.pair for item in items], demo), 0)
        studio.backends._built[EngineName.KONTEXT] = backend
        jobs = studio.work()
        dreamed = items_of(studio.catalog, batch.id)
        assert len(jobs) == len(dreamed) >= 4
        assert {job.request.name for job in jobs} <= set(REGIONS)
        assert [job.request.name for job in jobs] == sorted((j.request.name for j in jobs), key=list(REGIONS).index)
        names = {item.pair.id: item.pair.on_model.path.name for item in items}
        dreams = measure_dreams(jobs, names, dreamed[1:], studio.artifacts, demo)
        assert all(0 <= dream.iou < 1 for dream in dreams)
        assert any(dream.iou > 0 for dream in dreams)
        assert dreams[0].item is None
        assert dreams[0].iou == 0
        assert "photographs need FLUX.1 Kontext" in dreams_sentence(dreams)
        report = write_demo_report(tmp_path / "report.html", items, studio.artifacts, {}, dreams)
    page = report.read_text(encoding="utf-8")
    assert page.count("<section>") == len(dreams)
    assert page.count("<figcaption>Painted</figcaption>") == len(dreams) - 1
    assert "none could be read" in page
    assert "drawn figures only" in page


def test_without_the_small_model_the_demo_dreams_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr("engine.services.demo_dreams.nano_model", lambda: None)
    with open_studio(tmp_path) as studio:
        pairs = [item.pair for item in studio.submit(pairs=2, color=False)]
        drawn = write_demo_set(tmp_path / "pictures", 2, extent=Extent(240, 300))
        truth = {p.on_model.name: TruthOf(p.truth, p.garment_mask, p.region_masks) for p in drawn}
        assert dream_requests(pairs, DemoSet(tmp_path / "pictures", truth)) == []


def test_a_lora_for_another_model_is_refused(nano, backend, lora_file):
    settings = diffusion_settings_for("hat", "", nano)
    assert settings.lora is not None
    other = replace(settings.lora, path=str(lora_file), sha256=hashlib.sha256(lora_file.read_bytes()).hexdigest())
    with pytest.raises(KnownError, match="made for another model"):
        backend.residence.settle(replace(settings, lora=other))
