"""How a colour guide was laid on the photograph is stated beside the match it guided."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QLabel
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


def test_whether_the_guide_was_kept_is_said_and_why_it_was_not(qtbot: QtBot) -> None:
    panel = DeltaEPanel()
    qtbot.addWidget(panel)
    outcome = match_outcome()
    assert outcome.match is not None

    def shown(figures: dict[str, str | float | int], *notices: str) -> str:
        assert outcome.match is not None
        panel.show_outcome(replace(outcome, match=replace(outcome.match, provenance=figures), notices=notices))
        return panel.texts()["Colour guide"]

    assert shown({"guide_weight": 0.4512}) == "kept · 45 %"
    why = "The colour guide was set aside: it contradicts the flatlay."
    assert shown({"guide_weight": 0.0, "guide_set_aside": "it contradicts the flatlay"}, why) == "set aside"
    assert why in [label.text() for label in panel.findChildren(QLabel)]
    assert shown({}) == ""
