"""Decoded pictures for the screen. Pool threads decode and reduce; the GUI thread only draws what it is handed.

Every `QImage` here is wrapped around a numpy buffer: Qt's own conversions of full frames hold the interpreter lock for
hundreds of milliseconds, numpy and OpenCV release it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QImage, QImageReader

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from gui.display import Display

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SRGB = Display()
_HEAT_SCALES = (10.0, 20.0, 40.0, 80.0)
"""ΔE00 at the end of a map's ramp: 10 where it suffices, so that most maps compare with each other."""
_HEAT_SAMPLES = 100_000  # pixels that choose the scale
_SMALLEST_LEVEL = 256  # pixels on the long side; below that a picture is a thumbnail


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One resolution of a picture.

    Attributes
    ----------
    image : QImage
        Wrapped around ``pixels``, which must outlive it.
    pixels : ndarray
        ``(h, w, 3)`` uint8 in the screen's colours (sRGB where it is unknown), or ``(h, w)`` uint8 for a mask.
    scale : float
        Level pixels per source pixel.
    """

    image: QImage
    pixels: NDArray[np.uint8]
    scale: float


@dataclass(frozen=True, slots=True, eq=False)
class Pyramid:
    """A picture at falling resolutions, each half of the one before.

    Attributes
    ----------
    extent : Extent
        The source picture's size in source pixels, whatever the largest level has.
    """

    extent: Extent
    levels: tuple[Level, ...]

    def level_for(self, scale: float) -> Level:
        """The smallest level that need not be magnified at ``scale`` device pixels per source pixel."""
        enough = [level for level in self.levels if level.scale >= scale]
        return enough[-1] if enough else self.levels[0]

    def is_sharp_at(self, scale: float) -> bool:
        """Whether no more detail exists, or none is needed, at ``scale`` device pixels per source pixel."""
        best = self.levels[0].scale
        return best >= min(scale, 0.999)


def read_preview(path: Path, extent: Extent, display: Display = _SRGB) -> Pyramid:
    """Decode a stored sRGB preview of a picture whose full size is ``extent``, for a screen. Pool threads only."""
    import cv2
    import numpy as np

    from engine.imaging.raster.display import to_display8

    data = np.frombuffer(_bytes(path), np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise KnownError("the preview cannot be read", remedy="Retry the job to make it again.", path=path)
    return _pyramid(to_display8(pixels.astype(np.uint8, copy=False), None, display.profile), extent)


def read_full(path: Path, display: Display = _SRGB) -> Pyramid:
    """Decode a photograph or a matched picture at full size, from its profile to a screen's. Pool threads only."""
    from engine.imaging.raster.decode import read_picture
    from engine.imaging.raster.display import to_display8

    picture = read_picture(path)
    shown = to_display8(picture.pixels, picture.icc, display.profile, soft_proof=display.soft_proof)
    return _pyramid(shown, picture.extent)


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """Where two pictures differ.

    Attributes
    ----------
    pyramid : Pyramid
        The map at full resolution, in the viridis ramp.
    ramp : QImage
        One line, from no difference to ``full_scale``.
    full_scale : float
        ΔE00 of the ramp's end; more is drawn as that.
    """

    pyramid: Pyramid
    ramp: QImage
    full_scale: float


def read_heat_map(before: Path, after: Path) -> HeatMap:
    """Draw ΔE00 of every pixel of two versions of a photograph, at full size. Pool threads only.

    Raises
    ------
    KnownError
        A file cannot be read, or their sizes differ.
    """
    import numpy as np

    from engine.imaging.color.heat_map import heat_map
    from engine.imaging.color.quality import delta_E_map
    from engine.imaging.raster.decode import read_picture

    first = read_picture(before)
    values = delta_E_map(first, read_picture(after))
    # The step is odd to most widths, so that the samples do not stand in columns.
    highest = float(np.percentile(values.ravel()[:: max(1, values.size // _HEAT_SAMPLES) | 1], 99))
    top = next((scale for scale in _HEAT_SCALES if highest <= scale), _HEAT_SCALES[-1])
    drawn = heat_map(values, full_scale=top, legend=False)
    levels = np.linspace(0, top, 256, dtype=np.float32)[None]
    ramp = np.ascontiguousarray(heat_map(levels, full_scale=top, legend=False))
    return HeatMap(_pyramid(drawn, first.extent), _wrapped(ramp).copy(), top)


def read_mask_preview(path: Path, extent: Extent) -> Pyramid:
    """Decode a stored preview of a mask. Pool threads only."""
    import cv2
    import numpy as np

    alpha = cv2.imdecode(np.frombuffer(_bytes(path), np.uint8), cv2.IMREAD_GRAYSCALE)
    if alpha is None:
        raise KnownError("the mask's preview cannot be read", remedy="Retry the job to make it again.", path=path)
    return _pyramid(alpha.astype(np.uint8, copy=False), extent)


def read_mask_full(data: bytes) -> Pyramid:
    """Decode a stored mask at full size. Pool threads only."""
    from engine.imaging.raster.encode import decode_mask

    alpha = decode_mask(data)
    return _pyramid(alpha, Extent(alpha.shape[1], alpha.shape[0]))


def read_thumbnail(path: Path, side: int) -> QImage:
    """A small upright picture, ``side`` pixels on the long side at most. Pool threads only.

    JPEG is reduced while it is decoded (DCT scaling). What Qt cannot read goes through the engine's decoder.
    """
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid() and reader.canRead():
        # Twice the size while decoding, then a smooth reduction: DCT scaling alone shows stair steps.
        rough = size.scaled(QSize(side * 2, side * 2), Qt.AspectRatioMode.KeepAspectRatio)
        if rough.width() < size.width():
            reader.setScaledSize(rough)
        image = reader.read()
        if not image.isNull():
            return image.scaled(
                side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
    smallest = read_full(path).level_for(0)
    image = smallest.image.copy()  # its buffer goes with the pyramid at the end of this call
    return image.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)


def _bytes(path: Path) -> bytes:
    from engine.domain.files import known_os_error

    try:
        return path.read_bytes()
    except OSError as error:
        raise known_os_error(error, path) from error


def _pyramid(pixels: NDArray[np.uint8], extent: Extent) -> Pyramid:
    import cv2
    import numpy as np

    levels: list[Level] = []
    while True:
        pixels = np.ascontiguousarray(pixels)
        height, width = pixels.shape[:2]
        levels.append(Level(_wrapped(pixels), pixels, width / extent.width))
        if max(height, width) <= _SMALLEST_LEVEL or min(height, width) < 2:
            return Pyramid(extent, tuple(levels))
        half = cv2.resize(pixels, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
        pixels = half.astype(np.uint8, copy=False)


def _wrapped(pixels: NDArray[np.uint8]) -> QImage:
    height, width = pixels.shape[:2]
    if pixels.ndim == 3:
        return QImage(pixels.data, width, height, width * 3, QImage.Format.Format_RGB888)
    image = QImage(pixels.data, width, height, width, QImage.Format.Format_Indexed8)
    image.setColorTable(_overlay_colors())
    return image


def _overlay_colors() -> list[int]:
    """Mask values as a tint: half-transparent at most, so that the cloth stays visible under it."""
    from gui import theme

    tint = QColor(theme.OVERLAY)
    return [QColor(tint.red(), tint.green(), tint.blue(), value * 140 // 255).rgba() for value in range(256)]
