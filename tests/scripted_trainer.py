"""A trainer's process that learns nothing: it tells and writes what a run does, as the run's name says."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from engine.domain.datasets import Split
from engine.domain.training import (
    BaseWeights,
    Broken,
    Evaluated,
    Finished,
    Optimiser,
    Paused,
    Prepared,
    Preparing,
    Sampled,
    Saved,
    StepDone,
    TrainingEvent,
    TrainingJob,
    TrainingPlan,
)
from engine.training.claim import claimed, keep_error
from engine.training.job import CHECKPOINTS, SAMPLES, RunLog, encode_event, read_events, read_job

PLAN = TrainingPlan("cpu", "float32", BaseWeights.WHOLE, Optimiser.ADAMW)


def main(folder: Path) -> int:
    """``slow`` in the run's name takes 50 ms a step, ``dies`` is killed and ``refused`` ends after five of them,
    ``babbles`` says something that is no event, ``prepares`` never comes to its first step, and ``lingers`` leaves its
    sixth when there is a file ``go on``.
    """
    job = read_job(folder)
    done = max((event.step for event in read_events(folder) if isinstance(event, StepDone)), default=0)
    pause = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), pause.set()), daemon=True).start()

    with claimed(folder):
        return play(folder, job, done, pause)


def play(folder: Path, job: TrainingJob, done: int, pause: threading.Event) -> int:
    """The run from a step on."""
    settings = job.settings

    def show(event: TrainingEvent) -> None:
        print(encode_event(event), flush=True)  # noqa: T201 - as a trainer does

    show(Preparing("captions", 0, 1))
    if "prepares" in job.name:
        pause.wait(60)
        return 0
    if "babbles" in job.name:
        print("Loading weights: 100%", flush=True)  # noqa: T201 - as a library might
        pause.wait(60)
        return 0
    log = RunLog(folder, done)

    def tell(event: TrainingEvent) -> None:
        log.tell(event)
        show(event)

    tell(Prepared(PLAN, done, 1000, len(job.of(Split.TRAIN)), len(job.of(Split.HELD_OUT))))
    last: Evaluated | None = next((e for e in reversed(log.history) if isinstance(e, Evaluated)), None)
    for step in range(done + 1, settings.steps + 1):
        if pause.is_set():
            tell(Paused(step - 1))
            return 0
        time.sleep(0.05 if "slow" in job.name else 0.002)
        while "lingers" in job.name and step == done + 6 and not (folder / "go on").exists():
            time.sleep(0.02)
        if step == done + 6 and "dies" in job.name:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == done + 6 and "refused" in job.name:
            at = "2026-01-31T12:00:00+00:00"
            broken = Broken("the graphics card is full", "Train at a lower resolution.", "", True, step - 1, at)
            keep_error(folder, broken)
            show(broken)
            return 1
        loss = 0.2 + math.exp(-step / 20)
        tell(StepDone(step, settings.steps, loss, settings.learning_rate, 0.05, 0.05 * (settings.steps - step)))
        if settings.evaluate_every and step % settings.evaluate_every == 0:
            last = last.next(step, loss, None) if last is not None else Evaluated(step, loss, step, loss, 0)
            tell(last)
        if settings.sample_every and step % settings.sample_every == 0:
            for example in job.examples[: settings.samples]:
                path = folder / SAMPLES / f"step-{step:06}-{example.name}.png"
                path.parent.mkdir(exist_ok=True)
                Image.fromarray(np.full((64, 192, 3), step % 256, np.uint8)).save(path)
                tell(Sampled(step, example.name, f"{SAMPLES}/{path.name}"))
        if settings.save_every and step % settings.save_every == 0:
            file = folder / CHECKPOINTS / f"{job.name}-{step:06}.safetensors"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(b"a LoRA")
            tell(Saved(step, f"{CHECKPOINTS}/{file.name}"))
    (folder / f"{job.name}.safetensors").write_bytes(b"a LoRA")
    tell(Saved(settings.steps, f"{job.name}.safetensors"))
    tell(Finished(settings.steps, f"{job.name}.safetensors", settings.steps, False))
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    sys.exit(main(Path(sys.argv[1])))
