"""TOML files that an operator may have written."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import cast

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error, no_utf8

Table = dict[str, object]
"""A TOML table as it was read: nothing in it has been checked."""


def read_toml(path: Path) -> Table:
    """Read a TOML file.

    Raises
    ------
    KnownError
        The file cannot be read, or is no TOML in UTF-8; names it.
    """
    try:
        return tomllib.loads(toml_text(path))
    except OSError as error:
        raise known_os_error(error, path) from error
    except UnicodeDecodeError as error:
        raise no_utf8(path) from error
    except tomllib.TOMLDecodeError as error:
        raise KnownError(f"this is no valid TOML file ({error})", remedy="Correct it.", path=path) from error


def toml_text(path: Path) -> str:
    """The file's text, without the byte order mark that some Windows editors put first and TOML does not know."""
    return path.read_text(encoding="utf-8-sig")


def read_rows(path: Path, table: str, keys: Mapping[str, str]) -> list[Table]:
    """The ``[[table]]`` entries of a file that has no others; none where there is no such file.

    Parameters
    ----------
    keys : mapping
        Every key that an entry may have, and what it must be: ``a text``, ``true or false``, ``a whole number``,
        ``a number`` or ``a list of texts``. The first key must be there, and says which entry is meant.

    Raises
    ------
    KnownError
        The file cannot be read, is no TOML, or holds an unknown table or key, or a value of another kind.
    """
    if not path.is_file():
        return []
    content = read_toml(path)
    for key in content.keys() - {table}:
        raise KnownError(f"the table '{key}' is unknown", remedy=f"Use [[{table}]] tables.", path=path)
    rows = content.get(table, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in cast("list[object]", rows)):
        raise KnownError(f"'{table}' is not a list of tables", remedy=f"Write [[{table}]].", path=path)
    rows = cast("list[Table]", rows)
    first = next(iter(keys))
    for row in rows:
        subject = f"the {table} '{row.get(first, '?')}'"
        for key, value in row.items():
            if key not in keys:
                raise KnownError(f"{subject} has an unknown key '{key}'", remedy=f"Use: {', '.join(keys)}.", path=path)
            if not _fits(value, keys[key]):
                raise KnownError(f"'{key}' of {subject} is {value!r}", remedy=f"Give {keys[key]}.", path=path)
        if not str(row.get(first, "")).strip():
            raise KnownError(f"a {table} has no {first}", remedy=f"Give it a '{first}'.", path=path)
    return rows


def _fits(value: object, wanted: str) -> bool:
    match wanted, value:
        case ("a text", str()) | ("true or false", bool()):
            return True
        case (("a whole number" | "a number"), bool()):
            return False
        case ("a whole number", int()) | ("a number", int() | float()):
            return True
        case "a list of texts", list():
            return all(isinstance(item, str) for item in cast("list[object]", value))
        case _:
            return False


def toml_blocks(text: str, table: str) -> list[tuple[Table | None, str]]:
    """A file's text in pieces, each from one ``[[…]]`` header to the next, with the content of those of one table.

    The pieces joined are the text again: an entry can be exchanged and every comment outside it stays.
    """
    lines = StringIO(text).readlines()  # TOML's lines end with a line feed, and with nothing else that Unicode knows
    starts = [index for index, line in enumerate(lines) if line.lstrip().startswith("[[")]
    pieces: list[tuple[Table | None, str]] = []
    for begin, end in pairwise([0, *starts, len(lines)]):
        piece = "".join(lines[begin:end])
        rows = cast("list[Table]", tomllib.loads(piece).get(table, []))
        pieces.append((rows[0] if rows else None, piece))
    return pieces


def toml_value(value: object) -> str:
    """A text, number, truth value or list of them as TOML writes it; for all of these it writes what JSON does."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
