"""Registration of a model's painted picture to its photograph, with a gate that rather leaves a picture where it is.

Features and a robust affine map (`features`), then a smooth dense field (`flow`), each seen only outside the paint.
Whether either is used at all is decided on the two pictures themselves (`contest`): fields are fitted on one half of a
checkerboard and judged by how well they predict the other half, where texture shows it. A field that only chased noise,
or a map through a few chance matches, predicts nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.geometry import Extent
from engine.imaging.registration.contest import advantage, checkerboard, texture_correlation, texture_errors
from engine.imaging.registration.features import MapKind, agreed_map, matched_features
from engine.imaging.registration.field import DisplacementField, Field, Region, from_affine, still
from engine.imaging.registration.flow import Level, pyramid, refined

MODEL_SIDE = 1024
"""Longest side, in pixels, at which features are found and the field is fitted: that of a model's square picture."""

_JUDGED_SIDE = 512
# Longest side at which candidates are judged: a displacement that matters shows at half of the model's resolution.

_SPACING = 16
# Pixels between nodes: one patch of Kontext's transformer, within which a model has no two displacements to give.

_STRAINS = (0.2, 0.8, 3.2)
# How far the fields on trial may bend, chosen, each four times the one before, as standard deviations of their slope
# before the data are seen: from a picture that was bent as a whole to one that goes with every detail.

_TOLERANCE = 0.005
# Of the longer side, chosen: what the model bends beyond any affine map may be off by this much and still agree with
# it.

_MAX_STRETCH = 0.2
# Natural logarithm. A model's picture of the same framing is not stretched by more: rounding to its nearest size takes
# up to 7 %, drift of 4 % was seen on top, and as much again is left to what was not seen.

_SIGNIFICANT = 3.0
# Standard errors by which a candidate must predict the texture better than a simpler one.

_LEFT_ALONE = (0.5, 0.25)
# Pixels of a 1024-pixel picture, and of a small one at least; chosen. A smaller shift at the paint is below what its
# soft edge shows, and not worth the resampling.


class Method(StrEnum):
    """How a painted picture was brought to its photograph."""

    IDENTITY = "identity"
    AFFINE = "affine"
    FLOW = "flow"


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """Where the photograph's pixels lie in the painted picture.

    Attributes
    ----------
    field : DisplacementField
        In pixels of the pictures that were registered.
    method : Method
    shift : float
        95th percentile of the displacement along the paint's edge, in the same pixels.
    correlation : float or None
        Of both pictures' structure outside the paint once registered, -1 to 1; None where there is no texture to see.
    inliers : int
        Feature matches that agree on one affine map, used or not.
    """

    field: DisplacementField
    method: Method
    shift: float
    correlation: float | None
    inliers: int


