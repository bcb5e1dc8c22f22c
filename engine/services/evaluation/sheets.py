"""What a contact sheet says besides its pictures."""

from __future__ import annotations

from pathlib import Path

from engine.domain.datasets import DatasetKind
from engine.domain.evaluation import ColorFigures, Contender, Evaluation, MaskFigures, Summary
from engine.imaging.metrics.pictures import AGREED, FULL_SCALE, MISSING, TOO_MUCH
from engine.services.evaluation.records import summaries
from engine.services.evaluation.tables import explanation

_MOST_NAMED = 5
"""Examples that could not be measured, by name above the pictures."""

Legend = tuple[tuple[tuple[int, int, int], str], ...]


def columns_of(kind: DatasetKind) -> tuple[str, ...]:
    """Headings of the pictures."""
    return ("Control", "Target", "Result", "Difference" if kind is DatasetKind.MASK else "ΔE00 to the target")


def legend_of(kind: DatasetKind) -> Legend:
    """What the colours of the difference mean."""
    if kind is DatasetKind.MASK:
        return ((AGREED, "in both"), (MISSING, "missing"), (TOO_MUCH, "too much"))
    # The ends and the middle of viridis (`engine.imaging.color.heat_map`).
    return (
        ((68, 1, 84), "ΔE00 0"),
        ((33, 145, 140), f"{FULL_SCALE / 2:g}"),
        ((253, 231, 37), f"{FULL_SCALE:g} and more"),
    )


def title_of(evaluation: Evaluation, contender: Contender) -> str:
    """The set and what painted it, or the folder."""
    what = "masks" if evaluation.kind is DatasetKind.MASK else "colours"
    if "model" not in evaluation.facts:
        return f"{contender.name}: {what} against the truth"
    return f"{Path(evaluation.subject).name}, {contender.name}: {what} against the truth"


def headline(evaluation: Evaluation, contender: Contender, *, is_best: bool) -> tuple[str, ...]:
    """The contender's mean figures, how its pictures were made, and what the figures mean."""
    summary = next(found for found in summaries(evaluation) if found.contender == contender)
    best = " The best of those measured." if is_best else ""
    cut = "" if evaluation.is_complete else " Stopped before the end."
    lines = f"{mean_sentence(summary)}{best}{cut} Worst first.", *_made(evaluation), *explanation(evaluation.kind)
    return *lines, *_not_measured(evaluation, contender)


def mean_sentence(summary: Summary) -> str:
    """A contender's means as one sentence."""
    every = summary.count + summary.failed
    many = f"{every} example{'s' if every != 1 else ''}"
    if summary.failed:
        many += f", {summary.count} of them measured"
    match summary.means:
        case MaskFigures() as means:
            none = f", no mask on {summary.unpainted}" if summary.unpainted else ""
            figures = f"IoU {means.iou:.3f}, boundary F {means.boundary_f:.3f}, absolute error {means.mae:.4f}"
            return f"{many}{none}. Means: {figures}."
        case ColorFigures() as means:
            figures = f"ΔE00 on the crop {means.control_crop:.3f} before, {means.result_crop:.3f} after"
            if means.control_garment is not None and means.result_garment is not None:
                figures += f"; on the garment {means.control_garment:.3f} before, {means.result_garment:.3f} after"
            return f"{many}. Means: {figures}."
        case None:
            return f"{many}."


def _not_measured(evaluation: Evaluation, contender: Contender) -> tuple[str, ...]:
    failed = [row for row in evaluation.of(contender) if row.figures is None]
    lines = [f"Not measured: {row.example} ({row.problem})" for row in failed[:_MOST_NAMED]]
    more = len(failed) - _MOST_NAMED
    return *lines, *((f"{more} more were not measured; evaluation.csv has their reasons.",) if more > 0 else ())


def _made(evaluation: Evaluation) -> tuple[str, ...]:
    facts = evaluation.facts
    if "model" not in facts:
        return ()
    steps = f"{facts['steps']} step{'s' if facts['steps'] != 1 else ''}"
    which = str(facts["split"]).replace("_", "-")
    return (
        f"{facts['model']}, {steps}, guidance {facts['guidance_scale']:g}, seed {facts['seed']}; "
        f"{which} examples of the set {str(facts['dataset_hash'])[:12]}.",
    )
