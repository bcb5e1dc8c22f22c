"""The two kinds of error Chromask tells apart."""

from __future__ import annotations

from pathlib import Path


class KnownError(Exception):
    """Something outside Chromask is not as it must be: a file, a disk, a model folder, an option.

    Parameters
    ----------
    what : str
        One clause that says what happened, without the file's name and without a full stop.
    remedy : str
        One sentence that says what the operator does next.
    path : Path, optional
        The file or folder concerned.
    retryable : bool
        Whether the same job may succeed later without anybody changing the picture (a full disk, a lost worker).
    """

    def __init__(self, what: str, *, remedy: str, path: Path | None = None, retryable: bool = False) -> None:
        self.what = what
        self.remedy = remedy
        self.path = path
        self.retryable = retryable
        super().__init__(what)

    def __str__(self) -> str:
        subject = f"{printable_path(self.path)}: " if self.path is not None else ""
        return f"{subject}{self.what}. {self.remedy}"


class UsageError(KnownError):
    """The command line or a setting asks for something that does not exist; exit code 2."""


class Cancelled(Exception):
    """The operator cancelled the job; not an error."""


class BugError(Exception):
    """Chromask itself is wrong: an invariant of its own code does not hold."""


def printable_path(path: Path) -> str:
    """The path on one line: control characters are escaped, over-long names are shortened in the middle."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in path.as_posix())
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= 240 else f"{text[:120]}…{text[-110:]}"
