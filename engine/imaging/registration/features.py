"""Features of two pictures, and the linear map on which more of them agree than chance allows.

Shared by the registration of a painted mask (an affine map between two pictures of one framing) and by the placement of
a colour guide (a similarity between a photograph and whatever part of it was painted).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import lgamma, log, pi

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.imaging.registration.field import Region

_FEATURES = 4000

_CONTRAST = 0.02
# SIFT's threshold, half of its usual: studio backdrops and plain fabrics have little of it.

_RATIO = 0.8
# Lowe (2004): a match is kept when the second nearest descriptor is clearly farther away.

_FALSE_ALARMS = 1e-3
# Expected number of maps that would find as many matches by chance, above which a map is chance.


class MapKind(StrEnum):
    """Which linear maps are looked for; the number of matches that define one is 3 or 2."""

    AFFINE = "affine"
    SIMILARITY = "similarity"

    @property
    def sample(self) -> int:
        return 3 if self is MapKind.AFFINE else 2


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Points of the photograph and where they lie in the painted picture.

    Attributes
    ----------
    photo, painted : ndarray
        ``(n, 2)`` float64 continuous x, y positions, in pixels of either picture.
    painted_size : tuple of int
        Width and height of the painted picture.
    """

    photo: NDArray[np.float64]
    painted: NDArray[np.float64]
    painted_size: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class LinearMap:
    """``painted = matrix @ (x, y, 1)`` between continuous positions.

    Attributes
    ----------
    matrix : ndarray
        ``(2, 3)`` float64.
    inliers : ndarray
        ``(n,)`` bool: which matches agree.
    """

    matrix: NDArray[np.float64]
    inliers: NDArray[np.bool_]

    def leverage(self, matches: Matches, at: NDArray[np.float64]) -> float:
        """Largest variance of the map at positions ``(n, 2)`` of the photograph, in variances of one match.

        Below 1 the map is known there better than by a single match; beyond, it is extrapolated.
        """
        design = np.column_stack([matches.photo[self.inliers], np.ones(int(self.inliers.sum()))])
        there = np.column_stack([at, np.ones(len(at))])
        inverse = np.linalg.pinv(design.T @ design)
        return float(np.einsum("ni,ij,nj->n", there, inverse, there).max(initial=0.0))


def matched_features(photo: NDArray[np.uint8], painted: NDArray[np.uint8], free: Region) -> Matches:
    """SIFT features that are unambiguous and each other's nearest.

    Both pictures' local contrast is equalised first: a recoloured garment keeps its weave but not its lightness.

    Parameters
    ----------
    photo, painted : ndarray
        ``(h, w)`` and ``(h', w')`` uint8 grey values.
    free : ndarray
        ``(h', w')`` bool: where in the painted picture to look.

    References
    ----------
    D. G. Lowe, "Distinctive image features from scale-invariant keypoints", International Journal of Computer Vision
    60(2), 2004.
    """
    size = (painted.shape[1], painted.shape[0])
    nothing = Matches(np.zeros((0, 2)), np.zeros((0, 2)), size)
    sift = cv2.SIFT.create(nfeatures=_FEATURES, contrastThreshold=_CONTRAST)
    even = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 8))
    points, descriptors = sift.detectAndCompute(even.apply(photo), None)  # pyright: ignore[reportCallIssue, reportArgumentType]
    others, other_descriptors = sift.detectAndCompute(even.apply(painted), free.astype(np.uint8))
    if len(points) < 2 or len(others) < 2:
        return nothing
    # Squared distances of unit-free SIFT vectors by one matrix product, many times faster than cv2's matcher.
    distance = _squared_distances(np.asarray(descriptors, np.float32), np.asarray(other_descriptors, np.float32))
    nearest = distance.argmin(axis=1)
    here = np.arange(len(points))
    first = distance[here, nearest]
    mutual = distance.argmin(axis=0)[nearest] == here
    distance[here, nearest] = np.inf
    second = distance.min(axis=1)
    chosen = np.flatnonzero(mutual & (first < _RATIO**2 * second)).tolist()
    if not chosen:
        return nothing
    both = np.array([(*points[index].pt, *others[int(nearest[index])].pt) for index in chosen], np.float64)
    # SIFT gives one point several orientations, which would count as several witnesses.
    _, once = np.unique(np.round(both), axis=0, return_index=True)
    both = both[np.sort(once)] + 0.5  # cv2 counts from the centre of the first pixel
    return Matches(np.ascontiguousarray(both[:, :2]), np.ascontiguousarray(both[:, 2:]), size)


def _squared_distances(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None]
    return np.maximum(lengths - 2 * (one @ other.T), 0).astype(np.float32)


def agreed_map(matches: Matches, kind: MapKind, tolerance: float) -> LinearMap | None:
    """The map on which most matches agree, by RANSAC; None where such an agreement may be chance.

    The expected number of maps, each through the fewest matches that define one, on which as many of random matches
    would agree must be below a thousandth.

    Parameters
    ----------
    matches : Matches
    kind : MapKind
    tolerance : float
        Pixels of the painted picture within which a match agrees.

    References
    ----------
    L. Moisan and B. Stival, "A probabilistic criterion to detect rigid point matches between two images and estimate
    the fundamental matrix", International Journal of Computer Vision 57(3), 2004.
    """
    count = len(matches.photo)
    if count <= kind.sample:
        return None
    estimate = cv2.estimateAffine2D if kind is MapKind.AFFINE else cv2.estimateAffinePartial2D
    cv2.setRNGSeed(0)
    found, flags = estimate(
        matches.photo,
        matches.painted,
        method=cv2.RANSAC,
        ransacReprojThreshold=tolerance,
        maxIters=5000,
        confidence=0.999,
    )
    if found is None or not np.isfinite(found).all() or np.linalg.det(found[:, :2]) <= 0:
        return None
    inliers = flags.ravel().astype(bool)
    width, height = matches.painted_size
    chance = min(pi * tolerance**2 / (width * height), 1.0)
    if _log_false_alarms(count, int(inliers.sum()), kind.sample, chance) > log(_FALSE_ALARMS):
        return None
    return LinearMap(np.asarray(found, np.float64), inliers)


def _log_false_alarms(count: int, agreeing: int, sample: int, chance: float) -> float:
    """Logarithm of the expected number of maps on which ``agreeing`` of ``count`` random matches agree."""
    if agreeing <= sample:
        return float("inf")

    def choose(n: int, k: int) -> float:
        return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

    tests = log(count - sample) + choose(count, agreeing) + choose(agreeing, sample)
    return tests + (agreeing - sample) * log(chance)
