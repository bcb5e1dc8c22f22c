"""TIFF files: flat with named extra channels, or with Photoshop's layers beside the flattened picture.

Follows TIFF 6.0 and Adobe's "Photoshop TIFF technical notes" (2002): tag 34377 holds image resources, tag 37724 layers.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

import numpy as np
import tifffile

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.imaging.psd.document import AlphaChannel, photoshop_resolution
from engine.imaging.psd.resources import tiff_resources
from engine.imaging.raster import exif

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha, Picture, Pixels
    from engine.imaging.psd.document import LayeredDocument
    from engine.imaging.psd.paths import VectorPath

    ByteOrder = Literal["<", ">"]
    Directories = dict[int, dict[int, exif.Entry]]

LAYER_DATA_MARK = b"Adobe Photoshop Document Data Block\0"
"""What the value of tag 37724 begins with."""

XMP_TAG, IMAGE_RESOURCES_TAG, ICC_TAG, LAYERS_TAG = 700, 34377, 34675, 37724
_BYTE, _ASCII, _UNDEFINED = 1, 2, 7

TRANSPARENCY_NAME = "Transparency"
"""Photoshop counts a picture's transparency among its extra channels, by this name."""

_CLASSIC_BYTES = 3_900_000_000
"""Raw size from which a TIFF is written as BigTIFF; classic offsets end at 4 GiB and metadata needs some room."""

_STRIP_BYTES = 2**20
"""Strips of about 1 MB: small enough to be compressed and read in parallel, large enough to compress well."""

_STRIPS_AT_ONCE = 16
"""Strips in memory at a time, on their way through the threads that compress them."""


def write_tiff(
    path: Path, picture: Picture, channels: tuple[AlphaChannel, ...] = (), paths: tuple[VectorPath, ...] = ()
) -> tuple[str, ...]:
    """Write a flat TIFF: deflate with horizontal predictor, the profile byte for byte, EXIF, GPS, XMP, resolution.

    Parameters
    ----------
    path : Path
        A temporary name (`engine.domain.files.complete_file`).
    picture : Picture
    channels : tuple of AlphaChannel
        Saved selections, written as extra samples of unspecified kind and named as Photoshop names them.
    paths : tuple of VectorPath
        Saved paths.

    Returns
    -------
    tuple of str
        One sentence for each thing the format cannot keep; empty but for files above 4 GB. Maker notes are carried, but
        what they point to by absolute offsets may be lost, as with every program that moves them.

    Raises
    ------
    KnownError
        The disk is full or cannot be written to.
    """
    order, described, inner = exif.directories(picture.exif) if picture.exif is not None else ("<", {}, {})
    tags = [(tag, _ASCII, entry.count, entry.raw, True) for tag, entry in described.items() if entry.type == _ASCII]
    if picture.xmp is not None:
        tags.append((XMP_TAG, _BYTE, len(picture.xmp), picture.xmp, True))
    transparency = () if picture.alpha is None else (AlphaChannel(TRANSPARENCY_NAME, picture.alpha),)
    if channels or paths:
        # Photoshop's list of names counts the transparency; without selections nobody needs the list.
        names = [channel.name for channel in (*transparency, *channels)] if channels else []
        resources = tiff_resources(names, photoshop_resolution(picture.dpi), paths)
        tags.append((IMAGE_RESOURCES_TAG, _BYTE, len(resources), resources, True))
    alphas = tuple(channel.alpha for channel in (*transparency, *channels))
    big = (3 + len(alphas)) * picture.extent.pixels * picture.bit_depth // 8 > _CLASSIC_BYTES
    try:
        _write_picture(
            path,
            picture.pixels,
            alphas,
            ["unassalpha"] * len(transparency) + ["unspecified"] * len(channels),
            cast("ByteOrder", order),
            tags,
            icc=picture.icc,
            dpi=picture.dpi,
            big=big,
        )
        if inner and not big:
            _append(path, inner, cast("ByteOrder", order))
    except OSError as error:
        raise known_os_error(error, path) from error
    return (
        ("The TIFF is larger than 4 GB; camera settings and position (EXIF) were left out.",) if inner and big else ()
    )


def write_layered_tiff(path: Path, document: LayeredDocument) -> None:
    """Write a TIFF with Photoshop's layers, in bounded memory beside the document itself.

    The picture that every program shows is the composite, its extra samples are the alpha channels. Big-endian, which
    is the byte order of the layers inside. The same document always gives the same bytes.

    Parameters
    ----------
    path : Path
        A temporary name (`engine.domain.files.complete_file`); check with
        `engine.imaging.raster.tiff_verify.verify_tiff` before it gets its final one.

    Raises
    ------
    KnownError
        The file would be larger than the 4 GB a TIFF can be, or the disk is full or cannot be written to.
    """
    from engine.imaging.psd.document import stored_layers
    from engine.imaging.psd.records import PSD, SIGNATURE
    from engine.imaging.psd.writer import length_before, write_layers

    described, inner = big_endian_directories(document)
    names = [channel.name for channel in document.alpha_channels]
    resources = tiff_resources(names, document.resolution, document.paths)
    tags = [(tag, _ASCII, entry.count, entry.raw, True) for tag, entry in described.items() if entry.type == _ASCII]
    tags.append((IMAGE_RESOURCES_TAG, _BYTE, len(resources), resources, True))
    if document.xmp is not None:
        tags.append((XMP_TAG, _BYTE, len(document.xmp), document.xmp, True))

    def layer_data(file: BinaryIO) -> None:
        file.write(LAYER_DATA_MARK + SIGNATURE + layer_key(document.bit_depth))
        with length_before(file, PSD.length):
            write_layers(file, stored_layers(document), document, PSD)

    try:
        _write_picture(
            path,
            document.composite,
            tuple(channel.alpha for channel in document.alpha_channels),
            ["unspecified"] * len(document.alpha_channels),
            ">",
            tags,
            icc=document.icc,
            dpi=document.resolution,
            big=False,
        )
        _append(path, inner, ">", layer_data)
    except OSError as error:
        raise known_os_error(error, path) from error
    # struct.error: an offset does not fit its four bytes.
    except (struct.error, OverflowError) as error:
        raise KnownError(
            "the layers take more than the 4 GB a TIFF can hold", remedy="Export it as PSD.", path=path
        ) from error


