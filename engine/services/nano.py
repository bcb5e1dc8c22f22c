"""Nano Kontext from nothing: the base model by its recipe, and its LoRAs by the way that every studio's LoRAs are made
(a data set from folders, a training run in a process of its own).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.datasets import DatasetKind
from engine.domain.errors import Cancelled
from engine.domain.files import complete_file
from engine.domain.training import Finished, StepDone, TrainingSettings

if TYPE_CHECKING:
    from engine.training.nano.plan import Recipe

Tell = Callable[[str, int, int, str], None]
"""``tell(stage, done, total, note)``."""

COLOR = "color"
LORAS = "loras"

_FIRST_SEED = 70_000_000
"""Of the LoRAs' figures: none of them is among the base's, nor among those that measure."""

_BETWEEN = 100_000


MASK_SETTINGS = TrainingSettings(
    rank=32,
    learning_rate=1e-3,
    warmup=20,
    steps=500,
    batch=16,
    resolutions=(128,),
    # As the base: what an edit shall be is decided near the noise.
    time_mean=0.6,
    time_deviation=1.1,
    pure_noise=0.12,
    guidance=2.5,
    gradient_checkpointing=False,
    caption_dropout=0.0,
    ema=0.98,
    variants=15,
    sample_every=0,
    evaluate_every=0,
    save_every=0,
)
COLOR_SETTINGS = replace(MASK_SETTINGS, resolutions=(124,), steps=600)
"""124: the area of 160 × 96, whose halves hold flatlay and figure."""


@dataclass(frozen=True, slots=True)
class LoraRecipe:
    """How the LoRAs are made.

    Attributes
    ----------
    names : tuple of str
        Which: things of `engine.imaging.drawn.scene.REGIONS`, and `COLOR`.
    pairs : int
        Drawn for each.
    masks, colors : TrainingSettings
        Of a mask LoRA and of the colour LoRA.
    """

    names: tuple[str, ...] = ("hat", "glasses", "socks", "sweatshirt", COLOR)
    pairs: int = 20
    masks: TrainingSettings = MASK_SETTINGS
    colors: TrainingSettings = COLOR_SETTINGS


def build_nano(
    folder: Path,
    out: Path,
    recipe: Recipe,
    loras: LoraRecipe,
    trainer_command: Callable[[Path], Sequence[str]],
    tell: Tell,
    wants_pause: Callable[[], bool] = lambda: False,
) -> None:
    """Make model and LoRAs, or go on making them.

    Parameters
    ----------
    folder : Path
        Keeps every stage, some 3 GB.
    out : Path
        Receives the finished model: a diffusers folder, and ``loras``.
    trainer_command : callable
        Training run's folder -> command line of its process.

    Raises
    ------
    Cancelled
        It was asked to pause; the same call goes on.
    KnownError
        A stage failed; says which and why.
    """
    from engine.training.nano.recipe import teach

    model = teach(folder / "base-model", recipe, lora_captions(), tell, wants_pause)
    _copied(model, out)
    for name in loras.names:
        trained = _train(folder / f"lora-{name}", name, out, loras, trainer_command, tell, wants_pause)
        (out / LORAS).mkdir(exist_ok=True)
        with complete_file(out / LORAS / f"{name}.safetensors", overwrite=True) as temporary:
            shutil.copyfile(trained, temporary)


def lora_captions() -> tuple[str, ...]:
    """What the LoRAs are asked with."""
    from engine.services.datasets.color_sets import ColorRecipe
    from engine.services.datasets.mask_sets import MaskRecipe

    return (*(MaskRecipe(thing).text for thing in _mask_objects().values()), ColorRecipe().text("garment"))


def _mask_objects() -> dict[str, str]:
    from engine.training.nano.drawn_pairs import MASK_OBJECTS

    return MASK_OBJECTS


def _copied(model: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for source in sorted(path for path in model.rglob("*") if path.is_file()):
        target = out / source.relative_to(model)
        target.parent.mkdir(parents=True, exist_ok=True)
        with complete_file(target, overwrite=True) as temporary:
            shutil.copyfile(source, temporary)


def _train(
    folder: Path,
    name: str,
    model: Path,
    loras: LoraRecipe,
    trainer_command: Callable[[Path], Sequence[str]],
    tell: Tell,
    wants_pause: Callable[[], bool],
) -> Path:
    from engine.services.trained import trained_file
    from engine.services.training import TrainingProcess, begin, has_run, new_job

    run = folder / "run"
    if not has_run(run):
        kind = DatasetKind.COLOR if name == COLOR else DatasetKind.MASK
        _build_set(folder, name, loras.pairs)
        settings = loras.colors if kind is DatasetKind.COLOR else loras.masks
        begin(new_job(kind, folder / "set", model, settings, name=f"nano-{name}"), run)
    process = TrainingProcess(trainer_command(run.absolute()), run)
    last = None
    for event in process.events():
        last = event
        if isinstance(event, StepDone):
            tell(name, event.step, event.steps, f"loss {event.loss:.4f}")
        if wants_pause():
            process.pause()
    if not isinstance(last, Finished):
        raise Cancelled(folder)
    return trained_file(run)


def _build_set(folder: Path, name: str, pairs: int) -> None:
    from engine.services.datasets.color_sets import ColorRecipe, color_set_from_folders
    from engine.services.datasets.mask_sets import MaskRecipe, mask_set_from_folders
    from engine.training.nano.drawn_pairs import MASKS, PHOTOGRAPHS, write_color_pairs, write_mask_pairs

    objects = _mask_objects()
    seed = _FIRST_SEED + _BETWEEN * [*objects, COLOR].index(name)
    drawn = folder / "drawn"
    # Nothing is held out: these figures only teach, and others measure (bench/nano.py).
    if name == COLOR:
        write_color_pairs(drawn, seed, pairs)
        color_set_from_folders([drawn], folder / "set", ColorRecipe(held_out=0.0), overwrite=True)
    else:
        write_mask_pairs(drawn, name, seed, pairs)
        recipe = MaskRecipe(objects[name], held_out=0.0)
        mask_set_from_folders(drawn / PHOTOGRAPHS, drawn / MASKS, folder / "set", recipe, overwrite=True)
