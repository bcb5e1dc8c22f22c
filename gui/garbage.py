"""When Python looks for garbage in cycles: not while somebody waits for the window."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

_YOUNG_MS = 500  # between two looks at what is new
_BURST = 100_000  # new containers at once: a catalog was read, which stays
_DUE = 40  # looks after which the old are worth one as well, while another window has the focus: 20 s
_OVERDUE = 1200  # looks after which they have one whoever waits: 10 min


class QuietGarbage(QObject):
    """Takes over from Python's automatic collection. GUI thread only.

    A full collection holds the interpreter's lock for 100 to 200 ms once a window's modules are in memory, and starts
    on whichever thread happens to allocate: the compiler of the first ΔE map set it off in the middle of a drag. It
    could also free a widget on a pool thread. Here the young are looked through twice a second, the old ones while
    another window has the focus, and what is there from the start never.
    """

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        gc.disable()
        gc.freeze()
        self._looks = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_YOUNG_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def stop(self) -> None:
        """Give back to Python's own collection."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()

    def _look(self) -> None:
        self._looks += 1
        is_away = QApplication.applicationState() is not Qt.ApplicationState.ApplicationActive
        if gc.get_count()[0] > _BURST:
            gc.freeze()  # looking through them all would be the pause that this is to spare
        elif self._looks >= _OVERDUE or (is_away and self._looks >= _DUE):
            self._looks = 0
            gc.collect()
        else:
            gc.collect(1)
