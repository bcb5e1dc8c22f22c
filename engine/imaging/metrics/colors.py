"""How far a garment's colour is from the true one, and what else became of the picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.errors import KnownError
from engine.domain.evaluation import ColorFigures, Crop
from engine.domain.geometry import Box
from engine.domain.picture import Picture
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.quality import compare_pictures, largest_change_outside
from engine.imaging.color.spaces import pixels_to_lab, row_chunks
from engine.imaging.metrics.texture import texture_kept

if TYPE_CHECKING:
    from engine.domain.picture import Alpha


def color_figures(control: Picture, result: Picture, truth: Picture, mask: Alpha | None, crop: Box) -> ColorFigures:
    """All measures of one picture.

    ΔE00 is the mean over pixels of CIEDE2000 between the two pictures' CIELAB under D65 and the 2° observer, as in the
    published table of the colour LoRA: each pixel against the one at its place, then the mean.

    Parameters
    ----------
    control, result, truth : Picture
        Of one size: what the model was shown, what it made, what it should have made.
    mask : ndarray or None
        ``(H, W)`` uint8, 255 = garment.
    crop : Box
        From `crop_box`.

    Raises
    ------
    KnownError
        The sizes differ, or a mask holds next to nothing; names the file.
    """
    cropped = {
        name: cut(picture, crop) for name, picture in (("control", control), ("result", result), ("truth", truth))
    }
    figures = ColorFigures(
        compare_pictures(cropped["control"], cropped["truth"]).mean,
        compare_pictures(cropped["result"], cropped["truth"]).mean,
    )
    if mask is None:
        return figures
    return replace(
        figures,
        control_garment=compare_pictures(control, truth, mask).mean,
        result_garment=compare_pictures(result, truth, mask).mean,
        texture=texture_kept(control, result, mask),
        outside=_mean_outside(control, result, mask),
        outside_max=largest_change_outside(control, result, mask),
    )


def crop_box(crop: Crop, name: str, truth: Picture, mask: Alpha | None) -> Box:
    """Where a crop lies on an example's pictures.

    Parameters
    ----------
    name : str
        Of the example.
    mask : ndarray or None
        ``(H, W)`` uint8, 255 = garment.

    Raises
    ------
    KnownError
        It does not lie in the picture, or the mask is empty.
    """
    given = dict(crop.by_name).get(name.casefold(), crop.box)
    extent = truth.extent
    if given is not None:
        if not (0 <= given.left < given.right <= extent.width and 0 <= given.top < given.bottom <= extent.height):
            written = f"{given.left},{given.top},{given.extent.width},{given.extent.height}"
            raise KnownError(
                f"the crop {written} does not lie in its {extent} pixels",
                remedy="Give x,y,w,h in pixels of this picture, the upper left corner first.",
                path=truth.path,
            )
        return given
    if mask is None:
        width, height = (max(1, round(crop.share * side)) for side in (extent.width, extent.height))
        left, top = (extent.width - width) // 2, (extent.height - height) // 2
        return Box(left, top, left + width, top + height)
    return _inner_square(mask, crop.share, truth)


def cut(picture: Picture, box: Box) -> Picture:
    """A part of a picture, without its transparency."""
    return replace(picture, pixels=picture.pixels[box.top : box.bottom, box.left : box.right], alpha=None)


def _inner_square(mask: Alpha, share: float, truth: Picture) -> Box:
    """A square around the point that lies deepest in the garment; with a share of 1 its corners reach the edge."""
    # A frame of background: what the picture cuts off has its edge there.
    inside = np.pad((mask > 127).astype(np.uint8), 1)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    deepest = float(depth.max())
    if deepest == 0:
        raise KnownError("its mask is empty", remedy="Give a mask with a garment in it.", path=truth.path)
    row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
    half = int(share * (deepest - 0.5) / np.sqrt(2))
    return Box(int(column) - half, int(row) - half, int(column) + half + 1, int(row) + half + 1)


def _mean_outside(before: Picture, after: Picture, mask: Alpha) -> float | None:
    """Mean ΔE00 where the mask is 0; None where it is nowhere 0."""
    total, count = 0.0, 0
    for rows in row_chunks(before.pixels.shape):
        outside = mask[rows] == 0
        if outside.any():
            one, two = (
                pixels_to_lab(picture.pixels[rows], picture.icc, picture.path)[outside] for picture in (before, after)
            )
            total += float(delta_E_2000(one, two).sum(dtype=np.float64))
            count += len(one)
    return total / count if count else None
