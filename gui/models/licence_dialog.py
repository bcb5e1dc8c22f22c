"""The licence before a download: shown, read, and agreed to."""

from __future__ import annotations

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QCheckBox, QLineEdit, QWidget

from engine.services.model_download import licence_terms
from engine.services.registries import ModelEntry
from gui.look import theme
from gui.widgets.form_dialog import FormDialog, form_fields


class LicenceDialog(FormDialog):
    """Asks for agreement, and for what the server wants to know."""

    agreed = Signal(str, str)
    """Access token and mirror; empty where the default shall be used."""

    def __init__(self, model: ModelEntry, folder: str, parent: QWidget) -> None:
        super().__init__("licence_dialog", f"Download {model.name}", parent)
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
        for part in (theme.label(model.licence, "heading"), terms, link):
            self.column.addWidget(part)
        self.column.addSpacing(theme.TIGHT)
        self.column.addLayout(form_fields((("Access token", self.token), ("Mirror", self.mirror))))
        self.column.addWidget(where)
        self.column.addSpacing(theme.TIGHT)
        self.column.addWidget(self.agree)
        self.download = self.add_foot("agree_and_download", "Download")
        self.download.setEnabled(False)
        self.agree.setFocus()
        self.agree.toggled.connect(self.download.setEnabled)
        self.download.clicked.connect(self._agree)

    def _agree(self) -> None:
        token, mirror = self.token.text().strip(), self.mirror.text().strip()
        self.accept()
        self.agreed.emit(token, mirror)


def _open_page(model_id: str) -> None:
    from huggingface_hub.constants import ENDPOINT

    QDesktopServices.openUrl(QUrl(f"{ENDPOINT}/{model_id}"))
