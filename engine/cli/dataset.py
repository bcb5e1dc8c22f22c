"""`chromask dataset check`, `export` and `import`; `engine.cli.dataset_build` has `build`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import DONE, SOME_FAILED, answer, answer_json, progress_bar, say
from engine.cli.dataset_build import (
    HeldOutOption,
    OutOption,
    SeedOption,
    SplitByOption,
    build,
    rows,
    sentence,
    summary,
    tell_built,
)
from engine.cli.options import JsonOption, OverwriteOption
from engine.domain.datasets import DatasetKind, SplitBy, has_errors
from engine.services.datasets.layouts.export import Layout

app = typer.Typer(help="Training sets: build, check, and exchange them with other trainers.", no_args_is_help=True)
app.add_typer(build, name="build")

SetArgument = Annotated[Path, typer.Argument(metavar="SET", help="The set's folder.")]


@app.command("check")
def check(dataset: SetArgument, json: JsonOption = False) -> None:
    """Look a set through before it is trained on. Exit code 1 when something forbids training."""
    from engine.services.datasets.check import check_dataset
    from engine.services.datasets.manifest import dataset_hash

    with progress_bar("Reading", quiet=json) as advance:
        manifest, findings = check_dataset(dataset, advance)
    if json:
        answer_json({**summary(dataset, manifest), "sha256": dataset_hash(manifest), "findings": rows(findings)})
    else:
        for finding in findings:
            say(f"{finding.severity.value}: {finding}")
        verdict = "must not be trained on" if has_errors(findings) else "can be trained on"
        answer(f"{sentence(dataset, manifest)}; it {verdict}.")
    raise typer.Exit(SOME_FAILED if has_errors(findings) else DONE)


@app.command("export")
def export(
    dataset: SetArgument,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder that receives the layout.")],
    layout: Annotated[Layout, typer.Option("--layout", help="For which trainer.")] = Layout.AI_TOOLKIT,
    name: Annotated[str, typer.Option("--name", help="Of the LoRA; the set's by default.")] = "",
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Write a set for AI-Toolkit, OneTrainer or musubi-tuner, with a configuration. Pictures are linked, not copied."""
    from engine.services.datasets.layouts.export import export_dataset

    exported = export_dataset(dataset, out, layout, name=name, overwrite=overwrite)
    if json:
        answer_json(asdict(exported))
        return
    for notice in exported.notices:
        say(notice)
    answer(f"{exported.pairs} pairs for {layout.value}: {exported.config}")


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="AI-Toolkit's config.yaml, or a folder with target and control.")],
    out: OutOption,
    kind: Annotated[
        DatasetKind | None, typer.Option("--kind", help="What it teaches; found out when left out.")
    ] = None,
    held_out: HeldOutOption = 0.2,
    seed: SeedOption = 0,
    split_by: SplitByOption = SplitBy.ARTICLE,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Make a set of what AI-Toolkit trains on."""
    from engine.services.datasets.layouts.imported import import_ai_toolkit

    with progress_bar("Reading", quiet=json) as advance:
        imported = import_ai_toolkit(
            source,
            out,
            kind=kind,
            held_out=held_out,
            seed=seed,
            split_by=split_by,
            overwrite=overwrite,
            advance=advance,
        )
    if imported.settings is not None and not json:
        settings = imported.settings
        say(f"Its settings: rank {settings.rank}, {settings.steps} steps, learning rate {settings.learning_rate:g}.")
    if imported.unknown and not json:
        say(f"Without counterpart here: {', '.join(imported.unknown)}.")
    more = {"settings": asdict(imported.settings) if imported.settings else None, "unknown": imported.unknown}
    tell_built(imported.built, as_json=json, more=more)
