"""What commands print: sentences on standard error, results on standard output, one JSON document for machines."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from engine.domain.errors import KnownError, UsageError

DONE, SOME_FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


def say(sentence: str = "") -> None:
    """A line for a person, on standard error, so that standard output stays clean for results."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - the console itself


def answer(text: str) -> None:
    """A result, on standard output."""
    print(text, flush=True)  # noqa: T201 - the console itself


def answer_json(document: Any) -> None:
    """One JSON document on standard output."""
    answer(json.dumps(document, indent=2, default=str, ensure_ascii=False))


def exit_code(command: Callable[[], int]) -> int:
    """Run a command; its exit code, once an error that is the operator's to mend was said."""
    try:
        return command()
    except UsageError as error:
        say(f"chromask: {error}")
        return WRONG_USAGE
    except KnownError as error:
        say(f"chromask: {error}")
        return SOME_FAILED


Advance = Callable[[int, int, str], None]


@contextmanager
def progress_bar(title: str, *, quiet: bool) -> Generator[Advance]:
    """A progress bar on standard error; nothing is drawn when it is no terminal, or when ``quiet``."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total, label: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[label]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None, label="")

        def advance(done: int, total: int, label: str) -> None:
            bar.update(task, completed=done, total=total, label=label)

        yield advance


@contextmanager
def progress_lines() -> Generator[Advance]:
    """Each step as one line of JSON on standard error, for a program that shows it in its own way."""

    def advance(done: int, total: int, label: str) -> None:
        say(json.dumps({"done": done, "total": total, "name": label}))

    yield advance


def _end_now() -> None:
    raise KeyboardInterrupt


@contextmanager
def stopping(
    sentence: str, stop: Callable[[], None] = lambda: None, end: Callable[[], None] = _end_now
) -> Generator[Callable[[], bool]]:
    """Within it Ctrl+C asks the work to stop where it can, and a second one ends it; yields whether it was asked.

    Parameters
    ----------
    sentence : str
        Said at the first Ctrl+C.
    stop, end : callable
        Called at the first and at the second one, on the main thread.
    """
    asked: list[int] = []

    def interrupted(number: int, _: object) -> None:
        if asked:
            end()
            return
        asked.append(number)
        say(sentence)
        stop()

    # A handler, not KeyboardInterrupt: that would end the very loop which keeps what was done until then.
    former = signal.signal(signal.SIGINT, interrupted)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, former)


def no_steps(step: int, total: int, label: str) -> None:
    """A `engine.ports.ReportStep` for work that nobody watches."""
