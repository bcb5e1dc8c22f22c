"""The way back through the real program: exported, changed as in Photoshop, taken back by hand and by the watch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine.imaging.psd.read import read_document
from tests.system.conftest import Chromask, answer
from tests.system.test_watch_cli import copy_one_pair
from tests.unit.retoucher import MASK, Retoucher

PROJECT = Path(__file__).resolve().parents[2]
MATCH = "Matched colour"


@pytest.fixture
def exported(chromask: Chromask, drawn_pairs: Path, tmp_path: Path) -> Path:
    """One pair's document, in a folder with the catalog beside it."""
    copy_one_pair(drawn_pairs, tmp_path / "pictures")
    done = chromask("run", "pictures", "--out", "out", "--format", "psd", "--catalog", "c.db", "--engine", "classical")
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "out").glob("*.psd")
    return path


def work_on(path: Path, columns: int, color: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Cut the mask, and paint within the rest of it; the mask and where paint lies."""
    retoucher = Retoucher(path)
    mask = retoucher.plane(MATCH, MASK).copy()
    left = int(np.flatnonzero(mask.any(axis=0)).min())
    mask[:, : left + columns] = 0
    row = int(np.flatnonzero((mask == 255).sum(axis=1) > 30).mean())
    column = int(np.flatnonzero(mask[row] == 255).mean())
    where = np.zeros(mask.shape, bool)
    where[row - 5 : row + 5, column - 5 : column + 5] = True
    retoucher.set_plane(MATCH, MASK, mask)
    retoucher.paint(MATCH, where, color)
    retoucher.save(path)
    return mask, where


def test_a_retouched_file_is_taken_back_matched_and_exported_again(
    chromask: Chromask, exported: Path, tmp_path: Path
) -> None:
    mask, where = work_on(exported, 12, (255, 0, 200))
    (row,) = answer(chromask("reimport", exported, "--catalog", "c.db", "--json"))
    assert row["outcome"] == "taken"
    assert row["changes"] == ["The mask 'garment' was changed.", "Pixels were painted."]
    ((version,),) = (row["versions"],)
    assert (version["version"], version["state"]) == (2, "succeeded")
    history = answer(chromask("history", str(version["job"]), "--catalog", "c.db", "--json"))
    assert [(each["reason"], each["author"]) for each in history] == [("retouched", "Photoshop"), (None, None)]
    done = chromask("export", "last", "--out", "again", "--format", "psd", "--all", "--catalog", "c.db")
    assert done.returncode == 0, done.stderr
    document = read_document(next((tmp_path / "again").glob("*.psd")))
    assert [layer.name for layer in document.layers] == ["Background", MATCH, "Retouch"]
    np.testing.assert_array_equal(document.layers[1].mask, mask)
    np.testing.assert_array_equal(document.layers[2].transparency, np.where(where, 255, 0))
    assert document.composite is not None
    assert (document.composite[where] == (255, 0, 200)).all()

    # A folder of it, again: nothing new, and nothing wrong with what is not Chromask's.
    (exported.parent / "notes.psd").write_bytes(b"8BPS of somebody else")
    done = chromask("reimport", exported.parent, "--catalog", "c.db", "--json")
    rows = {Path(row["file"]).name: row["outcome"] for row in answer(done)}
    assert rows == {exported.name: "unchanged", "notes.psd": "failed"}
    assert done.returncode == 1
    for arguments, code, says in (
        ((), 2, "nothing to take back"),
        (("gone.psd",), 1, "not there"),
        (("--watch", "nowhere"), 1, "no such folder"),
        (("--watch", ".", "--take"), 2, "a folder alone"),
    ):
        done = chromask("reimport", *arguments, "--catalog", "c.db")
        assert (done.returncode, done.stdout) == (code, "")
        assert says in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process")
def test_the_watch_takes_back_what_is_saved_and_nothing_else(
    chromask: Chromask, exported: Path, tmp_path: Path
) -> None:
    command = [sys.executable, str(PROJECT / "main.py"), "reimport", "--watch", str(exported.parent), "--settle", "0.5"]
    process = subprocess.Popen(
        [*command, "--catalog", str(tmp_path / "c.db")], stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stderr is not None
    said: list[str] = []
    try:
        said.append(process.stderr.readline())
        assert said[0].startswith("Watching ")
        work_on(exported, 12, (0, 255, 0))
        limit = time.monotonic() + 300
        while "is done" not in said[-1] and time.monotonic() < limit:
            said.append(process.stderr.readline())
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=120)[1]
    assert "Stopping." in rest
    assert process.returncode == 0
    told = [line for line in said if exported.name in line]
    assert len(told) == 1
    assert "Pixels were painted. Taken back as version 2" in told[0]
    # After a restart it is known.
    (row,) = answer(chromask("reimport", exported, "--catalog", "c.db", "--json"))
    assert row["why"] == ["It was taken back already, as it is."]
