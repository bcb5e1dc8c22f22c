"""What the engine thread and a worker process say to each other: one JSON object a line on the standard streams."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.assets import AssetPair
from engine.domain.codec import from_json, register_union, to_json
from engine.domain.jobs import CancelledJob, Failed, Progress, Started, Succeeded
from engine.domain.requests import Request


@dataclass(frozen=True, slots=True)
class RunJob:
    """To the worker: do this job. One at a time."""

    job_id: int
    pair: AssetPair
    request: Request


@dataclass(frozen=True, slots=True)
class CancelJob:
    """To the worker: stop this job at its next step."""

    job_id: int


@dataclass(frozen=True, slots=True)
class Ready:
    """From the worker: it is up and takes jobs."""

    pid: int


@dataclass(frozen=True, slots=True)
class CardMemory:
    """Memory of the graphics card that a worker uses; 0 of 0 where its networks found no card.

    Attributes
    ----------
    used_bytes, total_bytes : int
        Of the whole card: what other programs hold counts as used.
    """

    used_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """From the worker, every second: it is alive.

    Attributes
    ----------
    card : CardMemory or None
        None as long as it has not run a network.
    """

    card: CardMemory | None = None


Command = RunJob | CancelJob
Report = Ready | Heartbeat | Started | Progress | Succeeded | Failed | CancelledJob


def _know_unions() -> None:
    """Before the first line: telling the converter takes 50 ms, which a window that opens need not wait for."""
    register_union(Command)
    register_union(Report)


def encode_command(command: Command) -> bytes:
    """One line, ended by a newline; JSON escapes newlines inside."""
    _know_unions()
    return to_json(command, Command).encode() + b"\n"


def decode_command(line: bytes) -> Command:
    """Parse a line of `encode_command`.

    Raises
    ------
    BugError
        It is none, or only a part of one.
    """
    _know_unions()
    return from_json(line, Command)


def encode_report(report: Report) -> bytes:
    """One line, ended by a newline."""
    _know_unions()
    return to_json(report, Report).encode() + b"\n"


def decode_report(line: bytes) -> Report:
    """Parse a line of `encode_report`.

    Raises
    ------
    BugError
        It is none, or only a part of one.
    """
    _know_unions()
    return from_json(line, Report)
