"""When Python looks for garbage in cycles: not while somebody waits for the window."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

_YOUNG_MS = 500  # between two looks at what is new
_BURST = 10_000  # new containers at once: a catalog is being read, which stays
_OLD = 30_000  # containers that were looked through before and stayed: a look at them all takes some 20 ms
_DUE = 40  # looks after which the old are worth one as well, while another window has the focus: 20 s
_OVERDUE = 1200  # looks after which they have one whoever waits: 10 min


class QuietGarbage(QObject):
    """Takes over from Python's automatic collection. GUI thread only.

    A full collection holds the interpreter's lock for 100 to 200 ms once a window's modules are in memory, and starts
    on whichever thread happens to allocate: the compiler of the first ΔE map set it off in the middle of a drag. It
    could also free a widget on a pool thread. Here the young are looked through twice a second, the old ones while
    another window has the focus, and what is there from the start never. Neither are a hundred thousand rows of a
    catalog, which no cycle holds: a collection that went through them took 1.5 s on a busy computer. So that the old
    never become many, they are put aside now and then, by a call that costs nothing however many they are.
    """

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        gc.disable()
        gc.freeze()
        self._looks = self._old = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_YOUNG_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def stop(self) -> None:
        """Give back to Python's own collection."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()

    def look(self) -> None:
        """Have what is due looked through."""
        self._looks += 1
        is_away = QApplication.applicationState() is not Qt.ApplicationState.ApplicationActive
        young = gc.get_count()[0]
        if young > _BURST or self._old + young > _OLD:
            gc.freeze()  # looking through them all would be the pause that this is to spare
            self._old = 0
        elif self._looks >= _OVERDUE or (is_away and self._looks >= _DUE):
            self._looks = 0
            gc.collect()
        else:
            self._old += young  # at most: what was garbage is gone
            gc.collect(1)
