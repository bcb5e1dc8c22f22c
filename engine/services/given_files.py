"""Which files of the watch folders were taken in already; known across sessions."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from engine.domain.files import complete_file
from engine.services.appended_notes import append_notes, read_notes
from engine.services.studio_files import beside_catalog

_GIVEN_NAME = "watched.jsonl"

State = tuple[int, int]
"""Size in bytes and modification time in nanoseconds: what a file is known by."""


class GivenFiles:
    """Remembers across sessions which files were taken in, in a file that is only ever appended to. Any thread.

    Parameters
    ----------
    path : Path or None
        One JSON list ``[size, time, path]`` a line; None forgets at the end of the session.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._states = _read_given(path) if path is not None else {}

    def has(self, path: Path, state: State) -> bool:
        return self._states.get(path) == state

    def add(self, files: dict[Path, State]) -> None:
        """Note that these were taken in.

        Raises
        ------
        KnownError
            The note cannot be written.
        """
        with self._lock:
            self._states |= files
            if self._path is None or not files:
                return
            append_notes(self._path, ([*state, str(path)] for path, state in files.items()))

    def forget(self, folder: Path) -> None:
        """Forget what was taken in from a folder: watched anew, it gives everything again.

        Raises
        ------
        KnownError
            The note cannot be written.
        """
        with self._lock:
            self._states = {path: state for path, state in self._states.items() if not path.is_relative_to(folder)}
            if self._path is None or not self._path.exists():
                return
            with complete_file(self._path, overwrite=True) as temporary:
                rows = (json.dumps([*state, str(path)]) for path, state in self._states.items())
                temporary.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def _read_given(path: Path) -> dict[Path, State]:
    states: dict[Path, State] = {}
    for note in read_notes(path):
        try:
            size, modified, name = note
            states[Path(name)] = (int(size), int(modified))
        except (ValueError, TypeError):
            continue  # the picture is offered once more, which harms nobody
    return states


def given_file(catalog: Path | None) -> Path:
    """Where it is noted what was taken in: beside the catalog."""
    return beside_catalog(catalog, _GIVEN_NAME)
