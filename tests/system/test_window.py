"""The real program on a virtual screen, driven by mouse and keyboard from outside, as an operator does."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psd_tools import PSDImage

from engine.domain.geometry import Extent
from engine.imaging.drawn import write_demo_set

HERE = Path(__file__).resolve().parent
MAIN = HERE.parents[1] / "main.py"

pytestmark = [
    pytest.mark.xvfb,
    pytest.mark.skipif(
        not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool (apt packages)"
    ),
]


class Screen:
    """A virtual screen with programs on it."""

    def __init__(self, home: Path) -> None:
        reading, writing = os.pipe()
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1800x1000x24", "-nolisten", "tcp"]
        self._server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
        os.close(writing)
        with os.fdopen(reading) as answer:
            number = answer.readline().strip()
        self.environment = {
            **os.environ,
            "DISPLAY": f":{number}",
            "QT_QPA_PLATFORM": "xcb",
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "CHROMASK_MODELS": str(home / "none"),
        }
        self._programs: list[subprocess.Popen[str]] = []

    def start(self, *command: str | Path) -> subprocess.Popen[str]:
        program = subprocess.Popen(
            [sys.executable, *map(str, command)], env=self.environment, stdout=subprocess.PIPE, text=True
        )
        self._programs.append(program)
        return program

    def do(self, *command: str | int) -> str:
        """Give xdotool a command."""
        words = ["xdotool", *map(str, command)]
        return subprocess.run(
            words, env=self.environment, check=True, capture_output=True, text=True, timeout=30
        ).stdout

    def find(self, title: str) -> str:
        return self.do("search", "--sync", "--onlyvisible", "--name", title).split()[0]

    def close(self) -> None:
        for program in self._programs:
            program.kill()
            program.communicate()
        self._server.kill()
        self._server.wait()


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    screen = Screen(tmp_path)
    yield screen
    screen.close()


def ask(catalog: Path, question: str) -> list[Any]:
    """Read the catalog beside the running program."""
    if not catalog.exists():
        return []
    connection = sqlite3.connect(f"file:{catalog}?mode=ro", uri=True)
    try:
        return connection.execute(question).fetchall()
    except sqlite3.OperationalError:  # the program is still creating it
        return []
    finally:
        connection.close()


def wait_for(what: Callable[[], object], seconds: float, doing: Callable[[], object] = lambda: None) -> None:
    limit = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < limit, "it did not happen in time"
        doing()
        time.sleep(0.3)


def test_drop_run_review_by_keyboard_and_export(screen: Screen, tmp_path: Path) -> None:
    pictures, catalog = tmp_path / "shooting", tmp_path / "catalog" / "studio.db"
    write_demo_set(pictures, 3, extent=Extent(320, 400))
    originals = {path: path.read_bytes() for path in pictures.rglob("*") if path.is_file()}
    program = screen.start(MAIN, "--catalog", catalog)
    window = screen.find("^Chromask$")
    screen.do("windowsize", window, 1600, 1000)
    screen.do("windowfocus", window)

    source = screen.start(HERE / "drag_source.py", 1620, 100, pictures)
    screen.find("drag source")
    screen.do("mousemove", 1700, 140, "mousedown", 1)
    for x in range(1690, 700, -30):  # a drag is many small moves
        screen.do("mousemove", x, 400)
    screen.do("mouseup", 1)
    assert source.stdout is not None
    assert source.stdout.readline().strip() == "dropped"  # it stays: the window asks it for the paths only now

    screen.do("windowfocus", window)
    wait_for(lambda: ask(catalog, "SELECT id FROM job"), 30, lambda: screen.do("key", "ctrl+Return"))
    assert len(ask(catalog, "SELECT id FROM job")) == 3
    wait_for(lambda: len(ask(catalog, "SELECT id FROM job WHERE state = 'succeeded'")) == 3, 120)

    screen.do("key", "ctrl+3")
    decisions = "SELECT decision FROM review ORDER BY id"
    for keys, expected in ((["p"], 1), (["p"], 2), (["x"], 3)):
        time.sleep(0.5)
        screen.do("key", *keys)
        wait_for(lambda expected=expected: len(ask(catalog, decisions)) == expected, 20)
    assert [row[0] for row in ask(catalog, decisions)] == ["approved", "approved", "rejected"]
    jobs = ask(catalog, "SELECT DISTINCT job_id FROM review")
    assert len(jobs) == 3, "each key moved on to the next result"

    screen.do("key", "ctrl+4")
    time.sleep(0.5)
    screen.do("key", "ctrl+e")
    wait_for(lambda: len(list(tmp_path.rglob("*.psd"))) == 2 and len(list(tmp_path.rglob("*_matched.tif"))) == 2, 60)
    wait_for(lambda: len(ask(catalog, "SELECT id FROM export")) >= 4, 20)
    for file in tmp_path.rglob("*.psd"):
        assert len(PSDImage.open(file)) == 2
    assert not list(tmp_path.rglob("*.part*"))
    assert {path: path.read_bytes() for path in originals} == originals

    screen.do("key", "ctrl+q")
    assert program.wait(20) == 0
