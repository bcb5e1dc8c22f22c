"""Notes that are only ever appended to: a JSON list a line, which a power cut may leave without its last end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from engine.domain.files import known_os_error


def read_notes(path: Path) -> list[list[Any]]:
    """All that were noted, in order; lines that were cut off are left out, and none are there without a file.

    Raises
    ------
    KnownError
        The file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise known_os_error(error, path) from error
    notes: list[list[Any]] = []
    for line in lines:
        try:
            note: object = json.loads(line)
        except ValueError:
            continue
        if isinstance(note, list):
            notes.append(cast("list[Any]", note))
    return notes


def append_notes(path: Path, notes: Iterable[Sequence[object]]) -> None:
    """Add lines, and the file and its folder where they are not there. A line that was cut off takes none with it.

    Raises
    ------
    KnownError
        The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            start = "\n" if file.read(1) not in (b"", b"\n") else ""
            file.write((start + "".join(f"{json.dumps(list(note))}\n" for note in notes)).encode())
    except OSError as error:
        raise known_os_error(error, path) from error
