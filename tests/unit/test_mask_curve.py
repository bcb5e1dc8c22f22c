"""Masks that came back under another curve."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.imaging.returned import returned_mask
from engine.imaging.returned.mask_curve import without_curve


def soft_mask() -> np.ndarray:
    """A disc whose edge has every level."""
    y, x = np.mgrid[:101, :133]
    return np.clip((45 - np.hypot(y - 50, x - 66)) * 24 + 128, 0, 255).astype(np.uint8)


def light(plane: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, from sRGB to light."""
    share = plane / 255
    return np.rint(255 * np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)).astype(np.uint8)


def encoded(plane: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, from light to sRGB."""
    share = plane / 255
    curve = np.where(share <= 0.0031308, 12.92 * share, 1.055 * share ** (1 / 2.4) - 0.055)
    return np.rint(255 * curve).astype(np.uint8)


@pytest.mark.parametrize("curve", [light, encoded])
def test_a_curve_is_no_change_and_paint_beside_it_is_kept(curve: Callable[[np.ndarray], np.ndarray]) -> None:
    written = soft_mask()
    assert returned_mask(written, written, curve(written)).alpha is None
    painted = curve(written)
    painted[10:40, 5:25] = 255
    painted[48:53, 60:70] = 0
    wanted = written.copy()
    wanted[10:40, 5:25] = 255
    wanted[48:53, 60:70] = 0
    assert np.array_equal(without_curve(written, painted), wanted)
    found = returned_mask(written, written, painted)
    assert not found.is_contradictory
    assert found.alpha is not None
    assert np.array_equal(found.alpha, wanted)


def test_other_changes_of_a_whole_edge_are_a_retouchers() -> None:
    written = soft_mask()
    hard = np.where(written >= 128, 255, 0).astype(np.uint8)
    lifted = np.rint(255 * (written / 255) ** (1 / 1.5)).astype(np.uint8)  # Levels, middle 1.5
    nudged = np.clip(written.astype(int) + ((written > 0) & (written < 255)), 0, 255).astype(np.uint8)
    for plane in (hard, lifted, nudged, np.roll(written, 3, axis=1)):
        assert without_curve(written, plane) is plane
        assert returned_mask(written, plane, None).alpha is plane
    assert without_curve(hard, written) is written
