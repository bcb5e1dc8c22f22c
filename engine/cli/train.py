"""`chromask train`: LoRAs from the studio's own data sets."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, cast

import typer

from engine.cli.composition import composition_of
from engine.cli.console import DONE, INTERRUPTED, answer, answer_json, progress_bar, say, stopping
from engine.cli.options import JsonOption, ModelOption, VramTierOption
from engine.cli.train_runs import add_run_commands, reason, when_broken
from engine.domain.datasets import DatasetKind, has_errors
from engine.domain.errors import KnownError, UsageError
from engine.domain.training import (
    BaseWeights,
    Evaluated,
    Finished,
    LoraLayers,
    Optimiser,
    Paused,
    Prepared,
    Preparing,
    Saved,
    StepDone,
    TrainingEvent,
    TrainingJob,
    TrainingSettings,
    default_settings,
)

app = typer.Typer(help="Train LoRAs for FLUX.1 Kontext on data sets of your own.", no_args_is_help=True)


def _usual(field: str, about: str) -> str:
    """An option's help, with its value where nobody gives one: a mask LoRA's, and a colour LoRA's where it differs."""
    usual = [_text(getattr(default_settings(kind), field)) for kind in (DatasetKind.MASK, DatasetKind.COLOR)]
    shown = usual[0] if usual[0] == usual[1] else f"{usual[0]}; colour {usual[1]}"
    return f"{about} Usual: {shown}."


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(str(part) for part in cast("tuple[object, ...]", value))
    return f"{value:g}" if isinstance(value, float) else str(value)


DatasetOption = Annotated[Path | None, typer.Option("--dataset", help="A folder from 'chromask dataset build'.")]
OutOption = Annotated[Path | None, typer.Option("--out", help="The run's folder; by default beside the data set.")]


