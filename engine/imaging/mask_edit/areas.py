"""Adding an area to a mask, or taking it away: a lasso's polygon, or what has the colour of the place clicked on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.geometry import Box
from engine.imaging.mask_edit.brush import laid_over
from engine.imaging.mask_edit.polygon import polygon_coverage
from engine.imaging.mask_edit.tiles import clipped, extent_of, slices, widened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha

_WINDOW = 1024  # source pixels a side in which a region is looked for first, and by which it grows at least
_ROWS = 256
_SAMPLE = 2  # pixels on each side of the click that give its colour: noise of one pixel must not choose it
_SMOOTHING = 0.8  # px, standard deviation that turns a region's stair steps into an edge
_SPECK = 64.0
"""Holes whose outline encloses so many pixels at most are closed: noise, dust and single glints."""


def with_polygon(
    alpha: Alpha, points: Sequence[tuple[float, float]], *, subtract: bool, opacity: float = 1.0
) -> tuple[Alpha, Box] | None:
    """A mask with a lasso's polygon added or taken away.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8, left as it is.
    points : sequence of (x, y)
        Corners in source pixels.
    opacity : float
        0 to 1, how far it is added or taken away.

    Returns
    -------
    (ndarray, Box) or None
        The new mask and what may have changed; None where the polygon lies outside or has no area.
    """
    found = polygon_coverage(points, extent_of(alpha))
    if found is None:
        return None
    box, coverage = found
    return _over(alpha, box, coverage, opacity, subtract=subtract), box


def with_similar(
    alpha: Alpha,
    rgb: NDArray[np.uint8],
    at: tuple[float, float],
    tolerance: float,
    *,
    subtract: bool,
    opacity: float = 1.0,
) -> tuple[Alpha, Box] | None:
    """A mask with the connected region of like colour around a point added or taken away.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8, left as it is.
    rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB, the photograph.
    at : (x, y)
        Source pixels.
    tolerance : float
        Largest CIE 1976 colour difference from the mean colour at the point. Within one photograph a plain Euclidean
        distance in CIELAB serves; CIEDE2000 corrects hues that lie far beyond any tolerance used here.

    Returns
    -------
    (ndarray, Box) or None
        The new mask and what may have changed; None where the point lies outside.
    """
    extent = extent_of(alpha)
    x, y = int(at[0] // 1), int(at[1] // 1)
    sample = clipped(x - _SAMPLE, y - _SAMPLE, x + _SAMPLE + 1, y + _SAMPLE + 1, extent)
    if not (0 <= x < extent.width and 0 <= y < extent.height) or sample is None:
        return None
    color = np.asarray(np.median(_lab(rgb[slices(sample)]).reshape(-1, 3), axis=0), np.float32)
    window, region = _region(rgb, color, tolerance, (x, y))
    _close_specks(region)
    edge = cv2.GaussianBlur(region * np.uint8(255), (0, 0), _SMOOTHING, borderType=cv2.BORDER_REPLICATE)
    return _over(alpha, window, np.asarray(edge, np.uint8), opacity, subtract=subtract), window


def _over(alpha: Alpha, box: Box, coverage: Alpha, opacity: float, *, subtract: bool) -> Alpha:
    result = alpha.copy()
    result[slices(box)] = laid_over(alpha[slices(box)], coverage, opacity, erases=subtract)
    return result


def _lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """CIELAB of sRGB under D65: L 0 to 100."""
    return np.asarray(cv2.cvtColor(np.multiply(rgb, np.float32(1 / 255)), cv2.COLOR_RGB2Lab), np.float32)


def _region(
    rgb: NDArray[np.uint8], color: NDArray[np.float32], tolerance: float, seed: tuple[int, int]
) -> tuple[Box, NDArray[np.uint8]]:
    """The window that holds the region, and ``(h, w)`` uint8 0 or 1: what hangs together with the seed, and the seed.

    The window grows only where the region leaves it, so that colours are compared no farther than it reaches.
    """
    extent = extent_of(rgb)
    alike = np.zeros((extent.height, extent.width), np.uint8)
    window = widened(Box(*seed, seed[0] + 1, seed[1] + 1), _WINDOW // 2, extent)
    _compare(alike, rgb, window, color, tolerance)
    alike[seed[1], seed[0]] = 1
    while True:
        region = alike[slices(window)].copy()
        cv2.floodFill(region, None, (seed[0] - window.left, seed[1] - window.top), 2, flags=4)
        region = np.asarray(region == 2, np.uint8)
        step = max(_WINDOW, max(window.extent.width, window.extent.height) // 2)
        larger = Box(
            max(0, window.left - step * bool(region[:, 0].any())),
            max(0, window.top - step * bool(region[0].any())),
            min(extent.width, window.right + step * bool(region[:, -1].any())),
            min(extent.height, window.bottom + step * bool(region[-1].any())),
        )
        if larger == window:
            return window, region
        for strip in (
            Box(larger.left, larger.top, larger.right, window.top),
            Box(larger.left, window.bottom, larger.right, larger.bottom),
            Box(larger.left, window.top, window.left, window.bottom),
            Box(window.right, window.top, larger.right, window.bottom),
        ):
            _compare(alike, rgb, strip, color, tolerance)
        window = larger


def _close_specks(region: NDArray[np.uint8]) -> None:
    """Close small holes, in place. By their outlines: labelling every hole of 15 megapixels takes a second."""
    contours, tree = cv2.findContours(region, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if tree is None:
        return
    is_hole = tree[0, :, 3] >= 0
    specks = [c for c, hole in zip(contours, is_hole, strict=True) if hole and cv2.contourArea(c) <= _SPECK]
    if specks:
        cv2.drawContours(region, specks, -1, 1, cv2.FILLED)


def _compare(
    alike: NDArray[np.uint8], rgb: NDArray[np.uint8], box: Box, color: NDArray[np.float32], tolerance: float
) -> None:
    """Note, within a box, which pixels are within the tolerance of a colour."""
    # In strips, so that 48 megapixels need no float copy of themselves.
    for top in range(box.top, box.bottom, _ROWS):
        rows = slices(Box(box.left, top, box.right, min(top + _ROWS, box.bottom)))
        if rgb[rows].size:
            distance = _lab(rgb[rows]) - color
            alike[rows] = np.einsum("hwc,hwc->hw", distance, distance) <= tolerance**2
