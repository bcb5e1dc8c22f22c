"""A ΔE map as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.imaging.color.spaces import row_chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.imaging.color.icc import Floats


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
        ``(H, W, 3)`` uint8 sRGB, of the map's own size; worked out row by row, so that nothing else of that size is
        held.
    """
    colors = np.empty((*delta_E.shape, 3), np.uint8)
    for rows in row_chunks(delta_E.shape):
        part = delta_E[rows]
        undefined = np.isnan(part)
        level = np.clip(np.where(undefined, 0, part) / full_scale, 0, 1)
        colors[rows] = _viridis(np.rint(level * 255).astype(np.uint8))
        colors[rows][undefined] = 0
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