def _options(
    context: typer.Context,
    dataset: DatasetOption = None,
    model: ModelOption = None,
    out: OutOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    name: Annotated[str, typer.Option("--name", help="Of the LoRA; by default the data set's.")] = "",
    rank: Annotated[int | None, typer.Option("--rank", help=_usual("rank", "Of the LoRA."))] = None,
    alpha: Annotated[int | None, typer.Option("--alpha", help="Strength times rank; by default the rank.")] = None,
    layers: Annotated[LoraLayers | None, typer.Option("--layers", help=_usual("layers", "Which layers learn."))] = None,
    learning_rate: Annotated[float | None, typer.Option("--lr", help=_usual("learning_rate", "Learning rate."))] = None,
    weight_decay: Annotated[
        float | None, typer.Option("--weight-decay", help=_usual("weight_decay", "AdamW's."))
    ] = None,
    warmup: Annotated[
        int | None, typer.Option("--warmup", help=_usual("warmup", "Steps until the full learning rate."))
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", help=_usual("steps", "In all; more of them make a finished run go on."))
    ] = None,
    batch: Annotated[int | None, typer.Option("--batch", help=_usual("batch", "Examples of one batch."))] = None,
    accumulation: Annotated[
        int | None, typer.Option("--accumulation", help=_usual("accumulation", "Batches of one step."))
    ] = None,
    resolutions: Annotated[
        str,
        typer.Option(
            "--resolution",
            help=_usual("resolutions", "Sides in pixels, e.g. 512,768,1024; each example is trained at all."),
        ),
    ] = "",
    mask_min_value: Annotated[
        float | None,
        typer.Option(
            "--mask-min-value", help=_usual("mask_min_value", "What counts where the loss mask is black, 0 to 1.")
        ),
    ] = None,
    caption_dropout: Annotated[
        float | None,
        typer.Option("--caption-dropout", help=_usual("caption_dropout", "Share of examples without their caption.")),
    ] = None,
    ema: Annotated[
        float | None, typer.Option("--ema", help=_usual("ema", "Moving average of the weights, e.g. 0.99; 0: none."))
    ] = None,
    time_mean: Annotated[
        float | None, typer.Option("--time-mean", help=_usual("time_mean", "Of the logit-normal times."))
    ] = None,
    time_deviation: Annotated[
        float | None, typer.Option("--time-deviation", help=_usual("time_deviation", "Of the logit-normal times."))
    ] = None,
    pure_noise: Annotated[
        float | None, typer.Option("--pure-noise", help=_usual("pure_noise", "Share of examples at time 1."))
    ] = None,
    guidance: Annotated[
        float | None, typer.Option("--guidance", help=_usual("guidance", "Guidance embedding while training."))
    ] = None,
    variants: Annotated[
        int | None,
        typer.Option("--variants", help=_usual("variants", "Cropped, mirrored and newly exposed ones of each pair.")),
    ] = None,
    base_weights: Annotated[
        BaseWeights | None,
        typer.Option("--base-weights", help=_usual("base_weights", "How the model's own weights are stored.")),
    ] = None,
    optimiser: Annotated[
        Optimiser | None, typer.Option("--optimiser", help=_usual("optimiser", "adamw8bit needs bitsandbytes."))
    ] = None,
    gradient_checkpointing: Annotated[
        bool | None,
        typer.Option(
            "--checkpointing/--no-checkpointing", help=_usual("gradient_checkpointing", "Less memory for more time.")
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help=_usual("seed", "Everything random follows from it."))
    ] = None,
    sample_every: Annotated[
        int | None, typer.Option("--sample-every", help=_usual("sample_every", "In steps; 0: never."))
    ] = None,
    samples: Annotated[int | None, typer.Option("--samples", help=_usual("samples", "Pictures each time."))] = None,
    sample_steps: Annotated[
        int | None, typer.Option("--sample-steps", help=_usual("sample_steps", "Denoising steps of a sample."))
    ] = None,
    evaluate_every: Annotated[
        int | None, typer.Option("--evaluate-every", help=_usual("evaluate_every", "In steps; 0: never."))
    ] = None,
    iou_steps: Annotated[
        int | None,
        typer.Option(
            "--iou-steps",
            help=_usual("iou_steps", "Of painting held-out masks at each evaluation; 0: the loss alone decides."),
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            "--patience", help=_usual("patience", "Evaluations without a better one after which it stops; 0: never.")
        ),
    ] = None,
    save_every: Annotated[
        int | None, typer.Option("--save-every", help=_usual("save_every", "A LoRA file every so many steps."))
    ] = None,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(
            "--checkpoint-every", help=_usual("checkpoint_every", "What a killed run goes on from, in steps.")
        ),
    ] = None,
    vram_tier: VramTierOption = 0,
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Train on a set that the check refuses.")] = False,
    json: JsonOption = False,
) -> None:
    from engine.services.training import begin, go_on, has_run, new_job

    given = {
        "rank": rank, "alpha": alpha, "layers": layers, "learning_rate": learning_rate, "weight_decay": weight_decay,
        "warmup": warmup, "steps": steps, "batch": batch, "accumulation": accumulation,
        "resolutions": _resolutions(resolutions), "mask_min_value": mask_min_value,
        "caption_dropout": caption_dropout, "ema": ema, "time_mean": time_mean, "time_deviation": time_deviation,
        "pure_noise": pure_noise, "guidance": guidance, "variants": variants, "base_weights": base_weights,
        "optimiser": optimiser, "gradient_checkpointing": gradient_checkpointing, "seed": seed,
        "sample_every": sample_every, "samples": samples, "sample_steps": sample_steps,
        "evaluate_every": evaluate_every, "iou_steps": iou_steps, "patience": patience, "save_every": save_every,
        "checkpoint_every": checkpoint_every,
    }  # fmt: skip
    kind = DatasetKind(str(context.command.name))
    if out is None and dataset is None:
        raise UsageError("it must be said what to train on", remedy="Give --dataset, or --out of a run with --resume.")
    folder = out if out is not None else _beside(dataset)
    if resume and has_run(folder):
        _say_error(folder)
        job = go_on(folder, _changed(go_on(folder).settings, given))
    else:
        if dataset is None:
            raise UsageError("there is no run to go on with", remedy="Give --dataset to begin one.", path=folder)
        settings = _changed(default_settings(kind), given)
        job = new_job(kind, dataset, model, settings, name=name, vram_tier=vram_tier)
        if not unchecked:
            _check(dataset)
        begin(job, folder)
    raise typer.Exit(_run(context, job, folder, as_json=json))


