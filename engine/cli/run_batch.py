"""`chromask run`: folders in, masks, matched photographs, PSDs and a ΔE table out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.composition import Composition, composition_of
from engine.cli.console import DONE, INTERRUPTED, SOME_FAILED, answer_json, progress_bar, say
from engine.cli.export import USUAL, report_lines
from engine.cli.options import (
    BrandOption,
    CatalogOption,
    CollisionOption,
    EngineOption,
    FormatOption,
    JsonOption,
    LabelOption,
    LabelsOption,
    MaskSourceOption,
    MaxSideOption,
    ModelOption,
    NameOption,
    PathOption,
    ProfileOption,
    QualityOption,
    RunEngine,
    SharpenOption,
    TolerancesOption,
    VramTierOption,
    parse_formats,
)
from engine.cli.presets import PresetOption, with_preset
from engine.cli.working import work_off
from engine.dispatch.session import Session, open_session
from engine.domain.errors import KnownError
from engine.domain.export import ExportRecipe
from engine.domain.files import require_writable
from engine.domain.jobs import Job, JobState
from engine.domain.requests import EngineName
from engine.ports import Catalog
from engine.services.plan import BatchPlan, MaskSource

if TYPE_CHECKING:
    from engine.services.intake import IntakeReport


def run(
    context: typer.Context,
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders and files with photographs.")],
    out: Annotated[Path, typer.Option("--out", help="Where results go; created when it is not there.")],
    tasks: Annotated[
        str, typer.Option("--tasks", help="mask, color, or a mask to dream: socks, hat, glasses, sweatshirt.")
    ] = "mask,color",
    engine: EngineOption = RunEngine.AUTO,
    model: ModelOption = None,
    pairs: Annotated[Path | None, typer.Option("--pairs", help="CSV with on_model,flatlay,sku,garment.")] = None,
    label: LabelOption = "",
    labels: LabelsOption = None,
    mask_source: MaskSourceOption = MaskSource.AUTO,
    steps: Annotated[int, typer.Option("--steps", help="Denoising steps of a painted mask or colour guide.")] = 28,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the first painting.")] = 0,
    seeds: Annotated[int, typer.Option("--seeds", help="Paint each dreamed mask so many times and average them.")] = 1,
    draft: Annotated[
        bool, typer.Option("--draft", help="Paint dreamed masks small and fast first; in full only where unsure.")
    ] = False,
    vram_tier: VramTierOption = 0,
    tolerances: TolerancesOption = None,
    brand: BrandOption = "",
    catalog: CatalogOption = None,
    format: FormatOption = "psd,tiff",
    name: NameOption = USUAL.name_pattern,
    max_side: MaxSideOption = USUAL.max_side,
    profile: ProfileOption = USUAL.profile,
    sharpen: SharpenOption = USUAL.sharpening,
    quality: QualityOption = USUAL.jpeg_quality,
    path: PathOption = USUAL.path,
    collision: CollisionOption = USUAL.collision,
    approved_only: Annotated[bool, typer.Option("--approved-only", help="Export only what was approved.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try jobs again that failed in an earlier run.")] = False,
    preset: PresetOption = "",
    json: JsonOption = False,
) -> None:
    """Pair, process and export whole folders. Run it again after an interruption: it goes on where it stopped."""
    from engine.inference.kontext.availability import resolve_model
    from engine.services.export import ExportPlan
    from engine.services.garment_labels import read_garments
    from engine.services.plan import parse_tasks
    from engine.services.presets import Preset
    from engine.services.registries import registry_for
    from engine.services.tolerances import load_tolerances

    composition = composition_of(context)
    garment_mask, color_match, dreamed = parse_tasks(tasks, registry_for(resolve_model(model)).mask_types())
    options = Preset(
        garment_mask=garment_mask, color_match=color_match, dreamed=dreamed, garment=label, brand=brand,
        engine=EngineName(engine), mask_source=mask_source, steps=steps, seed=seed, seeds=seeds, draft=draft,
        export=ExportRecipe(
            parse_formats(format), name_pattern=name, max_side=max_side, profile=profile, sharpening=sharpen,
            jpeg_quality=quality, path=path, collision=collision,
        ),
    )  # fmt: skip
    choices = with_preset(context, preset, catalog, options)
    rules = load_tolerances(tolerances, catalog=catalog)
    rules.require_brand(choices.brand)
    plan = choices.plan(model=model, vram_tier=vram_tier, tolerances=rules)
    garments = read_garments(labels) if labels is not None else {}
    export = ExportPlan(out, replace(choices.export, approved_only=approved_only))
    with open_session(composition.location, catalog) as session:
        summary = run_folders(composition, session, folders, plan, export, pairs, garments, retry=retry, quiet=json)
    if json:
        answer_json(summary)
    raise typer.Exit(summary["exit_code"])


def run_folders(
    composition: Composition,
    session: Session,
    folders: list[Path],
    plan: Any,
    export: Any,
    pair_list: Path | None = None,
    garments: Mapping[str, str] | None = None,
    *,
    retry: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Intake, queue, work, export; returns the summary that ``--json`` prints.

    Parameters
    ----------
    plan : BatchPlan
    export : ExportPlan
    garments : mapping, optional
        Flatlay file name -> label, for pairs that have none.
    """
    from engine.services.garment_labels import with_garments
    from engine.services.intake import scan, with_photographs_alone
    from engine.services.pairing import read_pair_list
    from engine.services.queue import batch_name, submit

    for folder in folders:
        if not folder.exists():
            raise KnownError("it does not exist", remedy="Check the path.", path=folder)
    if pair_list is not None:
        read_pair_list(pair_list)  # one that was named must be right; one that lies in a folder is told and left out
    require_writable(export.folder)
    with progress_bar("Reading", quiet=quiet) as advance:
        report = scan(
            folders,
            pair_lists=[pair_list] if pair_list else (),
            leave_out=[export.folder],
            advance=lambda done, total: advance(done, total, ""),
        )
    if not plan.needs_flatlays:
        report = with_photographs_alone(report)
    for line in (*report.problems, *report.notices):
        say(f"  {line}")
    for sentence in _found(report, plan):
        say(sentence)
    if not report.pairs:  # no batch, and no table: an empty one would take the place of an earlier run's
        problems = [str(problem) for problem in report.problems]
        return {"pairs": 0, "problems": problems, "exit_code": SOME_FAILED}
    labelled = with_garments(report.pairs, garments or {})
    name = batch_name(folders[0].resolve().name, datetime.now())
    with progress_bar("Hashing", quiet=quiet) as advance:
        submission = submit(session.catalog, name, labelled, plan, lambda done, total: advance(done, total, ""))
    for problem in submission.problems:
        say(f"  {problem}")
    if submission.engine.notice:
        say(submission.engine.notice)
    interrupted = _work(composition, session, submission.batch.id, submission.jobs, retry, quiet)
    summary = _finish(session, submission.batch.id, export, quiet)
    summary["batch"] = {"id": submission.batch.id, "name": submission.batch.name}
    summary["engine"] = submission.engine.name.value
    summary["pairs"] = len(report.pairs)
    summary["problems"] = [str(problem) for problem in (*report.problems, *submission.problems)]
    failed = summary["jobs"]["failed"] or summary["export_failures"]
    summary["exit_code"] = INTERRUPTED if interrupted else SOME_FAILED if failed else DONE
    return summary


