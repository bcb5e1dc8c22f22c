"""The gate between a colour match and the operator: nothing leaves that measures worse than what came in."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.domain.errors import BugError
from engine.domain.results import DeltaEReport, PaletteLine, Verdict

Result = TypeVar("Result")

_ORDER = {Verdict.PASS: 0, Verdict.WARN: 1, Verdict.FAIL: 2}


def rank(report: DeltaEReport, before: DeltaEReport | None = None) -> tuple[int, float, float]:
    """Where a report stands among reports of one garment; smaller is better.

    The verdict first, then ``delta_E``, then ``p95``. A figure that is not a number stands last of its kind, so that an
    undefined measurement can never win.

    Parameters
    ----------
    before : DeltaEReport, optional
        Of the untouched photograph: a match that made a colour vanish (see `lost_colors`) ranks as warn at best.
    """
    return standing(report, before), _last_if_nan(report.delta_E), _last_if_nan(report.p95)


def standing(report: DeltaEReport, before: DeltaEReport | None = None) -> int:
    """The first figure of `rank`: 0 passes, 1 is for a person to see, 2 fails."""
    order = _ORDER[report.verdict]
    if before is not None and lost_colors(before, report):
        order = max(order, _ORDER[Verdict.WARN])
    return order


def better(before: DeltaEReport, after: DeltaEReport) -> bool:
    """Whether ``after`` ranks strictly above ``before``; an equal rank is not worth touching a pixel.

    Raises
    ------
    BugError
        The reports were judged by different tolerances, so their verdicts do not compare.
    """
    _require_one_tolerance(before, after)
    return rank(after, before) < rank(before)


def lost_colors(before: DeltaEReport, after: DeltaEReport) -> tuple[PaletteLine, ...]:
    """The flatlay's colours that the photograph had before the match and has no longer: it made two colours one."""
    had = {line.reference_color for line in before.palette if line.color is not None}
    return tuple(
        line
        for line in after.palette
        if line.color is None and line.reference_color is not None and line.reference_color in had
    )


@dataclass(frozen=True, slots=True)
class Choice(Generic[Result]):
    """What the gate let through.

    Attributes
    ----------
    result : Result or None
        The chosen candidate; None where the input itself ranks best and stays as it is.
    report : DeltaEReport
        Of the chosen candidate, or of the input.
    index : int or None
        Which candidate it was, counted from 0; None for the input.
    passed : bool
        Whether the target was reached: the verdict is pass and no colour was lost; otherwise a person decides.
    tried : tuple of DeltaEReport
        Reports of all candidates that were made, in order.
    """

    result: Result | None
    report: DeltaEReport
    index: int | None
    passed: bool
    tried: tuple[DeltaEReport, ...]


def choose_best(before: DeltaEReport, candidates: Iterable[tuple[Result, DeltaEReport]]) -> Choice[Result]:
    """Take the first candidate that passes, or else the best ranked one; never one that ranks below the input.

    A closed loop hands in a generator, whose next strategy runs only when the one before it did not pass::

        def matches():
            for strategy in strategies:
                matched = match_garment(..., strategy)
                yield matched, garment_report(...)

        choice = choose_best(before, matches())

    Only the best candidate so far is kept, so memory does not grow with their number. Of equal ranks the earlier wins.

    Parameters
    ----------
    before : DeltaEReport
        Of the untouched photograph.
    candidates : iterable of (Result, DeltaEReport)
        Read one by one, and no further than the first that passes and ranks above the input.

    Raises
    ------
    BugError
        A candidate was judged by another tolerance than the input.
    """
    best: Result | None = None
    report, index = before, None
    tried: list[DeltaEReport] = []
    for number, (candidate, measured) in enumerate(candidates):
        _require_one_tolerance(before, measured)
        tried.append(measured)
        if rank(measured, before) < rank(report, before):
            best, report, index = candidate, measured, number
            if rank(report, before)[0] == _ORDER[Verdict.PASS]:
                break
    return Choice(best, report, index, rank(report, before)[0] == _ORDER[Verdict.PASS], tuple(tried))


def _require_one_tolerance(one: DeltaEReport, two: DeltaEReport) -> None:
    if one.tolerance != two.tolerance:
        raise BugError(f"reports under two tolerances do not compare: {one.tolerance}, {two.tolerance}")


def _last_if_nan(figure: float) -> float:
    return math.inf if math.isnan(figure) else figure
