"""The originals that a set is made from: picture files in folders, which go by their names."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from engine.domain.datasets import Finding, Severity
from engine.domain.errors import KnownError, printable_path

_MASK_WORDS = re.compile(r"[ _-]*(?:mask(?:label)?|target|painted|alpha)$", re.IGNORECASE)


def left_out(error: KnownError, path: Path) -> Finding:
    """That an original is not in the set, and why."""
    subject = printable_path(error.path or path)
    return Finding(Severity.WARNING, subject, f"left out: {error.what}", error.remedy)


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder, not of those below it, by name.

    Raises
    ------
    KnownError
        It is no folder.
    """
    from engine.imaging.raster.headers import SUPPORTED_SUFFIXES

    if not folder.is_dir():
        raise KnownError("there is no such folder", remedy="Check the path.", path=folder)
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUPPORTED_SUFFIXES and path.is_file())
    return sorted(path for path in found if not path.name.startswith("."))


def says_mask(path: Path) -> bool:
    """Whether a file's name ends with the word that says it is a mask."""
    return bool(_MASK_WORDS.search(path.stem))


def whole_stem(path: Path) -> str:
    """A file's name in lower case with composed accents, without its suffix."""
    return unicodedata.normalize("NFC", path.stem).casefold()


def plain_stem(path: Path) -> str:
    """A file's name in lower case, without its suffix and the word that says it is a mask."""
    return written_stem(path).casefold()


def written_stem(path: Path) -> str:
    """The same as it is written, with composed accents: a Mac's disk may hold them apart from their letters."""
    return unicodedata.normalize("NFC", _MASK_WORDS.sub("", path.stem))
