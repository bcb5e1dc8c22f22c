"""A plain studio background as a smooth surface in CIELAB, and what stands out from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.imaging.masks.cleanup import components, remove_specks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Lab = NDArray[np.float32]
    Plane = NDArray[np.float32]
    Mask = NDArray[np.bool_]

LIGHTNESS_WEIGHT = 0.6
"""Share of a lightness step in a background distance: folds of paper and vignettes change lightness, seldom hue."""
VISIBLE_STEP = 0.7
"""Smallest background distance that counts: two 8-bit steps of every channel, which JPEG makes of a flat white."""
SHADOW_DEPTH = 18.0
"""How many L* a soft shadow darkens the background at most; deeper than that it is drawn like an object."""
SHADOW_CHROMA = 3.5
"""A shadow under neutral light keeps the background's chroma within about one and a half just-noticeable steps."""


@dataclass(frozen=True, slots=True, eq=False)
class BackgroundFit:
    """How far every pixel is from the background surface.

    Attributes
    ----------
    distance : ndarray
        ``(H, W)`` float32, CIELAB difference with lightness weighted by `LIGHTNESS_WEIGHT`.
    darkening : ndarray
        ``(H, W)`` float32, L* of the surface minus L* of the pixel.
    chroma_change : ndarray
        ``(H, W)`` float32, distance in the a*b* plane.
    noise : float
        Standard deviation of the distance on the background itself.
    border_share : float
        Share of the picture's border that lies on the surface, 0 to 1.
    threshold : float
        The distance above which a pixel is no longer the background.
    """

    distance: Plane
    darkening: Plane
    chroma_change: Plane
    noise: float
    border_share: float
    threshold: float

    def shadow(self) -> Mask:
        """``(H, W)`` bool: neutral, moderate darkening, which a soft shadow shows and so does a light grey garment."""
        return (
            (self.darkening > 0)
            & (self.darkening < SHADOW_DEPTH)
            & (self.chroma_change < SHADOW_CHROMA)
            & (self.distance > self.threshold)
        )


def to_lab(rgb: NDArray[np.uint8]) -> Lab:
    """CIELAB under D65 of sRGB: ``(H, W, 3)`` uint8 in, ``(H, W, 3)`` float32 out, L* 0 to 100."""
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / np.float32(255.0), cv2.COLOR_RGB2Lab), np.float32)


def blurred_lab(rgb: NDArray[np.uint8], sigma: float) -> Lab:
    """CIELAB (see `to_lab`) of the picture under a Gaussian of ``sigma`` pixels, against grain and JPEG noise."""
    return to_lab(np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8))


