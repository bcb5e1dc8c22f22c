"""The decoded photographs of the shown result, each in memory once however many instruments look at it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from engine.domain.errors import Cancelled

if TYPE_CHECKING:
    from engine.domain.picture import Picture


class DecodedPictures:
    """Decodes a file when it is first asked for, and forgets it when another result is shown. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: frozenset[Path] = frozenset()
        self._held: dict[Path, Picture] = {}
        self._reading: dict[Path, Lock] = {}

    def keep(self, paths: Iterable[Path]) -> None:
        """Hold only these files from now on; whoever still asks for another is refused."""
        with self._lock:
            self._kept = frozenset(paths)
            for each in (self._held, self._reading):
                for path in each.keys() - self._kept:
                    del each[path]

    def read(self, path: Path) -> Picture:
        """A file's picture at full size and depth; two threads that ask for the same wait for one decode.

        Raises
        ------
        Cancelled
            The file belongs to no picture that is looked at any more.
        KnownError
            As `engine.imaging.raster.decode.read_picture`.
        """
        with self._lock:
            if path not in self._kept:
                raise Cancelled
            turn = self._reading.setdefault(path, Lock())
        with turn:
            with self._lock:
                held, is_kept = self._held.get(path), path in self._kept
            if held is not None:
                return held
            if not is_kept:
                raise Cancelled
            from engine.imaging.raster.decode import read_picture

            picture = read_picture(path)
            with self._lock:
                if path in self._kept:
                    self._held[path] = picture
            return picture
