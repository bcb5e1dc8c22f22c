"""The small model's recipe from nothing to LoRAs, in few steps, with its real training process."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.pipelines.flux.pipeline_flux_kontext import FluxKontextPipeline

from engine.domain.errors import Cancelled, KnownError
from engine.imaging.drawn.lessons import THINGS
from engine.imaging.drawn.scene import REGIONS
from engine.services import nano
from engine.training.nano.drawn_pairs import MASKS, PHOTOGRAPHS, write_mask_pairs
from engine.training.nano.lessons_set import SHAPES, LessonSet
from engine.training.nano.measure import BODY, guessed_iou, region_crops, worse_than_a_guess
from engine.training.nano.pair_lessons import CANVASES, PairSet, pair_of, read_pairs, write_pairs
from engine.training.nano.plan import Recipe
from engine.training.nano.recipe import teach

ROOT = Path(__file__).parents[2]
QUICK = Recipe(
    taught=(40, 60),
    figures=4,
    pairs=3,
    held_out_figures=2,
    decoded_figures=4,
    decoder_steps=2,
    base_steps=4,
    batch=2,
    least_decoded=0.0,
    must_beat_guessing=False,
)


def trainer(folder: Path) -> list[str]:
    return [sys.executable, str(ROOT / "main.py"), "trainer", str(folder)]


def test_crops_of_regions_are_canvases_that_hold_them() -> None:
    crops = region_crops(3, 4)
    assert set(crops) == set(REGIONS)
    sizes = {(shape.height, shape.width) for shape in SHAPES}
    for pairs in crops.values():
        for picture, mask in pairs:
            assert picture.shape[:2] == mask.shape
            assert mask.shape in sizes
            assert (mask > 127).mean() >= 0.01


def test_a_pair_lesson_gives_the_left_garment_the_right_ones_colour() -> None:
    sets: dict[int, tuple[list[np.ndarray], list[np.ndarray]]] = {}
    for seed in range(40, 46):
        canvas, picture, garments = pair_of(seed)
        assert picture.shape[:2] == garments.shape == (CANVASES[canvas].height, CANVASES[canvas].width)
        pictures, masks = sets.setdefault(canvas, ([], []))
        pictures.append(picture)
        masks.append(garments)
    random = np.random.default_rng(0)
    for pictures, masks in sets.values():
        pairs = PairSet(np.stack(pictures), np.stack(masks))
        union = pairs.garments.max(0) > 0
        union |= union[:, ::-1]
        for _ in range(4):
            control, target = pairs.lesson(random)
            changed, half = (control != target).any(-1), control.shape[1] // 2
            assert changed.any()
            assert not changed[:, half:].any(), "the right picture is the one to match"
            assert not changed[~union].any(), "nothing but garments changes"


def test_pairs_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs", 3, 40)
    read = read_pairs(tmp_path / "pairs")
    drawn = [pair_of(seed) for seed in range(40, 43)]
    assert sum(len(pairs.pictures) for pairs in read) == 3
    for canvas, picture, garments in drawn:
        same = [pairs for pairs in read if pairs.pictures.shape[1:3] == picture.shape[:2]]
        assert len(same) == 1, CANVASES[canvas]
        at = [index for index, other in enumerate(same[0].pictures) if np.array_equal(other, picture)]
        assert at
        assert np.array_equal(same[0].garments[at[0]], garments)


def test_a_guess_knows_where_things_always_are() -> None:
    masks = np.zeros((6, 16, 16), np.uint8)
    masks[:3, 2:6, 2:6] = 255  # always there
    masks[3:, 0:4, 0:4] = 255
    things = np.array([0, 0, 0, 1, 1, 1], np.uint8)
    pictures = np.zeros((6, 16, 16, 3), np.uint8)
    moved = masks.copy()
    moved[3:] = np.roll(masks[3:], 8, 1)
    taught, held_out = LessonSet(pictures, masks, things), LessonSet(pictures, moved, things)
    guessed = guessed_iou([taught], [held_out])
    assert sorted(guessed.values()) == [0, 1]


def test_a_region_is_worse_than_a_guess_where_its_things_are_in_the_mean() -> None:
    guessed = {"a tie": 0.2, "a bag": 0.1, "shoes": 0.3}
    assert worse_than_a_guess({"a tie": 0.3, "a bag": 0.05, "shoes": 0.31}, guessed) == []
    assert worse_than_a_guess({"a tie": 0.2, "a bag": 0.1, "shoes": 0.31}, guessed) == ["trunk"]
    assert worse_than_a_guess({"a tie": 0.9}, guessed) == ["legs"], "what is never dreamed counts nothing"
    assert sorted(thing for things in BODY.values() for thing in things) == sorted(THINGS)


def test_pairs_lie_as_a_studio_lays_them_out(tmp_path: Path) -> None:
    write_mask_pairs(tmp_path, "hat", 900, 5)
    photographs = sorted(path.stem for path in (tmp_path / PHOTOGRAPHS).iterdir())
    assert photographs == [f"NK{number:03}_hat" for number in range(5)]
    assert sorted(path.stem.removesuffix("-mask") for path in (tmp_path / MASKS).iterdir()) == photographs


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")  # torch, of bfloat16 beside float32
def test_the_recipe_makes_a_model_and_its_loras_and_goes_on_where_it_was(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    work, out = tmp_path / "work", tmp_path / "nano"
    short = {"steps": 2, "batch": 2, "variants": 0, "rank": 4}
    masks, colors = replace(nano.MASK_SETTINGS, **short), replace(nano.COLOR_SETTINGS, **short)
    loras = nano.LoraRecipe(("socks", nano.COLOR), 10, masks, colors)

    def build(wants_pause: bool) -> None:
        def tell(stage: str, done: int, total: int, note: str) -> None:
            told.append((stage, done))

        nano.build_nano(work, out, QUICK, loras, trainer, tell, lambda: wants_pause)

    with pytest.raises(Cancelled):
        build(wants_pause=True)
    assert told[-1] == ("base", 1)
    with pytest.raises(KnownError, match="another figures"):
        teach(work / "base-model", replace(QUICK, figures=5), (), lambda *_: None)
    told.clear()
    build(wants_pause=False)
    assert told[0][0] == "lessons"
    assert ("decoder", 1) not in told, "the decoder was fitted before the pause"
    assert ("base", 1) not in told
    assert ("base", 4) in told

    pipeline = FluxKontextPipeline.from_pretrained(out)
    assert isinstance(pipeline, FluxKontextPipeline)
    stored = torch.load(work / "base-model" / "base" / "checkpoint.pt", weights_only=True)
    assert stored["step"] == 4
    assert sum(path.stat().st_size for path in out.rglob("*.safetensors")) <= 25 * 2**20
    assert sorted(path.stem for path in (out / "loras").iterdir()) == ["color", "socks"]
    assert set(json.loads((work / "base-model" / "vae.json").read_text())) <= set(REGIONS)
    manifest = json.loads((work / "lora-socks" / "set" / "manifest.json").read_text())
    assert {example["caption"] for example in manifest["examples"]} == {
        "put a green mask for socks and lower leg skin on the person"
    }
