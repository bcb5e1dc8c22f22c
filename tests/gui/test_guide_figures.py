"""How a colour guide was laid on the photograph is stated beside the match it guided."""

from __future__ import annotations

from dataclasses import replace

from pytestqt.qtbot import QtBot

from gui.review.delta_e_panel import DeltaEPanel
from tests.contract.factories import match_outcome


def test_a_guides_registration_is_shown_and_an_unguided_match_has_none(qtbot: QtBot) -> None:
    panel = DeltaEPanel()
    qtbot.addWidget(panel)
    outcome = match_outcome()
    assert outcome.match is not None
    plain = replace(outcome, mask=replace(outcome.mask, provenance={"engine": "classical"}))
    panel.show_outcome(plain)
    # A row without a text is not shown.
    assert not panel.texts().get("Model's shift")
    figures = {"guide_shift_px": 12.25, "guide_residual_before": 9.04, "guide_residual_after": 3.5, "guide_weight": 0.4}
    panel.show_outcome(replace(plain, match=replace(outcome.match, provenance=figures)))
    assert panel.texts()["Model's shift"] in ("12.2 px", "12.3 px")
    assert panel.texts()["Beside the paint"] == "9.0 → 3.5"
