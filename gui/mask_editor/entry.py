"""The ways into the mask editor, from a result and from a failed job, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout

from engine.domain.requests import EditRequest
from engine.domain.review import FailedItem, ReviewItem, Viewed
from gui.context import WindowContext
from gui.look import theme
from gui.pictures.parts import Part
from gui.review.bar import ReviewBar
from gui.review.stage import ReviewMode
from gui.widgets.elided_label import ElidedLabel

if TYPE_CHECKING:
    from gui.mask_editor.area import Area
    from gui.mask_editor.editor import MaskEditor
    from gui.review.page import ReviewPage

_TOOLS = ((("actual_size", "100 %"), ("fit", "Fit")),)
_HINT = "Space and drag pans · wheel zooms · Shift draws straight on · Alt does the opposite"


class MaskEditing(QObject):
    """Lends the page's viewer to the editor, which is built when it is first wanted. GUI thread only.

    Attributes
    ----------
    editor : MaskEditor or None
        None until then: it brings OpenCV along.
    """

    def __init__(self, page: ReviewPage, context: WindowContext) -> None:
        super().__init__(page)
        self._page, self._context = page, context
        self._returns: Callable[[], object] = _nowhere
        self.editor: MaskEditor | None = None

    @property
    def can_begin(self) -> bool:
        """Whether the shown result has a mask that can be corrected; an edit's masks belong to its turns."""
        item = self._page.current()
        return item is not None and not isinstance(item.job.request, EditRequest)

    def begin(self) -> None:
        """Edit the mask of the shown result."""
        item = self._page.current()
        if item is not None and self._page.mode is None:
            self._open(item, _nowhere).edit(item)

    def draw(self, item: FailedItem, returns: Callable[[], object]) -> None:
        """Draw the mask that a job has failed to find, with its flatlay beside it.

        A mask that is being edited is asked about first.

        Parameters
        ----------
        returns : callable
            ``returns()`` leads back once the mask is drawn, or was left.
        """

        def begin() -> None:
            self._open(item, returns).edit(item)

        if self.editor is not None and self.editor.is_open:
            self.editor.leave(begin)
        else:
            begin()

    def draw_area(self, item: ReviewItem, area: Area, returns: Callable[[], object]) -> None:
        """Draw a mask of a result's photograph for something else; no other mask may be being edited."""
        if self._page.mode is not None:
            returns()
            return
        self._open(item, returns).draw_area(item, area)

    def holds_back(self, then: Callable[[], object]) -> bool:
        """Ask what shall become of a changed mask, where there is one; ``then()`` is called once that is settled."""
        if self.editor is None or not self.editor.is_changed:
            return False
        self.editor.leave(then)
        return True

    # -- inside -------------------------------------------------------------------------------------------------

    def _open(self, item: Viewed, returns: Callable[[], object]) -> MaskEditor:
        """Give the viewer to the editor."""
        page = self._page
        if self.editor is None:
            self.editor = self._build()
        self._returns = returns
        page.enter(ReviewMode(self._bar, self.editor))
        if item.outcome is None:
            page.viewer.show_item(item)
        flatlay = Part.FLATLAY if item.outcome is None and item.pair.flatlay is not None else None
        page.viewer.show_alone(Part.ORIGINAL, beside=flatlay)
        self._bar.show()
        return self.editor

    def _build(self) -> MaskEditor:
        from gui.mask_editor.editor import MaskEditor

        self._bar = QFrame()
        self._bar.setProperty("panel", True)
        line = QHBoxLayout(self._bar)
        line.setContentsMargins(0, 0, theme.SMALL, 0)
        hint = ElidedLabel("caption")
        hint.show_text(_HINT)
        hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(ReviewBar(self._context.actions, _TOOLS))
        line.addWidget(hint, 1)
        editor = MaskEditor(self._context, self._page.compare.panes[Part.ORIGINAL].view)
        editor.ended.connect(self._on_ended)
        editor.kept.connect(self._on_kept)
        return editor

    def _on_kept(self) -> None:
        self._page.reload()
        self._page.requeued.emit()

    def _on_ended(self) -> None:
        page = self._page
        page.leave()
        for widget in (self._bar, self.editor):
            if widget is not None:
                widget.setParent(page)
                widget.hide()
        page.viewer.show_alone(None)
        page.select(page.current_id())
        page.list.setFocus()
        returns, self._returns = self._returns, _nowhere
        returns()


def _nowhere() -> None:
    """The review page is where the editor was begun."""
