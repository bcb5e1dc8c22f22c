"""A virtual screen with real programs on it, driven by mouse and keyboard from outside, as an operator does."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
MAIN = HERE.parents[1] / "main.py"


def is_available() -> bool:
    """Whether Xvfb and xdotool are installed."""
    return bool(shutil.which("Xvfb") and shutil.which("xdotool"))


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
        self._said = (home / "console.txt").open("w+", encoding="utf-8")

    def start(self, *command: str | Path) -> subprocess.Popen[str]:
        program = subprocess.Popen(
            [sys.executable, *map(str, command)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        self._programs.append(program)
        return program

    def said(self) -> str:
        """What the programs wrote to their standard error so far."""
        self._said.seek(0)
        return self._said.read()

    def do(self, *command: str | int) -> str:
        """Give xdotool a command."""
        words = ["xdotool", *map(str, command)]
        return subprocess.run(
            words, env=self.environment, check=True, capture_output=True, text=True, timeout=30
        ).stdout

    def find(self, title: str) -> str:
        return self.do("search", "--sync", "--onlyvisible", "--name", title).split()[0]

    def press(self, *keys: str, times: int = 1) -> None:
        """Press keys one after the other, as fast as a practised hand."""
        self.do("key", "--delay", 40, *(key for _ in range(times) for key in keys))

    def drop(self, paths: Sequence[Path], at: tuple[int, int]) -> None:
        """Drag files from another program and let them go at a place of the screen."""
        x, y = at
        source = self.start(HERE / "drag_source.py", 1620, 100, *paths)
        self.find("drag source")
        self.do("mousemove", 1700, 140, "mousedown", 1)
        for step in range(1690, x, -30):  # a drag is many small moves
            self.do("mousemove", step, y)
        self.do("mouseup", 1)
        assert source.stdout is not None
        assert source.stdout.readline().strip() == "dropped"  # it stays: the window asks it for the paths only now

    def stroke(self, points: Sequence[tuple[int, int]]) -> None:
        """Drag the mouse with its left button held through the points."""
        self.do("mousemove", *points[0], "mousedown", 1)
        for point in points[1:]:
            self.do("mousemove", *point)
            time.sleep(0.02)
        self.do("mouseup", 1)

    def picture(self, path: Path) -> Path:
        """Save what is on the screen; needs ImageMagick."""
        subprocess.run(["import", "-window", "root", str(path)], env=self.environment, check=True, timeout=30)
        return path

    def close(self) -> None:
        for program in self._programs:
            program.kill()
            program.communicate()
        self._server.kill()
        self._server.wait()
        self._said.close()


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
