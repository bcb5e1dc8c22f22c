"""`chromask catalog check|backup|upgrade|edit|work`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.composition import composition_of
from engine.cli.console import DONE, SOME_FAILED, answer, answer_json, say
from engine.cli.options import ExistingCatalogOption, JsonOption
from engine.cli.queued_edit import queue_edit, work

app = typer.Typer(help="Look after the catalog, and queue and run what is in it.", no_args_is_help=True)
app.command("edit")(queue_edit)
app.command("work")(work)


@app.command("check")
def check(context: typer.Context, catalog: ExistingCatalogOption = None, json: JsonOption = False) -> None:
    """Look for damage: the database, its references, and the files in the artifact store."""
    location = composition_of(context).location
    path = (catalog or location.default_path()).absolute()
    with location.open(path) as (opened, artifacts):
        problems = opened.check()
        referenced = opened.referenced_artifacts()
        stray = artifacts.stray(referenced)
        counts = opened.counts()
    document = {
        "catalog": path,
        "problems": problems,
        "stray_files": stray,
        "jobs": counts.total,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
    }
    if json:
        answer_json(document)
    else:
        for problem in problems:
            say(problem)
        for file in stray:
            say(f"{file}: no result refers to it; it goes at the next start of Chromask.")
        if not problems:
            answer(f"{path}: sound; {counts.total} jobs, {len(referenced)} pictures in the store.")
    raise typer.Exit(SOME_FAILED if problems else DONE)


@app.command("backup")
def backup(
    context: typer.Context,
    to: Annotated[
        Path | None, typer.Argument(help="File to write; by default beside the catalog, with the date.")
    ] = None,
    catalog: ExistingCatalogOption = None,
) -> None:
    """Write a consistent copy of the catalog (the pictures in the store are not copied)."""
    location = composition_of(context).location
    path = (catalog or location.default_path()).absolute()
    with location.open(path) as (opened, _):
        target = to or path.with_name(f"{path.stem}.backup-{datetime.now():%Y%m%d-%H%M%S}.db")
        answer(str(opened.backup(target.absolute())))


@app.command("upgrade")
def upgrade(context: typer.Context, catalog: ExistingCatalogOption = None) -> None:
    """Bring the catalog to this version's form; a backup is made first when anything changes."""
    location = composition_of(context).location
    path = (catalog or location.default_path()).absolute()
    with location.open(path):
        answer(f"{path}: up to date.")
