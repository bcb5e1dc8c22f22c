"""TOML files that an operator may have written."""

from __future__ import annotations

import tomllib
from pathlib import Path

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error

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
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise known_os_error(error, path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KnownError(f"this is no valid TOML file ({error})", remedy="Correct it.", path=path) from error
