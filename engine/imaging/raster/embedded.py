"""The small picture that a camera wrote into its file: there in a millisecond, where the photograph takes a second."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.files import known_os_error
from engine.imaging.raster import exif
from engine.imaging.raster.headers import inspect

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ASPECT_TOLERANCE = 0.02
"""160 x 120 px beside a 3:2 photograph, with black bars or distorted, is off by 0.125; rounding to 8 px by 0.01."""


def read_embedded_thumbnail(path: Path) -> NDArray[np.uint8] | None:
    """The EXIF thumbnail, upright; None where there is none, it is damaged, or it does not show the whole picture.

    Its aspect ratio must be the picture's within 2 %: cameras that keep the standard's 160 x 120 px for every format
    add black bars, and editors that crop a photograph leave the old thumbnail behind.

    Returns
    -------
    ndarray or None
        ``(h, w, 3)`` uint8 in the photograph's own RGB space, usually 160 px on the long side.

    Raises
    ------
    KnownError
        The picture's header cannot be read.
    """
    import cv2
    import numpy as np

    from engine.imaging.raster.decode import turned

    try:
        with path.open("rb") as file:
            stored = inspect(file, path)
    except OSError as error:
        raise known_os_error(error, path) from error
    data = exif.thumbnail(stored.exif) if stored.exif else None
    if data is None:
        return None
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    if pixels is None:
        return None
    height, width = pixels.shape[:2]
    whole = stored.extent.width / stored.extent.height
    if abs(width / height / whole - 1) > _ASPECT_TOLERANCE:
        return None
    return turned(pixels.astype(np.uint8, copy=False), stored.orientation)
