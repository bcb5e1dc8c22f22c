"""A run's folder: what it shall do, what it told, and what it made. No torch in here.

``job.json`` and ``plan.json`` say what is done and how; ``checkpoint.pt`` is what it goes on from; ``events.jsonl`` is
everything it told, ``loss.csv`` its curve for a spreadsheet; ``samples`` and ``checkpoints`` hold pictures and LoRAs.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.domain.codec import from_json, register_union, to_json
from engine.domain.errors import BugError, KnownError
from engine.domain.files import complete_file, known_os_error
from engine.domain.training import (
    Broken,
    Evaluated,
    Finished,
    Paused,
    Prepared,
    Preparing,
    StepDone,
    TrainingEvent,
    TrainingJob,
    TrainingPlan,
)

JOB, PLAN, EVENTS, CURVE = "job.json", "plan.json", "events.jsonl", "loss.csv"
SAMPLES, CHECKPOINTS = "samples", "checkpoints"
BEST = "best.safetensors"
"""The best LoRA on the held-out examples until now."""
CHECKPOINT = "checkpoint.pt"
"""Weights, optimiser and step of a run (`engine.training.run.Run`)."""

_TAIL = 1 << 16
"""Bytes from the end of a log in which its last event is looked for; one has a few hundred."""

_COLUMNS = ("step", "loss", "learning_rate", "seconds", "held_out_loss", "held_out_iou")


@lru_cache(maxsize=1)
def _know_events() -> None:
    register_union(TrainingEvent)


def encode_event(event: TrainingEvent) -> str:
    """One line without its newline."""
    _know_events()
    return to_json(event, TrainingEvent)


def decode_event(line: str) -> TrainingEvent:
    """Parse a line of `encode_event`.

    Raises
    ------
    BugError
        It is none.
    """
    _know_events()
    return from_json(line, TrainingEvent)


def write_job(folder: Path, job: TrainingJob) -> None:
    """Keep what a run shall do in its folder.

    Raises
    ------
    KnownError
        The folder cannot be written to.
    """
    _write(folder / JOB, to_json(job))


def read_job(folder: Path) -> TrainingJob:
    """What the run in a folder does.

    Raises
    ------
    KnownError
        There is no run, or another version of Chromask wrote it.
    """
    return _read(folder / JOB, TrainingJob)


def write_plan(folder: Path, plan: TrainingPlan) -> None:
    """Keep how a run uses the machine."""
    _write(folder / PLAN, to_json(plan))


def read_plan(folder: Path) -> TrainingPlan | None:
    """How the run used the machine until now; None where it has not started."""
    return _read(folder / PLAN, TrainingPlan) if (folder / PLAN).is_file() else None


def read_events(folder: Path) -> list[TrainingEvent]:
    """Everything the run told until now; a last line that broke off is left out.

    Raises
    ------
    KnownError
        The log cannot be read.
    """
    return list(_events(folder / EVENTS))


def last_event(folder: Path) -> TrainingEvent | None:
    """The last event that a run told, without reading the thousands before it; None where it told nothing.

    Raises
    ------
    KnownError
        The log cannot be read.
    """
    path = folder / EVENTS
    try:
        with open(path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            lines = file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise known_os_error(error, path) from error
    return decode_event(lines[-1].decode()) if lines else None


def last_step(folder: Path) -> int:
    """The last step that a run told of."""
    return int(getattr(last_event(folder), "step", 0))


class RunLog:
    """Writes what a run tells. A step that is done again after the run was killed is in it once.

    Parameters
    ----------
    folder : Path
        The run's.
    step : int
        Of the checkpoint that the run goes on from: what was told of later steps is taken out.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._folder = folder
        path = folder / EVENTS
        kept = [event for event in _events(path) if _belongs(event, step)]
        _write(path, "".join(encode_event(event) + "\n" for event in kept))
        self.history: list[TrainingEvent] = kept
        _write(folder / CURVE, _curve(kept))

    def tell(self, event: TrainingEvent) -> None:
        """Append one event, to the log and to the curve.

        Raises
        ------
        KnownError
            The disk is full.
        """
        self.history.append(event)
        _append(self._folder / EVENTS, encode_event(event) + "\n")
        row = _row(event)
        if row:
            _append(self._folder / CURVE, row)


def _belongs(event: TrainingEvent, step: int) -> bool:
    """Whether an event of the log is still true for a run that goes on from a step."""
    if isinstance(event, Preparing | Broken | Paused | Finished | Prepared):
        return False
    return event.step <= step


def _curve(events: list[TrainingEvent]) -> str:
    return ",".join(_COLUMNS) + "\n" + "".join(_row(event) for event in events)


def _row(event: TrainingEvent) -> str:
    match event:
        case StepDone():
            values = (event.step, event.loss, event.learning_rate, f"{event.seconds:.3f}", "", "")
        case Evaluated():
            values = (event.step, "", "", "", event.loss, "" if event.iou is None else event.iou)
        case _:
            return ""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _events(path: Path) -> Iterator[TrainingEvent]:
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except OSError as error:
        raise known_os_error(error, path) from error
    # The last piece is empty, or a line that a killed process did not finish.
    for line in text.split("\n")[:-1]:
        yield decode_event(line)


def _read(path: Path, kind: Any) -> Any:
    try:
        return from_json(path.read_text(encoding="utf-8"), kind)
    except FileNotFoundError as error:
        raise KnownError(
            "there is no training run here", remedy="Start one with 'chromask train'.", path=path
        ) from error
    except OSError as error:
        raise known_os_error(error, path) from error
    except (BugError, UnicodeDecodeError) as error:
        raise KnownError(
            "another version of Chromask wrote this, or it is damaged", remedy="Train into a new folder.", path=path
        ) from error


def _write(path: Path, text: str) -> None:
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _append(path: Path, text: str) -> None:
    try:
        with open(path, "a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise known_os_error(error, path) from error


def saved_files(folder: Path) -> dict[int, Path]:
    """The run's LoRA files by their step, in order; those of an earlier step first."""
    found = (folder / CHECKPOINTS).glob("*.safetensors")
    return dict(sorted((int(path.stem.rpartition("-")[2]), path) for path in found))
