"""Cyclic garbage is collected on the window's thread, a little at a time."""

from __future__ import annotations

import gc
import weakref

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.garbage import QuietGarbage


class Cycle:
    def __init__(self) -> None:
        self.me = self


def test_pythons_own_collection_rests_and_cycles_are_freed_all_the_same(qapp: QApplication, qtbot: QtBot) -> None:
    garbage = QuietGarbage(qapp)
    try:
        assert not gc.isenabled()
        alive = weakref.ref(Cycle())
        assert alive() is not None
        qtbot.waitUntil(lambda: alive() is None, timeout=3000)
    finally:
        garbage.stop()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    garbage.deleteLater()
