"""Edit the mask of one result in the viewer: load, draw, keep as a new version, and never lose it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QMessageBox, QVBoxLayout, QWidget

from engine.domain.jobs import Job, JobState
from engine.domain.requests import ColorMatchRequest
from engine.domain.review import ReviewItem
from gui import preferences
from gui.context import WindowContext
from gui.mask_editor.autosave import Autosave
from gui.mask_editor.canvas import MaskCanvas, MaskLevels
from gui.mask_editor.model import MaskModel, MaskTool
from gui.mask_editor.others import OtherMasks
from gui.mask_editor.session import MaskSession
from gui.mask_editor.sources import StoredMask, read_stored, stored_masks
from gui.mask_editor.tool import MaskEditorTool
from gui.mask_editor.tools import MaskTools
from gui.viewer.picture_view import PictureView

if TYPE_CHECKING:
    from engine.domain.picture import Alpha

AUTOSAVE_MS = 20_000

_ALWAYS = ("mask_leave",)
_DRAWING = (
    "mask_brush", "mask_eraser", "mask_lasso", "mask_fill", "mask_edge", "mask_swap", "mask_smaller", "mask_larger",
    "mask_softer", "mask_harder", "mask_grow", "mask_shrink", "mask_feather", "mask_find_edges", "mask_invert",
    "mask_clear", "mask_everything", "mask_view",
)  # fmt: skip
_STEPS = ("mask_undo", "mask_redo", "mask_keep")


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """What a pool thread read."""

    alpha: Alpha
    levels: MaskLevels
    stored: list[StoredMask]
    unsaved: tuple[Alpha, datetime] | None
    is_marked: bool


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
        self.tools = MaskTools(self.model, context.actions)
        self.others = OtherMasks(context, self.tools.replace_menu, self)
        self.session: MaskSession | None = None
        self.question: QMessageBox | None = None
        self._item: ReviewItem | None = None
        self._autosave: Autosave | None = None
        self._autosaved = 0
        self._was_marked = False
        self._is_keeping = False
        self._visit = 0
        self._digits: list[QShortcut] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tools)
        self._timer = QTimer(self)
        self._timer.setInterval(AUTOSAVE_MS)
        self._timer.timeout.connect(self.autosave)
        self._connect()
        self._add_opacity_keys()

    # -- what the page calls ------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether a result's mask is being edited."""
        return self._item is not None

    @property
    def is_changed(self) -> bool:
        """Whether there is something to lose."""
        return self.session is not None and self.session.is_changed

    def edit(self, item: ReviewItem) -> None:
        """Read a result's mask in the background, and let it be edited in the view."""
        self._visit += 1
        self._item = item
        self._is_keeping = False
        catalog_file = self._context.services.catalog_path
        self._autosave = Autosave(catalog_file, item) if catalog_file is not None else None
        self._view.set_tool(self.tool)
        self._view.installEventFilter(self)
        self.tools.name.show_text(f"{item.pair.on_model.path.name} · version {item.job.version}")
        self.tools.for_training.setChecked(False)
        self.show()
        self._show_state()
        self._view.setFocus()
        visit = self._visit
        self._context.bridge.run_in_background(
            partial(_open, self._context, item, self._autosave),
            partial(self._on_opened, visit),
            partial(self._on_not_opened, visit),
        )

    def leave(self) -> None:
        """Drop the lasso or stroke that is under way; else leave the editor, after asking where there is a change."""
        if self.tool.drop():
            return
        if self.is_changed:
            self._ask_before_leaving()
        else:
            self._end()

    def autosave(self) -> None:
        """Keep the mask beside the catalog, in the background, unless it is there already."""
        session, place = self.session, self._autosave
        if session is None or place is None or not session.is_changed or session.document.draws:
            return
        revision = session.document.revision
        if revision == self._autosaved:
            return
        self._autosaved = revision
        alpha = session.document.alpha.copy()
        # In order: what is kept last is written last, and a window that closes waits for it.
        self._context.bridge.run_in_background(
            lambda: place.write(alpha), lambda _: None, self._context.report, in_order=True
        )

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
        elif watched is self._view and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat() and self.is_open:
                self.tool.pans = event.type() == QEvent.Type.KeyPress
                self._view.setCursor(self.tool.cursor() or Qt.CursorShape.ArrowCursor)
                self._view.update()
            return True
        elif watched is self._view and event.type() == QEvent.Type.FocusOut:
            self.tool.pans = False
        elif watched is self._view and event.type() == QEvent.Type.MouseButtonPress:
            self._view.setFocus()  # out of a number field, and so that the space bar is heard
        return super().eventFilter(watched, event)

    # -- opening and ending -------------------------------------------------------------------------------------

    def _on_opened(self, visit: int, opened: _Opened) -> None:
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
        self.session, self._autosaved = session, 0
        self.tool.set_session(session)
        self.others.begin(item, session, opened.stored)
        self._timer.start()
        self._show_state()
        if opened.unsaved is not None:
            self._offer(*opened.unsaved)

    def _on_not_opened(self, visit: int, error: Exception) -> None:
        if visit == self._visit:
            self._context.report(error)
            self._end()

    def _end(self) -> None:
        """Close the editor; the autosave goes, too, unless it was not even offered yet."""
        place = self._autosave
        if place is not None and self.session is not None:
            self._context.bridge.run_in_background(place.remove, lambda _: None, self._context.report, in_order=True)
        self._visit += 1
        self._timer.stop()
        self.others.end()
        self.model.keep()
        if self.session is not None:
            self.session.close()
            self.session.deleteLater()
        self.session = self._item = self._autosave = None
        self.tool.pans = False
        self.tool.set_session(None)
        self.canvas.show_levels(None)
        self._view.removeEventFilter(self)
        self._view.set_tool(None)
        self.hide()
        self._show_state()
        self.ended.emit()

    def _ask_before_leaving(self) -> None:
        if self.question is not None:
            self.question.raise_()
            return
        box = QMessageBox(self)
        box.setObjectName("leave_question")
        box.setWindowTitle("The mask was changed")
        box.setText("Keep the changed mask?")
        box.setInformativeText("Kept, it becomes a new version, which is matched anew. The version before stays.")
        keep = box.addButton("Keep as a new version", QMessageBox.ButtonRole.AcceptRole)
        discard = box.addButton("Discard the changes", QMessageBox.ButtonRole.DestructiveRole)
        stay = box.addButton("Go on editing", QMessageBox.ButtonRole.RejectRole)
        for button, name in ((keep, "keep_mask"), (discard, "discard_mask"), (stay, "stay")):
            button.setObjectName(name)
        box.setDefaultButton(keep)
        box.setEscapeButton(stay)
        keep.clicked.connect(self.keep)
        discard.clicked.connect(self._end)
        self._open_question(box)

    def _offer(self, alpha: Alpha, kept_at: datetime) -> None:
        """Ask whether to go on with a mask that a crash left unsaved."""
        box = QMessageBox(self)
        box.setObjectName("restore_question")
        box.setWindowTitle("An unsaved mask was found")
        box.setText(f"This mask was edited on {kept_at:%d %B, %H:%M}, and never kept.")
        box.setInformativeText("Go on with it? Undo leads back to the stored mask.")
        restore = box.addButton("Go on with it", QMessageBox.ButtonRole.AcceptRole)
        discard = box.addButton("Discard it", QMessageBox.ButtonRole.DestructiveRole)
        restore.setObjectName("restore_mask")
        discard.setObjectName("discard_unsaved")
        box.setDefaultButton(restore)
        box.setEscapeButton(restore)
        restore.clicked.connect(lambda: self.session and self.session.replace("unsaved changes", lambda: alpha))
        place = self._autosave
        assert place is not None
        discard.clicked.connect(
            lambda: self._context.bridge.run_in_background(
                place.remove, lambda _: None, self._context.report, in_order=True
            )
        )
        self._open_question(box)

    def _open_question(self, box: QMessageBox) -> None:
        self.question = box
        box.finished.connect(self._forget_question)
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
        if not session.is_changed and marks == self._was_marked:
            session.tell("Nothing was changed.")
            return
        self._is_keeping = True
        self._show_state()
        alpha = session.document.alpha.copy() if session.is_changed else None
        changed = marks if marks != self._was_marked else None
        self._context.bridge.run_in_background(
            partial(_keep, self._context, item, alpha, changed, preferences.reviewer()),
            partial(self._on_kept, self._visit, item),
            partial(self._on_not_kept, self._visit),
            in_order=True,
        )

    def _on_kept(self, visit: int, item: ReviewItem, job: Job | None) -> None:
        if job is not None:
            self._context.services.dispatcher.wake()
            self._context.notify(*_told(job, item))
        self.kept.emit()
        if visit == self._visit:
            self._end()

    def _on_not_kept(self, visit: int, error: Exception) -> None:
        self._context.report(error)
        if visit == self._visit:
            self._is_keeping = False
            self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------

    def _show_state(self) -> None:
        """Switch the commands on where they make sense, and say what is going on."""
        actions, session = self._context.actions, self.session
        is_here = self.is_open and self.isVisible()
        is_busy = session is None or session.is_busy or self._is_keeping
        for name in _ALWAYS:
            actions[name].setEnabled(is_here)
        for name in (*_DRAWING, *_STEPS):
            actions[name].setEnabled(is_here and not is_busy)
        for key in self._digits:
            key.setEnabled(is_here)
        busy = "Keeping the mask…" if self._is_keeping else session.busy_text if session else "Reading the mask…"
        self.tools.show_state(
            busy_text=busy if self.is_open else "",
            said=session.said if session else "",
            undo=session.undo_name if session and is_here else "",
            redo=session.redo_name if session and is_here else "",
        )

    def _connect(self) -> None:
        model, actions = self.model, self._context.actions
        for name, call in (
            ("mask_brush", partial(model.hold, MaskTool.BRUSH, subtracts=False)),
            ("mask_eraser", partial(model.hold, MaskTool.BRUSH, subtracts=True)),
            ("mask_lasso", partial(model.hold, MaskTool.LASSO)),
            ("mask_fill", partial(model.hold, MaskTool.FILL)),
            ("mask_edge", partial(model.hold, MaskTool.EDGE)),
            ("mask_swap", model.swap),
            ("mask_smaller", partial(model.step_size, -1)),
            ("mask_larger", partial(model.step_size, +1)),
            ("mask_softer", partial(model.step_hardness, -1)),
            ("mask_harder", partial(model.step_hardness, +1)),
            ("mask_view", model.next_view),
            ("mask_undo", lambda: self.session and self.session.undo()),
            ("mask_redo", lambda: self.session and self.session.redo()),
            ("mask_grow", lambda: self.session and self.session.grow(model.settings.step)),
            ("mask_shrink", lambda: self.session and self.session.grow(-model.settings.step)),
            ("mask_feather", lambda: self.session and self.session.feather(model.settings.feather)),
            ("mask_find_edges", lambda: self.session and self.session.find_edges(model.settings.edge_radius)),
            ("mask_invert", lambda: self.session and self.session.invert()),
            ("mask_clear", lambda: self.session and self.session.fill_all(0)),
            ("mask_everything", lambda: self.session and self.session.fill_all(255)),
            ("mask_keep", self.keep),
            ("mask_leave", self.leave),
        ):
            actions.on(name, call)
        model.changed.connect(self._on_model)

    def _on_model(self) -> None:
        settings = self.model.settings
        if settings.tool is not MaskTool.LASSO and self.tool.has_lasso:
            self.tool.drop()
        if settings.view is not self.canvas.view:
            self.canvas.show_as(settings.view)
            self._view.update()
        self.tool.refresh()

    def _add_opacity_keys(self) -> None:
        """1 to 9 for 10 to 90 %, 0 for 100 %, as in Photoshop; in a number field the digits are typed."""
        for digit in range(10):
            key = QShortcut(QKeySequence(str(digit)), self)
            key.setEnabled(False)  # outside the editor they give stars
            key.activated.connect(partial(self.model.set, opacity=digit / 10 if digit else 1.0))
            self._digits.append(key)


