"""Draws pictures in a view: whole small ones, and large ones from their tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF
from PySide6.QtGui import QImage, QPainter

from engine.domain.geometry import Box, Extent
from gui.pictures.pixels import Pyramid
from gui.pictures.tile_store import TileKey, TileStore
from gui.pictures.tiled_picture import TILE, Layer, Tile, TiledPicture, tiles_over

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SMOOTH_BELOW = 2.0  # device pixels per source pixel; above it single pixels are shown as squares


@dataclass(frozen=True, slots=True)
class OnScreen:
    """Where a picture lies on the screen.

    Attributes
    ----------
    extent : Extent
        In source pixels.
    scale : float
        Device pixels per source pixel.
    origin : QPointF
        The picture's upper left corner in device pixels.
    is_whole : bool
        Whether ``scale`` and ``origin`` are whole numbers: then no device pixel mixes two of the picture's.
    """

    extent: Extent
    scale: float
    origin: QPointF
    is_whole: bool

    @property
    def rect(self) -> QRectF:
        """The whole picture, in device pixels."""
        return QRectF(self.origin.x(), self.origin.y(), self.extent.width * self.scale, self.extent.height * self.scale)


class LayerPainter:
    """Draws in device pixels, and notes which tiles it would have needed. GUI thread only."""

    def __init__(self, tiles: TileStore | None) -> None:
        self._tiles = tiles
        self._scratch: NDArray[np.uint8] | None = None
        self._shown: list[TileKey] = []
        self._ahead: list[TileKey] = []

    def begin(self) -> None:
        """Before a frame."""
        self._shown, self._ahead = [], []

    def end(self, view: object) -> None:
        """After a frame: have the tiles made that were missing, and those around them."""
        if self._tiles is not None:
            self._tiles.want(id(view), self._shown, self._ahead)

    def draw(self, painter: QPainter, place: OnScreen, room: QRect, layer: Layer) -> None:
        """Draw what lies inside ``room`` (device pixels, as the painter's): its cost follows the room's size."""
        visible = place.rect.intersected(QRectF(room))
        if visible.isEmpty():
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, place.scale < _SMOOTH_BELOW)
        if isinstance(layer, Pyramid):
            image = layer.level_for(place.scale).image
            painter.drawImage(visible, image, _source(place, visible, image.width(), image.height()))
            return
        level = layer.level_for(place.scale)
        samples = layer.levels[level]
        source = _source(place, visible, samples.width, samples.height)
        box = _around(source, samples.width, samples.height)
        self._note(layer, level, box)
        if place.is_whole and level == 0:
            self._draw_exactly(painter, place, layer, box)
            return
        # Tiles are put together first: scaled one by one they would show their seams.
        scratch = self._composed(layer, level, box)
        if layer.is_opaque:  # nothing to be blended, which is quicker
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(visible, scratch, source.translated(-box.left, -box.top))
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)

    # -- inside -------------------------------------------------------------------------------------------------

    def _draw_exactly(self, painter: QPainter, place: OnScreen, picture: TiledPicture, box: Box) -> None:
        """At whole magnifications every picture pixel is a square of device pixels."""
        scale, x, y = round(place.scale), round(place.origin.x()), round(place.origin.y())
        for column, row in tiles_over(box):
            tile = picture.box(0, column, row)
            part = QRect(tile.left, tile.top, tile.extent.width, tile.extent.height).intersected(_rect(box))
            target = QRect(x + part.x() * scale, y + part.y() * scale, part.width() * scale, part.height() * scale)
            ready = self._tile(picture, 0, column, row)
            if ready is None:
                self._draw_coarse(painter, QRectF(target), picture, 0, part)
            elif scale == 1:
                painter.drawImage(target.topLeft(), ready.image, part.translated(-tile.left, -tile.top))
            else:
                painter.drawImage(target, ready.image, part.translated(-tile.left, -tile.top))

    def _composed(self, picture: TiledPicture, level: int, box: Box) -> QImage:
        """A part of a level as one image, from tiles and from the coarse picture where they are missing."""
        # Of the box's own size, though in a larger memory: smooth scaling must not look at what an earlier frame left
        # beyond the picture's edge.
        image = self._scratch_image(box.extent)
        painter = QPainter(image)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for column, row in tiles_over(box):
            tile = picture.box(level, column, row)
            part = QRect(tile.left, tile.top, tile.extent.width, tile.extent.height).intersected(_rect(box))
            target = part.translated(-box.left, -box.top)
            ready = self._tile(picture, level, column, row)
            if ready is None:
                self._draw_coarse(painter, QRectF(target), picture, level, part)
            else:
                painter.drawImage(target.topLeft(), ready.image, part.translated(-tile.left, -tile.top))
        painter.end()
        return image

    def _scratch_image(self, extent: Extent) -> QImage:
        """Memory for a frame, kept from frame to frame; it belongs to the painter until the next call."""
        import numpy as np

        size = extent.width * extent.height * 4
        if self._scratch is None or self._scratch.size < size:
            self._scratch = np.empty(size, np.uint8)
        kind = QImage.Format.Format_ARGB32_Premultiplied
        return QImage(self._scratch.data, extent.width, extent.height, extent.width * 4, kind)

    def _draw_coarse(self, painter: QPainter, target: QRectF, picture: TiledPicture, level: int, part: QRect) -> None:
        """The stand-in for a part of a level."""
        samples, image = picture.levels[level], picture.coarse.levels[0].image
        across, down = image.width() / samples.width, image.height() / samples.height
        source = QRectF(part.x() * across, part.y() * down, part.width() * across, part.height() * down)
        smooth = painter.testRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, image, source)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)

    def _tile(self, picture: TiledPicture, level: int, column: int, row: int) -> Tile | None:
        return self._tiles.tile(TileKey(picture, level, column, row)) if self._tiles is not None else None

    def _note(self, picture: TiledPicture, level: int, box: Box) -> None:
        """Ask for the tiles of a box, and for those one tile further: where panning leads to."""
        samples = picture.levels[level]
        inside = [TileKey(picture, level, c, r) for c, r in tiles_over(box)]
        wide = Box(
            max(0, box.left - TILE), max(0, box.top - TILE),
            min(samples.width, box.right + TILE), min(samples.height, box.bottom + TILE),
        )  # fmt: skip
        held = set(inside)
        around = [key for c, r in tiles_over(wide) if (key := TileKey(picture, level, c, r)) not in held]
        self._shown += inside
        self._ahead += around


def _source(place: OnScreen, visible: QRectF, width: int, height: int) -> QRectF:
    """The part of an image of the whole picture that is drawn into ``visible``."""
    across, down = width / place.rect.width(), height / place.rect.height()
    return QRectF(
        (visible.x() - place.origin.x()) * across,
        (visible.y() - place.origin.y()) * down,
        visible.width() * across,
        visible.height() * down,
    )


def _around(source: QRectF, width: int, height: int) -> Box:
    """The whole pixels that smooth scaling of ``source`` looks at."""
    return Box(
        max(0, math.floor(source.left()) - 1),
        max(0, math.floor(source.top()) - 1),
        min(width, math.ceil(source.right()) + 1),
        min(height, math.ceil(source.bottom()) + 1),
    )


def _rect(box: Box) -> QRect:
    return QRect(box.left, box.top, box.extent.width, box.extent.height)
