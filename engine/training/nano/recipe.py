"""From nothing to the base model: lessons, block code, decoder, transformer. Each stage is kept in the working folder,
and a recipe that was interrupted goes on where it was.

    lessons-<seed>/   drawn crops with masks            code.pt    the block code
    pairs/            garments, worn and spread flat    vae/       encoder and fitted decoder
    held-out/         crops of figures never taught     base/      the training's checkpoint
    first/            the pipeline before training      model/     the finished pipeline, float16
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.pipelines.flux.pipeline_flux_kontext import FluxKontextPipeline

from engine.domain.errors import Cancelled, KnownError
from engine.domain.files import complete_file
from engine.training.nano import parts
from engine.training.nano.augment import painted
from engine.training.nano.base import BaseExamples, Captions, captions, course
from engine.training.nano.block_code import BlockCode, fit, write_encoder
from engine.training.nano.copying import begin_as_copy
from engine.training.nano.decoder import fit_decoder
from engine.training.nano.lessons_set import LessonSet, read, write
from engine.training.nano.measure import decoded_iou, dreamed_iou, guessed_iou, region_crops, worse_than_a_guess
from engine.training.nano.pair_lessons import PairSet, read_pairs, write_pairs
from engine.training.nano.plan import Recipe
from engine.training.run import Run

Tell = Callable[[str, int, int, str], None]
"""``tell(stage, done, total, note)``."""

_CODE_CROP = (128, 96)  # rows and columns that every lesson has
_SAVE_EVERY = 250


def teach(
    folder: Path,
    recipe: Recipe,
    lora_captions: tuple[str, ...],
    tell: Tell,
    wants_pause: Callable[[], bool] = lambda: False,
) -> Path:
    """Make the base model, or go on making it.

    Parameters
    ----------
    folder : Path
        The working folder.
    lora_captions : tuple of str
        What LoRAs will be taught: their words become words of the tokenizers, and nothing else of them is used.
    wants_pause : callable
        Asked after every step; what was learnt is kept.

    Returns
    -------
    Path
        The finished pipeline's folder.

    Raises
    ------
    Cancelled
        It was asked to pause.
    KnownError
        The folder was begun by another recipe, a gate was not passed, or the disk is full.
    """
    _claim(folder, recipe)
    model = folder / "model"
    if (model / "model_index.json").exists():
        return model
    sets, pairs, held_out = _lessons(folder, recipe, tell)
    code = _code(folder, sets)
    vae = _vae(folder, recipe, code, sets, tell)
    pipeline = _first(folder, recipe, lora_captions)
    texts = Captions.of(pipeline, captions())
    run = Run(
        pipeline.transformer,
        BaseExamples(sets, pairs, code, texts, recipe.batch),
        course(recipe.base_steps, recipe.seed),
        folder / "base",
    )
    while not run.is_finished:
        loss = run.advance()
        tell("base", run.step, recipe.base_steps, f"loss {loss:.4f}")
        if wants_pause():
            run.save()
            raise Cancelled(folder)
        if run.step % _SAVE_EVERY == 0:
            run.save()
    run.save()
    with run.averaged():
        found = dreamed_iou(pipeline.transformer, vae, code, texts, held_out)
        guessed = guessed_iou(sets, held_out)
        _keep(folder / "base.json", {"dreamed": found, "guessed": guessed})
        if recipe.must_beat_guessing and (worse := worse_than_a_guess(found, guessed)):
            raise KnownError(
                f"the base model dreams things of {', '.join(worse)} no better than a guess",
                remedy="Train it for more steps (--base-steps) in the same folder.",
                path=folder,
            )
        pipeline.vae = vae
        _save(pipeline, model)
    return model


def _claim(folder: Path, recipe: Recipe) -> None:
    """Keep the recipe in the folder; more steps of the base are the one thing that may change."""
    path = folder / "recipe.json"
    wanted = json.loads(json.dumps(asdict(recipe)))
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        changed = sorted(name for name in wanted if before.get(name) != wanted[name] and name != "base_steps")
        if changed:
            raise KnownError(
                f"this folder was begun with another {', '.join(changed)}", remedy="Choose another folder.", path=folder
            )
    folder.mkdir(parents=True, exist_ok=True)
    _keep(path, wanted)


def _keep(path: Path, facts: Any) -> None:
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(facts, indent=1), encoding="utf-8")


def _lessons(
    folder: Path, recipe: Recipe, tell: Tell
) -> tuple[list[LessonSet], tuple[PairSet, ...], tuple[LessonSet, ...]]:
    tell("lessons", 0, recipe.figures * len(recipe.taught), "drawing")
    taught = [(folder / f"lessons-{first}", recipe.figures, first) for first in recipe.taught]
    held_out = (folder / "held-out", recipe.held_out_figures, recipe.held_out)
    pairs = (folder / "pairs", recipe.pairs, recipe.first_pair)
    jobs = [*((write, *job) for job in (*taught, held_out)), (write_pairs, *pairs)]
    missing = [job for job in jobs if not (job[1] / "set.json").exists()]
    if missing:
        # A fork of a process with torch's threads in it can hang.
        with ProcessPoolExecutor(len(recipe.taught), multiprocessing.get_context("spawn")) as processes:
            list(processes.map(_drawn, missing))
    tell("lessons", recipe.figures * len(recipe.taught), recipe.figures * len(recipe.taught), "")
    return [lessons for path, _, _ in taught for lessons in read(path)], read_pairs(pairs[0]), read(held_out[0])


def _drawn(job: tuple[Callable[[Path, int, int], None], Path, int, int]) -> None:
    cv2.setNumThreads(1)
    draw, folder, figures, first_seed = job
    draw(folder, figures, first_seed)


def _code(folder: Path, sets: list[LessonSet]) -> BlockCode:
    path = folder / "code.pt"
    if path.exists():
        weight, bias = torch.load(path, weights_only=True)
        return BlockCode(weight, bias)
    rows, columns = _CODE_CROP
    pictures: list[np.ndarray] = []
    for lessons in sets[:3]:
        for at in range(0, len(lessons.things), max(1, len(lessons.things) // 300)):
            picture = np.asarray(lessons.pictures[at])
            pictures += [picture[:rows, :columns], painted(picture, np.asarray(lessons.masks[at]))[:rows, :columns]]
    code = fit(np.stack(pictures))
    with complete_file(path) as temporary:
        torch.save((code.weight, code.bias), temporary)
    return code


def _vae(folder: Path, recipe: Recipe, code: BlockCode, sets: list[LessonSet], tell: Tell) -> AutoencoderKL:
    if not (folder / "vae").exists():
        torch.manual_seed(recipe.seed)
        vae = parts.autoencoder().eval()
        write_encoder(vae, code)
        fit_decoder(
            vae,
            code,
            sets,
            recipe.decoder_steps,
            seed=recipe.seed,
            report=lambda step, loss: tell("decoder", step, recipe.decoder_steps, f"loss {loss:.4f}"),
        )
        crops = region_crops(recipe.held_out + 1_000_000, recipe.decoded_figures)
        scores = {region: decoded_iou(vae, some) for region, some in crops.items() if some}
        _keep(folder / "vae.json", scores)
        if low := [region for region, score in scores.items() if score < recipe.least_decoded]:
            raise KnownError(
                f"masks for {', '.join(low)} come back from the autoencoder with an IoU below {recipe.least_decoded}",
                remedy="Fit the decoder for more steps, in another folder.",
                path=folder,
            )
        _saved_whole(lambda path: vae.save_pretrained(path), folder / "vae")
    return AutoencoderKL.from_pretrained(folder / "vae")


def _first(folder: Path, recipe: Recipe, lora_captions: tuple[str, ...]) -> FluxKontextPipeline:
    """The pipeline before training. It is always loaded, never used as it was made: the tokenizers' pieces may differ
    from one process to the next.
    """
    path = folder / "first"
    if not path.exists():
        pipeline = parts.assembled([*captions(), *lora_captions], recipe.seed)
        begin_as_copy(pipeline.transformer)
        _saved_whole(lambda temporary: pipeline.save_pretrained(temporary), path)
    return FluxKontextPipeline.from_pretrained(path)


def _save(pipeline: FluxKontextPipeline, folder: Path) -> None:
    learnt = {name: value.clone() for name, value in pipeline.transformer.state_dict().items()}
    pipeline.to(torch.float16)
    _saved_whole(lambda path: pipeline.save_pretrained(path), folder)
    pipeline.to(torch.float32)
    pipeline.transformer.load_state_dict(learnt)


def _saved_whole(save: Callable[[Path], object], folder: Path) -> None:
    """Save into a folder that is there whole or not at all."""
    temporary = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    save(temporary)
    for path in temporary.rglob("*.json"):
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts.pop("_name_or_path", None) is not None:  # where it once lay on this machine
            path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    temporary.rename(folder)
