"""What leaves the house: formats, what a brand wants of its files, and the record of every file that was written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from engine.domain.errors import UsageError

NAME_TOKENS = ("sku", "view", "stem", "garment", "date", "verdict", "mask")
"""What may stand in braces in a name pattern."""

SRGB = "srgb"
"""`ExportRecipe.profile` for sRGB; anything else is the path of a profile."""

MOST_SHARPENING = 3.0


class ExportFormat(StrEnum):
    """What can be written for a photograph, or for one result of it."""

    PSD = "psd"
    """All results of a photograph as layers, at full size."""
    TIFF_LAYERS = "tiff-layers"
    """The same as a TIFF with Photoshop's layers."""
    TIFF = "tiff"
    """A changed picture, flat, with the masks as named extra channels."""
    PNG = "png"
    JPEG = "jpeg"
    MASK = "mask"
    """A mask alone, an 8-bit PNG."""

    @property
    def is_layered(self) -> bool:
        """Whether all results of a photograph go into one file."""
        return self in (ExportFormat.PSD, ExportFormat.TIFF_LAYERS)

    @property
    def is_flat(self) -> bool:
        """Whether it is a picture without layers."""
        return self in (ExportFormat.TIFF, ExportFormat.PNG, ExportFormat.JPEG)


class Collision(StrEnum):
    """What happens where a file is in the way that Chromask did not write for this, or that was changed since."""

    REFUSE = "refuse"
    """Say so, and count it as a failure."""
    SKIP = "skip"
    """Leave it, and go on."""
    NUMBER = "number"
    """Write under a name with the next free number."""
    OVERWRITE = "overwrite"


class PathUse(StrEnum):
    """What becomes of a mask's outline. In PSD and TIFF it is never more than saved: a retoucher's file must not arrive
    cut out in a layout.
    """

    NONE = "none"
    SAVED = "saved"
    CLIPPING = "clipping"


@dataclass(frozen=True, slots=True)
class ExportRecipe:
    """Which files a brand gets, how they are named, and what is done to the flat ones.

    Layered files and masks always have the photograph's full size; layered files keep its profile, too.

    Attributes
    ----------
    approved_only : bool
        False exports what nobody has decided on as well; rejected results never leave.
    name_pattern : str
        Text with `NAME_TOKENS` in braces; ``/`` makes folders. What tells the files of a photograph apart, such as
        ``_matched``, is put behind it.
    max_side : int
        Longest side of flat files in pixels; larger pictures are reduced, 0 keeps every size.
    profile : str
        Of flat files: empty keeps the photograph's, `SRGB`, or the path of an RGB profile (``.icc``).
    sharpening : float
        Strength of an unsharp mask on flat files, after they were reduced: 1 adds the detail once more; 0 is off.
    jpeg_quality : int
        1 to 100.
    path : PathUse
        Of the mask's outline.

    Raises
    ------
    UsageError
        A figure is out of its range, or the pattern cannot be read; says what is possible.
    """

    formats: tuple[ExportFormat, ...] = (ExportFormat.PSD, ExportFormat.TIFF, ExportFormat.MASK)
    approved_only: bool = True
    name_pattern: str = "{stem}"
    max_side: int = 0
    profile: str = ""
    sharpening: float = 0.0
    jpeg_quality: int = 95
    path: PathUse = PathUse.CLIPPING
    collision: Collision = Collision.REFUSE

    def __post_init__(self) -> None:
        _check_pattern(self.name_pattern)
        if self.max_side and not 16 <= self.max_side <= 300_000:
            raise UsageError(
                f"a longest side of {self.max_side} pixels is not possible",
                remedy="Give 16 to 300,000, or 0 for full size.",
            )
        if not 0 <= self.sharpening <= MOST_SHARPENING:
            raise UsageError(
                f"a sharpening of {self.sharpening:g} is not possible",
                remedy=f"Give 0 (off) to {MOST_SHARPENING:g}; 0.5 is usual for the web.",
            )
        if not 1 <= self.jpeg_quality <= 100:
            raise UsageError(f"a JPEG quality of {self.jpeg_quality} is not possible", remedy="Give 1 to 100.")


def _check_pattern(pattern: str) -> None:
    known = ", ".join(f"{{{token}}}" for token in NAME_TOKENS)
    for token in re.findall(r"{([^{}]*)}", pattern):
        if token not in NAME_TOKENS:
            raise UsageError(f"there is no '{{{token}}}' for names", remedy=f"Use any of: {known}.")
    rest = re.sub(r"{[^{}]*}", "", pattern)
    if "{" in rest or "}" in rest:
        raise UsageError(f"a brace is missing in the name '{pattern}'", remedy=f"Use any of: {known}.")
    if not pattern.split("/")[-1].strip(" ."):
        raise UsageError("the file has no name", remedy=f"End the pattern with a name, such as {known}.")
    if pattern.startswith("/") or any(part.strip() in ("", ".", "..") for part in pattern.split("/")):
        raise UsageError(
            f"the name '{pattern}' leads out of the folder",
            remedy="Name folders inside it, such as {sku}/{stem}.",
        )


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """A result that is in an exported file; a layered document of several results has a record for each.

    Attributes
    ----------
    sha256 : str
        Of the file as it was written.
    former_sha256 : str
        Of Chromask's own file that it was to take the place of, which is still there where it was cut off before; empty
        where there was none.
    settings : str
        Equal where the same recipe would give the same file again.
    """

    id: int
    job_id: int
    format: ExportFormat
    path: Path
    sha256: str
    at: datetime
    former_sha256: str
    settings: str