def fit_background(lab: Lab, *, visible_step: float = VISIBLE_STEP) -> BackgroundFit:
    """Fit a quadratic surface to the border's most frequent colour and measure every pixel against it.

    The border may be mostly figure: the background is the colour that repeats most exactly, and the surface grows from
    there, constant, linear, quadratic, each time over the border pixels that the last one explains; then once more over
    every explained pixel of the picture that hangs together with the border.

    Parameters
    ----------
    lab : ndarray
        ``(H, W, 3)`` float32 CIELAB, lightly blurred.
    visible_step : float
        The smallest threshold; it is five standard deviations of the background where that is more.
    """
    height, width = lab.shape[:2]
    # A 4 % frame: wide enough to average noise, narrow enough to stay off a tightly cropped garment.
    rim = max(2, round(0.04 * min(height, width)))
    border = np.zeros((height, width), bool)
    border[:rim] = border[-rim:] = True
    border[:, :rim] = border[:, -rim:] = True
    index = np.flatnonzero(border)
    sample = lab.reshape(-1, 3)[index]
    start = _most_frequent(sample)
    explained = np.abs(sample - start).max(axis=1) < 6.0

    terms = _terms(height, width)
    surface: Lab = np.broadcast_to(start, lab.shape)
    for count in (1, 3, 3, 6, 6):
        if explained.sum() < 50 * count:
            break
        coefficients = np.linalg.lstsq(terms[index[explained], :count], sample[explained], rcond=None)[0]
        residual = np.abs(sample - terms[index, :count] @ coefficients).max(axis=1)
        explained = residual < max(2.0, 3.0 * 1.4826 * float(np.median(residual[explained])))
        surface = np.asarray(terms[:, :count] @ coefficients, np.float32).reshape(lab.shape)
    border_share = float(explained.mean())
    noise = float(np.median(_distance(sample[explained], surface.reshape(-1, 3)[index[explained]]))) * 1.4826

    # Second pass over the whole backdrop: the border alone does not know what the light does in the middle.
    # Narrowly, or a white garment on white paper becomes a part of it.
    near = _distance(lab, surface) < max(visible_step, 4.0 * noise)
    backdrop = _reaches_border(near)
    # A sparse regular sample is plenty for six coefficients.
    chosen = np.flatnonzero(backdrop)[:: max(1, int(backdrop.sum()) // 20000)]
    if chosen.size > 500:
        coefficients = np.linalg.lstsq(terms[chosen], lab.reshape(-1, 3)[chosen], rcond=None)[0]
        surface = np.asarray(terms @ coefficients, np.float32).reshape(lab.shape)

    difference = lab - surface
    chroma_change = np.hypot(difference[..., 1], difference[..., 2])
    return BackgroundFit(
        distance=_distance(lab, surface),
        darkening=-difference[..., 0],
        chroma_change=chroma_change.astype(np.float32),
        noise=noise,
        border_share=border_share,
        threshold=max(visible_step, 5.0 * noise),
    )


def _terms(height: int, width: int) -> NDArray[np.float32]:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = 2 * x / width - 1, 2 * y / height - 1
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1).reshape(-1, 6)


def _distance(lab: Lab, surface: Lab) -> Plane:
    difference = lab - surface
    lightness = LIGHTNESS_WEIGHT * difference[..., 0]
    return np.sqrt(lightness**2 + difference[..., 1] ** 2 + difference[..., 2] ** 2).astype(np.float32)


def _most_frequent(sample: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mode of an ``(N, 3)`` Lab sample on a 4-unit grid, as the mean of its neighbourhood."""
    cells = np.round(sample / 4.0).astype(np.int64)
    keys = (cells[:, 0] + 64) * 65536 + (cells[:, 1] + 128) * 256 + cells[:, 2] + 128
    values, counts = np.unique(keys, return_counts=True)
    centre = cells[np.flatnonzero(keys == values[np.argmax(counts)])[0]] * 4.0
    return np.median(sample[np.abs(sample - centre).max(axis=1) < 4.0], axis=0).astype(np.float32)


def _reaches_border(mask: Mask) -> Mask:
    """The 4-connected components of ``mask`` that touch the picture's border."""
    labels = components(mask, connectivity=4).labels
    keep = np.zeros(int(labels.max()) + 1, bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        keep[np.unique(edge)] = True
    keep[0] = False
    return keep[labels]


def cut_out(rgb: NDArray[np.uint8], lab: Lab, fit: BackgroundFit, *, iterations: int = 2) -> Mask:
    """Separate what stands out from the background, soft shadows excluded.

    GrabCut (Rother, Kolmogorov and Blake 2004) between pixels that surely stand out and pixels that surely lie on the
    surface. A neutral, moderately darker region counts as shadow unless it has a drawn outline: the edge of a soft
    shadow is wide, the edge of a white shirt on white paper is not.

    Parameters
    ----------
    rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB at working size.
    lab : ndarray
        Its CIELAB, lightly blurred.

    Returns
    -------
    ndarray
        ``(H, W)`` bool; empty when nothing stands out.
    """
    threshold = fit.threshold
    stands_out = fit.distance > threshold
    if stands_out.mean() < 0.002:
        return np.zeros(stands_out.shape, bool)
    shadow = fit.shadow()
    strong = stands_out & ~shadow & (fit.distance > 2.0 * threshold)
    # Neutral light regions are the garment itself when they outweigh everything else, or have sharp outlines.
    drawn = _drawn_regions(lab, shadow, threshold)
    shadow &= ~drawn
    if strong.sum() < 0.25 * stands_out.sum():
        strong |= drawn
    enclosed = ~_reaches_border(~strong)
    light_garment = float(np.median(fit.distance[strong])) < 10.0 if strong.any() else True
    if light_garment:
        # White fabric burns out to the background's own white in places; only its outline tells.
        strong |= enclosed
    if not strong.any():
        return np.zeros(stands_out.shape, bool)

    trimap = np.full(stands_out.shape, cv2.GC_PR_BGD, np.uint8)
    trimap[stands_out & ~shadow] = cv2.GC_PR_FGD
    trimap[cv2.erode(strong.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0] = cv2.GC_FGD
    trimap[(fit.distance < 0.6 * threshold) & ~(enclosed & light_garment)] = cv2.GC_BGD
    # A soft shadow beside the object is background for sure only where it is still faint.
    trimap[shadow & (fit.darkening < 0.5 * SHADOW_DEPTH)] = cv2.GC_BGD
    mask = graph_cut(rgb, trimap, iterations)
    if not light_garment:
        # Light that spills off the object tints the gap between arm and body or between legs by a barely visible step.
        gap = (fit.distance < 3.0 * threshold) & mask
        mask &= ~remove_specks(gap, round(0.0003 * mask.size))
    return mask


def graph_cut(rgb: NDArray[np.uint8], trimap: NDArray[np.uint8], iterations: int) -> Mask:
    """GrabCut from a trimap of ``cv2.GC_*`` values; the same picture gives the same mask every time."""
    has_foreground = bool(((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)).any())
    has_background = bool(((trimap == cv2.GC_BGD) | (trimap == cv2.GC_PR_BGD)).any())
    if not (has_foreground and has_background):
        return np.full(trimap.shape, has_foreground)
    cv2.setRNGSeed(0)  # GrabCut's k-means draws from OpenCV's global generator
    labels = trimap.copy()
    models = np.zeros((1, 65), np.float64), np.zeros((1, 65), np.float64)
    cv2.grabCut(np.ascontiguousarray(rgb), labels, (0, 0, 1, 1), *models, iterations, cv2.GC_INIT_WITH_MASK)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def _drawn_regions(lab: Lab, shadow: Mask, threshold: float) -> Mask:
    """Those components of ``shadow`` whose outline towards the background is a sharp edge."""
    lightness = lab[..., 0]
    gradient = np.hypot(
        cv2.Scharr(lightness, cv2.CV_32F, 1, 0, scale=1 / 32), cv2.Scharr(lightness, cv2.CV_32F, 0, 1, scale=1 / 32)
    )
    gradient = cv2.dilate(gradient, np.ones((3, 3), np.uint8))
    labels = components(shadow, connectivity=8).labels
    count = int(labels.max()) + 1
    if count == 1:
        return np.zeros(shadow.shape, bool)
    rim = shadow & ~(cv2.erode(shadow.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    # In L* per pixel: the darkening reached within one pixel is a third of the threshold or more.
    sharp = rim & (gradient > threshold / 3.0)
    rims = np.bincount(labels[rim], minlength=count)
    shares = np.bincount(labels[sharp], minlength=count) / np.maximum(rims, 1)
    keep = shares > 0.6
    keep[0] = False
    return keep[labels]
