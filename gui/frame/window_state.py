"""How the window stood when it was left: its place, page, dividers and folded parts. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSettings, QSize
from PySide6.QtWidgets import QAbstractButton, QMainWindow, QSplitter, QWidget

from gui.actions import PageName

_GEOMETRY, _PAGE = "window/geometry", "window/page"
_SPLITTER, _FOLD = "window/splitter", "window/fold"
_PROPOSED = QSize(1600, 1000)


def save(window: QMainWindow, page: PageName) -> None:
    """Remember the window as it stands.

    Dividers are the `QSplitter` objects with a name, folded parts the checkable buttons with a name and the property
    ``disclosure``.
    """
    settings = QSettings()
    settings.setValue(_GEOMETRY, window.saveGeometry())
    settings.setValue(_PAGE, str(page))
    for splitter in window.findChildren(QSplitter):
        if splitter.objectName() and any(splitter.sizes()):  # on a page that was never shown nothing has a size
            settings.setValue(f"{_SPLITTER}/{splitter.objectName()}", splitter.saveState())
    for fold in _folds(window):
        settings.setValue(f"{_FOLD}/{fold.objectName()}", str(int(fold.isChecked())))


def restore(window: QMainWindow) -> None:
    """Put the window where it was, or give it a size to begin with."""
    settings = QSettings()
    geometry = settings.value(_GEOMETRY)
    if not isinstance(geometry, QByteArray) or not window.restoreGeometry(geometry):
        window.resize(_PROPOSED)


def restore_parts(page: QWidget) -> None:
    """Put a new page's dividers and folded parts as they were left."""
    settings = QSettings()
    for splitter in page.findChildren(QSplitter):
        state = settings.value(f"{_SPLITTER}/{splitter.objectName()}")
        if splitter.objectName() and isinstance(state, QByteArray):
            splitter.restoreState(state)
    for fold in _folds(page):
        state = settings.value(f"{_FOLD}/{fold.objectName()}")
        if state is not None:
            fold.setChecked(str(state) == "1")


def last_page() -> PageName:
    """The page that was at the front."""
    text = str(QSettings().value(_PAGE, PageName.INTAKE))
    return PageName(text) if text in list(PageName) else PageName.INTAKE


def _folds(widget: QWidget) -> list[QAbstractButton]:
    buttons = widget.findChildren(QAbstractButton)
    return [button for button in buttons if button.property("disclosure") and button.objectName()]
