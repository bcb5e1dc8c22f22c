"""Axes and smoothing of the loss curve. No Qt in here."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_SPAN_SHARE = 25
_LEAST_SPAN = 5.0
_OUTLIERS = 2.0
"""Per cent of the single steps' losses at either end that do not decide over the axis: one bad step would press the
curve flat."""


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) from ``low`` to ``high``, ``most`` of them or fewer."""
    span = high - low
    if span <= 0 or most < 2:
        return [low]
    magnitude = 10.0 ** math.floor(math.log10(span / most))
    for factor in (1, 2, 5, 10, 20):
        apart = factor * magnitude
        first, last = math.ceil(low / apart - 1e-9), math.floor(high / apart + 1e-9)
        if last - first < most:
            break
    return [number * apart for number in range(first, last + 1)]  # pyright: ignore[reportPossiblyUnbound]


def smoothed(losses: Sequence[float]) -> Values:
    """An exponential mean whose memory is a 25th of the run, without the bias towards zero at its beginning.

    Parameters
    ----------
    losses : sequence of float
        Of each step.

    Returns
    -------
    ndarray
        float64 of the same length (Kingma and Ba 2015, "Adam", section 3, for the bias).
    """
    values = np.asarray(losses, np.float64)
    if values.size == 0:
        return values
    keep = 1 - 1 / max(_LEAST_SPAN, values.size / _SPAN_SHARE)
    result = np.empty_like(values)
    mean, weight = 0.0, 0.0
    for index, value in enumerate(values.tolist()):
        mean = keep * mean + (1 - keep) * value
        weight = keep * weight + (1 - keep)
        result[index] = mean / weight
    return result


def loss_range(raw: Values, mean: Values, held_out: Values) -> tuple[float, float]:
    """From where to where the axis of losses goes: all means and held-out losses, and nearly all single steps."""
    seen = [mean, held_out]
    if raw.size:
        seen.append(np.percentile(raw, (_OUTLIERS, 100 - _OUTLIERS)))
    values = np.concatenate(seen)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = (high - low) * 0.08 or max(abs(high), 1e-6) * 0.5
    return max(0.0, low - room), high + room
