"""Where a picture lies in its view, and the zoom and position that several views share."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QObject, QPointF, QRectF, QSize, QSizeF, Signal

from engine.domain.geometry import Box, Extent
from gui.viewer.loupe import Loupe

MARGIN = 12  # view pixels kept free around a fitted picture
_NEARLY = 0.05  # how near to 100 % a fitted picture is shown at 100 %
_WHOLE = 1e-6  # how near to a whole number a magnification counts as whole


class ViewLink(QObject):
    """The zoom and position that several views share.

    Attributes
    ----------
    zoom : float
        1 fits the whole picture into its view; 2 shows half of its width.
    center : QPointF
        The point in the middle of the view, 0 to 1 along each side of the picture, so that pictures of different size
        show the same place.
    loupe : Loupe
        Held over all views at once.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.loupe = Loupe(self)
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
        center = QPointF(min(1.0, max(0.0, center.x())), min(1.0, max(0.0, center.y())))
        if zoom != self.zoom or center != self.center:
            self.zoom, self.center = zoom, center
            self.changed.emit()

    def fit(self) -> None:
        """Show the whole pictures."""
        self.set(1.0, QPointF(0.5, 0.5))


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture's place in a view; maps points both ways.

    Attributes
    ----------
    extent : Extent
        The picture's, in source pixels.
    factor : float
        View pixels per source pixel.
    left, top : float
        The picture's upper left corner, in view pixels.
    is_whole : bool
        Whether every source pixel is a square of whole device pixels.
    """

    extent: Extent
    factor: float
    left: float
    top: float
    is_whole: bool

    def to_picture(self, view: QPointF) -> QPointF:
        """A point of the view in source pixels."""
        return QPointF((view.x() - self.left) / self.factor, (view.y() - self.top) / self.factor)

    def to_view(self, picture: QPointF) -> QPointF:
        """A point in source pixels as a point of the view."""
        return QPointF(self.left + picture.x() * self.factor, self.top + picture.y() * self.factor)

    @property
    def rect(self) -> QRectF:
        """The whole picture in view pixels."""
        return QRectF(self.left, self.top, self.extent.width * self.factor, self.extent.height * self.factor)

    def visible_box(self, size: QSizeF) -> Box | None:
        """The source pixels of which something is inside a view of this size; None where there are none."""
        first, last = self.to_picture(QPointF(0, 0)), self.to_picture(QPointF(size.width(), size.height()))
        box = Box(
            max(0, math.floor(first.x())),
            max(0, math.floor(first.y())),
            min(self.extent.width, math.ceil(last.x())),
            min(self.extent.height, math.ceil(last.y())),
        )
        return box if box.left < box.right and box.top < box.bottom else None


def fit_factor(extent: Extent, room: QSize, ratio: float = 1.0) -> float:
    """View pixels per source pixel at which the whole picture fits into ``room`` with its margin.

    What would be nearly 100 % is exactly 100 %, as long as the picture stays whole: a little of the margin is worth
    less than pixels that are not resampled.

    Parameters
    ----------
    ratio : float
        Device pixels per view pixel.
    """
    width, height = max(1, room.width() - 2 * MARGIN), max(1, room.height() - 2 * MARGIN)
    factor = min(width / extent.width, height / extent.height)
    is_whole = extent.width <= room.width() * ratio and extent.height <= room.height() * ratio
    return 1 / ratio if is_whole and abs(factor * ratio - 1) <= _NEARLY else factor


def placed(extent: Extent, factor: float, center: QPointF, size: QSizeF, ratio: float, corner: QPointF) -> Placed:
    """Lay a picture into a view so that ``center`` (0 to 1 along its sides) is in the view's middle.

    No edge of a magnified picture comes further in than the margin. At whole magnifications the picture's pixels are
    laid onto the screen's: at 100 % each is one, and none is a mixture of two.

    Parameters
    ----------
    factor : float
        View pixels per source pixel.
    size : QSizeF
        The view's size in view pixels.
    ratio : float
        Device pixels per view pixel.
    corner : QPointF
        The view's upper left corner in its window, in view pixels; times ``ratio`` it may lie between device pixels.
    """
    scale = factor * ratio
    is_whole = scale > 0.5 and abs(scale - round(scale)) < _WHOLE * scale
    if is_whole:
        factor = round(scale) / ratio

    def start(share: float, pixels: int, room: float, offset: float) -> float:
        shown, inner = pixels * factor, room - 2 * MARGIN
        if shown <= inner:
            share = 0.5
        else:
            half = inner / 2 / shown
            share = min(1 - half, max(half, share))
        begin = room / 2 - share * shown
        return round((begin + offset) * ratio) / ratio - offset if is_whole else begin

    return Placed(
        extent,
        factor,
        start(center.x(), extent.width, size.width(), corner.x()),
        start(center.y(), extent.height, size.height(), corner.y()),
        is_whole,
    )
