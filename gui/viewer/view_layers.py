"""What lies on each other in a view, on either side of a divider and under the loupe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF
from PySide6.QtGui import QColor, QPainter

from gui.pictures.tile_store import TileStore
from gui.pictures.tiled_picture import Layer
from gui.viewer.layer_painter import LayerPainter, OnScreen
from gui.viewer.loupe import radius_in, rim
from gui.viewer.view_geometry import Placed

if TYPE_CHECKING:
    from gui.viewer.picture_view import PictureView


@dataclass(slots=True)
class Stack:
    """A picture with what is laid over it.

    Attributes
    ----------
    mask, doubt : Layer or None
        A tinted mask, and a map of where masks differ, both of the picture's extent.
    """

    picture: Layer | None = None
    mask: Layer | None = None
    doubt: Layer | None = None

    def layers(self) -> list[Layer]:
        """From the lowest up; none without a picture."""
        if self.picture is None:
            return []
        return [layer for layer in (self.picture, self.mask, self.doubt) if layer is not None]


class ViewLayers:
    """Draws a view's stacks. GUI thread only.

    Attributes
    ----------
    shown : Stack
        The view's picture.
    before : Stack
        Another of the same extent, left of the divider; empty where nothing is wiped.
    """

    def __init__(self, tiles: TileStore | None) -> None:
        self.shown, self.before = Stack(), Stack()
        self._painter = LayerPainter(tiles)

    def is_sharp_at(self, scale: float) -> bool:
        """Whether no picture has more detail to show at ``scale`` device pixels per source pixel than is there."""
        return all(p is None or p.is_sharp_at(scale) for p in (self.shown.picture, self.before.picture))

    def draw(self, painter: QPainter, view: PictureView, place: Placed, edge: float, surround: QColor) -> None:
        """Draw in device pixels, between two of which the view may begin where the screen's scaling is fractional.

        Parameters
        ----------
        edge : float
            Where the divider stands, in view pixels.
        """
        to_device = painter.deviceTransform()
        back, is_invertible = to_device.inverted()
        if not is_invertible:
            return
        ratio, room = to_device.m11(), to_device.mapRect(QRectF(view.rect())).toAlignedRect()
        origin, scale = to_device.map(QPointF(place.left, place.top)), place.factor * ratio
        if place.is_whole:
            origin, scale = QPointF(round(origin.x()), round(origin.y())), round(scale)
        on_screen = OnScreen(place.extent, scale, origin, place.is_whole)
        cut = round(to_device.map(QPointF(edge, 0)).x()) if self.before.picture is not None else room.left()
        left, right = QRect(room), QRect(room)
        left.setRight(cut - 1)
        right.setLeft(cut)
        painter.save()
        painter.setTransform(back)
        self._painter.begin()
        for side, stack in ((left, self.before), (right, self.shown)):
            painter.setClipRect(side)
            for layer in stack.layers():
                self._painter.draw(painter, on_screen, side, layer)
        at = view.under_loupe()
        if at is not None:
            center = to_device.map(place.to_view(at))
            stack = self.shown if center.x() >= cut else self.before
            self._draw_loupe(painter, stack, at, center, radius_in(view.size()) * ratio, view.loupe_scale, surround)
        self._painter.end(view)
        painter.restore()

    def _draw_loupe(
        self, painter: QPainter, stack: Stack, at: QPointF, center: QPointF, radius: float, scale: int, surround: QColor
    ) -> None:
        """Draw what is around a point in source pixels, so much magnified; in device pixels."""
        if stack.picture is None:
            return
        origin = QPointF(round(center.x() - at.x() * scale), round(center.y() - at.y() * scale))
        glass = QRectF(center.x() - radius, center.y() - radius, 2 * radius, 2 * radius).toAlignedRect()
        painter.setClipPath(rim(center, radius))
        painter.fillRect(glass, surround)
        for layer in stack.layers():
            place = OnScreen(stack.picture.extent, scale, origin, is_whole=True)
            self._painter.draw(painter, place, glass, layer)
