"""Files that are either complete under their final name or not there at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from engine.domain.errors import KnownError

TEMPORARY_PREFIX = ".chromask-"
"""Temporary names begin with this, so that a sweep knows them as Chromask's own."""


@contextmanager
def complete_file(path: Path, *, overwrite: bool = False) -> Generator[Path]:
    """Yield a temporary path in the same folder; on success fsync it and rename it to ``path``.

    The temporary file is removed when the body raises. Safe against SIGKILL: only the temporary name can be left over.

    Parameters
    ----------
    path : Path
        Final name. Its folder is created.
    overwrite : bool
        False refuses a name that exists, without a race: the final step is a hard link, which fails on a name that
        exists.

    Raises
    ------
    KnownError
        The name exists, the disk is full, the folder cannot be written to, or the name is too long.
    """
    temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}{path.suffix[:8]}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not overwrite and path.exists():
            raise FileExistsError(errno.EEXIST, "exists", str(path))
        yield temporary
        _sync(temporary)
        _publish(temporary, path, overwrite)
        _sync_folder(path.parent)
    except KnownError as error:
        error.path = path if error.path == temporary else error.path  # nobody has to know of the temporary name
        raise
    except OSError as error:
        raise known_os_error(error, path) from error
    finally:
        # Usually it is not there. Where it cannot be removed (a share that has gone), that must not hide the reason.
        with contextlib.suppress(OSError):
            temporary.unlink()


def absolute_path(path: Path) -> Path:
    """The path from the root of the disk, in the one form by which the catalog knows a file again.

    `Path.absolute` keeps ``..``, so that ``../out/a.psd`` would be another file in every folder. It is followed on the
    disk and not struck out, since the folder before it may be a link; without it, links stay as they were given.
    """
    return Path(os.path.realpath(path)) if ".." in path.parts else path.absolute()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal.

    Raises
    ------
    KnownError
        The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise known_os_error(error, path) from error


def require_writable(folder: Path) -> None:
    """Create ``folder`` and see that a file can be written in it, before hours of work are spent on its contents.

    Raises
    ------
    KnownError
        It cannot be created or written to.
    """
    probe = folder / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise known_os_error(error, folder) from error


def _publish(temporary: Path, path: Path, overwrite: bool) -> None:
    if not overwrite:
        try:
            os.link(temporary, path)
            return
        except FileExistsError:
            raise
        except OSError:
            # exFAT and some network shares have no hard links; there the check above has to do.
            if path.exists():
                raise FileExistsError(errno.EEXIST, "exists", str(path)) from None
    try:
        os.replace(temporary, path)
    except PermissionError as error:
        if not path.exists():
            raise
        # The folder can be written to: the temporary file lies in it. So it is the file that is held, which on Windows
        # every program does that has it open.
        raise KnownError(
            "another program has this file open, or it is write-protected",
            remedy="Close it there and retry.",
            path=path,
            retryable=True,
        ) from error


def _sync(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened for fsync on Windows; NTFS journals the rename
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_SENTENCES: dict[int, tuple[str, str, bool]] = {
    errno.ENOSPC: ("the disk is full", "Free some space and retry.", True),
    errno.EDQUOT: ("the disk quota is used up", "Free some space and retry.", True),
    errno.EFBIG: (
        "the file is too large for this disk",
        "Choose a disk without that limit (FAT32 ends at 4 GB).",
        False,
    ),
    errno.EROFS: ("the disk is read-only", "Choose another folder, or make this one writable, and retry.", True),
    errno.EACCES: ("permission was denied", "Ask for access to it, or choose another folder, and retry.", True),
    errno.EPERM: ("the operation is not permitted", "Ask for access to it, or choose another folder, and retry.", True),
    errno.ENAMETOOLONG: ("the name is too long for this disk", "Use a shorter file name.", False),
    errno.EEXIST: ("a file of this name exists already", "Choose another folder, or allow overwriting.", False),
    errno.ENOENT: ("the file is not there", "Check the path, or drop the folder again.", False),
    errno.EISDIR: ("this is a folder, not a file", "Choose a file name.", False),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "Choose another folder.", False),
    errno.EIO: ("the disk reports a fault", "Check the disk or the network share, then retry.", True),
}


def known_os_error(error: OSError, path: Path) -> KnownError:
    """The operator's sentence for an operating-system error on ``path``."""
    what, remedy, retryable = _SENTENCES.get(
        error.errno or 0, (f"the operating system says: {error.strerror or error}", "Check the disk, then retry.", True)
    )
    return KnownError(what, remedy=remedy, path=path, retryable=retryable)


def no_utf8(path: Path) -> KnownError:
    """The operator's sentence for a text file that another encoding was used for."""
    return KnownError("this is no text in UTF-8", remedy="Save it as UTF-8, or name another file.", path=path)
