"""Pictures side by side with one zoom and one position."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QShowEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gui import theme
from gui.pixels import Pyramid
from gui.widgets.elided_label import ElidedLabel

_MARGIN = 12  # view pixels kept free around a fitted picture
_LARGEST = 16.0  # device pixels per source pixel
_WHEEL_STEP = 1.25  # zoom factor of one notch
_SMOOTH_BELOW = 2.0  # device pixels per source pixel; above it single pixels are shown as squares
_GRIP = 7.0  # view pixels on either side of the divider in which the pointer takes hold of it
_CLICK = 4.0  # view pixels that a pointer may move between press and release of a click
_PIN_RADIUS = 5.0  # view pixels


class ViewLink(QObject):
    """The zoom and position that several views share.

    Attributes
    ----------
    zoom : float
        1 shows the whole picture; 2 shows half of its width.
    center : QPointF
        The point in the middle of the view, 0 to 1 along each side of the picture, so that pictures of different size
        show the same place.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.zoom = 1.0
        self.center = QPointF(0.5, 0.5)
        self._sizes: dict[int, QSize] = {}

    def note_size(self, view: int, size: QSize) -> None:
        """Take over a view's size. All fit into the smallest: a layout's rounding must not make 100 % 99.7 %."""
        before = self.smallest()
        self._sizes[view] = size
        if before != self.smallest():
            self.changed.emit()

    def forget_size(self, view: int) -> None:
        """Count without a view that is not shown any more."""
        before = self.smallest()
        self._sizes.pop(view, None)
        if before != self.smallest():
            self.changed.emit()

    def smallest(self) -> QSize:
        """The size that fits into every view."""
        widths = [size.width() for size in self._sizes.values()]
        heights = [size.height() for size in self._sizes.values()]
        return QSize(min(widths, default=1), min(heights, default=1))

    def set(self, zoom: float, center: QPointF) -> None:
        """Move all views."""
        zoom = max(1.0, zoom)
        center = QPointF(min(1.0, max(0.0, center.x())), min(1.0, max(0.0, center.y())))
        if zoom != self.zoom or center != self.center:
            self.zoom, self.center = zoom, center
            self.changed.emit()

    def fit(self) -> None:
        """Show the whole pictures."""
        self.set(1.0, QPointF(0.5, 0.5))


