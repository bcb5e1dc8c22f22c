"""Tells the desktop that a batch has ended while the operator is looking at something else. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from gui import preferences
from gui.look.icons import icon

_SHOWN_MS = 15_000


class Notifier:
    """Uses the desktop's own notifications where there are any, and the task bar's highlight everywhere.

    Parameters
    ----------
    widget : QWidget
        Any widget of the window that is brought back to the front by a click.
    """

    def __init__(self, widget: QWidget) -> None:
        self._widget = widget
        self._icon: QSystemTrayIcon | None = None

    def tell(self, title: str, text: str) -> bool:
        """Notify, unless the window is in front or notifications are switched off; whether it did."""
        window = self._widget.window()
        if window.isActiveWindow() or not preferences.notifies_when_done():
            return False
        QApplication.alert(window)
        if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            self._show(title, text)
        return True

    # -- inside -------------------------------------------------------------------------------------------------

    def _show(self, title: str, text: str) -> None:
        if self._icon is None:
            self._icon = QSystemTrayIcon(icon("app"), self._widget)
            self._icon.messageClicked.connect(self._come_back)
        # An icon is what a message belongs to; it goes when the message has been read or has gone by.
        self._icon.show()
        self._icon.showMessage(title, text, icon("app"), _SHOWN_MS)
        QTimer.singleShot(_SHOWN_MS, self._icon, self._icon.hide)

    def _come_back(self) -> None:
        window = self._widget.window()
        window.showNormal() if window.isMinimized() else window.show()
        window.raise_()
        window.activateWindow()
        if self._icon is not None:
            self._icon.hide()
