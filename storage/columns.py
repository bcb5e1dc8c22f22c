"""Column types: how the domain's values lie in SQLite's five storage classes.

The tables are STRICT, so only INTEGER, REAL and TEXT occur in their declarations. NaN does not: SQLite turns it into
NULL without a word, and every figure here is NOT NULL.
"""

from __future__ import annotations

import json
import math
import os
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from sqlalchemy import Integer, Text
from sqlalchemy.types import TypeDecorator

from engine.domain.codec import from_json, to_json
from engine.domain.errors import BugError
from engine.domain.requests import Tolerance
from engine.domain.results import PaletteLine

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

Provenance = dict[str, str | float | int]
Notices = tuple[str, ...]
Member = TypeVar("Member", bound=StrEnum)


class PlainText(TypeDecorator[str]):
    """Any string. Lone surrogates (from file names that are not UTF-8) are written as escapes: SQLite refuses them."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.encode("utf-8", "backslashreplace").decode("utf-8")


class PathText(TypeDecorator[Path]):
    """A path that comes back exactly, also one whose bytes are no valid UTF-8 (old file servers have them).

    Attributes
    ----------
    RAW : str
        Marks a path that is stored as the hexadecimal digits of its bytes; one that begins so is stored that way too.
    """

    impl = Text
    cache_ok = True
    RAW = "bytes:"

    def process_bind_param(self, value: Path | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        text = str(value)
        if text.startswith(self.RAW) or (not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)):
            return self.RAW + os.fsencode(text).hex()
        return text

    def process_result_value(self, value: str | None, dialect: Dialect) -> Path | None:
        return None if value is None else self.read(value)

    @classmethod
    def read(cls, stored: str) -> Path:
        """The path that was stored as this text."""
        if stored.startswith(cls.RAW):
            return Path(os.fsdecode(bytes.fromhex(stored.removeprefix(cls.RAW))))
        return Path(stored)


def path_text(stored: str) -> str:
    """The text of a path that was stored by `PathText`, without an object for each."""
    return str(PathText.read(stored)) if stored.startswith(PathText.RAW) else stored


class UtcTime(TypeDecorator[datetime]):
    """A moment as ISO 8601 text in UTC with microseconds: its text sorts as its time does."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise BugError(f"a time without a time zone reached the catalog: {value!r}")
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class Truth(TypeDecorator[bool]):
    """0 or 1; STRICT tables know no BOOLEAN."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


class EnumText(TypeDecorator[Member], Generic[Member]):
    """The enum's value as text; a value this version does not know fails on reading instead of passing as a string."""

    impl = Text
    cache_ok = True

    def __init__(self, members: type[Member]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: Member | None, dialect: Dialect) -> str | None:
        return None if value is None else self.members(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> Member | None:
        return None if value is None else self.members(value)


class ProvenanceText(TypeDecorator[Provenance]):
    """Strings and numbers by name, as JSON; 1 and 1.0 stay apart."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Provenance | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        try:
            return json.dumps(value, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise BugError(f"provenance may hold only strings and finite numbers: {error}: {value!r}") from error

    def process_result_value(self, value: str | None, dialect: Dialect) -> Provenance | None:
        return None if value is None else json.loads(value)


class NoticesText(TypeDecorator[Notices]):
    """Sentences in order, as a JSON array."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Notices | None, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Notices | None:
        return None if value is None else tuple(json.loads(value))


class ToleranceText(TypeDecorator[Tolerance]):
    """A `Tolerance` as strict JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Tolerance | None, dialect: Dialect) -> str | None:
        return None if value is None else to_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Tolerance | None:
        return None if value is None else from_json(value, Tolerance)


class PaletteText(TypeDecorator[tuple[PaletteLine, ...]]):
    """The lines of a palette in order, as a strict JSON array."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[PaletteLine, ...] | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        for line in value:
            figures = (*(line.color or ()), *(line.reference_color or ()), line.share, line.reference_share)
            if not all(math.isfinite(figure) for figure in (*figures, line.delta_E or 0.0)):
                raise BugError(f"a palette line is not finite: {line}")
        return to_json(value, tuple[PaletteLine, ...])

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[PaletteLine, ...] | None:
        return None if value is None else from_json(value, tuple[PaletteLine, ...])
