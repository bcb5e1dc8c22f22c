"""`chromask watch` and `run --preset` as a customer types them: real processes, a real interrupt."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.domain.export import ExportFormat, ExportRecipe
from engine.domain.jobs import JobState
from engine.domain.requests import EngineName, MaskRequest
from engine.services.presets import Preset, save_preset, user_presets
from storage.location import SqliteLocation
from tests.system.conftest import Chromask, answer

PROJECT = Path(__file__).resolve().parents[2]


def copy_one_pair(drawn: Path, to: Path) -> None:
    to.mkdir(exist_ok=True)
    flatlay = next(drawn.rglob("*flatlay*"))
    on_model = next(drawn.rglob(f"{flatlay.name.split('_')[0]}_*on-model*"))
    for picture in (flatlay, on_model):
        shutil.copy(picture, to)


def test_run_takes_a_preset_and_what_is_typed_goes_before_it(
    chromask: Chromask, drawn_pairs: Path, tmp_path: Path
) -> None:
    copy_one_pair(drawn_pairs, tmp_path / "pictures")
    preset = Preset("Acme", color_match=False, export=ExportRecipe((ExportFormat.PNG, ExportFormat.MASK)))
    save_preset(user_presets(tmp_path / "c.db"), preset)
    arguments = ("run", "pictures", "--out", "out", "--catalog", "c.db", "--engine", "classical", "--json")
    masks = answer(chromask(*arguments, "--preset", "acme"))
    assert {Path(name).suffix for name in masks["written"]} == {".png"}
    assert masks["mean_dE00_after"] is None, "the preset asks for masks only"
    matched = answer(chromask(*arguments, "--preset", "acme", "--tasks", "color"))
    assert matched["mean_dE00_after"] is not None
    refused = chromask(*arguments, "--preset", "nobody")
    assert refused.returncode == 2
    assert "there is no preset 'nobody'. Choose from: Acme." in refused.stderr


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process")
def test_watch_takes_in_what_arrives_and_leaves_on_an_interrupt(drawn_pairs: Path, tmp_path: Path) -> None:
    hot, catalog = tmp_path / "hot", tmp_path / "c.db"
    hot.mkdir()
    save_preset(user_presets(catalog), Preset("Masks", color_match=False, engine=EngineName.CLASSICAL))
    command = [sys.executable, str(PROJECT / "main.py"), "watch", str(hot), "--settle", "0.5", "--preset", "Masks"]
    process = subprocess.Popen([*command, "--catalog", str(catalog)], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said: list[str] = []
    try:
        said.append(process.stderr.readline())
        assert said[0].startswith("Watching ")
        copy_one_pair(drawn_pairs, hot)
        limit = time.monotonic() + 300
        while "is done" not in said[-1] and time.monotonic() < limit:
            said.append(process.stderr.readline())
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=120)[1]
    assert "Stopping." in rest
    assert process.returncode == 0
    with SqliteLocation().open(catalog) as (opened, _):
        jobs = opened.jobs()
        assert {job.state for job in jobs} == {JobState.SUCCEEDED}
        assert {type(job.request) for job in jobs} == {MaskRequest}


def test_watch_refuses_at_once_what_every_pair_would_be_refused_for(chromask: Chromask, tmp_path: Path) -> None:
    (tmp_path / "hot").mkdir()
    save_preset(user_presets(tmp_path / "c.db"), Preset("Hats", dreamed=("hat",), engine=EngineName.CLASSICAL))
    save_preset(user_presets(tmp_path / "c.db"), Preset("Nobody's", brand="nobody"))
    for preset, reason in (("Hats", "cannot dream a mask for hat"), ("Nobody's", "nobody")):
        refused = chromask("watch", "hot", "--preset", preset, "--catalog", "c.db")
        assert refused.returncode == 2
        assert reason in refused.stderr
        assert "Watching" not in refused.stderr
