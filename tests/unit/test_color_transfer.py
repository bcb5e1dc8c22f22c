"""The lightness of a transfer where one photograph shows a colour that the other hides."""

from __future__ import annotations

import numpy as np
import pytest

from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.transfer import fit_transfer

CLOTH, LINING, PANEL = (60.0, 15.0, 10.0), (14.0, 2.0, -3.0), (25.0, 30.0, 15.0)


def garment(parts: list[tuple[tuple[float, float, float], float]], seed: int, folds: float = 4) -> np.ndarray:
    """``(8000, 3)`` Lab of dyes in their shares over folds; one seed, one arrangement."""
    rng = np.random.default_rng(seed)
    shares = np.array([share for _, share in parts])
    lab = np.array([color for color, _ in parts])[rng.choice(len(parts), 8000, p=shares / shares.sum())]
    lightness = np.clip(lab[:, :1] + folds * rng.standard_normal((8000, 1)), 1, 99)
    return np.concatenate([lightness, lab[:, 1:] * (lightness + 16) / (lab[:, :1] + 16)], axis=1).astype(np.float32)


def recoloured(lab: np.ndarray) -> np.ndarray:
    return lab * np.float32([0.6, 1, 1]) + np.float32([12, 25, -40])


@pytest.mark.parametrize("lining", [0.06, 0.12, 0.2])
def test_a_lining_that_the_body_hides_does_not_stretch_the_contrast(lining: float) -> None:
    truth, flat = garment([(CLOTH, 1)], 1, folds=5.6), garment([(CLOTH, 1 - lining), (LINING, lining)], 2)
    worn = recoloured(truth)
    alone = fit_transfer(worn, garment([(CLOTH, 1)], 2))
    transfer = fit_transfer(worn, flat)
    assert transfer.lightness.gain == pytest.approx(alone.lightness.gain, rel=0.1)
    assert delta_E_2000(transfer(worn), truth).mean() < delta_E_2000(alone(worn), truth).mean() + 0.5


def test_a_second_colour_that_both_show_counts() -> None:
    parts = [(CLOTH, 0.8), (PANEL, 0.2)]
    truth, flat = garment(parts, 1), garment(parts, 2)
    worn = truth * np.float32([0.7, 1, 1]) + np.float32([10, 4, -6])
    transfer = fit_transfer(worn, flat)
    assert transfer.lightness.gain > 1.3
    assert delta_E_2000(transfer(worn), truth).mean() < 3


def test_a_panel_that_lost_its_colour_is_not_taken_for_hidden() -> None:
    """The photograph has a colour without a counterpart too, and that may be the panel."""
    truth, flat = garment([(CLOTH, 0.7), (PANEL, 0.3)], 1), garment([(CLOTH, 0.7), (PANEL, 0.3)], 2)
    worn = truth.copy()
    panel = truth[:, 0] < 42
    worn[panel] = worn[panel] * np.float32([1, -1, -1.5])
    transfer = fit_transfer(worn, flat)
    ranges = np.subtract(*np.percentile(flat[:, 0], [90, 10])) / np.subtract(*np.percentile(worn[:, 0], [90, 10]))
    assert transfer.lightness.gain > 0.95 * ranges
