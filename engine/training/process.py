"""The process of a training run: events on standard output, one JSON object a line; ``pause`` on standard input."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from engine.domain.errors import KnownError
from engine.domain.training import Broken, TrainingEvent
from engine.training.job import encode_event

PAUSE = b"pause"
DONE, BROKEN = 0, 1


def main(folder: Path) -> int:
    """Train until the run is finished or is asked to pause; standard output belongs to the events alone.

    The run pauses at the line ``pause``, at the end of standard input (the program that began it is gone), and at
    SIGINT or SIGTERM: after the step that it is at, with a checkpoint.
    """
    events = _claim_stdout()
    pause = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: pause.set())
    threading.Thread(target=_read_commands, args=(sys.stdin.buffer, pause), name="commands", daemon=True).start()

    def tell(event: TrainingEvent) -> None:
        try:
            events.write(encode_event(event).encode() + b"\n")
        except BrokenPipeError:
            pause.set()  # nobody listens any more; the log in the folder has it

    from engine.training.session import be_reproducible, train  # after the signals: importing torch takes seconds

    try:
        be_reproducible()
        train(folder, tell, pause.is_set)
    except KnownError as error:
        tell(Broken(error.what, error.remedy, str(error.path) if error.path is not None else "", error.retryable))
        return BROKEN
    return DONE


def _read_commands(commands: BinaryIO, pause: threading.Event) -> None:
    for line in commands:
        if line.strip() == PAUSE:
            break
    pause.set()


def _claim_stdout() -> BinaryIO:
    """Keep the real standard output for events; whatever libraries print goes to standard error."""
    descriptor = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(descriptor, "wb", buffering=0)
