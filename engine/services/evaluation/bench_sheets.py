"""What a benchmark shows: its figures as words, and a contact sheet for each category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from engine.domain.benchmark import BenchCategory, BenchOutput, BenchRun, Drift
from engine.imaging.contact_sheet import ContactSheet, Row
from engine.services.evaluation.pages import Table, write_page, write_picture

_MOST_SHOWN = 5
"""Rounds on a contact sheet: the first ones and the last."""

DRIFT_MEANS = (
    "Drift of each round's picture from the first one, as the model was shown it, at the model's size. ΔE00: mean over "
    "all pixels. Left alone: the same over the places that the first round left as they were (within ΔE00 5, blurred "
    "by 2 pixels). SSIM: structural similarity of L*, 1 for the same picture. None of them says whether an instruction "
    "was followed."
)


def drift_table(run: BenchRun) -> Table:
    """Means for each category and round."""
    rows: list[tuple[str, ...]] = []
    for category in BenchCategory:
        rounds = sorted({output.round for output in run.outputs if output.category is category})
        for round_ in rounds:
            rows.append(
                _line(category, round_, [o for o in run.outputs if (o.category, o.round) == (category, round_)])
            )
    return ("category", "round", "pictures", "ΔE00", "left alone", "SSIM", "failed"), tuple(rows)


def drift_caption(drift: Drift | None) -> tuple[str, ...]:
    """What stands under a round's picture."""
    if drift is None:
        return ()
    alone = "" if drift.untouched is None else f", left alone {drift.untouched:.2f}"
    return f"ΔE00 {drift.delta_E:.2f}{alone}", f"SSIM {drift.structure:.3f}"


def write_sheets(folder: Path, rows: Mapping[BenchCategory, Sequence[Row]], rounds: int) -> None:
    """Write a contact sheet for each category, as a page and as a picture.

    Parameters
    ----------
    rows : mapping
        A task's first picture, and what each round made of it.

    Raises
    ------
    KnownError
        The disk is full or cannot be written to.
    """
    shown = [0, *range(1, rounds + 1)]
    if rounds > _MOST_SHOWN:
        shown = [0, *range(1, _MOST_SHOWN), rounds]
    columns = tuple("First" if number == 0 else f"Round {number}" for number in shown)
    for category, tasks in rows.items():
        cut = tuple(replace(row, cells=tuple(row.cells[number] for number in shown)) for row in tasks)
        sheet = ContactSheet(f"KontextBench: {category.value}", (DRIFT_MEANS,), columns, cut)
        write_page(folder / f"contact-sheet-{category.value}.html", sheet)
        write_picture(folder / f"contact-sheet-{category.value}.png", sheet)


def _line(category: BenchCategory, round_: int, outputs: Sequence[BenchOutput]) -> tuple[str, ...]:
    drifts = [output.drift for output in outputs if output.drift is not None]
    failed = str(len(outputs) - len(drifts))
    if not drifts:
        return category.value, str(round_), "0", "", "", "", failed
    alone = [drift.untouched for drift in drifts if drift.untouched is not None]
    return (
        category.value,
        str(round_),
        str(len(drifts)),
        f"{fmean(drift.delta_E for drift in drifts):.2f}",
        f"{fmean(alone):.2f}" if alone else "",
        f"{fmean(drift.structure for drift in drifts):.3f}",
        failed,
    )