def _found(report: IntakeReport, plan: BatchPlan) -> list[str]:
    """What the folders held, and what the operator can do about what is left out."""
    from engine.domain.assets import Role

    alone = sum(pair.flatlay is None for pair in report.pairs)
    paired = len(report.pairs) - alone
    parts = [f"{paired} pair{'' if paired == 1 else 's'}"] if not alone or alone < len(report.pairs) else []
    parts += [f"{alone} photograph{'' if alone == 1 else 's'} without a flatlay"] if alone else []
    sentences = [f"{', '.join(parts)}, {len(report.problems)} pictures or folders left out."]
    if not report.pairs and not plan.needs_flatlays:
        sentences.append("Nothing to do: no photograph was found.")
    elif not report.pairs:
        sentences.append(
            "Nothing to do: no on-model photograph was found with its flatlay. docs/guide.md says how they are named."
        )
    lonely = {picture.path for picture in report.pictures if picture.role is not Role.FLATLAY}
    missing = sum(problem.path in lonely for problem in report.problems)
    if plan.dreamed and missing:
        sentences.append(
            f"{missing} of them are photographs without a flatlay, which a garment mask and a colour match need."
            f" Masks that are dreamed need none: --tasks {','.join(plan.dreamed)}."
        )
    return sentences


def _work(
    composition: Composition,
    session: Session,
    batch_id: int,
    jobs: tuple[Job, ...],
    retry: bool,
    quiet: bool,
) -> bool:
    """Run the queue until the batch is finished; True when the operator interrupted it."""
    from engine.services.failures import standing_failures

    catalog = session.catalog
    if retry:
        cancelled = [job for job in jobs if job.state is JobState.CANCELLED]
        catalog.retry([job.id for job in (*standing_failures(all_jobs(catalog, batch_id)), *cancelled)])
    waiting = [job.id for job in jobs if job.state is JobState.QUEUED]
    if not catalog.counts(batch_id).queued and not waiting:
        return False
    return work_off(composition, session, lambda: catalog.counts(batch_id), quiet=quiet)


