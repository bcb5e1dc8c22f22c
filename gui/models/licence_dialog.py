"""The licence before a download: shown, read, and agreed to."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QCheckBox, QDialog, QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from engine.services.model_download import licence_terms
from engine.services.registries import ModelEntry
from gui.look import theme

_WIDTH = 560


class LicenceDialog(QDialog):
    """Asks for agreement, and for what the server wants to know."""

    agreed = Signal(str, str)
    """Access token and mirror; empty where the default shall be used."""

    def __init__(self, model: ModelEntry, folder: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("licence_dialog")
        self.setWindowTitle(f"Download {model.name}")
        self.setFixedWidth(_WIDTH)
        terms = theme.label(licence_terms(model))
        terms.setWordWrap(True)
        link = theme.label(f'<a href="{model.model_id}">Open the model\'s page</a>')
        link.linkActivated.connect(_open_page)
        where = theme.label(f"It is put into {folder}.", "caption")
        where.setWordWrap(True)
        self.agree = QCheckBox("I have read the licence and agree to it")
        self.token, self.mirror = QLineEdit(), QLineEdit()
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.setPlaceholderText("Of the account that accepted it; not needed after hf auth login")
        self.mirror.setPlaceholderText("Only for a studio's own server")
        fields = QFormLayout()
        fields.setHorizontalSpacing(theme.MEDIUM)
        fields.setVerticalSpacing(theme.SMALL)
        fields.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        fields.addRow(theme.label("Access token", "quiet"), self.token)
        fields.addRow(theme.label("Mirror", "quiet"), self.mirror)
        self.download, cancel = QPushButton("Download"), QPushButton("Cancel")
        self.download.setObjectName("agree_and_download")
        self.download.setProperty("primary", True)
        self.download.setEnabled(False)
        self.download.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SMALL)
        buttons.addStretch()
        buttons.addWidget(cancel)
        buttons.addWidget(self.download)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.WIDE, theme.WIDE, theme.WIDE, theme.LARGE)
        layout.setSpacing(theme.MEDIUM)
        layout.addWidget(theme.label(model.licence, "heading"))
        layout.addWidget(terms)
        layout.addWidget(link)
        layout.addSpacing(theme.TIGHT)
        layout.addLayout(fields)
        layout.addWidget(where)
        layout.addSpacing(theme.TIGHT)
        layout.addWidget(self.agree)
        layout.addSpacing(theme.SMALL)
        layout.addLayout(buttons)
        self.agree.setFocus()
        self.agree.toggled.connect(self.download.setEnabled)
        self.download.clicked.connect(self._agree)
        cancel.clicked.connect(self.reject)

    def _agree(self) -> None:
        token, mirror = self.token.text().strip(), self.mirror.text().strip()
        self.accept()
        self.agreed.emit(token, mirror)


def _open_page(model_id: str) -> None:
    from huggingface_hub.constants import ENDPOINT

    QDesktopServices.openUrl(QUrl(f"{ENDPOINT}/{model_id}"))
