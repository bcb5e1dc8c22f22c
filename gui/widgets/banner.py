"""One calm line for what went wrong or should be known, with what to do about it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from gui import theme
from gui.icons import icon
from gui.palette import Ink
from gui.widgets.icon_label import IconLabel


class Banner(QFrame):
    """Hidden until something is told; stays until it is read or replaced."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._sign = IconLabel("info", 20, "accent")
        self._what, self._remedy = theme.label(), theme.label("", "quiet")
        for text in (self._what, self._remedy):
            text.setWordWrap(True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        dismiss = QToolButton()
        dismiss.setProperty("quiet", True)
        dismiss.setIcon(icon("cancel", "text_quiet"))
        dismiss.setToolTip("Dismiss")
        dismiss.clicked.connect(self.hide)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self._what)
        texts.addWidget(self._remedy)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.SMALL, theme.SMALL, theme.SMALL)
        layout.setSpacing(theme.MEDIUM)
        layout.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(texts, 1)
        layout.addWidget(dismiss, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def tell(self, what: str, remedy: str = "", *, is_error: bool = True) -> None:
        """Show a sentence and what to do."""
        ink: Ink = "fail" if is_error else "accent"
        self._sign.show_icon("warning" if is_error else "info", ink)
        theme.set_ink(self, ink)
        self._what.setText(what)
        self._remedy.setText(remedy)
        self._remedy.setVisible(bool(remedy))
        self.show()

    def text(self) -> str:
        return f"{self._what.text()} {self._remedy.text()}".strip()
