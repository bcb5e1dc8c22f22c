"""The pointer over the picture while a mask is edited: brush, lasso, fill and smart edge."""

from __future__ import annotations

from collections.abc import Callable
from math import hypot

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QCursor,
    QPainter,
    QPainterPath,
    QPen,
    QPointingDevice,
    QPolygonF,
    QSinglePointEvent,
    QTabletEvent,
)

from engine.domain.geometry import Box
from gui.look import theme
from gui.mask_editor.model import MaskModel, MaskTool
from gui.mask_editor.session import MaskSession
from gui.viewer.picture_view import PictureView
from gui.viewer.view_tool import ViewTool

_CLICK = 4.0  # view pixels that a pointer may move between press and release of a click
_CLOSING = 8.0  # view pixels from a lasso's first corner in which a click closes it
_LEAST_RING = 6.0  # view pixels: a smaller brush is shown by a cross as well
_FARTHEST = 2.0  # pictures beyond the border: a lasso may be drawn around everything, but not around the world
_NAMES = {False: "brush stroke", True: "eraser stroke"}


class MaskEditorTool(ViewTool):
    """Draws into a session as the model says. GUI thread only.

    Attributes
    ----------
    pans : bool
        While True (the space bar is down) the pointer is left to the view.
    """

    def __init__(self, view: PictureView, model: MaskModel) -> None:
        self._view, self._model = view, model
        self._session: MaskSession | None = None
        self._hover: QPointF | None = None
        self._ring: QRectF | None = None
        self._drawing: MaskTool | None = None
        self._erases = False
        self._last_end: QPointF | None = None
        self._corners: list[QPointF] = []
        self._trail: list[QPointF] = []
        self._pressed_at: QPointF | None = None
        self.pans = False

    def set_session(self, session: MaskSession | None) -> None:
        """Draw into another mask."""
        self._session = session
        self._drawing = self._last_end = self._pressed_at = None
        self._corners = []
        self._view.update()

    @property
    def has_lasso(self) -> bool:
        """Whether a lasso has corners and is not closed."""
        return bool(self._corners)

    def close_lasso(self) -> None:
        """Join the lasso's last corner to its first, and fill it."""
        corners, self._corners = self._corners, []
        self._drawing = self._pressed_at = None
        self._view.update()
        if self._session is not None and len(corners) > 2:
            settings = self._model.settings
            points = [(corner.x(), corner.y()) for corner in corners]
            self._session.add_polygon(points, settings.opacity, subtract=self._erases)

    def drop(self) -> bool:
        """Give up the stroke or the lasso that is under way; whether there was one."""
        had = self._drawing is not None or bool(self._corners)
        if self._drawing is MaskTool.BRUSH and self._session is not None:
            self._session.drop_stroke()
        elif self._drawing is MaskTool.EDGE and self._session is not None:
            self._session.document.end_marking()
        self._drawing = self._pressed_at = None
        self._corners = []
        self._view.update()
        return had

    def refresh(self) -> None:
        """Draw the brush's ring anew, at another size."""
        self._move_ring(self._hover)

    # -- the pointer --------------------------------------------------------------------------------------------

    def press(self, point: QPointF, event: QSinglePointEvent) -> bool:
        session, settings = self._session, self._model.settings
        if self.pans or session is None or event.button() != Qt.MouseButton.LeftButton:
            return False
        if session.is_busy:
            return True  # not a pan either: the hand meant to draw
        is_rubber = event.pointerType() is QPointingDevice.PointerType.Eraser
        inverts = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if not self._corners:
            self._erases = is_rubber or settings.subtracts != inverts
        match settings.tool:
            case MaskTool.BRUSH | MaskTool.EDGE:
                self._begin_stroke(session, point, event)
            case MaskTool.LASSO:
                self._press_lasso(point, event)
            case MaskTool.FILL:
                session.fill(point.x(), point.y(), settings.tolerance, settings.opacity, subtract=self._erases)
        return True

    def move(self, point: QPointF, event: QSinglePointEvent) -> bool:
        self._move_ring(point)
        if self._drawing in (MaskTool.BRUSH, MaskTool.EDGE) and self._session is not None:
            self._session.draw_to(point.x(), point.y(), _pressure(event))
            if self._drawing is MaskTool.EDGE:
                self._trail.append(point)
            return True
        if self._drawing is MaskTool.LASSO:
            if self._pressed_at is not None and self._in_view(self._pressed_at, point) > _CLICK:
                self._pressed_at = None
            if self._pressed_at is None and self._in_view(self._corners[-1], point) >= 1:
                self._add_corner(point)
            return True
        if self._corners:
            self._view.update()  # the line to the pointer
        return True

    def release(self, point: QPointF, event: QSinglePointEvent) -> bool:
        drawing, self._drawing = self._drawing, None
        session = self._session
        if session is None or drawing is None:
            return True
        if drawing is MaskTool.BRUSH:
            session.end_stroke(_NAMES[self._erases])
            self._last_end = point
        elif drawing is MaskTool.EDGE:
            session.end_marking(self._model.settings.edge_radius)
            self._trail = []
            self._view.update()
        elif self._pressed_at is None and len(self._corners) > 2:
            self.close_lasso()  # drawn in one go
        self._pressed_at = None
        return True

    def double_click(self, point: QPointF, event: QSinglePointEvent) -> bool:
        if self._corners:
            self.close_lasso()
            return True
        return self.press(point, event)

    def leave(self) -> None:
        self._move_ring(None)

    def cursor(self) -> QCursor | Qt.CursorShape | None:
        if self.pans:
            return Qt.CursorShape.OpenHandCursor
        if self._session is None or self._session.is_busy:
            return Qt.CursorShape.BusyCursor
        has_ring = self._model.settings.tool in (MaskTool.BRUSH, MaskTool.EDGE)
        if has_ring and self._ring is not None and self._ring.width() > 2 * _LEAST_RING:
            return Qt.CursorShape.BlankCursor
        return Qt.CursorShape.CrossCursor

    # -- painting -----------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, view: PictureView) -> None:
        if self._session is not None:
            self._session.canvas.paint(painter, view)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._drawing is MaskTool.EDGE:
            self._paint_trail(painter)
        if self._corners:
            self._paint_lasso(painter)
        ring = self._ring
        if ring is not None and not self.pans:
            _paint_twice(painter, lambda: painter.drawEllipse(ring))

    def redraw(self, box: Box) -> None:
        """Have the view paint a box of source pixels again."""
        view = self._view
        if view.picture is None:
            return
        corner = view.to_view(QPointF(box.left, box.top))
        end = view.to_view(QPointF(box.right, box.bottom))
        margin = 3  # view pixels: smooth scaling reaches over a level's pixel
        view.update(QRectF(corner, end).toAlignedRect().adjusted(-margin, -margin, margin, margin))

    # -- inside -------------------------------------------------------------------------------------------------

    def _begin_stroke(self, session: MaskSession, point: QPointF, event: QSinglePointEvent) -> None:
        settings = self._model.settings
        marks = settings.tool is MaskTool.EDGE
        if not session.begin_stroke(settings.brush(), erases=self._erases, marks_only=marks):
            return
        self._drawing = settings.tool
        self._trail = [point]
        pressure = _pressure(event)
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and self._last_end is not None and not marks:
            session.draw_to(self._last_end.x(), self._last_end.y(), pressure)  # a straight line from the last stroke
        session.draw_to(point.x(), point.y(), pressure)

    def _press_lasso(self, point: QPointF, event: QSinglePointEvent) -> None:
        if len(self._corners) > 2 and self._in_view(self._corners[0], point) <= _CLOSING:
            self.close_lasso()
            return
        self._drawing = MaskTool.LASSO
        self._pressed_at = point
        self._add_corner(point)

    def _add_corner(self, point: QPointF) -> None:
        assert self._session is not None
        extent = self._session.document.extent
        far_x, far_y = extent.width * _FARTHEST, extent.height * _FARTHEST
        self._corners.append(
            QPointF(
                min(extent.width + far_x, max(-far_x, point.x())), min(extent.height + far_y, max(-far_y, point.y()))
            )
        )
        self._view.update()

    def _in_view(self, one: QPointF, other: QPointF) -> float:
        """Distance in view pixels of two source points."""
        step = self._view.to_view(one) - self._view.to_view(other)
        return hypot(step.x(), step.y())

    def _move_ring(self, point: QPointF | None) -> None:
        """Draw the brush's outline around the pointer, at its true size."""
        self._hover = point
        before = self._ring
        self._ring = None
        if point is not None and self._model.settings.tool in (MaskTool.BRUSH, MaskTool.EDGE) and self._view.picture:
            center = self._view.to_view(point)
            radius = self._model.settings.diameter / 2 * self._view.placed().factor
            self._ring = QRectF(center.x() - radius, center.y() - radius, 2 * radius, 2 * radius)
        for ring in (before, self._ring):
            if ring is not None:
                self._update_ring(ring)

    def _update_ring(self, ring: QRectF) -> None:
        """Paint the outline of a ring again: four strips of a large one, whose middle has not changed."""
        outer = ring.toAlignedRect().adjusted(-3, -3, 3, 3)
        if outer.width() < 160:
            self._view.update(outer)
            return
        # the square inside the circle is left alone
        inset = round(outer.width() * 0.15) + 3
        for strip in (
            QRect(outer.left(), outer.top(), outer.width(), inset),
            QRect(outer.left(), outer.bottom() - inset, outer.width(), inset + 1),
            QRect(outer.left(), outer.top(), inset, outer.height()),
            QRect(outer.right() - inset, outer.top(), inset + 1, outer.height()),
        ):
            self._view.update(strip)

    def _paint_lasso(self, painter: QPainter) -> None:
        corners = [self._view.to_view(corner) for corner in self._corners]
        if self._drawing is None and self._hover is not None:
            corners.append(self._view.to_view(self._hover))
        _paint_twice(painter, lambda: painter.drawPolyline(QPolygonF(corners)))
        first = corners[0]
        _paint_twice(painter, lambda: painter.drawRect(QRectF(first.x() - 3, first.y() - 3, 6, 6)))

    def _paint_trail(self, painter: QPainter) -> None:
        path = QPainterPath(self._view.to_view(self._trail[0]))
        path.lineTo(path.currentPosition() + QPointF(0.01, 0))  # a click alone is a dot
        for point in self._trail[1:]:
            path.lineTo(self._view.to_view(point))
        color = QColor(theme.colors().accent)
        color.setAlphaF(0.35)
        width = self._model.settings.diameter * self._view.placed().factor
        painter.strokePath(
            path, QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        )


def _pressure(event: QSinglePointEvent) -> float:
    """0 to 1; a mouse presses in full."""
    return event.pressure() if isinstance(event, QTabletEvent) else 1.0


def _paint_twice(painter: QPainter, draw: Callable[[], object]) -> None:
    """A light line between two dark ones is seen on every picture."""
    colors = theme.colors()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, width in ((colors.mark_dark, 2.6), (colors.mark_light, 1.2)):
        painter.setPen(QPen(QColor(color), width))
        draw()
