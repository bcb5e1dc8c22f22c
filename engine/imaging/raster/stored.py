"""What a picture file says about itself before a pixel is decoded, and the sentences that refuse one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.domain.geometry import Extent

if TYPE_CHECKING:
    from engine.domain.picture import Pixels

MAX_PIXELS = 450_000_000
"""Largest picture that is decoded. The largest files a studio camera writes are the 404 megapixels (23,200 × 17,400)
of a Hasselblad H6D-400c; one such picture takes 2.4 GB at 16 bit, and a match keeps several copies of it."""

MAX_SIDE = 300_000
"""Longest side, the limit of PSB itself; a picture one pixel high and millions wide is no photograph."""


@dataclass(frozen=True, slots=True)
class StoredHeader:
    """A file's header as stored: nothing turned, converted or assumed.

    Attributes
    ----------
    extent : Extent
        Stored size, before orientation.
    format, mode, bit_depth
        As in `engine.domain.assets.PictureHeader`, ``bit_depth`` being what the decoder yields (1, 8 or 16).
    orientation : int
        EXIF orientation 1 to 8, still to be applied to the decoded pixels.
    icc : bytes or None
        Embedded profile, unchecked.
    srgb_stated : bool
        The file has no profile but says that it is sRGB (PNG chunk ``sRGB``, EXIF ``ColorSpace`` 1).
    exif, xmp : bytes or None
        As stored, without prefixes. ``exif`` of a TIFF is made from its own tags when the pixels are decoded.
    dpi : tuple of float or None
        Stored horizontal and vertical pixels per inch.
    has_alpha : bool
        One channel is transparency (a palette's transparent entries count).
    notices : tuple of str
        What the format's own reader has to say.
    """

    extent: Extent
    format: str
    mode: str
    bit_depth: int
    orientation: int = 1
    icc: bytes | None = None
    srgb_stated: bool = False
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    has_alpha: bool = False
    notices: tuple[str, ...] = ()


class Samples(NamedTuple):
    """Decoded pixels as stored, not yet turned upright.

    ``color`` is ``(H, W)`` grey, ``(H, W, 3)`` RGB or ``(H, W, 4)`` CMYK with 0 = no ink; ``alpha`` is ``(H, W)`` with
    full = opaque and belongs to straight (not premultiplied) colour. Both full range, uint8 or uint16.
    """

    color: Pixels
    alpha: Pixels | None = None


def cut_off(path: Path | None) -> KnownError:
    """The file ends before its picture does."""
    return KnownError(
        "the file is cut off before the end of the picture",
        remedy="Copy it again from the camera or the server.",
        path=path,
    )


def damaged(path: Path | None, format_name: str) -> KnownError:
    """The file is of a known format but its decoder refuses it."""
    return KnownError(
        f"this {format_name} is damaged and cannot be decoded",
        remedy="Copy it again from the camera or the server, or save it anew from the program that made it.",
        path=path,
    )


def unsupported(
    path: Path | None, what: str, remedy: str = "Save it as 8- or 16-bit RGB TIFF and retry."
) -> KnownError:
    """A sound file with something Chromask does not work on."""
    return KnownError(what, remedy=remedy, path=path)


def check_extent(extent: Extent, path: Path | None) -> None:
    """Refuse empty pictures and decompression bombs.

    Raises
    ------
    KnownError
        A side is zero or above `MAX_SIDE`, or the picture has more than `MAX_PIXELS` pixels.
    """
    if extent.width < 1 or extent.height < 1:
        raise KnownError(f"the picture is {extent} pixels large, which is empty", remedy="Export it again.", path=path)
    if extent.pixels > MAX_PIXELS or max(extent.width, extent.height) > MAX_SIDE:
        raise KnownError(
            f"the picture is {extent} pixels ({extent.pixels / 1e6:,.0f} megapixels) large, "
            f"above the limit of {MAX_PIXELS / 1e6:,.0f} megapixels and {MAX_SIDE:,} pixels a side",
            remedy="Export it smaller and retry.",
            path=path,
        )


@contextmanager
def decoding(path: Path | None, format_name: str) -> Iterator[None]:
    """Turn whatever a third-party decoder raises into one sentence; nothing but decoder calls belongs inside.

    A decoder on damaged bytes raises nearly anything (struct.error, KeyError, OverflowError, codec errors of four
    libraries), so the boundary names no list that the next release would outgrow. The cause stays chained.
    """
    try:
        yield
    except KnownError:
        raise
    except MemoryError as error:
        raise KnownError(
            "the memory is not enough for this picture",
            remedy="Close other programs and retry.",
            path=path,
            retryable=True,
        ) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno and path is not None:  # the disk's fault, not the file's
            raise known_os_error(error, path) from error
        if "truncated" in str(error):
            raise cut_off(path) from error
        raise damaged(path, format_name) from error


def size_of(file: BinaryIO) -> int:
    """Length of an open file in bytes; leaves it at its start."""
    length = file.seek(0, 2)
    file.seek(0)
    return length
