"""Edit the mask of one result in the viewer: load, draw, keep as a new version, and never lose it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QMessageBox, QVBoxLayout, QWidget

from engine.domain.jobs import Job
from engine.domain.review import ReviewItem, Viewed
from gui import preferences
from gui.context import WindowContext
from gui.look import theme
from gui.mask_editor.area import Area
from gui.mask_editor.canvas import MaskCanvas
from gui.mask_editor.commands import MaskCommands
from gui.mask_editor.model import MaskModel, MaskTool
from gui.mask_editor.others import OtherMasks
from gui.mask_editor.questions import leave_question, restore_question
from gui.mask_editor.session import MaskSession
from gui.mask_editor.space_bar import SpaceBar
from gui.mask_editor.subject import Wording, told, wording
from gui.mask_editor.tool import MaskEditorTool
from gui.mask_editor.tools import MaskTools
from gui.mask_editor.unsaved import UnsavedMask
from gui.mask_editor.versions import Opened, keep_mask, open_area, open_mask
from gui.viewer.picture_view import PictureView

if TYPE_CHECKING:
    from engine.domain.picture import Alpha


class MaskEditor(QWidget):
    """The panel beside the picture, and what connects it with the pointer, the mask and the catalog. GUI thread only.

    Parameters
    ----------
    view : PictureView
        Shows the photograph while `edit` is in force.
    """

    ended = Signal()
    """The editor was left, with or without a new version."""

    kept = Signal()
    """A new version is in the queue."""

    def __init__(self, context: WindowContext, view: PictureView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._view = context, view
        self.model = MaskModel(self)
        self.canvas = MaskCanvas()
        self.tool = MaskEditorTool(view, self.model)
        self._space_bar = SpaceBar(view, self.tool, self)
        self.tools = MaskTools(self.model, context.actions)
        self.others = OtherMasks(context, self.tools.replace_menu, self)
        self.session: MaskSession | None = None
        self.question: QMessageBox | None = None
        self._item: Viewed | None = None
        self._area: Area | None = None
        self._wording = Wording("", "", "", "")
        self._unsaved = UnsavedMask(context, self)
        self.autosave = self._unsaved.write
        self._was_marked = False
        self._is_keeping = False
        self._then: Callable[[], object] | None = None
        self._visit = 0
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tools)
        self._commands = MaskCommands(self, context.actions)
        self.model.changed.connect(self._on_model)

    # -- what the page calls ------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether a mask is being edited."""
        return self._item is not None

    @property
    def is_changed(self) -> bool:
        """Whether there is something to lose."""
        return self.session is not None and self.session.is_changed

    def edit(self, item: Viewed) -> None:
        """Read a result's mask in the background, or what a failed job can begin with, and let it be edited."""
        self._unsaved.begin(item)
        begin = partial(open_mask, self._context.services, item, self._unsaved.place)
        self._begin(item, None, wording(item), begin)

    def draw_area(self, item: ReviewItem, area: Area) -> None:
        """Let a mask of a result's photograph be drawn that has nothing to do with the result's own."""
        self._begin(item, area, area.wording(item), partial(open_area, self._context.services, item))

    def _begin(self, item: Viewed, area: Area | None, said: Wording, begin: Callable[[], Opened]) -> None:
        self._visit += 1
        self._item, self._area, self._wording = item, area, said
        self._is_keeping = False
        self._view.set_tool(self.tool)
        self._space_bar.begin()
        self.tools.show_subject(said, can_mark=area is None and item.outcome is not None)
        self.show()
        self._show_state()
        self._view.setFocus()
        visit = self._visit
        self._context.bridge.run_in_background(
            begin, partial(self._on_opened, visit), partial(self._on_not_opened, visit)
        )

    def leave(self, then: Callable[[], object] | None = None) -> None:
        """Drop the lasso or stroke that is under way; else leave the editor, after asking where there is a change.

        Parameters
        ----------
        then : callable, optional
            Called once the editor was left, unless the operator goes on editing.
        """
        self._then = then
        if self.tool.drop() and then is None:
            return
        if self._is_keeping:
            return  # it ends by itself
        if self.is_changed:
            self._ask_before_leaving()
        else:
            self._end()

    # -- Qt -----------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.window().installEventFilter(self)
        self._show_state()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._show_state()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Close:
            self.autosave()
        return super().eventFilter(watched, event)

    # -- opening and ending -------------------------------------------------------------------------------------

    def _on_opened(self, visit: int, opened: Opened) -> None:
        item = self._item
        if visit != self._visit or item is None:
            return
        self._was_marked = opened.is_marked
        self.tools.for_training.setChecked(opened.is_marked)
        session = MaskSession(
            opened.alpha,
            opened.levels,
            item.pair.on_model.path,
            self.canvas,
            self._context.bridge,
            self._context.report,
            self,
        )
        session.drawn.connect(self.tool.redraw)
        session.changed.connect(self._show_state)
        self.session = session
        self._unsaved.watch(session)
        self.tool.set_session(session)
        self.others.begin(item, session, opened, offers_jobs=self._area is None)
        self._show_state()
        if opened.unsaved is not None:
            self._offer(*opened.unsaved)

    def _on_not_opened(self, visit: int, error: Exception) -> None:
        if visit == self._visit:
            self._context.report(error)
            self._end()

    def _end(self) -> None:
        """Close the editor."""
        self._unsaved.end()
        self._visit += 1
        self.others.end()
        self.model.keep()
        if self.session is not None:
            self.session.close()
            self.session.deleteLater()
        self.session = self._item = self._area = None
        self._space_bar.end()
        self.tool.set_session(None)
        self.canvas.show_levels(None)
        self._view.set_tool(None)
        self.hide()
        self._show_state()
        then, self._then = self._then, None
        self.ended.emit()
        if then is not None:
            then()

    def _ask_before_leaving(self) -> None:
        if self.question is not None:
            self.question.raise_()
        else:
            self._open_question(leave_question(self, self._wording, self._keep_and_leave, self._end, self._stay))

    def _keep_and_leave(self) -> None:
        self.keep()
        if not self._is_keeping:  # an open lasso was closed, or there is nothing to keep
            self._then = None

    def _stay(self) -> None:
        self._then = None

    def _offer(self, alpha: Alpha, kept_at: datetime) -> None:
        """Ask whether to go on with a mask that a crash left unsaved."""

        def restore() -> None:
            if self.session is not None:
                self.session.replace("unsaved changes", lambda: alpha)

        self._open_question(restore_question(self, kept_at, restore, self._unsaved.remove))

    def _open_question(self, box: QMessageBox) -> None:
        self.question = box
        box.finished.connect(self._forget_question)
        theme.give_room(box)
        box.open()

    def _forget_question(self) -> None:
        if self.question is not None:
            self.question.deleteLater()
        self.question = None
        if self.is_open:
            self._view.setFocus()

    # -- keeping ------------------------------------------------------------------------------------------------

    def keep(self) -> None:
        """Close an open lasso; else queue a new version with the mask as it is, and leave."""
        field = QApplication.focusWidget()
        if isinstance(field, QAbstractSpinBox):  # Enter ends what is being typed
            field.interpretText()
            self._view.setFocus()
            return
        if self.tool.has_lasso:
            self.tool.close_lasso()
            return
        session, item = self.session, self._item
        if session is None or item is None or session.is_busy or session.document.draws or self._is_keeping:
            return
        marks = self.tools.for_training.isChecked()
        is_new = item.outcome is None or self._area is not None
        if is_new:  # what it began with, a guess perhaps, may be good enough
            keeps, why_not = bool(session.document.alpha.any()), "There is nothing in the mask yet."
        else:
            keeps, why_not = session.is_changed, "Nothing was changed."
        if not keeps and (is_new or marks == self._was_marked):
            session.tell(why_not)
            return
        self._is_keeping = True
        self._show_state()
        alpha = session.document.alpha.copy() if keeps else None
        changed = marks if marks != self._was_marked else None
        area = self._area
        if area is not None and alpha is not None and isinstance(item, ReviewItem):
            self._context.bridge.run_in_background(
                partial(area.write, alpha), partial(self._on_drawn, self._visit, area),
                partial(self._on_not_kept, self._visit), in_order=True,
            )  # fmt: skip
            return
        self._context.bridge.run_in_background(
            partial(keep_mask, self._context.services, item, alpha, changed, preferences.reviewer()),
            partial(self._on_kept, self._visit, item),
            partial(self._on_not_kept, self._visit),
            in_order=True,
        )

    def _on_kept(self, visit: int, item: Viewed, job: Job | None) -> None:
        if job is not None:
            self._context.services.dispatcher.wake()
            self._context.notify(*told(job, item), until=None if job.state.is_final else job.id)
        self.kept.emit()
        if visit == self._visit:
            self._end()

    def _on_drawn(self, visit: int, area: Area, file: Path) -> None:
        area.taken(file)
        if visit == self._visit:
            self._end()

    def _on_not_kept(self, visit: int, error: Exception) -> None:
        self._context.report(error)
        if visit == self._visit:
            self._is_keeping, self._then = False, None
            self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------

    def _show_state(self) -> None:
        """Switch the commands on where they make sense, and say what is going on."""
        session, is_here = self.session, self.is_open and self.isVisible()
        is_busy = session is None or session.is_busy or self._is_keeping
        self._commands.refresh(is_here=is_here, is_busy=is_busy)
        busy = "Keeping the mask…" if self._is_keeping else session.busy_text if session else "Reading the mask…"
        self.tools.show_state(
            busy_text=busy if self.is_open else "",
            said=session.said if session else "",
            undo=session.undo_name if session and is_here else "",
            redo=session.redo_name if session and is_here else "",
        )

    def _on_model(self) -> None:
        settings = self.model.settings
        if settings.tool is not MaskTool.LASSO and self.tool.has_lasso:
            self.tool.drop()
        if settings.view is not self.canvas.view:
            self.canvas.show_as(settings.view)
            self._view.update()
        self.tool.refresh()
