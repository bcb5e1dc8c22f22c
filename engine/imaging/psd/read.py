"""What a retoucher saved: the layers, masks, alpha channels and the flattened picture of a PSD, PSB or TIFF.

Follows the Adobe Photoshop File Formats Specification (November 2019). The structures are parsed by psd-tools.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from psd_tools.constants import AlphaChannelMode, ColorMode, Compression, Tag
from psd_tools.psd import PSD
from psd_tools.psd.header import FileHeader
from psd_tools.psd.image_resources import ImageResources

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.domain.geometry import Extent
from engine.imaging.psd import resources as ids
from engine.imaging.psd.document import AlphaChannel
from engine.imaging.psd.saved_layers import Coding, SavedLayer, decoded_plane, layers_of, to_alpha
from engine.imaging.raster.stored import check_extent, cut_off, decoding

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Pixels

# psd-tools logs every oddity of a file; what matters of them becomes a sentence here.
logging.getLogger("psd_tools").addHandler(logging.NullHandler())

_MODE_NAMES = {
    ColorMode.BITMAP: "black and white",
    ColorMode.GRAYSCALE: "grey",
    ColorMode.INDEXED: "indexed colours",
    ColorMode.RGB: "RGB",
    ColorMode.CMYK: "CMYK",
    ColorMode.MULTICHANNEL: "multichannel",
    ColorMode.DUOTONE: "duotone",
    ColorMode.LAB: "Lab",
}
_TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@dataclass(frozen=True, slots=True, eq=False)
class SavedDocument:
    """A document as it was found on disk.

    Attributes
    ----------
    extent : Extent
    bit_depth : int
        8 or 16, of all pixels.
    layers : tuple of SavedLayer
        From the bottom up; empty in a flat file. Groups are dissolved, layers without any pixels left out.
    alpha_channels : tuple of AlphaChannel
        Saved selections; neither transparency nor spot colours.
    composite : ndarray or None
        ``(H, W, 3)`` uint8 or uint16, the flattened picture, over white where the document is transparent. None where
        the file was saved without one ("Maximize Compatibility" off).
    icc, xmp : bytes or None
        Profile and XMP packet, byte for byte.
    """

    extent: Extent
    bit_depth: int
    layers: tuple[SavedLayer, ...]
    alpha_channels: tuple[AlphaChannel, ...]
    composite: Pixels | None
    icc: bytes | None = None
    xmp: bytes | None = None


def read_document(path: Path) -> SavedDocument:
    """Read a PSD, PSB, or a flat or layered TIFF, whichever the file is, whatever its name ends in.

    All planes are decoded: a document takes its size in pixels times three, for every layer and the composite.

    Raises
    ------
    KnownError
        The file is neither, is damaged or cut off, is not RGB at 8 or 16 bits, or cannot be opened.
    """
    try:
        with open(path, "rb") as file:
            mark = file.read(4)
        if mark in _TIFF_MARKS:
            from engine.imaging.raster.tiff_read import read_tiff

            return read_tiff(path)
        if mark != b"8BPS":
            raise KnownError(
                "this is neither a Photoshop file nor a TIFF", remedy="Save it as PSD, PSB or TIFF.", path=path
            )
        return _read_psd(path)
    except OSError as error:
        raise known_os_error(error, path) from error


def require_rgb(mode: str, bit_depth: int, path: Path) -> None:
    """Refuse a document whose colours are not those of the photograph any more.

    Raises
    ------
    KnownError
        ``mode`` is not ``RGB``, or the depth neither 8 nor 16.
    """
    if mode != "RGB":
        raise KnownError(
            f"the document was converted from RGB to {mode}",
            remedy="Convert it back to RGB in Photoshop, or start again from the exported file, and save it again.",
            path=path,
        )
    if bit_depth not in (8, 16):
        raise KnownError(
            f"the document has {bit_depth} bits per channel",
            remedy="Set it to 8 or 16 bits per channel in Photoshop (Image, Mode) and save it again.",
            path=path,
        )


def channels_of(planes: Sequence[Alpha], transparency: int | None, resources: ImageResources) -> list[AlphaChannel]:
    """The saved selections among the extra channels, by their names.

    Parameters
    ----------
    planes : sequence of ndarray
        All extra channels, ``(H, W)`` uint8.
    transparency : int or None
        Which of them is the picture's transparency.
    """
    numbers = [number for number in range(len(planes)) if number != transparency]
    stored = resources.get_data(ids.ALPHA_NAMES_UNICODE) or resources.get_data(ids.ALPHA_NAMES) or ()
    names = [name.rstrip("\0") for name in stored]
    shown = getattr(resources.get_data(ids.DISPLAY_INFO), "alpha_channels", ())
    found: list[AlphaChannel] = []
    for position, number in enumerate(numbers):
        # Photoshop lists the transparency with the others, some programs do not.
        named = number if len(names) == len(planes) else position
        looks = number if len(shown) == len(planes) else position
        if looks < len(shown) and shown[looks].mode == AlphaChannelMode.SPOT:
            continue
        name = names[named] if named < len(names) else ""
        found.append(AlphaChannel(name or f"Alpha {position + 1}", planes[number]))
    return found


def is_blank(composite: Pixels, layers: Sequence[SavedLayer]) -> bool:
    """Whether the flattened picture is one colour although a layer is not: a program wrote a placeholder."""
    if not layers or not (composite[0] == composite[0, 0]).all() or not (composite == composite[0, 0]).all():
        return False
    return any(
        layer.is_visible and layer.pixels is not None and (layer.pixels != layer.pixels[0, 0]).any() for layer in layers
    )


def _read_psd(path: Path) -> SavedDocument:
    with decoding(path, "PSD"), open(path, "rb") as file:
        header = FileHeader.read(file)
        extent = Extent(header.width, header.height)
        check_extent(extent, path)
        require_rgb(_MODE_NAMES[header.color_mode], header.depth, path)
        if header.channels < 3:
            raise cut_off(path)
        file.seek(0)
        psd = PSD.read(file)
        resources = psd.image_resources
        info = psd._get_layer_info()  # no public name; the blocks of 16-bit documents are looked for there as well
        layers = layers_of(info, extent, Coding(header.depth, header.version)) if info is not None else ()
        blocks = psd.layer_and_mask_information.tagged_blocks or {}
        transparent = (info is not None and info.layer_count < 0) or any(
            tag in blocks for tag in (Tag.SAVING_MERGED_TRANSPARENCY, Tag.SAVING_MERGED_TRANSPARENCY16)
        )
        planes = _merged_planes(psd, path)
        composite = cast("Pixels", np.empty((extent.height, extent.width, 3), f"u{header.depth // 8}"))
        for number in range(3):
            composite[..., number] = next(planes)
        alphas = [to_alpha(plane) for plane in planes]
    version = resources.get_data(ids.VERSION_INFO)
    is_real = getattr(version, "has_composite", True) and not is_blank(composite, layers)
    return SavedDocument(
        extent,
        header.depth,
        layers,
        tuple(channels_of(alphas, 0 if transparent and alphas else None, resources)),
        composite if is_real else None,
        icc=resources.get_data(ids.ICC_PROFILE),
        xmp=resources.get_data(ids.XMP),
    )


def _merged_planes(psd: PSD, path: Path) -> Iterator[Pixels]:
    """All planes of the merged image, each decoded by itself where the compression allows it."""
    header: FileHeader = psd.header
    data, compression = psd.image_data.data, psd.image_data.compression
    width, height, coding = header.width, header.height, Coding(header.depth, header.version)
    if compression not in (Compression.RAW, Compression.RLE):
        whole = decoded_plane(data, compression, width, height * header.channels, coding)
        yield from whole.reshape(header.channels, height, width)
        return
    if compression == Compression.RAW:
        size = width * height * header.depth // 8
        for number in range(header.channels):
            yield decoded_plane(data[number * size : (number + 1) * size], compression, width, height, coding)
    else:
        dtype = np.dtype(">u2" if header.version == 1 else ">u4")
        if len(data) < height * header.channels * dtype.itemsize:
            raise cut_off(path)
        counts = np.frombuffer(data, dtype, height * header.channels).reshape(header.channels, height)
        ends = counts.nbytes + counts.sum(axis=1, dtype=np.int64).cumsum()
        starts = [counts.nbytes, *ends[:-1]]
        for row, start, end in zip(counts, starts, ends, strict=True):
            yield decoded_plane(row.tobytes() + data[start:end], compression, width, height, coding)
