"""Repair of single colours of a drawn print."""

from __future__ import annotations

import numpy as np

from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.repair import fit_repair

PRINT = np.array([[45, 5, -30], [70, 40, 20], [85, 0, 5], [30, -25, 15], [60, -5, 50]], float)
SHARES = np.array([0.2, 0.25, 0.25, 0.2, 0.1])


def printed(colors: np.ndarray, seed: int) -> np.ndarray:
    """``(6000, 3)`` Lab: the print's colours in their shares with a little noise; the same seed, the same pixels."""
    rng = np.random.default_rng(seed)
    which = rng.choice(len(colors), 6000, p=SHARES)
    return (colors[which] + rng.normal(0, 1.0, (6000, 3))).astype(np.float32)


def degraded() -> np.ndarray:
    """The print with its blue turned purple; everything else right."""
    colors = PRINT.copy()
    colors[0, 1:] += (45, 5)
    return colors


def test_only_the_colour_that_the_flatlay_lacks_moves() -> None:
    worn, truth = printed(degraded(), 1), printed(PRINT, 1)
    repair = fit_repair(worn, printed(PRINT, 2))
    assert repair is not None
    assert 0.15 < repair.repaired < 0.25
    result = repair(worn)
    wrong = np.abs(worn - truth).max(axis=1) > 10
    assert 0.15 < wrong.mean() < 0.25
    assert delta_E_2000(worn[wrong], truth[wrong]).mean() > 12
    assert delta_E_2000(result[wrong], truth[wrong]).mean() < 0.45 * delta_E_2000(worn[wrong], truth[wrong]).mean()
    assert delta_E_2000(result[~wrong], truth[~wrong]).mean() < 0.5
    assert np.array_equal(result[:, 0], worn[:, 0])


def test_a_print_whose_every_colour_is_right_has_nothing_to_repair() -> None:
    assert fit_repair(printed(PRINT, 1), printed(PRINT, 2)) is None


def test_a_cast_over_the_whole_print_is_no_case_for_a_repair() -> None:
    cast = PRINT + np.array([0, 40, 30])
    assert fit_repair(printed(cast, 1), printed(PRINT, 2)) is None


def test_a_plain_garment_is_never_repaired_in_parts() -> None:
    plain = np.tile(PRINT[:1], (5, 1))
    assert fit_repair(printed(degraded(), 1), printed(plain, 2)) is None


def test_threads_between_two_colours_stay_blends() -> None:
    worn = printed(degraded(), 1)
    repair = fit_repair(worn, printed(PRINT, 2))
    assert repair is not None
    ramp = degraded()[0] + np.linspace(0, 1, 200)[:, None] * (PRINT[2] - degraded()[0])
    steps = np.linalg.norm(np.diff(repair(ramp.astype(np.float32)), axis=0), axis=1)
    assert steps.max() < 6 * np.linalg.norm(ramp[1] - ramp[0])


def test_a_slight_cast_over_everything_is_no_case_for_a_repair_even_if_one_colour_is_wrong() -> None:
    cast = degraded() + np.array([0, 6, 4])
    assert fit_repair(printed(cast, 1), printed(PRINT, 2)) is None
