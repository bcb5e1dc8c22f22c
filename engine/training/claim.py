"""Which process has a run at work, and what one that nobody has at work broke off on. No torch in here."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from engine.domain.codec import from_json, to_json
from engine.domain.errors import BugError, KnownError
from engine.domain.files import complete_file, known_os_error
from engine.domain.locks import Owner, exclusive_lock, forget_dead, lock_state
from engine.domain.training import Broken, Finished, Paused
from engine.training.job import EVENTS, last_event, last_step

LOCK, BROKEN = "run.lock", "broken.json"


@contextmanager
def claimed(folder: Path) -> Generator[None]:
    """Have the run of a folder at work in this process; what it broke off on before is forgotten.

    Raises
    ------
    KnownError
        Another process has it.
    """
    with exclusive_lock(folder / LOCK, lambda owner: _taken(owner, folder)):
        try:
            (folder / BROKEN).unlink(missing_ok=True)
        except OSError as error:
            raise known_os_error(error, folder / BROKEN) from error
        yield


def holder_of(folder: Path) -> Owner | None:
    """Which process has the run at work; None: none.

    Raises
    ------
    KnownError
        The folder cannot be read.
    """
    return lock_state(folder / LOCK).holder


def require_free(folder: Path) -> None:
    """Refuse a run that a process has at work.

    Raises
    ------
    KnownError
        One has; names it.
    """
    holder = holder_of(folder)
    if holder is not None:
        raise _taken(holder, folder)


def forgive(folder: Path) -> None:
    """The run's process was ended on purpose: that it died is no error."""
    forget_dead(folder / LOCK)


def broken_on(error: KnownError, folder: Path) -> Broken:
    """An error as the end of a run."""
    path = str(error.path) if error.path is not None else ""
    return Broken(error.what, error.remedy, path, error.retryable, last_step(folder), _utc(datetime.now(UTC)))


def keep_error(folder: Path, broken: Broken) -> None:
    """Keep what a run broke off on, until it goes on.

    Raises
    ------
    KnownError
        The disk refuses.
    """
    with complete_file(folder / BROKEN, overwrite=True) as temporary:
        temporary.write_text(to_json(broken), encoding="utf-8")


def last_error(folder: Path) -> Broken | None:
    """What a run broke off on; None where it is at work, or ended otherwise.

    A process that was killed could say nothing. It still stands in the lock, which no process holds any more.

    Raises
    ------
    KnownError
        The folder cannot be read.
    """
    state = lock_state(folder / LOCK)
    if state.holder is not None:
        return None
    try:
        return from_json((folder / BROKEN).read_text(encoding="utf-8"), Broken)
    except FileNotFoundError:
        return _died(folder) if state.dead is not None and not _has_ended(folder) else None
    except OSError as error:
        raise known_os_error(error, folder / BROKEN) from error
    except (BugError, UnicodeDecodeError):
        return None  # another version's; the run goes on all the same


def _has_ended(folder: Path) -> bool:
    """Whether the last process had told its end before it was killed."""
    if not isinstance(last_event(folder), Finished | Paused):
        return False
    return (folder / EVENTS).stat().st_mtime >= (folder / LOCK).stat().st_mtime


def _died(folder: Path) -> Broken:
    signs = [path.stat().st_mtime for path in (folder / LOCK, folder / EVENTS) if path.exists()]
    return Broken(
        "its process ended without a word: it was killed, main memory ran out, or the computer went off",
        "Go on from its last checkpoint (--resume).",
        "",
        True,
        last_step(folder),
        _utc(datetime.fromtimestamp(max(signs), UTC)),
    )


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _taken(owner: Owner, folder: Path) -> KnownError:
    return KnownError(
        f"{owner} has this run at work",
        remedy="Pause it there, or wait until it has finished; then go on.",
        path=folder,
        retryable=True,
    )
