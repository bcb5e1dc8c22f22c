"""Results on their way to a retoucher: dragged out of the window, or opened in an editor. GUI thread only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, Qt, QUrl
from PySide6.QtGui import QDrag, QMouseEvent, QPixmap
from PySide6.QtWidgets import QWidget

from engine.domain.errors import Cancelled, KnownError
from engine.services.hand_over import HandedOver, HandOver, hand_over_folder
from gui import preferences
from gui.context import WindowContext
from gui.export.editor import open_documents
from gui.phrases import count

_PICTURE = 96  # pixels of the picture that hangs on the pointer


@dataclass(frozen=True, slots=True)
class _Errand:
    job_ids: tuple[int, ...]
    done: Callable[[HandedOver], None]


class DocumentsOut(QObject):
    """Has the layered documents of results ready, one errand after the other, in the background.

    A drag cannot wait for its file: whoever takes the drop reads it at once. So the drag itself begins only when the
    document is there; where it has to be written first and the button comes up meanwhile, the status line says when
    it can be dragged.
    """

    def __init__(self, context: WindowContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        services = context.services
        folder = hand_over_folder(services.catalog_path)
        self._hand_over = HandOver(services.catalog, services.artifacts, folder)
        self._errands: deque[_Errand] = deque()
        self._is_busy = False
        self._source: QWidget | None = None
        self._dragged: tuple[int, ...] = ()
        self._picture = QPixmap()

    # -- what the page calls ------------------------------------------------------------------------------------

    def open(self, job_ids: Sequence[int]) -> None:
        """Open the documents of these results in the editor."""
        if job_ids:
            self._fetch(job_ids, self._open)

    def drag(self, source: QWidget, job_ids: Sequence[int], picture: QPixmap | None = None) -> None:
        """Begin to drag the documents of these results, as soon as they are there and while the button is down.

        Parameters
        ----------
        source : QWidget
            Has the pointer, and so hears of the button's release.
        """
        if self._source is not None or not job_ids:
            return
        self._source, self._dragged = source, tuple(job_ids)
        self._picture = picture if picture is not None else QPixmap()
        source.installEventFilter(self)
        self._fetch(job_ids, self._begin_drag)

    @property
    def is_busy(self) -> bool:
        """Whether documents are on their way."""
        return self._is_busy

    # -- Qt -----------------------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.MouseButtonRelease, QEvent.Type.Hide):
            self._let_go()
        elif event.type() is QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            if not event.buttons():  # released where nobody heard of it
                self._let_go()
            return True  # what is being dragged is not dragged otherwise as well
        return False

    # -- inside -------------------------------------------------------------------------------------------------

    def _let_go(self) -> None:
        if self._source is not None:
            self._source.removeEventFilter(self)
            self._source = None

    def _fetch(self, job_ids: Sequence[int], done: Callable[[HandedOver], None]) -> None:
        self._errands.append(_Errand(tuple(job_ids), done))
        self._next()

    def _next(self) -> None:
        if self._is_busy or not self._errands:
            return
        errand, services, bridge = self._errands.popleft(), self._context.services, self._context.bridge
        folder = preferences.export_folder() or services.default_export_folder
        recipe = preferences.export_recipe()

        def writing(name: str) -> None:
            bridge.call(self._context.remark, f"Writing the layered document of {name}…")

        self._is_busy = True
        bridge.run_in_background(
            lambda: self._hand_over.documents(errand.job_ids, folder, recipe, writing),
            lambda handed: self._on_done(errand, handed),
            self._on_failed,
        )

    def _on_done(self, errand: _Errand, handed: HandedOver) -> None:
        self._is_busy = False
        if handed.failures:
            what, _, remedy = handed.failures[0].partition(". ")
            others = len(handed.failures) - 1
            self._context.report(KnownError(what, remedy=f"{remedy} {_failed_too(others)}".strip()))
        errand.done(handed)
        self._next()

    def _on_failed(self, error: Exception) -> None:
        self._is_busy = False
        self._let_go()
        if not isinstance(error, Cancelled):
            self._context.report(error)
        self._next()

    def _open(self, handed: HandedOver) -> None:
        if not handed.documents:
            return
        command, documents = preferences.editor(), handed.documents

        def opened(_: None) -> None:
            self._context.remark(f"Handed to the editor: {_named(documents)}")

        if command:
            self._context.bridge.run_in_background(
                lambda: open_documents(command, documents), opened, self._context.report
            )
            return
        try:  # the desktop is asked on the window's thread
            open_documents(command, documents)
        except KnownError as error:
            self._context.report(error)
        else:
            opened(None)

    def _begin_drag(self, handed: HandedOver) -> None:
        source, documents = self._source, handed.documents
        self._let_go()
        if not documents:
            return
        if source is None or not source.isVisible():
            if handed.written:
                self._context.remark(f"Ready to be dragged now: {_named(documents)}")
            return
        if handed.written:
            self._context.remark(f"Written: {_named(documents)}")
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path)) for path in documents])
        drag = QDrag(source)
        drag.setMimeData(mime)
        if not self._picture.isNull():
            drag.setPixmap(_small(self._picture))
            drag.setHotSpot(QPoint(_PICTURE // 4, _PICTURE // 4))
        drag.exec(Qt.DropAction.CopyAction)  # never a move: the file stays the catalog's


def _named(documents: Sequence[Path]) -> str:
    return documents[0].name if len(documents) == 1 else count(len(documents), "document")


def _failed_too(others: int) -> str:
    return f"{count(others, 'other photograph')} failed too." if others else ""


def _small(picture: QPixmap) -> QPixmap:
    smooth = Qt.TransformationMode.SmoothTransformation
    return picture.scaled(_PICTURE, _PICTURE, Qt.AspectRatioMode.KeepAspectRatio, smooth)
