"""The real program on a virtual screen, driven by mouse and keyboard from outside, as an operator does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from psd_tools import PSDImage

from engine.domain.geometry import Extent
from engine.imaging.drawn import write_demo_set
from tests.system.screen import MAIN, PATIENCE, Screen, ask, is_available, wait_for

pytestmark = [
    pytest.mark.xvfb,
    pytest.mark.skipif(not is_available(), reason="needs Xvfb and xdotool (apt packages)"),
]


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    screen = Screen(tmp_path)
    yield screen
    screen.close()


def test_drop_run_review_by_keyboard_and_export(screen: Screen, tmp_path: Path) -> None:
    pictures, catalog = tmp_path / "shooting", tmp_path / "catalog" / "studio.db"
    write_demo_set(pictures, 3, extent=Extent(320, 400))
    originals = {path: path.read_bytes() for path in pictures.rglob("*") if path.is_file()}
    program = screen.start(MAIN, "--catalog", catalog)
    window = screen.find("^Chromask$")
    screen.do("windowsize", window, 1600, 1000)
    screen.do("windowfocus", window)

    screen.drop([pictures], (700, 400))

    screen.do("windowfocus", window)
    screen.rest()
    screen.press("ctrl+Return")
    wait_for(lambda: len(ask(catalog, "SELECT id FROM job")) == 3, PATIENCE)
    wait_for(lambda: len(ask(catalog, "SELECT id FROM job WHERE state = 'succeeded'")) == 3, 3 * PATIENCE)
    screen.rest()

    screen.do("key", "ctrl+3")
    decisions = "SELECT decision FROM review ORDER BY id"
    for keys, expected in ((["p"], 1), (["p"], 2), (["x"], 3)):
        screen.rest()
        screen.do("key", *keys)
        wait_for(lambda expected=expected: len(ask(catalog, decisions)) == expected, PATIENCE)
    assert [row[0] for row in ask(catalog, decisions)] == ["approved", "approved", "rejected"]
    jobs = ask(catalog, "SELECT DISTINCT job_id FROM review")
    assert len(jobs) == 3, "each key moved on to the next result"

    screen.do("key", "ctrl+4")
    screen.rest()
    screen.do("key", "ctrl+e")
    wait_for(lambda: next(tmp_path.rglob("chromask-batch.json"), None), PATIENCE)
    screen.rest()
    assert len(list(tmp_path.rglob("*.psd"))) == len(list(tmp_path.rglob("*_matched.tif"))) == 2
    assert len(ask(catalog, "SELECT id FROM export")) >= 4
    for file in tmp_path.rglob("*.psd"):
        assert len(PSDImage.open(file)) == 2
    assert not list(tmp_path.rglob("*.part*"))
    assert {path: path.read_bytes() for path in originals} == originals

    screen.do("key", "ctrl+q")
    assert screen.left(program) == 0
    assert screen.said() == ""
