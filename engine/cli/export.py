"""`chromask export`: writes the results of a batch that is in the catalog."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.composition import composition_of
from engine.cli.console import DONE, SOME_FAILED, answer_json, progress_bar, say
from engine.cli.options import (
    CollisionOption,
    ExistingCatalogOption,
    FormatOption,
    JsonOption,
    MaxSideOption,
    NameOption,
    PathOption,
    ProfileOption,
    QualityOption,
    SharpenOption,
    parse_formats,
)
from engine.cli.presets import PresetOption, recipe_with_preset
from engine.domain.errors import UsageError
from engine.domain.export import ExportRecipe

if TYPE_CHECKING:
    from engine.services.export import ExportReport

USUAL = ExportRecipe()
"""What the options of an export are where nobody says otherwise."""


def report_lines(report: ExportReport, out: Path) -> list[str]:
    """What an export did, for the console."""
    files = "1 file" if len(report.written) == 1 else f"{len(report.written)} files"
    counts = [f"{files} written to {out}", f"{len(report.kept)} there already"]
    if report.skipped:
        counts.append(f"{len(report.skipped)} skipped, because another file has the name")
    return [*(f"  {line}" for line in (*report.notices, *report.failures)), f"{', '.join(counts)}."]


def export(
    context: typer.Context,
    batch: Annotated[str, typer.Argument(help="Number or name of the batch; 'last' is the newest.")],
    out: Annotated[Path, typer.Option("--out", help="Where files go; created when it is not there.")],
    format: FormatOption = "psd,tiff",
    name: NameOption = USUAL.name_pattern,
    max_side: MaxSideOption = USUAL.max_side,
    profile: ProfileOption = USUAL.profile,
    sharpen: SharpenOption = USUAL.sharpening,
    quality: QualityOption = USUAL.jpeg_quality,
    path: PathOption = USUAL.path,
    collision: CollisionOption = USUAL.collision,
    preset: PresetOption = "",
    all_results: Annotated[
        bool, typer.Option("--all", help="Results without a verdict too; rejected ones never.")
    ] = False,
    catalog: ExistingCatalogOption = None,
    json: JsonOption = False,
) -> None:
    """Export the approved results of a batch."""
    from engine.dispatch.session import open_session
    from engine.services.export import ExportPlan, export_items
    from engine.services.review import find_batch, items_of

    options = ExportRecipe(
        parse_formats(format), name_pattern=name, max_side=max_side, profile=profile, sharpening=sharpen,
        jpeg_quality=quality, path=path, collision=collision,
    )  # fmt: skip
    recipe = recipe_with_preset(context, preset, catalog, options)
    plan = ExportPlan(out, replace(recipe, approved_only=recipe.approved_only and not all_results))
    with open_session(composition_of(context).location, catalog) as session:
        found = find_batch(session.catalog, batch)
        if found is None:
            known = ", ".join(f"{b.id} ({b.name})" for b in session.catalog.batches()[:5]) or "none yet"
            raise UsageError(f"there is no batch '{batch}'", remedy=f"Batches: {known}.")
        items = items_of(session.catalog, found.id)
        with progress_bar("Exporting", quiet=json) as advance:
            report = export_items(session.catalog, session.artifacts, items, plan, advance)
    if json:
        answer_json(asdict(report))
    else:
        for line in report_lines(report, out):
            say(line)
        if not items:
            say(
                f"Batch {found.id} has no results. Photographs that were run again belong to their newest batch:"
                " see 'chromask export last'."
            )
        elif not (report.written or report.kept or report.failures or report.skipped or all_results):
            say("Nothing of this batch is approved yet; approve in the window, or export with --all.")
    raise typer.Exit(SOME_FAILED if report.failures else DONE)
