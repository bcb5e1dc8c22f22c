"""Keeps the mask that is being edited beside the catalog, every few seconds, until it is kept as a version."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from engine.domain.review import Viewed
from gui.context import WindowContext
from gui.mask_editor.autosave import Autosave
from gui.mask_editor.session import MaskSession

AUTOSAVE_MS = 20_000


class UnsavedMask(QObject):
    """The autosave of the mask that is being edited. GUI thread only; files in the background.

    Attributes
    ----------
    place : Autosave or None
        The file; None while nothing is edited, or where there is no catalog to lay it beside.
    """

    def __init__(self, context: WindowContext, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.place: Autosave | None = None
        self._session: MaskSession | None = None
        self._kept = 0  # the revision that is on the disk
        self._timer = QTimer(self)
        self._timer.setInterval(AUTOSAVE_MS)
        self._timer.timeout.connect(self.write)

    def begin(self, item: Viewed) -> None:
        """Have a place for the mask of this photograph."""
        catalog_file = self._context.services.catalog_path
        self.place = Autosave(catalog_file, item) if catalog_file is not None else None

    def watch(self, session: MaskSession) -> None:
        """Write this mask from now on, whenever it was changed."""
        self._session, self._kept = session, 0
        self._timer.start()

    def end(self) -> None:
        """Write nothing more; what is there goes, too, unless it was not even offered yet."""
        self._timer.stop()
        if self._session is not None:
            self.remove()
        self.place = self._session = None

    def write(self) -> None:
        """Keep the mask as it is, unless it is there already."""
        session, place = self._session, self.place
        if session is None or place is None or not session.is_changed or session.document.draws:
            return
        revision = session.document.revision
        if revision == self._kept:
            return
        self._kept = revision
        alpha = session.document.alpha.copy()
        # In order: what is kept last is written last, and a window that closes waits for it.
        self._context.bridge.run_in_background(
            lambda: place.write(alpha), lambda _: None, self._context.report, in_order=True
        )

    def remove(self) -> None:
        """Forget the mask that is on the disk."""
        if self.place is not None:
            self._context.bridge.run_in_background(
                self.place.remove, lambda _: None, self._context.report, in_order=True
            )
