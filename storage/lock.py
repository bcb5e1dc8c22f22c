"""One Chromask per catalog: a lock the operating system drops when its process dies, however it dies."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error

if sys.platform == "win32":
    import msvcrt

    # Windows locks byte ranges, and nobody else can read a locked one: the lock lies far behind the process id.
    _LOCKED_BYTE = 1 << 30

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


_TAKEN = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}


@contextmanager
def single_instance(path: Path, subject: Path) -> Generator[None]:
    """Hold the exclusive lock on ``path`` until the context ends.

    The lock belongs to the open file, not to the file's existence: nothing has to be cleaned up after a crash, and the
    file stays where it is (deleting it would let two processes lock two files of one name).

    Parameters
    ----------
    path : Path
        The lock file; it is created, and holds the owner's process id.
    subject : Path
        What is locked, for the error sentence.

    Raises
    ------
    KnownError
        Another process, or this one, holds it (the message names the process id), or the disk refuses.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise known_os_error(error, path) from error
    try:
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise known_os_error(error, path) from error
            raise _taken(_read_owner(descriptor), subject) from error
        try:
            _write_owner(descriptor, path)
            yield
        finally:
            os.ftruncate(descriptor, 0)  # so that nobody reads the process id of one that is long gone
            _unlock(descriptor)
    finally:
        os.close(descriptor)


def _write_owner(descriptor: int, path: Path) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
    except OSError as error:
        raise known_os_error(error, path) from error


def _read_owner(descriptor: int) -> int | None:
    """The owner's process id; None in the instant before the owner has written it."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    text = os.read(descriptor, 32).strip()
    return int(text) if text.isdigit() else None


def _taken(owner: int | None, subject: Path) -> KnownError:
    if owner == os.getpid():
        what, remedy = f"this Chromask (process {owner}) has the catalog open already", "Close it there first."
    else:
        who = "another Chromask" if owner is None else f"another Chromask (process {owner})"
        what, remedy = f"{who} has the catalog open", "Go on in that one, or close it and try again."
    return KnownError(what, remedy=remedy, path=subject, retryable=True)
