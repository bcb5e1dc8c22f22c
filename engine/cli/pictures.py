"""Picture files named on the command line: masks and guides in, results out."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.domain.errors import KnownError
from engine.domain.files import complete_file
from engine.domain.geometry import Extent
from engine.domain.picture import ColorGuide, Picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_mask(path: Path, extent: Extent) -> NDArray[np.uint8]:
    """A mask picture as ``(H, W)`` uint8, 255 = inside; colour pictures are read by their lightness.

    Raises
    ------
    KnownError
        It is no picture, or not of the photograph's size.
    """
    import numpy as np

    from engine.imaging.raster.decode import read_picture

    picture = read_picture(path)
    if picture.extent != extent:
        raise KnownError(
            f"the mask is {picture.extent}, the photograph {extent} pixels",
            remedy="Make the mask for this photograph.",
            path=path,
        )
    depth = 257 if picture.bit_depth == 16 else 1
    red, green, blue = (picture.pixels[..., channel] for channel in range(3))
    return (np.maximum(np.maximum(red, green), blue) // depth).astype(np.uint8)


def read_guide(path: Path, photo: Picture) -> ColorGuide:
    """A model's picture as a colour guide, laid over the photograph.

    Raises
    ------
    KnownError
        It cannot be read, or does not show the photograph; names the file.
    """
    from engine.imaging.guide_placement import place_guide
    from engine.imaging.raster.decode import read_picture
    from engine.imaging.raster.icc import to_srgb8

    picture = read_picture(path)
    try:
        pixels, covered = place_guide(to_srgb8(picture.pixels, picture.icc), to_srgb8(photo.pixels, photo.icc))
    except KnownError as error:
        error.path = error.path or path
        raise
    return ColorGuide(pixels, {"guide": path.name}, covered)


def write_by_suffix(picture: Picture, path: Path, *, overwrite: bool) -> None:
    """Write PNG, TIFF or JPEG by the name's suffix, complete or not at all."""
    from engine.imaging.raster.encode import write_jpeg, write_png, write_tiff

    suffix = path.suffix.lower()
    with complete_file(path, overwrite=overwrite) as temporary:
        if suffix == ".png":
            write_png(temporary, picture)
        elif suffix in (".tif", ".tiff"):
            write_tiff(temporary, picture)
        else:
            write_jpeg(temporary, picture)


def write_mask_file(alpha: NDArray[np.uint8], path: Path, *, overwrite: bool) -> None:
    """Write a mask as PNG."""
    from engine.imaging.raster.encode import encode_mask

    with complete_file(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(encode_mask(alpha))


def write_png_file(pixels: NDArray[np.uint8], path: Path, *, overwrite: bool) -> None:
    """Write an sRGB picture as PNG."""
    from engine.imaging.raster.encode import encode_png

    with complete_file(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(encode_png(pixels))


def write_json(document: dict[str, Any], path: Path) -> None:
    """Write a report; an earlier one of the same name is replaced."""
    import json

    with complete_file(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(document, indent=2, default=str, ensure_ascii=False), encoding="utf-8")


def extraction_figures(found: Any) -> dict[str, Any]:
    """The measurements of an extraction: every field of it that is no picture."""
    return {f.name: getattr(found, f.name) for f in fields(found) if not hasattr(getattr(found, f.name), "shape")}
