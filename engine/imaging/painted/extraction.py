"""Reads a mask from a picture into which a diffusion model painted it green.

The painted picture is taken as a mixture, pixel by pixel and in encoded sRGB, in which the model works:
``painted = (1 - alpha) * drifted photograph + alpha * green``, seen through the displacement that the model gave it.
The green, the drift of all colours and the displacement are read from the two pictures; what remains outside the paint
(noise, redrawn details) gives the covariance by which the mixture is solved. A photograph that has green in it already
therefore costs nothing unless its green is the paint's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.geometry import Placement
from engine.imaging.painted.drift import ColorMap, fit_color_map
from engine.imaging.painted.grid import WorkingGrid, extent_of, on_canvas, same_framing
from engine.imaging.painted.paint import MIN_PAINT_GAIN, Field, Region, find_paint, no_paint
from engine.imaging.painted.tidying import tidied
from engine.imaging.painted.unmixing import published_edge, unmix
from engine.imaging.painted.upsampling import at_source_size
from engine.imaging.registration import Method, Registration, covered, moved, register

_TRUSTED = 0.5
# Correlation of both pictures' structure below which the mask may lie beside the garment, chosen: half of what is seen
# there is not the photograph's.

_UNKNOWN = 0.75
# What stands for that correlation where there is no texture to see, chosen: probably in place, but nobody can tell.

_OFF = 20.0
# Mean difference outside the paint, in 8-bit levels, at which the two pictures are hardly one: details that a model
# redraws leave up to 7 in a picture full of hair, and a wall beside a garment of another colour some 50.

_STRIP = 512
# Rows of the photograph worked on at a time.


@dataclass(frozen=True, slots=True)
class Reading:
    """What counts as paint: how small a piece or a hole is still meant, and where the edge lies.

    Attributes
    ----------
    min_piece : int or None
        Smallest piece kept, in pixels of the photograph; 0 keeps every one, None those of 1 % of the largest piece.
    max_hole : int or None
        Largest hole that is filled, in pixels of the photograph; 0 fills none, None those of 0.5 % of the whole paint.
    published_edge : bool
        Where the paint has a wide feathered edge, move the half level of alpha to where the workflow published with
        the mask LoRAs ends its masks, which is nearer to the body of a pale paint on a white wall. False keeps alpha
        as the plain share of paint everywhere.
    hard : bool
        Only 0 and 255, cut at the half level.
    in_place : bool
        The model is known to paint everything where it was shown it: nothing is registered. On a picture of a few
        hundred pixels a registration finds more chance than displacement.
    """

    min_piece: int | None = None
    max_hole: int | None = None
    published_edge: bool = True
    hard: bool = False
    in_place: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ExtractedMask:
    """A mask read from a painted picture.

    Attributes
    ----------
    alpha : ndarray
        ``(H, W)`` uint8 at the photograph's size, 255 = painted, soft edges kept unless a hard mask was asked for.
    coverage : float
        Mean alpha, 0 to 1.
    confidence : float
        0 to 1: how much of one colour the paint is, and how well the rest of the picture lies on the photograph.
    green : tuple of int
        The paint's colour, encoded sRGB 0 to 255.
    color_drift : float
        Root mean square change of the surroundings' colour that was removed, in 8-bit levels.
    registration : Method
        How the painted picture was brought to the photograph.
    shift : float
        How far the paint's edge was moved by that, 95th percentile, in pixels of the photograph.
    residual_before, residual_after : float
        Mean absolute difference to the photograph outside the paint in 8-bit levels, as it was painted, and once
        displacement and colour drift are removed.
    notices : tuple of str
        One sentence each, for the operator.
    """

    alpha: NDArray[np.uint8]
    coverage: float
    confidence: float
    green: tuple[int, int, int]
    color_drift: float
    registration: Method
    shift: float
    residual_before: float
    residual_after: float
    notices: tuple[str, ...] = ()

    def provenance(self) -> dict[str, str | float | int]:
        """What was measured, for the catalog and the review window."""
        return {
            "green": "#{:02X}{:02X}{:02X}".format(*self.green),
            "color_drift_levels": round(self.color_drift, 2),
            "registration": self.registration.value,
            "shift_px": round(self.shift, 2),
            "residual_before": round(self.residual_before, 2),
            "residual_after": round(self.residual_after, 2),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Extraction:
    """A mask and what it takes to lay the painted picture over the photograph.

    Attributes
    ----------
    mask : ExtractedMask
    grid : WorkingGrid
    alpha : ndarray
        ``(h, w)`` float32 on the grid, 0 to 1.
    displacement : ndarray
        ``(h, w, 2)`` float32 on the grid, in its pixels.
    restored : ColorMap
        From the painted picture's colours to the photograph's.
    """

    mask: ExtractedMask
    grid: WorkingGrid
    alpha: Field
    displacement: Field
    restored: ColorMap

    def registered(self) -> NDArray[np.uint8]:
        """The painted picture in the photograph's place, size and colours, ``(H, W, 3)`` uint8 sRGB.

        The paint keeps its own green. Outside the painted crop it is black.
        """
        out = np.zeros((self.grid.source.height, self.grid.source.width, 3), np.uint8)
        crop = self.grid.crop
        columns, rows = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in self.alpha.shape[::-1]))
        there = np.dstack([columns, rows]) + self.displacement
        for top in range(crop.top, crop.bottom, _STRIP):
            strip = slice(top, min(top + _STRIP, crop.bottom))
            at = self.grid.read_at(strip)
            # Beyond the border the position itself goes on, lest the rim be smeared.
            read = cv2.remap(there, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            pixels = cv2.remap(
                self.grid.painted, read[..., 0], read[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
            )
            share = cv2.remap(self.alpha, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[..., None]
            pixels = pixels + (1 - share) * (self.restored(np.asarray(pixels)) - pixels)
            out[strip, crop.left : crop.right] = np.round(np.clip(pixels, 0, 1) * 255)
        return out


def extract_painted_mask(
    original_rgb: NDArray[np.uint8],
    painted_rgb: NDArray[np.uint8],
    reading: Reading | None = None,
    placement: Placement | None = None,
) -> ExtractedMask:
    """Read the mask that a model painted green into a photograph.

    Parameters
    ----------
    original_rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB, the photograph at its full size.
    painted_rgb : ndarray
        ``(h, w, 3)`` uint8 sRGB: the model's picture of the same framing at any size, or its canvas.
    reading : Reading, optional
        Which specks are dropped, which holes are filled, where a feathered edge ends, and whether the picture moved.
    placement : Placement, optional
        Where the photograph lies on the model's canvas; None where the painted picture shows the whole photograph.

    Returns
    -------
    ExtractedMask
        At the photograph's size.

    Raises
    ------
    KnownError
        Nothing green was painted, everything was, or the pictures' proportions differ.
    BugError
        An array is not ``(H, W, 3) uint8``, or not of the placement's size.
    """
    return extract(original_rgb, painted_rgb, reading, placement).mask


def extract(
    original_rgb: NDArray[np.uint8],
    painted_rgb: NDArray[np.uint8],
    reading: Reading | None = None,
    placement: Placement | None = None,
) -> Extraction:
    """As `extract_painted_mask`, with what it takes to lay the painted picture over the photograph."""
    reading = reading if reading is not None else Reading()
    if placement is None:
        grid = same_framing(original_rgb, painted_rgb)
    else:
        grid = on_canvas(original_rgb, painted_rgb, placement)
    photo, painted = grid.photo, grid.painted

    paint = find_paint(photo, painted)
    unregistered = paint.free
    ground = fit_color_map(photo[paint.free], painted[paint.free])(photo)
    registration = register(ground, painted, paint.free, in_place=reading.in_place)
    displacement = registration.field.at_pixels()
    if registration.method is not Method.IDENTITY:
        painted = np.clip(moved(painted, displacement), 0, 1)
        # Again on the registered picture: what only moved is neither paint nor drift.
        paint = find_paint(photo, painted)
    free = paint.free & covered(displacement)
    drift = fit_color_map(photo[free], painted[free])
    restored = fit_color_map(painted[free], photo[free])
    ground = drift(photo)

    area = grid.pixel_area
    alpha = tidied(
        unmix(painted, ground, paint.green, free),
        None if reading.min_piece is None else reading.min_piece * area,
        None if reading.max_hole is None else reading.max_hole * area,
    )
    if reading.published_edge:
        alpha = published_edge(alpha, ground, paint.green)
    if not (alpha >= 0.5).any():
        raise no_paint("the green in the model's picture is too faint to be a mask")
    full = at_source_size(alpha, grid, original_rgb)
    if reading.hard:
        full = np.where(full > 127, 255, 0).astype(np.uint8)

    compared = free & unregistered
    if not compared.any():
        compared = free
    residual = _difference(restored(painted), photo, compared)
    red, green, blue = (round(float(channel) * 255) for channel in paint.green)
    mask = ExtractedMask(
        alpha=full,
        coverage=float(full.mean(dtype=np.float64)) / 255,
        confidence=_confidence(painted, alpha, paint.green, registration.correlation, residual),
        green=(red, green, blue),
        color_drift=drift.change * 255,
        registration=registration.method,
        shift=registration.shift / min(grid.scale),
        residual_before=_difference(grid.painted, photo, compared),
        residual_after=residual,
        notices=_notices(grid, painted_rgb, registration, placement, residual),
    )
    return Extraction(mask, grid, alpha, displacement, restored)


def _difference(one: Field, other: Field, where: Region) -> float:
    """Mean absolute difference in 8-bit levels."""
    return 255 * float(np.abs(one[where] - other[where]).mean())


def _notices(
    grid: WorkingGrid,
    painted_rgb: NDArray[np.uint8],
    registration: Registration,
    placement: Placement | None,
    residual: float,
) -> tuple[str, ...]:
    notices: list[str] = []
    if placement is None and extent_of(painted_rgb) != grid.source:
        notices.append(f"The painted picture has {extent_of(painted_rgb)} pixels and was scaled to {grid.source}.")
    if registration.method is not Method.IDENTITY:
        shift = registration.shift / min(grid.scale)
        notices.append(f"The model moved the picture by {shift:.0f} px: the mask was brought back to the photograph.")
    correlation = registration.correlation
    if residual > _OFF or (correlation is not None and correlation < _TRUSTED):
        notices.append("The painted picture does not lie on the photograph: check where the mask lies.")
    return tuple(notices)


def _confidence(painted: Field, alpha: Field, green: Field, correlation: float | None, residual: float) -> float:
    """Product of how much of one colour the paint is, and how well its surroundings lie on the photograph.

    The first is 0 where the body is as far from its own colour as a photograph may be from paint. The second is the
    square of the structures' correlation, the share of the photograph's texture that the registered picture explains,
    and falls with what is left of the difference.
    """
    body = alpha >= 0.9
    if not body.any():
        return 0.0
    off = float(np.median(np.linalg.norm(painted[body] - green, axis=1)))
    explained = max(correlation, 0.0) ** 2 if correlation is not None else _UNKNOWN
    return max(1 - off / MIN_PAINT_GAIN, 0.0) * explained * exp(-((residual / _OFF) ** 2))