def layer_key(bit_depth: int) -> bytes:
    """The key of the block that holds the layers in tag 37724."""
    return b"Layr" if bit_depth == 8 else b"Lr16"


def _write_picture(
    path: Path,
    pixels: Pixels,
    alphas: Sequence[Alpha],
    kinds: list[str],
    order: ByteOrder,
    tags: list[tuple[int, int, int, bytes, bool]],
    *,
    icc: bytes | None,
    dpi: tuple[float, float] | None,
    big: bool,
) -> None:
    height, width = pixels.shape[:2]
    samples = 3 + len(alphas)
    rows = max(1, _STRIP_BYTES // (width * samples * pixels.dtype.itemsize))
    with tifffile.TiffWriter(path, byteorder=order, bigtiff=big) as tiff:
        tiff.write(
            _strips(pixels, alphas, rows, order),
            shape=(height, width, samples),
            dtype=pixels.dtype,
            photometric="rgb",
            planarconfig="contig",
            extrasamples=kinds or None,
            compression="zlib",
            predictor=True,
            rowsperstrip=rows,
            iccprofile=icc,
            resolution=dpi,
            resolutionunit="INCH" if dpi is not None else None,
            metadata=None,
            software=False,
            extratags=cast("Any", tags),
        )


def _strips(pixels: Pixels, alphas: Sequence[Alpha], rows: int, order: ByteOrder) -> Iterator[bytes]:
    """The picture's strips, deflated over horizontal differences; the threads share them a few at a time."""
    dtype = pixels.dtype.newbyteorder(order)

    def encoded(first: int) -> bytes:
        strip = interleaved(pixels, alphas, slice(first, first + rows))
        differences = strip.copy()
        np.subtract(strip[:, 1:], strip[:, :-1], out=differences[:, 1:])  # modulo 2^bits, as the reader adds
        # Runs only, as in `engine.imaging.psd.channels.write_zip`.
        deflate = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
        return deflate.compress(differences.astype(dtype, copy=False).data) + deflate.flush()

    firsts = range(0, len(pixels), rows)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _STRIPS_AT_ONCE)) as threads:
        for batch in range(0, len(firsts), _STRIPS_AT_ONCE):
            yield from threads.map(encoded, firsts[batch : batch + _STRIPS_AT_ONCE])


def interleaved(pixels: Pixels, alphas: Sequence[Alpha], rows: slice) -> NDArray[np.uint8 | np.uint16]:
    """``(h, W, 3 + n)`` samples of the rows; 8-bit alphas become ``x * 257`` at 16 bits."""
    part = pixels[rows]
    samples = np.empty((*part.shape[:2], 3 + len(alphas)), part.dtype)
    samples[..., :3] = part
    for number, alpha in enumerate(alphas, start=3):
        samples[..., number] = alpha[rows]
    if part.dtype == np.uint16:
        samples[..., 3:] *= 257
    return samples


def big_endian_directories(document: LayeredDocument) -> tuple[dict[int, exif.Entry], Directories]:
    if document.exif is None:
        return {}, {}
    order, described, inner = exif.directories(document.exif)
    return described, inner if order == ">" else {tag: exif.swapped(entries) for tag, entries in inner.items()}


def _append(
    path: Path, directories: Directories, order: ByteOrder, layer_data: Callable[[BinaryIO], None] | None = None
) -> None:
    """Give a classic TIFF what tifffile does not write: EXIF and GPS directories, and layers without a copy in memory.

    They go behind the picture, followed by the first directory anew with more entries; all other entries keep their
    bytes, since their offsets are absolute. The old first directory stays behind as some hundred unused bytes.
    """
    with path.open("rb+") as file:
        file.seek(4)
        (first,) = struct.unpack(order + "I", file.read(4))
        file.seek(first)
        (count,) = struct.unpack(order + "H", file.read(2))
        entries = [file.read(12) for _ in range(count)]
        for pointer, directory in directories.items():
            offset = _even_end(file)
            file.write(exif.serialized(directory, order, offset))
            entries.append(struct.pack(order + "HHII", pointer, 4, 1, offset))
        if layer_data is not None:
            offset = _even_end(file)
            layer_data(file)
            entries.append(struct.pack(order + "HHII", LAYERS_TAG, _UNDEFINED, file.tell() - offset, offset))
        entries.sort(key=lambda entry: struct.unpack_from(order + "H", entry))
        offset = _even_end(file)
        file.write(struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4))
        file.seek(4)
        file.write(struct.pack(order + "I", offset))


def _even_end(file: BinaryIO) -> int:
    """Go to the end of the file, padded to an even offset as TIFF 6.0 demands of directories."""
    end = file.seek(0, os.SEEK_END)
    return end + file.write(b"\0") if end % 2 else end
