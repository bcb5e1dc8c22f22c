"""Moving and softening a mask's edge: grow, shrink, feather, and the photograph's own edge."""

from __future__ import annotations

from math import ceil, sqrt
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.geometry import Box
from engine.imaging.mask_edit.tiles import changed_near_edges, slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha

    Field = NDArray[np.float32]

LARGEST_STEP = 100
"""Pixels that `grown` moves an edge at most; the work rises with their square."""

LARGEST_SIGMA = 100.0

_FINE_SIGMA = 6.0
# Reduced pixels: linear interpolation of an edge so wide is off by a quarter of a level of 255 at most.

_NOISE = 0.02
# Standard deviation of the photograph within a window, full scale 1, that says nothing about the mask: five levels of
# texture and noise.

_HAZE = 0.2
# A regression leaves a veil where cloth and ground share some of their colours: the outermost fifth is cut off at both
# ends, and the rest stretched, which makes an edge of five pixels one of three.

_HAZE_LEVELS = 8  # of 255, which a mask's compression or an earlier feather may leave on what is sure

_STEPS = 4  # pixels of the regression that the radius is wide

_WINDOW = 3  # radii from a window's middle to its side: it reaches two radii into what is sure, seen from the edge


def grown(alpha: Alpha, pixels: int) -> Alpha:
    """A mask grown (by a negative number, shrunk) by a disc; in grey-scale morphology, so that soft edges stay soft.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8.
    pixels : int
        Radius of the disc in source pixels; -`LARGEST_STEP` to `LARGEST_STEP`. The picture's border does not count as
        outside.

    Returns
    -------
    ndarray
        ``(H, W)`` uint8, a new array.
    """
    radius = abs(pixels)
    if radius == 0:
        return alpha.copy()
    if radius > LARGEST_STEP:
        raise ValueError(f"a mask is grown by {LARGEST_STEP} pixels at most, not {pixels}")

    def change(around: Box) -> Alpha:
        here = alpha[slices(around)]
        return _disc_maximum(here, radius) if pixels > 0 else ~_disc_maximum(~here, radius)

    return changed_near_edges(alpha, radius, change)


def feathered(alpha: Alpha, sigma: float) -> Alpha:
    """A mask with its edge softened by a Gaussian.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8.
    sigma : float
        Standard deviation in source pixels, up to `LARGEST_SIGMA`; 0 changes nothing.

    Returns
    -------
    ndarray
        ``(H, W)`` uint8, a new array.
    """
    if sigma <= 0:
        return alpha.copy()
    if sigma > LARGEST_SIGMA:
        raise ValueError(f"sigma is {LARGEST_SIGMA:g} px at most, not {sigma}")
    factor = 1
    while sigma / (2 * factor) >= _FINE_SIGMA:
        factor *= 2
    # Beyond 3 sigma a Gaussian has 0.3 % left: less than one level of 255. A multiple of the factor keeps the reduced
    # pixels of neighbouring blocks on one grid, and two of them are what the interpolation reaches.
    reach = (ceil(3 * sigma / factor) + 2) * factor

    def change(around: Box) -> Alpha:
        return _blurred(alpha[slices(around)], sigma, factor)

    return changed_near_edges(alpha, reach, change)


def _disc_maximum(pixels: Alpha, radius: int) -> Alpha:
    """The largest value within a disc around every pixel; what lies outside the piece does not count.

    Line by line of the disc, from its short ones outwards to the diameter: the maximum along a line of half-length
    ``w + 1`` is that of three neighbouring ones of half-length ``w``. Four maxima per pixel and line of radius, where a
    structuring element as a list of offsets takes three times the radius.
    """
    height, width = pixels.shape
    line = np.zeros((height, width + 2 * radius), np.uint8)
    line[:, radius : radius + width] = pixels
    result = np.zeros_like(pixels)
    half = 0
    for away in range(radius, -1, -1):
        while (half + 1) ** 2 + away**2 <= radius**2:
            sides = np.maximum(line[:, :-2], line[:, 2:])
            np.maximum(line[:, 1:-1], sides, out=line[:, 1:-1])
            half += 1
        now = line[:, radius : radius + width]
        if away < height:
            for upper, lower in ((result[away:], now[: height - away]), (result[: height - away], now[away:])):
                np.maximum(upper, lower, out=upper)
    return result


