"""One Chromask per catalog."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from engine.domain.errors import KnownError
from engine.domain.locks import Owner, exclusive_lock


def single_instance(path: Path, subject: Path) -> AbstractContextManager[None]:
    """Hold the exclusive lock on ``path`` until the context ends.

    Parameters
    ----------
    path : Path
        The lock file.
    subject : Path
        What is locked, for the error sentence.

    Raises
    ------
    KnownError
        Another process, or this one, holds it (the message names the process id), or the disk refuses.
    """
    return exclusive_lock(path, lambda owner: _taken(owner, subject))


def _taken(owner: Owner, subject: Path) -> KnownError:
    if owner == Owner.this():
        what, remedy = f"this Chromask ({owner}) has the catalog open already", "Close it there first."
    else:
        who = f"another Chromask ({owner})" if owner.pid else "another Chromask"
        what, remedy = f"{who} has the catalog open", "Go on in that one, or close it and try again."
    return KnownError(what, remedy=remedy, path=subject, retryable=True)
