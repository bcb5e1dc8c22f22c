"""Where on a figure skin, hair and the garments of the body zones are expected, before any colour was looked at."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.imaging.masks.person import Figure

    Floats = NDArray[np.float32]

NEVER = 1e-5
"""Floor of every prior: colour can still overrule place."""


class Zone(IntEnum):
    """What a pixel of the figure shows; also the row of the score planes."""

    SKIN = 0
    HAIR = 1
    UPPER = 2
    LOWER = 3
    FEET = 4


def _ramp(position: Floats, start: float, end: float) -> Floats:
    """0 before ``start``, 1 after ``end``, smooth between; falls where ``end < start``."""
    t = np.clip((position - start) / (end - start), 0.0, 1.0)
    return (t * t * (3.0 - 2.0 * t)).astype(np.float32)


def place_priors(figure: Figure, *, one_piece: bool) -> Floats:
    """Where each label is expected, from the proportions of a standing adult (7.5 heads, crotch at 4, knee at 5.5).

    Returns
    -------
    ndarray
        ``(5, h, w)`` float32 in the order of `Zone`, 0 to 1.
    """
    height, width = figure.mask.shape
    y = np.arange(height, dtype=np.float32)
    skin, hair, upper, lower, feet = (np.zeros(height, np.float32) for _ in Zone)
    head = figure.head
    if head is not None:
        t = (y - head.neck) / np.float32(head.unit)  # heads below the neck
        skin = 0.15 + 0.85 * _ramp(t, 0.6, 0.1)
        hair = 0.002 + 0.6 * _ramp(t, 1.6, 0.0) ** 2 + 0.4 * _ramp(t, 0.0, -0.2)
        # Between a tucked-in waist (1.7 heads below the neck) and a long shirt's hem (3.5) place says little.
        end = (figure.bottom - head.neck) / head.unit if figure.touches_bottom else 6.5
        upper = _ramp(t, -0.25, 0.3) * (0.03 + 0.97 * _ramp(t, 3.8, 1.4))
        lower = _ramp(t, 0.9, min(3.6, max(2.2, end - 0.2))) * (0.05 + 0.95 * _ramp(t, 6.4, 5.6))
        feet = _ramp(t, 4.6, 6.2) if not figure.touches_bottom else 0.3 * _ramp(t, 4.6, 6.2)
        if one_piece:
            upper = _ramp(t, -0.25, 0.3) * (0.05 + 0.95 * _ramp(t, 6.6, 5.8))
            lower = 0.1 * lower
    else:
        s = (y - figure.top) / np.float32(max(1, figure.bottom - figure.top))
        skin = np.full(height, 0.15, np.float32)
        hair = np.full(height, NEVER, np.float32)
        # Frames that cut the head off cut it anywhere from the chest to the waistband: the seam lies in the upper half.
        upper = 0.01 + 0.99 * _ramp(s, 0.5, 0.1)
        lower = 0.05 + 0.95 * _ramp(s, 0.0, 0.35)
        feet = NEVER + 0 * s
        if not figure.touches_bottom:
            lower *= 0.05 + 0.95 * _ramp(s, 0.98, 0.9)
            feet = NEVER + _ramp(s, 0.8, 0.97)
        if one_piece:
            upper, lower = np.maximum(upper, lower), 0.1 * lower
    rows = np.stack([skin, hair, upper, lower, feet])
    return np.ascontiguousarray(np.broadcast_to(np.maximum(rows, NEVER)[:, :, None], (len(Zone), height, width)))
