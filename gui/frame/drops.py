"""What is dragged over the window and dropped on it: where it goes, said while it hovers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractSpinBox, QLineEdit, QPlainTextEdit, QWidget

from gui.actions import PageName
from gui.frame.drop_overlay import DropOverlay
from gui.models.weights import WEIGHTS


@dataclass(frozen=True, slots=True)
class Dropped:
    """Files and folders by the page that takes them."""

    weights: list[Path]
    pictures: list[Path]


class Drops:
    """The window hands its drag events over. GUI thread only."""

    def __init__(self, window: QWidget) -> None:
        self.overlay = DropOverlay(window)

    def pass_through(self, page: QWidget) -> None:
        """Have a page's text fields refuse drops: otherwise a folder dropped on one would become text in it."""
        for kind in (QLineEdit, QPlainTextEdit, QAbstractSpinBox):
            for field in page.findChildren(kind):
                field.setAcceptDrops(False)

    def enter(self, event: QDragEnterEvent) -> None:
        """Take files and folders, and say where they would go."""
        dropped = _sorted(event)
        if event.source() is not None:  # one of the window's own documents, on its way out
            return
        if not dropped.weights and not dropped.pictures:
            return
        event.acceptProposedAction()
        page, note = PageName.INTAKE, "Your files are only read."
        if not dropped.pictures:
            page, note = PageName.MODELS, "Each is checked before it is copied."
        self.overlay.show_over(f"Drop to add to {page.capitalize()}", note)

    def leave(self) -> None:
        """Nothing is dragged any more."""
        self.overlay.hide()

    def take(self, event: QDropEvent) -> Dropped:
        """What was dropped."""
        self.overlay.hide()
        dropped = _sorted(event)
        if dropped.weights or dropped.pictures:
            event.acceptProposedAction()
        return dropped


def _sorted(event: QDropEvent) -> Dropped:
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    weights = [path for path in paths if path.suffix.lower() in WEIGHTS]
    return Dropped(weights, [path for path in paths if path not in weights])
