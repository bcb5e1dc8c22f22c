"""The engine thread with real worker processes, a real catalog and real files."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.dispatch.dispatcher import Dispatcher
from engine.dispatch.worker_process import WorkerExited, WorkerMessage, WorkerProcess
from engine.domain.errors import KnownError
from engine.domain.jobs import (
    CancelledJob,
    EngineStopped,
    Failed,
    Idle,
    Job,
    JobEvent,
    JobState,
    Progress,
    Started,
    Succeeded,
    WorkerLost,
)
from engine.domain.requests import EngineName
from engine.ports import ArtifactStore, Catalog
from engine.services.intake import scan
from engine.services.plan import BatchPlan
from engine.services.queue import submit
from engine.worker.protocol import CancelJob, RunJob, decode_report, encode_command
from storage.location import SqliteLocation

PROJECT = Path(__file__).resolve().parents[2]
WORKER = PROJECT / "tests" / "scripted_worker.py"


class Bench:
    """A catalog, a folder of drawn pairs, and the dispatcher on it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self._stack = folder, stack
        self.catalog_file = folder / "catalog.db"
        self.catalog: Catalog
        self.artifacts: ArtifactStore
        self.catalog, self.artifacts = stack.enter_context(SqliteLocation().open(self.catalog_file))
        self.events: list[JobEvent] = []

    def jobs(self, *names: str) -> list[Job]:
        for index, name in enumerate(names):
            rng = np.random.default_rng(index)
            worn = np.full((64, 48, 3), (90, 120, 160), np.uint8) + rng.integers(0, 9, (64, 48, 3), np.uint8)
            Image.fromarray(worn).save(self.folder / f"{name}_model.png")
            flat = np.full((64, 48, 3), 245, np.uint8)
            flat[12:-12, 10:-10] = (160, 60, 60)
            flat += rng.integers(0, 5, flat.shape, np.uint8)
            Image.fromarray(flat).save(self.folder / f"{name}_flat.png")
        report = scan([self.folder])
        assert len(report.pairs) == len(names), report.problems
        plan = BatchPlan(color_match=False, engine=EngineName.CLASSICAL)
        return list(submit(self.catalog, "test", report.pairs, plan).jobs)

    def dispatcher(self, **options: float) -> Dispatcher:
        command = [sys.executable, str(WORKER), str(self.catalog_file)]
        dispatcher = Dispatcher(self.catalog, command, **options)  # type: ignore[arg-type]
        dispatcher.subscribe(self.events.append)
        self._stack.callback(dispatcher.stop)
        return dispatcher

    def states(self) -> dict[str, JobState]:
        pairs = {job.id: self.catalog.pair(job.pair_id) for job in self.catalog.jobs()}
        return {pairs[job.id].sku: job.state for job in self.catalog.jobs()}

    def wait_for(self, condition: Callable[[], bool], seconds: float = 300) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.events
            time.sleep(0.02)

    def seen(self, kind: type) -> bool:
        return any(isinstance(event, kind) for event in self.events)


