"""What an export is doing, and the files that it wrote, kept or could not write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from engine.services.export import ExportReport
from gui.context import WindowContext
from gui.look import theme
from gui.look.icons import icon
from gui.look.palette import Ink
from gui.phrases import count
from gui.widgets.drop_zone import button_for
from gui.widgets.empty_state import EmptyState
from gui.widgets.progress_line import ProgressLine

_ICON = 14


class WrittenFiles(QWidget):
    """A headline with the export's progress, and below it a line for each file of the last one.

    Attributes
    ----------
    stop_button : QPushButton
        Shown while files are written.

    Parameters
    ----------
    open_folder : callable
        Shows the folder of the export on the desktop.
    """

    def __init__(self, context: WindowContext, open_folder: Callable[[], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._headline, self._line = theme.label("Files", "heading"), ProgressLine()
        self._headline.setWordWrap(True)
        self._line.hide()
        self.stop_button = button_for(context.actions["stop_export"])
        self.stop_button.hide()
        show = QPushButton(" Open folder")
        show.setIcon(icon("folder"))
        show.clicked.connect(open_folder)
        self.files = QListWidget()
        self.files.setAccessibleName("Files of this session")
        self.files.setIconSize(QSize(_ICON, _ICON))
        self.files.setSpacing(2)
        self.files.setWordWrap(True)  # what failed is read to its end
        self.files.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.files.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.files.hide()
        self._empty = EmptyState([("Go to Review", context.actions["show_review"])])
        self._empty.say("Nothing was exported yet", "Approve results on the Review page, then press Export.")
        head = QHBoxLayout()
        head.addWidget(self._headline, 1)
        head.addWidget(self.stop_button)
        head.addWidget(show)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        column.addLayout(head)
        column.addWidget(self._line)
        column.addWidget(self._empty, 1)
        column.addWidget(self.files, 1)

    @property
    def headline(self) -> str:
        return self._headline.text()

    def begin(self) -> None:
        """An export has begun."""
        self.files.clear()
        self._headline.setText("Exporting…")
        self._line.set_fraction(0)
        self._line.show()
        self.stop_button.show()

    def advance(self, step: tuple[int, int, str]) -> None:
        """Photographs that are done, of how many, and the name of the one that is being written."""
        done, total, name = step
        self._line.set_fraction(done / max(1, total))
        self._headline.setText(f"Exporting {done + 1} of {total} · {name}" if name else "Exporting…")

    def end(self, headline: str) -> None:
        """The export is over, and this is what became of it."""
        self._line.hide()
        self.stop_button.hide()
        self._headline.setText(headline)

    def show_report(self, report: ExportReport, folder: Path) -> None:
        """What an export into this folder did, file by file; what went wrong is on top."""
        parts = [f"{len(report.failures)} failed"] if report.failures else []
        parts.append(f"{count(len(report.written), 'file')} written")
        if report.kept:
            parts.append(f"{len(report.kept)} were there already, unchanged")
        if report.skipped:
            parts.append(f"{len(report.skipped)} left alone")
        self.end(" · ".join(parts))
        for sentence in report.failures:
            self._add(sentence, "warning", "fail")
        for sentence in report.notices:
            self._add(sentence, "info", "text_quiet")
        for path in report.written:
            self._add(_shown(path, folder), "check", "pass_", str(path))
        for path in report.kept:
            self._add(f"{_shown(path, folder)} (unchanged)", "check", "text_faint", str(path))
        for path in report.skipped:
            self._add(f"{_shown(path, folder)} (another file, left alone)", "info", "text_faint", str(path))

    def _add(self, text: str, sign: str, ink: Ink, tip: str = "") -> None:
        item = QListWidgetItem(icon(sign, ink), text)
        item.setToolTip(tip or text)
        self.files.addItem(item)
        self._empty.hide()
        self.files.show()


def _shown(path: Path, folder: Path) -> str:
    """With the folders that the name pattern made."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name
