"""CIEDE2000 quality control: verdicts, reports, maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.errors import BugError, KnownError
from engine.domain.requests import Tolerance
from engine.domain.results import DeltaEReport, Verdict
from engine.imaging.color.difference import delta_E_2000, lab_differences
from engine.imaging.color.samples import garment_samples, robust_mean
from engine.imaging.color.spaces import pixels_to_lab, row_chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha, Picture
    from engine.imaging.color.icc import Floats


def verdict_for(delta_E: float, tolerance: Tolerance) -> Verdict:
    """Pass up to ``tolerance.passes``, warn up to ``tolerance.warns``, else fail; an undefined ΔE00 fails."""
    if delta_E <= tolerance.passes:
        return Verdict.PASS
    return Verdict.WARN if delta_E <= tolerance.warns else Verdict.FAIL


def garment_report(
    picture: Picture, alpha: Alpha, flatlay: Picture, flatlay_alpha: Alpha, tolerance: Tolerance, region: str
) -> DeltaEReport:
    """Measure the garment of one photograph against the flatlay.

    Poses and folds differ, so pixels have no counterparts: ``delta_E`` and the signed differences are between the
    robust mean colours (see `engine.imaging.color.samples.robust_mean`); ``mean``, ``median`` and ``p95`` are of the
    photograph's garment pixels against the flatlay's robust mean.

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
    sample = garment_samples(picture, alpha, "garment").lab
    reference = robust_mean(garment_samples(flatlay, flatlay_alpha, "flatlay").lab)
    mean = robust_mean(sample)
    delta_E = float(_delta_E(mean, reference, tolerance))
    differences = [float(d) for d in lab_differences(mean, reference)]
    return _report(region, delta_E, _delta_E(sample, reference, tolerance), differences, tolerance)


def compare_pictures(
    a: Picture, b: Picture, mask: Alpha | None = None, tolerance: Tolerance = Tolerance()
) -> DeltaEReport:
    """Measure two pictures of one scene pixel by pixel; ``delta_E`` is the mean, signs are a minus b.

    Parameters
    ----------
    a, b : Picture
        The same size, each in its own RGB profile and bit depth.
    mask : ndarray, optional
        ``(H, W)`` uint8; only pixels above 127 are measured.

    Raises
    ------
    KnownError
        The sizes differ, or the mask is empty or of another size.
    """
    _require_same_size(a, b)
    inside = _inside(a, mask)
    values = np.empty(int(np.count_nonzero(inside)) if inside is not None else a.extent.pixels, np.float32)
    sums, filled = np.zeros(3), 0
    for rows in row_chunks(a.pixels.shape):
        chosen = inside[rows] if inside is not None else np.ones(a.pixels[rows].shape[:2], bool)
        one, two = (pixels_to_lab(p.pixels[rows], p.icc, p.path)[chosen] for p in (a, b))
        values[filled : filled + len(one)] = _delta_E(one, two, tolerance)
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
    _require_same_size(a, b)
    out = np.empty(a.pixels.shape[:2], np.float32)
    for rows in row_chunks(a.pixels.shape):
        one, two = (pixels_to_lab(p.pixels[rows], p.icc, p.path) for p in (a, b))
        out[rows] = _delta_E(one, two, tolerance)
    return out


def heat_map(delta_E: Floats, *, full_scale: float = 10.0, legend: bool = True) -> NDArray[np.uint8]:
    """Draw a ΔE00 map in the viridis ramp, whose lightness rises evenly with the value.

    Parameters
    ----------
    delta_E : ndarray
        ``(H, W)`` float; not-a-number is drawn black.
    full_scale : float
        ΔE00 of the brightest yellow; more is drawn as that.
    legend : bool
        Draw a scale with its numbers over the lower right corner, where the picture has room for one.

    Returns
    -------
    ndarray
        ``(H, W, 3)`` uint8 sRGB.
    """
    level = np.nan_to_num(np.clip(delta_E / full_scale, 0, 1), nan=0.0)
    colors = _viridis(np.rint(level * 255).astype(np.uint8))
    colors[np.isnan(delta_E)] = 0
    if legend:
        _draw_legend(colors, full_scale)
    return colors


def _viridis(level: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(cv2.applyColorMap(level, cv2.COLORMAP_VIRIDIS)[..., ::-1], np.uint8)


def _draw_legend(colors: NDArray[np.uint8], full_scale: float) -> None:
    height, width = colors.shape[:2]
    unit = max(1, round(min(height, width) / 400))
    across, down = 150 * unit, 46 * unit
    if across + 8 * unit > width or down + 8 * unit > height:
        return
    panel = np.full((down, across, 3), 255, np.uint8)
    bar = 126 * unit
    ramp = np.rint(np.linspace(0, 255, bar)).astype(np.uint8)
    panel[18 * unit : 28 * unit, 12 * unit : 12 * unit + bar] = _viridis(ramp[None])

    def write(text: str, x: int, y: int) -> None:
        (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.35 * unit, unit)
        x = int(np.clip(x - wide // 2, unit, across - wide - unit))
        cv2.putText(panel, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.35 * unit, (0, 0, 0), unit, cv2.LINE_AA)

    write("CIEDE2000", across // 2, 13 * unit)
    for share in (0.0, 0.5, 1.0):
        more = "+" if share == 1 else ""
        write(f"{share * full_scale:g}{more}", round(12 * unit + share * bar), 41 * unit)
    left, top = width - across - 4 * unit, height - down - 4 * unit
    colors[top : top + down, left : left + across] = panel


def _delta_E(one: NDArray[np.floating], two: NDArray[np.floating], tolerance: Tolerance) -> Floats:
    return delta_E_2000(one, two, tolerance.k_L, tolerance.k_C, tolerance.k_H)


def _report(
    region: str, delta_E: float, values: Floats, differences: list[float], tolerance: Tolerance
) -> DeltaEReport:
    median, p95 = np.percentile(values, [50, 95])
    dL, dC, dH = differences
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
        verdict=verdict_for(delta_E, tolerance),
    )


def _require_same_size(a: Picture, b: Picture) -> None:
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
    if not inside.any():
        raise KnownError("the mask is empty", remedy="Give a mask with a garment in it.", path=picture.path)
    return inside
