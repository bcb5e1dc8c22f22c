"""The `chromask` command: collects the commands and turns errors into exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from engine.cli import (
    catalog,
    color,
    dataset,
    demo,
    detect,
    doctor,
    edit,
    evaluate,
    export,
    kontext_bench,
    mask,
    models,
    nano,
    qc,
    reimport,
    run_batch,
    train,
    versions,
    watch,
)
from engine.cli.composition import Composition, composition_of
from engine.cli.console import DONE, WRONG_USAGE, exit_code
from engine.domain.errors import UsageError

app = typer.Typer(
    name="chromask",
    help="Garment masks and colour match for fashion photo studios. Without a command the window opens.",
    epilog="Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 stopped with Ctrl+C.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("run")(run_batch.run)
app.command("watch")(watch.watch)
app.add_typer(color.app, name="color")
app.add_typer(mask.app, name="mask")
app.command("detect")(detect.detect)
app.command("edit")(edit.edit)
app.command("qc")(qc.qc)
app.command("export")(export.export)
app.command("reimport")(reimport.reimport)
app.command("correct")(versions.correct)
app.command("again")(versions.again)
app.command("history")(versions.history)
app.add_typer(catalog.app, name="catalog")
app.add_typer(models.models, name="models")
app.add_typer(models.lora, name="lora")
app.add_typer(dataset.app, name="dataset")
app.add_typer(train.app, name="train")
app.add_typer(nano.app, name="nano")
evaluate.app.command("bench")(kontext_bench.bench)
app.add_typer(evaluate.app, name="eval")
app.command("doctor")(doctor.doctor)


@app.callback(invoke_without_command=True)
def window(
    context: typer.Context,
    catalog_file: Annotated[
        Path | None, typer.Option("--catalog", help="Of the window: catalog file; by default the account's own.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Open the window."""
    composition = composition_of(context)
    if version:
        typer.echo(f"chromask {composition.version}")
        raise typer.Exit(0)
    if context.invoked_subcommand is not None and catalog_file is not None:
        raise UsageError(
            "--catalog before a command is the window's",
            remedy=f"Put it behind the command: chromask {context.invoked_subcommand} ... --catalog FILE.",
        )
    if context.invoked_subcommand is None:
        raise typer.Exit(composition.open_window(catalog_file, ()))


def run(arguments: Sequence[str], composition: Composition) -> int:
    """Run one command; the exit code."""

    def command() -> int:
        try:
            app(args=list(arguments), obj=composition, prog_name="chromask")
        except SystemExit as leaving:  # Typer's way to return; wrong options have been shown by then
            return leaving.code if isinstance(leaving.code, int) else WRONG_USAGE
        return DONE

    return exit_code(command)
