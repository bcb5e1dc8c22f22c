"""Who has a training run at work, and what it broke off on: kept in its folder, through kills. No torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.cli.app import run as run_command
from engine.domain.datasets import DatasetKind, Example
from engine.domain.errors import KnownError
from engine.domain.locks import Owner
from engine.domain.training import Finished, Paused, StepDone, TrainingJob, TrainingSettings
from engine.services.training import RunState, TrainingProcess, go_on, run_status
from engine.training.claim import broken_on, claimed, holder_of, keep_error, last_error
from engine.training.job import EVENTS, RunLog, last_event, last_step, write_job

ROOT = Path(__file__).resolve().parents[2]
WORK = """
import sys
from pathlib import Path
from engine.training.claim import claimed
with claimed(Path(sys.argv[1])):
    print("at work", flush=True)
    sys.stdin.read()
"""
FULL = KnownError("the disk is full", remedy="Free some space and retry.", path=Path("x.pt"), retryable=True)
LEAVES = """
import atexit, sys
from main import main
atexit.register(print, "taken apart")
main(["trainer", sys.argv[1]])
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that was begun and has told of two steps."""
    folder = tmp_path / "run"
    pair = Example("a", "A", "control/a.png", "target/a.png", "put a green mask for a hat on the person")
    write_job(folder, TrainingJob("hat", DatasetKind.MASK, "model", "set", "0" * 64, (pair,)))
    log = RunLog(folder, 0)
    for step in (1, 2):
        log.tell(StepDone(step, 1000, 0.5, 1e-4, 1.0, 998.0))
    return folder


class Trainer:
    """A second process that has the run at work, and learns nothing."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", WORK, str(folder)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"at work\n"

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self.process

    def __exit__(self, *_: object) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        self.process.wait()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def chromask(*arguments: object) -> int:
    return run_command([str(argument) for argument in ("train", *arguments)], None)  # pyright: ignore[reportArgumentType]


def test_a_run_at_work_is_named_with_its_process_and_refused_to_a_second_one(run, capsys) -> None:
    assert holder_of(run) is None
    with Trainer(run) as trainer:
        owner = Owner(trainer.pid, Owner.this().host)
        assert holder_of(run) == owner
        assert run_status(run).state is RunState.AT_WORK
        with pytest.raises(KnownError, match=f"process {trainer.pid} has this run at work"), claimed(run):
            pass
        before = (run / "job.json").read_bytes()
        with pytest.raises(KnownError, match="Pause it there"):
            go_on(run, replace(TrainingSettings(), steps=2000))
        assert (run / "job.json").read_bytes() == before
        assert chromask("mask", "--out", run, "--resume") == 1
        assert f"process {trainer.pid} has this run at work. Pause it there" in capsys.readouterr().err
        assert chromask("status", run) == 0
        assert capsys.readouterr().out == f"hat: at work by process {trainer.pid}, step 2 of 1,000\n"
    assert holder_of(run) is None
    assert last_error(run) is None, "it left as it should"


def test_what_a_run_breaks_off_on_is_kept_until_it_goes_on(run, capsys) -> None:
    with claimed(run):
        keep_error(run, broken_on(FULL, run))
        assert last_error(run) is None, "while it is at work nothing is wrong"
    broken = last_error(run)
    assert broken is not None
    assert (broken.what, broken.path, broken.retryable, broken.step) == (FULL.what, "x.pt", True, 2)
    assert datetime.now(UTC) - datetime.fromisoformat(broken.at) < timedelta(minutes=5)
    assert chromask("status", run) == 1
    said = capsys.readouterr().out
    assert "hat: broken off, step 2 of 1,000" in said
    assert "x.pt: the disk is full. Free some space and retry." in said
    assert chromask("status", run, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["process"], told["broken"]["step"]) == ("broken off", None, 2)
    with claimed(run):
        pass
    assert last_error(run) is None
    assert run_status(run).state is RunState.STOPPED


def test_a_process_that_was_killed_is_told_of_though_it_said_nothing(run) -> None:
    with claimed(run):
        keep_error(run, broken_on(FULL, run))  # of an earlier time
    with open(run / EVENTS, "a") as log:
        log.write('{"step": 3, "lo')
    with Trainer(run) as trainer:
        trainer.kill()
        trainer.wait()
    broken = last_error(run)
    assert broken is not None
    assert broken.what.startswith("its process ended without a word")
    assert (broken.step, broken.retryable) == (2, True)
    assert run_status(run).state is RunState.BROKEN
    with claimed(run):
        assert run_status(run).holder == Owner.this()
    assert last_error(run) is None


@pytest.mark.parametrize("end", [Paused(2), Finished(2, "hat.safetensors", 2, False)])
def test_one_that_was_killed_after_its_end_broke_off_on_nothing(run, end) -> None:
    with Trainer(run) as trainer:
        RunLog(run, 2).tell(end)
        trainer.kill()
        trainer.wait()
    assert last_error(run) is None
    os.utime(run / EVENTS, (0, 0))  # the end of an earlier time: this process was killed before it told anything
    assert last_error(run) is not None


def test_a_process_that_is_ended_on_purpose_leaves_no_error(run, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    silent = WORK.replace('    print("at work", flush=True)\n', "")
    process = TrainingProcess([sys.executable, "-c", silent, str(run)], run)
    until = time.monotonic() + 300
    while holder_of(run) is None and time.monotonic() < until:
        time.sleep(0.05)
    process.kill()
    with pytest.raises(KnownError, match="killed by SIGKILL"):
        list(process.events())
    assert last_error(run) is None
    assert run_status(run).state is RunState.STOPPED


def test_the_last_event_is_found_at_the_end_of_a_long_log(run) -> None:
    log = RunLog(run, 2)
    for step in range(3, 1500):
        log.tell(StepDone(step, 2000, 0.5, 1e-4, 1.0, 1.0))
    assert (run / EVENTS).stat().st_size > 1 << 16
    last = last_event(run)
    assert isinstance(last, StepDone)
    assert last.step == last_step(run) == 1499
    assert last_event(run.parent) is None


def test_a_trainer_that_has_told_everything_leaves_at_once(tmp_path: Path) -> None:
    """Taking the interpreter apart with all of torch in it took 7 s and more, in which a paused run seemed at work."""
    command = [sys.executable, "-c", LEAVES, str(tmp_path)]
    left = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    event = json.loads(left.stdout)
    assert (left.returncode, event["type"], event["what"]) == (1, "Broken", "there is no training run here")
    assert "taken apart" not in left.stderr  # where a print goes, since the events have standard output