def _open(context: WindowContext, item: ReviewItem, autosave: Autosave | None) -> _Opened:
    """Pool threads: everything that the editor begins with."""
    services = context.services
    alpha = read_stored(services.artifacts, item.outcome.mask.alpha)
    unsaved = autosave.read() if autosave is not None else None
    marked = any(mark.job_id == item.job.id for mark in services.catalog.training_marks(item.job.id - 1, 1))
    return _Opened(alpha, MaskLevels(alpha), stored_masks(services.catalog, item), unsaved, marked)


def _keep(context: WindowContext, item: ReviewItem, alpha: Alpha | None, marks: bool | None, author: str) -> Job | None:
    """Pool threads: queue the new version, and mark the result where that was changed."""
    from engine.services.versions import correct_mask, mark_for_training

    services = context.services
    job = correct_mask(services.catalog, services.artifacts, item, alpha, author=author) if alpha is not None else None
    if marks is not None:
        mark_for_training(services.catalog, item.job.id, marks, author=author)
    return job


def _told(job: Job, item: ReviewItem) -> tuple[str, str]:
    """What the banner says of a new version."""
    if job.state is JobState.SUCCEEDED:
        return f"Version {job.version} has this mask already; it is shown again.", ""
    verb = "matched" if isinstance(item.job.request, ColorMatchRequest) else "made"
    return f"Version {job.version} is being {verb}.", "The review shows it as soon as it is there."
