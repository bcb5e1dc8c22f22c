"""The edited mask on screen: halved resolutions, renewed where the mask has changed and tinted where they are seen.

What a stroke costs on screen follows the box it changed and the size of the view, never the size of the photograph.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from engine.domain.geometry import Box, Extent
from engine.imaging.mask_edit.tiles import slices
from gui.look import theme

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha
    from gui.viewer.picture_view import PictureView

_SMALLEST = 256  # pixels on the long side of the last level
_TINT = 140  # of 255, so that the cloth stays visible under the mask
_HALF = 128
_SMOOTH_BELOW = 2.0  # device pixels per source pixel; above it single pixels are shown as squares


class MaskView(StrEnum):
    """How the mask is shown over the photograph."""

    TINT = "Tint"
    OUTLINE = "Outline"
    ALONE = "Mask only"


class MaskLevels:
    """A mask at falling resolutions, each half of the one before. One thread at a time.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8; the first level, not a copy.
    """

    def __init__(self, alpha: Alpha) -> None:
        self.extent = Extent(alpha.shape[1], alpha.shape[0])
        self._levels = [alpha]
        while max(self._levels[-1].shape) > _SMALLEST and min(self._levels[-1].shape) >= 2:
            height, width = self._levels[-1].shape
            self._levels.append(np.empty((height // 2, width // 2), np.uint8))
        self.renew(Box.whole(self.extent))

    def renew(self, box: Box) -> None:
        """Bring the smaller levels up to date after a change within a box of source pixels."""
        left, top, right, bottom = box.left, box.top, box.right, box.bottom
        for larger, smaller in zip(self._levels, self._levels[1:], strict=False):
            height, width = smaller.shape
            left, top = min(left // 2, width - 1), min(top // 2, height - 1)
            right, bottom = max(left + 1, min((right + 1) // 2, width)), max(top + 1, min((bottom + 1) // 2, height))
            source = larger[2 * top : 2 * bottom, 2 * left : 2 * right]
            smaller[top:bottom, left:right] = cv2.resize(
                source, (right - left, bottom - top), interpolation=cv2.INTER_AREA
            )

    def level_for(self, scale: float) -> tuple[Alpha, int]:
        """The smallest level that need not be magnified at so many device pixels per source pixel, and its step.

        Returns
        -------
        (ndarray, int)
            ``(h, w)`` uint8, and the source pixels a side of one of its pixels.
        """
        index = 0
        while index + 1 < len(self._levels) and 0.5 ** (index + 1) >= scale:
            index += 1
        return self._levels[index], 2**index


class MaskCanvas:
    """Draws the levels over a view, and keeps what it drew until the view moves. GUI thread only."""

    def __init__(self) -> None:
        self._levels: MaskLevels | None = None
        self._view = MaskView.TINT
        self._colors = _colors(self._view)
        self._drawn: tuple[Alpha, int, Box] | None = None
        self._pixels: NDArray[np.uint32] | None = None

    @property
    def levels(self) -> MaskLevels | None:
        return self._levels

    @property
    def view(self) -> MaskView:
        return self._view

    @property
    def shown_pixels(self) -> NDArray[np.uint32] | None:
        """What is laid over the view, premultiplied ARGB; None until it was painted."""
        return self._pixels

    def show_levels(self, levels: MaskLevels | None) -> None:
        """Show another mask."""
        self._levels, self._drawn, self._pixels = levels, None, None

    def show_as(self, view: MaskView) -> None:
        self._view, self._drawn, self._pixels = view, None, None
        self._colors = _colors(view)

    def renew(self, box: Box) -> None:
        """Draw again what has changed within a box of source pixels."""
        if self._levels is None:
            return
        self._levels.renew(box)
        if self._drawn is None:
            return
        _, step, drawn = self._drawn
        # one pixel of the level more: the outline looks at its neighbours
        part = Box(
            max(drawn.left, box.left // step - 1),
            max(drawn.top, box.top // step - 1),
            min(drawn.right, -(-box.right // step) + 1),
            min(drawn.bottom, -(-box.bottom // step) + 1),
        )
        if part.left < part.right and part.top < part.bottom:
            self._color(part)

    def paint(self, painter: QPainter, view: PictureView) -> None:
        """Lay the mask over the shown part of the picture."""
        seen = view.visible_box()
        if self._levels is None or seen is None:
            return
        level, step = self._levels.level_for(view.scale)
        height, width = level.shape
        box = Box(
            max(0, seen.left // step - 1),
            max(0, seen.top // step - 1),
            min(width, -(-seen.right // step) + 1),
            min(height, -(-seen.bottom // step) + 1),
        )
        if box.left >= box.right or box.top >= box.bottom:
            return
        if self._drawn is None or self._drawn[0] is not level or self._drawn[2] != box:
            self._drawn = (level, step, box)
            self._pixels = np.empty((box.extent.height, box.extent.width), np.uint32)
            self._color(box)
        assert self._pixels is not None
        rows, columns = self._pixels.shape
        image = QImage(self._pixels.data, columns, rows, columns * 4, QImage.Format.Format_ARGB32_Premultiplied)
        corner = view.to_view(QPointF(box.left * step, box.top * step))
        end = view.to_view(QPointF(box.right * step, box.bottom * step))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, view.scale < _SMOOTH_BELOW)
        painter.drawImage(QRectF(corner, end), image, QRectF(0, 0, columns, rows))

    def _color(self, part: Box) -> None:
        """Color a box of the level's pixels anew."""
        assert self._drawn is not None
        assert self._pixels is not None
        level, _, drawn = self._drawn
        target = Box(part.left - drawn.left, part.top - drawn.top, part.right - drawn.left, part.bottom - drawn.top)
        values = level[slices(part)] if self._view is not MaskView.OUTLINE else _outline(level, part)
        self._pixels[slices(target)] = np.take(self._colors, values)


def _outline(level: Alpha, part: Box) -> Alpha:
    """255 where the mask crosses one half, inside of it, on a line two pixels wide."""
    height, width = level.shape
    left, top = max(0, part.left - 1), max(0, part.top - 1)
    around = level[top : min(height, part.bottom + 1), left : min(width, part.right + 1)]
    inside = np.asarray(around >= _HALF, np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    line = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, cross, borderType=cv2.BORDER_REPLICATE) * np.uint8(255)
    y, x = part.top - top, part.left - left
    return np.asarray(line[y : y + part.extent.height, x : x + part.extent.width], np.uint8)


def _colors(view: MaskView) -> NDArray[np.uint32]:
    """A premultiplied ARGB colour for every value of the mask."""
    values = np.arange(256, dtype=np.uint32)
    if view is MaskView.ALONE:
        return np.asarray(0xFF000000 | values << 16 | values << 8 | values, np.uint32)
    tint = QColor(theme.colors().overlay)
    alpha = values * np.uint32(_TINT if view is MaskView.TINT else 255) // 255
    red, green, blue = (alpha * np.uint32(channel) // 255 for channel in (tint.red(), tint.green(), tint.blue()))
    return np.asarray(alpha << 24 | red << 16 | green << 8 | blue, np.uint32)
