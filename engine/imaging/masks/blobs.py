"""Connected regions of one colour on the figure: the pieces that garments are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.imaging.masks.cleanup import components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Mask = NDArray[np.bool_]
    Labels = NDArray[np.int32]

SHADING_WEIGHT = 0.4
"""Share of a lightness step in telling two cloths apart: folds and light move lightness far more than hue or chroma."""
SAME_CLOTH = 6.0
"""Difference, lightness weighted by `SHADING_WEIGHT`, up to which two clusters are light and shade of one cloth."""


@dataclass(frozen=True, slots=True, eq=False)
class Blobs:
    """Connected regions of one cloth each.

    Attributes
    ----------
    labels : ndarray
        ``(h, w)`` int32, 0 = none (outside, or too small a region), blobs from 1.
    sizes : ndarray
        ``(n + 1,)`` pixels per label.
    cloths : ndarray
        ``(n + 1,)`` the group of colours (see `cloth_groups`) per label; -1 for label 0.
    """

    labels: Labels
    sizes: NDArray[np.int64]
    cloths: NDArray[np.int64]


def cloth_groups(means: Floats) -> NDArray[np.int64]:
    """Group colour clusters ``(c, 3)`` that are light and shade of one cloth: ``(c,)`` group numbers from 0."""
    weights = np.array([SHADING_WEIGHT, 1.0, 1.0], np.float32)
    scaled = means * weights
    near = np.linalg.norm(scaled[:, None] - scaled[None], axis=-1) < SAME_CLOTH
    group = np.full(len(means), -1, np.int64)
    for start in range(len(means)):
        if group[start] < 0:
            reached = np.zeros(len(means), bool)
            reached[start] = True
            while (grown := near[reached].any(axis=0)).sum() > reached.sum():
                reached = grown
            group[reached] = group.max() + 1
    return group


def find_blobs(cluster: Labels, groups: NDArray[np.int64], inside: Mask, min_share: float) -> Blobs:
    """Connect the pixels of one cloth.

    Parameters
    ----------
    cluster : ndarray
        ``(h, w)`` int32, colour cluster of every pixel; only read where ``inside``.
    groups : ndarray
        ``(c,)``, from `cloth_groups`.
    inside : ndarray
        ``(h, w)`` bool.
    min_share : float
        Of the area inside; smaller regions stay 0.
    """
    cloth = np.where(inside, groups[cluster] + 1, 0).astype(np.uint8)
    # Single pixels of another cluster are noise and would cut a region in two.
    cloth = np.where(inside, cv2.medianBlur(cloth, 5), 0)
    labels = np.zeros(inside.shape, np.int32)
    sizes, cloths = [0], [-1]
    least = max(20.0, min_share * float(inside.sum()))
    for value in range(1, int(cloth.max(initial=0)) + 1):
        found = components(cloth == value, connectivity=4)
        for k in np.flatnonzero(found.areas[1:] >= least) + 1:
            labels[found.labels == k] = len(sizes)
            sizes.append(int(found.areas[k]))
            cloths.append(value - 1)
    return Blobs(labels, np.array(sizes, np.int64), np.array(cloths, np.int64))


def blob_fit(blobs: Blobs, inside: Mask, places: Floats, shared_fit: float) -> Floats:
    """How well every label's place explains every blob: ``(k, n + 1)`` float32, at most 1, column 0 all ones.

    Parameters
    ----------
    places : ndarray
        ``(k, p)`` place priors of the pixels inside, in row-major order.
    shared_fit : float
        Mean log of place below which no single label explains a blob and all stay possible.
    """
    label = blobs.labels[inside]
    count = len(blobs.sizes)
    held = np.maximum(np.bincount(label, minlength=count), 1)
    logs = np.log(np.maximum(places, 0.01))
    fit = np.stack([np.bincount(label, weights=plane, minlength=count) for plane in logs]) / held
    single = np.exp(2.0 * fit)
    share = single + np.exp(2.0 * shared_fit)
    share /= share.max(axis=0)
    share[:, 0] = 1.0
    return share.astype(np.float32)
