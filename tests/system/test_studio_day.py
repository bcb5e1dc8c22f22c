"""A small day at the window: every step of it happens, and nothing is written to the console."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.screen import Screen, is_available
from tests.system.studio_day import live

pytestmark = [
    pytest.mark.xvfb,
    pytest.mark.skipif(not is_available(), reason="needs Xvfb and xdotool (apt packages)"),
]


def test_a_day_from_the_drop_to_the_export(tmp_path: Path) -> None:
    screen = Screen(tmp_path)
    try:
        day = live(screen, tmp_path, 10)
    finally:
        screen.close()
    assert day.counts["failed"] == 0
    assert day.counts["rejected"] == 1
    assert day.counts["approved"] == 9
    assert day.counts["corrected"] == 1
    assert day.counts["tried again"] == 1
    assert day.counts["exported"] >= 9
    assert day.console == ""
