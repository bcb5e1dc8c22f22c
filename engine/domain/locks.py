"""Locks on files, which the operating system drops when their process dies, however it dies."""

from __future__ import annotations

import errno
import os
import socket
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error

if sys.platform == "win32":
    import msvcrt

    # Windows locks byte ranges, and nobody else can read a locked one: the lock lies far behind the owner's name.
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
_TRIES, _BETWEEN_S = 5, 0.02
"""Somebody who asks for a lock's state (`lock_state`) has it for an instant."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that has a lock.

    Attributes
    ----------
    pid : int
        0 in the instant before it has written its own.
    host : str
        Name of its computer: a folder on a share may be locked from another one.
    """

    pid: int
    host: str

    @classmethod
    def this(cls) -> Owner:
        return cls(os.getpid(), socket.gethostname())

    def __str__(self) -> str:
        process = f"process {self.pid}" if self.pid else "process"
        return process if self.host in ("", socket.gethostname()) else f"{process} on {self.host}"


@dataclass(frozen=True, slots=True)
class LockState:
    """How a lock stands.

    Attributes
    ----------
    holder : Owner or None
        Who has it; None: nobody.
    dead : Owner or None
        Who died with it, where nobody has had it since; None: the last one gave it back.
    """

    holder: Owner | None = None
    dead: Owner | None = None


@contextmanager
def exclusive_lock(path: Path, taken: Callable[[Owner], KnownError]) -> Generator[None]:
    """Hold the exclusive lock on ``path`` until the context ends.

    The lock belongs to the open file, not to the file's existence: nothing has to be cleaned up after a crash, and the
    file stays where it is (deleting it would let two processes lock two files of one name).

    Parameters
    ----------
    path : Path
        The lock file; it is created, and names the owner while it is held, and after the owner has died with it.
    taken : callable
        Makes the error for the owner of a lock that is taken.

    Raises
    ------
    KnownError
        Another process, or this one, holds it, or the disk refuses.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise known_os_error(error, path) from error
    try:
        if not _locked(descriptor, path, _TRIES):
            raise taken(_read_owner(descriptor) or Owner(0, ""))
        try:
            _write_owner(descriptor, path)
            yield
        finally:
            os.ftruncate(descriptor, 0)  # so that nobody takes its owner for one that died
            _unlock(descriptor)
    finally:
        os.close(descriptor)


def lock_state(path: Path) -> LockState:
    """Ask who has a lock, without taking it.

    Raises
    ------
    KnownError
        The disk refuses.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return LockState()
    except OSError as error:
        raise known_os_error(error, path) from error
    try:
        if not _locked(descriptor, path, tries=1):
            return LockState(holder=_read_owner(descriptor) or Owner(0, ""))
        try:
            return LockState(dead=_read_owner(descriptor))
        finally:
            _unlock(descriptor)
    finally:
        os.close(descriptor)


def forget_dead(path: Path) -> None:
    """Forget who died with a lock: it was ended on purpose. One that is held stays as it is.

    Raises
    ------
    KnownError
        The disk refuses.
    """
    if lock_state(path).dead is not None:
        with exclusive_lock(path, lambda owner: KnownError(f"{owner} has it", remedy="Try again.", path=path)):
            pass


def _locked(descriptor: int, path: Path, tries: int) -> bool:
    """Take the lock, or False where another has it."""
    for left in reversed(range(tries)):
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise known_os_error(error, path) from error
            if left:
                time.sleep(_BETWEEN_S)
        else:
            return True
    return False


def _write_owner(descriptor: int, path: Path) -> None:
    owner = Owner.this()
    try:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, f"{owner.pid} {owner.host}\n".encode())
    except OSError as error:
        raise known_os_error(error, path) from error


def _read_owner(descriptor: int) -> Owner | None:
    """None where nobody is named, as in the instant before an owner has written its name."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    pid, _, host = os.read(descriptor, 300).decode(errors="replace").strip().partition(" ")
    return Owner(int(pid), host) if pid.isdigit() else None