def register(photo: Field, painted: Field, free: Region, *, in_place: bool = False) -> Registration:
    """Find where the details of a photograph lie in the picture that a model painted from it.

    Parameters
    ----------
    photo, painted : ndarray
        ``(H, W, 3)`` float32 encoded sRGB, 0 to 1, of one size and in one rendering of colours (drift removed).
    free : ndarray
        ``(H, W)`` bool: where the painted picture shows no paint, soft edges left out generously.
    in_place : bool
        It is known that nothing was moved: only how well the pictures agree is measured.

    Returns
    -------
    Registration
        The identity where there is too little texture to hold on to, where nothing predicts the texture better, and
        where the paint's surroundings would move by less than half a pixel of 1024.
    """
    extent = Extent(free.shape[1], free.shape[0])
    size = _fitted(extent, MODEL_SIDE)
    long_side = max(size.width, size.height)
    nodes = max(3, round(size.height / _SPACING) + 1), max(3, round(size.width / _SPACING) + 1)
    here, there = (
        np.asarray(cv2.cvtColor(_shrunk(rgb, size), cv2.COLOR_RGB2GRAY), np.float32) for rgb in (photo, painted)
    )
    free = cv2.resize(free.astype(np.uint8), (size.width, size.height), interpolation=cv2.INTER_NEAREST) > 0
    levels = pyramid(here, there, free)
    judged = tuple(level for level in levels if max(level.photo.shape) <= _JUDGED_SIDE) or levels[:1]
    judge = judged[-1]
    around = _edge_positions(free)

    field, method, inliers = still(size, nodes), Method.IDENTITY, 0
    if in_place:
        return Registration(field.scaled(extent), method, 0.0, texture_correlation(judge, field), inliers)
    best = texture_errors(judge, field)
    matches = matched_features(_eight_bit(here), _eight_bit(there), free)
    found = agreed_map(matches, MapKind.AFFINE, _TOLERANCE * long_side)
    if found is not None:
        inliers = int(found.inliers.sum())
        stretch = np.linalg.svd(found.matrix[:, :2], compute_uv=False)
        plausible = float(np.abs(np.log(stretch)).max()) <= _MAX_STRETCH
        if plausible and found.leverage(matches, around) <= 1:
            affine = from_affine(found.matrix, size, nodes)
            errors = texture_errors(judge, affine)
            if advantage(judge.extent, best, errors) > _SIGNIFICANT:
                field, method, best = affine, Method.AFFINE, errors
    left_alone = max(_LEFT_ALONE[0] * long_side / MODEL_SIDE, _LEFT_ALONE[1])
    # Most pictures kept still. Where not even a free field finds the paint's edge moved, the contest is spared.
    if method is Method.AFFINE or _shift(refined(judged, field, max(_STRAINS)), around) >= left_alone:
        strain = _best_strain(judged, field, best)
        if strain is not None:
            field, method = refined(levels, field, strain), Method.FLOW

    shift = _shift(field, around)
    if shift < left_alone:
        field, method, shift = still(size, nodes), Method.IDENTITY, 0.0
    return Registration(
        field.scaled(extent),
        method,
        shift * max(extent.width, extent.height) / long_side,
        texture_correlation(judge, field),
        inliers,
    )


def _best_strain(levels: tuple[Level, ...], start: DisplacementField, best: tuple[Field, Region]) -> float | None:
    """The strain whose fields, each fitted on one half of a checkerboard, predict the other half best; None if none."""
    judge = levels[-1]
    black = checkerboard(judge.extent)
    chosen = None
    for strain in _STRAINS:
        from_black = texture_errors(judge, refined(levels, start, strain, black))
        from_white = texture_errors(judge, refined(levels, start, strain, ~black))
        predicted = np.where(black, from_white[0], from_black[0]), np.where(black, from_white[1], from_black[1])
        if advantage(judge.extent, best, predicted) > _SIGNIFICANT:
            chosen, best = strain, predicted
    return chosen


def _shift(field: DisplacementField, points: NDArray[np.float64]) -> float:
    """95th percentile of the displacement's length at positions ``(n, 2)``."""
    if not len(points):
        return 0.0
    columns, rows = np.floor(points).astype(int).T
    return float(np.quantile(np.linalg.norm(field.at_pixels()[rows, columns], axis=1), 0.95))


def _edge_positions(free: Region) -> NDArray[np.float64]:
    """``(n, 2)`` x, y positions of the outermost pixels that are not free."""
    rows, columns = np.nonzero(~free & (cv2.dilate(free.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0))
    return np.column_stack([columns, rows]).astype(np.float64) + 0.5


def _fitted(extent: Extent, side: int) -> Extent:
    scale = min(1.0, side / max(extent.width, extent.height))
    return Extent(max(1, round(extent.width * scale)), max(1, round(extent.height * scale)))


def _shrunk(rgb: Field, size: Extent) -> Field:
    if rgb.shape[1::-1] == (size.width, size.height):
        return rgb
    return np.asarray(cv2.resize(rgb, (size.width, size.height), interpolation=cv2.INTER_AREA), np.float32)


def _eight_bit(gray: Field) -> NDArray[np.uint8]:
    return np.round(np.clip(gray, 0, 1) * 255).astype(np.uint8)