def _finish(session: Session, batch_id: int, export: Any, quiet: bool) -> dict[str, Any]:
    """Export, write the ΔE table, and sum up."""
    from engine.services.articles import article_spreads
    from engine.services.export import export_items
    from engine.services.failures import standing_failures
    from engine.services.report import tolerance_text, write_delta_e_table
    from engine.services.review import items_of
    from engine.services.versions import newest_of_each

    catalog = session.catalog
    items = items_of(catalog, batch_id)
    with progress_bar("Exporting", quiet=quiet) as advance:
        exported = export_items(catalog, session.artifacts, items, export, advance)
    jobs = all_jobs(catalog, batch_id)
    pairs = catalog.pairs([job.pair_id for job in jobs])
    table = export.folder / "delta_e.csv"
    write_delta_e_table(table, [(job, pairs[job.pair_id]) for job in jobs], items)
    for line in report_lines(exported, export.folder):
        say(line)
    if items and not (exported.written or exported.kept or exported.failures or exported.skipped):
        wanted = ", ".join(format.value for format in export.recipe.formats)
        say(f"No result of this batch may leave as {wanted}: none is approved, or there are only masks.")
    items = list(newest_of_each(items).values())
    before = [i.outcome.match.before.delta_E for i in items if i.outcome.match]
    after = [i.outcome.match.after.delta_E for i in items if i.outcome.match]
    judged = [i.outcome.match.after.tolerance for i in items if i.outcome.match]
    for tolerance in dict.fromkeys(judged):
        number = judged.count(tolerance)
        say(f"{number} photograph{'s' if number > 1 else ''} judged by: {tolerance_text(tolerance)}.")
    if after:
        say(
            f"ΔE00 of the garment to its flatlay: {sum(before) / len(before):.1f} before,"
            f" {sum(after) / len(after):.1f} after (means of {len(after)} photographs); each one in {table.name}."
        )
    spreads = list(article_spreads(items).values())
    for spread in spreads:
        say(
            f"{spread.sku}: the colours of its {spread.views} views lie within ΔE00 {spread.after:.1f}"
            f" of each other, {spread.before:.1f} before."
        )
    counts = catalog.counts(batch_id)
    return {
        "jobs": asdict(counts),
        "failures": [job.failure.message for job in standing_failures(jobs) if job.failure],
        "written": [str(path) for path in exported.written],
        "kept": [str(path) for path in exported.kept],
        "skipped": [str(path) for path in exported.skipped],
        "export_notices": list(exported.notices),
        "export_failures": list(exported.failures),
        "table": str(table),
        "verdicts": dict(Counter(i.outcome.match.after.verdict.value for i in items if i.outcome.match)),
        "tolerances": [asdict(tolerance) for tolerance in dict.fromkeys(judged)],
        "view_spreads": [asdict(spread) for spread in spreads],
        "mean_dE00_before": sum(before) / len(before) if before else None,
        "mean_dE00_after": sum(after) / len(after) if after else None,
    }


def all_jobs(catalog: Catalog, batch_id: int) -> list[Job]:
    """Every job of a batch."""
    jobs: list[Job] = []
    while page := catalog.jobs(batch_id, after_id=jobs[-1].id if jobs else 0):
        jobs += page
    return jobs
