"""Reads a mask from a picture into which a diffusion model painted it green.

The painted picture is taken as a mixture, pixel by pixel and in encoded sRGB, in which the model works:
``painted = (1 - alpha) * drifted photograph + alpha * green``. The green and the drift of all colours are read from
the two pictures; what remains outside the paint (noise, small displacements) gives the covariance by which the
mixture is solved: the least-squares solution weighs down what also varies without paint, mostly brightness at
displaced edges, and leaves what only paint does, a difference in greenness. A photograph that has green in it already
therefore costs nothing unless its green is the paint's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BugError, KnownError
from engine.domain.geometry import Extent

Field = NDArray[np.float32]
Region = NDArray[np.bool_]

_MIN_PAINT_GAIN = 0.25
# Greenness (green less the mean of red and blue, full scale 1) that paint adds at least where it is opaque: half of
# what the palest green seen from a published LoRA, #5EF060, adds to a grey. JPEG and VAE noise stay below 0.1.

_SAME_COLOR = 0.1
# Distance in encoded sRGB up to which two pixels are one colour: the spread of a model's plain paint.

_MIN_PAINT_SHARE = 1e-5
# Of the picture: ten pixels of a megapixel. Anything smaller is a stray, not a mask.

_MAX_ASPECT_CHANGE = 0.1
# Natural logarithm of the ratio of the two aspect ratios. Rounding to the model's nearest size changes an aspect ratio
# by up to 7 %; what differs more was cropped or belongs to another photograph.

_NOTICED_DISPLACEMENT = 0.01
# Of the longer side. Two pictures that are in register show 0.001 or less.

_NOISE = 2.0 / 255.0
# Standard deviation that any channel has at least: 8-bit rounding and JPEG.

_AFFINE_PRIOR = 0.1
# Standard deviation of the drift's matrix entries. Holds the fit near the identity where the surroundings are one
# plain grey and say nothing about the other colours.


_FEATHER = (0.002, 0.006)
# Standard deviation of the edge, as a share of the longer side, below which it is a mere soft edge, and above which it
# is a feathered brush: 2 and 6 pixels of a thousand.

_PUBLISHED_GREEN = np.array([0, 1, 0], np.float32)
_PUBLISHED_DISTANCE = 105 / 255
# The published workflow's mask is what lies within 105 of #00FF00 in every channel: on eight of its pictures and the
# masks it made of them this rule agrees at an IoU of 0.991 to 0.999.


@dataclass(frozen=True, slots=True)
class Reading:
    """What counts as paint: how small a piece or a hole is still meant, and where a feathered edge ends.

    Attributes
    ----------
    min_piece : float
        Smallest piece kept, as a share of the largest one. Both lenses of glasses and both socks are equal in size.
    max_hole : float
        Largest hole that is filled, as a share of the whole paint.
    published_edge : bool
        Where the paint has a wide feathered edge, move the half level of alpha to where the workflow published with
        the mask LoRAs ends its masks, which is nearer to the body of a pale paint on a white wall. False keeps alpha
        as the plain share of paint everywhere.
    """

    min_piece: float = 0.01
    max_hole: float = 0.005
    published_edge: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class ExtractedMask:
    """A mask read from a painted picture.

    Attributes
    ----------
    alpha : ndarray
        ``(H, W)`` uint8 at the photograph's size, 255 = painted, soft edges kept.
    coverage : float
        Mean alpha, 0 to 1.
    confidence : float
        0 to 1: how well the mixture explains the painted picture inside the paint, and how well the rest stayed where
        it was.
    green : tuple of int
        The paint's colour, encoded sRGB 0 to 255.
    color_drift : float
        Root mean square change of the surroundings' colour that was removed, full scale 1.
    residual : float
        Median absolute difference outside the paint once the drift is removed, full scale 1.
    displacement : float
        95th percentile of how far details outside the paint moved, in pixels of the photograph.
    notices : tuple of str
        One sentence each, for the operator.
    """

    alpha: NDArray[np.uint8]
    coverage: float
    confidence: float
    green: tuple[int, int, int]
    color_drift: float
    residual: float
    displacement: float
    notices: tuple[str, ...] = ()


def extract_painted_mask(
    original_rgb: NDArray[np.uint8], painted_rgb: NDArray[np.uint8], reading: Reading | None = None
) -> ExtractedMask:
    """Read the mask that a model painted green into a photograph.

    Parameters
    ----------
    original_rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB, the photograph.
    painted_rgb : ndarray
        ``(h, w, 3)`` uint8 sRGB, the model's picture of the same framing; another size is scaled to fit.
    reading : Reading, optional
        Which specks are dropped, which holes are filled, and where a feathered edge ends.

    Returns
    -------
    ExtractedMask
        At the photograph's size.

    Raises
    ------
    KnownError
        Nothing green was painted, everything was, or the pictures' proportions differ.
    BugError
        An array is not ``(H, W, 3) uint8``.
    """
    original_extent, painted_extent = _extent(original_rgb), _extent(painted_rgb)
    notices: list[str] = []
    _check_proportions(original_extent, painted_extent)
    # The smaller picture's grid: the mask cannot be finer than what was painted, nor than what it is laid on.
    working = min(original_extent, painted_extent, key=lambda extent: extent.pixels)
    if original_extent != painted_extent:
        notices.append(f"The painted picture has {painted_extent} pixels and was scaled to {original_extent}.")
    photo, painted = _scaled(original_rgb, working), _scaled(painted_rgb, working)

    seeds = _greenness(painted) - _greenness(photo) > _MIN_PAINT_GAIN
    if seeds.mean() < _MIN_PAINT_SHARE:
        raise KnownError(
            "the model painted no green into this photograph",
            remedy="Try another seed or a higher LoRA scale, and check that the LoRA belongs to this mask.",
        )
    green = _paint_color(painted, seeds)
    # A photograph of nearly the paint's colour gains too little to be a seed, and is no surrounding either.
    outside = ~_widened(seeds | (np.linalg.norm(painted - green, axis=2) < _SAME_COLOR), working)
    if outside.mean() < 0.01:
        raise KnownError(
            "the model painted nearly the whole picture green",
            remedy="Try another seed or a lower LoRA scale, and check that the LoRA belongs to this mask.",
        )
    # A displaced picture would be registered here, before colours are compared; so far it is measured and announced.
    drifted, color_drift = _remove_drift(photo, painted, outside)
    reading = reading if reading is not None else Reading()
    alpha = _tidied(_unmix(painted, drifted, green, outside), reading)
    if reading.published_edge:
        alpha = _published_edge(alpha, drifted, green)
    if not (alpha >= 0.5).any():
        raise KnownError(
            "the green in the model's picture is too faint to be a mask",
            remedy="Try another seed or a higher LoRA scale, and check that the LoRA belongs to this mask.",
        )

    residual = float(np.median(np.abs(painted - drifted)[outside]))
    displacement = _displacement(drifted, painted, outside) * original_extent.width / working.width
    moved = displacement / max(original_extent.width, original_extent.height)
    if moved > _NOTICED_DISPLACEMENT:
        notices.append(f"The model moved details by up to {moved:.1%} of the picture: check where the mask lies.")
    confidence = _confidence(painted, alpha, green, moved)
    full = alpha
    if working != original_extent:
        size = (original_extent.width, original_extent.height)
        full = np.clip(cv2.resize(alpha, size, interpolation=cv2.INTER_CUBIC), 0, 1)
    alpha8 = np.round(full * 255).astype(np.uint8)
    red, green_channel, blue = (round(float(channel) * 255) for channel in green)
    return ExtractedMask(
        alpha=alpha8,
        coverage=float(alpha8.mean()) / 255,
        confidence=confidence,
        green=(red, green_channel, blue),
        color_drift=color_drift,
        residual=residual,
        displacement=displacement,
        notices=tuple(notices),
    )


def _extent(rgb: NDArray[np.uint8]) -> Extent:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise BugError(f"not an RGB picture: {rgb.shape} {rgb.dtype}")
    return Extent(rgb.shape[1], rgb.shape[0])


def _check_proportions(original: Extent, painted: Extent) -> None:
    if abs(log(original.aspect / painted.aspect)) > _MAX_ASPECT_CHANGE:
        raise KnownError(
            f"the painted picture has other proportions ({painted}) than the photograph ({original})",
            remedy="Use the painted picture that was made from this very photograph, uncropped.",
        )


def _scaled(rgb: NDArray[np.uint8], extent: Extent) -> Field:
    if _extent(rgb) != extent:
        rgb = np.asarray(cv2.resize(rgb, (extent.width, extent.height), interpolation=cv2.INTER_AREA), np.uint8)
    return rgb.astype(np.float32) * np.float32(1 / 255)


def _greenness(rgb: Field) -> Field:
    return np.asarray(rgb[..., 1] - (rgb[..., 0] + rgb[..., 2]) / 2, np.float32)


def _paint_color(painted: Field, seeds: Region) -> Field:
    """The most frequent colour among the seeds: soft edges spread over many colours, the paint's body is one.

    Mean shift (Comaniciu and Meer, 2002) from the fullest bin of a coarse histogram.
    """
    colors = painted[seeds]
    bins = np.minimum((colors * 16).astype(np.int64), 15)
    codes, counts = np.unique(bins @ np.array([256, 16, 1]), return_counts=True)
    fullest = codes[int(np.argmax(counts))]
    center = (np.array([fullest // 256, fullest // 16 % 16, fullest % 16], np.float32) + 0.5) / 16
    for _ in range(10):
        near = np.linalg.norm(colors - center, axis=1) < _SAME_COLOR
        if not near.any():
            break
        center = colors[near].mean(axis=0)
    return center.astype(np.float32)


def _widened(seeds: Region, extent: Extent) -> Region:
    """The seeds and everything that a soft edge around them may reach: 3 % of the longer side."""
    reach = max(3, round(0.03 * max(extent.width, extent.height)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    # Single pixels are noise, not paint; widening them would leave nothing outside.
    opened = cv2.morphologyEx(seeds.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    base = opened if opened.any() else seeds.astype(np.uint8)
    return cv2.dilate(base, kernel).astype(bool)


def _remove_drift(photo: Field, painted: Field, outside: Region) -> tuple[Field, float]:
    """The photograph in the colours of the painted picture, by an affine map fitted outside the paint.

    Huber's iteratively re-weighted least squares on a sample, so that details the model redrew do not count, with a
    normal prior around the identity.
    """
    x, y = _sampled(photo[outside], 40_000), _sampled(painted[outside], 40_000)
    design = np.column_stack([x, np.ones(len(x))]).astype(np.float64)
    identity = np.eye(4, 3)
    fitted = identity
    for _ in range(8):
        error = np.linalg.norm(y - design @ fitted, axis=1)
        spread = max(1.4826 * float(np.median(error)), _NOISE)
        weight = np.minimum(1, 1.345 * spread / np.maximum(error, 1e-9))
        ridge = np.eye(4) * (spread / _AFFINE_PRIOR) ** 2
        fitted = np.linalg.solve(
            design.T @ (weight[:, None] * design) + ridge, design.T @ (weight[:, None] * y) + ridge @ identity
        )
    drifted = (photo @ fitted[:3] + fitted[3]).astype(np.float32)
    drift = float(np.sqrt(np.mean((design @ fitted - x) ** 2)))
    return np.clip(drifted, 0, 1), drift


def _unmix(painted: Field, drifted: Field, green: Field, outside: Region) -> Field:
    """Alpha of each pixel by generalised least squares, between the noise on both ends."""
    difference = painted - drifted
    error = _sampled(difference[outside], 200_000)
    size = np.linalg.norm(error, axis=1)
    typical = error[size <= np.quantile(size, 0.98)].astype(np.float64)
    covariance = typical.T @ typical / len(typical) + np.eye(3) * _NOISE**2
    weight = np.linalg.inv(covariance).astype(np.float32)
    toward = green - drifted
    projected = toward @ weight
    information = np.einsum("hwc,hwc->hw", projected, toward)
    # One standard deviation of alpha is 1 / sqrt(information). Where the photograph has the paint's own colour there
    # is none, and the prior (alpha 0.5 ± 0.5, hence the 4) leaves the decision to the pixels around it, below.
    alpha = (np.einsum("hwc,hwc->hw", projected, difference) + 2) / (information + 4)
    # What a plain surrounding still shows, and what the paint's body falls short of 1: both ends of the scale.
    low = float(np.clip(np.quantile(_sampled(alpha[outside], 200_000), 0.99), 0, 0.2))
    body = alpha[alpha > 0.9]
    high = 1.0
    if body.size:
        # By the spread around the median, since the upper end of a feathered edge lies in here as well.
        middle = float(np.median(body))
        high = float(np.clip(middle - 2 * 1.4826 * np.median(np.abs(body - middle)), 0.8, 1))
    return np.clip((alpha - low) / (high - low), 0, 1).astype(np.float32)


def _sampled(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Every n-th value, so that about ``count`` remain; the same ones each time."""
    return values[:: max(1, len(values) // count)]


def _tidied(alpha: Field, reading: Reading) -> Field:
    """Drop specks with their soft edges, and fill small holes."""
    body = alpha >= 0.5
    count, labels, stats, _ = cv2.connectedComponentsWithStats(body.astype(np.uint8), connectivity=8)
    if count < 2:
        return alpha
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = np.flatnonzero(areas >= max(reading.min_piece * areas.max(), 4)) + 1
    body = np.isin(labels, kept)
    # A soft edge belongs to the body it touches; faint patches that touch none are noise.
    _, soft = cv2.connectedComponents((alpha > 0.02).astype(np.uint8), connectivity=8)
    reached = np.isin(soft, np.unique(soft[body]))
    alpha = np.where(reached, alpha, 0).astype(np.float32)
    holes, hole_labels, hole_stats, _ = cv2.connectedComponentsWithStats(
        (alpha < 0.98).astype(np.uint8), connectivity=4
    )
    limit = reading.max_hole * int(body.sum())
    small = [
        index
        for index in range(1, holes)
        if hole_stats[index, cv2.CC_STAT_AREA] <= limit and not _touches_border(hole_stats[index], alpha.shape)
    ]
    return np.where(np.isin(hole_labels, small), 1, alpha).astype(np.float32)


def _published_edge(alpha: Field, drifted: Field, green: Field) -> Field:
    """Alpha with its half level moved to the published workflow's edge, the more the wider the edge is feathered.

    A power keeps 0 and 1 where they are and the edge soft.
    """
    deviation = _edge_deviation(alpha)
    narrow, wide = (share * max(alpha.shape) for share in _FEATHER)
    feathered = min(max((deviation - narrow) / (wide - narrow), 0.0), 1.0)
    if feathered == 0:
        return alpha
    # The share of paint at which the last channel of the mixture comes within the published distance.
    beyond = np.array([1, -1, 1], np.float32) * (drifted - _PUBLISHED_GREEN) - np.float32(_PUBLISHED_DISTANCE)
    toward = np.abs(green - drifted)
    level = np.where(beyond > 0, beyond / np.maximum(toward, 1e-3), 0).max(axis=2)
    # Half and above: a dark ground would let the mask grow beyond the half level, to where hardly any paint is.
    level = cv2.GaussianBlur(np.clip(level, 0.5, 0.9).astype(np.float32), (0, 0), deviation)
    level = 0.5 + (level - 0.5) * feathered
    return np.asarray(np.power(alpha, np.log(0.5) / np.log(level)), np.float32)


def _edge_deviation(alpha: Field) -> float:
    """Standard deviation of the Gaussian that made the edge, in pixels, from the slope at its half level."""
    along_y, along_x = np.gradient(alpha)
    slope = np.hypot(along_y, along_x)[np.abs(alpha - 0.5) < 0.1]
    return 1 / (float(np.median(slope)) * (2 * np.pi) ** 0.5) if slope.size and np.median(slope) > 0 else 0.0


def _touches_border(stats: NDArray[np.int32], shape: tuple[int, ...]) -> bool:
    left, top, width, height = (int(value) for value in stats[:4])
    return left == 0 or top == 0 or left + width == shape[1] or top + height == shape[0]


def _displacement(drifted: Field, painted: Field, outside: Region) -> float:
    """95th percentile of the optical flow between both pictures at details outside the paint, in their pixels.

    Dense inverse search (Kroeger et al., 2016) at no more than 512 pixels: a displacement that matters shows there.
    """
    height, width = outside.shape
    scale = min(1.0, 512 / max(height, width))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))

    def gray(rgb: Field) -> NDArray[np.uint8]:
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor((small * 255).round().astype(np.uint8), cv2.COLOR_RGB2GRAY), np.uint8)

    before, after = gray(drifted), gray(painted)
    free = cv2.resize(outside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
    after = np.where(free, after, before)  # the paint itself must not pull at its surroundings
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = search.calc(before, after, np.zeros((*before.shape, 2), np.float32))
    # Flow is only known where there is structure in both directions.
    corners = cv2.cornerMinEigenVal(before, 7) > 1e-4
    moved = np.linalg.norm(flow, axis=2)[corners & free]
    return float(np.quantile(moved, 0.95)) / scale if moved.size >= 50 else 0.0


def _confidence(painted: Field, alpha: Field, green: Field, displacement: float) -> float:
    """Product of how much of one colour the paint is, and how well the picture stayed in place.

    The first is 0 where the body is as far from its own colour as a photograph may be from paint; the second falls
    below one half where details moved by more than 1.4 % of the picture, which puts the mask beside the garment.
    """
    body = alpha >= 0.9
    if not body.any():
        return 0.0
    off = float(np.median(np.linalg.norm(painted[body] - green, axis=1)))
    return max(1 - off / _MIN_PAINT_GAIN, 0.0) * exp(-displacement / 0.02)
