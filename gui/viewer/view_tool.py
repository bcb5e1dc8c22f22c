"""What a pointer can do in a picture view besides panning: the seam between a view and the tools held over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QCursor, QPainter, QSinglePointEvent, QWheelEvent

if TYPE_CHECKING:
    from gui.viewer.picture_view import PictureView


class ViewTool:
    """Held with `PictureView.set_tool`; every method does nothing until a tool overrides it. GUI thread only.

    Points are continuous source pixels of the shown picture, whatever its magnification: pixel ``(i, j)`` covers
    ``i <= x < i + 1``, ``j <= y < j + 1``. They lie outside the picture where the pointer does.

    Events are mouse events, or tablet events (`QTabletEvent`, which alone have a ``pressure()``); a tablet event that a
    tool takes is not sent again as a mouse event. A method that returns True has taken the event; False leaves it to
    the view, which pans with the left and the middle button, zooms with the wheel and goes to 100 % on a double click.
    A tool that took the press and returns False for a move lets go: the view pans from where the button was pressed.
    """

    def press(self, point: QPointF, event: QSinglePointEvent) -> bool:
        """A button went down."""
        return False

    def move(self, point: QPointF, event: QSinglePointEvent) -> bool:
        """The pointer moved, with or without a button."""
        return False

    def release(self, point: QPointF, event: QSinglePointEvent) -> bool:
        """A button went up. Asked only where the tool took its press and has not let go since."""
        return False

    def double_click(self, point: QPointF, event: QSinglePointEvent) -> bool:
        """A button went down for the second time in short order: one more press, unless the tool knows better."""
        return self.press(point, event)

    def wheel(self, point: QPointF, event: QWheelEvent) -> bool:
        """The wheel was turned."""
        return False

    def leave(self) -> None:
        """The pointer left the view."""

    def paint(self, painter: QPainter, view: PictureView) -> None:
        """Draw over the picture.

        The painter is in view pixels (`PictureView.to_view`) and is restored afterwards; `PictureView.visible_box` says
        which part of the picture is to be seen. Ask for it with ``view.update()``.
        """

    def cursor(self) -> QCursor | Qt.CursorShape | None:
        """The pointer's shape over the picture; None leaves it to the view. Read anew at every move."""
        return None
