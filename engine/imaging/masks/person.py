"""The figure on a studio photograph, and where its body zones lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.errors import KnownError
from engine.imaging.masks.background import BackgroundFit, cut_out, fit_background
from engine.imaging.masks.cleanup import fill_holes, keep_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Lab = NDArray[np.float32]
    Mask = NDArray[np.bool_]
    Profile = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """The person in working pixels.

    Attributes
    ----------
    mask : ndarray
        ``(h, w)`` bool, True = person, clothes and what they carry.
    background : BackgroundFit
        What the mask was cut out of.
    top, bottom : int
        First row of the figure and the row after its last.
    width : float
        Typical width of the widest tenth of the rows.
    head : Head or None
        None where the head is cropped off.
    touches_top, touches_bottom : bool
        The photograph's frame cuts the figure there.
    """

    mask: Mask
    background: BackgroundFit
    top: int
    bottom: int
    width: float
    head: Head | None
    touches_top: bool
    touches_bottom: bool


@dataclass(frozen=True, slots=True)
class Head:
    """Where the head is, in working pixels.

    Attributes
    ----------
    top, neck, shoulder : int
        Rows: the crown, the narrowest row of the neck, the row where the shoulders widen.
    left, right : int
        Columns of the head at its widest.
    """

    top: int
    neck: int
    shoulder: int
    left: int
    right: int

    @property
    def unit(self) -> float:
        """One head height in working pixels: the artist's unit, 7.5 to a standing adult.

        The silhouette's narrowest row lies about a seventh of a head below the chin, hair adds as much on top.
        """
        return max(4.0, 0.85 * (self.neck - self.top))


def find_figure(rgb: NDArray[np.uint8], lab: Lab) -> Figure:
    """Cut the figure out of the studio background and find its head.

    Parameters
    ----------
    rgb : ndarray
        ``(h, w, 3)`` uint8 sRGB at working size.
    lab : ndarray
        ``(h, w, 3)`` float32 CIELAB of the lightly blurred picture.

    Raises
    ------
    KnownError
        Nothing stands out from the background. Carries no path.
    """
    fit = fit_background(lab)
    mask = cut_out(rgb, lab, fit)
    mask = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    mask = fill_holes(mask, round(0.0003 * mask.size))
    # A watermark or a stand beside the figure is small against it; a leg that the frame cuts off is not.
    mask = keep_components(mask, 0.08)
    if mask.mean() < 0.01:
        raise KnownError(
            "nobody stands out from the background",
            remedy="Use a photograph taken before a plain background, or draw its mask (on the Queue page, or with "
            "'chromask correct').",
        )
    rows = np.flatnonzero(mask.any(axis=1))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    extents = _row_extents(mask)
    width = float(np.percentile(extents[top:bottom], 90))
    height = mask.shape[0]
    edge = max(2, round(0.004 * height))
    touches_top, touches_bottom = top <= edge, bottom >= height - edge
    head = _find_head(mask, top, bottom, width, whole=not (touches_top or touches_bottom))
    if head is None and not touches_top:
        head = _assume_head(mask & skin_locus(lab), mask, top, bottom, width, touches_bottom=touches_bottom)
    return Figure(
        mask=mask,
        background=fit,
        top=top,
        bottom=bottom,
        width=width,
        head=head,
        touches_top=touches_top,
        touches_bottom=touches_bottom,
    )


def _row_extents(mask: Mask) -> Profile:
    """Columns from the first to the last figure pixel of every row."""
    columns = np.arange(mask.shape[1])
    last = np.where(mask, columns, -1).max(axis=1)
    first = np.where(mask, columns, mask.shape[1]).min(axis=1)
    return np.maximum(last - first + 1, 0).astype(np.float32)


def coverage(figure: Figure, rows: slice) -> float:
    """Share of the figure's middle that was cut out in these rows, 0 to 1: less where clothes look like background."""
    mask = figure.mask[rows]
    if not mask.size:
        return 1.0
    columns = np.arange(mask.shape[1])
    first = np.where(mask, columns, mask.shape[1]).min(axis=1)
    last = np.where(mask, columns, -1).max(axis=1)
    quarter = 0.25 * (last - first)
    middle = (columns >= (first + quarter)[:, None]) & (columns <= (last - quarter)[:, None])
    held = (mask & middle).sum(axis=1) / np.maximum(middle.sum(axis=1), 1)
    return float(held.mean())


