"""Read a written Photoshop file back with an independent reader and compare it with what it should hold.

Structures and compression are decoded by psd-tools; only the walk from section to section is done here, because
psd-tools itself loads the whole file, some of it twice. A few rows at a time are in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from psd_tools.constants import ColorMode, Tag
from psd_tools.psd.bin_utils import read_fmt
from psd_tools.psd.color_mode_data import ColorModeData
from psd_tools.psd.header import FileHeader
from psd_tools.psd.image_resources import ImageResources

from engine.imaging.psd import resources as ids
from engine.imaging.psd.document import LayeredDocument, merged_planes
from engine.imaging.psd.layer_check import DifferenceError, LayerCheck, expect, reading_back
from engine.imaging.psd.paths import FIRST_PATH, VectorPath, path_resources
from engine.imaging.psd.records import mac_roman


def verify_psd(path: Path, document: LayeredDocument, *, shown_as: Path | None = None) -> None:
    """Check that the file at ``path`` holds ``document``: every pixel, every name, profile, metadata and resolution.

    Parameters
    ----------
    shown_as : Path, optional
        The name to put in the error, where ``path`` is a temporary one.

    Raises
    ------
    KnownError
        The file does not read back; retryable, since the writing itself can only be at fault through the disk.
    OSError
        The file cannot be opened or the disk fails while reading.
    """
    with reading_back(shown_as or path), open(path, "rb") as file:
        header = FileHeader.read(file)
        _check_header(header, document)
        expect("color mode data", ColorModeData.read(file).value, b"")
        _check_resources(ImageResources.read(file), document)
        check = LayerCheck(file, document, header.version)
        _check_layer_section(file, check, document.bit_depth, header.version)
        check.check_merged_image(merged_planes(document))
        expect("bytes after the last row", file.read(1), b"")


def check_resources(
    resources: ImageResources,
    names: Sequence[str],
    resolution: tuple[float, float] | None,
    paths: Sequence[VectorPath],
) -> None:
    """Check what a Photoshop file and a TIFF say in the same resources.

    Raises
    ------
    DifferenceError
        Names of alpha channels, the resolution or a saved path differ.
    """
    names = list(names)
    stored_names = [name.removesuffix("\0") for name in resources.get_data(ids.ALPHA_NAMES_UNICODE, ())]
    expect("names of the alpha channels", stored_names, names)
    old_names = [mac_roman(name).decode("mac_roman") for name in names]
    expect("MacRoman names of the alpha channels", list(resources.get_data(ids.ALPHA_NAMES, ())), old_names)
    expect("number of alpha identifiers", len(set(resources.get_data(ids.ALPHA_IDENTIFIERS, ()))), len(names))
    # getattr: psd-tools hands out the bare bytes of a resource it cannot parse, and None for one that is absent.
    shown = resources.get_data(ids.DISPLAY_INFO)
    expect("number of alpha colors", len(getattr(shown, "alpha_channels", ())), len(names))
    stored = resources.get_data(ids.RESOLUTION)
    found = (getattr(stored, "horizontal", None), getattr(stored, "vertical", None))
    expect("resolution", found, ids.fixed_point_resolution(resolution) or (None, None))
    wanted = {resource_id: (name, data) for resource_id, name, data in path_resources(paths)}
    stored_paths = {int(key) for key in resources if int(key) // 1000 == FIRST_PATH // 1000}
    expect("number of paths", len(stored_paths), len(wanted))
    for resource_id, (name, data) in wanted.items():
        expect("name of a path", resources[resource_id].name, name)
        if resources[resource_id].data != data:
            raise DifferenceError(f"the path {name!r} differs")


def _check_header(header: FileHeader, document: LayeredDocument) -> None:
    expect("width", header.width, document.extent.width)
    expect("height", header.height, document.extent.height)
    expect("bit depth", header.depth, document.bit_depth)
    expect("number of channels", header.channels, 3 + len(document.alpha_channels))
    expect("color mode", header.color_mode, ColorMode.RGB)


def _check_resources(resources: ImageResources, document: LayeredDocument) -> None:
    names = [channel.name for channel in document.alpha_channels]
    check_resources(resources, names, document.resolution, document.paths)
    version = resources.get_data(ids.VERSION_INFO)
    expect("mark of a real merged image", getattr(version, "has_composite", None), True)
    for what, resource_id, wanted in (
        ("ICC profile", ids.ICC_PROFILE, document.icc),
        ("EXIF block", ids.EXIF, ids.stored_exif(document)),
        ("XMP packet", ids.XMP, document.xmp),
    ):
        # Compared as bytes; not put in the error, they are long.
        if resources.get_data(resource_id) != wanted:
            raise DifferenceError(f"the {what} differs")


def _check_layer_section(file: BinaryIO, check: LayerCheck, bit_depth: int, version: int) -> None:
    length_format = "I" if version == 1 else "Q"
    section_length = read_fmt(length_format, file)[0]
    section_end = file.tell() + section_length
    block_length = read_fmt(length_format, file)[0]
    if bit_depth == 16:
        expect("layer info of a 16-bit document", block_length, 0)
        expect("global layer mask info", read_fmt("I", file)[0], 0)
        expect("block of 16-bit layers", read_fmt("4s4s", file), (b"8BIM", Tag.LAYER_16.value))
        block_length = read_fmt(length_format, file)[0]
    check.check_block(block_length)
    if bit_depth == 8:
        expect("global layer mask info", read_fmt("I", file)[0], 0)
    expect("end of the layer section", file.tell(), section_end)
