"""One picture on neutral grey, at any magnification."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, QSize, QSizeF, Qt
from PySide6.QtGui import (
    QColor,
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

from engine.domain.geometry import Box
from gui.look import theme
from gui.pictures.tile_store import TileStore
from gui.pictures.tiled_picture import Layer
from gui.viewer.loupe import draw_rim
from gui.viewer.view_geometry import Placed, ViewLink, fit_factor, placed
from gui.viewer.view_layers import ViewLayers
from gui.viewer.view_pointer import ViewPointer
from gui.viewer.view_tool import ViewTool

_LARGEST = 16.0  # device pixels per source pixel
_WHEEL_STEP = 1.25  # zoom factor of one notch
_PIN_RADIUS = 5.0  # view pixels


class PictureView(QWidget):
    """Draws one picture, or its part under the link's zoom, on neutral grey. Wheel zooms at the cursor, dragging pans.

    Its geometry, for tools: `to_picture` and `to_view` map between view pixels and continuous source pixels, `scale`
    says how many device pixels one source pixel is, `visible_box` which source pixels are to be seen. They are of the
    picture that is shown and need one: ask `picture` first.

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
        super().__init__(parent)
        self._link, self._tiles = link, tiles
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

    # -- geometry -----------------------------------------------------------------------------------------------

    @property
    def scale(self) -> float:
        """Device pixels per source pixel; 1 is what is called 100 %."""
        return self._fit_factor() * self._link.zoom * self.devicePixelRatioF()

    def to_picture(self, view: QPointF) -> QPointF:
        """A point of the view (view pixels) in continuous source pixels; outside the picture where it is."""
        return self.placed().to_picture(view)

    def to_view(self, picture: QPointF) -> QPointF:
        """A point in continuous source pixels as a point of the view, in view pixels."""
        return self.placed().to_view(picture)

    def visible_box(self) -> Box | None:
        """The source pixels that are to be seen at least in part; None where there is no picture."""
        return self.placed().visible_box(QSizeF(self.size())) if self.picture is not None else None

    def placed(self) -> Placed:
        """Where the shown picture lies; it stays true until the view is moved or resized."""
        assert self.picture is not None, "a view without a picture has no geometry"
        factor = self._fit_factor() * self._link.zoom
        size, ratio = QSizeF(self.size()), self.devicePixelRatioF()
        return placed(self.picture.extent, factor, self._link.center, size, ratio, self.corner())

    def corner(self) -> QPointF:
        """The view's upper left corner in its window, in view pixels."""
        return QPointF(self.mapTo(self.window(), self.rect().topLeft()))

    def under_loupe(self) -> QPointF | None:
        """The point in source pixels that the loupe magnifies; None while it is not held over a picture."""
        at = self._link.loupe.at
        return self._in_source(at) if at is not None else None

    @property
    def loupe_scale(self) -> int:
        """Device pixels per source pixel under the loupe."""
        return self._link.loupe.scale

    def zoom_at(self, factor: float, position: QPointF | None = None) -> None:
        """Magnify by ``factor`` so that what lies under ``position`` (view pixels) stays there."""
        if self.picture is None:
            return
        position = position or QPointF(self.rect().center())
        largest = _LARGEST / (self._fit_factor() * self.devicePixelRatioF())
        zoom = min(max(1.0, self._link.zoom * factor), max(1.0, largest))
        step = position - QPointF(self.width() / 2, self.height() / 2)
        self._link.set(zoom, self._as_share(self.to_picture(position) - step / (self._fit_factor() * zoom)))

    def toggle_actual_size(self, position: QPointF | None = None) -> None:
        """100 % at ``position``, or the whole picture where it is magnified already."""
        if self.picture is None:
            return
        if self._link.zoom > 1.001:
            self._link.fit()
        else:
            self.zoom_at(1 / self.scale, position)

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
            draw_rim(painter, place.to_view(at), self.loupe_scale)

    def _draw_pin(self, painter: QPainter, at: QPointF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        colors = theme.colors()
        for color, width in ((colors.mark_dark, 3.0), (colors.mark_light, 1.4)):
            painter.setPen(QPen(QColor(color), width))
            painter.drawEllipse(at, _PIN_RADIUS, _PIN_RADIUS)

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
            self._pan(self._pointer.step_to(event.position()))
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

    def _pan(self, step: QPointF) -> None:
        """Move the picture by view pixels."""
        place = self.placed()
        middle = place.to_picture(QPointF(self.width() / 2, self.height() / 2))
        self._link.set(self._link.zoom, self._as_share(middle - step / place.factor))

    def _tell_hovered(self, position: QPointF) -> None:
        share = self._as_share(self.to_picture(position)) if self.picture is not None else QPointF(-1, -1)
        point = share if 0 <= share.x() <= 1 and 0 <= share.y() <= 1 else None
        self._link.loupe.point_at(point)
        self.hovered(point)

    def _in_source(self, share: QPointF) -> QPointF:
        """A point given as 0 to 1 along the picture's sides, in source pixels."""
        assert self.picture is not None
        return QPointF(share.x() * self.picture.extent.width, share.y() * self.picture.extent.height)

    def _as_share(self, source: QPointF) -> QPointF:
        """A point in source pixels as 0 to 1 along the picture's sides."""
        assert self.picture is not None
        return QPointF(source.x() / self.picture.extent.width, source.y() / self.picture.extent.height)

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

    def _fit_factor(self) -> float:
        """View pixels per source pixel when the whole picture is shown."""
        return fit_factor(self.picture.extent, self._link.smallest()) if self.picture is not None else 1.0
