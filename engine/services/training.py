"""Training runs: begun, run in a process of their own, and gone on with. No torch in here."""

from __future__ import annotations

import collections
import contextlib
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path

from engine.domain.datasets import DatasetKind, Split
from engine.domain.errors import KnownError, UsageError
from engine.domain.locks import Owner
from engine.domain.training import Broken, Finished, Paused, TrainingEvent, TrainingJob, TrainingSettings
from engine.inference.kontext.availability import resolve_model
from engine.inference.kontext.source import find_source
from engine.services.datasets.manifest import dataset_hash, read_manifest
from engine.training.claim import forgive, holder_of, last_error, require_free
from engine.training.job import JOB, decode_event, last_event, last_step, read_job, write_job
from engine.training.process import PAUSE

_NEW_GROUP = 0x200  # CREATE_NEW_PROCESS_GROUP
_MAY_CHANGE = ("steps", "sample_every", "samples", "sample_steps", "save_every", "checkpoint_every", "patience")
"""Settings of a run that has begun which no weight that is learnt already depends on."""


def new_job(
    kind: DatasetKind,
    dataset: Path,
    model: Path | None,
    settings: TrainingSettings,
    *,
    name: str = "",
    vram_tier: int = 0,
) -> TrainingJob:
    """What a run on a data set does.

    Parameters
    ----------
    dataset : Path
        The set's folder.
    model : Path, optional
        The base model; the default one otherwise.
    name : str
        Of the LoRA; by default the folder's own, in lower case letters, digits and hyphens.
    vram_tier : int
        Train as on a card of so many GB; 0 asks the card.

    Raises
    ------
    UsageError
        The set is of the other kind, or the name cannot be one of a file.
    KnownError
        There is no such set or model, or one of them is not complete.
    """
    manifest = read_manifest(dataset)
    if manifest.kind is not kind:
        raise UsageError(
            f"this is a {manifest.kind.value} set", remedy=f"Run 'chromask train {manifest.kind.value}'.", path=dataset
        )
    if not manifest.of(Split.TRAIN):
        raise KnownError("the set has no examples to train on", remedy="Build it again.", path=dataset)
    base = resolve_model(model)
    find_source(base)
    name = name or re.sub(r"[^a-z0-9]+", "-", dataset.absolute().name.lower()).strip("-") or "lora"
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise UsageError(f"'{name}' is no name for a LoRA", remedy="Use letters, digits, hyphens and full stops.")
    return TrainingJob(
        name=name,
        kind=kind,
        model=str(base.absolute()),
        dataset=str(dataset.absolute()),
        dataset_hash=dataset_hash(manifest),
        examples=manifest.examples,
        settings=settings,
        vram_tier=vram_tier,
    )


def has_run(folder: Path) -> bool:
    """Whether a folder holds a training run, begun or finished."""
    return (folder / JOB).is_file()


def begin(job: TrainingJob, folder: Path) -> None:
    """Put a new run into a folder; `TrainingProcess` runs it.

    Raises
    ------
    UsageError
        The folder holds a run already.
    KnownError
        It cannot be written to.
    """
    if has_run(folder):
        raise UsageError(
            "this folder holds a training run already",
            remedy="Go on with it (--resume), or give another folder.",
            path=folder,
        )
    write_job(folder, job)


def go_on(folder: Path, settings: TrainingSettings | None = None) -> TrainingJob:
    """Prepare to go on with a run.

    Parameters
    ----------
    settings : TrainingSettings, optional
        Changed ones, such as more steps; those of before otherwise.

    Raises
    ------
    UsageError
        A setting was changed on which weights depend that are learnt already; names it.
    KnownError
        There is no run in the folder, or a process has it at work.
    """
    job = read_job(folder)
    require_free(folder)
    if settings is None or settings == job.settings:
        return job
    changed = [f.name for f in fields(settings) if getattr(settings, f.name) != getattr(job.settings, f.name)]
    fixed = [name for name in changed if name not in _MAY_CHANGE]
    if fixed:
        raise UsageError(
            f"the run was begun with another {', '.join(fixed)}",
            remedy="Leave that option out, or train into another folder.",
            path=folder,
        )
    job = replace(job, settings=settings)
    write_job(folder, job)
    return job


