"""`chromask demo`: pictures that Chromask draws itself, run through everything."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.composition import Composition, composition_of
from engine.cli.console import say

if TYPE_CHECKING:
    from engine.dispatch.session import Session
    from engine.domain.review import ReviewItem
    from engine.services.demo import DemoSet
    from engine.services.demo_dreams import Dream


def demo(
    context: typer.Context,
    headless: Annotated[bool, typer.Option("--headless", help="Write a report instead of opening the window.")] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder for the demo; created when it is not there.")] = Path(
        "chromask-demo"
    ),
    count: Annotated[int, typer.Option("--count", min=1, max=500, help="How many photographs to draw.")] = 12,
) -> None:
    """Draw a set of figures and flatlays, mask and match them, dream masks on some, and show the result."""
    from engine.cli.run_batch import run_folders
    from engine.dispatch.session import open_session
    from engine.domain.export import ExportRecipe
    from engine.domain.requests import EngineName
    from engine.services.demo import draw_demo, measure_against_truth, write_demo_report
    from engine.services.demo_dreams import dreams_sentence
    from engine.services.export import ExportPlan
    from engine.services.plan import BatchPlan
    from engine.services.review import items_of
    from engine.services.tolerances import load_tolerances

    composition = composition_of(context)
    if not headless and not _has_screen():
        say("There is no screen here: the demo writes a report instead of opening the window.")
        headless = True
    say(f"Drawing {count} photographs with their flatlays into {out} ...")
    demo_set = draw_demo(out, count)
    with open_session(composition.location, out / "catalog.db") as session:
        # The demo's own catalog: it shows the same on every account.
        rules = load_tolerances(catalog=out / "catalog.db")
        plan = BatchPlan(engine=EngineName.CLASSICAL, tolerances=rules)
        summary = run_folders(
            composition,
            session,
            [demo_set.pictures],
            plan,
            ExportPlan(out / "results", ExportRecipe(approved_only=False)),
        )
        items = items_of(session.catalog, summary["batch"]["id"])
        figures = measure_against_truth(items, session.artifacts, demo_set)
        dreams = _dream(composition, session, items, demo_set)
        report = write_demo_report(out.absolute() / "report.html", items, session.artifacts, figures, dreams)
    if figures:
        say(
            f"Against the drawn truth: ΔE00 {fmean(f.before for f in figures.values()):.1f} before,"
            f" {fmean(f.after for f in figures.values()):.1f} after;"
            f" mask IoU {fmean(f.mask_iou for f in figures.values()):.2f} (means of {len(figures)})."
        )
    if dreams:
        say(dreams_sentence(dreams))
    say(f"Report: {report}")
    if not headless:
        raise typer.Exit(composition.open_window(out / "catalog.db", ()))
    raise typer.Exit(summary["exit_code"])


def _dream(composition: Composition, session: Session, items: Sequence[ReviewItem], demo_set: DemoSet) -> list[Dream]:
    """Let the small model dream masks, where it is installed."""
    from engine.cli.run_batch import all_jobs
    from engine.cli.working import work_off
    from engine.services.demo_dreams import dream_requests, measure_dreams
    from engine.services.review import items_of

    catalog = session.catalog
    wanted = dream_requests([item.pair for item in items], demo_set)
    if not wanted:
        return []
    batch = catalog.create_batch("Dreamed masks")
    catalog.add_jobs(batch.id, wanted, 0)
    say("Dreaming masks of garments that the figures do not wear, with the small model that ships ...")
    work_off(composition, session, lambda: catalog.counts(batch.id), quiet=False)
    photographs = {item.pair.id: item.pair.on_model.path.name for item in items}
    return measure_dreams(
        all_jobs(catalog, batch.id), photographs, items_of(catalog, batch.id), session.artifacts, demo_set
    )


def _has_screen() -> bool:
    if platform.system() != "Linux":
        return True
    offscreen = os.environ.get("QT_QPA_PLATFORM", "") in ("offscreen", "minimal")
    return not offscreen and bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
