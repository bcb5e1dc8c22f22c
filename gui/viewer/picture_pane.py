"""A picture's view under its caption."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from gui.look import theme
from gui.pictures.tile_store import TileStore
from gui.viewer.drag_handle import DragHandle
from gui.viewer.picture_view import PictureView
from gui.viewer.view_geometry import ViewLink
from gui.widgets.elided_label import ElidedLabel


class PicturePane(QFrame):
    """A view under its caption: what it shows on the left, size and magnification on the right.

    Attributes
    ----------
    handle : DragHandle
        The caption.
    """

    def __init__(
        self, title: str, link: ViewLink, tiles: TileStore | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        self.view = PictureView(link, tiles)
        self.view.moved = self._describe
        # Elided: a longer title must not widen the pane, or the pictures would jump while they blink.
        self._title = ElidedLabel("caption")
        self._title.show_text(title)
        self._facts = theme.label("", "caption")
        self._note = ""
        self._facts.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.handle = DragHandle()
        self.handle.line.addWidget(self._title, 1)
        self.handle.line.addWidget(self._facts)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.handle)
        layout.addWidget(self.view)

    def set_title(self, title: str, *, emphasised: bool = False) -> None:
        theme.set_ink(self._title, "accent" if emphasised else None, bold=emphasised)
        self._title.show_text(title)

    @property
    def title(self) -> str:
        return self._title.whole_text()

    def set_note(self, note: str) -> None:
        """A word beside the magnification, such as that the full resolution is on its way."""
        self._note = note
        self._describe()

    @property
    def facts(self) -> str:
        return self._facts.text()

    def _describe(self) -> None:
        picture = self.view.picture
        if picture is None:
            self._facts.setText("")
            return
        parts = [self._note] if self._note else [str(picture.extent)]
        self._facts.setText(" · ".join([*parts, f"{self.view.scale * 100:.0f} %"]))
