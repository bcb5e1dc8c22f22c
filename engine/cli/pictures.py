"""Picture files named on the command line: guides in, results out."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.domain.errors import KnownError, UsageError
from engine.domain.files import complete_file, known_os_error
from engine.domain.picture import ColorGuide, PaintedMask, Picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.domain.requests import MaskRequest
    from engine.imaging.color.views import ViewColors
    from engine.services.plan import MaskSource
    from engine.worker.backends import Backends

_OTHER_NAME = "Choose another name for the result."
"""The way out wherever a result would be written over something that is needed."""


def require_free_names(
    inputs: Sequence[Path], outputs: Sequence[Path], *, replaced: Sequence[Path] = (), overwrite: bool = False
) -> None:
    """Refuse results that would be written over one another or over what they are made from, before any work is done.

    Parameters
    ----------
    replaced : sequence of Path
        Outputs that take the place of an earlier file without asking, such as reports.

    Raises
    ------
    KnownError
        Names the output.
    """
    written = (*outputs, *replaced)
    sources = [path for path in inputs if path.exists()]
    for at, path in enumerate(written):
        if path.exists() and any(path.samefile(source) for source in sources):
            raise UsageError("this command reads it, and originals are never written to", remedy=_OTHER_NAME, path=path)
        if path.resolve() in [other.resolve() for other in written[:at]]:
            raise UsageError("two results have this name", remedy=_OTHER_NAME, path=path)
        if path.is_dir():
            raise known_os_error(IsADirectoryError(errno.EISDIR, "is a folder"), path)
        if path.exists() and not overwrite and path in outputs:
            raise known_os_error(FileExistsError(errno.EEXIST, "exists"), path)


PICTURES, PNG = (".png", ".tif", ".tiff", ".jpg", ".jpeg"), (".png",)
"""What results are written as; what masks and maps are."""


def require_suffix(path: Path, known: Sequence[str] = PICTURES) -> None:
    """Refuse a result whose name ends otherwise than what will be in it, before any work is done.

    Raises
    ------
    UsageError
        Names the result.
    """
    if path.suffix.lower() not in known:
        what = "masks and maps are .png" if known == PNG else "results are .png, .tif or .jpg"
        raise UsageError(what, remedy="Choose another suffix.", path=path)


def notices_of(*pictures: Picture) -> list[str]:
    """What was noticed of each while it was read, with its file's name."""
    return [
        f"{picture.path.name}: {notice}" if picture.path is not None else notice
        for picture in pictures
        for notice in picture.notices
    ]


@dataclass(frozen=True, slots=True)
class GarmentMasks:
    """How a command masks the garments of its photographs.

    Attributes
    ----------
    request : MaskRequest
        With the garment's label, where it was given.
    backends : Backends
        Keep their models from one photograph to the next.
    """

    request: MaskRequest
    backends: Backends

    @property
    def label(self) -> str:
        return self.request.garment

    def make(self, photo: Picture, flatlay: Picture) -> PaintedMask:
        """The garment's mask on a photograph.

        Parameters
        ----------
        flatlay : Picture
            From `to_match`, or `engine.worker.matching.flatlay_to_mask`.

        Raises
        ------
        KnownError
            There is no person or no garment on the photograph, or the models do not load; names the file.
        """
        from engine.cli.console import no_steps

        try:
            return self.backends.get(self.request.engine).make_mask(photo, flatlay, self.request, no_steps)
        except KnownError as error:
            error.path = error.path or photo.path
            raise

    def to_match(self, flatlay: Picture) -> Picture:
        """The flatlay with the garment as its alpha.

        Raises
        ------
        KnownError
            As `engine.worker.matching.flatlay_to_match`.
        """
        from engine.worker.matching import flatlay_to_match

        return flatlay_to_match(flatlay, self.request, self.backends)


def garment_masks(flatlay: Path, label: str, labels: Path | None, source: MaskSource) -> GarmentMasks:
    """What ``--label``, ``--labels`` and ``--mask-source`` mean for one flatlay; a label of its own comes first.

    Raises
    ------
    KnownError
        The list of labels cannot be read, or the source was asked for by name and is not available.
    """
    from engine.services.garment_labels import garment_of_flatlay, read_garments
    from engine.services.plan import choose_detection, garment_mask_request
    from engine.worker.backends import Backends

    if labels is not None:
        label = label or garment_of_flatlay(flatlay, read_garments(labels))
    return GarmentMasks(garment_mask_request(label, source, choose_detection(source)), Backends())


def colors_of_view(photo: Picture, flatlay: Picture, masks: GarmentMasks) -> ViewColors:
    """The garment's colours in another view, which has the same flatlay.

    Raises
    ------
    KnownError
        As `GarmentMasks.make`.
    """
    from engine.imaging.color.views import view_colors

    assert flatlay.alpha is not None
    return view_colors(photo, masks.make(photo, flatlay).alpha, flatlay, flatlay.alpha)


def judged_garment(label: str, mask: PaintedMask) -> str:
    """Whose tolerance counts: the label where the registry knows it, what the mask was found to show otherwise."""
    from engine.imaging.masks.garments import garment_of

    return label if garment_of(label) is not None else mask.garment


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
    from engine.imaging.raster.encode import write_png
    from engine.imaging.raster.jpeg_write import write_jpeg
    from engine.imaging.raster.tiff_write import write_tiff

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
