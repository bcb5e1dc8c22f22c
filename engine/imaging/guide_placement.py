"""Lays a model's picture over the photograph it was painted from, however it was cropped."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import KnownError
from engine.imaging.color.samples import resized
from engine.imaging.registration import MapKind, agreed_map, matched_features

_SIDE = 1400
"""Long side in pixels at which features are sought; a model paints one megapixel, so more would only be larger."""

_WIDER = 1.3
"""A picture that is this much wider than the photograph shows flatlay and photograph side by side."""

_TOLERANCE = 3.0  # pixels; models shift what they repaint by one or two


def place_guide(painted: NDArray[np.uint8], photo: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Find the photograph in a model's picture by its features and lay that part over the photograph.

    The picture may be the whole side-by-side output (flatlay left, photograph right), its right half, or the
    photograph's crop around the garment: a similarity (scale, shift, a trace of rotation) leads from one to the other.

    Parameters
    ----------
    painted, photo : ndarray
        ``(h, w, 3)`` and ``(H, W, 3)`` uint8 sRGB.

    Returns
    -------
    pixels : ndarray
        ``(h', w', 3)`` uint8 sRGB, in the photograph's proportions, at most `_SIDE` pixels long.
    covered : ndarray
        ``(h', w')`` bool, where the picture shows the photograph.

    Raises
    ------
    KnownError
        The picture does not show the photograph. Carries no path: the caller knows the file.
    """
    scale = min(1.0, _SIDE / max(photo.shape[:2]))
    size = max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale))
    small = np.asarray(resized(photo, size), np.uint8)
    height, width = painted.shape[:2]
    is_pair = width / height > _WIDER * size[0] / size[1]
    # On the left of a pair lies the flatlay, whose print has the garment's own features.
    begin = round(0.4 * width) if is_pair else 0
    search = np.zeros((height, width), np.bool_)
    search[:, begin:] = True
    found = agreed_map(matched_features(_gray(small), _gray(painted), search), MapKind.SIMILARITY, _TOLERANCE)
    if found is not None:
        matrix = found.matrix
    elif is_pair:
        raise KnownError(
            "the photograph was not found in it", remedy="Give the colour model's output for this very photograph."
        )
    else:
        # A picture of the same framing whose features the model repainted: it lies over the photograph as it is.
        matrix = np.array([[width / size[0], 0, 0], [0, height / size[1], 0]], np.float64)
    # cv2 counts from the centre of the first pixel.
    matrix = np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ [0.5, 0.5] - 0.5])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    pixels = cv2.warpAffine(painted, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    shown = search.astype(np.uint8) * 255
    covered = cv2.warpAffine(shown, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(pixels, np.uint8), np.asarray(covered) == 255


def _gray(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
