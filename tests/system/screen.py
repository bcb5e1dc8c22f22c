"""A virtual screen with real programs on it, driven by mouse and keyboard from outside, as an operator does."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
MAIN = HERE.parents[1] / "main.py"

PATIENCE = 120.0
"""Seconds for what a window does at once: a limit for what is broken, also on a machine that is busy with others."""

_LOOKS, _BETWEEN_LOOKS = 12, 0.05
"""Longer together than any timer with which the window puts something off: 400 ms from its start to its folders."""


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
            "PYTHONFAULTHANDLER": "1",
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
            words, env=self.environment, check=True, capture_output=True, text=True, timeout=PATIENCE
        ).stdout

    def rest(self) -> None:
        """Wait until what was given to the screen has been dealt with: nothing on it has anything to do any more."""
        wait_for(self._is_resting, 3 * PATIENCE)

    def _is_resting(self) -> bool:
        """Whether no thread of the server, the programs or their processes wants the processor in several looks.

        Who waits for the processor or the disk is not asleep for the system: on a busy machine this takes longer, and
        says nothing else.
        """
        for _ in range(_LOOKS):
            if any(state in "RD" for process in self._processes() for state in thread_states(process)):
                return False
            time.sleep(_BETWEEN_LOOKS)
        return True

    def _processes(self) -> list[psutil.Process]:
        found = [psutil.Process(self._server.pid)]
        for program in self._programs:
            with contextlib.suppress(psutil.NoSuchProcess):
                started = psutil.Process(program.pid)
                found += [started, *started.children(recursive=True)]
        return found

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
        self.rest()
        self.do("mousemove", 1700, 140, "mousedown", 1)
        for step in range(1690, x, -30):  # a drag is many small moves
            self.do("mousemove", step, y)
        self.rest()  # where nobody has said yet that it may be dropped, letting go ends the drag
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

    def left(self, program: subprocess.Popen[str]) -> int:
        """The exit code of a program that was told to leave."""
        try:
            return program.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            program.send_signal(signal.SIGABRT)  # it writes where each of its threads stands
            program.wait()
            raise AssertionError(f"it did not leave:\n{self.said()}") from None

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


def thread_states(process: psutil.Process) -> list[str]:
    """R, S or D, as the system says, of each thread of a process; none where it has gone."""
    states: list[str] = []
    for stat in Path(f"/proc/{process.pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # the thread has just ended
            states.append(stat.read_text().rpartition(")")[2].split()[0])
    return states


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


def wait_for(what: Callable[[], object], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.3)
