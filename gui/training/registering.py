"""Registering what a run made: the form, and the process that checks the file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from engine.domain.errors import Cancelled
from engine.inference.kontext.availability import resolve_model
from engine.services.lora_files import LoraState
from engine.services.registries import registry_for
from gui import preferences
from gui.context import WindowContext
from gui.models.facts import read_loras
from gui.phrases import sentence
from gui.training.facts import read_saved
from gui.training.register_form import RegisterForm
from gui.training.story import RunStory


class Registering(QObject):
    """One form at a time. GUI thread only."""

    registered = Signal()

    def __init__(self, context: WindowContext, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._page = context, parent
        self._form: RegisterForm | None = None
        self._is_asked = False

    @property
    def form(self) -> RegisterForm | None:
        """What is being filled in."""
        return self._form

    def ask(self, folder: Path, story: RunStory) -> None:
        """Ask which file, and for what; it is registered when that is said."""
        if self._form is not None or self._is_asked:
            return
        self._is_asked = True

        def work() -> tuple[tuple[int, ...], list[LoraState]]:
            return read_saved(folder), read_loras(Path(story.job.model))

        def done(found: tuple[tuple[int, ...], list[LoraState]]) -> None:
            self._is_asked = False
            form = RegisterForm(story, *found, self._page)
            form.submitted.connect(lambda *choice: self._register(folder, *choice))
            form.finished.connect(self._forget)
            self._form = form
            form.open()

        def failed(error: Exception) -> None:
            self._is_asked = False
            self._context.report(error)

        self._context.bridge.run_in_background(work, done, failed)

    # -- inside -------------------------------------------------------------------------------------------------

    def _register(self, folder: Path, which: tuple[str, ...], name: str, mask_type: str, replaces: bool) -> None:
        form, torch, used = self._form, self._context.services.torch, preferences.kontext_model()

        def work() -> tuple[str, bool]:
            entry = torch.register_run(folder, which, name, mask_type, replace=replaces)
            return entry, any(lora.name == entry for lora in registry_for(resolve_model(used)).loras)

        def done(registered: tuple[str, bool]) -> None:
            entry, is_usable = registered
            if form is not None and form is self._form:
                form.accept()
            usable = "The Models page lists it, and jobs can use it."
            other = "It belongs to another base model than jobs use: choose that one on the Models page to use it."
            self._context.notify(f"'{entry}' is registered.", usable if is_usable else other)
            self.registered.emit()

        def failed(error: Exception) -> None:
            if form is not None and form is self._form:
                form.refuse(" ".join(sentence(error)))
            elif not isinstance(error, Cancelled):
                self._context.report(error)

        self._context.bridge.run_in_background(work, done, failed)

    def _forget(self) -> None:
        if self._form is not None:
            self._form.deleteLater()
        self._form = None
