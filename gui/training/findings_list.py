"""What the check of a data set found, one line each; a click shows the picture that it is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from engine.domain.datasets import Finding, Severity
from gui.look.icons import icon

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
        self.itemActivated.connect(self._open)

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
            text = str(finding).replace("--held-out 0.2", "a fifth held out")  # as the dialog calls it
            item = QListWidgetItem(icon("warning", "fail" if finding.severity is Severity.ERROR else "warn"), text)
            item.setToolTip(f"{text}\nA click shows it.")
            item.setData(_SUBJECT_ROLE, finding.subject)
            self.addItem(item)
        self.setVisible(bool(findings))

    def _open(self, item: QListWidgetItem) -> None:
        path = self._folder / str(item.data(_SUBJECT_ROLE))
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path if path.exists() else self._folder)))