def trunk_rows(figure: Figure) -> slice:
    """Rows where a garment is expected: chest to hips, or hips to knees where the head is cropped."""
    head = figure.head
    if head is not None:
        start, end = head.neck + 0.5 * head.unit, head.neck + 2.6 * head.unit
    else:
        start, end = (figure.top + share * (figure.bottom - figure.top) for share in (0.1, 0.5))
    return slice(max(0, round(start)), max(0, min(figure.bottom, round(end))))


def _bridged(extents: Profile) -> Profile:
    """The extents with rows between two parts of the figure filled in: a garment as light as the background is missing
    there, the body is not.
    """
    rows = np.arange(len(extents))
    held = np.flatnonzero(extents)
    bridged = np.interp(rows, held, extents[held])
    return np.where((rows >= held[0]) & (rows <= held[-1]), bridged, 0.0).astype(np.float32)


def _find_head(mask: Mask, top: int, bottom: int, width: float, *, whole: bool) -> Head | None:
    """The head as the narrow beginning of the silhouette, ended by shoulders that are half as wide again.

    A figure is about four shoulder widths tall and a head half a shoulder width, so the search is scaled by the
    figure's width: it works on a bust as on a full figure.
    """
    extents = _smooth(_bridged(_row_extents(mask)), max(1.0, 0.015 * width))
    reach = max(3, round(0.12 * width))
    last = min(bottom - reach, top + round(1.3 * width))
    first = top + round(0.25 * width)
    if last <= first:
        return None
    sums = np.concatenate([[0.0], np.cumsum(extents)])
    rows = np.arange(first, last)
    before = (sums[rows] - sums[np.maximum(rows - reach, 0)]) / reach
    after = (sums[rows + reach] - sums[rows]) / reach
    growth = after / np.maximum(before, 1.0)
    best = int(np.argmax(growth))
    if growth[best] < 1.35:
        return None
    shoulder = int(rows[best])
    # Shoulders go on widening after the steepest row; the neck is the narrowest row before it.
    lowest = max(top + 2, shoulder - round(0.45 * width))
    neck = lowest + int(np.argmin(extents[lowest : shoulder + 1]))
    if neck - top < 0.2 * width:
        # Long hair hides the neck: the shoulder line is about a fifth of a head below it.
        neck = top + round(0.8 * (shoulder - top))
    size = float(extents[top:neck].max(initial=1.0))
    tall = neck - top
    if not (0.12 * width < size < 0.75 * width and 0.6 < tall / size < 3.0):
        return None
    columns = np.flatnonzero(mask[top:neck].any(axis=0))
    head = Head(top, neck, shoulder, int(columns[0]), int(columns[-1]) + 1)
    # A head is a filled shape. What is left of a garment as light as the background is a thin outline.
    if mask[top:neck].sum() < 0.5 * _row_extents(mask[top:neck]).sum():
        return None
    # From head to foot an adult is seven to eight heads tall, a child five, a figure in a fashion drawing nine.
    if whole and not 4.5 < (bottom - top) / head.unit < 11.0:
        return None
    return head


def _assume_head(skin: Mask, mask: Mask, top: int, bottom: int, width: float, *, touches_bottom: bool) -> Head | None:
    """A head by proportion, where hair or a hood hides neck and shoulders; None where no face would be in it.

    A whole figure is seven and a half heads tall; of a cropped one only the width is known, about two heads. Hair adds
    a seventh to both.
    """
    tall = 0.55 * width if touches_bottom else (bottom - top) / 6.6
    neck = min(bottom - 1, top + max(3, round(tall)))
    if skin[top:neck].sum() < 0.1 * mask[top:neck].sum():
        return None
    columns = np.flatnonzero(mask[top:neck].any(axis=0))
    return Head(top, neck, min(bottom - 1, neck + round(0.2 * tall)), int(columns[0]), int(columns[-1]) + 1)


def skin_locus(lab: Lab) -> Mask:
    """Colours that untinted human skin takes in daylight-balanced photographs, light to dark.

    Skin of every tone keeps a hue angle between red and yellow (about 20° to 80° in CIELAB) and moderate chroma
    (Chardon, Cretois and Hourseau 1991 for the L*b* plane); garments of such colours exist, so this only starts a
    model.

    Parameters
    ----------
    lab : ndarray
        ``(..., 3)`` float32 CIELAB; the answer has the leading shape.
    """
    lightness, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    hue = np.degrees(np.arctan2(b, a))
    chroma = np.hypot(a, b)
    return (lightness > 10) & (lightness < 95) & (hue > 20) & (hue < 80) & (chroma > 6) & (chroma < 45) & (a > 2)


def _smooth(profile: Profile, sigma: float) -> Profile:
    column = cv2.GaussianBlur(profile.reshape(-1, 1), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(column, np.float32)[:, 0]
