"""Replacing the edited mask by another one: of the catalog, of a file, or of a job that makes it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from engine.domain.artifacts import ArtifactRef
from engine.domain.errors import KnownError
from engine.domain.jobs import Job, JobState
from engine.domain.requests import EngineName
from engine.domain.review import Viewed
from engine.services.failures import mask_request
from gui import preferences
from gui.context import WindowContext
from gui.mask_editor.session import MaskSession
from gui.mask_editor.sources import StoredMask, queue_mask, read_file, read_stored, stored_masks
from gui.mask_editor.versions import Opened

_POLL_MS = 2_000  # how often a mask that was asked for is looked after
_MADE = (
    (EngineName.GROUNDED, "Have the garment detected", "detected"),
    (EngineName.CLASSICAL, "Have the classical engine mask it", "classical"),
    (EngineName.KONTEXT, "Have it dreamed by FLUX.1 Kontext", "dreamed"),
)
_PICTURES = "Pictures (*.png *.tif *.tiff *.jpg *.jpeg *.psd *.webp *.heic)"


class OtherMasks(QObject):
    """Fills the menu of other masks and takes what is chosen. GUI thread only; files and catalog in the background."""

    def __init__(self, context: WindowContext, menu: QMenu, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._menu, self._parent = context, menu, parent
        self._item: Viewed | None = None
        self._opened: ArtifactRef | None = None
        self._session: MaskSession | None = None
        self._stored: Sequence[StoredMask] = ()
        self._offers_jobs = True
        self._asked_for: dict[int, str] = {}
        self._poll = QTimer(self)
        self._poll.setInterval(_POLL_MS)
        self._poll.timeout.connect(self._look_after)
        menu.aboutToShow.connect(self._fill)

    def begin(self, item: Viewed, session: MaskSession, opened: Opened, *, offers_jobs: bool) -> None:
        """Offer other masks of this photograph, and jobs that make more of them as versions of the result."""
        self._item, self._session, self._offers_jobs = item, session, offers_jobs
        self._opened, self._stored = opened.ref, opened.stored

    def end(self) -> None:
        """Offer nothing any more; what was asked for is made all the same."""
        self._item = self._session = None
        self._asked_for.clear()
        self._poll.stop()

    def take_file(self, path: Path) -> None:
        """Take the mask of a picture file in place of the edited one."""
        if self._session is not None and self._item is not None:
            self._session.replace(f"mask of {path.name}", partial(read_file, path, self._item))

    # -- inside -------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        menu, item = self._menu, self._item
        menu.clear()
        if item is None:
            return
        if self._opened is not None:
            menu.addAction("The mask as it was opened", partial(self._take, "as opened", self._opened))
            menu.addSeparator()
        for stored in self._stored:
            menu.addAction(stored.text, partial(self._take, stored.text.lower(), stored.alpha))
        menu.addSeparator()
        failed = mask_request(item).engine if item.outcome is None else None
        for engine, text, word in _MADE if self._offers_jobs else ():
            if engine is not failed:
                menu.addAction(text, partial(self._ask_for, engine, word))
        menu.addSeparator()
        menu.addAction("From a file…", self._choose_file)

    def _take(self, name: str, ref: ArtifactRef) -> None:
        if self._session is not None:
            self._session.replace(name, partial(read_stored, self._context.services.artifacts, ref))

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self._parent, "A mask of this photograph", "", _PICTURES)
        if name:
            self.take_file(Path(name))

    def _ask_for(self, engine: EngineName, word: str) -> None:
        item, session, catalog = self._item, self._session, self._context.services.catalog
        author = preferences.reviewer()
        if item is None or session is None:
            return

        def queued(job: Job) -> None:
            self._context.services.dispatcher.wake()
            if session is self._session:
                self._asked_for[job.id] = word
                session.tell(f"A {word} mask is being made.")
                self._poll.start()
                self._look_after()

        self._context.bridge.run_in_background(
            lambda: queue_mask(catalog, item, engine, author), queued, self._context.report, in_order=True
        )

    def _look_after(self) -> None:
        """See whether the masks that were asked for are there."""
        item, opened, catalog, ids = self._item, self._opened, self._context.services.catalog, list(self._asked_for)
        if item is None or not ids:
            self._poll.stop()
            return

        def read() -> tuple[list[Job], list[StoredMask]]:
            return [catalog.job(job_id) for job_id in ids], stored_masks(catalog, item, opened)

        self._context.bridge.run_in_background(read, partial(self._on_looked, self._session), self._context.report)

    def _on_looked(self, session: MaskSession | None, found: tuple[list[Job], list[StoredMask]]) -> None:
        jobs, stored = found
        if session is None or session is not self._session:
            return
        self._stored = stored
        for job in jobs:
            if job.id not in self._asked_for or not job.state.is_final:
                continue
            word = self._asked_for.pop(job.id)
            if job.state is JobState.SUCCEEDED:
                session.tell(f"The {word} mask is there: replace by it.")
                continue
            session.tell(f"The {word} mask could not be made.")
            if job.failure is not None:
                self._context.report(KnownError(job.failure.message.rstrip("."), remedy=job.failure.remedy))