class RunState(StrEnum):
    """How a run stands."""

    WAITING = "not begun"
    AT_WORK = "at work"
    STOPPED = "stopped"  # on purpose, without a checkpoint of its last steps
    PAUSED = "paused"
    BROKEN = "broken off"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run as it stands.

    Attributes
    ----------
    step : int
        The last one that its log tells of.
    holder : Owner or None
        Which process has it at work.
    broken : Broken or None
        What it broke off on.
    """

    job: TrainingJob
    state: RunState
    step: int
    holder: Owner | None
    broken: Broken | None


def run_status(folder: Path) -> RunStatus:
    """How the run of a folder stands.

    Raises
    ------
    KnownError
        There is no run in the folder.
    """
    job, last, holder, broken = read_job(folder), last_event(folder), holder_of(folder), last_error(folder)
    if holder is not None:
        state = RunState.AT_WORK
    elif broken is not None:
        state = RunState.BROKEN
    elif last is None:
        state = RunState.WAITING
    elif isinstance(last, Finished):
        state = RunState.FINISHED
    else:
        state = RunState.PAUSED if isinstance(last, Paused) else RunState.STOPPED
    return RunStatus(job, state, last_step(folder), holder, broken)


class TrainingProcess:
    """The process of one run. `events` on one thread; `pause` and `kill` from any.

    Parameters
    ----------
    command : sequence of str
        Starts it (`engine.cli.composition.Composition.trainer_command`).
    folder : Path
        The run's.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._folder = folder
        # A group of its own: the terminal's Ctrl+C reaches this program, which asks the run to pause.
        is_windows = sys.platform == "win32"
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=not is_windows,
            creationflags=_NEW_GROUP if is_windows else 0,
        )
        self._last_words: collections.deque[str] = collections.deque(maxlen=40)
        self._errors = threading.Thread(target=self._read_errors, name="trainer-stderr", daemon=True)
        self._errors.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def events(self) -> Iterator[TrainingEvent]:
        """Every event until the process is gone; the last one is `Finished` or `Paused`.

        Raises
        ------
        KnownError
            The run broke off; says why. It goes on from its last checkpoint.
        """
        assert self._process.stdout is not None
        last: TrainingEvent | None = None
        try:
            for line in self._process.stdout:
                last = decode_event(line.decode())
                if isinstance(last, Broken):
                    path = Path(last.path) if last.path else None
                    raise KnownError(last.what, remedy=last.remedy, path=path, retryable=last.retryable)
                yield last
        finally:
            returncode = self._left()
        if not isinstance(last, Finished | Paused):
            raise KnownError(
                f"the training process ended ({_ending(returncode, ''.join(self._last_words))})",
                remedy="Go on from its last checkpoint with --resume.",
                retryable=True,
            )

    def pause(self) -> None:
        """Ask it to leave with a checkpoint after the step that it is at."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):  # it is gone already
            self._process.stdin.write(PAUSE + b"\n")
            self._process.stdin.flush()

    def kill(self) -> None:
        """End it at once; what was learnt since the last checkpoint is learnt again when it goes on."""
        self._process.kill()
        self._process.wait()
        forgive(self._folder)

    def _left(self) -> int:
        """Wait for a process that is not listened to any more, which pauses it, and close what led to it."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        returncode = self._process.wait()
        self._errors.join(timeout=2)
        return returncode

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr:
            for line in self._process.stderr:
                self._last_words.append(line.decode(errors="replace"))


def _ending(returncode: int, last_words: str) -> str:
    if returncode < 0:
        return f"killed by {signal.Signals(-returncode).name}"
    said = last_words.strip().splitlines()
    return f"exit code {returncode}{': ' + said[-1][:200] if said else ''}"
