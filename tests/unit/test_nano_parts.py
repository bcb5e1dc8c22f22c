"""The small model's parts: an exact encoder, a transformer that begins as a copy, lessons, and their variations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import CLIPTokenizer

from engine.domain.geometry import Extent
from engine.imaging.drawn.lessons import THINGS, draw_lesson
from engine.imaging.drawn.scene import REGIONS, Framing, draw_scene
from engine.training.flow import Batch, flow_loss
from engine.training.nano import base, parts
from engine.training.nano.augment import painted, recolored, varied
from engine.training.nano.block_code import as_pixels, fit, write_encoder
from engine.training.nano.copying import begin_as_copy
from engine.training.nano.decoder import fit_decoder, reconstruction_loss
from engine.training.nano.lessons_set import SHAPES, cropped, read, window, write
from engine.training.nano.pair_lessons import read_pairs, write_pairs
from engine.training.noise import NoiseRule, draw, generator


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.stack([draw_scene(seed, Extent(64, 64)).on_model for seed in range(12)])


def test_the_base_is_never_taught_what_its_loras_shall_teach() -> None:
    words = " ".join(base.captions())
    assert not [region for region in REGIONS if f" {region}" in words]
    assert not {thing.split()[-1] for thing in THINGS} & set(REGIONS)


def test_a_lesson_knows_where_things_are(tmp_path: Path) -> None:
    lesson = draw_lesson(5, Extent(160, 208), Framing.FULL)
    assert set(lesson.masks) <= set(THINGS)
    assert len(lesson.masks) > 30
    assert np.array_equal(lesson.picture, draw_scene(5, Extent(160, 208), framing=Framing.FULL).on_model)

    def rows(name: str) -> float:
        return float(np.flatnonzero(lesson.masks[name].max(1) > 127).mean())

    assert rows("a halo") < rows("a headband") < rows("a beard") < rows("a belt") < rows("knee pads") < rows("shoes")
    assert (lesson.masks["a face"] <= lesson.masks["the person"]).mean() > 0.99


def test_the_encoder_computes_the_code(pictures: np.ndarray) -> None:
    vae = parts.autoencoder().eval()
    code = fit(pictures)
    write_encoder(vae, code)
    with torch.no_grad():
        wanted = code.encode(as_pixels(list(pictures[:4])))
        found = vae.encode(as_pixels(list(pictures[:4]))).latent_dist
    error = float((found.mean - wanted).square().mean() / wanted.square().mean())
    assert error < 1e-5
    assert float(found.std.max()) < 1e-3, "an encoding without noise"
    assert 0.8 < float(wanted.var()) < 1.6


def test_a_fresh_transformer_returns_its_control_picture(pictures: np.ndarray) -> None:
    code, model = fit(pictures), parts.transformer()
    control = code.latents(list(pictures[:2]))
    text = torch.randn(2, 5, model.config.joint_attention_dim), torch.randn(2, model.config.pooled_projection_dim)
    known = Batch(control, control, *text, torch.ones(2, 16, 1))
    noise = draw(NoiseRule(pure=1.0), control, generator(0, 0))
    with torch.no_grad():
        ignorant = float(flow_loss(model, known, noise))
        begin_as_copy(model)
        copying = float(flow_loss(model, known, noise))
    assert copying < 0.25 * ignorant


def test_the_decoder_learns_to_read_the_code(tmp_path: Path) -> None:
    write(tmp_path, 6, 40)
    sets = read(tmp_path)
    assert sum(len(lessons.things) for lessons in sets) > 30
    assert [lessons.pictures.shape[1:3] for lessons in sets] == [(shape.height, shape.width) for shape in SHAPES]
    code, vae = fit(np.asarray(sets[0].pictures)), parts.autoencoder().eval()
    sample = list(sets[0].pictures[:4])
    latents = code.latents(sample)

    def error() -> float:
        with torch.no_grad():
            return float(reconstruction_loss(vae.decoder(latents), as_pixels(sample)))

    before = error()
    fit_decoder(vae, code, sets, 25, batch=4)
    assert error() < 0.7 * before


def test_base_examples_depend_on_their_random_numbers_alone(tmp_path: Path) -> None:
    write(tmp_path / "lessons", 4, 70)
    write_pairs(tmp_path / "pairs", 4, 70)
    sets, pairs, texts = read(tmp_path / "lessons"), read_pairs(tmp_path / "pairs"), base.captions()
    torch.manual_seed(0)
    pipeline = parts.assembled(texts, 0)
    code = fit(np.asarray(sets[0].pictures))
    examples = base.BaseExamples(sets, pairs, code, base.Captions.of(pipeline, texts), 3)
    batches = [examples.batch(generator(1, step)) for step in (5, 5, *range(6, 26))]
    one, same, other = batches[:3]
    assert torch.equal(one.target, same.target)
    assert one.target.shape != other.target.shape or not torch.equal(one.target, other.target)
    assert (one.weights.max(1).values > one.weights.min(1).values).any(), "what changes counts more"
    is_wide = [batch.target.shape[3] > batch.target.shape[2] for batch in batches[1:]]
    assert 0 < sum(is_wide) < len(is_wide) / 2, "some are of two pictures side by side"


def test_saved_tokenizers_mean_the_same_in_every_process(tmp_path: Path) -> None:
    made = parts.clip_tokenizer(base.captions())
    made.save_pretrained(tmp_path)
    loaded = CLIPTokenizer.from_pretrained(tmp_path)
    for caption in [*base.captions(), "put a green mask for a hat on the person"]:
        assert loaded(caption).input_ids == made(caption).input_ids
        assert len(made(caption).input_ids) < parts.PROMPT_TOKENS


def test_a_window_holds_the_mask_wherever_it_lies() -> None:
    mask = np.zeros((200, 160), np.uint8)
    mask[30:50, 100:130] = 255
    places = []
    for seed in range(40):
        box = window(mask, SHAPES[0], np.random.default_rng(seed))
        assert box is not None
        left, top, width, height = box
        assert left <= 101  # rounding
        assert top <= 31
        assert left + width >= 129
        assert top + height >= 49
        share = cropped(mask, box, SHAPES[0])
        assert share.shape == (128, 128)
        places.append(np.argwhere(share > 127).mean(0))
    assert np.std(places, axis=0).min() > 10, "its place says nothing"
    assert window(np.zeros_like(mask), SHAPES[0], np.random.default_rng(0)) is None


def test_variations_keep_picture_and_mask_together() -> None:
    mask = np.zeros((64, 48), np.uint8)
    mask[20:40, 10:30] = 255
    picture = np.full((64, 48, 3), 90, np.uint8)
    picture[mask > 0] = 200
    for seed in range(20):
        new, moved = varied(picture, mask, np.random.default_rng(seed), tint=0.0)
        bright = new[..., 0] > 145
        assert (bright == (moved > 127)).mean() > 0.98
    assert np.array_equal(painted(picture, mask)[mask > 0][0], (0, 255, 0))
    assert np.array_equal(painted(picture, mask)[mask == 0], picture[mask == 0])
    dyed = recolored(picture, mask, (200, 30, 30))
    assert np.array_equal(dyed[mask == 0], picture[mask == 0])
    assert abs(int(dyed[30, 20, 0]) - 200) <= 1
