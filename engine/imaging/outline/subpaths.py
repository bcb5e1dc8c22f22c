"""The outline of a soft mask as closed Bezier subpaths in a Photoshop file's units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.domain.geometry import Extent
from engine.imaging.outline.contour import contours
from engine.imaging.outline.curves import fit_closed
from engine.imaging.psd.paths import Subpath

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.domain.picture import Alpha

_SMALLEST_SIDE = 1 / 1000
"""Islands and holes smaller than a square of this share of the longer side are left out: on a printed A4 page they are
dots of 0.3 mm, and a person who draws a path by hand leaves them out as well."""

_THINNEST = 4.0
"""The same square's side is at least this many tolerances: a smaller outline could close up and keep the tolerance."""

_FEWEST_PIXELS = 4
"""And this is its least area: single pixels have no shape."""


_DIFFERENCE = 0.003
_MEAN_DEVIATION = 0.35
"""Share of the mask's area by which the path may differ from it, and the mean distance from the outline in tolerances:
a fit uses its tolerance up, and the mean of |sin| is 0.64, half of that where curves also touch."""

_FINEST = 0.1
"""Pixels; below that a path follows the noise of its mask and not its outline."""


_LONGEST = 400_000
"""Pixels of outline for each pixel of tolerance: beyond, a tolerance below the usual one costs more knots than a path
can have and still be edited, or stand in a JPEG."""


def usual_tolerance(extent: Extent) -> float:
    """Half a pixel up to 4,000 pixels on the longer side, then one 8,000th of it: one pixel at 48 megapixels.

    A path is placed at print sizes, where an 8,000th of the page is less than one dot of a 300-line screen.
    """
    return max(0.5, max(extent.width, extent.height) / 8000)


def outline(alpha: Alpha, tolerance: float | None = None) -> tuple[Subpath, ...]:
    """Draw the outline of a mask with few knots.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8, 255 = inside; the outline runs where its edge passes half, between the pixels.
    tolerance : float, optional
        Largest distance between the mask's own outline, its stairs smoothed, and the path, in pixels. By default
        `usual_tolerance`, or less where the mask is small or thin, so that path and mask differ by some 0.3 % of the
        mask's area and not by more; but not less than a tenth of a pixel.

    Returns
    -------
    tuple of Subpath
        Closed, the largest first, filled by the even-odd rule; none for an empty mask.
    """
    height, width = alpha.shape
    extent = Extent(width, height)
    outlines = contours(alpha)
    areas, lengths = _measures(outlines)
    if tolerance is None:
        seen = np.abs(areas) >= _smallest_area(extent, _FINEST)
        tolerance = _close_tolerance(float(areas[seen].sum()), float(lengths[seen].sum()), extent)
    return _fitted(outlines, areas, extent, tolerance)


def simplified(subpaths: Sequence[Subpath], extent: Extent, tolerance: float) -> tuple[Subpath, ...]:
    """Draw closed subpaths again with fewer knots.

    Parameters
    ----------
    subpaths : sequence of Subpath
        Of a picture of ``extent``; open ones are closed.
    tolerance : float
        Largest distance from the given outline in pixels.
    """
    outlines = [points for subpath in subpaths if len(points := _flattened(subpath, extent)) > 2]
    return _fitted(outlines, _measures(outlines)[0], extent, tolerance)


def _close_tolerance(area: float, length: float, extent: Extent) -> float:
    if length == 0:
        return usual_tolerance(extent)
    close = _DIFFERENCE * area / (_MEAN_DEVIATION * length)
    return min(usual_tolerance(extent), max(close, _FINEST, length / _LONGEST))


def _fitted(
    outlines: Sequence[NDArray[np.float64]], areas: NDArray[np.float64], extent: Extent, tolerance: float
) -> tuple[Subpath, ...]:
    by_size = np.argsort(-np.abs(areas), kind="stable")
    by_size = by_size[np.abs(areas[by_size]) >= _smallest_area(extent, tolerance)]
    if not by_size.size:
        return ()
    fitted = fit_closed([outlines[number] for number in by_size], tolerance)
    return tuple(Subpath(knots / (extent.width, extent.height)) for knots in fitted)


def _smallest_area(extent: Extent, tolerance: float) -> float:
    side = max(_SMALLEST_SIDE * max(extent.width, extent.height), _THINNEST * tolerance)
    return max(side * side, _FEWEST_PIXELS)


def _measures(outlines: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area (negative for holes) and length of every outline."""
    if not outlines:
        return np.empty(0), np.empty(0)
    counts = np.array([len(points) for points in outlines])
    starts = np.cumsum(counts) - counts
    points = np.concatenate(outlines)
    following = np.roll(points, -1, axis=0)
    following[starts + counts - 1] = points[starts]
    cross = points[:, 0] * following[:, 1] - points[:, 1] * following[:, 0]
    return np.add.reduceat(cross, starts) / 2, np.add.reduceat(np.hypot(*(following - points).T), starts)


def _flattened(subpath: Subpath, extent: Extent) -> NDArray[np.float64]:
    """Points on the curves about a pixel apart, ``(n, 2)`` in pixels, no two in a row alike."""
    knots = subpath.knots * (extent.width, extent.height)
    following = np.roll(knots, -1, axis=0)
    controls = np.stack([knots[:, 1], knots[:, 2], following[:, 0], following[:, 1]], axis=1)
    lengths = np.hypot(*np.moveaxis(np.diff(controls, axis=1), 2, 0)).sum(axis=1)
    counts = np.ceil(lengths).astype(np.intp)
    owner = np.repeat(np.arange(len(counts)), counts)
    t = (np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)) / counts[owner]
    weights = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3], axis=1)
    points = np.einsum("nk,nkd->nd", weights, controls[owner])
    return points[np.hypot(*(np.roll(points, -1, axis=0) - points).T) > 1e-6]
