"""Which files were taken back, in which state, and what became of them; known across sessions."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from engine.services.appended_notes import append_notes, read_notes
from engine.services.given_files import State
from engine.services.studio_files import beside_catalog

_NAME = "returned.jsonl"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A file as it was when it was taken back last.

    Attributes
    ----------
    sha256 : str
    state : State
        Size and time by which it is known to be the same without being read.
    jobs : frozenset of int
        Every job that was ever queued from this path.
    """

    sha256: str
    state: State
    jobs: frozenset[int]


class ReturnedFiles:
    """Remembers which files were taken back, in a file that is only ever appended to. Any thread.

    What a retoucher saves again and again in one place replaces what was taken from there before; the same document in
    another place is somebody else's.

    Parameters
    ----------
    path : Path or None
        One JSON list ``[sha256, size, time, jobs, path]`` a line; None forgets at the end of the session.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._files = _read(path) if path is not None else {}

    def of(self, path: Path) -> TakenBack | None:
        """What was taken back from there; None for a file that never was."""
        return self._files.get(path)

    def add(self, path: Path, sha256: str, state: State, jobs: list[int]) -> None:
        """Note that a file was taken back.

        Raises
        ------
        KnownError
            The note cannot be written.
        """
        with self._lock:
            self._files[path] = _joined(self._files.get(path), sha256, state, jobs)
            if self._path is not None:
                append_notes(self._path, [[sha256, *state, jobs, str(path)]])

    def look_anew(self, path: Path) -> None:
        """Have a file looked at once more though it is as it was; what was queued from there stays known.

        Raises
        ------
        KnownError
            As `add`.
        """
        if path in self._files:
            self.add(path, "", (0, 0), [])


def returned_list(catalog: Path | None) -> Path:
    """Where it is noted what was taken back: beside the catalog."""
    return beside_catalog(catalog, _NAME)


def _joined(earlier: TakenBack | None, sha256: str, state: State, jobs: list[int]) -> TakenBack:
    return TakenBack(sha256, state, (earlier.jobs if earlier is not None else frozenset[int]()) | frozenset(jobs))


def _read(path: Path) -> dict[Path, TakenBack]:
    files: dict[Path, TakenBack] = {}
    for note in read_notes(path):
        try:
            sha256, size, modified, jobs, name = note
            numbers: list[int] = [int(job) for job in jobs]
            place = Path(name)
            files[place] = _joined(files.get(place), str(sha256), (int(size), int(modified)), numbers)
        except (ValueError, TypeError):
            continue  # the file is looked at once more, which harms nobody
    return files
