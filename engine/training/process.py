"""The process of a training run: events on standard output, one JSON object a line; ``pause`` on standard input."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NoReturn

from engine.domain.errors import KnownError
from engine.domain.files import complete_file
from engine.domain.training import TrainingEvent
from engine.training.claim import broken_on, claimed, keep_error
from engine.training.job import encode_event, read_job

PAUSE = b"pause"
DONE, BROKEN = 0, 1
DETAILS = "error.txt"
"""In the run's folder: where in the code an error of Chromask's own came up."""


def main(folder: Path) -> NoReturn:
    """Train until the run is finished or is asked to pause, and leave; standard output belongs to the events alone.

    The run pauses at the line ``pause``, at the end of standard input (the program that began it is gone), and at
    SIGINT or SIGTERM: after the step that it is at, with a checkpoint.
    """
    code = _run(folder)
    with contextlib.suppress(OSError):  # nobody reads it any more
        sys.stderr.flush()
    # Every file is complete and every event is told. The interpreter would take some four thousand modules apart
    # first, for seconds in which the run still looks as if it were at work, and the card is not free.
    os._exit(code)


def _run(folder: Path) -> int:
    events = _claim_stdout()
    pause = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: pause.set())
    # Without a buffer: its lock, held by a thread that waits for a line, would abort the interpreter as it shuts down.
    commands = io.FileIO(sys.stdin.fileno(), closefd=False)
    threading.Thread(target=_read_commands, args=(commands, pause), name="commands", daemon=True).start()

    def tell(event: TrainingEvent) -> None:
        try:
            events.write(encode_event(event).encode() + b"\n")
        except BrokenPipeError:
            pause.set()  # nobody listens any more; the log in the folder has it

    try:
        read_job(folder)
        with claimed(folder):
            return _trained(folder, tell, pause.is_set)
    except KnownError as error:  # there is no run, or another process has it
        tell(broken_on(error, folder))
        return BROKEN


def _trained(folder: Path, tell: Callable[[TrainingEvent], None], wants_pause: Callable[[], bool]) -> int:
    """Train; what it breaks off on is kept in the folder, for whoever looks at it later."""
    try:
        from engine.inference.kontext.progress_bars import without_progress_bars  # importing torch takes seconds
        from engine.training.run import be_reproducible
        from engine.training.session import train

        be_reproducible()
        without_progress_bars()
        train(folder, tell, wants_pause)
    except KnownError as error:
        broken = broken_on(error, folder)
    except Exception as error:  # noqa: BLE001 - the last frame of the process
        broken = broken_on(_inside(error, folder), folder)
    else:
        return DONE
    with contextlib.suppress(KnownError):  # the disk may be what is full; whoever listens hears it all the same
        keep_error(folder, broken)
    tell(broken)
    return BROKEN


def _inside(error: Exception, folder: Path) -> KnownError:
    """An error of Chromask's own, whose details are left in the folder."""
    with contextlib.suppress(KnownError), complete_file(folder / DETAILS, overwrite=True) as temporary:
        temporary.write_text(traceback.format_exc(), encoding="utf-8")
    said = (str(error).strip().splitlines() or [""])[0][:160]
    return KnownError(
        f"an error inside Chromask ({type(error).__name__}: {said})",
        remedy=f"Go on from its last checkpoint (--resume); if it comes again, report it with the run's {DETAILS}.",
        retryable=True,
    )


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
