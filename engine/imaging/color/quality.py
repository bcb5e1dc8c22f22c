"""CIEDE2000 quality control: reports and maps, of a garment against its flatlay or of two versions of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.errors import BugError, KnownError
from engine.domain.requests import Tolerance
from engine.domain.results import DeltaEReport, PaletteLine, Verdict
from engine.imaging.color.difference import delta_E_2000, lab_differences
from engine.imaging.color.palette_report import SMALLEST_SHARE, MainColors, main_colors, palette_lines, verdict_for
from engine.imaging.color.samples import MINIMUM_PIXELS, garment_samples
from engine.imaging.color.spaces import pixels_to_lab, row_chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha, Picture
    from engine.imaging.color.icc import Floats


def garment_report(
    picture: Picture, alpha: Alpha, flatlay: Picture, flatlay_alpha: Alpha, tolerance: Tolerance, region: str
) -> DeltaEReport:
    """Measure the garment of one photograph against the flatlay.

    Poses and folds differ, so pixels have no counterparts: ``delta_E`` and the signed differences are between the
    robust mean colours (see `engine.imaging.color.samples.robust_mean`); ``mean``, ``median`` and ``p95`` are of the
    photograph's garment pixels against the flatlay's robust mean. Of a garment of several colours each one is measured
    against its counterpart as well; a colour that only one side shows has a line that says so.

    Parameters
    ----------
    picture, flatlay : Picture
        Each in its own RGB profile.
    alpha, flatlay_alpha : ndarray
        ``(H, W)`` uint8, 255 = garment, each of its photograph's size.
    region : str
        What the report calls it.

    Raises
    ------
    KnownError
        A mask is empty, tiny or of another size; a profile is damaged.
    """
    worn = GarmentColors.of(garment_samples(picture, alpha, "garment").lab)
    return colors_report(
        worn, GarmentColors.of(garment_samples(flatlay, flatlay_alpha, "flatlay").lab), tolerance, region
    )


@dataclass(frozen=True, slots=True, eq=False)
class GarmentColors:
    """A garment's samples and what is found in them, for several reports.

    Attributes
    ----------
    lab : ndarray
        ``(N, 3)`` float32 CIELAB D65.
    main : MainColors
        Of ``lab``; ``main.mean`` is its robust mean.
    """

    lab: Floats
    main: MainColors

    @classmethod
    def of(cls, lab: Floats) -> GarmentColors:
        """Find the main colours of samples."""
        return cls(lab, main_colors(lab))


def colors_report(worn: GarmentColors, flat: GarmentColors, tolerance: Tolerance, region: str) -> DeltaEReport:
    """`garment_report` for colours that were found already."""
    mean, reference = worn.main.mean, flat.main.mean
    delta_E = float(_delta_E(mean, reference, tolerance))
    differences = [float(d) for d in lab_differences(mean, reference)]
    palette = palette_lines(worn.main, flat.main, tolerance)
    return _report(region, delta_E, _delta_E(worn.lab, reference, tolerance), differences, tolerance, palette)


def compare_pictures(
    a: Picture,
    b: Picture,
    mask: Alpha | None = None,
    tolerance: Tolerance = Tolerance(),
    *,
    out: Floats | None = None,
) -> DeltaEReport:
    """Measure two pictures of one scene pixel by pixel; ``delta_E`` is the mean, signs are a minus b.

    Parameters
    ----------
    a, b : Picture
        The same size, each in its own RGB profile and bit depth.
    mask : ndarray, optional
        ``(H, W)`` uint8; only pixels above 127 are measured.
    out : ndarray, optional
        ``(H, W)`` float32 that receives ΔE00 of every pixel, inside the mask and outside.

    Raises
    ------
    KnownError
        The sizes differ, or the mask is empty, tiny or of another size.
    """
    require_same_size(a, b)
    inside = _inside(a, mask)
    values = np.empty(int(np.count_nonzero(inside)) if inside is not None else a.extent.pixels, np.float32)
    sums, filled = np.zeros(3), 0
    for rows in row_chunks(a.pixels.shape):
        chosen = inside[rows] if inside is not None else np.ones(a.pixels[rows].shape[:2], bool)
        if out is None and not chosen.any():
            continue
        one, two = (pixels_to_lab(p.pixels[rows], p.icc, p.path) for p in (a, b))
        if out is not None:
            out[rows] = _delta_E(one, two, tolerance)
        one, two = one[chosen], two[chosen]
        values[filled : filled + len(one)] = out[rows][chosen] if out is not None else _delta_E(one, two, tolerance)
        filled += len(one)
        sums += [part.sum() for part in lab_differences(one, two)]
    mean = float(values.mean(dtype=np.float64))
    region = "whole picture" if mask is None else "inside the mask"
    return _report(region, mean, values, [float(d) for d in sums / len(values)], tolerance)


def delta_E_map(a: Picture, b: Picture, tolerance: Tolerance = Tolerance()) -> Floats:
    """ΔE00 of every pixel, ``(H, W)`` float32, of two pictures of the same size.

    Raises
    ------
    KnownError
        The sizes differ, or a profile is damaged.
    """
    require_same_size(a, b)
    out = np.empty(a.pixels.shape[:2], np.float32)
    for rows in row_chunks(a.pixels.shape):
        one, two = (pixels_to_lab(p.pixels[rows], p.icc, p.path) for p in (a, b))
        out[rows] = _delta_E(one, two, tolerance)
    return out


def garment_map(
    picture: Picture, alpha: Alpha, flatlay: Picture, flatlay_alpha: Alpha, tolerance: Tolerance = Tolerance()
) -> Floats:
    """ΔE00 ``(H, W)`` float32 of every garment pixel against the nearest main colour of the flatlay.

    Not a number where ``alpha`` is 127 or less.

    Raises
    ------
    KnownError
        As `garment_report`.
    """
    inside = _inside(picture, alpha)
    assert inside is not None
    flat = main_colors(garment_samples(flatlay, flatlay_alpha, "flatlay").lab)
    colors = flat.lab[flat.shares >= SMALLEST_SHARE]
    out = np.full(picture.pixels.shape[:2], np.nan, np.float32)
    for rows in row_chunks(picture.pixels.shape):
        chosen = inside[rows]
        lab = pixels_to_lab(picture.pixels[rows][chosen][None], picture.icc, picture.path)[0]
        out[rows][chosen] = np.min([_delta_E(lab, color, tolerance) for color in colors], axis=0)
    return out


def largest_change_outside(a: Picture, b: Picture, mask: Alpha) -> int | None:
    """Largest difference of any channel value where ``mask`` is zero; 0 proves that nothing there was touched.

    None where code values do not compare, because bit depth or profile differ.

    Raises
    ------
    KnownError
        The sizes differ, or the mask is empty, tiny or of another size.
    """
    require_same_size(a, b)
    _inside(a, mask)
    if a.bit_depth != b.bit_depth or a.icc != b.icc:
        return None
    largest = 0
    for rows in row_chunks(a.pixels.shape):
        change = cv2.absdiff(a.pixels[rows], b.pixels[rows]).max(axis=-1)
        largest = max(largest, int(change[mask[rows] == 0].max(initial=0)))
    return largest


def _delta_E(one: NDArray[np.floating], two: NDArray[np.floating], tolerance: Tolerance) -> Floats:
    return delta_E_2000(one, two, tolerance.k_L, tolerance.k_C, tolerance.k_H)


def _report(
    region: str,
    delta_E: float,
    values: Floats,
    differences: list[float],
    tolerance: Tolerance,
    palette: tuple[PaletteLine, ...] = (),
) -> DeltaEReport:
    median, p95 = np.percentile(values, [50, 95])
    dL, dC, dH = differences
    verdict = verdict_for(delta_E, tolerance)
    if verdict is Verdict.PASS and any(line.verdict is Verdict.FAIL for line in palette):
        verdict = Verdict.WARN
    return DeltaEReport(
        region=region,
        delta_E=delta_E,
        mean=float(values.mean(dtype=np.float64)),
        median=float(median),
        p95=float(p95),
        dL=dL,
        dC=dC,
        dH=dH,
        n_pixels=values.size,
        tolerance=tolerance,
        verdict=verdict,
        palette=palette,
    )


def require_same_size(a: Picture, b: Picture) -> None:
    """Refuse to compare pictures of different size, with a `KnownError` that names ``b``."""
    if a.extent != b.extent:
        raise KnownError(
            f"it is {b.extent} pixels, the picture it is compared with is {a.extent}",
            remedy="Compare two versions of the same photograph, or give a garment mask and a flatlay.",
            path=b.path,
        )


def _inside(picture: Picture, mask: Alpha | None) -> NDArray[np.bool_] | None:
    if mask is None:
        return None
    if mask.ndim != 2:
        raise BugError(f"a mask is (H, W), got {mask.shape}")
    if mask.shape != picture.pixels.shape[:2]:
        height, width = mask.shape
        raise KnownError(
            f"the mask is {width} × {height} pixels, the photograph is {picture.extent}",
            remedy="Give the mask that was made for this photograph.",
            path=picture.path,
        )
    inside = mask > 127
    count = int(np.count_nonzero(inside))
    if count < MINIMUM_PIXELS:
        held = "is empty" if count == 0 else f"holds only {count} pixel{'s' if count > 1 else ''}"
        raise KnownError(f"the mask {held}", remedy="Give a mask with a garment in it.", path=picture.path)
    return inside
