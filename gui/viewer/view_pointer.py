"""Who is asked first when a pointer does something in a view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QCursor, QSinglePointEvent

from gui.viewer.view_tool import ViewTool
from gui.viewer.wipe_divider import WipeDivider

if TYPE_CHECKING:
    from gui.viewer.picture_view import PictureView


class ViewPointer:
    """Offers the pointer to the divider and to the tool; what neither takes pans the view. GUI thread only.

    Attributes
    ----------
    tool : ViewTool or None
        What the operator holds.
    divider : WipeDivider
        Comes first wherever it is shown.
    """

    def __init__(self, view: PictureView) -> None:
        self._view = view
        self.divider = WipeDivider(view)
        self.tool: ViewTool | None = None
        self._holder: ViewTool | None = None
        self._dragged_from: QPointF | None = None

    def set_tool(self, tool: ViewTool | None) -> None:
        """Hold another tool; the one before is asked no more."""
        self.tool = tool
        if self._holder is not self.divider:
            self._holder = None

    def press(self, event: QSinglePointEvent, *, double: bool = False) -> bool:
        """Whether somebody took the press."""
        self._dragged_from = event.position()
        self._holder = None
        if self._view.picture is None:
            return False
        point = self._view.to_picture(event.position())
        for tool in (self.divider, self.tool):
            if tool is not None and (tool.double_click(point, event) if double else tool.press(point, event)):
                self._holder = tool
                return True
        return False

    def move(self, event: QSinglePointEvent) -> bool:
        """Whether somebody took the move; a holder that does not lets go, and the view pans from the press."""
        point = self._view.to_picture(event.position())
        if self._holder is not None:
            if self._holder.move(point, event):
                return True
            self._holder = None
            return False
        if self._dragged_from is not None:
            return False
        # The divider is told of every move: it shows where it can be taken hold of.
        taken = self.divider.move(point, event)
        return (self.tool is not None and self.tool.move(point, event)) or taken

    def release(self, event: QSinglePointEvent) -> bool:
        """Whether somebody took the release."""
        holder = self._holder
        self.drop()
        if holder is None or self._view.picture is None:
            return False
        return holder.release(self._view.to_picture(event.position()), event)

    def drop(self) -> None:
        """Nothing is dragged or held any more."""
        self._holder = self._dragged_from = None

    @property
    def is_dragging(self) -> bool:
        """Whether a button is down that pans."""
        return self._dragged_from is not None and self._holder is None

    def step_to(self, position: QPointF) -> QPointF:
        """How far the pointer was dragged since the last step, in view pixels."""
        step = position - (self._dragged_from or position)
        self._dragged_from = position
        return step

    def cursor(self) -> QCursor | Qt.CursorShape:
        """The pointer's shape while nothing is dragged."""
        own = self.tool.cursor() if self.tool is not None else None
        return self.divider.cursor() or own or Qt.CursorShape.OpenHandCursor
