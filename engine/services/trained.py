"""What a training run made: its LoRA files, and their way into the registry. No torch in here."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.datasets import DatasetKind, Split
from engine.domain.errors import KnownError, UsageError
from engine.domain.requests import BodyRegion
from engine.domain.training import Finished, TrainingJob
from engine.inference.kontext.architecture import KONTEXT
from engine.inference.kontext.source import MODEL_NAME, ModelSource, find_source
from engine.services.lora_files import NewLora, check_lora_file, register_lora
from engine.training.job import BEST, read_events, read_job, saved_files

if TYPE_CHECKING:
    from engine.services.registries import LoraEntry


def trained_file(folder: Path, step: int = 0, *, best: bool = False) -> Path:
    """The LoRA that a run made.

    Parameters
    ----------
    step : int
        One of its checkpoints; 0: the finished one.
    best : bool
        The best one on the held-out examples until now.

    Raises
    ------
    KnownError
        There is none.
    """
    if best:
        if (folder / BEST).is_file():
            return folder / BEST
        raise KnownError("nothing was measured on held-out pairs yet", remedy="Name a checkpoint.", path=folder)
    if step:
        saved = saved_files(folder)
        if step in saved:
            return saved[step]
        known = ", ".join(map(str, saved)) or "none yet"
        raise UsageError(f"the run saved nothing at step {step}", remedy=f"It has: {known}.", path=folder)
    finished = [event for event in read_events(folder) if isinstance(event, Finished)]
    if finished and (folder / finished[-1].path).is_file():
        return folder / finished[-1].path
    raise KnownError(
        "the run has not finished", remedy="Go on with it (--resume), or name a checkpoint with --step.", path=folder
    )


def register_run(
    folder: Path,
    *,
    step: int = 0,
    best: bool = False,
    name: str = "",
    mask_type: str = "",
    note: str = "",
    region: BodyRegion = BodyRegion.WHOLE,
    replace: bool = False,
) -> LoraEntry:
    """Check what a run made, copy it into the models folder, and enter it in the operator's registry.

    Its prompt is the caption that it was trained with, and its trigger that of the data set. Takes seconds (torch).

    Parameters
    ----------
    step, best
        As in `trained_file`.
    name, mask_type : str
        By default the run's own name.
    region : BodyRegion
        The part of the person that its photographs showed, and that it is shown when it paints.
    replace : bool
        Take the place of own entries of its name or for its mask type.

    Raises
    ------
    KnownError
        There is no LoRA yet, the preflight refuses it, or a name is taken.
    """
    job = read_job(folder)
    source = find_source(Path(job.model))
    report = check_lora_file(trained_file(folder, step, best=best), source.folder)
    new = NewLora(
        mask_type=(mask_type or job.name).lower() if job.kind is DatasetKind.MASK else "",
        name=name or job.name,
        trigger=job.trigger,
        prompt=prompt_of(job),
        licence="the studio's own; the base model's licence applies",
        note=note or f"trained here, data set {job.dataset_hash[:12]}",
        base_model=_model_name(source),
        region=region,
    )
    return register_lora(report, new, replace=replace)


def prompt_of(job: TrainingJob) -> str:
    """The caption of most examples, with ``{garment}`` where it names the garment of a colour set."""
    captions = collections.Counter(
        example.caption.replace(example.garment, "{garment}") if example.garment else example.caption
        for example in job.of(Split.TRAIN)
    )
    return captions.most_common(1)[0][0]


def _model_name(source: ModelSource) -> str:
    """The name by which a model describes itself; FLUX.1 Kontext's own for one of its layers, whatever its folder is
    called.
    """
    import json

    if source.description is not None:
        return source.description.name
    folder = source.folder
    config = json.loads((folder / "transformer" / "config.json").read_text(encoding="utf-8"))
    same = all(config.get(name) == value for name, value in KONTEXT.config().items())
    return MODEL_NAME if same else folder.name


def convert_trained(source: Path, target: Path, form: str) -> None:
    """Write a LoRA with another program's keys: ``diffusers``, ``ai-toolkit`` or ``comfyui``. Takes seconds (torch).

    Raises
    ------
    UsageError
        There is no such form, or the LoRA has no such form.
    KnownError
        The file is no LoRA, or cannot be written.
    """
    from engine.training.lora_file import LoraForm, convert_lora

    if form not in list(LoraForm):
        raise UsageError(f"there is no form '{form}'", remedy=f"Choose from: {', '.join(LoraForm)}.")
    convert_lora(source, target, LoraForm(form))
