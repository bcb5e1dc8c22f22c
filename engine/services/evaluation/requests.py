"""What is asked of an evaluation, checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from engine.domain.benchmark import BenchCategory, BenchRequest, BenchTask
from engine.domain.datasets import DatasetKind, Split
from engine.domain.errors import KnownError, UsageError
from engine.domain.evaluation import BASE, Contender, Crop, SetEvaluation
from engine.domain.files import file_sha256
from engine.domain.requests import BodyRegion, LoraRef, Sampling
from engine.inference.kontext.availability import resolve_model
from engine.inference.kontext.source import MODEL_NAME, find_source
from engine.services.datasets.manifest import read_manifest
from engine.services.evaluation.bench_tasks import read_bench
from engine.services.evaluation.sets import examples_of
from engine.services.painting import Painting
from engine.training.job import read_job, saved_files


def base_contender() -> Contender:
    """The model without a LoRA."""
    return Contender(BASE, 0)


def lora_contender(path: Path, *, step: int | None = None, scale: float = 1.0) -> Contender:
    """A LoRA file, under its own name or a checkpoint's.

    Raises
    ------
    KnownError
        It cannot be read.
    """
    name = path.stem if step is None else f"step {step}"
    return Contender(name, step, LoraRef(name, str(path.absolute()), file_sha256(path), MODEL_NAME, 0, scale, ""))


def run_contenders(run: Path, *, scale: float = 1.0) -> tuple[Contender, ...]:
    """The untrained base and every checkpoint of a training run, in the order of their steps.

    Parameters
    ----------
    run : Path
        Folder of ``chromask train``.

    Raises
    ------
    KnownError
        There is no run in the folder, or it has saved nothing yet.
    """
    read_job(run)
    saved = saved_files(run)
    if not saved:
        raise KnownError(
            "the run has saved no checkpoint yet",
            remedy="Let it go on, or train with a smaller --save-every.",
            path=run,
        )
    return base_contender(), *(lora_contender(path, step=step, scale=scale) for step, path in saved.items())


def subject_of_run(run: Path) -> tuple[Path, Path]:
    """The data set and the model of a training run.

    Raises
    ------
    KnownError
        There is no run in the folder.
    """
    job = read_job(run)
    return Path(job.dataset), Path(job.model)


def set_evaluation(
    dataset: Path,
    model: Path | None,
    contenders: tuple[Contender, ...],
    *,
    kind: DatasetKind,
    split: Split | None = Split.HELD_OUT,
    limit: int = 0,
    sampling: Sampling | None = None,
    seeds: int = 1,
    vram_tier: int = 0,
    region: BodyRegion = BodyRegion.WHOLE,
    crop: Crop | None = None,
) -> SetEvaluation:
    """A request that can be carried out: the set is of that kind and has such examples, the model is complete.

    Raises
    ------
    UsageError
        The set is of the other kind, or a number is out of its range.
    KnownError
        There is no such set or model, one of them is not complete, or nothing is held out.
    """
    manifest = read_manifest(dataset)
    if manifest.kind is not kind:
        other = "masks" if manifest.kind is DatasetKind.MASK else "color"
        raise UsageError(f"this is a {manifest.kind.value} set", remedy=f"Run 'chromask eval {other}'.", path=dataset)
    examples_of(manifest, split, dataset)
    if not contenders:
        raise UsageError("nothing is to be evaluated", remedy="Give --lora, --checkpoints or --base.")
    names = [contender.name for contender in contenders]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"'{name}' is given twice", remedy="Give each LoRA once, and files of different names.")
    painting = Painting(sampling if sampling is not None else Sampling(), seeds=seeds, vram_tier=vram_tier)
    base = resolve_model(model)
    description = find_source(base).description
    return SetEvaluation(
        dataset=dataset.absolute(),
        model=base.absolute(),
        contenders=contenders,
        split=split,
        limit=limit,
        sampling=painting.sampling if description is None else description.sampling(painting.sampling),
        seeds=painting.seeds,
        vram_tier=painting.vram_tier,
        region=region,
        crop=crop if crop is not None else Crop(),
    )


def bench_request(
    folder: Path,
    model: Path | None,
    *,
    rounds: int = 1,
    categories: Collection[BenchCategory] = (),
    limit: int = 0,
    lora: Path | None = None,
    lora_scale: float = 1.0,
    sampling: Sampling | None = None,
    vram_tier: int = 0,
) -> BenchRequest:
    """A benchmark that can be run: it has tasks, the model is complete.

    Parameters
    ----------
    categories : collection of BenchCategory
        Only these; empty: all.
    limit : int
        So many tasks of each category at most; 0: all.

    Raises
    ------
    UsageError
        A number is out of its range.
    KnownError
        There is no benchmark or model, or one of them is not as it must be; names file and line.
    """
    painting = Painting(sampling if sampling is not None else Sampling(), vram_tier=vram_tier)
    tasks: list[BenchTask] = []
    every = read_bench(folder)
    for category in BenchCategory:
        if not categories or category in categories:
            tasks += [task for task in every if task.category is category][: limit or None]
    if not tasks:
        raise KnownError("it has no tasks of that category", remedy="Choose another --category.", path=folder)
    base = resolve_model(model)
    description = find_source(base).description
    return BenchRequest(
        tasks=tuple(tasks),
        model=base.absolute(),
        lora=lora_contender(lora, scale=lora_scale).lora if lora is not None else None,
        sampling=painting.sampling if description is None else description.sampling(painting.sampling),
        rounds=rounds,
        vram_tier=painting.vram_tier,
    )
