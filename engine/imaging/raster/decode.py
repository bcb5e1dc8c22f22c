"""Photographs from files: full bit depth, upright, in their own RGB colour space."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import cv2
import numpy as np

from engine.domain.errors import BugError, KnownError
from engine.domain.files import known_os_error
from engine.domain.picture import Picture
from engine.imaging.raster import exif, heif, icc, jpeg, png, psd, tiff, webp
from engine.imaging.raster.headers import inspect, require_regular, upright_extent
from engine.imaging.raster.notices import mode_notices, profile_notices, usable_profile
from engine.imaging.raster.stored import StoredHeader, damaged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha, Pixels

_DECODERS = {
    "JPEG": jpeg.decode,
    "PNG": png.decode,
    "TIFF": tiff.decode,
    "WEBP": webp.decode,
    "HEIF": heif.decode,
    "PSD": psd.decode,
}
_SWAPPING = (5, 6, 7, 8)
_ROTATIONS = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}
_FLIPS = {2: 1, 4: 0}

_Array = TypeVar("_Array", bound=np.ndarray)


def read_picture(path: Path, *, sha256: str | None = None) -> Picture:
    """Read a photograph; the file's bytes are read once and never written to.

    Safe from any thread and process.

    Parameters
    ----------
    path : Path
        Any file `engine.imaging.raster.headers.read_header` accepts.
    sha256 : str, optional
        Hexadecimal hash the file had when it was dropped.

    Returns
    -------
    Picture
        8-bit files as uint8, deeper ones as uint16. Greyscale and CMYK arrive as RGB: CMYK and grey with a profile of
        their own in sRGB, everything else in the embedded profile. `Picture.notices` says what was converted.

    Raises
    ------
    KnownError
        What `read_header` raises, and: the file changed since it was dropped, or is cut off or damaged.
    """
    try:
        require_regular(path)
        data = path.read_bytes()
    except OSError as error:
        raise known_os_error(error, path) from error
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256.lower():
        raise KnownError(
            "the file changed since it was dropped", remedy="Drop it again to use it as it is now.", path=path
        )
    return decode_picture(data, path)


def read_srgb8(path: Path) -> NDArray[np.uint8]:
    """A photograph as models, masks and training sets take it: ``(H, W, 3)`` uint8 sRGB, upright.

    Raises
    ------
    KnownError
        As `read_picture`.
    """
    picture = read_picture(path)
    return icc.to_srgb8(picture.pixels, picture.icc)


def decode_picture(data: bytes, path: Path | None = None) -> Picture:
    """Decode the bytes of a picture file, as `read_picture` does; ``path`` is for error sentences.

    Raises
    ------
    KnownError
        As `read_picture`.
    """
    stored = inspect(io.BytesIO(data), path)
    samples = _DECODERS[stored.format](data, stored, path)
    extent = stored.extent
    if samples.color.shape[:2] != (extent.height, extent.width):
        raise damaged(path, stored.format)
    pixels, profile = _to_rgb(samples.color, stored)
    alpha = turned(_alpha8(samples.alpha), stored.orientation) if samples.alpha is not None else None
    block, notices = _exif(data, stored)
    xmp, dpi = stored.xmp, stored.dpi
    if dpi is not None and stored.orientation in _SWAPPING:
        dpi = (dpi[1], dpi[0])
    return Picture(
        pixels=turned(pixels, stored.orientation),
        icc=profile,
        alpha=alpha,
        exif=exif.upright(block, upright_extent(stored)) if block is not None else None,
        xmp=exif.upright_xmp(xmp) if xmp is not None else None,
        dpi=dpi,
        path=path,
        notices=(*stored.notices, *mode_notices(stored, done=True), *profile_notices(stored), *notices),
    )


def _to_rgb(color: Pixels, stored: StoredHeader) -> tuple[Pixels, bytes | None]:
    """RGB samples and the profile that explains them."""
    profile = usable_profile(stored)
    if color.ndim == 2:
        if profile is not None and icc.profile_color_space(profile) == "GRAY":
            return icc.convert_to_srgb(color, profile, "GRAY", color.dtype), icc.srgb_profile()
        return cast("Pixels", np.repeat(color[..., None], 3, axis=2)), profile
    if color.shape[2] == 4:
        if profile is None:
            raise BugError("CMYK without a usable profile is refused with the header")
        return icc.convert_to_srgb(color, profile, "CMYK", color.dtype), icc.srgb_profile()
    return cast("Pixels", np.require(color, requirements=["C", "W"])), profile  # Pillow's own buffers are read-only


def _alpha8(alpha: Pixels) -> Alpha:
    return np.ascontiguousarray(icc.to_8bit(alpha))


def _exif(data: bytes, stored: StoredHeader) -> tuple[bytes | None, tuple[str, ...]]:
    """The EXIF block, and a sentence where it had to be left out."""
    block = exif.from_tiff(data) if stored.format == "TIFF" else stored.exif
    if block is None or exif.is_readable(block):
        return block, ()
    return None, ("The EXIF block is damaged and is left out.",)


def turned(array: _Array, orientation: int) -> _Array:
    """The array turned upright as EXIF (CIPA DC-008, 4.6.4) numbers the eight orientations."""
    if orientation == 1:
        return array
    if orientation in _ROTATIONS:
        return cast("_Array", cv2.rotate(array, _ROTATIONS[orientation]))
    if orientation in _FLIPS:
        return cast("_Array", cv2.flip(array, _FLIPS[orientation]))
    if orientation == 5:
        return cast("_Array", cv2.transpose(array))
    return cast("_Array", cv2.rotate(cv2.transpose(array), cv2.ROTATE_180))
