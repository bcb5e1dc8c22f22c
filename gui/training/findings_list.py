"""What the check of a data set found, one line each; a click shows the picture that it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeyEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from engine.domain.datasets import Finding, Severity
from gui.look.icons import icon
from gui.phrases import capital

_HEIGHT = 132
_SUBJECT_ROLE = int(Qt.ItemDataRole.UserRole)


class FindingsList(QListWidget):
    """Gone while there is nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("What the check found")
        self.setWordWrap(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setFixedHeight(_HEIGHT)
        self.setIconSize(QSize(14, 14))
        self.setSpacing(2)
        self._folder = Path()
        self.itemClicked.connect(self._open)

    def show_findings(self, findings: Sequence[Finding], folder: Path) -> None:
        """List these.

        Parameters
        ----------
        folder : Path
            Of the set; shown where a finding is about no file, or about one that is gone.
        """
        self._folder = folder
        self.clear()
        for finding in findings:
            file = Path(finding.subject).name if Path(finding.subject).is_absolute() else finding.subject
            text = str(replace(finding, subject=file)) if file else capital(str(finding))
            text = text.replace("--held-out 0.2", "a fifth held out")  # as the dialog calls it
            item = QListWidgetItem(icon("warning", "fail" if finding.severity is Severity.ERROR else "warn"), text)
            item.setToolTip(f"{text}\nA click shows it.")
            item.setData(_SUBJECT_ROLE, finding.subject)
            self.addItem(item)
        self.setVisible(bool(findings))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # `itemActivated` would come with a click as well, where the desktop opens things with a single one.
        item = self.currentItem()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.selectedItems():
            self._open(item)
        else:
            super().keyPressEvent(event)

    def _open(self, item: QListWidgetItem) -> None:
        path = self._folder / str(item.data(_SUBJECT_ROLE))
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path if path.exists() else self._folder)))