def _say_error(folder: Path) -> None:
    """Say what a run broke off on that is gone on with now."""
    from engine.training.claim import last_error

    broken = last_error(folder)
    if broken is not None:
        say(f"It broke off {when_broken(broken)}: {reason(broken)}.")


def _check(dataset: Path) -> None:
    """Say what the check of a set finds, and refuse one that must not be trained on."""
    from engine.services.datasets.check import check_dataset

    with progress_bar("checking", quiet=False) as advance:
        _, findings = check_dataset(dataset, advance)
    for finding in findings:
        say(f"{finding.severity.value}: {finding}")
    if has_errors(findings):
        raise KnownError(
            "the set must not be trained on as it is",
            remedy="Mend what is named above, or train on it all the same with --unchecked.",
            path=dataset,
        )


def _changed(settings: TrainingSettings, given: dict[str, object]) -> TrainingSettings:
    return replace(settings, **{name: value for name, value in given.items() if value is not None})  # pyright: ignore[reportArgumentType]


def _beside(dataset: Path | None) -> Path:
    assert dataset is not None
    folder = dataset.absolute()
    return folder.with_name(f"{folder.name}-training")


def _resolutions(text: str) -> tuple[int, ...] | None:
    try:
        return tuple(int(word) for word in text.split(",") if word.strip()) or None
    except ValueError:
        raise UsageError(f"'{text}' are no resolutions", remedy="Give sides in pixels, e.g. 512,768,1024.") from None


def _run(context: typer.Context, job: TrainingJob, folder: Path, *, as_json: bool) -> int:
    """Show a run until it ends; Ctrl+C pauses it, a second one ends it at once."""
    from engine.services.training import TrainingProcess

    say(f"Training '{job.name}' in {folder}. Ctrl+C pauses; --resume goes on.")
    process = TrainingProcess(composition_of(context).trainer_command(folder.absolute()), folder)
    last: TrainingEvent | None = None
    pausing = stopping("Pausing after this step ...", process.pause, process.kill)
    with pausing, progress_bar("training", quiet=False) as advance:
        for event in process.events():
            last = event
            if isinstance(event, StepDone):
                left = f"loss {event.loss:.4f}, {_duration(event.remaining)} left"
                advance(event.step, event.steps, left)
            elif sentence := _sentence(event):
                say(sentence)
    if as_json and last is not None:
        answer_json({"event": type(last).__name__, **asdict(last), "folder": str(folder)})
    if isinstance(last, Finished):
        if not as_json:
            answer(str(folder / last.path))
        return DONE
    return INTERRUPTED


def _sentence(event: TrainingEvent) -> str:
    match event:
        case Preparing(what, done, total) if done == 0:
            return f"Preparing: {what} ({total})"
        case Prepared():
            plan = event.plan
            memory = f", estimated {event.plan.peak_bytes / 2**30:.1f} GiB" if plan.peak_bytes else ""
            return (
                f"{event.training} examples and {event.held_out} held out, {event.parameters:,} weights learn "
                f"from step {event.step} on {plan.device} ({plan.compute}, model {plan.base_weights}, {plan.optimiser}"
                f"{memory})."
            )
        case Evaluated():
            overlap = "" if event.iou is None else f", IoU of the painted masks {event.iou:.3f}"
            return f"Step {event.step}: held-out loss {event.loss:.4f}{overlap}; best at step {event.best_step}."
        case Saved():
            return f"Step {event.step}: {event.path}"
        case Paused():
            return f"Paused at step {event.step}."
        case Finished():
            early = "The held-out examples no longer get better. " if event.is_early else ""
            return f"{early}Finished at step {event.step}; the LoRA is of step {event.from_step}."
        case _:
            return ""


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


app.command("mask", help="Train a mask LoRA: it paints a region green, also of what is not there.")(_options)
app.command("color", help="Train a colour LoRA: it matches the right half to the left one.")(_options)
add_run_commands(app)
