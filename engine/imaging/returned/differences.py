"""Where the picture that came back is not what a document's layers give."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from engine.imaging.color.spaces import row_chunks
from engine.imaging.psd.document import PixelLayer
from engine.imaging.retouch import lay_rows
from engine.imaging.returned.on_top import LayersOnTop
from engine.imaging.returned.pictures import to_8

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Pixels

_TOLERANCE = 1
"""Levels of 255 by which a picture may differ from its layers: every program rounds once for each layer."""

_GAP = 5
"""Pixels. Where paint by chance has the colour of what it covers, single pixels do not differ; what lies between
painted pixels, so close, was painted as well. Left open, such holes would show the colour of the next match."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a document gives without anything that was painted.

    Attributes
    ----------
    layers : sequence of PixelLayer
        Over the background, from the bottom up.
    kept : sequence of (ndarray or None)
        Retouches over them.
    """

    layers: Sequence[PixelLayer]
    kept: Sequence[Pixels | None]


def differences(came: Pixels, background: Pixels, views: Sequence[View], added: LayersOnTop) -> tuple[Alpha, Alpha]:
    """Where the picture is in no view what our layers give; and where those that were added do not explain it either.

    Parameters
    ----------
    came, background : ndarray
        ``(H, W, 3)`` uint8 or uint16, both the same.
    views : sequence of View
        What is given in one of them was not painted.
    added : LayersOnTop
        Layers over all of ours.

    Returns
    -------
    tuple of ndarray
        ``(H, W)`` uint8, 0 or 1, without small gaps.
    """
    touched = np.ones(came.shape[:2], np.uint8)
    unexplained = np.ones(came.shape[:2], np.uint8) if added else touched
    with added.opened() if added else nullcontext() as opened:
        for rows in row_chunks(came.shape):
            over = opened.rows(rows) if opened is not None else None
            for view in views:
                given = _given(background, view, rows)
                touched[rows] &= _differs(came[rows], given)
                if over is not None:
                    lay_rows(given, over[..., :3], to_8(over[..., 3]), None)
                    unexplained[rows] &= _differs(came[rows], given)
    closed = _without_gaps(cast("Alpha", touched))
    return closed, _without_gaps(cast("Alpha", unexplained)) if added else closed


def share_of_difference(one: Pixels, other: Pixels) -> float:
    """The part of two pictures that is not the same but for rounding, 0 to 1."""
    different = sum(np.count_nonzero(_differs(one[rows], other[rows])) for rows in row_chunks(one.shape))
    return different / (one.shape[0] * one.shape[1])


def tolerance(pixels: Pixels) -> int:
    """By how many of its own levels a picture may differ from its layers."""
    return _TOLERANCE * (np.iinfo(pixels.dtype).max // 255)


def _given(background: Pixels, view: View, rows: slice) -> Pixels:
    given = background[rows].copy()
    for layer in view.layers:
        mask, transparency = layer.mask, layer.transparency
        lay_rows(
            given,
            layer.pixels[rows],
            None if mask is None else mask[rows],
            None if transparency is None else transparency[rows],
        )
    for retouch in view.kept:
        if retouch is not None:
            lay_rows(given, retouch[rows][..., :3], to_8(retouch[rows][..., 3]), None)
    return given


def _differs(came: Pixels, given: Pixels) -> np.ndarray:
    change = cv2.absdiff(came, given)
    return np.maximum(np.maximum(change[..., 0], change[..., 1]), change[..., 2]) > tolerance(came)


def _without_gaps(plane: Alpha) -> Alpha:
    if not plane.any():
        return plane
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_GAP, _GAP))
    return cast("Alpha", cv2.morphologyEx(plane, cv2.MORPH_CLOSE, disc))
