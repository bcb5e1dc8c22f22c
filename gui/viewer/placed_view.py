"""Where a picture lies in a view: the geometry that views under one link share, and zooming and panning."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSizeF
from PySide6.QtWidgets import QWidget

from engine.domain.geometry import Box
from gui.pictures.tiled_picture import Layer
from gui.viewer.view_geometry import Placed, ViewLink, fit_factor, placed

_LARGEST = 16.0  # device pixels per source pixel
_FITTED = 1e-3  # how near to 1 a zoom counts as fitted


class PlacedView(QWidget):
    """A view of one picture under its link's zoom and position. GUI thread only.

    Its geometry, for tools: `to_picture` and `to_view` map between view pixels and continuous source pixels, `scale`
    says how many device pixels one source pixel is, `visible_box` which source pixels are to be seen. They are of the
    picture that is shown and need one: ask `picture` first.

    Parameters
    ----------
    link : ViewLink
        Zoom, position and loupe, shared by all views that are given it.
    """

    def __init__(self, link: ViewLink, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._link = link

    @property
    def picture(self) -> Layer | None:
        """What is shown."""
        raise NotImplementedError

    @property
    def scale(self) -> float:
        """Device pixels per source pixel; 1 is what is called 100 %."""
        return self._fit_factor() * self._zoom() * self.devicePixelRatioF()

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
        factor = self._fit_factor() * self._zoom()
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
        zoom = min(max(self._smallest_zoom(), self._zoom() * factor), max(1.0, largest))
        step = position - QPointF(self.width() / 2, self.height() / 2)
        self._link.set(zoom, self._as_share(self.to_picture(position) - step / (self._fit_factor() * zoom)))

    def toggle_actual_size(self, position: QPointF | None = None) -> None:
        """100 % at ``position``, or the whole picture where it is magnified already."""
        if self.picture is None:
            return
        if abs(self._zoom() - 1) > _FITTED:
            self._link.fit()
        else:
            self.zoom_at(1 / self.scale, position)

    def pan(self, step: QPointF) -> None:
        """Move the picture by view pixels."""
        place = self.placed()
        middle = place.to_picture(QPointF(self.width() / 2, self.height() / 2))
        self._link.set(self._link.zoom, self._as_share(middle - step / place.factor))

    # -- inside -------------------------------------------------------------------------------------------------

    def _in_source(self, share: QPointF) -> QPointF:
        """A point given as 0 to 1 along the picture's sides, in source pixels."""
        assert self.picture is not None
        return QPointF(share.x() * self.picture.extent.width, share.y() * self.picture.extent.height)

    def _as_share(self, source: QPointF) -> QPointF:
        """A point in source pixels as 0 to 1 along the picture's sides."""
        assert self.picture is not None
        return QPointF(source.x() / self.picture.extent.width, source.y() / self.picture.extent.height)

    def _zoom(self) -> float:
        """The link's zoom, as far as it can be followed: what is shared may come from a smaller picture."""
        return max(self._link.zoom, self._smallest_zoom())

    def _smallest_zoom(self) -> float:
        """1, or less where a small picture is enlarged to fit and can be reduced to 100 %."""
        return min(1.0, 1 / (self._fit_factor() * self.devicePixelRatioF()))

    def _fit_factor(self) -> float:
        """View pixels per source pixel when the whole picture is shown."""
        if self.picture is None:
            return 1.0
        return fit_factor(self.picture.extent, self._link.smallest(), self.devicePixelRatioF())
