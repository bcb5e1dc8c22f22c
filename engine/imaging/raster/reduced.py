"""A photograph at a fraction of its size, in a fraction of the time: JPEG reduces while it decodes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from engine.domain.files import known_os_error
from engine.domain.geometry import Extent
from engine.imaging.raster.decode import decode_picture, turned
from engine.imaging.raster.headers import inspect, require_regular, upright_extent
from engine.imaging.raster.notices import usable_profile
from engine.imaging.raster.stored import damaged

if TYPE_CHECKING:
    from engine.domain.picture import Pixels

_FLAGS = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}


@dataclass(frozen=True, slots=True, eq=False)
class ReducedPicture:
    """A photograph, small and upright.

    Attributes
    ----------
    pixels : ndarray
        ``(h, w, 3)`` uint8 or uint16, encoded as the profile says.
    icc : bytes or None
        The profile; None means sRGB.
    extent : Extent
        Of the whole photograph, in source pixels.
    """

    pixels: Pixels
    icc: bytes | None
    extent: Extent


def read_reduced(path: Path, side: int) -> ReducedPicture:
    """Read a photograph at ``side`` pixels or more on the long side, or at its own size where that is less.

    Colour JPEG is decoded at an eighth, a quarter or a half of its size by leaving out frequencies of its cosine
    transform (ITU-T T.81, A.3.3), which takes about a third of the time and an eighth of the memory. Everything else is
    decoded whole and halved. Safe from any thread and process.

    Raises
    ------
    KnownError
        As `engine.imaging.raster.decode.read_picture`; a JPEG that is cut off is shown as far as it goes.
    """
    try:
        require_regular(path)
        data = path.read_bytes()
    except OSError as error:
        raise known_os_error(error, path) from error
    stored = inspect(io.BytesIO(data), path)
    extent = upright_extent(stored)
    factor = next((f for f in _FLAGS if max(extent.width, extent.height) >= f * side), 1)
    if stored.format == "JPEG" and stored.mode == "RGB" and factor > 1:
        flags = _FLAGS[factor] | cv2.IMREAD_IGNORE_ORIENTATION
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        if pixels is None:
            raise damaged(path, "JPEG")
        rgb = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
        return ReducedPicture(turned(rgb, stored.orientation), usable_profile(stored), extent)
    picture = decode_picture(data, path)
    height, width = picture.pixels.shape[:2]
    size = (max(1, width // factor), max(1, height // factor))
    small = picture.pixels if factor == 1 else cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA)
    return ReducedPicture(cast("Pixels", small), picture.icc, extent)
