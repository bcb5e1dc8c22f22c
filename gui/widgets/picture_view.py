"""Pictures side by side with one zoom and one position."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gui import theme
from gui.pixels import Pyramid

_MARGIN = 12  # view pixels kept free around a fitted picture
_LARGEST = 16.0  # device pixels per source pixel
_WHEEL_STEP = 1.25  # zoom factor of one notch
_SMOOTH_BELOW = 2.0  # device pixels per source pixel; above it single pixels are shown as squares


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
    """Draws one picture, or its part under the link's zoom, on 18 % grey. Wheel zooms at the cursor, dragging pans.

    Attributes
    ----------
    asked_for_detail : Callable
        Called when the view is magnified beyond the resolution of what it was given.
    """

    def __init__(self, link: ViewLink, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self._picture: Pyramid | None = None
        self._mask: Pyramid | None = None
        self._message = ""
        self._dragged_from: QPointF | None = None
        self.asked_for_detail: Callable[[], None] = lambda: None
        self.moved: Callable[[], None] = lambda: None
        link.changed.connect(self._on_link)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 160)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
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

    @property
    def picture(self) -> Pyramid | None:
        return self._picture

    @property
    def scale(self) -> float:
        """Device pixels per source pixel."""
        return self._fit_scale() * self._link.zoom * self.devicePixelRatioF()

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
        painter.fillRect(self.rect(), QColor(theme.SURROUND))
        if self._picture is None:
            painter.setPen(QColor("#2b2b2b"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._message)
            return
        self._draw(painter, self._picture, 1.0)
        if self._mask is not None:
            self._draw(painter, self._mask, 1.0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        notches = event.angleDelta().y() / 120
        if notches:
            self.zoom_at(_WHEEL_STEP**notches, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._dragged_from = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged_from is None or self._picture is None:
            return
        step = event.position() - self._dragged_from
        self._dragged_from = event.position()
        width, height = self._shown_size(self._link.zoom)
        center = self._visible_center()
        self._link.set(self._link.zoom, QPointF(center.x() - step.x() / width, center.y() - step.y() / height))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragged_from = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.toggle_actual_size(event.position())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._link.note_size(id(self), self.size())
        self.moved()
        self._ask_for_detail()

    # -- inside -------------------------------------------------------------------------------------------------

    def _on_link(self) -> None:
        self.update()
        self.moved()
        self._ask_for_detail()

    def _ask_for_detail(self) -> None:
        if self._picture is not None and not self._picture.is_sharp_at(self.scale):
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

    def _draw(self, painter: QPainter, pyramid: Pyramid, opacity: float) -> None:
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
        painter.setOpacity(opacity)
        painter.drawImage(visible, image, source)


class PicturePane(QFrame):
    """A view under its caption: what it shows on the left, size and magnification on the right."""

    def __init__(self, title: str, link: ViewLink, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        self.view = PictureView(link)
        self.view.moved = self._describe
        self._title = theme.label(title, "caption")
        self._facts = theme.label("", "caption")
        self._note = ""
        self._facts.setAlignment(Qt.AlignmentFlag.AlignRight)
        caption = QHBoxLayout()
        caption.setContentsMargins(theme.SMALL, 6, theme.SMALL, 6)
        caption.addWidget(self._title)
        caption.addStretch()
        caption.addWidget(self._facts)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(caption)
        layout.addWidget(self.view)

    def set_title(self, title: str, *, emphasised: bool = False) -> None:
        self._title.setText(title)
        self._title.setStyleSheet(f"color: {theme.ACCENT}; font-weight: 600;" if emphasised else "")

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
