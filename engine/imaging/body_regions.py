"""The part of a person that a model is shown: head, face, torso or legs, by the silhouette and the body's canon.

Heights are in heads below the crown. An adult is seven and a half heads tall, a figure in a fashion picture eight; chin
at 1, shoulders at 1½, wrists and crotch at 4, knees at 6 (Loomis, "Figure Drawing for All It's Worth", 1943, and
Bammes, "Die Gestalt des Menschen", 1964, agree to a quarter of a head).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.domain.requests import BodyRegion
from engine.imaging.masks.person import Figure, Head

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_TALL = 7.8
"""Heads from the soles to the top of the hair, between the two canons."""

_ARMS_HANGING = 2.3
"""Heads across a figure at its widest: shoulders of two heads, and the arms."""

_NO_HEAD = 6.7
"""Heads that show at most where the head does not: from the neck to the soles."""

_WIDEST_HEAD = 1.7
"""Heads across the widest thing on a head, a sun hat's brim, for each head from the crown to the neck. What is wider
was taken for a head: the shoulders, say, of a figure whose white shirt is lost on a white wall."""

_WIDEST_HAIR = 1.5
"""Heads across big hair. A head that is wider against the figure is one on a portrait whose frame cuts the shoulders
off, and its size was guessed by their width."""

_SIDE = 0.35
"""Heads on either side of what the silhouette fills: the width of a loose sleeve or trouser leg, or of a shoe's sole
turned outwards."""

_LEAST_HALF: Mapping[BodyRegion, float] = {
    # The brim of a sun hat is two heads wide; arms on the hips are three and a half; feet stand a head apart.
    # Ears are three quarters of a head apart, and hair may put the middle to one side.
    BodyRegion.HEAD: 1.1,
    BodyRegion.FACE: 0.85,
    BodyRegion.TORSO: 1.75,
    BodyRegion.LEGS: 0.9,
    BodyRegion.LOWER_LEGS: 0.8,
}
"""Heads on either side of the region's middle, at least: an arm as light as the background is not in the silhouette."""

_FROM_CROWN: Mapping[BodyRegion, tuple[float, float]] = {
    # From a tall hat's top to below the chin; from the hair to below the chin; from the chin to below a long hem; from
    # the hips, or from a hand above the knees, to below a sole.
    BodyRegion.HEAD: (-0.65, 1.55),
    BodyRegion.FACE: (-0.1, 1.5),
    BodyRegion.TORSO: (0.9, 4.7),
    BodyRegion.LEGS: (3.75, 8.3),
    BodyRegion.LOWER_LEGS: (5.35, 8.3),
}
"""First and last row in heads below the crown."""

_FROM_SOLES: Mapping[BodyRegion, tuple[float, float]] = {
    # Nearer to the middle than by the canon: the unit is only known by the figure's width here.
    BodyRegion.TORSO: (-7.1, -3.1),
    BodyRegion.LEGS: (-4.4, 0.3),
    BodyRegion.LOWER_LEGS: (-2.75, 0.3),
}
"""First and last row in heads below the soles, for a figure without a head."""

_SHOWN_FROM: Mapping[BodyRegion, float] = {
    BodyRegion.HEAD: 0.0,
    BodyRegion.FACE: 0.0,
    BodyRegion.TORSO: 2.0,
    BodyRegion.LEGS: 5.2,
    BodyRegion.LOWER_LEGS: 6.6,
}
"""Heads below the crown that a figure which the frame cuts off below must reach for the region to be in it."""


_BELOW_WAIST = (BodyRegion.LEGS, BodyRegion.LOWER_LEGS)


@dataclass(frozen=True, slots=True)
class RegionBox:
    """Where a region is, in the figure's pixels; it may reach beyond the picture."""

    left: float
    top: float
    right: float
    bottom: float


def region_box(figure: Figure, region: BodyRegion) -> RegionBox | None:
    """The box around a region with room for what may be worn there, or None where the framing does not show it.

    Parameters
    ----------
    figure : Figure
        The silhouette.
    region : BodyRegion
        Not `BodyRegion.WHOLE`.
    """
    rows = _rows(figure, region)
    if rows is None:
        return None
    (top, bottom), unit = rows
    half = _LEAST_HALF[region] * unit
    if region in (BodyRegion.HEAD, BodyRegion.FACE):
        # The upper half of it: below, hair may fall to one side.
        middle = _middle(figure.mask[figure.top : figure.top + max(1, round(0.6 * unit))])
        return None if middle is None else RegionBox(middle - half, top, middle + half, bottom)
    shown = figure.mask[max(0, round(top)) : max(0, round(bottom))]
    middle = _middle(shown)
    if middle is None:
        return None
    columns = np.flatnonzero(shown.any(axis=0))
    left, right = float(columns[0]) - _SIDE * unit, float(columns[-1]) + 1 + _SIDE * unit
    return RegionBox(min(left, middle - half), top, max(right, middle + half), bottom)


def _rows(figure: Figure, region: BodyRegion) -> tuple[tuple[float, float], float] | None:
    """First and last row of the region, and the height of a head; None where that is not to be known."""
    tall, head = figure.bottom - figure.top, figure.head
    if head is None:
        span = _FROM_SOLES.get(region)
        # What begins and ends within the frame without a head is no person, or one of whom parts are lost.
        if span is None or figure.touches_bottom or not figure.touches_top:
            return None
        unit = max(figure.width / _ARMS_HANGING, tall / _NO_HEAD)
        return (figure.bottom + span[0] * unit, figure.bottom + span[1] * unit), unit
    if not _is_measured(head, figure):
        return None
    start, end = _FROM_CROWN[region]
    if figure.touches_bottom:
        # A jaw taken for the neck makes the head a fifth too small: the legs must show by the shoulders' measure too.
        largest = max(head.unit, figure.width / _ARMS_HANGING) if region in _BELOW_WAIST else head.unit
        if tall / largest < _SHOWN_FROM[region]:
            return None
        return (figure.top + start * head.unit, figure.top + end * head.unit), head.unit
    if region in _BELOW_WAIST:
        # By the soles, which are seen: hair, heels and the canon add up above.
        unit = tall / _TALL
        return (figure.bottom + (start - 8) * unit, figure.bottom + (end - 8) * unit), unit
    return (figure.top + start * head.unit, figure.top + end * head.unit), head.unit


def _is_measured(head: Head, figure: Figure) -> bool:
    """Whether a head has the proportions of one, so that the body can be measured by it."""
    wide = head.right - head.left
    if wide > _WIDEST_HEAD * (head.neck - head.top):
        return False
    return not figure.touches_bottom or wide <= _WIDEST_HAIR / _ARMS_HANGING * figure.width


def _middle(mask: NDArray[np.bool_]) -> float | None:
    """The column on whose either side half of the mask lies; None for an empty one."""
    share = np.cumsum(mask.sum(axis=0, dtype=np.int64))
    return float(np.searchsorted(share, share[-1] / 2)) + 0.5 if share.size and share[-1] else None
