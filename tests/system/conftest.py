"""Pictures and a way to call the real program, shared by the system tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.domain.geometry import Extent
from engine.imaging.drawn import write_demo_set

MAIN = Path(__file__).resolve().parents[2] / "main.py"

Chromask = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def drawn_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four drawn photographs with their flatlays, small enough for quick jobs."""
    folder = tmp_path_factory.mktemp("drawn") / "pictures"
    write_demo_set(folder, 4, extent=Extent(320, 400))
    return folder


@pytest.fixture
def chromask(tmp_path: Path) -> Chromask:
    """Run the real program in its own process; the account's folders lie in the test's folder."""

    def run(*arguments: str | Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        home = {
            "HOME": str(tmp_path),
            "XDG_DATA_HOME": str(tmp_path / "data"),
            "CHROMASK_MODELS": str(tmp_path / "none"),
        }
        return subprocess.run(
            [sys.executable, str(MAIN), *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **home, **(environment or {})},
            timeout=800,
        )

    return run


def answer(run: subprocess.CompletedProcess[str]) -> Any:
    """The JSON document a command printed."""
    assert run.stdout, run.stderr
    return json.loads(run.stdout)
