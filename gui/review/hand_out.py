"""Results that leave the review page for a retoucher: by a drag, or opened in the editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from gui.context import WindowContext
from gui.export.hand_over import DocumentsOut
from gui.pictures.parts import Part

if TYPE_CHECKING:
    from gui.review.page import ReviewPage

_TIP = "Drag into Photoshop, a folder or another program: the photograph's layered document"
_MENU = ("open_in_editor", "", "approve", "reject", "clear_verdict", "", "edit_mask", "edit", "training_pair")
"""Of a result under the pointer; an empty name is a line."""


class HandOut:
    """Connects strip, grid and the result's caption with the documents. GUI thread only."""

    def __init__(self, page: ReviewPage, context: WindowContext) -> None:
        self._page = page
        self.documents = DocumentsOut(context, page)
        for view in (page.list, page.grid):
            view.dragged_out.connect(lambda view=view: self._drag(view.viewport()))
            self._give_menu(view, context)
        pane = page.compare.panes[Part.RESULT]
        pane.handle.offer(_TIP)
        pane.handle.dragged.connect(lambda: self._drag(pane.handle))
        self._give_menu(pane.handle, context)

    def open(self) -> None:
        """Open the chosen results' documents in the editor."""
        self.documents.open([row.job_id for row in self._page.chosen()])

    def _drag(self, source: QWidget) -> None:
        rows = self._page.chosen() if self._page.mode is None else []
        if rows:
            self.documents.drag(source, [row.job_id for row in rows], self._page.results.thumbnail(rows[0]))

    def _give_menu(self, widget: QWidget, context: WindowContext) -> None:
        for name in _MENU:
            if name:
                widget.addAction(context.actions[name])
            else:
                line = widget.addAction("")
                line.setSeparator(True)
        widget.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
