"""The pictures of one result, and how they stand side by side."""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """What can be seen of a result."""

    FLATLAY = "flatlay"
    ORIGINAL = "original"
    RESULT = "result"
    MASK = "mask"
    DOUBT = "doubt"
    """Where a mask that was made several times came out differently."""


class Arrangement(StrEnum):
    """Which pictures stand side by side."""

    THREE = "three"
    TWO = "two"
    ONE = "one"
