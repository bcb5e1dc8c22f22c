"""Crops as they are written: on the command line, and in a list for single pictures."""

from __future__ import annotations

import csv
from pathlib import Path

from engine.domain.errors import KnownError, UsageError
from engine.domain.evaluation import Crop
from engine.domain.files import known_os_error
from engine.domain.geometry import Box
from engine.imaging.raster.headers import SUPPORTED_SUFFIXES
from engine.services.datasets.originals import plain_stem

_COLUMNS = ("name", "x", "y", "w", "h")


def parse_crop(text: str, crops: Path | None = None) -> Crop:
    """Read ``x,y,w,h``, a share (``0.5`` or ``50%``), and a list of crops for single pictures.

    Parameters
    ----------
    crops : Path, optional
        CSV with the columns ``name,x,y,w,h``; the name is the picture's, with or without its suffix.

    Raises
    ------
    UsageError
        The text is no crop.
    KnownError
        The list cannot be read; names the line.
    """
    by_name = _listed(crops) if crops is not None else ()
    if "," in text:
        return Crop(box=_box(text.split(","), UsageError(f"'{text}' is no crop", remedy=_HOW)), by_name=by_name)
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise UsageError(f"'{text}' is no crop", remedy=_HOW) from None
    return Crop(share=share, by_name=by_name)


_HOW = "Give x,y,w,h in pixels, such as 420,460,133,133, or a share, such as 0.5."


def _box(words: list[str], error: KnownError) -> Box:
    try:
        left, top, width, height = (int(word) for word in words)
    except ValueError:
        raise error from None
    if min(left, top) < 0 or min(width, height) < 1:
        raise error
    return Box(left, top, left + width, top + height)


def _listed(path: Path) -> tuple[tuple[str, Box], ...]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise known_os_error(error, path) from error
    except UnicodeDecodeError as error:
        raise KnownError("this is no text in UTF-8", remedy="Save the list as CSV in UTF-8.", path=path) from error
    rows = csv.DictReader(text.splitlines())
    if tuple(rows.fieldnames or ()) != _COLUMNS:
        raise KnownError("its first line is another one", remedy=f"Write {','.join(_COLUMNS)}.", path=path)
    found: list[tuple[str, Box]] = []
    for row in rows:
        words = [row[column] or "" for column in _COLUMNS[1:]]
        broken = KnownError(
            f"line {rows.line_num} holds no crop ({','.join(words)})", remedy="Give whole pixels.", path=path
        )
        name = Path(row["name"])
        is_file = name.suffix.lower() in SUPPORTED_SUFFIXES
        found.append((plain_stem(name) if is_file else row["name"].casefold(), _box(words, broken)))
    return tuple(found)
