"""The engine thread with real worker processes, a real catalog and real files."""

from __future__ import annotations

import os
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
from engine.domain.jobs import (
    CancelledJob,
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

    def wait_for(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.events
            time.sleep(0.02)

    def seen(self, kind: type) -> bool:
        return any(isinstance(event, kind) for event in self.events)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    with ExitStack() as stack:
        yield Bench(tmp_path, stack)
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith(("chromask", "worker-"))]
    assert not left, f"threads were left running: {left}"


def test_bad_pictures_fail_alone_with_a_sentence_and_the_batch_goes_on(bench: Bench) -> None:
    bench.jobs("a1good", "b2refused", "c3bug", "d4noisy", "e5good")
    dispatcher = bench.dispatcher()
    dispatcher.start()
    assert dispatcher.wait_idle(60)
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
    assert dispatcher.wait_idle(90)
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
    assert dispatcher.wait_idle(30)
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
    assert dispatcher.wait_idle(30)
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
    bench.wait_for(lambda: bench.seen(CancelledJob), 20)
    assert bench.catalog.job(job.id).state is JobState.CANCELLED


def test_pause_claims_nothing_and_resume_goes_on(bench: Bench) -> None:
    bench.jobs("a1good", "b2good")
    dispatcher = bench.dispatcher()
    dispatcher.pause()
    dispatcher.start()
    time.sleep(1)
    assert not bench.seen(Started)
    dispatcher.resume()
    assert dispatcher.wait_idle(60)
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
    assert dispatcher.wait_idle(60)
    started = [event.job_id for event in bench.events if isinstance(event, Started)]
    assert started == [jobs[2].id, jobs[0].id, jobs[1].id]


def test_file_that_changed_since_intake_is_refused(bench: Bench) -> None:
    bench.jobs("a1good")
    Image.fromarray(np.zeros((64, 48, 3), np.uint8)).save(bench.folder / "a1good_model.png")
    dispatcher = bench.dispatcher()
    dispatcher.start()
    assert dispatcher.wait_idle(60)
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
    assert worker.wait(10) == 0
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
    assert worker.wait(10) == 1
    _, said = worker.communicate()
    assert b"Traceback" in said
