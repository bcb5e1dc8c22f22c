"""`chromask train status`, `register` and `convert`: what is done with runs that were begun."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import DONE, SOME_FAILED, answer, answer_json
from engine.cli.options import JsonOption
from engine.domain.errors import printable_path
from engine.domain.requests import BodyRegion
from engine.domain.training import Broken

RunFolder = Annotated[Path, typer.Argument(help="A run's folder.")]


def add_run_commands(app: typer.Typer) -> None:
    """Put them beside the commands that train."""
    app.command("status")(status)
    app.command("register")(register)
    app.command("convert")(convert)


def when_broken(broken: Broken) -> str:
    """``at step 120 (2026-11-22 07:10)``, by the clock of this computer."""
    return f"at step {broken.step:,} ({datetime.fromisoformat(broken.at).astimezone():%Y-%m-%d %H:%M})"


def reason(broken: Broken) -> str:
    """What it broke off on, with the file concerned."""
    return f"{printable_path(Path(broken.path))}: {broken.what}" if broken.path else broken.what


def status(run: RunFolder, json: JsonOption = False) -> None:
    """How RUN stands: at work and where, paused, finished, or what it broke off on. Exit code 1 if it broke off."""
    from engine.services.training import run_status

    found = run_status(run)
    if json:
        more = {"steps": found.job.settings.steps, "step": found.step, "state": found.state.value}
        process = asdict(found.holder) if found.holder is not None else None
        broken = asdict(found.broken) if found.broken is not None else None
        answer_json({"run": run, "name": found.job.name, **more, "process": process, "broken": broken})
    else:
        steps = f"step {found.step:,} of {found.job.settings.steps:,}"
        holder = f" by {found.holder}" if found.holder is not None else ""
        answer(f"{found.job.name}: {found.state.value}{holder}, {steps}")
        if found.broken is not None:
            answer(f"It broke off {when_broken(found.broken)}: {reason(found.broken)}. {found.broken.remedy}")
    raise typer.Exit(SOME_FAILED if found.broken is not None else DONE)


def register(
    run: RunFolder,
    step: Annotated[int, typer.Option("--step", help="One of its checkpoints; by default the finished LoRA.")] = 0,
    best: Annotated[bool, typer.Option("--best", help="The best on held-out pairs until now.")] = False,
    name: Annotated[str, typer.Option("--name", help="By default the run's.")] = "",
    mask_type: Annotated[str, typer.Option("--mask-type", help="The task's name, e.g. hat.")] = "",
    note: Annotated[str, typer.Option("--note", help="A note for your colleagues.")] = "",
    region: Annotated[
        BodyRegion,
        typer.Option("--region", help="The part of the person that its photographs showed, and it is shown."),
    ] = BodyRegion.WHOLE,
    replace_own: Annotated[bool, typer.Option("--replace", help="Take the place of your own one.")] = False,
    json: JsonOption = False,
) -> None:
    """Check what RUN made and enter it in your registry, as 'chromask lora add' does."""
    from engine.services.trained import register_run

    entry = register_run(
        run, step=step, best=best, name=name, mask_type=mask_type, note=note, region=region, replace=replace_own
    )
    if json:
        answer_json(asdict(entry))
        return
    answer(f"{entry.name}: {entry.file}")
    answer(f"Prompt: {entry.prompt}")


def convert(
    file: Annotated[Path, typer.Argument(help="A LoRA that was trained here.")],
    target: Annotated[Path, typer.Argument(help="The file to write.")],
    form: Annotated[str, typer.Option("--form", help="diffusers, ai-toolkit or comfyui.")] = "comfyui",
) -> None:
    """Write FILE with another program's keys."""
    from engine.services.trained import convert_trained

    convert_trained(file, target, form)
    answer(str(target))
