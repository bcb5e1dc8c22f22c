"""The picture that a saved document shows, at the photograph's depth and the right way up."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from engine.domain.errors import KnownError
from engine.imaging.color.spaces import row_chunks
from engine.imaging.psd.saved_document import SavedDocument
from engine.imaging.psd.saved_layers import SavedLayer
from engine.imaging.retouch import lay_rows

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Pixels

_LOOK_SIDE = 64
"""Pixels on a side of the pictures by which a turned document is known."""


def shown_picture(saved: SavedDocument) -> Pixels:
    """The picture that a document shows: its own flattened one, or else what its layers give.

    Raises
    ------
    KnownError
        It was saved without a flattened picture, and its layers are not plain.
    """
    if saved.composite is not None:
        return saved.composite
    if not has_plain_layers(saved):
        raise KnownError(
            "it was saved without a flattened picture, and its layers cannot be read without Photoshop",
            remedy="Switch on Maximize Compatibility in Photoshop (Preferences, File Handling) and save it again.",
        )
    return layers_picture(saved)


def has_plain_layers(saved: SavedDocument) -> bool:
    """Whether all that shows in a document are plain layers, so that they alone make its picture."""
    visible = [layer for layer in saved.layers if layer.is_visible]
    return bool(visible) and all(layer.is_plain and layer.has_pixels for layer in visible)


def layers_picture(saved: SavedDocument) -> Pixels:
    """The picture that plain layers give, over white."""
    dtype = np.uint16 if saved.bit_depth == 16 else np.uint8
    picture = cast("Pixels", np.full((saved.extent.height, saved.extent.width, 3), np.iinfo(dtype).max, dtype))
    for layer in saved.layers:
        if layer.is_visible:
            _lay_saved(picture, layer)
    return picture


def _lay_saved(picture: Pixels, layer: SavedLayer) -> None:
    box = layer.box
    part = picture[box.top : box.bottom, box.left : box.right]
    with layer.opened() as rows:
        for chunk in row_chunks(part.shape):
            pixels, transparency, mask = rows.read(chunk.start, chunk.stop)
            lay_rows(part[chunk], pixels, mask, transparency)


def in_depth(pixels: Pixels, bits: int) -> Pixels:
    """The same levels at 8 or 16 bits."""
    if pixels.dtype.itemsize * 8 == bits:
        return pixels
    if bits == 16:
        return pixels.astype(np.uint16) * np.uint16(257)
    return cast("Pixels", to_8(pixels))


def to_8(plane: np.ndarray) -> Alpha:
    """Rounded to uint8."""
    if plane.dtype == np.uint16:
        plane = ((plane.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return cast("Alpha", plane)


def require_upright(written: Pixels, came: Pixels) -> None:
    """Refuse a picture that was turned or mirrored: its masks and its paint belong to other pixels now.

    Raises
    ------
    KnownError
        It fits the one that was written far better when it is turned back.
    """
    ours, theirs = _small(written), _small(came)
    difference = float(np.abs(theirs - ours).mean())
    turned = [theirs[::-1], theirs[:, ::-1], theirs[::-1, ::-1]]
    if written.shape[0] == written.shape[1]:
        turned += [np.rot90(theirs), np.rot90(theirs, 3)]
    best = min(float(np.abs(other - ours).mean()) for other in turned)
    if difference > 4 and best < difference / 4:
        raise KnownError(
            "it was turned or mirrored in Photoshop",
            remedy="Turn it back as the photograph is, save it, and take it back again.",
        )


def _small(pixels: Pixels) -> np.ndarray:
    """``(64, 64, 3)`` float32 in levels of 255."""
    small = cv2.resize(pixels, (_LOOK_SIDE, _LOOK_SIDE), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / (np.iinfo(pixels.dtype).max // 255)