def _blurred(pixels: Alpha, sigma: float, factor: int) -> Alpha:
    """Gaussian of a piece; a wide one of the piece reduced by ``factor``, interpolated."""
    if factor == 1:
        side = 2 * (ceil(3 * sigma) + 1) + 1
        return np.asarray(cv2.GaussianBlur(pixels, (side, side), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)
    height, width = pixels.shape
    below, right = -height % factor, -width % factor
    whole = cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE)
    rows, columns = whole.shape[0] // factor, whole.shape[1] // factor
    small = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    # The mean over a reduced pixel and the interpolation between two have variances of their own: of a box and a tent.
    left = sigma**2 - (factor**2 - 1) / 12 - factor**2 / 6
    small = cv2.GaussianBlur(small, (0, 0), sqrt(left) / factor, borderType=cv2.BORDER_REPLICATE)
    full = cv2.resize(small, (columns * factor, rows * factor), interpolation=cv2.INTER_LINEAR)
    return np.round(full[:height, :width]).astype(np.uint8)


def on_edges(
    alpha: Alpha,
    rgb: NDArray[np.uint8],
    radius: int,
    weight: NDArray[np.uint8] | None = None,
    within: Box | None = None,
) -> Alpha:
    """A mask whose edge is drawn to the photograph's, within a band around it.

    A guided filter (He, Sun and Tang, "Guided image filtering", 2013; its regression at low resolution: He and Sun,
    "Fast guided filter", 2015) with two differences. Only pixels that the mask is sure of, farther than the radius from
    its edge, take part in the regression of alpha on the photograph's colours: in the plain filter the wrong pixels
    between the two edges vote for themselves, and an edge that is off by half a radius moves half-way at best. And the
    result counts as far as the colours explain the mask (their R² in the window): where inside and outside look alike
    the edge stays where it was drawn.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8.
    rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB, the photograph.
    radius : int
        Source pixels by which the edge may be off; nothing changes farther from it.
    weight : ndarray, optional
        ``(H, W)`` uint8, how far the new edge counts, such as a brush's coverage; everywhere in full where it is None.
    within : Box, optional
        Only here is anything changed.

    Returns
    -------
    ndarray
        ``(H, W)`` uint8, a new array.
    """
    if radius < 1:
        raise ValueError("the radius is one pixel at least")
    step = max(1, radius // _STEPS)

    def change(around: Box) -> Alpha:
        here = slices(around)
        found = _drawn_to_edges(alpha[here], rgb[here], radius, step)
        if weight is None:
            return found
        share = weight[here].astype(np.float32) * np.float32(1 / 255)
        return np.round(alpha[here] + (found - alpha[here].astype(np.float32)) * share).astype(np.uint8)

    result = changed_near_edges(alpha, (_WINDOW + 3) * radius + step, change, within)
    if within is None:
        return result
    inside = alpha.copy()
    inside[slices(within)] = result[slices(within)]
    return inside


def _drawn_to_edges(alpha: Alpha, rgb: NDArray[np.uint8], radius: int, step: int) -> Alpha:
    """One piece of the picture; ``step`` source pixels are one of the regression's."""
    height, width = alpha.shape
    small = (max(1, width // step), max(1, height // step))
    band = max(1, round(radius / step))
    plane = cv2.resize(alpha, small, interpolation=cv2.INTER_AREA)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * band + 1, 2 * band + 1))
    inner = cv2.erode(plane, disc, borderType=cv2.BORDER_REPLICATE) > 255 - _HAZE_LEVELS
    outer = cv2.dilate(plane, disc, borderType=cv2.BORDER_REPLICATE) < _HAZE_LEVELS
    unsure = np.asarray(~(inner | outer), np.uint8)
    if not unsure.any():
        return alpha
    photo = np.asarray(
        np.multiply(cv2.resize(rgb, small, interpolation=cv2.INTER_AREA), np.float32(1 / 255)), np.float32
    )
    slope, offset, trust = _regression(photo, inner.astype(np.float32), 1 - unsure, _WINDOW * band)
    # The outermost pixels of the band are the mask's again by and by, so that the band leaves no line.
    distance = np.asarray(cv2.distanceTransform(unsure, cv2.DIST_L2, 3), np.float32)
    trust *= np.minimum(distance / np.float32(band / 2 + 1), np.float32(1))

    def at_full_size(field: Field) -> Field:
        return np.asarray(cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)

    found = at_full_size(offset)
    for channel in range(3):
        found += at_full_size(slope[channel]) * (rgb[..., channel] * np.float32(1 / 255))
    found = np.clip((found - np.float32(_HAZE)) * np.float32(1 / (1 - 2 * _HAZE)), 0, 1) * np.float32(255)
    drawn = alpha.astype(np.float32)
    return np.round(drawn + (found - drawn) * at_full_size(trust)).astype(np.uint8)


def _regression(photo: Field, target: Field, sure: NDArray[np.uint8], radius: int) -> tuple[list[Field], Field, Field]:
    """Alpha on the three channels in a window around every pixel: slopes, offset and R².

    Parameters
    ----------
    photo : ndarray
        ``(h, w, 3)`` float32, 0 to 1.
    target : ndarray
        ``(h, w)`` float32, 0 or 1.
    sure : ndarray
        ``(h, w)`` uint8, 1 where a pixel takes part.
    """
    side = (2 * radius + 1, 2 * radius + 1)
    part = sure.astype(np.float32)

    def blur(plane: Field) -> Field:
        return np.asarray(cv2.blur(plane, side, borderType=cv2.BORDER_REPLICATE), np.float32)

    share = np.maximum(blur(part), np.float32(1e-6))

    def mean(plane: Field) -> Field:
        return np.asarray(blur(plane * part) / share, np.float32)

    colors = [np.ascontiguousarray(photo[..., channel]) for channel in range(3)]
    means, middle = [mean(color) for color in colors], mean(target)
    common = [mean(color * target) - m * middle for color, m in zip(colors, means, strict=True)]

    def covariance(a: int, b: int) -> Field:
        return np.asarray(mean(colors[a] * colors[b]) - means[a] * means[b], np.float32)

    noise = np.float32(_NOISE**2)
    rr, gg, bb = (covariance(c, c) + noise for c in range(3))
    rg, rb, gb = covariance(0, 1), covariance(0, 2), covariance(1, 2)
    # Cofactors of the symmetric matrix: Cramer's rule.
    c_rr, c_rg, c_rb = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    c_gg, c_gb, c_bb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    determinant = rr * c_rr + rg * c_rg + rb * c_rb
    r, g, b = common
    slope = [
        (c_rr * r + c_rg * g + c_rb * b) / determinant,
        (c_rg * r + c_gg * g + c_gb * b) / determinant,
        (c_rb * r + c_gb * g + c_bb * b) / determinant,
    ]
    offset = middle - sum(s * m for s, m in zip(slope, means, strict=True))
    variance = middle - middle * middle  # of a plane of zeros and ones
    explained = sum(s * c for s, c in zip(slope, common, strict=True)) / np.maximum(variance, np.float32(1e-3))
    trust = np.clip(explained, 0, 1) * (variance > 1e-3)
    return (
        [np.asarray(plane, np.float32) for plane in slope],
        np.asarray(offset, np.float32),
        np.asarray(trust, np.float32),
    )
