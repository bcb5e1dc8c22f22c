"""Figures as words: the tables that are printed and stand on the page, and what is written under pictures."""

from __future__ import annotations

from collections.abc import Sequence

from engine.domain.datasets import DatasetKind
from engine.domain.evaluation import ColorFigures, Evaluation, Figures, MaskFigures, Summary
from engine.services.evaluation.pages import Table

_MASK_HEADINGS = ("examples", "IoU", "boundary F", "abs. error", "no mask", "failed")
_COLOR_HEADINGS = (
    "examples", "crop before", "crop after", "garment before", "garment after", "texture", "outside", "most", "failed",
)  # fmt: skip


def summary_table(kind: DatasetKind, found: Sequence[Summary]) -> Table:
    """One line for each contender."""
    headings = _MASK_HEADINGS if kind is DatasetKind.MASK else _COLOR_HEADINGS
    rows: list[tuple[str, ...]] = []
    for summary in found:
        figures = _figures(summary.means, kind)
        last = (str(summary.unpainted), str(summary.failed)) if kind is DatasetKind.MASK else (str(summary.failed),)
        rows.append((summary.contender.name, str(summary.count), *figures, *last))
    return _filled(("", *headings), rows)


def with_best(table: Table, best: int) -> Table:
    """The table with the best contender marked behind its name."""
    headings, rows = table
    return headings, tuple((f"{row[0]} · best", *row[1:]) if n == best else row for n, row in enumerate(rows))


def example_table(evaluation: Evaluation) -> Table:
    """One line for each example of the only contender that was measured."""
    headings = (_MASK_HEADINGS if evaluation.kind is DatasetKind.MASK else _COLOR_HEADINGS)[1:]
    width = 3 if evaluation.kind is DatasetKind.MASK else 7
    rows = [
        (row.example, *_figures(row.figures, evaluation.kind))
        for row in evaluation.of(evaluation.contenders[0])
        if row.figures is not None
    ]
    return _filled(("", *headings[:width]), rows)


def as_text(table: Table) -> list[str]:
    """A table's lines: names to the left, numbers to the right."""
    headings, rows = table
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (headings, *rows)
    ]


def captions(figures: Figures) -> tuple[tuple[str, ...], ...]:
    """What stands under control, target, result and difference."""
    if isinstance(figures, MaskFigures):
        return (), (), (f"IoU {figures.iou:.3f}",), (f"F {figures.boundary_f:.3f}, error {figures.mae:.4f}",)
    before, after = [f"crop {figures.control_crop:.3f}"], [f"crop {figures.result_crop:.3f}"]
    last: list[str] = []
    if figures.control_garment is not None and figures.result_garment is not None:
        before.append(f"garment {figures.control_garment:.2f}")
        after.append(f"garment {figures.result_garment:.2f}")
    if figures.texture is not None:
        last.append(f"texture {figures.texture:.3f}")
    if figures.outside is not None:
        last.append(f"outside {figures.outside:.2f}, most {figures.outside_max}")
    return tuple(before), (), tuple(after), tuple(last)


def explanation(kind: DatasetKind) -> tuple[str, ...]:
    """What the figures mean, for whoever sees the page without having run it."""
    if kind is DatasetKind.MASK:
        return (
            "IoU: intersection over union of what is above half. Boundary F: precision and recall of the outlines "
            "within 0.8 % of the diagonal (Perazzi et al. 2016). Error: mean absolute difference of the soft masks, "
            "0 to 1, over the whole picture. A mask that was not painted counts as an empty one.",
        )
    return (
        "ΔE00: mean over pixels of CIEDE2000 to the true picture (sRGB to CIELAB, D65), before and after, on the "
        "outlined crop and on the whole garment. Texture: correlation of the gradients of L inside the garment, before "
        "against after. Outside: mean ΔE00 between before and after where the mask is 0, and the largest 8-bit change.",
    )


def _filled(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    """The table without columns in which nothing was measured, as those of the garment where no masks were given."""
    kept = [n for n in range(len(headings)) if n == 0 or not rows or any(row[n] for row in rows)]
    return tuple(headings[n] for n in kept), tuple(tuple(row[n] for n in kept) for row in rows)


def _figures(figures: Figures | None, kind: DatasetKind) -> tuple[str, ...]:
    if isinstance(figures, MaskFigures):
        return f"{figures.iou:.3f}", f"{figures.boundary_f:.3f}", f"{figures.mae:.4f}"
    if isinstance(figures, ColorFigures):
        deltas = (figures.control_crop, figures.result_crop, figures.control_garment, figures.result_garment)
        most = "" if figures.outside_max is None else str(figures.outside_max)
        return *(_number(value) for value in deltas), _number(figures.texture), _number(figures.outside), most
    return ("",) * (3 if kind is DatasetKind.MASK else 7)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
