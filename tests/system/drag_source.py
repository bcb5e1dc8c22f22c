"""A window to drag from: press the mouse in it, and it carries the given paths, as a file manager does.

Usage: ``python drag_source.py X Y PATH...``
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel


class DragSource(QLabel):
    """Starts a drag at once when pressed."""

    def __init__(self, paths: list[str]) -> None:
        super().__init__("drag me")
        self.setWindowTitle("drag source")
        self._paths = paths

    def mousePressEvent(self, _: QMouseEvent) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(path) for path in self._paths])
        drag = QDrag(self)
        drag.setMimeData(data)
        taken = drag.exec(Qt.DropAction.CopyAction)
        print("dropped" if taken != Qt.DropAction.IgnoreAction else "refused", flush=True)  # noqa: T201


if __name__ == "__main__":
    application = QApplication(sys.argv[:1])
    window = DragSource(sys.argv[3:])
    window.setGeometry(int(sys.argv[1]), int(sys.argv[2]), 160, 80)
    window.show()
    sys.exit(application.exec())
