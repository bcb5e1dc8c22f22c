"""Cyclic garbage is collected on the window's thread, a little at a time."""

from __future__ import annotations

import gc
import weakref

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.frame.garbage import QuietGarbage


class Cycle:
    def __init__(self) -> None:
        self.me = self


def test_pythons_own_collection_rests_and_cycles_are_freed_all_the_same(qapp: QApplication, qtbot: QtBot) -> None:
    garbage = QuietGarbage(qapp)
    try:
        assert not gc.isenabled()
        alive = weakref.ref(Cycle())
        assert alive() is not None
        qtbot.waitUntil(lambda: alive() is None)
    finally:
        garbage.stop()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    garbage.deleteLater()


def test_a_full_look_never_goes_through_the_rows_of_a_catalog(qapp: QApplication, qtbot: QtBot) -> None:
    garbage = QuietGarbage(qapp)
    rows: list[list[int]] = []
    try:
        for _ in range(12):  # as pages come in, some between two looks
            rows += [[number] for number in range(4_000)]
            garbage.look()
        assert len(gc.get_objects()) < 40_000, "what `gc.collect` goes through is bounded, however much was read"
        assert gc.get_freeze_count() > len(rows) // 2
    finally:
        garbage.stop()
        garbage.deleteLater()
