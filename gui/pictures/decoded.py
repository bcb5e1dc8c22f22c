"""The decoded photographs of the shown result, each in memory once however many instruments look at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
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
        self._kept: dict[Path, Path | None] = {}  # with what a retoucher painted over it
        self._held: dict[Path, Picture] = {}
        self._reading: dict[Path, Lock] = {}

    def keep(self, paths: Iterable[Path], retouches: Mapping[Path, Path] | None = None) -> None:
        """Hold only these files from now on; whoever still asks for another is refused.

        Parameters
        ----------
        retouches : mapping of Path to Path, optional
            What a retoucher painted over a file's picture: it is laid over it as it is read.
        """
        retouches = retouches or {}
        with self._lock:
            kept = {path: retouches.get(path) for path in paths}
            gone = {path for path, retouch in self._kept.items() if path not in kept or kept[path] != retouch}
            self._kept = kept
            for each in (self._held, self._reading):
                for path in gone & each.keys():
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
                held, is_kept, retouch = self._held.get(path), path in self._kept, self._kept.get(path)
            if held is not None:
                return held
            if not is_kept:
                raise Cancelled
            picture = _read(path, retouch)
            with self._lock:
                if path in self._kept and self._kept[path] == retouch:
                    self._held[path] = picture
            return picture


def _read(path: Path, retouch: Path | None) -> Picture:
    from engine.domain.files import known_os_error
    from engine.imaging.raster.decode import read_picture
    from engine.imaging.retouch import decode_retouch, laid_over

    picture = read_picture(path)
    if retouch is None:
        return picture
    try:
        data = retouch.read_bytes()
    except OSError as error:
        raise known_os_error(error, retouch) from error
    return replace(picture, pixels=laid_over(picture.pixels, decode_retouch(data, picture.extent, picture.bit_depth)))
