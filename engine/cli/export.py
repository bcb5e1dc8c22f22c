"""`chromask export`: writes the results of a batch that is in the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.composition import composition_of
from engine.cli.console import DONE, SOME_FAILED, answer_json, progress_bar, say
from engine.cli.options import ExistingCatalogOption, FormatOption, JsonOption, OverwriteOption, parse_formats
from engine.domain.errors import UsageError


def export(
    context: typer.Context,
    batch: Annotated[str, typer.Argument(help="Number or name of the batch; 'last' is the newest.")],
    out: Annotated[Path, typer.Option("--out", help="Where files go; created when it is not there.")],
    format: FormatOption = "psd,tiff",
    all_results: Annotated[
        bool, typer.Option("--all", help="Results without a verdict too; rejected ones never.")
    ] = False,
    catalog: ExistingCatalogOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Export the approved results of a batch."""
    from engine.dispatch.session import open_session
    from engine.services.export import ExportPlan, export_items
    from engine.services.review import find_batch, items_of

    plan = ExportPlan(out, parse_formats(format), approved_only=not all_results, overwrite=overwrite)
    with open_session(composition_of(context).location, catalog) as session:
        found = find_batch(session.catalog, batch)
        if found is None:
            known = ", ".join(f"{b.id} ({b.name})" for b in session.catalog.batches()[:5]) or "none yet"
            raise UsageError(f"there is no batch '{batch}'", remedy=f"Batches: {known}.")
        items = items_of(session.catalog, found.id)
        with progress_bar("Exporting", quiet=json) as advance:
            report = export_items(session.catalog, session.artifacts, items, plan, advance)
    if json:
        answer_json({"written": report.written, "kept": report.kept, "failures": report.failures})
    else:
        for sentence in report.failures:
            say(f"  {sentence}")
        say(f"{len(report.written)} files written to {out}, {len(report.kept)} were there already.")
        if not report.written and not report.kept and not all_results:
            say("Nothing of this batch is approved yet; approve in the window, or export with --all.")
    raise typer.Exit(SOME_FAILED if report.failures else DONE)
