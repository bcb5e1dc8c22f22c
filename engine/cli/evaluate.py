"""`chromask eval masks` and `chromask eval color`: against the truth, checkpoint by checkpoint."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.console import DONE, INTERRUPTED, SOME_FAILED, answer, answer_json, progress_bar, say, stopping
from engine.cli.options import JsonOption, ModelOption, VramTierOption
from engine.domain.datasets import DatasetKind, Split
from engine.domain.errors import UsageError
from engine.domain.evaluation import (
    ColorFolders,
    Contender,
    Evaluation,
    EvaluationRequest,
    MaskFolders,
    Measured,
    SetEvaluation,
)
from engine.domain.requests import BodyRegion, Sampling

if TYPE_CHECKING:
    from engine.services.evaluation.pages import Table

STOPPING = "Stopping ... what was measured is kept. Ctrl+C once more ends at once."

app = typer.Typer(help="Honest figures: masks and colours against the truth, and KontextBench.", no_args_is_help=True)


class Examples(StrEnum):
    """Which examples of a set."""

    HELD_OUT = Split.HELD_OUT.value
    TRAIN = Split.TRAIN.value
    ALL = "all"


DatasetOption = Annotated[Path | None, typer.Option("--dataset", help="A set: the model paints its control pictures.")]
LoraOption = Annotated[
    list[Path] | None, typer.Option("--lora", help="A LoRA file that paints; may be given several times.")
]
CheckpointsOption = Annotated[
    Path | None, typer.Option("--checkpoints", help="A training run: its base, and every checkpoint on its set.")
]
BaseOption = Annotated[bool, typer.Option("--base", help="Measure the model without a LoRA as well.")]
ScaleOption = Annotated[float, typer.Option("--lora-scale", help="Strength of the LoRAs.")]
SplitOption = Annotated[Examples, typer.Option("--split", help="Which examples of the set.")]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="So many examples at most; 0: all.")]
StepsOption = Annotated[int, typer.Option("--steps", help="Denoising steps.")]
GuidanceOption = Annotated[float, typer.Option("--guidance", help="Distilled guidance.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Of the starting noise; the same for all.")]
OutOption = Annotated[Path | None, typer.Option("-o", "--out", help="Folder for figures, results and contact sheets.")]


@app.command("masks")
def masks(
    predicted: Annotated[
        Path | None, typer.Argument(metavar="PREDICTED", help="Folder of masks; or give --dataset.")
    ] = None,
    truth: Annotated[Path | None, typer.Argument(metavar="TRUTH", help="Folder of the true masks.")] = None,
    photographs: Annotated[
        Path | None, typer.Option("--photographs", help="Folder of their photographs, for the contact sheet.")
    ] = None,
    dataset: DatasetOption = None,
    model: ModelOption = None,
    lora: LoraOption = None,
    checkpoints: CheckpointsOption = None,
    base: BaseOption = False,
    lora_scale: ScaleOption = 1.0,
    split: SplitOption = Examples.HELD_OUT,
    limit: LimitOption = 0,
    steps: StepsOption = 28,
    guidance: GuidanceOption = 2.5,
    seed: SeedOption = 0,
    seeds: Annotated[int, typer.Option("--seeds", help="Masks painted and averaged, as in a batch.")] = 1,
    region: Annotated[
        BodyRegion, typer.Option("--region", help="Part of the person that the model is shown, as in 'lora add'.")
    ] = BodyRegion.WHOLE,
    vram_tier: VramTierOption = 0,
    out: OutOption = None,
    json: JsonOption = False,
) -> None:
    """IoU, boundary F and absolute error of masks: of two folders, or of what a model paints on a data set.

    Exit code 1 when an example could not be measured. Ctrl+C keeps what was measured until then.
    """
    from engine.services.evaluation.requests import set_evaluation

    dataset, model = _subject(dataset, model, checkpoints)
    if dataset is not None:
        _refuse(predicted is not None or photographs is not None, "a data set and folders")
        sampling = Sampling(steps, guidance, seed)
        contenders = _contenders(lora or [], checkpoints, base, lora_scale)
        request = set_evaluation(
            dataset,
            model,
            contenders,
            kind=DatasetKind.MASK,
            split=_split(split),
            limit=limit,
            sampling=sampling,
            seeds=seeds,
            vram_tier=vram_tier,
            region=region,
        )
        _run(request, out or _folder(dataset, checkpoints), as_json=json)
    if predicted is None or truth is None:
        raise UsageError("nothing is to be measured", remedy="Give PREDICTED and TRUTH, or --dataset.")
    _refuse(bool(lora) or checkpoints is not None or base, "folders and LoRAs")
    _run(MaskFolders(predicted, truth, photographs), out or _beside(predicted), as_json=json)


@app.command("color")
def color(
    control: Annotated[
        Path | None, typer.Argument(metavar="CONTROL", help="Folder of pictures in wrong colours; or give --dataset.")
    ] = None,
    generated: Annotated[Path | None, typer.Argument(metavar="GENERATED", help="Folder of what was made of them.")] = (
        None
    ),
    truth: Annotated[Path | None, typer.Argument(metavar="TRUTH", help="Folder of the true pictures.")] = None,
    mask_folder: Annotated[Path | None, typer.Option("--masks", help="Folder of garment masks.")] = None,
    crop: Annotated[
        str, typer.Option("--crop", help="x,y,w,h in pixels, or a share of the square that fits inside the garment.")
    ] = "1",
    crops: Annotated[
        Path | None, typer.Option("--crops", help="CSV with the columns name,x,y,w,h: crops of single pictures.")
    ] = None,
    dataset: DatasetOption = None,
    model: ModelOption = None,
    lora: LoraOption = None,
    checkpoints: CheckpointsOption = None,
    base: BaseOption = False,
    lora_scale: ScaleOption = 1.0,
    split: SplitOption = Examples.HELD_OUT,
    limit: LimitOption = 0,
    steps: StepsOption = 28,
    guidance: GuidanceOption = 2.5,
    seed: SeedOption = 0,
    vram_tier: VramTierOption = 0,
    out: OutOption = None,
    json: JsonOption = False,
) -> None:
    """ΔE00 to the truth before and after, on a crop and on the garment; texture, and change outside.

    Exit code 1 when an example could not be measured. Ctrl+C keeps what was measured until then.
    """
    from engine.services.evaluation.crops import parse_crop
    from engine.services.evaluation.requests import set_evaluation

    rule = parse_crop(crop, crops)
    dataset, model = _subject(dataset, model, checkpoints)
    if dataset is not None:
        _refuse(control is not None or mask_folder is not None, "a data set and folders")
        sampling = Sampling(steps, guidance, seed)
        contenders = _contenders(lora or [], checkpoints, base, lora_scale)
        request = set_evaluation(
            dataset,
            model,
            contenders,
            kind=DatasetKind.COLOR,
            split=_split(split),
            limit=limit,
            sampling=sampling,
            vram_tier=vram_tier,
            crop=rule,
        )
        _run(request, out or _folder(dataset, checkpoints), as_json=json)
    if control is None or generated is None or truth is None:
        raise UsageError("nothing is to be measured", remedy="Give CONTROL, GENERATED and TRUTH, or --dataset.")
    _refuse(bool(lora) or checkpoints is not None or base, "folders and LoRAs")
    _run(ColorFolders(control, generated, truth, mask_folder, rule), out or _beside(generated), as_json=json)


def _refuse(both: bool, what: str) -> None:
    if both:
        raise UsageError(f"{what} were given", remedy="Give one or the other.")


def _contenders(loras: list[Path], run: Path | None, base: bool, scale: float) -> tuple[Contender, ...]:
    from engine.services.evaluation.requests import base_contender, lora_contender, run_contenders

    found: list[Contender] = []
    if run is not None:
        found += run_contenders(run, scale=scale)
    elif base or not loras:
        found.append(base_contender())
    return *found, *(lora_contender(path, scale=scale) for path in loras)


def _split(split: Examples) -> Split | None:
    return None if split is Examples.ALL else Split(split.value)


def _subject(dataset: Path | None, model: Path | None, run: Path | None) -> tuple[Path | None, Path | None]:
    """A training run knows its set and its model."""
    from engine.services.evaluation.requests import subject_of_run

    if run is None:
        return dataset, model
    trained_on, base = subject_of_run(run)
    return dataset or trained_on, model or base


def _folder(dataset: Path, run: Path | None) -> Path:
    from engine.services.evaluation.records import run_folder

    return run_folder(run) if run is not None else _beside(dataset)


def _beside(folder: Path) -> Path:
    folder = folder.absolute()
    return folder.with_name(f"{folder.name}-evaluation")


def warn_of(model: Path) -> None:
    """Say what must be known of a model that is no FLUX.1 Kontext."""
    from engine.inference.kontext.source import find_source

    description = find_source(model).description
    if description is not None and description.warning:
        say(description.warning)


def _run(request: EvaluationRequest, folder: Path, *, as_json: bool) -> None:
    """Evaluate, show the figures, and leave."""
    from dataclasses import asdict

    from engine.services.evaluation.evaluate import evaluate

    if isinstance(request, SetEvaluation):
        warn_of(request.model)
    told: set[tuple[str, str]] = set()

    def tell(row: Measured) -> None:
        # A LoRA that does not load fails in the same way on every example.
        if row.figures is None and (row.contender, row.problem) not in told:
            told.add((row.contender, row.problem))
            say(f"  {row.contender}, {row.example}: {row.problem}")

    with stopping(STOPPING) as stop, progress_bar("Measuring", quiet=as_json) as advance:
        evaluation = evaluate(request, folder, advance=advance, measured=tell, stop=stop)
    if as_json:
        answer_json({"folder": folder, **asdict(evaluation)})
    else:
        _show(evaluation, folder)
    if not evaluation.is_complete:
        raise typer.Exit(INTERRUPTED)
    failed = any(row.figures is None for row in evaluation.measured)
    raise typer.Exit(SOME_FAILED if failed else DONE)


def _show(evaluation: Evaluation, folder: Path) -> None:
    from engine.services.evaluation.records import best_of, summaries
    from engine.services.evaluation.sheets import mean_sentence
    from engine.services.evaluation.tables import example_table, summary_table, with_best

    found = summaries(evaluation)
    if len(found) == 1:
        print_table(example_table(evaluation))
        answer(mean_sentence(found[0]))
    else:
        table, best = summary_table(evaluation.kind, found), best_of(found)
        print_table(table if best is None else with_best(table, best))
    if not evaluation.is_complete:
        say("Stopped before the end: these are the figures of what was measured until then.")
    say(f"Contact sheet: {folder / 'contact-sheet.html'}")


def print_table(table: Table) -> None:
    from engine.services.evaluation.tables import as_text

    for line in as_text(table):
        answer(line)
