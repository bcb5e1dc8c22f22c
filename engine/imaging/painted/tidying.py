"""Drops specks and fills holes of a soft alpha."""

from __future__ import annotations

import cv2
import numpy as np

from engine.imaging.masks.cleanup import components, fill_holes
from engine.imaging.painted.paint import Field

_PIECE_SHARE = 0.01
# Of the largest piece, chosen. Both lenses of glasses and both socks are of a size.

_HOLE_SHARE = 0.005
# Of the whole paint, chosen: less than the gap between an arm and a body, more than what shines through a brush.

_STRAY = 4  # pixels: a 2 × 2 block of a JPEG's chroma

_FAINT = 0.02
# Alpha from which a soft edge shows, chosen: five levels of 255.

_SOLID = 0.98
# Alpha from which paint is opaque, chosen as far from 1 as `_FAINT` is from 0.

_BELOW_HALF = np.float32(127 / 255)


def tidied(alpha: Field, min_piece: float | None, max_hole: float | None) -> Field:
    """Drop specks with their soft edges, and fill small holes.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` float32, 0 to 1.
    min_piece : float or None
        Smallest piece kept, in pixels; 0 keeps every one, None those of 1 % of the largest piece.
    max_hole : float or None
        Largest hole filled, in pixels; 0 fills none, None those of 0.5 % of the whole paint.
    """
    body = alpha >= 0.5
    if not body.any():
        return alpha
    pieces = components(body, connectivity=8)
    if min_piece is None:
        min_piece = max(_PIECE_SHARE * int(pieces.areas[1:].max()), _STRAY)
    large = pieces.areas >= min_piece
    large[0] = False
    body = large[pieces.labels]
    # A soft edge belongs to the body it touches; faint patches that touch none are noise.
    _, soft = cv2.connectedComponents((alpha > _FAINT).astype(np.uint8), connectivity=8)
    reached = np.isin(soft, np.unique(soft[body])) if body.any() else np.zeros_like(body)
    alpha = np.where(reached, alpha, 0).astype(np.float32)
    # What is left of a dropped speck lies in the soft edge of a piece that stays.
    alpha = np.where((pieces.labels > 0) & ~body, np.minimum(alpha, _BELOW_HALF), alpha).astype(np.float32)
    if max_hole is None:
        max_hole = _HOLE_SHARE * int(body.sum())
    solid = alpha >= _SOLID
    return np.where(fill_holes(solid, int(max_hole)) & ~solid, 1, alpha).astype(np.float32)
