"""One picture on neutral grey, at any magnification."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QCursor,
    QHideEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShowEvent,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.look import theme
from gui.pictures.tile_store import TileStore
from gui.pictures.tiled_picture import Layer
from gui.viewer.loupe import draw_rim, radius_in
from gui.viewer.placed_view import PlacedView
from gui.viewer.view_geometry import ViewLink
from gui.viewer.view_layers import ViewLayers
from gui.viewer.view_pointer import ViewPointer
from gui.viewer.view_tool import ViewTool

_WHEEL_STEP = 1.25  # zoom factor of one notch
_PIN_RADIUS = 5.0  # view pixels


class PictureView(PlacedView):
    """Draws one picture, or its part under the link's zoom, on neutral grey. Wheel zooms at the cursor, dragging pans.

    Parameters
    ----------
    link : ViewLink
        Zoom, position and loupe, shared by all views that are given it.
    tiles : TileStore, optional
        Makes the tiles of large pictures; without one only their coarse stand-ins are drawn.

    Attributes
    ----------
    asked_for_detail : Callable
        Called when the view is magnified beyond the resolution of what it was given.
    hovered : Callable
        ``hovered(point)`` with the point of the picture under the pointer, 0 to 1 along each side, or None outside it.
    moved : Callable
        Called when another part is shown, or at another magnification.
    """

    def __init__(self, link: ViewLink, tiles: TileStore | None = None, parent: QWidget | None = None) -> None:
        super().__init__(link, parent)
        self._tiles = tiles
        self._layers = ViewLayers(tiles)
        self._pointer = ViewPointer(self)
        self._message = ""
        self._surround = theme.grey(0.18)
        self._pin: QPointF | None = None
        self.hovered: Callable[[QPointF | None], None] = lambda _: None
        self.asked_for_detail: Callable[[], None] = lambda: None
        self.moved: Callable[[], None] = lambda: None
        link.changed.connect(self._on_link)
        link.loupe.changed.connect(self._on_loupe)
        if tiles is not None:
            tiles.arrived.connect(self.update)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 160)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setTabletTracking(True)
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    # -- what is shown ------------------------------------------------------------------------------------------

    def show_picture(self, picture: Layer | None, message: str = "") -> None:
        """Show a picture; without one, show the message."""
        self._layers.shown.picture, self._message = picture, message
        self.update()
        self.moved()
        self._ask_for_detail()

    def show_mask(self, mask: Layer | None) -> None:
        """Lay a tinted mask of the same picture over it; None takes it away."""
        self._layers.shown.mask = mask
        self.update()

    def show_doubt(self, doubt: Layer | None) -> None:
        """Lay a map of where masks of the same picture differ over it; None takes it away."""
        self._layers.shown.doubt = doubt
        self.update()

    def show_before(self, picture: Layer | None, mask: Layer | None = None) -> None:
        """Show another picture of the same extent left of a divider that can be dragged; None takes it away."""
        self._layers.before.picture, self._layers.before.mask = picture, mask
        self._pointer.divider.is_shown = picture is not None
        self.update()
        self._ask_for_detail()

    def move_divider(self, to: float) -> None:
        """Put the divider at a share of the view's width, 0 to 1."""
        self._pointer.divider.move_to(to)

    def set_surround(self, color: QColor) -> None:
        """The grey around the picture."""
        self._surround = color
        self.update()

    def set_tool(self, tool: ViewTool | None) -> None:
        """Give the pointer another meaning over this view; None leaves it panning."""
        if tool is not self._pointer.tool:
            self._pointer.set_tool(tool)
            self.setCursor(self._pointer.cursor())
            self.update()

    def show_pin(self, point: QPointF | None) -> None:
        """Mark a point of the picture, 0 to 1 along each side; None takes the mark away."""
        self._pin = point
        self.update()

    @property
    def picture(self) -> Layer | None:
        """What is shown."""
        return self._layers.shown.picture

    @property
    def before(self) -> Layer | None:
        """What is shown left of the divider."""
        return self._layers.before.picture

    @property
    def mask(self) -> Layer | None:
        """What is laid over the picture as a tint."""
        return self._layers.shown.mask

    @property
    def doubt(self) -> Layer | None:
        """What is laid over the picture as a map of where masks differ."""
        return self._layers.shown.doubt

    @property
    def pin(self) -> QPointF | None:
        """The marked point, 0 to 1 along the picture's sides."""
        return self._pin

    @property
    def divider(self) -> float:
        """Where the divider stands, as a share of the view's width."""
        return self._pointer.divider.at

    @property
    def tool(self) -> ViewTool | None:
        """What the pointer means over this view."""
        return self._pointer.tool

    @property
    def is_sharp(self) -> bool:
        """Whether what is shown has all the detail that the magnification can show, the loupe's included."""
        is_magnified = self._link.loupe.at is not None
        return self._layers.is_sharp_at(max(self.scale, self.loupe_scale) if is_magnified else self.scale)

    # -- painting -----------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        return QSize(340, 600)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._surround)
        if self.picture is None:
            painter.setPen(theme.text_on(self._surround))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._message)
            return
        place, divider = self.placed(), self._pointer.divider
        self._layers.draw(painter, self, place, divider.edge(self), self._surround)
        for tool in (self._pointer.tool, divider if divider.is_shown else None):
            if tool is not None:
                painter.save()
                tool.paint(painter, self)
                painter.restore()
        if self._pin is not None:
            self._draw_pin(painter, place.to_view(self._in_source(self._pin)))
        at = self.under_loupe()
        if at is not None:
            draw_rim(painter, place.to_view(at), radius_in(self.size()), self.loupe_scale)

    def _draw_pin(self, painter: QPainter, at: QPointF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        colors = theme.colors()
        for color, width in ((colors.mark_dark, 3.0), (colors.mark_light, 1.4)):
            painter.setPen(QPen(QColor(color), width))
            painter.drawEllipse(at, _PIN_RADIUS, _PIN_RADIUS)

    def find_pointer(self) -> None:
        """Take note of where the pointer is now, if it is over this view, as if it had just moved there."""
        position = self.mapFromGlobal(QCursor.pos())
        if self.isVisible() and self.rect().contains(position):
            self._tell_hovered(position.toPointF())

    # -- Qt -----------------------------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.accept()
        notches = event.angleDelta().y() / 120
        tool = self._pointer.tool
        if self._link.loupe.at is not None:
            self._link.loupe.step((notches > 0) - (notches < 0))
        elif tool is not None and self.picture is not None and tool.wheel(self.to_picture(event.position()), event):
            return
        elif notches:
            self.zoom_at(_WHEEL_STEP**notches, event.position())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._pointer.press(event):
            return
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        else:
            self._pointer.drop()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._tell_hovered(event.position())
        if self.picture is None or self._pointer.move(event):
            self.setCursor(self._pointer.cursor())
        elif self._pointer.is_dragging:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.pan(self._pointer.step_to(event.position()))
        else:
            self.setCursor(self._pointer.cursor())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pointer.release(event)
        self.setCursor(self._pointer.cursor())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.picture is not None and not self._pointer.press(event, double=True):
            self._pointer.drop()
            if event.button() == Qt.MouseButton.LeftButton:
                self.toggle_actual_size(event.position())

    def tabletEvent(self, event: QTabletEvent) -> None:
        """What no tool takes becomes a mouse event, and pans."""
        calls = {
            QEvent.Type.TabletPress: self._pointer.press,
            QEvent.Type.TabletMove: self._pointer.move,
            QEvent.Type.TabletRelease: self._pointer.release,
        }
        taken = self.picture is not None and event.type() in calls and calls[event.type()](event)
        event.setAccepted(taken)
        if taken:
            self._tell_hovered(event.position())

    def leaveEvent(self, event: QEvent) -> None:
        self._link.loupe.point_at(None)
        self.hovered(None)
        if self._pointer.tool is not None:
            self._pointer.tool.leave()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._link.note_size(id(self), self.size())

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._tiles is not None:
            self._tiles.want(id(self), ())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._link.note_size(id(self), self.size())
        self.moved()
        self._ask_for_detail()

    # -- inside -------------------------------------------------------------------------------------------------

    def _tell_hovered(self, position: QPointF) -> None:
        share = self._as_share(self.to_picture(position)) if self.picture is not None else QPointF(-1, -1)
        point = share if 0 <= share.x() <= 1 and 0 <= share.y() <= 1 else None
        self._link.loupe.point_at(point)
        self.hovered(point)

    def _on_link(self) -> None:
        self.update()
        self.moved()
        self._ask_for_detail()

    def _on_loupe(self) -> None:
        self.update()
        self._ask_for_detail()

    def _ask_for_detail(self) -> None:
        if not self.is_sharp:
            self.asked_for_detail()
