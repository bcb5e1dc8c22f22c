"""Lays a model's picture over the photograph it was painted from, however it was cropped."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import KnownError
from engine.imaging.color.samples import resized

_SIDE = 1400
"""Long side in pixels at which features are sought; a model paints one megapixel, so more would only be larger."""

_WIDER = 1.3
"""A picture that is this much wider than the photograph shows flatlay and photograph side by side."""

_RATIO = 0.75  # Lowe (2004): nearest against second nearest descriptor
_TOLERANCE = 3.0  # pixels; models shift what they repaint by one or two
_LEAST = 12
"""Agreeing features below which a similarity, which two features define, may be chance."""


def place_guide(painted: NDArray[np.uint8], photo: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Find the photograph in a model's picture by SIFT features and lay that part over the photograph.

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

    References
    ----------
    D. G. Lowe, "Distinctive image features from scale-invariant keypoints", International Journal of Computer Vision
    60(2), 2004.
    """
    scale = min(1.0, _SIDE / max(photo.shape[:2]))
    size = max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale))
    small = np.asarray(resized(photo, size), np.uint8)
    height, width = painted.shape[:2]
    is_pair = width / height > _WIDER * size[0] / size[1]
    # On the left of a pair lies the flatlay, whose print has the garment's own features.
    begin = round(0.4 * width) if is_pair else 0
    matrix = _similarity(small, painted, begin)
    if matrix is None:
        if is_pair:
            raise KnownError(
                "the photograph was not found in it",
                remedy="Give the colour model's output for this very photograph.",
            )
        # A picture of the same framing whose features the model repainted: it lies over the photograph as it is.
        matrix = np.array([[width / size[0], 0, 0], [0, height / size[1], 0]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    pixels = cv2.warpAffine(painted, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    everywhere = np.full((height, width), 255, np.uint8)
    everywhere[:, :begin] = 0
    covered = cv2.warpAffine(everywhere, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(pixels, np.uint8), np.asarray(covered) == 255


def _similarity(photo: NDArray[np.uint8], painted: NDArray[np.uint8], begin: int) -> NDArray[np.float64] | None:
    """``(2, 3)`` from the photograph's pixels to the painted picture's, or None."""
    search = np.zeros(painted.shape[:2], np.uint8)
    search[:, begin:] = 255
    sift = cv2.SIFT.create(nfeatures=4000, contrastThreshold=0.02)
    points, descriptors = sift.detectAndCompute(_even(photo), None)  # pyright: ignore[reportArgumentType, reportCallIssue]
    others, other_descriptors = sift.detectAndCompute(_even(painted), search)
    if len(points) < _LEAST or len(others) < _LEAST:
        return None
    pairs = cv2.BFMatcher().knnMatch(descriptors, other_descriptors, k=2)
    good = [first for first, second in pairs if first.distance < _RATIO * second.distance]
    if len(good) < _LEAST:
        return None
    source = np.array([points[match.queryIdx].pt for match in good], np.float32)
    target = np.array([others[match.trainIdx].pt for match in good], np.float32)
    cv2.setRNGSeed(0)
    matrix, agreeing = cv2.estimateAffinePartial2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=_TOLERANCE, maxIters=5000, confidence=0.999
    )
    if matrix is None or int(np.count_nonzero(agreeing)) < max(_LEAST, 0.15 * len(good)):
        return None
    return np.asarray(matrix, np.float64)


def _even(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey with its local contrast equalised: a recoloured garment keeps its weave but not its lightness."""
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 8)).apply(gray), np.uint8)
