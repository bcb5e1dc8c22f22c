"""The ΔE00 map of a result against its original, for the screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

from engine.domain.errors import Cancelled
from gui.pictures.tiled_picture import TiledPicture, tile_plane

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.domain.picture import Picture

_SCALES = (10.0, 20.0, 40.0, 80.0)
"""ΔE00 at the end of a map's ramp: 10 where it suffices, so that most maps compare with each other."""
_SAMPLES = 100_000  # pixels that choose the scale
_STRIP_PIXELS = 1 << 20  # measured between two looks at whether the map is still wanted: a fraction of a second


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """Where two pictures differ.

    Attributes
    ----------
    picture : TiledPicture
        The map at full resolution, in the viridis ramp.
    ramp : QImage
        One line, from no difference to ``full_scale``.
    full_scale : float
        ΔE00 of the ramp's end; more is drawn as that.
    """

    picture: TiledPicture
    ramp: QImage
    full_scale: float


def measure_heat_map(before: Picture, after: Picture, is_wanted: Callable[[], bool] = lambda: True) -> HeatMap:
    """Measure ΔE00 of every pixel of two versions of a photograph, at full size. Pool threads only.

    The map is kept as one byte a pixel, in steps of a 255th of its scale.

    Raises
    ------
    KnownError
        Their sizes differ.
    Cancelled
        ``is_wanted()`` said no.
    """
    import cv2
    import numpy as np

    from engine.imaging.color.quality import delta_E_map

    top = _full_scale(before, after)
    extent = before.extent
    plane = np.empty((extent.height, extent.width), np.uint8)
    rows = max(1, _STRIP_PIXELS // extent.width)
    for start in range(0, extent.height, rows):
        if not is_wanted():
            raise Cancelled
        strip = slice(start, start + rows)
        one, two = (replace(each, pixels=each.pixels[strip]) for each in (before, after))
        level = delta_E_map(one, two)
        level *= 255 / top
        plane[strip] = np.rint(np.minimum(level, 255, out=level), out=level)
    ramp = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[None], cv2.COLORMAP_VIRIDIS)
    table = np.full((256, 4), 255, np.uint8)
    table[:, :3] = ramp[0]
    return HeatMap(tile_plane(plane, table, is_opaque=True), ramp_of(table), top)


def ramp_of(table: NDArray[np.uint8]) -> QImage:
    """A table of colours, ``(256, 4)`` uint8 B G R and opacity, premultiplied, as a legend's ramp."""
    return QImage(table.data, 256, 1, 1024, QImage.Format.Format_ARGB32_Premultiplied).copy()


def _full_scale(before: Picture, after: Picture) -> float:
    """The smallest scale that holds 99 of 100 pixels."""
    import numpy as np

    from engine.imaging.color.quality import delta_E_map, require_same_size

    require_same_size(before, after)
    # The step is odd to most widths, so that the samples do not stand in columns.
    step = max(1, before.extent.pixels // _SAMPLES) | 1
    one, two = (replace(each, pixels=each.pixels.reshape(-1, 3)[None, ::step]) for each in (before, after))
    highest = float(np.percentile(delta_E_map(one, two), 99))
    return next((scale for scale in _SCALES if highest <= scale), _SCALES[-1])