class PictureView(QWidget):
    """Draws one picture, or its part under the link's zoom, on neutral grey. Wheel zooms at the cursor, dragging pans.

    Attributes
    ----------
    asked_for_detail : Callable
        Called when the view is magnified beyond the resolution of what it was given.
    hovered : Callable
        ``hovered(point)`` with the point of the picture under the pointer, 0 to 1 along each side, or None outside it.
    picked : Callable
        ``picked(point)`` where the picture was clicked while the eyedropper is held.
    """

    def __init__(self, link: ViewLink, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self._picture: Pyramid | None = None
        self._mask: Pyramid | None = None
        self._message = ""
        self._before: Pyramid | None = None
        self._before_mask: Pyramid | None = None
        self._divider = 0.5
        self._surround = QColor(theme.SURROUND)
        self._pin: QPointF | None = None
        self._picks = self._drags_divider = False
        self._dragged_from: QPointF | None = None
        self._pressed_at: QPointF | None = None
        self.hovered: Callable[[QPointF | None], None] = lambda _: None
        self.picked: Callable[[QPointF], None] = lambda _: None
        self.asked_for_detail: Callable[[], None] = lambda: None
        self.moved: Callable[[], None] = lambda: None
        link.changed.connect(self._on_link)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 160)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def show_picture(self, picture: Pyramid | None, message: str = "") -> None:
        """Show a picture; without one, show the message."""
        self._picture, self._message = picture, message
        self.update()
        self.moved()
        self._ask_for_detail()

    def show_mask(self, mask: Pyramid | None) -> None:
        """Lay a tinted mask of the same picture over it; None takes it away."""
        self._mask = mask
        self.update()

    def show_before(self, picture: Pyramid | None, mask: Pyramid | None = None) -> None:
        """Show another picture of the same extent left of a divider that can be dragged; None takes it away."""
        self._before, self._before_mask = picture, mask
        self.update()
        self._ask_for_detail()

    def move_divider(self, to: float) -> None:
        """Put the divider at a share of the view's width, 0 to 1."""
        self._divider = min(1.0, max(0.0, to))
        self.update()

    @property
    def divider(self) -> float:
        """Where the divider stands, as a share of the view's width."""
        return self._divider

    def set_surround(self, color: QColor) -> None:
        """The grey around the picture."""
        self._surround = color
        self.update()

    def hold_eyedropper(self, held: bool) -> None:
        """Let a click pick a point of the picture; dragging still pans."""
        self._picks = held
        self._rest_cursor()

    def show_pin(self, point: QPointF | None) -> None:
        """Mark a point of the picture, 0 to 1 along each side; None takes the mark away."""
        self._pin = point
        self.update()

    @property
    def picture(self) -> Pyramid | None:
        return self._picture

    @property
    def scale(self) -> float:
        """Device pixels per source pixel."""
        return self._fit_scale() * self._link.zoom * self.devicePixelRatioF()

    @property
    def is_sharp(self) -> bool:
        """Whether what is shown has all the detail that the magnification can show."""
        return all(p is None or p.is_sharp_at(self.scale) for p in (self._picture, self._before))

    def zoom_at(self, factor: float, position: QPointF | None = None) -> None:
        """Magnify by ``factor`` so that what lies under ``position`` (view pixels) stays there."""
        if self._picture is None:
            return
        position = position or QPointF(self.rect().center())
        largest = _LARGEST / (self._fit_scale() * self.devicePixelRatioF())
        zoom = min(max(1.0, self._link.zoom * factor), max(1.0, largest))
        under = self._to_picture(position)
        shown = self._shown_size(zoom)
        offset = position - QPointF(self.width() / 2, self.height() / 2)
        self._link.set(zoom, QPointF(under.x() - offset.x() / shown[0], under.y() - offset.y() / shown[1]))

    def toggle_actual_size(self, position: QPointF | None = None) -> None:
        """100 % at ``position``, or the whole picture where it is magnified already."""
        if self._picture is None:
            return
        if self._link.zoom > 1.001:
            self._link.fit()
        else:
            self.zoom_at(1 / self.scale, position)

    # -- Qt -----------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        return QSize(340, 600)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._surround)
        if self._picture is None:
            painter.setPen(theme.text_on(self._surround))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._message)
            return
        if self._before is not None:
            edge = round(self._divider * self.width())
            painter.setClipRect(0, 0, edge, self.height())
            self._draw(painter, self._before)
            if self._before_mask is not None:
                self._draw(painter, self._before_mask)
            painter.setClipRect(edge, 0, self.width() - edge, self.height())
        self._draw(painter, self._picture)
        if self._mask is not None:
            self._draw(painter, self._mask)
        painter.setClipping(False)
        if self._before is not None:
            self._draw_divider(painter)
        if self._pin is not None:
            self._draw_pin(painter, self._to_view(self._pin))

    def wheelEvent(self, event: QWheelEvent) -> None:
        notches = event.angleDelta().y() / 120
        if notches:
            self.zoom_at(_WHEEL_STEP**notches, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._is_on_divider(event.position()):
            self._drags_divider = True
        elif event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._dragged_from = event.position()
            if event.button() == Qt.MouseButton.LeftButton:
                self._pressed_at = event.position()
            if not self._picks:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._tell_hovered(event.position())
        if self._drags_divider:
            self.move_divider(event.position().x() / max(1, self.width()))
            return
        if self._dragged_from is None or self._picture is None:
            self._rest_cursor(event.position())
            return
        if self._pressed_at is not None:
            moved = event.position() - self._pressed_at
            if self._picks and abs(moved.x()) + abs(moved.y()) <= _CLICK:
                return  # the hand that clicks trembles: the picture stays under the eyedropper
            self._pressed_at = None
        step = event.position() - self._dragged_from
        self._dragged_from = event.position()
        width, height = self._shown_size(self._link.zoom)
        center = self._visible_center()
        self._link.set(self._link.zoom, QPointF(center.x() - step.x() / width, center.y() - step.y() / height))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._picks and self._pressed_at is not None and self._picture is not None:
            point = self._to_picture(self._pressed_at)
            if _is_inside(point):
                self.picked(point)
        self._dragged_from = self._pressed_at = None
        self._drags_divider = False
        self._rest_cursor(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if not self._picks:
            self.toggle_actual_size(event.position())

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered(None)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._link.note_size(id(self), self.size())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._link.note_size(id(self), self.size())
        self.moved()
        self._ask_for_detail()

    # -- inside -------------------------------------------------------------------------------------------------

    def _tell_hovered(self, position: QPointF) -> None:
        point = self._to_picture(position) if self._picture is not None else None
        self.hovered(point if point is not None and _is_inside(point) else None)

    def _is_on_divider(self, position: QPointF) -> bool:
        return self._before is not None and abs(position.x() - self._divider * self.width()) <= _GRIP

    def _rest_cursor(self, position: QPointF | None = None) -> None:
        """The pointer's shape while no button is pressed."""
        if position is not None and self._is_on_divider(position):
            self.setCursor(Qt.CursorShape.SplitHCursor)
        else:
            self.setCursor(Qt.CursorShape.CrossCursor if self._picks else Qt.CursorShape.OpenHandCursor)

    def _on_link(self) -> None:
        self.update()
        self.moved()
        self._ask_for_detail()

    def _ask_for_detail(self) -> None:
        if not self.is_sharp:
            self.asked_for_detail()

    def _fit_scale(self) -> float:
        """View pixels per source pixel when the whole picture is shown."""
        if self._picture is None:
            return 1.0
        extent = self._picture.extent
        size = self._link.smallest()
        width, height = max(1, size.width() - 2 * _MARGIN), max(1, size.height() - 2 * _MARGIN)
        return min(width / extent.width, height / extent.height)

    def _shown_size(self, zoom: float) -> tuple[float, float]:
        """The whole picture's size at ``zoom``, in view pixels."""
        assert self._picture is not None
        scale = self._fit_scale() * zoom
        return self._picture.extent.width * scale, self._picture.extent.height * scale

    def _visible_center(self) -> QPointF:
        """The link's centre, kept so that no edge of a magnified picture comes further in than the margin."""

        def kept(center: float, shown: float, view: int) -> float:
            room = view - 2 * _MARGIN
            if shown <= room:
                return 0.5
            half = room / 2 / shown
            return min(1 - half, max(half, center))

        width, height = self._shown_size(self._link.zoom)
        center = self._link.center
        return QPointF(kept(center.x(), width, self.width()), kept(center.y(), height, self.height()))

    def _to_picture(self, position: QPointF) -> QPointF:
        """A point of the view as a point of the picture, 0 to 1."""
        width, height = self._shown_size(self._link.zoom)
        center = self._visible_center()
        return QPointF(
            center.x() + (position.x() - self.width() / 2) / width,
            center.y() + (position.y() - self.height() / 2) / height,
        )

    def _to_view(self, point: QPointF) -> QPointF:
        """A point of the picture, 0 to 1, as a point of the view."""
        width, height = self._shown_size(self._link.zoom)
        center = self._visible_center()
        return QPointF(
            self.width() / 2 + (point.x() - center.x()) * width, self.height() / 2 + (point.y() - center.y()) * height
        )

    def _draw_divider(self, painter: QPainter) -> None:
        """A white hairline between two dark ones: it is seen on every picture and tints none."""
        x = round(self._divider * self.width())
        painter.fillRect(QRectF(x - 1, 0, 3, self.height()), QColor(0, 0, 0, 110))
        painter.fillRect(QRectF(x, 0, 1, self.height()), QColor("white"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(0, 0, 0, 110), 1))
        painter.setBrush(QColor("white"))
        for y in (0.0, float(self.height())):  # a grip at either edge, where it covers next to nothing
            painter.drawEllipse(QPointF(x + 0.5, y), _GRIP, _GRIP)

    def _draw_pin(self, painter: QPainter, at: QPointF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for color, width in ((QColor("black"), 3.0), (QColor("white"), 1.4)):
            painter.setPen(QPen(color, width))
            painter.drawEllipse(at, _PIN_RADIUS, _PIN_RADIUS)

    def _draw(self, painter: QPainter, pyramid: Pyramid) -> None:
        """Draw the visible part only: the cost follows the view's size, not the picture's."""
        width, height = self._shown_size(self._link.zoom)
        center = self._visible_center()
        target = QRectF(self.width() / 2 - center.x() * width, self.height() / 2 - center.y() * height, width, height)
        visible = target.intersected(QRectF(self.rect()))
        if visible.isEmpty():
            return
        image = pyramid.level_for(self.scale).image
        across, down = image.width() / width, image.height() / height
        source = QRectF(
            (visible.x() - target.x()) * across,
            (visible.y() - target.y()) * down,
            visible.width() * across,
            visible.height() * down,
        )
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.scale < _SMOOTH_BELOW)
        painter.drawImage(visible, image, source)


def _is_inside(point: QPointF) -> bool:
    return 0 <= point.x() <= 1 and 0 <= point.y() <= 1


class PicturePane(QFrame):
    """A view under its caption: what it shows on the left, size and magnification on the right."""

    def __init__(self, title: str, link: ViewLink, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        self.view = PictureView(link)
        self.view.moved = self._describe
        # Elided: a longer title must not widen the pane, or the pictures would jump while they blink.
        self._title = ElidedLabel("caption")
        self._title.show_text(title)
        self._facts = theme.label("", "caption")
        self._note = ""
        self._facts.setAlignment(Qt.AlignmentFlag.AlignRight)
        caption = QHBoxLayout()
        caption.setContentsMargins(theme.SMALL, 6, theme.SMALL, 6)
        caption.setSpacing(theme.SMALL)
        caption.addWidget(self._title, 1)
        caption.addWidget(self._facts)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(caption)
        layout.addWidget(self.view)

    def set_title(self, title: str, *, emphasised: bool = False) -> None:
        self._title.setStyleSheet(f"color: {theme.ACCENT}; font-weight: 600;" if emphasised else "")
        self._title.show_text(title)

    @property
    def title(self) -> str:
        return self._title.whole_text()

    def set_note(self, note: str) -> None:
        """A word beside the magnification, such as that the full resolution is on its way."""
        self._note = note
        self._describe()

    @property
    def facts(self) -> str:
        return self._facts.text()

    def _describe(self) -> None:
        picture = self.view.picture
        if picture is None:
            self._facts.setText("")
            return
        parts = [self._note] if self._note else [str(picture.extent)]
        self._facts.setText(" · ".join([*parts, f"{self.view.scale * 100:.0f} %"]))
