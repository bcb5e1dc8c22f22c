"""One example measured: its figures, and its pictures for the contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.datasets import DatasetKind
from engine.domain.errors import KnownError
from engine.domain.evaluation import Contender, Crop, Figures
from engine.domain.geometry import Box, Extent
from engine.domain.picture import Picture
from engine.imaging.contact_sheet import reduced
from engine.imaging.datasets.green import paint_green
from engine.imaging.metrics.colors import color_figures, crop_box
from engine.imaging.metrics.masks import mask_figures
from engine.imaging.metrics.pictures import color_difference, mask_difference
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.icc import to_srgb8
from engine.ports import ReportStep

if TYPE_CHECKING:
    from engine.domain.picture import Alpha

Pixels8 = NDArray[np.uint8]

_NO_PHOTOGRAPH = 56
"""Grey level in the place of a photograph: darker than the sheet, on which it shall be seen."""

Facts = dict[str, str | int | float]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What came of one example.

    Attributes
    ----------
    pictures : tuple of ndarray
        Control, target, result and difference, ``(H, W, 3)`` uint8 sRGB.
    result : ndarray or None
        To be kept: a mask ``(H, W)`` or a picture ``(H, W, 3)``, uint8; None where it lies in a folder already.
    problem : str
        `NO_MASK`, or empty.
    """

    figures: Figures
    pictures: tuple[Pixels8, Pixels8, Pixels8, Pixels8]
    result: Pixels8 | None = None
    problem: str = ""


class Task(Protocol):
    """Something that can be evaluated, example by example.

    Attributes
    ----------
    names : sequence of str
        Of the examples, in their order.
    """

    kind: DatasetKind
    subject: str
    contenders: tuple[Contender, ...]
    names: Sequence[str]
    facts: Facts

    def files(self, name: str) -> Sequence[Path]:
        """The files of an example, and folders it may lack one in: another error concerns all examples."""
        ...

    def measure(self, contender: Contender, name: str, report: ReportStep) -> Outcome:
        """Make or read an example's result, and measure it.

        Raises
        ------
        KnownError
            It cannot be measured; names the file.
        Cancelled
            From ``report``.
        """
        ...


def mask_outcome(rgb: Pixels8 | None, mask: Alpha, truth: Alpha, *, kept: bool, problem: str = "") -> Outcome:
    """Measure a mask.

    Parameters
    ----------
    rgb : ndarray or None
        The photograph ``(H, W, 3)`` uint8 sRGB; a dark grey where there is none.
    mask, truth : ndarray
        ``(H, W)`` uint8 of its size.
    kept : bool
        The mask was made here and shall be kept.
    """
    if rgb is None:
        rgb = np.full((*truth.shape, 3), _NO_PHOTOGRAPH, np.uint8)
    small, one, two = (reduced(plane) for plane in (rgb, mask, truth))
    pictures = (small, paint_green(small, two), paint_green(small, one), mask_difference(small, one, two))
    return Outcome(mask_figures(mask, truth), pictures, mask if kept else None, problem)


def color_outcome(
    name: str, control: Picture, result: Picture, truth: Picture, mask: Alpha | None, crop: Crop, *, kept: bool
) -> Outcome:
    """Measure a picture in its new colours; all in 8-bit sRGB (`srgb_picture`) and of one size.

    Raises
    ------
    KnownError
        The sizes differ, the crop does not lie in them, or the mask is empty; names the file.
    """
    box = crop_box(crop, name, truth, mask)
    figures = color_figures(control, result, truth, mask, box)
    pictures = (
        _outlined(control.pixels, box),
        _outlined(truth.pixels, box),
        _outlined(result.pixels, box),
        _outlined(color_difference(result, truth), box),
    )
    return Outcome(figures, pictures, np.asarray(result.pixels, np.uint8) if kept else None)


def srgb_picture(path: Path) -> Picture:
    """A picture in 8-bit sRGB: the measures' definition is of sRGB code values.

    Raises
    ------
    KnownError
        It cannot be read; names it.
    """
    picture = read_picture(path)
    return replace(picture, pixels=to_srgb8(picture.pixels, picture.icc), icc=None, alpha=None)


def require_extent(found: Extent, truth: Extent, path: Path | None) -> None:
    """Refuse a picture that has no common pixels with the true one.

    Raises
    ------
    KnownError
        Names it.
    """
    if found != truth:
        raise KnownError(
            f"it is {found} pixels, the true one {truth}",
            remedy="Bring both to one size and framing: pixels are compared with those at their place.",
            path=path,
        )


def _outlined(pixels: object, box: Box) -> Pixels8:
    """The picture with the crop's outline, light within dark, so that it shows on any cloth."""
    drawn = np.array(pixels, np.uint8)
    thick = max(1, round(max(drawn.shape[:2]) / 320))
    for grow, level in ((thick, 20), (0, 240)):
        cv2.rectangle(
            drawn,
            (box.left - grow, box.top - grow),
            (box.right - 1 + grow, box.bottom - 1 + grow),
            (level, level, level),
            thick,
        )
    return drawn
