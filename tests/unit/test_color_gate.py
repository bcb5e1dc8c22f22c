"""The gate: what comes out never ranks below what went in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import BugError
from engine.domain.requests import Tolerance
from engine.domain.results import DeltaEReport, PaletteLine, Verdict
from engine.imaging.color.gate import better, choose_best, lost_colors, rank
from engine.imaging.color.palette_report import verdict_for

TOLERANCE = Tolerance()
WORST_LAST = [Verdict.PASS, Verdict.WARN, Verdict.FAIL]
RED, WHITE = (40.0, 60.0, 30.0), (95.0, 0.0, 2.0)


def report(delta_E: float, p95: float = 10.0, verdict: Verdict | None = None) -> DeltaEReport:
    judged = verdict if verdict is not None else verdict_for(delta_E, TOLERANCE)
    return DeltaEReport("garment / flatlay", delta_E, delta_E, delta_E, p95, 0, 0, 0, 1000, TOLERANCE, judged)


def two_tone(delta_E: float, *, has_white: bool) -> DeltaEReport:
    white = PaletteLine(
        WHITE if has_white else None,
        0.1 if has_white else 0.0,
        WHITE,
        0.1,
        *((1.0, Verdict.PASS) if has_white else (None, None)),
    )
    return replace(report(delta_E), palette=(PaletteLine(RED, 0.9, RED, 0.9, delta_E, Verdict.PASS), white))


figures = st.floats(0, 100) | st.just(float("nan"))
reports = st.builds(report, figures, figures, st.none() | st.sampled_from(Verdict))


@given(reports, st.lists(reports))
def test_nothing_leaves_that_ranks_below_the_input(before: DeltaEReport, candidates: list[DeltaEReport]) -> None:
    choice = choose_best(before, enumerate(candidates))
    assert rank(choice.report) <= rank(before)
    assert choice.passed == (choice.report.verdict is Verdict.PASS)
    if choice.result is None:
        assert choice.index is None
        assert choice.report is before
        assert not any(better(before, candidate) for candidate in candidates)
    else:
        assert choice.index is not None
        assert choice.result == choice.index
        assert choice.report is candidates[choice.index]
        assert better(before, choice.report)


@given(reports, st.lists(reports))
def test_the_best_of_what_was_tried_is_taken_and_work_stops_at_the_first_that_passes(
    before: DeltaEReport, candidates: list[DeltaEReport]
) -> None:
    choice = choose_best(before, enumerate(candidates))
    good = [i for i, c in enumerate(candidates) if c.verdict is Verdict.PASS and better(before, c)]
    assert choice.tried == tuple(candidates[: good[0] + 1] if good else candidates)
    assert all(rank(choice.report) <= rank(measured) for measured in choice.tried)


@given(reports, reports, reports)
def test_better_is_a_strict_order(a: DeltaEReport, b: DeltaEReport, c: DeltaEReport) -> None:
    assert not better(a, a)
    assert not (better(a, b) and better(b, a))
    assert not (better(a, b) and better(b, c)) or better(a, c)


@given(st.sampled_from(Verdict), st.sampled_from(Verdict), figures, figures)
def test_the_verdict_goes_before_the_figures(one: Verdict, two: Verdict, x: float, y: float) -> None:
    if one is not two:
        assert better(report(x, y, one), report(y, x, two)) == (WORST_LAST.index(two) < WORST_LAST.index(one))


def test_then_the_mean_colour_and_then_the_pixels() -> None:
    assert better(report(8, 20), report(7, 30))
    assert better(report(8, 20), report(8, 19))
    assert not better(report(8, 20), report(8, 20))
    assert not better(report(8, 20), report(float("nan"), 1))
    assert better(report(float("nan"), 20, Verdict.FAIL), report(99, 20))


def test_no_later_strategy_runs_once_one_has_passed() -> None:
    ran: list[str] = []

    def strategies() -> Iterator[tuple[str, DeltaEReport]]:
        for name, delta_E in (("full", 6.0), ("half", 2.0), ("quarter", 1.0)):
            ran.append(name)
            yield name, report(delta_E)

    choice = choose_best(report(12), strategies())
    assert (choice.result, choice.index, choice.passed) == ("half", 1, True)
    assert ran == ["full", "half"]
    assert [measured.delta_E for measured in choice.tried] == [6.0, 2.0]


def test_an_input_that_passes_gives_way_only_to_a_nearer_one() -> None:
    kept = choose_best(report(1.0), [("farther", report(2.5)), ("same", report(1.0))])
    assert kept.result is None
    assert kept.passed
    assert choose_best(report(1.0), [("nearer", report(0.5))]).result == "nearer"
    assert choose_best(report(9.0), []).result is None


def test_a_match_that_makes_two_colours_one_does_not_count_as_passed() -> None:
    before, merged, whole = two_tone(9, has_white=True), two_tone(1.0, has_white=False), two_tone(2.5, has_white=True)
    assert [line.reference_color for line in lost_colors(before, merged)] == [WHITE]
    assert not lost_colors(before, whole)
    choice = choose_best(before, [("merged", merged), ("whole", whole)])
    assert (choice.result, choice.passed) == ("whole", True)
    alone = choose_best(before, [("merged", merged)])
    assert (alone.result, alone.passed) == ("merged", False), "nearer than the input, and for a person to look at"
    plain = replace(before, palette=(PaletteLine(RED, 1.0, (41.0, 59.0, 30.0), 1.0, 9.0, Verdict.FAIL),))
    assert not lost_colors(plain, whole), "a single line states the whole garment's mean, which is no palette colour"
    assert not lost_colors(whole, plain)
    hidden = two_tone(9, has_white=False)
    assert choose_best(hidden, [("merged", merged)]).passed, "it was hidden before: nothing was lost"


def test_reports_under_two_tolerances_do_not_compare() -> None:
    other = replace(report(1), tolerance=Tolerance(k_L=2.0))
    with pytest.raises(BugError, match="two tolerances"):
        better(report(2), other)
    with pytest.raises(BugError, match="two tolerances"):
        choose_best(report(2), [("x", other)])