def wait_for_no_thread(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    with ExitStack() as stack:
        yield Bench(tmp_path, stack)
    left = [thread for thread in threading.enumerate() if thread.name.startswith(("chromask", "worker-"))]
    for thread in left:
        thread.join(30)  # one whose last word was heard may still be on its last lines
    assert not (names := [thread.name for thread in left if thread.is_alive()]), f"threads were left running: {names}"


def test_bad_pictures_fail_alone_with_a_sentence_and_the_batch_goes_on(bench: Bench) -> None:
    bench.jobs("a1good", "b2refused", "c3bug", "d4noisy", "e5good")
    dispatcher = bench.dispatcher()
    dispatcher.start()
    assert dispatcher.wait_idle(300)
    states = bench.states()
    assert {sku for sku, state in states.items() if state is JobState.SUCCEEDED} == {"a1good", "d4noisy", "e5good"}
    failures = {bench.catalog.pair(j.pair_id).sku: j.failure for j in bench.catalog.jobs() if j.failure}
    refused, bug = failures["b2refused"], failures["c3bug"]
    assert refused.message.endswith("b2refused_model.png: no garment was found")
    assert refused.remedy == "Draw the mask by hand."
    assert "ZeroDivisionError" in bug.message
    assert "three by nothing" in bug.detail
    assert isinstance(bench.events[-1], Idle)
    assert sum(isinstance(event, Succeeded) for event in bench.events) == 3


def test_poison_picture_is_given_up_after_three_attempts_and_the_others_finish(bench: Bench) -> None:
    bench.jobs("a1poison", "b2good", "c3good")
    dispatcher = bench.dispatcher()
    dispatcher.start()
    assert dispatcher.wait_idle(300)
    assert bench.states() == {
        "a1poison": JobState.FAILED,
        "b2good": JobState.SUCCEEDED,
        "c3good": JobState.SUCCEEDED,
    }
    (failed,) = [job for job in bench.catalog.jobs() if job.state is JobState.FAILED]
    assert failed.attempt == 3
    assert failed.failure is not None
    assert "died on it 3 times (killed by SIGKILL)" in failed.failure.message
    assert sum(isinstance(event, WorkerLost) for event in bench.events) == 2


def test_worker_that_cannot_start_is_not_blamed_on_the_picture(bench: Bench) -> None:
    bench.jobs("a1good")
    dispatcher = Dispatcher(bench.catalog, [sys.executable, "-c", "import sys; sys.exit('no library')"])
    dispatcher.start()
    assert dispatcher.wait_idle(300)
    dispatcher.stop()
    (job,) = bench.catalog.jobs()
    assert job.failure is not None
    assert "no worker process could be started for it (exit code 1)" in job.failure.message
    assert "chromask doctor" in job.failure.remedy
    assert "no library" in job.failure.detail


def test_silent_worker_is_killed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.jobs("a1good")
    silent = [sys.executable, "-c", "import time; time.sleep(600)"]
    dispatcher = Dispatcher(bench.catalog, silent, silence_limit=0.3)
    dispatcher.start()
    assert dispatcher.wait_idle(300)
    dispatcher.stop()
    (job,) = bench.catalog.jobs()
    assert job.state is JobState.FAILED
    assert job.attempt == 3


def test_cancel_stops_a_running_job_within_a_step_and_a_queued_one_at_once(bench: Bench) -> None:
    slow, queued = bench.jobs("a1slow", "b2slow")
    dispatcher = bench.dispatcher()
    dispatcher.start()
    bench.wait_for(lambda: bench.seen(Progress))
    dispatcher.cancel([slow.id, queued.id])
    bench.wait_for(lambda: sum(isinstance(event, CancelledJob) for event in bench.events) == 2)
    assert set(bench.states().values()) == {JobState.CANCELLED}


def test_cancel_kills_a_worker_that_does_not_listen(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.dispatch.dispatcher.CANCEL_LIMIT", 0.5)
    (job,) = bench.jobs("a1hang")
    dispatcher = bench.dispatcher()
    dispatcher.start()
    bench.wait_for(lambda: any(isinstance(e, Progress) and e.label == "masking" for e in bench.events))
    dispatcher.cancel([job.id])
    bench.wait_for(lambda: bench.seen(CancelledJob))
    assert bench.catalog.job(job.id).state is JobState.CANCELLED


def test_pause_claims_nothing_and_resume_goes_on(bench: Bench) -> None:
    bench.jobs("a1good", "b2good")
    dispatcher = bench.dispatcher()
    dispatcher.pause()
    dispatcher.start()
    time.sleep(1)
    assert not bench.seen(Started)
    dispatcher.resume()
    assert dispatcher.wait_idle(300)
    assert set(bench.states().values()) == {JobState.SUCCEEDED}


def test_the_number_of_jobs_at_once_can_be_changed_while_they_run(bench: Bench) -> None:
    jobs = bench.jobs("a1slow", "b2slow", "c3slow")
    dispatcher = bench.dispatcher(workers=1)

    def running() -> list[int]:
        return [job.id for job in bench.catalog.jobs() if job.state is JobState.RUNNING]

    dispatcher.start()
    bench.wait_for(lambda: bench.seen(Progress))
    assert running() == [jobs[0].id]
    dispatcher.use_workers(2)
    bench.wait_for(lambda: len(running()) == 2)
    dispatcher.use_workers(1)
    dispatcher.cancel([jobs[1].id])
    bench.wait_for(lambda: bench.seen(CancelledJob))
    time.sleep(0.5)
    assert running() == [jobs[0].id], "a worker is free, but only one may be on a job"


def test_stop_puts_the_running_job_back_without_blame_and_leaves_no_process(bench: Bench) -> None:
    (job,) = bench.jobs("a1slow")
    dispatcher = bench.dispatcher()
    dispatcher.start()
    bench.wait_for(lambda: bench.seen(Progress))
    dispatcher.stop()
    again = bench.catalog.job(job.id)
    assert (again.state, again.attempt) == (JobState.QUEUED, 0)


def test_retry_runs_a_failed_job_again(bench: Bench) -> None:
    (job,) = bench.jobs("a1refused")
    dispatcher = bench.dispatcher()
    dispatcher.start()
    bench.wait_for(lambda: bench.seen(Failed))
    dispatcher.retry([job.id])
    bench.wait_for(lambda: sum(isinstance(event, Failed) for event in bench.events) == 2)


def test_higher_priority_runs_first(bench: Bench) -> None:
    jobs = bench.jobs("a1good", "b2good", "c3good")
    bench.catalog.set_priority([jobs[2].id], 5)
    dispatcher = bench.dispatcher()
    dispatcher.start()
    assert dispatcher.wait_idle(300)
    started = [event.job_id for event in bench.events if isinstance(event, Started)]
    assert started == [jobs[2].id, jobs[0].id, jobs[1].id]


def test_file_that_changed_since_intake_is_refused(bench: Bench) -> None:
    bench.jobs("a1good")
    Image.fromarray(np.zeros((64, 48, 3), np.uint8)).save(bench.folder / "a1good_model.png")
    dispatcher = bench.dispatcher()
    dispatcher.start()
    assert dispatcher.wait_idle(300)
    (job,) = bench.catalog.jobs()
    assert job.failure is not None
    assert "a1good_model.png" in job.failure.message
    assert "changed" in job.failure.message


def test_worker_leaves_when_the_application_is_gone(bench: Bench) -> None:
    """The worker's standard input closes with the application, even by SIGKILL; then no process may stay."""
    import subprocess

    worker = subprocess.Popen(
        [sys.executable, str(WORKER), str(bench.catalog_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert b"Ready" in worker.stdout.readline()
    worker.stdin.close()
    assert worker.wait(300) == 0
    worker.stdout.close()
    assert not os.path.exists(f"/proc/{worker.pid}/fd")


def test_a_worker_that_cannot_understand_a_command_ends(bench: Bench) -> None:
    """It would beat on without ever listening, and its job would be at work for ever."""
    import subprocess

    command = [sys.executable, str(WORKER), str(bench.catalog_file)]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert b"Ready" in worker.stdout.readline()
    worker.stdin.write(b'{"kind": "Unheard"}\n')
    worker.stdin.flush()
    assert worker.wait(300) == 1
    _, said = worker.communicate()
    assert b"Traceback" in said


STUBBORN = """
import sys
from engine.domain.jobs import Failed, JobFailure, Progress
from engine.worker.protocol import CancelJob, Ready, decode_command, encode_report

def say(report):
    sys.stdout.buffer.write(encode_report(report))
    sys.stdout.buffer.flush()

say(Ready(1))
for line in sys.stdin.buffer:
    command = decode_command(line)
    if isinstance(command, CancelJob):
        say(Failed(command.job_id, JobFailure("it broke", "Mend it.", False)))
    else:
        say(Progress(command.job_id, 0, 1, "at work"))
"""
"""A worker whose job fails just when it is cancelled."""


def test_a_job_that_fails_while_it_is_cancelled_is_told_to_be_cancelled(bench: Bench) -> None:
    """Nobody would hear of it again, and the queue's table would show it at work for ever."""
    (job,) = bench.jobs("a1good")
    dispatcher = Dispatcher(bench.catalog, [sys.executable, "-c", STUBBORN])
    dispatcher.subscribe(bench.events.append)
    dispatcher.start()
    try:
        bench.wait_for(lambda: bench.seen(Progress))
        dispatcher.cancel([job.id])
        bench.wait_for(lambda: bench.seen(CancelledJob))
    finally:
        dispatcher.stop()
    assert not bench.seen(Failed)
    assert bench.catalog.job(job.id).state is JobState.CANCELLED


def test_a_cancel_that_comes_too_late_does_not_stop_the_job_when_it_is_tried_again(bench: Bench) -> None:
    import subprocess

    (job,) = bench.jobs("a1good")
    run = encode_command(RunJob(job.id, bench.catalog.pair(job.pair_id), job.request))
    command = [sys.executable, str(WORKER), str(bench.catalog_file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None

        def end() -> object:
            assert worker.stdout is not None
            reports = map(decode_report, worker.stdout)
            return next(r for r in reports if isinstance(r, Succeeded | Failed | CancelledJob))

        worker.stdin.write(run)
        worker.stdin.flush()
        assert isinstance(end(), Succeeded)
        worker.stdin.write(encode_command(CancelJob(job.id)) + run)
        worker.stdin.flush()
        assert isinstance(end(), Succeeded)


def test_a_worker_program_that_is_not_there_does_not_end_the_engine(bench: Bench) -> None:
    (job,) = bench.jobs("a1good")
    dispatcher = Dispatcher(bench.catalog, [str(bench.folder / "no such program")])
    dispatcher.subscribe(bench.events.append)
    dispatcher.start()
    try:
        bench.wait_for(lambda: bench.seen(Failed))
        assert dispatcher.is_running
    finally:
        dispatcher.stop()
    failure = bench.catalog.job(job.id).failure
    assert failure is not None
    assert "no worker process could be started for it" in failure.message
    assert "no such program" in failure.message
    assert "chromask doctor" in failure.remedy


class Heard:
    """What a worker's reader thread delivered."""

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[WorkerMessage] = queue.SimpleQueue()

    def __call__(self, worker_id: str, message: WorkerMessage) -> None:
        self._messages.put(message)

    def exit(self) -> WorkerExited:
        message = self._messages.get(timeout=30)
        assert isinstance(message, WorkerExited)
        return message


@pytest.mark.parametrize("line", [b'{"type":"Heartb', b'{"type":"\xc3'], ids=["half", "half a letter"])
def test_a_worker_that_dies_in_the_middle_of_a_line_is_told_to_be_gone(line: bytes) -> None:
    """The reader thread would end on the line, and the job would wait for the dead process for ever."""
    code = f"import os, sys; os.write(1, {line!r}); sys.exit(3)"
    heard = Heard()
    process = WorkerProcess([sys.executable, "-c", code], "worker-1", heard)
    heard.exit()
    process.kill()


def test_a_worker_is_gone_though_what_it_started_still_holds_its_standard_error(tmp_path: Path) -> None:
    """A library's own process that outlives a killed worker; closing the pipe would wait for it."""
    note = tmp_path / "pid"
    code = (
        "import subprocess, sys\n"
        "left = subprocess.Popen(['sleep', '120'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)\n"
        f"open({str(note)!r}, 'w').write(str(left.pid))\n"
        "left.returncode = 0\n"
        "sys.exit('these were the last words')"
    )
    heard = Heard()
    process = WorkerProcess([sys.executable, "-c", code], "worker-1", heard)
    try:
        exit = heard.exit()
        assert exit.returncode == 1
        assert "the last words" in exit.last_words
    finally:
        os.kill(int(note.read_text()), signal.SIGKILL)
        process.kill()
    wait_for_no_thread("worker-1-stderr")


def test_an_engine_whose_catalog_refuses_says_so_to_everybody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window would say for ever that it works, and the command line not why it does not."""
    bench.jobs("a1good")
    disk = KnownError("the disk is full", remedy="Free some space and retry.", path=bench.catalog_file)

    def refuse(*_: object, **__: object) -> None:
        raise disk

    for name in ("claim", "log"):
        monkeypatch.setattr(bench.catalog, name, refuse)
    dispatcher = bench.dispatcher()
    dispatcher.require_running()
    dispatcher.start()
    bench.wait_for(lambda: bench.seen(EngineStopped))
    (stopped,) = [event for event in bench.events if isinstance(event, EngineStopped)]
    assert stopped.what.endswith("catalog.db: the disk is full")
    assert stopped.remedy.startswith("Free some space and retry. Then start Chromask again")
    assert not dispatcher.is_running
    with pytest.raises(KnownError, match="the disk is full"):
        dispatcher.require_running()


def test_work_that_comes_just_when_the_engine_falls_idle_is_waited_for(bench: Bench) -> None:
    """Between the look at the empty inbox and what was made of it, somebody queued a job and called."""
    (job,) = bench.jobs("a1good")
    bench.catalog.cancel([job.id])
    dispatcher = bench.dispatcher()
    has_called = threading.Event()

    def call() -> None:
        bench.catalog.retry([job.id])
        dispatcher.wake()
        has_called.set()

    class Inbox(queue.SimpleQueue[Callable[[], None]]):
        calling: threading.Thread | None = None

        def empty(self) -> bool:
            is_empty = super().empty()
            if self.calling is None:
                self.calling = threading.Thread(target=call)
                self.calling.start()
                has_called.wait(1)  # where the caller may come in between, it has
            return is_empty

    dispatcher._inbox = Inbox()
    dispatcher.start()
    assert has_called.wait(30)
    assert dispatcher.wait_idle(300)
    assert bench.catalog.job(job.id).state is JobState.SUCCEEDED
