"""Small pictures for the screen: previews, overlays and thumbnails, whole and ready to be drawn.

Pool threads decode and reduce; the GUI thread only draws what it is handed. Every `QImage` here is wrapped around a
numpy buffer: Qt's own conversions of full frames hold the interpreter lock for hundreds of milliseconds, numpy and
OpenCV release it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QImage, QImageReader

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from gui.pictures.display import Display

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.domain.picture import Pixels

SRGB = Display()
QUICK_SIDE = 1024
"""Pixels on the long side of a photograph that is only to be seen at all, until it is read whole."""

_SMALLEST_LEVEL = 256  # pixels on the long side; below that a picture is a thumbnail
_TINT = 140  # opacity of a mask's tint at most, of 255: the cloth stays visible under it
_DOUBT = 225  # opacity of a map of doubt at most, of 255


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One resolution of a picture.

    Attributes
    ----------
    image : QImage
        Wrapped around ``pixels``, which must outlive it.
    pixels : ndarray
        ``(h, w, 4)`` uint8: B G R in the screen's colours (sRGB where it is unknown) and opacity, premultiplied.
    scale : float
        Level pixels per source pixel.
    """

    image: QImage
    pixels: NDArray[np.uint8]
    scale: float

    @property
    def width(self) -> int:
        return self.pixels.shape[1]


@dataclass(frozen=True, slots=True, eq=False)
class Pyramid:
    """A small picture at falling resolutions, each half of the one before.

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


def read_preview(path: Path, extent: Extent, display: Display = SRGB) -> Pyramid:
    """Decode a stored sRGB preview of a picture whose full size is ``extent``, for a screen. Pool threads only."""
    import cv2
    import numpy as np

    from engine.imaging.raster.display import to_display8

    data = np.frombuffer(_bytes(path), np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
    if pixels is None:
        raise KnownError("the preview cannot be read", remedy="Retry the job to make it again.", path=path)
    return ready(to_display8(pixels.astype(np.uint8, copy=False), None, display.profile), extent)


def read_quick(path: Path, display: Display = SRGB) -> Pyramid:
    """Decode a photograph at a fraction of its size, for a screen; where no preview is stored. Pool threads only."""
    from engine.imaging.raster.display import to_display8
    from engine.imaging.raster.reduced import read_reduced

    small = read_reduced(path, QUICK_SIDE)
    shown = to_display8(small.pixels, small.icc, display.profile, soft_proof=display.soft_proof)
    return ready(shown, small.extent)


def read_plane_preview(path: Path, extent: Extent, table: NDArray[np.uint8]) -> Pyramid:
    """Decode a stored preview of a mask or of another grey plane, to be laid over its picture. Pool threads only.

    Parameters
    ----------
    table : ndarray
        ``(256, 4)`` uint8, as `tint_table` and `doubt_table` make it.
    """
    import cv2
    import numpy as np

    data = np.frombuffer(_bytes(path), np.uint8)
    plane = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    if plane is None:
        raise KnownError("the mask's preview cannot be read", remedy="Retry the job to make it again.", path=path)
    return ready(plane.astype(np.uint8, copy=False), extent, table)


def read_mask_preview(path: Path, extent: Extent) -> Pyramid:
    """Decode a stored preview of a mask, as a tint. Pool threads only."""
    return read_plane_preview(path, extent, tint_table())


def read_doubt_preview(path: Path, extent: Extent) -> Pyramid:
    """Decode a stored preview of where several masks of one photograph differ. Pool threads only."""
    return read_plane_preview(path, extent, doubt_table())


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
    image = read_quick(path).levels[0].image.copy()  # its buffer goes with the pyramid at the end of this call
    return image.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)


def ready(pixels: NDArray[np.uint8], extent: Extent, table: NDArray[np.uint8] | None = None) -> Pyramid:
    """A picture in the screen's colours, or a plane with its table, ready to be drawn at any magnification.

    Meant for small pictures: all of it is converted, and stays.

    Parameters
    ----------
    pixels : ndarray
        ``(h, w, 3)`` uint8, R G B, or ``(h, w)`` uint8 to be looked up in ``table``.
    extent : Extent
        Of the source picture.
    """
    levels: list[Level] = []
    while True:
        height, width = pixels.shape[:2]
        drawn = as_bgra(pixels, table)
        levels.append(Level(wrapped(drawn, is_opaque=table is None), drawn, width / extent.width))
        if max(height, width) <= _SMALLEST_LEVEL or min(height, width) < 2:
            return Pyramid(extent, tuple(levels))
        pixels = cast("NDArray[np.uint8]", halved(pixels))


def as_bgra(pixels: NDArray[np.uint8], table: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """RGB in the screen's colours, or a plane through its table, as Qt draws it quickest: four bytes a pixel."""
    import cv2
    import numpy as np

    if table is None:
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2BGRA).astype(np.uint8, copy=False)
    words = np.ascontiguousarray(table).view(np.uint32)[:, 0]  # four bytes are looked up at once
    return words.take(pixels).view(np.uint8).reshape(*pixels.shape, 4)


def wrapped(drawn: NDArray[np.uint8], *, is_opaque: bool) -> QImage:
    """``(h, w, 4)`` as an image around the same memory, which must outlive it."""
    height, width = drawn.shape[:2]
    kind = QImage.Format.Format_RGB32 if is_opaque else QImage.Format.Format_ARGB32_Premultiplied
    return QImage(drawn.data, width, height, width * 4, kind)


def halved(pixels: Pixels) -> Pixels:
    """Half as wide and half as high, by the mean of each two by two; an odd last row or column has its share."""
    import cv2

    height, width = pixels.shape[:2]
    half = cv2.resize(pixels, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    return cast("Pixels", half)


def tint_table() -> NDArray[np.uint8]:
    """What a mask's values look like over the picture: one hue, the more of it the surer the mask.

    Returns
    -------
    ndarray
        ``(256, 4)`` uint8: B, G, R and opacity, premultiplied.
    """
    import numpy as np

    from gui.look import theme

    tint = QColor(theme.colors().overlay)
    hue = np.full((256, 3), (tint.blue(), tint.green(), tint.red()), np.uint8)
    return _with_opacity(hue, np.arange(256) * _TINT // 255)


def doubt_table() -> NDArray[np.uint8]:
    """What a map of disagreement looks like over the picture: clear where all agree, then from dark red to yellow.

    Returns
    -------
    ndarray
        As `tint_table`.
    """
    import cv2
    import numpy as np

    values = np.arange(256)
    # The ramp's darkest quarter is left out: over a dark photograph it would look like agreement.
    hue = cv2.applyColorMap((64 + values * 191 // 255).astype(np.uint8)[None], cv2.COLORMAP_INFERNO)[0]
    opacity = np.minimum(values * 2, 255) * _DOUBT // 255
    return _with_opacity(hue.astype(np.uint8, copy=False), opacity)


def _with_opacity(hue: NDArray[np.uint8], opacity: NDArray[np.integer]) -> NDArray[np.uint8]:
    import numpy as np

    table = np.empty((256, 4), np.uint8)
    table[:, :3] = (hue.astype(np.uint16) * opacity[:, None] + 127) // 255
    table[:, 3] = opacity
    return table


def _bytes(path: Path) -> bytes:
    from engine.domain.files import known_os_error

    try:
        return path.read_bytes()
    except OSError as error:
        raise known_os_error(error, path) from error
