"""Real drags inside the window on a virtual screen: a flatlay onto a photograph, and jobs to another place."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.system.screen import MAIN, PATIENCE, Screen, ask, is_available, wait_for

pytestmark = [
    pytest.mark.xvfb,
    pytest.mark.skipif(not is_available(), reason="needs Xvfb and xdotool (apt packages)"),
]

# In a window of 1600 x 1000 at the screen's corner: the third pair's flatlay and the first pair's photograph.
_FLATLAY, _ON_MODEL = (500, 317), (80, 189)


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    screen = Screen(tmp_path)
    yield screen
    screen.close()


def drag(screen: Screen, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Press, pull in many small moves, and let go."""
    screen.do("mousemove", *start, "mousedown", 1)
    for step in range(1, 21):
        x, y = (round(a + (b - a) * step / 20) for a, b in zip(start, end, strict=True))
        screen.do("mousemove", x, y)
        time.sleep(0.03)
    screen.rest()
    screen.do("mouseup", 1)


def test_a_flatlay_and_a_job_are_dragged(screen: Screen, tmp_path: Path) -> None:
    folder, catalog = tmp_path / "shooting", tmp_path / "studio.db"
    folder.mkdir()
    for number in range(4):
        for role in ("model", "flat"):
            pixels = np.full((300, 200, 3), 40 + 20 * number + (role == "flat") * 9, np.uint8)
            cv2.imwrite(str(folder / f"A{number}_{role}.png"), pixels)
    program = screen.start(MAIN, "--catalog", catalog)
    window = screen.find("^Chromask$")
    screen.do("windowmove", window, 0, 0)
    screen.do("windowsize", window, 1600, 1000)
    screen.do("windowfocus", window)
    screen.rest()
    screen.do("key", "ctrl+space")  # paused: the queue keeps what it gets
    screen.drop([folder], (700, 400))
    screen.do("windowfocus", window)
    screen.rest()
    drag(screen, _FLATLAY, _ON_MODEL)
    screen.rest()
    screen.press("ctrl+Return")
    wait_for(lambda: len(ask(catalog, "SELECT id FROM job")) == 4, PATIENCE)
    pairs = ask(
        catalog,
        "SELECT m.path, f.path FROM pair"
        " JOIN asset m ON m.id = pair.on_model_id JOIN asset f ON f.id = pair.flatlay_id",
    )
    names = {Path(on_model).name: Path(flatlay).name for on_model, flatlay in pairs}
    assert names["A0_model.png"] == "A2_flat.png"
    assert names["A2_model.png"] == "A2_flat.png", "one flatlay serves both"

    order = "SELECT pair_id FROM job ORDER BY priority DESC, position, id"
    before = ask(catalog, order)
    screen.rest()
    drag(screen, (120, 335), (120, 225))  # the fourth job's row to above the first
    wait_for(lambda: ask(catalog, order) == [before[3], *before[:3]], PATIENCE)
    screen.do("key", "ctrl+q")
    screen.rest()
    screen.do("key", "Tab", "Return")
    program.terminate()
    assert screen.said() == ""
