"""Masks that a program gave another curve, not another shape.

GIMP 2.10 keeps channels in a document's own encoding and changes their numbers when the document is brought to another
precision, by the curve of sRGB (IEC 61966-2-1) in one direction or the other; layer masks it leaves alone. Nobody has
painted there, and a soft edge would come back twice as wide or half as wide.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from engine.domain.picture import Alpha

_NEARLY = 1
"""Levels of 255: programs round on the way."""

_MOSTLY = 0.5
"""Share of the soft edge that must lie on the curve: what is left may have been painted."""


def without_curve(written: Alpha, plane: Alpha) -> Alpha:
    """The plane that was meant: without the curve of sRGB, where most of the soft edge as it was written came under it.

    Parameters
    ----------
    written, plane : ndarray
        ``(H, W)`` uint8, as it was written, and as it came back.

    Returns
    -------
    ndarray
        ``plane`` itself where it has no curve. Else a new array: what lies on the curve is as it was written, to the
        level, and what does not, was painted and is brought back through the curve.
    """
    soft = (written > 0) & (written < 255)
    before, after = written[soft], plane[soft]
    if not before.size or np.array_equal(before, after):
        return plane
    for curve, back in (_curves(), _curves()[::-1]):
        if np.mean(_is_near(after, curve[before]) & ~_is_near(after, before)) <= _MOSTLY:
            continue
        meant = back[plane]
        same = _is_near(plane, curve[written])
        meant[same] = written[same]
        return cast("Alpha", meant)
    return plane


def _is_near(one: Alpha, other: Alpha) -> np.ndarray:
    return np.abs(one.astype(np.int16) - other) <= _NEARLY


@lru_cache(maxsize=1)
def _curves() -> tuple[Alpha, Alpha]:
    """Both tables, ``(256,)`` uint8: from light to sRGB, and back."""
    share = np.arange(256) / 255
    encoded = np.where(share <= 0.0031308, 12.92 * share, 1.055 * share ** (1 / 2.4) - 0.055)
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return cast("Alpha", np.rint(encoded * 255).astype(np.uint8)), cast("Alpha", np.rint(light * 255).astype(np.uint8))
