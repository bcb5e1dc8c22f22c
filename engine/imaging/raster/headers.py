"""Headers of picture files: what intake needs to accept or refuse a file, without decoding a pixel."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from engine.domain.assets import PictureHeader
from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.domain.geometry import Extent
from engine.imaging.raster import heif, icc, jpeg, png, psd, tiff, webp
from engine.imaging.raster.notices import mode_notices, profile_notices, refuse_mode
from engine.imaging.raster.stored import StoredHeader, check_extent, cut_off, decoding, unsupported

SUPPORTED_SUFFIXES = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".tif",
        ".tiff",
        ".webp",
        ".heic",
        ".heif",
        ".hif",
        ".avif",
        ".psd",
        ".psb",
    }
)
"""Lower-case name endings intake looks at; the format itself is told by the content."""

_SIGNATURE_BYTES = 64
_TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""

_FOREIGN = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"%PDF", "a PDF"),
    (b"%!PS", "a PostScript file"),
    (b"FUJIFILMCCD-RAW", "a camera raw file"),
    (b"IIRO", "a camera raw file"),
    (b"IIU\0", "a camera raw file"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000"),
    (b"\x76\x2f\x31\x01", "an OpenEXR file"),
    (b"PK\x03\x04", "a ZIP archive"),
)


def read_header(path: Path) -> PictureHeader:
    """Read what a picture file says about itself; no pixel is decoded.

    Safe from any thread and process.

    Parameters
    ----------
    path : Path
        A JPEG, PNG, TIFF, BigTIFF, WebP, HEIC, AVIF, PSD or PSB file, whatever its name says.

    Returns
    -------
    PictureHeader
        Its extent is that of the picture turned upright.

    Raises
    ------
    KnownError
        The file is missing, unreadable, empty, no picture, cut off, damaged as far as the header shows, above
        `engine.imaging.raster.stored.MAX_PIXELS`, or of a kind that cannot be colour-matched (Lab, CMYK without
        profile, floating point, camera raw).
    """
    try:
        require_regular(path)
        with path.open("rb") as file:
            stored = inspect(file, path)
    except OSError as error:
        raise known_os_error(error, path) from error
    return PictureHeader(
        extent=upright_extent(stored),
        format=stored.format,
        mode=stored.mode.removesuffix("A") if stored.mode == "CMYKA" else stored.mode,
        bit_depth=stored.bit_depth,
        icc=icc.profile_description(stored.icc) if stored.icc is not None else None,
        notices=(*stored.notices, *mode_notices(stored, done=False), *profile_notices(stored)),
    )


def require_regular(path: Path) -> None:
    """Refuse folders, and devices and pipes whose reading could wait for ever.

    Raises
    ------
    OSError
        The file is missing, or a folder.
    KnownError
        It is neither a file nor a folder.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "is a folder", str(path))
    if not stat.S_ISREG(mode):
        raise KnownError("this is a device and not a file", remedy="Drop picture files or folders.", path=path)


def inspect(file: BinaryIO, path: Path | None) -> StoredHeader:
    """Tell the format by content, read its header and refuse what cannot be worked on.

    Raises
    ------
    KnownError
        As `read_header`.
    """
    start = file.read(_SIGNATURE_BYTES)
    file.seek(0)
    reader = _reader(start, path)
    with decoding(path, "picture"):
        stored = reader(file, path)
    check_extent(stored.extent, path)
    refuse_mode(stored, path)
    return stored


def upright_extent(stored: StoredHeader) -> Extent:
    """The stored extent after EXIF orientation."""
    extent = stored.extent
    return Extent(extent.height, extent.width) if stored.orientation in _TURNED else extent


def _reader(start: bytes, path: Path | None) -> Callable[[BinaryIO, Path | None], StoredHeader]:
    if not start:
        raise KnownError("the file is empty", remedy="Copy it again from the camera or the server.", path=path)
    if start.startswith(b"\xff\xd8\xff"):
        return jpeg.inspect
    if start.startswith(png.SIGNATURE):
        return png.inspect
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return tiff.inspect
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return webp.inspect
    if start.startswith(b"8BPS"):
        return psd.inspect
    if start[4:8] == b"ftyp":
        if start[8:12] == b"crx ":
            raise _foreign(path, "a camera raw file")
        if heif.is_heif(start):
            return heif.inspect
    if any(magic.startswith(start) for magic in (b"\xff\xd8\xff", png.SIGNATURE, b"RIFF", b"8BPS")):
        raise cut_off(path)
    for magic, name in _FOREIGN:
        if start.startswith(magic):
            raise _foreign(path, name)
    raise KnownError(
        "this is not a picture that Chromask knows",
        remedy="Drop JPEG, PNG, TIFF, WebP, HEIC, AVIF or PSD files.",
        path=path,
    )


def _foreign(path: Path | None, name: str) -> KnownError:
    if "raw" in name:
        return unsupported(path, f"this is {name}", "Develop it in the raw converter, export it as TIFF and drop that.")
    return unsupported(
        path, f"this is {name}, which Chromask does not read", "Export it as TIFF, PNG or JPEG and retry."
    )
