"""Edits from the window: asks for them, and puts them into the queue."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from engine.domain.jobs import Job
from engine.services.editing import edit_settings, edit_turn, input_file, submit_edit
from gui import preferences
from gui.context import WindowContext
from gui.mask_editor.area import Area
from gui.phrases import sentence
from gui.review.edit_dialog import EditDialog, EditWish
from gui.review.edit_facts import EditFacts, mask_preview, read_edit_facts


class Edits(QObject):
    """One dialog at a time. GUI thread only; files and the catalog are read and written in the background."""

    queued = Signal(object)
    """The `Job` that was queued."""

    area_wanted = Signal(object, object, object)
    """``(item, area, returns)``: a mask of the result's photograph is to be drawn, as `MaskEditing.draw_area` does."""

    def __init__(self, context: WindowContext, parent: QWidget) -> None:
        super().__init__(parent)
        self._context = context
        self._parent = parent
        self._is_reading = False
        self.dialog: EditDialog | None = None

    def ask(self, job_id: int | None) -> None:
        """Ask what shall be painted into the photograph of a finished job; None asks nothing."""
        if job_id is None or self._is_reading or self.dialog is not None:
            return
        self._is_reading = True
        services, model = self._context.services, preferences.kontext_model()

        def failed(error: Exception) -> None:
            self._is_reading = False
            self._context.report(error)

        self._context.bridge.run_in_background(
            lambda: read_edit_facts(services.catalog, services.artifacts, job_id, model), self._open, failed
        )

    # -- inside -------------------------------------------------------------------------------------------------

    def _open(self, facts: EditFacts) -> None:
        self._is_reading = False
        dialog = self.dialog = EditDialog(facts, self._parent)
        dialog.drawing_wanted.connect(lambda: self._draw(dialog, facts))
        dialog.mask_chosen.connect(lambda mask: self._read_mask(dialog, facts, mask))
        dialog.submitted.connect(lambda wish: self._submit(dialog, facts, wish))
        dialog.models_wanted.connect(self._show_models)
        dialog.finished.connect(self._forget)
        dialog.open()

    def _forget(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
        self.dialog = None

    def _show_models(self) -> None:
        if self.dialog is not None:
            self.dialog.reject()
        self._context.actions["show_models"].trigger()

    def _draw(self, dialog: EditDialog, facts: EditFacts) -> None:
        """Lend the window to the mask editor; what was typed stays."""
        dialog.hide()
        taken = partial(dialog.area.choose, text="The drawn mask")
        self.area_wanted.emit(facts.item, Area(self._context.services.artifacts, taken), dialog.open)

    def _read_mask(self, dialog: EditDialog, facts: EditFacts, mask: Path | None) -> None:
        artifacts = self._context.services.artifacts

        def is_wanted() -> bool:
            return dialog is self.dialog and dialog.area.chosen() == mask

        def done(preview: QImage) -> None:
            if is_wanted():
                dialog.show_mask(preview)

        def failed(error: Exception) -> None:
            if is_wanted():
                dialog.refuse_mask(" ".join(sentence(error)))

        self._context.bridge.run_in_background(
            lambda: mask_preview(artifacts, facts.item, mask if mask is not None else facts.own.path), done, failed
        )

    def _submit(self, dialog: EditDialog, facts: EditFacts, wish: EditWish) -> None:
        catalog, model, tier = self._context.services.catalog, preferences.kontext_model(), preferences.vram_tier()

        author = preferences.reviewer()

        def work() -> Job:
            settings = edit_settings(wish.prompt, model, steps=wish.steps, seed=wish.seed, vram_tier=tier)
            mask = input_file(wish.mask) if wish.mask is not None else facts.own
            turn = edit_turn(settings, mask, wish.reference, strength=wish.strength)
            return submit_edit(catalog, facts.item.job, turn, author=author)

        def failed(error: Exception) -> None:
            if dialog is self.dialog:
                dialog.refuse(" ".join(sentence(error)))
            else:
                self._context.report(error)

        def done(job: Job) -> None:
            if dialog is self.dialog:
                dialog.accept()
            self._context.services.dispatcher.wake()
            name = facts.item.pair.on_model.path.name
            again = job.state.is_final
            self._context.remark(f"{name}: painted before, as job {job.id}" if again else f"{name}: the edit is queued")
            self.queued.emit(job)

        self._context.bridge.run_in_background(work, done, failed, in_order=True)
