"""The figures of one result, as shown."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPoint
from pytestqt.qtbot import QtBot

from engine.domain.requests import Tolerance
from engine.domain.results import JobOutcome, PaletteLine, Verdict
from gui.review.delta_e_panel import DeltaEPanel
from tests.contract.factories import match_outcome

NAVY, WHITE, SKIN = (25.0, 5.0, -25.0), (92.0, 0.0, 0.0), (65.0, 17.0, 19.0)


def printed(tolerance: Tolerance = Tolerance()) -> JobOutcome:
    outcome = match_outcome()
    assert outcome.match is not None
    before = (PaletteLine(SKIN, 0.8, NAVY, 0.75, 31.25, Verdict.FAIL), PaletteLine(None, 0.0, WHITE, 0.25, None, None))
    after = (
        PaletteLine(NAVY, 0.8, NAVY, 0.75, 1.25, Verdict.PASS),
        PaletteLine(None, 0.0, WHITE, 0.25, None, None),
        PaletteLine(SKIN, 0.2, None, 0.0, None, None),
    )
    match = replace(
        outcome.match,
        before=replace(outcome.match.before, palette=before, tolerance=tolerance),
        after=replace(outcome.match.after, palette=after, tolerance=tolerance),
    )
    return replace(outcome, match=match)


def plain() -> JobOutcome:
    outcome = printed()
    assert outcome.match is not None
    before, after = (replace(r, palette=r.palette[:1]) for r in (outcome.match.before, outcome.match.after))
    return replace(outcome, match=replace(outcome.match, before=before, after=after))


def test_a_print_has_a_row_for_each_colour_and_a_plain_garment_none(qtbot: QtBot) -> None:
    panel = DeltaEPanel()
    qtbot.addWidget(panel)
    panel.show_outcome(printed())
    assert panel.palette_texts() == [("75 %", "31.2", "1.2"), ("25 %", "—", "—"), ("20 %", "—", "—")]
    panel.show_outcome(plain())
    assert panel.palette_texts() == []
    panel.show_outcome(None)


def test_the_rows_stand_in_the_columns_of_the_other_figures_and_show_both_colours(qtbot: QtBot) -> None:
    panel = DeltaEPanel()
    qtbot.addWidget(panel)
    panel.resize(280, 700)
    panel.show_outcome(printed())
    with qtbot.waitExposed(panel):
        panel.show()
    rows, cells = panel._palette._rows, panel._cells["ΔL*"]
    for cell, figure in zip(rows[0][3:], cells, strict=True):
        right = [w.mapTo(panel, QPoint(w.width(), 0)).x() for w in (cell, figure)]
        assert right[0] == right[1]
    swatch = rows[0][1]
    shot = swatch.grab().toImage()
    left, right = (shot.pixelColor(int(x * shot.width()), shot.height() // 2) for x in (0.25, 0.75))
    assert left == right, "flatlay and result are one navy"
    assert left.blue() > left.red()
    assert panel._palette._rows[1][0].toolTip().startswith("Only on the flatlay")
    assert panel._palette._rows[2][0].toolTip().startswith("Only on the photograph")


def test_parametric_factors_other_than_one_stand_beside_the_figure(qtbot: QtBot) -> None:
    panel = DeltaEPanel()
    qtbot.addWidget(panel)
    panel.show_outcome(printed())
    assert panel._caption.text() == "Colour difference ΔE00 to the flatlay"
    panel.show_outcome(printed(Tolerance(2.0, 4.0, k_L=2.0)))
    assert panel._caption.text().endswith("k_L 2, k_C 1, k_H 1")
    assert "pass up to 2, warn up to 4" in panel._scale.toolTip()


def test_an_article_of_several_views_says_how_far_they_are_apart(qtbot: QtBot) -> None:
    panel = DeltaEPanel()
    qtbot.addWidget(panel)
    single = plain()
    panel.show_outcome(single)
    assert panel.texts()["Views apart after"] == ""
    assert single.match is not None
    provenance = {**single.match.provenance, "views": 3, "views_spread_before": 6.44, "views_spread": 0.31}
    panel.show_outcome(replace(single, match=replace(single.match, provenance=provenance)))
    assert panel.texts()["Views apart after"] == "0.3"
    panel.show_outcome(single)
    assert panel.texts()["Views apart after"] == ""


def test_a_dreamed_mask_says_how_it_was_laid_on_the_photograph(qtbot: QtBot) -> None:
    panel = DeltaEPanel()
    qtbot.addWidget(panel)
    made = plain()
    panel.show_outcome(made)
    assert panel.texts()["Model's shift"] == ""
    figures = {"shift_px": 18.14, "residual_before": 12.1, "residual_after": 4.2}
    panel.show_outcome(replace(made, mask=replace(made.mask, provenance=figures)))
    assert panel.texts()["Model's shift"] == "18.1 px"
    assert panel.texts()["Beside the paint"] == "12.1 → 4.2"
    panel.show_outcome(replace(made, mask=replace(made.mask, provenance={**figures, "shift_px": 0.0})))
    assert panel.texts()["Model's shift"] == "none"
