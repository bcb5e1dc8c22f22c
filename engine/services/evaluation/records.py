"""What an evaluation leaves behind: ``evaluation.json`` for programs, ``evaluation.csv`` for spreadsheets."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from math import isfinite
from pathlib import Path
from statistics import fmean
from typing import TypeVar

from engine.domain.codec import from_json, read_versioned, to_json
from engine.domain.datasets import DatasetKind
from engine.domain.errors import BugError, KnownError
from engine.domain.evaluation import (
    EVALUATION_VERSION,
    NO_MASK,
    ColorFigures,
    Contender,
    Evaluation,
    Figures,
    MaskFigures,
    Measured,
    Summary,
)
from engine.domain.files import complete_file

RECORD, SPREADSHEET = "evaluation.json", "evaluation.csv"

SHEET = "contact-sheet"
"""Stem of the contact sheet of the best contender; the others' have their names behind it."""

F = TypeVar("F", MaskFigures, ColorFigures)


def run_folder(run: Path) -> Path:
    """Where the evaluation of a training run's checkpoints is kept, and looked for."""
    return run / "evaluation"


def summaries(evaluation: Evaluation) -> tuple[Summary, ...]:
    """Mean figures of every contender, in their order."""
    return tuple(_summary(contender, evaluation.of(contender)) for contender in evaluation.contenders)


def best_of(found: Sequence[Summary]) -> int | None:
    """Which summary has the greatest IoU, or the least ΔE00 on the crop; None where nothing was measured.

    Of those that were measured on the most examples: after a stop, or with examples that failed, a mean of fewer may be
    one of the easier ones. The first of equal ones is the best.
    """
    most = max((summary.count for summary in found), default=0)
    ranked = [
        (badness(summary.means), index)
        for index, summary in enumerate(found)
        if summary.means is not None and summary.count == most and isfinite(badness(summary.means))
    ]
    return min(ranked)[1] if ranked else None


def badness(figures: Figures) -> float:
    """By what examples and contenders are put in order: the less the better."""
    return -figures.iou if isinstance(figures, MaskFigures) else figures.result_crop


def write_records(evaluation: Evaluation, folder: Path) -> None:
    """Write both files; earlier ones are replaced.

    Raises
    ------
    KnownError
        The disk is full or cannot be written to.
    """
    with complete_file(folder / RECORD, overwrite=True) as temporary:
        text = json.dumps(json.loads(to_json(evaluation)), indent=1, ensure_ascii=False)
        temporary.write_text(f"{text}\n", encoding="utf-8")
    with (
        complete_file(folder / SPREADSHEET, overwrite=True) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file).writerows(_spreadsheet(evaluation))


def read_evaluation(folder: Path) -> Evaluation:
    """What an evaluation left in its folder.

    Raises
    ------
    KnownError
        There is none, it is damaged, or a newer Chromask wrote it.
    """
    path, remedy = folder / RECORD, "Evaluate again."
    missing = KnownError("there is no evaluation here", remedy="Make one: chromask eval --help.", path=folder)
    content = read_versioned(path, EVALUATION_VERSION, "this evaluation", missing=missing, remedy=remedy)
    try:
        return from_json(json.dumps(content), Evaluation)
    except BugError as error:
        raise KnownError("this is no evaluation, or it is damaged", remedy=remedy, path=path) from error


def _summary(contender: Contender, rows: Sequence[Measured]) -> Summary:
    masks = [row.figures for row in rows if isinstance(row.figures, MaskFigures)]
    colors = [row.figures for row in rows if isinstance(row.figures, ColorFigures)]
    means = _means(masks) if masks else _means(colors) if colors else None
    count = len(masks) + len(colors)
    unpainted = sum(row.figures is not None and row.problem == NO_MASK for row in rows)
    return Summary(contender, count, len(rows) - count, unpainted, means)


def _means(rows: Sequence[F]) -> F:
    """Field by field over the rows that have a value there."""
    values: dict[str, float | int | None] = {}
    for field in fields(rows[0]):
        given = [float(value) for row in rows if (value := getattr(row, field.name)) is not None]
        if not given:
            values[field.name] = None
        elif field.name == "outside_max":
            values[field.name] = round(max(given))
        else:
            values[field.name] = fmean(given)
    return type(rows[0])(**values)  # pyright: ignore[reportArgumentType] - required fields have a value in every row


def _spreadsheet(evaluation: Evaluation) -> Iterator[list[str | int]]:
    kind = MaskFigures if evaluation.kind is DatasetKind.MASK else ColorFigures
    names = [field.name for field in fields(kind)]
    yield ["contender", "step", "example", *names, "seconds", "problem"]
    for contender in evaluation.contenders:
        step = "" if contender.step is None else contender.step
        for row in evaluation.of(contender):
            figures = _written(row.figures, names)
            yield [contender.name, step, row.example, *figures, f"{row.seconds:.3f}", row.problem]
    for summary in summaries(evaluation):
        step = "" if summary.contender.step is None else summary.contender.step
        yield [summary.contender.name, step, "MEAN", *_written(summary.means, names), "", ""]


def _written(figures: Figures | None, names: Sequence[str]) -> list[str | int]:
    values = asdict(figures) if figures is not None else {}
    written: list[str | int] = []
    for name in names:
        value = values.get(name)
        written.append("" if value is None else value if isinstance(value, int) else f"{value:.6f}")
    return written
